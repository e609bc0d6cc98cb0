//! Losses.

use tensorwright::{DType, Tensor};

use super::Apply;
use crate::onnx::call::{Call, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("NegativeLogLikelihoodLoss", |call| Ok(vec![likelihood(call, call.tensor(0)?)?.into()])),
    ("SoftmaxCrossEntropyLoss", |call| {
        let log = call.tensor(0)?.log_softmax(1);
        Ok(vec![Value::from(likelihood(call, &log)?), log.into()])
    }),
];

/// What the targets' classes have, with their weights.
fn likelihood(call: &Call<'_>, log: &Tensor) -> Result<Tensor, Reason> {
    let target = call.tensor(1)?.cast(DType::I64);
    let classes = *sizes(log)?.get(1).ok_or_else(|| Reason::other("there are no classes"))?;
    let ignored = call.maybe_int("ignore_index")?;
    let counts = ignored.map(|ignored| target.ne(ignored));
    let inside = match &counts {
        Some(counts) => counts.select(&target, 0),
        None => target.clone(),
    };
    let inside = inside.clamp(0, classes.max(1) as i64 - 1);
    let found = -log.take_along_axis(inside.expand_dims(1), 1).squeeze([1usize]);
    let weights = call.maybe(2)?.map(|weights| weights.take(&inside, 0));
    let weights = match (weights, counts) {
        (Some(weights), Some(counts)) => Some(counts.select(weights, 0)),
        (None, Some(counts)) => Some(counts.cast(log.dtype()?)),
        (weights, None) => weights,
    };
    let each = weights.as_ref().map_or_else(|| found.clone(), |weights| &found * weights);
    match call.word("reduction", "mean")? {
        "none" => Ok(each),
        "sum" => Ok(each.sum(..)),
        "mean" => Ok(match weights {
            Some(weights) => each.sum(..) / weights.sum(..),
            None => each.mean(..),
        }),
        other => Err(call.unknown_word("reduction", other)),
    }
}
