//! Losses of numbers and of distributions.

use std::f64::consts::LN_2;

use tensorwright::{Result, Tensor, keep};

use super::{EPSILON, LossFunction, LossValues, paired};
use crate::config::{Along, with_fields, without_fields};

without_fields! {
    /// The mean of `(truth - prediction)^2` along the last axis.
    MeanSquaredError;
    /// The mean of `|truth - prediction|` along the last axis.
    MeanAbsoluteError;
    /// The mean of `100 |truth - prediction| / |truth|` along the last axis.
    MeanAbsolutePercentageError;
    /// The mean of `(log(1 + truth) - log(1 + prediction))^2` along the last axis.
    MeanSquaredLogarithmicError;
    /// The mean of `log(cosh(prediction - truth))` along the last axis.
    LogCosh;
    /// The sum of `truth * log(truth / prediction)` along the last axis.
    KlDivergence;
    /// The mean of `prediction - truth * log(prediction)` along the last axis.
    Poisson;
}

with_fields! {
    /// The mean of the squared error up to `delta`, and on with that slope from there, along the last axis.
    Huber {
        /// Where the slope stops growing.
        delta: f64 = 1.0,
    }
    /// Minus the cosine of the angle between truth and prediction.
    CosineSimilarity {
        /// The axes of the vectors.
        axis: Along = Along::LAST,
    }
}

impl LossFunction for MeanSquaredError {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        Ok((truth - prediction).square().mean(-1).into())
    }
}

impl LossFunction for MeanAbsoluteError {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        Ok((truth - prediction).abs().mean(-1).into())
    }
}

impl LossFunction for MeanAbsolutePercentageError {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let relative = (&truth - prediction) / truth.abs().maximum(EPSILON);
        Ok((relative.abs().mean(-1) * 100.0).into())
    }
}

impl LossFunction for MeanSquaredLogarithmicError {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let logarithm = |x: Tensor| (x.maximum(EPSILON) + 1.0).log();
        Ok((logarithm(prediction) - logarithm(truth)).square().mean(-1).into())
    }
}

impl LossFunction for LogCosh {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let error = prediction - truth;
        Ok((&error + (&error * -2.0).softplus() - LN_2).mean(-1).into())
    }
}

impl LossFunction for KlDivergence {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let (truth, prediction) = (truth.clamp(EPSILON, 1.0), prediction.clamp(EPSILON, 1.0));
        Ok((&truth * (&truth / prediction).log()).sum(-1).into())
    }
}

impl LossFunction for Poisson {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        Ok((&prediction - truth * (&prediction + EPSILON).log()).mean(-1).into())
    }
}

impl LossFunction for Huber {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let (error, delta) = (prediction - truth, self.delta);
        let size = error.abs();
        let beyond = &size * delta - 0.5 * delta * delta;
        Ok(size.le(delta).select(error.square() * 0.5, beyond).mean(-1).into())
    }
}

impl LossFunction for CosineSimilarity {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        Ok((-cosine(truth, prediction, &self.axis)?).into())
    }
}

/// The cosine of the angle between vectors along axes.
pub(crate) fn cosine(truth: &Tensor, prediction: &Tensor, along: &Along) -> Result<Tensor> {
    let (truth, prediction) = paired(truth, prediction)?;
    let axes = along.axes(truth.rank()?);
    let unit = |x: &Tensor| x * x.square().sum(keep(&axes)).maximum(1e-12).rsqrt();
    (unit(&truth) * unit(&prediction)).sum(&axes).ok()
}
