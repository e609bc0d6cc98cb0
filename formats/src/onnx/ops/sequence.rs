//! Sequences and optional values.

use tensorwright::{DType, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, naturals, one};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("SequenceEmpty", |_| Ok(vec![Value::Sequence(Vec::new())])),
    ("SequenceConstruct", |call| Ok(vec![Value::Sequence(call.inputs.iter().flatten().cloned().collect())])),
    ("SequenceAt", sequence_at),
    ("SequenceInsert", sequence_insert),
    ("SequenceErase", sequence_erase),
    ("SequenceLength", |call| one(Tensor::scalar(call.sequence(0)?.len() as i64))),
    ("SequenceMap", sequence_map),
    ("SplitToSequence", split_to_sequence),
    ("ConcatFromSequence", concat_from_sequence),
    ("Optional", |call| Ok(vec![Value::Optional(call.maybe_value(0).cloned().map(Box::new))])),
    ("OptionalHasElement", has_element),
    ("OptionalGetElement", get_element),
];

/// A place in a sequence of so many, counted from the end if it is negative.
fn place(call: &Call<'_>, position: usize, count: usize) -> Result<usize, Reason> {
    let at = call.number(position)?;
    axis(at, count).map_err(|_| Reason::other(format!("place {at} of a sequence of {count}")))
}

fn sequence_at(call: &Call<'_>) -> Results {
    let values = call.sequence(0)?;
    Ok(vec![values[place(call, 1, values.len())?].clone()])
}

fn sequence_insert(call: &Call<'_>) -> Results {
    let mut values = call.sequence(0)?.to_vec();
    let at = match call.maybe_value(2) {
        Some(_) if call.number(2)? == values.len() as i64 => values.len(),
        Some(_) => place(call, 2, values.len())?,
        None => values.len(),
    };
    values.insert(at, call.value(1)?.clone());
    Ok(vec![Value::Sequence(values)])
}

fn sequence_erase(call: &Call<'_>) -> Results {
    let mut values = call.sequence(0)?.to_vec();
    let at = match (call.maybe_value(1), values.len()) {
        (Some(_), count) => place(call, 1, count)?,
        (None, 0) => return Err(Reason::other("the sequence is empty")),
        (None, count) => count - 1,
    };
    values.remove(at);
    Ok(vec![Value::Sequence(values)])
}

/// The graph for each place of the sequences; other inputs are the same for all.
fn sequence_map(call: &Call<'_>) -> Results {
    let body = call.graph("body")?;
    let count = call.sequence(0)?.len();
    let mut columns = vec![Vec::with_capacity(count); body.outputs.len()];
    for at in 0..count {
        let input = |value: &Value| match value {
            Value::Sequence(values) => values.get(at).cloned(),
            other => Some(other.clone()),
        };
        let inputs = call.inputs.iter().map(|value| value.as_ref().and_then(input)).collect();
        let found = body.run(inputs, Some(call.scope)).map_err(|error| Reason::Inner(Box::new(error)))?;
        columns.iter_mut().zip(found).for_each(|(column, value)| column.push(value));
    }
    Ok(columns.into_iter().map(Value::Sequence).collect())
}

fn split_to_sequence(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let at = axis(call.int("axis", 0)?, x.rank()?)?;
    let size = x.shape()?.size(at);
    let (parts, drops) = match call.maybe(1)? {
        None => (vec![1; size], !call.flag("keepdims", true)?),
        Some(split) if split.rank()? == 0 => {
            let part = call.number(1)?;
            let part = usize::try_from(part).ok().filter(|&part| part > 0);
            let part = part.ok_or_else(|| Reason::other("parts must have elements"))?;
            ((0..size.div_ceil(part)).map(|i| part.min(size - i * part)).collect(), false)
        }
        Some(_) => (naturals("split", &call.numbers(1)?)?, false),
    };
    let parts = x.split(at, parts).into_iter();
    let parts = parts.map(|part| if drops { part.squeeze([at]) } else { part });
    Ok(vec![Value::Sequence(parts.map(Value::from).collect())])
}

fn concat_from_sequence(call: &Call<'_>) -> Results {
    let mut tensors = Vec::new();
    for value in call.sequence(0)? {
        let found =
            value.tensor().ok_or_else(|| Reason::other(format!("{} in the sequence", value.kind())))?;
        tensors.push(found.clone());
    }
    let first = tensors.first().ok_or_else(|| Reason::other("the sequence is empty"))?;
    let at = call.required_int("axis")?;
    if call.flag("new_axis", false)? {
        return one(Tensor::stack(&tensors, axis(at, first.rank()? + 1)?));
    }
    let at = axis(at, first.rank()?)?;
    one(Tensor::concat(&tensors, at))
}

fn has_element(call: &Call<'_>) -> Results {
    let is_there = !matches!(call.maybe_value(0), None | Some(Value::Optional(None)));
    one(Tensor::full((), is_there).cast(DType::Bool))
}

fn get_element(call: &Call<'_>) -> Results {
    match call.value(0)? {
        Value::Optional(Some(value)) => Ok(vec![(**value).clone()]),
        Value::Optional(None) => Err(Reason::other("there is no element")),
        other => Ok(vec![other.clone()]),
    }
}
