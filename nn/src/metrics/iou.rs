//! Intersection over union of classes, out of a matrix of true and predicted classes.

use serde::{Deserialize, Serialize};
use tensorwright::{DType, Error, Result, Tensor, TensorType};

use super::{MetricRule, MetricSum};
use crate::config::with_fields;
use crate::losses::EPSILON;

/// The mean of intersection over union of some classes. Weights are whole numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IoU {
    /// How many classes there are.
    pub num_classes: usize,
    /// The classes that count.
    pub target_class_ids: Vec<usize>,
    /// Samples of this class do not count.
    #[serde(default)]
    pub ignore_class: Option<i64>,
    /// Whether truths are numbers of classes, not vectors.
    #[serde(default = "yes")]
    pub sparse_y_true: bool,
    /// Whether predictions are numbers of classes, not vectors.
    #[serde(default = "yes")]
    pub sparse_y_pred: bool,
    /// The axis of the vectors.
    #[serde(default = "last")]
    pub axis: i64,
}

/// The mean of intersection over union of all classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeanIoU {
    /// How many classes there are.
    pub num_classes: usize,
    /// Samples of this class do not count.
    #[serde(default)]
    pub ignore_class: Option<i64>,
    /// Whether truths are numbers of classes, not vectors.
    #[serde(default = "yes")]
    pub sparse_y_true: bool,
    /// Whether predictions are numbers of classes, not vectors.
    #[serde(default = "yes")]
    pub sparse_y_pred: bool,
    /// The axis of the vectors.
    #[serde(default = "last")]
    pub axis: i64,
}

/// [`IoU`] of truths that are vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotIoU {
    /// How many classes there are.
    pub num_classes: usize,
    /// The classes that count.
    pub target_class_ids: Vec<usize>,
    /// Samples of this class do not count.
    #[serde(default)]
    pub ignore_class: Option<i64>,
    /// Whether predictions are numbers of classes, not vectors.
    #[serde(default)]
    pub sparse_y_pred: bool,
    /// The axis of the vectors.
    #[serde(default = "last")]
    pub axis: i64,
}

/// [`MeanIoU`] of truths that are vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneHotMeanIoU {
    /// How many classes there are.
    pub num_classes: usize,
    /// Samples of this class do not count.
    #[serde(default)]
    pub ignore_class: Option<i64>,
    /// Whether predictions are numbers of classes, not vectors.
    #[serde(default)]
    pub sparse_y_pred: bool,
    /// The axis of the vectors.
    #[serde(default = "last")]
    pub axis: i64,
}

with_fields! {
    /// [`IoU`] of two classes, predicted by numbers at and above a threshold.
    BinaryIoU {
        /// The classes that count.
        target_class_ids: Vec<usize> = vec![0, 1],
        /// What is at or above is class 1.
        threshold: f64 = 0.5,
    }
}

fn yes() -> bool {
    true
}

fn last() -> i64 {
    -1
}

impl IoU {
    /// The metric of numbers of classes.
    pub fn new(num_classes: usize, target_class_ids: &[usize]) -> IoU {
        let target_class_ids = target_class_ids.to_vec();
        IoU {
            num_classes,
            target_class_ids,
            ignore_class: None,
            sparse_y_true: true,
            sparse_y_pred: true,
            axis: -1,
        }
    }

    /// Numbers of classes, in a vector.
    fn classes(&self, x: &Tensor, sparse: bool) -> Tensor {
        let x = if sparse { x.clone() } else { x.argmax(self.axis) };
        x.cast(DType::I64).reshape([-1])
    }

    /// Whether both are classes, and the true one counts.
    fn counts(&self, truth: &Tensor, prediction: &Tensor) -> Tensor {
        let is_class = |x: &Tensor| x.ge(0).and(x.lt(self.num_classes as i64));
        let both = is_class(truth).and(is_class(prediction));
        self.ignore_class.map_or(both.clone(), |ignored| both.and(truth.ne(ignored)))
    }
}

impl MetricRule for IoU {
    fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        if let Some(class) = self.target_class_ids.iter().find(|&&class| class >= self.num_classes) {
            return Err(Error::other(format!("there is no class {class} among {}", self.num_classes)));
        }
        let ty = TensorType::new(DType::I64, [self.num_classes; 2]);
        Ok(vec![MetricSum { name: "total_confusion_matrix", ty }])
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let truth = self.classes(truth, self.sparse_y_true);
        let prediction = self.classes(prediction, self.sparse_y_pred);
        let weights = match weights {
            Some(weights) => weights.cast(DType::I64).reshape([-1]).broadcast_to(truth.shape()?),
            None => truth.ones_like(),
        };
        let counts = self.counts(&truth, &prediction);
        let place = counts.select(truth * self.num_classes as i64 + prediction, 0);
        let added = counts.select(weights, 0).segment_sum(place, self.num_classes * self.num_classes);
        Ok(vec![(&sums[0] + added.reshape([self.num_classes; 2])).ok()?])
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        let chosen: Vec<i64> = self.target_class_ids.iter().map(|&class| class as i64).collect();
        let matrix = &sums[0];
        let both = matrix.diag_part(0);
        let either = matrix.sum(0) + matrix.sum(1) - &both;
        let picked = |x: Tensor| x.take(Tensor::from(chosen.clone()), 0).cast(DType::F32);
        let (both, either) = (picked(both), picked(either));
        let is_there = either.gt(1e-9);
        let shares = is_there.select(both / (either + EPSILON), 0.0);
        (shares.sum(..) / (is_there.cast(DType::F32).sum(..) + EPSILON)).ok()
    }
}

impl BinaryIoU {
    fn iou(&self) -> IoU {
        IoU::new(2, &self.target_class_ids)
    }
}

impl MeanIoU {
    fn iou(&self) -> IoU {
        IoU {
            num_classes: self.num_classes,
            target_class_ids: (0..self.num_classes).collect(),
            ignore_class: self.ignore_class,
            sparse_y_true: self.sparse_y_true,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
        }
    }
}

impl OneHotIoU {
    fn iou(&self) -> IoU {
        IoU {
            num_classes: self.num_classes,
            target_class_ids: self.target_class_ids.clone(),
            ignore_class: self.ignore_class,
            sparse_y_true: false,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
        }
    }
}

impl OneHotMeanIoU {
    fn iou(&self) -> IoU {
        IoU {
            num_classes: self.num_classes,
            target_class_ids: (0..self.num_classes).collect(),
            ignore_class: self.ignore_class,
            sparse_y_true: false,
            sparse_y_pred: self.sparse_y_pred,
            axis: self.axis,
        }
    }
}

/// Makes types metrics that are an [`IoU`] of what a function makes of predictions.
macro_rules! ious {
    ($($ty:ty = $prediction:expr;)*) => {$(
        impl MetricRule for $ty {
            fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
                self.iou().sums(prediction)
            }

            fn update(&self, sums: &[Tensor], truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
                let prediction_of: fn(&$ty, &Tensor) -> Tensor = $prediction;
                self.iou().update(sums, truth, &prediction_of(self, prediction), weights)
            }

            fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
                self.iou().result(sums)
            }
        }
    )*};
}
ious! {
    BinaryIoU = |rule, prediction| prediction.cast(DType::F32).ge(rule.threshold);
    MeanIoU = |_, prediction| prediction.clone();
    OneHotIoU = |_, prediction| prediction.clone();
    OneHotMeanIoU = |_, prediction| prediction.clone();
}
