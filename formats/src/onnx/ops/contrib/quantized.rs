//! Functions of integers that stand for real numbers: they are computed as such, and rounded at the end.

use tensorwright::{DType, PaddingCount, Tensor};

use super::super::Apply;
use super::fused::{channels_last, channels_second};
use crate::onnx::call::{Call, Results, axes, axis, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::{pool, quantize};

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("QuantizeLinear", quantize::quantize),
    ("DequantizeLinear", quantize::dequantize),
    ("QLinearAdd", |call| binary(call, |x, y| x + y)),
    ("QLinearMul", |call| binary(call, |x, y| x * y)),
    ("QLinearSigmoid", |call| unary(call, |x| Ok(x.sigmoid()))),
    ("QLinearLeakyRelu", |call| unary(call, |x| Ok(x.leaky_relu(call.float("alpha", 0.01)?)))),
    ("QLinearSoftmax", softmax),
    ("QLinearReduceMean", reduce_mean),
    ("QLinearAveragePool", average_pool),
    ("QLinearGlobalAveragePool", global_average_pool),
    ("QLinearConcat", concat),
    ("QLinearWhere", select),
];

/// The real numbers of an input, whose scale and zero point follow it.
fn real(call: &Call<'_>, position: usize) -> Result<Tensor, Reason> {
    let x = call.tensor(position)?.cast(DType::F32);
    let x = match call.maybe(position + 2)? {
        Some(zero) => x - zero.reshape(()).cast(DType::F32),
        None => x,
    };
    Ok(x * call.tensor(position + 1)?.reshape(()))
}

/// Real numbers as integers of this dtype, with the scale at this input and the zero point behind it.
fn whole(call: &Call<'_>, x: &Tensor, position: usize, dtype: DType) -> Results {
    let zero = call.maybe(position + 1)?.map(|zero| zero.reshape(()));
    one(quantize::rounded(&(x / call.tensor(position)?.reshape(())), zero.as_ref(), dtype)?)
}

fn unary(call: &Call<'_>, compute: impl FnOnce(Tensor) -> Result<Tensor, Reason>) -> Results {
    whole(call, &compute(real(call, 0)?)?, 3, call.tensor(0)?.dtype()?)
}

fn binary(call: &Call<'_>, compute: impl FnOnce(Tensor, Tensor) -> Tensor) -> Results {
    whole(call, &compute(real(call, 0)?, real(call, 3)?), 6, call.tensor(0)?.dtype()?)
}

/// Before version 13 of the standard's operator it is over the axis and all behind it.
fn softmax(call: &Call<'_>) -> Results {
    unary(call, |x| {
        let own = sizes(&x)?;
        if call.required_int("opset")? >= 13 {
            return Ok(x.softmax(axis(call.int("axis", -1)?, own.len())? as i64));
        }
        let at = axis(call.int("axis", 1)?, own.len())?;
        let rows: usize = own[..at].iter().product();
        let columns: usize = own[at..].iter().product();
        Ok(x.reshape([rows, columns]).softmax(-1).reshape(own))
    })
}

fn reduce_mean(call: &Call<'_>) -> Results {
    unary(call, |x| {
        let along = axes(&call.ints("axes")?.unwrap_or_default(), x.rank()?)?;
        Ok(match call.flag("keepdims", true)? {
            true => x.mean(tensorwright::keep(&along[..])),
            false => x.mean(&along[..]),
        })
    })
}

/// A fold over windows of an image, wherever its channels are.
fn pooled(call: &Call<'_>, pool: impl FnOnce(Tensor) -> Result<Tensor, Reason>) -> Results {
    unary(call, |x| match call.flag("channels_last", false)? {
        true => channels_last(&pool(channels_second(&x)?)?),
        false => pool(x),
    })
}

fn average_pool(call: &Call<'_>) -> Results {
    let (taps, options) = pool::options(call)?;
    let count = match call.flag("count_include_pad", false)? {
        true => PaddingCount::Included,
        false => PaddingCount::Excluded,
    };
    pooled(call, |x| Ok(x.avg_pool(taps, options.count(count))))
}

fn global_average_pool(call: &Call<'_>) -> Results {
    pooled(call, |x| Ok(x.global_avg_pool(tensorwright::ImageLayout::Nchw)))
}

/// Scale and zero point of the result come first, then each part with its own.
fn concat(call: &Call<'_>) -> Results {
    let parts = (2..call.count()).step_by(3).map(|at| real(call, at)).collect::<Result<Vec<_>, _>>()?;
    let first = parts.first().ok_or(Reason::MissingInput(2))?;
    let at = axis(call.required_int("axis")?, first.rank()?)?;
    whole(call, &Tensor::concat(&parts, at), 0, call.tensor(1)?.dtype()?)
}

fn select(call: &Call<'_>) -> Results {
    let found = call.tensor(0)?.select(real(call, 1)?, real(call, 4)?);
    whole(call, &found, 7, call.tensor(1)?.dtype()?)
}
