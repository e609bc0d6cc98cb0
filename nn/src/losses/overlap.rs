//! Losses of sets and of distances between samples.

use tensorwright::{DType, Result, Tensor};

use super::{EPSILON, LossFunction, LossValues, paired};
use crate::config::{Along, with_fields};

with_fields! {
    /// `1 - 2 |truth and prediction| / (|truth| + |prediction|)` (Sorensen and Dice).
    Dice {
        /// The axes that the sets are along.
        axis: Along = Along::All,
    }
    /// The Dice loss with a weight for each way to be wrong (Salehi et al. 2017).
    Tversky {
        /// The weight of what is true and not predicted.
        alpha: f64 = 0.5,
        /// The weight of what is predicted and not true.
        beta: f64 = 0.5,
        /// The axes that the sets are along.
        axis: Along = Along::All,
    }
    /// Vectors of one class close to each other and far from others (Sun et al. 2020): the truth is a class for each sample, the predictions are
    /// vectors of length 1.
    Circle {
        /// How steep it is.
        gamma: f64 = 80.0,
        /// How far apart classes are to be.
        margin: f64 = 0.4,
        /// Whether a sample is no neighbour of itself.
        remove_diagonal: bool = true,
    }
}

impl LossFunction for Dice {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let axes = self.axis.axes(truth.rank()?);
        let both = (&truth * &prediction).sum(&axes);
        let all = truth.sum(&axes) + prediction.sum(&axes) + EPSILON;
        Ok((1.0 - both * 2.0 / all).into())
    }
}

impl LossFunction for Tversky {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let axes = self.axis.axes(truth.rank()?);
        let both = (&truth * &prediction).sum(&axes);
        let missed = ((1.0 - &prediction) * &truth).sum(&axes);
        let invented = (&prediction * (1.0 - &truth)).sum(&axes);
        Ok((1.0 - &both / (&both + missed * self.alpha + invented * self.beta + EPSILON)).into())
    }
}

impl LossFunction for Circle {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let count = prediction.extent(0)?;
        let classes = truth.cast(DType::I32).reshape([count, 1]);
        let alike = classes.eq(classes.t());
        let near =
            if self.remove_diagonal { alike.and(!Tensor::eye(count, DType::Bool)) } else { alike.clone() };
        let distance = (1.0 - prediction.matmul(prediction.t())).maximum(0.0);
        let pull = (&distance + self.margin).maximum(0.0) * (&distance - self.margin) * self.gamma;
        let push =
            (1.0 + self.margin - &distance).maximum(0.0) * (1.0 - self.margin - &distance) * self.gamma;
        let folded = |of: &Tensor, terms: Tensor| of.select(terms, f64::NEG_INFINITY).logsumexp(1);
        let values = (folded(&near, pull) + folded(&!alike, push)).softplus();
        Ok(LossValues { mask: Some(values.gt(0)), values })
    }
}
