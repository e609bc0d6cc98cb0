//! Integers that stand for real numbers.

use tensorwright::{DType, Tensor};

use super::Apply;
use super::convert::beyond;
use super::linear::centred_product;
use super::narrow::{Rounding, narrowed};
use crate::onnx::call::{Call, Results, axis, natural, one, sizes};
use crate::onnx::dtype::{self, Stored, stored};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("QuantizeLinear", quantize),
    ("DequantizeLinear", dequantize),
    ("DynamicQuantizeLinear", dynamic_quantize),
    ("QLinearMatMul", quantized_matmul),
];

/// Scales or zero points along the axes of a tensor: one, one for each place of an axis, or one for each block of it.
fn spread(call: &Call<'_>, x: &Tensor, vector: &Tensor) -> Result<Tensor, Reason> {
    let rank = x.rank()?;
    if vector.elements()? == 1 && vector.rank()? <= 1 {
        return Ok(vector.reshape(()));
    }
    let at = axis(call.int("axis", 1)?, rank)?;
    if vector.rank()? == 1 && rank > 1 || call.int("block_size", 0)? == 0 && vector.rank()? == 1 {
        let mut shape = vec![1; rank];
        shape[at] = vector.elements()?;
        return Ok(vector.reshape(shape));
    }
    let block = natural("block_size", call.int("block_size", 0)?)?.max(1);
    let each = vector.repeat([block], at);
    let limits: Vec<i64> = sizes(x)?.iter().map(|&size| size as i64).collect();
    Ok(each.slice(vec![0i64; rank], limits, vec![1i64; rank]))
}

fn bounds(dtype: DType) -> Result<(f64, f64), Reason> {
    Ok(match dtype {
        DType::I8 => (-128.0, 127.0),
        DType::U8 => (0.0, 255.0),
        DType::I16 => (-32768.0, 32767.0),
        DType::U16 => (0.0, 65535.0),
        DType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        other => return Err(Reason::other(format!("numbers are not quantised to {other}"))),
    })
}

/// Numbers rounded to even, less what is beyond the dtype.
pub(super) fn rounded(x: &Tensor, zero: Option<&Tensor>, dtype: DType) -> Result<Tensor, Reason> {
    let (low, high) = bounds(dtype)?;
    let x = x.round_even();
    let moved = match zero {
        Some(zero) => &x + zero.cast(x.dtype()?),
        None => x,
    };
    Ok(moved.clamp(low, high).cast(dtype))
}

pub(super) fn quantize(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let scale = spread(call, x, call.tensor(1)?)?;
    let zero = call.maybe(2)?;
    let said = call.maybe_int("output_dtype")?.and_then(|number| i32::try_from(number).ok());
    if let Some(narrow) = call.narrow(2).or(said.filter(|&number| dtype::is_narrow(number))) {
        return quantize_to(call, x, &scale, narrow);
    }
    let dtype = match (zero, call.dtype("output_dtype")?) {
        (Some(zero), _) => zero.dtype()?,
        (None, said) => said.unwrap_or(DType::U8),
    };
    let zero = zero.map(|zero| spread(call, x, zero)).transpose()?;
    let wide = if x.dtype()?.is_float() { scale.dtype()? } else { DType::F32 };
    let wide = if wide == DType::F16 || wide == DType::BF16 { DType::F32 } else { wide };
    one(rounded(&(x.cast(wide) / scale.cast(wide)), zero.as_ref(), dtype)?)
}

/// To a dtype of few bits. Integers have an end, and numbers of 8 bits are rounded with their zero point, which is 0.
fn quantize_to(call: &Call<'_>, x: &Tensor, scale: &Tensor, to: i32) -> Results {
    let zero = call.maybe(2)?.map(|zero| spread(call, x, zero)).transpose()?;
    let x = x.cast(DType::F32) / scale.cast(DType::F32);
    if let Some(Stored::Packed { bits, signed }) = stored(to) {
        let most = f64::from(1u32 << (bits - usize::from(signed))) - 1.0;
        let least = if signed { -most - 1.0 } else { 0.0 };
        let x = x.round_even();
        let moved = if let Some(zero) = zero { &x + zero.cast(DType::F32) } else { x };
        let dtype = if signed { DType::I8 } else { DType::U8 };
        return one(moved.clamp(least, most).cast(dtype));
    }
    let moved = if let Some(zero) = zero { &x + zero.cast(DType::F32) } else { x };
    one(narrowed(&moved, to, beyond(call)?, Rounding::Up)?)
}

pub(super) fn dequantize(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let scale = spread(call, x, call.tensor(1)?)?;
    let dtype = call.dtype("output_dtype")?.map_or_else(|| scale.dtype(), Ok)?;
    let zero = call.maybe(2)?.map(|zero| spread(call, x, zero)).transpose()?;
    let wide = if x.dtype()?.is_int() { x.cast(DType::I32) } else { x.clone() };
    let centred = match zero {
        Some(zero) => &wide - zero.cast(wide.dtype()?),
        None => wide,
    };
    one((centred.cast(scale.dtype()?) * scale).cast(dtype))
}

/// Scale and zero point of u8 so that the range of the numbers, with 0, is covered.
pub(super) fn range_of(x: &Tensor) -> (Tensor, Tensor) {
    let (low, high) = (x.min(..).minimum(0), x.max(..).maximum(0));
    let scale = (high - &low) / 255;
    let scale = scale.eq(0).select(1, scale);
    let zero = (-(low / &scale)).clamp(0, 255).round_even();
    (scale, zero.cast(DType::U8))
}

/// The scale that covers the range of the numbers, and them as integers less their zero point, in i32.
pub(super) fn centred_by_range(x: &Tensor) -> (Tensor, Tensor) {
    let (scale, zero) = range_of(x);
    let zero = zero.cast(DType::F32);
    let integers = ((x / &scale).round_even() + &zero).clamp(0, 255) - zero;
    (scale, integers.cast(DType::I32))
}

fn dynamic_quantize(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (scale, zero) = range_of(x);
    let y = rounded(&(x / &scale), Some(&zero), DType::U8)?;
    Ok(vec![y.into(), scale.into(), zero.into()])
}

/// Sums of products in i32 times a factor, as integers with this zero point.
pub(super) fn requantized(sum: &Tensor, factor: &Tensor, zero: &Tensor) -> Result<Tensor, Reason> {
    let dtype = zero.dtype()?;
    let wide = if factor.dtype()? == DType::F64 { DType::F64 } else { DType::F32 };
    rounded(&(sum.cast(wide) * factor.cast(wide)), Some(zero), dtype)
}

fn quantized_matmul(call: &Call<'_>) -> Results {
    let (x, y) = (call.tensor(0)?, call.tensor(3)?);
    let sum = centred_product(x, Some(call.tensor(2)?), y, Some(call.tensor(5)?))?;
    // One scale for each row of the left operand, for each column of the right one, or one of all.
    let of_rows = |scale: &Tensor| -> Result<Tensor, Reason> {
        let is_vector = scale.rank()? == 1 && scale.elements()? > 1;
        Ok(if is_vector {
            scale.expand_dims(-1)
        } else if scale.elements()? == 1 {
            scale.reshape(())
        } else {
            scale.clone()
        })
    };
    let of_columns = |scale: &Tensor| -> Result<Tensor, Reason> {
        Ok(if scale.elements()? == 1 { scale.reshape(()) } else { scale.clone() })
    };
    let (left, right, result) = (call.tensor(1)?, call.tensor(4)?, call.tensor(6)?);
    let wide = |scale: Tensor| scale.cast(DType::F32);
    let factor = wide(of_rows(left)?) * wide(of_columns(right)?) / wide(of_rows(result)?);
    one(requantized(&sum, &factor, call.tensor(7)?)?)
}
