//! From values of samples, with weights and masks, to one number.

use serde::{Deserialize, Deserializer, Serialize};
use tensorwright::{DType, Result, Tensor};

/// How the values of samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The weighted sum, divided by the number of values.
    #[default]
    SumOverBatchSize,
    /// The weighted sum.
    Sum,
    /// The weighted sum, divided by the sum of the weights.
    MeanWithSampleWeight,
    /// The values as they are, weighted.
    None,
}

/// Reads Keras's names; `null` is `none`, and `mean` is `sum_over_batch_size`.
impl<'de> Deserialize<'de> for Reduction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Reduction, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        match name.as_deref() {
            Some("sum_over_batch_size" | "mean") => Ok(Reduction::SumOverBatchSize),
            Some("sum") => Ok(Reduction::Sum),
            Some("mean_with_sample_weight") => Ok(Reduction::MeanWithSampleWeight),
            None | Some("none") => Ok(Reduction::None),
            Some(other) => Err(serde::de::Error::custom(format!("there is no reduction `{other}`"))),
        }
    }
}

/// Two tensors of one rank, where one of them has a last axis of extent 1 more: the other one gets it too if it is a vector, else it goes.
pub(crate) fn same_rank(left: &Tensor, right: &Tensor) -> Result<(Tensor, Tensor)> {
    let (left, right) = (left.clone().ok()?, right.clone().ok()?);
    let (ranks, columns) = ((left.rank()?, right.rank()?), (is_column(&left)?, is_column(&right)?));
    Ok(match ranks {
        (l, r) if l == r + 1 && columns.0 && r == 1 => (left, right.expand_dims(-1)),
        (l, r) if l == r + 1 && columns.0 => (left.squeeze(-1), right),
        (l, r) if r == l + 1 && columns.1 && l == 1 => (left.expand_dims(-1), right),
        (l, r) if r == l + 1 && columns.1 => (left, right.squeeze(-1)),
        _ => (left, right),
    })
}

fn is_column(x: &Tensor) -> Result<bool> {
    Ok(x.shape()?.sizes().last() == Some(&1))
}

/// The values, weighted and reduced. A mask is a weight of 0 or 1; where values are divided by their number, those that it leaves count for all.
pub(super) fn weighted(
    values: Tensor,
    weights: Option<&Tensor>,
    mask: Option<&Tensor>,
    reduction: Reduction,
) -> Result<Tensor> {
    let spread = reduction == Reduction::SumOverBatchSize;
    let weights = masked_weights(weights, mask, values.dtype()?, spread)?;
    let values = match &weights {
        None => values,
        Some(weights) => {
            let (values, weights) = same_rank(&values, weights)?;
            values * weights
        }
    };
    reduced(values, weights.as_ref(), reduction)
}

/// Weights times the mask, in this dtype; `spread` makes the mask's mean 1.
pub(crate) fn masked_weights(
    weights: Option<&Tensor>,
    mask: Option<&Tensor>,
    dtype: DType,
    spread: bool,
) -> Result<Option<Tensor>> {
    let weights = weights.map(|weights| weights.cast(dtype));
    let Some(mask) = mask else { return Ok(weights) };
    let mut share = mask.cast(dtype);
    if spread {
        let all = mask.elements()? as f64;
        share = &share * share.sum(..).full_like(all).divide_no_nan(share.sum(..));
    }
    let Some(weights) = weights else { return Ok(Some(share)) };
    let (share, weights) = same_rank(&share, &weights)?;
    Ok(Some(weights * share))
}

fn reduced(values: Tensor, weights: Option<&Tensor>, reduction: Reduction) -> Result<Tensor> {
    let is_whole = matches!(values.shape()?.sizes()[..], [] | [0]);
    if is_whole || reduction == Reduction::None {
        return values.ok();
    }
    let sum = values.sum(..);
    let count = values.elements()?.max(1) as f64;
    match (reduction, weights) {
        (Reduction::Sum | Reduction::None, _) => sum,
        (Reduction::MeanWithSampleWeight, Some(weights)) => sum.divide_no_nan(weights.sum(..)),
        (Reduction::MeanWithSampleWeight | Reduction::SumOverBatchSize, _) => sum / count,
    }
    .ok()
}
