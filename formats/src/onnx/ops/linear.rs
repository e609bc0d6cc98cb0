//! Products of matrices.

use tensorwright::{DType, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, one};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("MatMul", |call| one(product(call.tensor(0)?, call.tensor(1)?)?)),
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
    let (a, b) = (turned(call.tensor(0)?, "transA")?, turned(call.tensor(1)?, "transB")?);
    let scaled = |x: Tensor, factor: f64| if factor == 1.0 { x } else { x * factor };
    let found = scaled(a.matmul(b), call.float("alpha", 1.0)?);
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

fn matmul_integer(call: &Call<'_>) -> Results {
    let x = centred(call.tensor(0)?, call.maybe(2)?, true)?;
    let y = centred(call.tensor(1)?, call.maybe(3)?, false)?;
    one(product(&x, &y)?)
}
