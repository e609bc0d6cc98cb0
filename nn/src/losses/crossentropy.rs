//! Cross entropies, of probabilities or of logits. Probabilities are taken for at least [`EPSILON`] and at most 1 minus that.

use serde::{Deserialize, Serialize};
use tensorwright::{DType, LossReduction, Result, Tensor, keep};

use super::{EPSILON, LossFunction, LossValues, paired};
use crate::config::{Along, with_fields};

with_fields! {
    /// The mean of `-truth log(p) - (1 - truth) log(1 - p)`.
    BinaryCrossentropy {
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How much labels are drawn towards 0.5.
        label_smoothing: f64 = 0.0,
        /// The axes of the mean.
        axis: Along = Along::LAST,
    }
    /// The binary cross entropy times `(1 - p of the true class)^gamma` (Lin et al. 2018).
    BinaryFocalCrossentropy {
        /// Whether positive classes weigh `alpha` and negative ones `1 - alpha`.
        apply_class_balancing: bool = false,
        /// The weight of positive classes.
        alpha: f64 = 0.25,
        /// How much what is predicted well counts less.
        gamma: f64 = 2.0,
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How much labels are drawn towards 0.5.
        label_smoothing: f64 = 0.0,
        /// The axes of the mean.
        axis: Along = Along::LAST,
    }
    /// `-sum(truth * log(p))`, with one probability for each class; they are divided by their sum.
    CategoricalCrossentropy {
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How much labels are drawn towards an even distribution.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: i64 = -1,
    }
    /// The categorical cross entropy, each term times `alpha * (1 - p)^gamma` (Lin et al. 2018).
    CategoricalFocalCrossentropy {
        /// The weight of all classes, or that of each.
        alpha: ClassWeights = ClassWeights::One(0.25),
        /// How much what is predicted well counts less.
        gamma: f64 = 2.0,
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// How much labels are drawn towards an even distribution.
        label_smoothing: f64 = 0.0,
        /// The axis of the classes.
        axis: i64 = -1,
    }
    /// The categorical cross entropy of labels that are numbers of classes: `[..], [.., classes]`.
    SparseCategoricalCrossentropy {
        /// Whether predictions are logits instead of probabilities.
        from_logits: bool = false,
        /// Samples of this label do not count.
        ignore_class: Option<i64> = None,
        /// The axis of the classes.
        axis: i64 = -1,
    }
    /// `(1 - p^q) / q` of the true class, whose number the label is (Zhang and Sabuncu 2018).
    CategoricalGeneralizedCrossEntropy {
        /// Between the absolute error, 1, and the cross entropy, 0.
        q: f64 = 0.5,
    }
}

/// How much classes weigh: all the same, or each its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClassWeights {
    /// All the same.
    One(f64),
    /// Each its own, along the last axis.
    Several(Vec<f64>),
}

impl From<f64> for ClassWeights {
    fn from(weight: f64) -> ClassWeights {
        ClassWeights::One(weight)
    }
}

impl From<Vec<f64>> for ClassWeights {
    fn from(weights: Vec<f64>) -> ClassWeights {
        ClassWeights::Several(weights)
    }
}

impl ClassWeights {
    /// `x` times the weights.
    fn times(&self, x: Tensor) -> Result<Tensor> {
        match self {
            ClassWeights::One(weight) => Ok(x * *weight),
            ClassWeights::Several(weights) => {
                Ok(&x * Tensor::from_slice(weights, [weights.len()]).cast(x.dtype()?))
            }
        }
    }
}

fn probability(x: &Tensor) -> Tensor {
    x.clamp(EPSILON, 1.0 - EPSILON)
}

/// Labels of two classes, drawn towards 0.5.
fn smoothed_pair(truth: Tensor, smoothing: f64) -> Tensor {
    if smoothing == 0.0 { truth } else { truth * (1.0 - smoothing) + 0.5 * smoothing }
}

/// Labels of many classes, drawn towards an even distribution.
fn smoothed(truth: Tensor, smoothing: f64) -> Result<Tensor> {
    if smoothing == 0.0 {
        return truth.ok();
    }
    let classes = truth.extent(-1)? as f64;
    (truth * (1.0 - smoothing) + smoothing / classes).ok()
}

/// The binary cross entropy, element by element.
fn binary(truth: &Tensor, probabilities: &Tensor) -> Tensor {
    let p = probability(probabilities);
    -(truth * p.log() + (1.0 - truth) * (1.0 - p).log())
}

impl LossFunction for BinaryCrossentropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let truth = smoothed_pair(truth, self.label_smoothing);
        let values = if self.from_logits {
            prediction.sigmoid_cross_entropy(&truth, LossReduction::None)
        } else {
            binary(&truth, &prediction)
        };
        Ok(values.mean(self.axis.axes(values.rank()?)).into())
    }
}

impl LossFunction for BinaryFocalCrossentropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let truth = smoothed_pair(truth, self.label_smoothing);
        let p = if self.from_logits { prediction.logistic() } else { prediction };
        let of_true_class = &truth * &p + (1.0 - &truth) * (1.0 - &p);
        let mut values = (1.0 - of_true_class).pow(self.gamma) * binary(&truth, &p);
        if self.apply_class_balancing {
            values *= &truth * self.alpha + (1.0 - &truth) * (1.0 - self.alpha);
        }
        Ok(values.mean(self.axis.axes(values.rank()?)).into())
    }
}

impl LossFunction for CategoricalCrossentropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let truth = smoothed(truth, self.label_smoothing)?;
        if self.from_logits {
            return Ok(prediction.softmax_cross_entropy(&truth, self.axis, LossReduction::None).into());
        }
        let p = probability(&(&prediction / prediction.sum(keep(self.axis))));
        Ok((-(truth * p.log()).sum(self.axis)).into())
    }
}

impl LossFunction for CategoricalFocalCrossentropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let truth = smoothed(truth, self.label_smoothing)?;
        let prediction = if self.from_logits { prediction.softmax(self.axis) } else { prediction };
        let p = probability(&(&prediction / prediction.sum(keep(self.axis))));
        let weights = self.alpha.times((1.0 - &p).pow(self.gamma))?;
        Ok((weights * -truth * p.log()).sum(self.axis).into())
    }
}

impl LossFunction for SparseCategoricalCrossentropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let truth = labels(truth, prediction, self.axis)?;
        let counts = self.ignore_class.map(|ignored| truth.ne(ignored));
        let truth = counts.as_ref().map_or(truth.clone(), |counts| counts.select(&truth, 0));
        let logits = if self.from_logits { prediction.clone() } else { probability(prediction).log() };
        let values = logits.sparse_softmax_cross_entropy(&truth, self.axis, LossReduction::None);
        Ok(match counts {
            None => values.into(),
            Some(mask) => LossValues { values: mask.select(values, 0.0), mask: Some(mask) },
        })
    }
}

/// Labels as i64, without an axis of extent 1 where the predictions have the classes.
fn labels(truth: &Tensor, prediction: &Tensor, axis: i64) -> Result<Tensor> {
    let truth = truth.cast(DType::I64);
    let has_axis = truth.rank()? == prediction.rank()? && truth.extent(axis)? == 1;
    if has_axis { truth.squeeze(axis).ok() } else { Ok(truth) }
}

impl LossFunction for CategoricalGeneralizedCrossEntropy {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let truth = labels(truth, prediction, -1)?;
        let places = truth.one_hot(prediction.extent(-1)?, -1, prediction.dtype()?);
        let p = (places * prediction).sum(-1);
        Ok(((1.0 - p.pow(self.q)) / self.q).into())
    }
}
