//! Products of integers that stand for real numbers.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use super::fused::{channels_last, channels_second};
use crate::onnx::call::{Call, Results, one};
use crate::onnx::error::Reason;
use crate::onnx::ops::conv;
use crate::onnx::ops::linear::{centred, centred_product, product};
use crate::onnx::ops::quantize::{range_of, requantized, rounded};
use crate::onnx::ops::recurrent::{self, Matrix};

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("MatMulIntegerToFloat", matmul_to_float),
    ("DynamicQuantizeMatMul", dynamic_matmul),
    ("MatMulInteger16", |call| {
        one(product(&call.tensor(0)?.cast(DType::I32), &call.tensor(1)?.cast(DType::I32))?)
    }),
    ("DynamicQuantizeLSTM", |call| recurrent::lstm(call, quantized_matrix)),
    ("QGemm", gemm),
    ("QLinearConv", conv),
];

/// A scale of all, or of each column.
fn of_columns(scale: &Tensor) -> Result<Tensor, Reason> {
    Ok(if scale.elements()? == 1 { scale.reshape(()) } else { scale.clone() })
}

/// Sums of products as real numbers, with a bias.
fn scaled(sum: &Tensor, scale: &Tensor, bias: Option<&Tensor>) -> Results {
    let found = sum.cast(scale.dtype()?) * scale;
    one(if let Some(bias) = bias { found + bias } else { found })
}

fn matmul_to_float(call: &Call<'_>) -> Results {
    let sum = centred_product(call.tensor(0)?, call.maybe(4)?, call.tensor(1)?, call.maybe(5)?)?;
    let scale = of_columns(call.tensor(2)?)? * of_columns(call.tensor(3)?)?;
    scaled(&sum, &scale, call.maybe(6)?)
}

fn dynamic_matmul(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (scale, zero) = range_of(x);
    let bytes = rounded(&(x / &scale), Some(&zero), DType::U8)?;
    let sum = centred_product(&bytes, Some(&zero), call.tensor(1)?, call.maybe(3)?)?;
    scaled(&sum, &(scale * of_columns(call.tensor(2)?)?), call.maybe(4)?)
}

/// With a scale of the result it is integers, without one real numbers.
fn gemm(call: &Call<'_>) -> Results {
    let turned = |x: Tensor, name: &str| -> Result<Tensor, Reason> {
        Ok(if call.flag(name, false)? { x.t() } else { x })
    };
    let a = turned(centred(call.tensor(0)?, Some(call.tensor(2)?), false)?, "transA")?;
    // Zero points of columns of the transposed matrix are those of rows here.
    let b =
        turned(call.tensor(3)?.cast(DType::I32), "transB")? - of_columns(call.tensor(5)?)?.cast(DType::I32);
    let sum = a.matmul(b);
    let sum = if let Some(c) = call.maybe(6)? { sum + c } else { sum };
    let factor = call.tensor(1)?.reshape(()) * of_columns(call.tensor(4)?)? * call.float("alpha", 1.0)?;
    match (call.maybe(7)?, call.maybe(8)?) {
        (Some(scale), Some(zero)) => {
            one(requantized(&sum, &(factor / scale.reshape(())), &zero.reshape(()))?)
        }
        _ => scaled(&sum, &factor, None),
    }
}

/// A matrix with a scale and a zero point of all or of each column, which are at inputs behind those of a network.
fn quantized_matrix(call: &Call<'_>, position: usize, direction: usize) -> Result<Matrix, Reason> {
    let at = if position == 1 { 8 } else { 10 };
    let (scale, zero) = (call.tensor(at)?.i(direction), call.tensor(at + 1)?.i(direction));
    let integers = call.tensor(position)?.i(direction).cast(DType::I32) - zero.cast(DType::I32);
    Ok(Matrix::Quantized { integers, scale })
}

fn conv(call: &Call<'_>) -> Results {
    if !call.flag("channels_last", false)? {
        return one(conv::quantized_image(call, call.tensor(0)?)?);
    }
    one(channels_last(&conv::quantized_image(call, &channels_second(call.tensor(0)?)?)?)?)
}
