//! Shapes as tensors, and tensors of a shape.

use tensorwright::{DType, Shape, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, extents, integers, one};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Shape", shape),
    ("Size", |call| one(Tensor::scalar(shape_of(call)?.elements() as i64))),
    ("ConstantOfShape", constant_of_shape),
    ("EyeLike", eye_like),
    ("Range", range),
    ("OneHot", one_hot),
];

fn shape_of(call: &Call<'_>) -> Result<Shape, Reason> {
    match call.value(0)? {
        Value::Strings(strings) => Ok(strings.0.shape.clone()),
        _ => Ok(call.tensor(0)?.shape()?.clone()),
    }
}

/// Extents are known whatever the elements are, so this has a value in a trace too.
fn shape(call: &Call<'_>) -> Results {
    let sizes = shape_of(call)?.sizes();
    let rank = sizes.len() as i64;
    let place = |at: i64| (if at < 0 { at.saturating_add(rank) } else { at }).clamp(0, rank) as usize;
    let (start, end) = (place(call.int("start", 0)?), place(call.int("end", rank)?));
    let found: Vec<i64> = sizes[start..end.max(start)].iter().map(|&size| size as i64).collect();
    one(tensorwright::eagerly(|| Tensor::from_slice(&found, found.len())))
}

fn constant_of_shape(call: &Call<'_>) -> Results {
    let shape = extents(&call.numbers(0)?)?;
    let value = match call.constant("value")? {
        Some(Value::Tensor(value)) => value.reshape(()),
        Some(other) => return Err(Reason::attribute("value", format!("is {}", other.kind()))),
        None => Tensor::scalar(0.0f32),
    };
    one(value.broadcast_to(shape))
}

fn eye_like(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let dtype = call.dtype("dtype")?.map_or_else(|| x.dtype(), Ok)?;
    let sizes = x.shape()?.sizes();
    let [rows, columns] = sizes[..] else {
        return Err(Reason::other(format!("input 0 must be a matrix, found {}", x.ty()?)));
    };
    let diagonal = call.int("k", 0)?;
    let apart = Tensor::arange(columns, DType::I64) - Tensor::arange(rows, DType::I64).expand_dims(-1);
    one(apart.eq(diagonal).cast(dtype))
}

/// Start, limit and step decide the length, so they must have values; where they are computed, the graph is cut.
pub(super) fn range(call: &Call<'_>) -> Results {
    let dtype = call.tensor(0)?.dtype()?;
    let (start, step) = (call.tensor(0)?.reshape(()), bound(call, 2)?);
    let count = range_length(call, dtype)?;
    let steps = Tensor::arange(count, if dtype.is_int() { DType::I64 } else { dtype });
    one(start + steps.cast(dtype) * step)
}

/// Start, limit or step, which is 1 if it is left out.
fn bound(call: &Call<'_>, position: usize) -> Result<Tensor, Reason> {
    match call.maybe(position)? {
        None if position == 2 => Ok(Tensor::ones((), call.tensor(0)?.dtype()?)),
        _ => Ok(call.tensor(position)?.reshape(())),
    }
}

fn range_length(call: &Call<'_>, dtype: DType) -> Result<usize, Reason> {
    let of = |position: usize| bound(call, position);
    let is_known = (0..3).all(|position| of(position).is_ok_and(|x| !x.is_traced()));
    let count = if dtype.is_int() && is_known {
        let number = |position: usize| -> Result<i128, Reason> {
            Ok(integers(&of(position)?)?.first().copied().unwrap_or(0).into())
        };
        let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
        if step == 0 {
            return Err(Reason::other("the step is 0"));
        }
        let (room, step) = if step > 0 { (limit - start, step) } else { (start - limit, -step) };
        (room.max(0) + step - 1) / step
    } else {
        // As the specification has it, in the dtype of the numbers.
        let wide = |position: usize| -> Result<Tensor, Reason> {
            let x = of(position)?;
            Ok(if dtype.is_int() { x.cast(DType::F64) } else { x })
        };
        let ratio = ((wide(1)? - wide(0)?) / wide(2)?).cast(DType::F64).ceil();
        i128::from(integers(&ratio.maximum(0).cast(DType::I64))?.first().copied().unwrap_or(0))
    };
    usize::try_from(count).map_err(|_| Reason::other("the range is too long"))
}

fn one_hot(call: &Call<'_>) -> Results {
    let (indices, values) = (call.tensor(0)?, call.tensor(2)?);
    let depth = call.number(1)?;
    let count = usize::try_from(depth).map_err(|_| Reason::other(format!("the depth is {depth}")))?;
    let at = axis(call.int("axis", -1)?, indices.rank()? + 1)?;
    let indices = indices.cast(DType::I64);
    let indices = indices.lt(0).select(&indices + depth, &indices).expand_dims(at);
    let mut along = vec![1; indices.rank()?];
    along[at] = count;
    let is_on = indices.eq(Tensor::arange(count, DType::I64).reshape(along));
    one(is_on.select(values.i(1), values.i(0)))
}
