//! Metrics of numbers.

use serde::{Deserialize, Serialize};
use tensorwright::{DType, Error, Result, Tensor, TensorType, keep};

use super::mean::{mean_of, mean_result, mean_sums, means};
use super::{MetricRule, MetricSum};
use crate::config::{Along, with_fields, without_fields};
use crate::losses::{EPSILON, cosine, paired};

without_fields! {
    /// The root of the mean of `(truth - prediction)^2`.
    RootMeanSquaredError;
}

with_fields! {
    /// The mean cosine of the angles between truths and predictions.
    MeanCosine {
        /// The axes of the vectors.
        axis: Along = Along::LAST,
    }
    /// The mean of Pearson's correlation of truths and predictions.
    PearsonCorrelation {
        /// The axes of the vectors.
        axis: Along = Along::LAST,
    }
    /// The mean of Lin's concordance of truths and predictions.
    ConcordanceCorrelation {
        /// The axes of the vectors.
        axis: Along = Along::LAST,
    }
    /// How much of the variance of truths `[samples, outputs]` is predicted.
    R2Score {
        /// How the scores of outputs become one; with `null` each has its own.
        class_aggregation: Option<R2Aggregation> = Some(R2Aggregation::UniformAverage),
        /// How many numbers the predictions come from, for the adjusted score; 0 for the plain one.
        num_regressors: usize = 0,
    }
}

/// How the scores of outputs become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum R2Aggregation {
    /// Their mean.
    UniformAverage,
    /// Their mean, weighted by the variances of the truths.
    VarianceWeightedAverage,
}

means! {
    MeanCosine = |rule, truth, prediction| cosine(truth, prediction, &rule.axis);
    PearsonCorrelation = |rule, truth, prediction| {
        let (truth, prediction) = paired(truth, prediction)?;
        let axes = rule.axis.axes(truth.rank()?);
        let standard = |x: &Tensor| (x - x.mean(keep(&axes))) / x.std(keep(&axes), 0);
        Ok((standard(&truth) * standard(&prediction)).mean(&axes))
    };
    ConcordanceCorrelation = |rule, truth, prediction| {
        let (truth, prediction) = paired(truth, prediction)?;
        let axes = rule.axis.axes(truth.rank()?);
        let (of_truth, of_prediction) = (truth.mean(keep(&axes)), prediction.mean(keep(&axes)));
        let variances = truth.var(keep(&axes), 0) + prediction.var(keep(&axes), 0);
        let covariance = (truth - &of_prediction) * (prediction - &of_prediction);
        let scale = variances + (of_truth - of_prediction).square() + EPSILON;
        Ok((covariance * 2.0 / scale).mean(&axes))
    };
}

impl MetricRule for RootMeanSquaredError {
    fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        Ok(mean_sums())
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (truth, prediction) = paired(truth, prediction)?;
        mean_of(sums, &(prediction - truth).square(), weights)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        mean_result(sums)?.sqrt().ok()
    }
}

impl MetricRule for R2Score {
    fn sums(&self, prediction: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        let outputs = prediction.filter(|ty| ty.rank() == 2).map(|ty| ty.shape.size(1));
        let outputs = outputs.ok_or_else(|| {
            let found = prediction.map_or("none yet".to_owned(), ToString::to_string);
            Error::other(format!("an R2 score takes predictions [samples, outputs], found {found}"))
        })?;
        let by_output =
            ["squared_sum", "sum", "residual", "count"].map(|name| MetricSum::of(name, [outputs]));
        Ok([MetricSum::of("num_samples", [0; 0])].into_iter().chain(by_output).collect())
    }

    fn update(
        &self,
        sums: &[Tensor],
        truth: &Tensor,
        prediction: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (truth, prediction) = paired(&truth.cast(DType::F32), &prediction.cast(DType::F32))?;
        let weights = match weights {
            None => truth.ones_like(),
            Some(weights) => {
                let weights = weights.cast(DType::F32);
                let weights = if weights.rank()? == 1 { weights.expand_dims(1) } else { weights };
                weights.broadcast_to(truth.shape()?)
            }
        };
        let weighted = &truth * &weights;
        let added = |at: usize, x: Tensor| (&sums[at] + x.sum(0)).ok();
        Ok(vec![
            (&sums[0] + truth.elements()? as f64).ok()?,
            added(1, &truth * &weighted)?,
            added(2, weighted)?,
            added(3, (&truth - prediction).square() * &weights)?,
            added(4, weights)?,
        ])
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        let total = &sums[1] - sums[2].square() / &sums[4];
        let scores = 1.0 - &sums[3] / &total;
        let scores = scores.is_inf().select(scores.zeros_like(), &scores);
        let score = match self.class_aggregation {
            None => scores,
            Some(R2Aggregation::UniformAverage) => scores.mean(..),
            Some(R2Aggregation::VarianceWeightedAverage) => (&total * scores).sum(..) / total.sum(..),
        };
        self.adjusted(score, &sums[0]).ok()
    }
}

impl R2Score {
    /// The score for so many numbers that the predictions come from, where there are more samples than that.
    fn adjusted(&self, score: Tensor, samples: &Tensor) -> Tensor {
        if self.num_regressors == 0 {
            return score;
        }
        let free = samples - self.num_regressors as f64 - 1.0;
        let adjusted = 1.0 - (1.0 - &score) * (samples - 1.0) / &free;
        free.gt(0).select(adjusted, score)
    }
}
