//! Means and sums, and metrics that are means of what is said of each sample.

use tensorwright::{DType, Result, Tensor, TensorType};

use super::{MetricRule, MetricSum};
use crate::config::without_fields;
use crate::losses::{
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, Hinge, KlDivergence, LogCosh,
    LossFunction, MeanAbsoluteError, MeanAbsolutePercentageError, MeanSquaredError,
    MeanSquaredLogarithmicError, Poisson, SparseCategoricalCrossentropy, SquaredHinge, same_rank,
};

without_fields! {
    /// The weighted mean of all values.
    Mean;
    /// The weighted sum of all values.
    Sum;
}

/// A fold along axes.
type Fold = fn(&Tensor, Vec<usize>) -> Tensor;

const MEAN: Fold = |x, axes| x.mean(axes);
const SUM: Fold = |x, axes| x.sum(axes);

/// Weighted values, one for each sample, and the weights of samples.
fn by_samples(values: &Tensor, weights: Option<&Tensor>, fold: Fold) -> Result<(Tensor, Option<Tensor>)> {
    let mut values = values.cast(DType::F32).ok()?;
    let mut of_samples = None;
    if let Some(weights) = weights {
        let (found, weights) = same_rank(&values, &weights.cast(DType::F32))?;
        let (ranks, weighted) = (found.rank()?, weights.rank()?);
        values = if ranks > weighted { fold(&found, (weighted..ranks).collect()) } else { found };
        let weights = weights.broadcast_to(values.shape()?);
        values *= &weights;
        of_samples = Some(if weighted > 1 { fold(&weights, (1..weighted).collect()) } else { weights });
    }
    let rank = values.rank()?;
    let values = if rank > 1 { fold(&values, (1..rank).collect()) } else { values };
    Ok((values.ok()?, of_samples))
}

/// What means add up.
pub(super) fn mean_sums() -> Vec<MetricSum> {
    vec![MetricSum::of("total", [0; 0]), MetricSum::of("count", [0; 0])]
}

/// The sums of a mean with the values of a batch.
pub(super) fn mean_of(sums: &[Tensor], values: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
    let (values, weights) = by_samples(values, weights, MEAN)?;
    let count = match weights {
        Some(weights) => &sums[1] + weights.sum(..),
        None => &sums[1] + values.shape()?.sizes().first().map_or(1.0, |&samples| samples as f64),
    };
    Ok(vec![(&sums[0] + values.sum(..)).ok()?, count.ok()?])
}

/// The mean, and 0 of nothing.
pub(super) fn mean_result(sums: &[Tensor]) -> Result<Tensor> {
    sums[0].divide_no_nan(&sums[1]).ok()
}

impl MetricRule for Mean {
    fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        Ok(mean_sums())
    }

    fn update(
        &self,
        sums: &[Tensor],
        _: &Tensor,
        values: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        mean_of(sums, values, weights)
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        mean_result(sums)
    }
}

impl MetricRule for Sum {
    fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
        Ok(vec![MetricSum::of("total", [0; 0])])
    }

    fn update(
        &self,
        sums: &[Tensor],
        _: &Tensor,
        values: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<Vec<Tensor>> {
        let (values, _) = by_samples(values, weights, SUM)?;
        Ok(vec![(&sums[0] + values.sum(..)).ok()?])
    }

    fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
        sums[0].clone().ok()
    }
}

/// Makes types metrics that are means of what a function says of each sample.
macro_rules! means {
    ($($ty:ty = $values:expr;)*) => {$(
        impl MetricRule for $ty {
            fn sums(&self, _: Option<&TensorType>) -> Result<Vec<MetricSum>> {
                Ok($crate::metrics::mean::mean_sums())
            }

            fn update(&self, sums: &[Tensor], truth: &Tensor, prediction: &Tensor, weights: Option<&Tensor>) -> Result<Vec<Tensor>> {
                let values: fn(&$ty, &Tensor, &Tensor) -> Result<Tensor> = $values;
                $crate::metrics::mean::mean_of(sums, &values(self, truth, prediction)?, weights)
            }

            fn result(&self, sums: &[Tensor]) -> Result<Tensor> {
                $crate::metrics::mean::mean_result(sums)
            }
        }
    )*};
}
pub(super) use means;

macro_rules! means_of_losses {
    ($($loss:ident)*) => {
        means! { $($loss = |loss, truth, prediction| Ok(loss.values(truth, prediction)?.values);)* }
    };
}
means_of_losses! {
    BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy KlDivergence Poisson Hinge SquaredHinge CategoricalHinge
    MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError LogCosh
}
