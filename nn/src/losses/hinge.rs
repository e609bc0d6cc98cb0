//! Losses of margins. Labels are -1 and 1; where all labels are 0 or 1, those stand for -1 and 1.

use tensorwright::{Result, Tensor};

use super::{LossFunction, LossValues, paired};
use crate::config::without_fields;

without_fields! {
    /// The mean of `max(1 - truth * prediction, 0)` along the last axis.
    Hinge;
    /// The mean of `max(1 - truth * prediction, 0)^2` along the last axis.
    SquaredHinge;
    /// `max(greatest prediction of a wrong class - prediction of the true one + 1, 0)` along the last axis.
    CategoricalHinge;
}

impl LossFunction for Hinge {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        Ok(shortfall(truth, prediction)?.mean(-1).into())
    }
}

impl LossFunction for SquaredHinge {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        Ok(shortfall(truth, prediction)?.square().mean(-1).into())
    }
}

/// How far predictions are on the wrong side of their margins.
fn shortfall(truth: &Tensor, prediction: &Tensor) -> Result<Tensor> {
    let (truth, prediction) = paired(truth, prediction)?;
    let is_binary = truth.eq(0).or(truth.eq(1)).all(..);
    let signs = is_binary.select(&truth * 2.0 - 1.0, &truth);
    (1.0 - signs * prediction).maximum(0.0).ok()
}

impl LossFunction for CategoricalHinge {
    fn values(&self, truth: &Tensor, prediction: &Tensor) -> Result<LossValues> {
        let (truth, prediction) = paired(truth, prediction)?;
        let right = (&truth * &prediction).sum(-1);
        let wrong = ((1.0 - truth) * prediction).max(-1);
        Ok((wrong - right + 1.0).maximum(0.0).into())
    }
}
