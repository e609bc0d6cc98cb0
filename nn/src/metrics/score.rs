//! F scores: the harmonic mean of precision and recall, of each class.

use serde::{Deserialize, Serialize};
use tensorwright::{DType, Error, Result, Tensor, TensorType, keep};

use super::{MetricRule, MetricSum};
use crate::config::with_fields;
use crate::losses::EPSILON;

/// How the scores of classes become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Average {
    /// One score of all classes together.
    Micro,
    /// The mean of the scores.
    Macro,
    /// The mean of the scores, weighted by how often classes are true.
    Weighted,
}

with_fields! {
    /// `(1 + beta^2) precision recall / (beta^2 precision + recall)`.
    FBetaScore {
        /// How the scores of classes become one; if nothing is said, each class has its own.
        average: Option<Average> = None,
        /// How much more recall counts than precision.
        beta: f64 = 1.0,
        /// What is above is positive; if nothing is said, the greatest prediction of a sample is.
        threshold: Option<f64> = None,
    }
    /// The harmonic mean of precision and recall.
    F1Score {
        /// How the scores of classes become one; if nothing is said, each class has its own.
        average: Option<Average> = None,
        /// What is above is positive; if nothing is said, the greatest prediction of a sample is.
        threshold: Option<f64> = None,
    }
}

impl MetricRule for FBetaScore {
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        if self.beta <= 0.0 {
            return Err(Error::other(format!("`beta` is above 0, not {}", self.beta)));
        }
        let names = ["true_positives", "false_positives", "false_negatives", "intermediate_weights"];
        if self.average == Some(Average::Micro) {
            return Ok(names.map(|name| MetricSum::of(name, [0; 0])).into());
        }
        let classes = prediction.filter(|ty| ty.rank() == 2).map(|ty| ty.shape.size(1));
        let classes = classes.ok_or_else(|| {
            let found = prediction.map_or("none yet".to_owned(), ToString::to_string);
            Error::other(format!("an F score takes predictions [samples, classes], found {found}"))
        })?;
        Ok(names.map(|name| MetricSum::of(name, [classes])).into())
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (truth, prediction) = (truth.cast(DType::F32), prediction.cast(DType::F32));
        let positive = match self.threshold {
            Some(threshold) => prediction.gt(threshold),
            None => prediction.ge(prediction.max(keep(-1))).and(prediction.abs().gt(1e-9)),
        };
        let positive = positive.cast(DType::F32);
        let weights = weights.map(|weights| weights.cast(DType::F32).expand_dims(1));
        let added = |sum: &Tensor, x: Tensor| {
            let x = weights.as_ref().map_or(x.clone(), |weights| x * weights);
            (sum + if self.average == Some(Average::Micro) { x.sum(..) } else { x.sum(0) }).ok()
        };
        Ok(vec![
            added(&sums[0], &positive * &truth)?,
            added(&sums[1], &positive * (1.0 - &truth))?,
            added(&sums[2], (1.0 - &positive) * &truth)?,
            added(&sums[3], truth)?,
        ])
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        let square = self.beta * self.beta;
        let precision = &sums[0] / (&sums[0] + &sums[1] + EPSILON);
        let recall = &sums[0] / (&sums[0] + &sums[2] + EPSILON);
        let scores = &precision * &recall / (precision * square + recall + EPSILON) * (1.0 + square);
        match self.average {
            None => scores,
            Some(Average::Weighted) => (scores * &sums[3] / (sums[3].sum(..) + EPSILON)).sum(..),
            Some(Average::Micro | Average::Macro) => scores.mean(..),
        }
        .ok()
    }
}

impl F1Score {
    fn score(&self) -> FBetaScore {
        FBetaScore { average: self.average, beta: 1.0, threshold: self.threshold }
    }
}

impl MetricRule for F1Score {
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        self.score().sums(prediction)
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        self.score().update(sums, truth, prediction, weights)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        self.score().result(sums)
    }
}
