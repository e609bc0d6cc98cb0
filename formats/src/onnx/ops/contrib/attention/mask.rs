//! Masks of padding in all their forms, as one summand of the scores.

use tensorwright::{DType, Tensor};

use crate::onnx::call::{Call, sizes};
use crate::onnx::error::Reason;

/// What a mask is about: so many examples, queries and keys, of which some were before the queries.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    pub(super) batch: usize,
    pub(super) queries: usize,
    pub(super) keys: usize,
    pub(super) past: usize,
}

/// The mask at one input and the bias at another one as a summand `[batch or 1, heads or 1, queries or 1, keys]`.
pub(super) fn summand(
    call: &Call<'_>,
    (mask, bias): (usize, usize),
    extent: Extent,
    dtype: DType,
) -> Result<Option<Tensor>, Reason> {
    let hidden = match call.maybe(mask)? {
        Some(mask) => hidden(mask, extent)?,
        None => None,
    };
    let filter = call.float("mask_filter_value", -10_000.0)?;
    let hidden = hidden.map(|hidden| hidden.select(filter, Tensor::zeros((), dtype)));
    Ok(match (hidden, call.maybe(bias)?) {
        (Some(hidden), Some(bias)) => Some(hidden + bias),
        (hidden, bias) => hidden.or_else(|| bias.cloned()),
    })
}

/// Which keys are padding; `None` if none is.
fn hidden(mask: &Tensor, extent: Extent) -> Result<Option<Tensor>, Reason> {
    let Extent { batch, queries, keys, past } = extent;
    let own = sizes(mask)?;
    let refuse =
        || Reason::other(format!("a mask {own:?} of {batch} examples, {queries} queries, {keys} keys"));
    Ok(Some(match own[..] {
        [ends] if ends == batch || ends == 3 * batch + 2 => behind(&mask.i(..batch), keys),
        [both] if both == 2 * batch => {
            let start = mask.i(batch..).cast(DType::I64).reshape([-1, 1, 1, 1]);
            behind(&mask.i(..batch), keys) | Tensor::arange(keys, DType::I64).lt(start)
        }
        // One column says nothing.
        [rows, 1] if rows == batch && keys != 1 => return Ok(None),
        [rows, columns] if rows == batch && columns == keys => mask.le(0).reshape([batch, 1, 1, keys]),
        [rows, along, columns] if rows == batch && along == queries && columns == keys => {
            mask.le(0).reshape([batch, 1, queries, keys])
        }
        [rows, 1, most, columns] if rows == batch && most >= past + queries && columns >= keys => {
            mask.i((.., .., past..past + queries, ..keys)).le(0)
        }
        _ => return Err(refuse()),
    }))
}

/// Which of so many keys are not before the ends of their sequences.
fn behind(ends: &Tensor, keys: usize) -> Tensor {
    Tensor::arange(keys, DType::I64).ge(ends.cast(DType::I64).reshape([-1, 1, 1, 1]))
}
