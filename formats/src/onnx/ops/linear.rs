//! Products of matrices.

use tensorwright::{DType, Tensor, keep};

use super::{Apply, dequantized};
use crate::onnx::call::{Call, Results, one};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("MatMul", |call| {
        one(match dequantized::product(call, 2, [false; 2])? {
            Some(found) => found,
            None => product(call.tensor(0)?, call.tensor(1)?)?,
        })
    }),
    ("Gemm", gemm),
    ("Einsum", |call| {
        one(Tensor::einsum(&call.tensors()?, call.word("equation", "")?.replace(' ', "").to_lowercase()))
    }),
    ("Det", |call| one(call.tensor(0)?.det())),
    ("MatMulInteger", matmul_integer),
];

/// NumPy's `matmul`: vectors stand for rows and columns.
pub(super) fn product(x: &Tensor, y: &Tensor) -> Result<Tensor, Reason> {
    let (rows, columns) = (x.rank()? == 1, y.rank()? == 1);
    let left = if rows { x.expand_dims(0) } else { x.clone() };
    let right = if columns { y.expand_dims(1) } else { y.clone() };
    let found = left.matmul(right);
    let away: Vec<i64> =
        [(rows, -2), (columns, -1)].into_iter().filter(|(is, _)| *is).map(|(_, at)| at).collect();
    Ok(if away.is_empty() { found } else { found.squeeze(away) })
}

fn gemm(call: &Call<'_>) -> Results {
    one(affine(call)?)
}

/// `alpha a b + beta c`, where `a` and `b` may be transposed first.
pub(super) fn affine(call: &Call<'_>) -> Result<Tensor, Reason> {
    let turned = |x: &Tensor, name: &str| -> Result<Tensor, Reason> {
        Ok(if call.flag(name, false)? { x.t() } else { x.clone() })
    };
    let scaled = |x: Tensor, factor: f64| if factor == 1.0 { x } else { x * factor };
    let turns = [call.flag("transA", false)?, call.flag("transB", false)?];
    let product = match dequantized::product(call, 3, turns)? {
        Some(found) => found,
        None => turned(call.tensor(0)?, "transA")?.matmul(turned(call.tensor(1)?, "transB")?),
    };
    let found = scaled(product, call.float("alpha", 1.0)?);
    match call.maybe(2)? {
        Some(c) => Ok(found + scaled(c.clone(), call.float("beta", 1.0)?)),
        None => Ok(found),
    }
}

/// The tensor less its zero point, in i32. A vector of zero points is along the rows of the left operand, the columns of the right one.
pub(super) fn centred(x: &Tensor, zero: Option<&Tensor>, along_rows: bool) -> Result<Tensor, Reason> {
    let wide = x.cast(DType::I32);
    let Some(zero) = zero else { return Ok(wide) };
    let zero = zero.cast(DType::I32);
    let is_vector = zero.rank()? == 1 && zero.elements()? > 1;
    Ok(wide
        - if is_vector && along_rows {
            zero.expand_dims(-1)
        } else if zero.elements()? == 1 {
            zero.reshape(())
        } else {
            zero
        })
}

/// The product of integers less their zero points, in i32. Zero points are one of all, one of each row on the left, one of each column on the right.
pub(super) fn centred_product(
    x: &Tensor,
    x_zero: Option<&Tensor>,
    y: &Tensor,
    y_zero: Option<&Tensor>,
) -> Result<Tensor, Reason> {
    let is_matrix =
        |x: &Tensor| Ok::<bool, Reason>(x.rank()? >= 2 && matches!(x.dtype()?, DType::I8 | DType::U8));
    if !is_matrix(x)? || !is_matrix(y)? {
        return product(&centred(x, x_zero, true)?, &centred(y, y_zero, false)?);
    }
    // Bytes are multiplied as they are, and what their zero points add is taken off: the same number, as integers wrap.
    let (x, x_zero) = signed(x, x_zero, true)?;
    let (y, y_zero) = signed(y, y_zero, false)?;
    let depth = x.shape()?.size(x.rank()? - 1) as i32;
    let mut sum = product(&x.cast(DType::I32), &y.cast(DType::I32))?;
    let total = |x: &Tensor, axis: i64| x.cast(DType::I32).sum(keep(axis));
    if let Some(zero) = &y_zero {
        sum -= total(&x, -1) * zero;
    }
    if let Some(zero) = &x_zero {
        sum -= total(&y, -2) * zero;
    }
    Ok(match (x_zero, y_zero) {
        (Some(x_zero), Some(y_zero)) => sum + x_zero * y_zero * depth,
        _ => sum,
    })
}

/// Bytes with a sign, and their zero point in i32, shaped as [`centred`] takes it off.
pub(super) fn signed(
    x: &Tensor,
    zero: Option<&Tensor>,
    along_rows: bool,
) -> Result<(Tensor, Option<Tensor>), Reason> {
    let is_signed = x.dtype()? == DType::I8;
    let bytes = if is_signed { x.clone() } else { (x.cast(DType::I32) - 128).cast(DType::I8) };
    let zero = match zero {
        None if is_signed => None,
        None => Some(Tensor::scalar(-128i32)),
        Some(zero) => {
            let zero = zero.cast(DType::I32) - if is_signed { 0 } else { 128 };
            let is_vector = zero.rank()? == 1 && zero.elements()? > 1;
            Some(match (is_vector, along_rows) {
                (true, true) => zero.expand_dims(-1),
                _ if zero.elements()? == 1 => zero.reshape(()),
                _ => zero,
            })
        }
    };
    Ok((bytes, zero))
}

fn matmul_integer(call: &Call<'_>) -> Results {
    one(centred_product(call.tensor(0)?, call.maybe(2)?, call.tensor(1)?, call.maybe(3)?)?)
}
