//! The matrix of true and predicted classes.

use serde::{Deserialize, Serialize};
use tensorwright::{Result, Tensor, TensorType};

use super::{IoU, MetricRule, MetricSum};

/// How often each class is predicted where each is true: `i64[true, predicted]`. Weights are whole numbers. No metric of Keras.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfusionMatrix {
    /// How many classes there are.
    pub num_classes: usize,
    /// Whether truths are numbers of classes, not vectors.
    #[serde(default)]
    pub sparse_y_true: bool,
    /// Whether predictions are numbers of classes, not vectors.
    #[serde(default)]
    pub sparse_y_pred: bool,
}

impl ConfusionMatrix {
    /// The matrix of truths that are numbers of classes, and predictions with a number for each class.
    pub fn new(num_classes: usize) -> ConfusionMatrix {
        ConfusionMatrix { num_classes, sparse_y_true: true, sparse_y_pred: false }
    }

    fn iou(&self) -> IoU {
        IoU {
            sparse_y_true: self.sparse_y_true,
            sparse_y_pred: self.sparse_y_pred,
            ..IoU::new(self.num_classes, &[])
        }
    }
}

impl MetricRule for ConfusionMatrix {
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        self.iou().sums(prediction)
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        self.iou().update(sums, truth, prediction, weights)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        sums[0].clone().ok()
    }
}
