//! Expressions that several derivatives of functions of one operand are made of.

use crate::builder::BuildError;
use crate::{Builder, Value};

/// `1 + x^2`.
pub(super) fn one_plus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    b.add_number(square, 1.0)
}

/// `1 - x^2`, as `(1 - x) (1 + x)`, which keeps its digits near 1.
pub(super) fn one_minus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let (less, more) = (b.number_minus(1.0, x)?, b.add_number(x, 1.0)?);
    b.mul(less, more)
}

/// `sqrt(1 - x^2)`.
pub(super) fn circle(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let square = one_minus_square(b, x)?;
    b.sqrt(square)
}

/// `scale * e^(-x^2)`.
pub(super) fn bell(b: &mut Builder, x: Value, scale: f64) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    let exponent = b.neg(square)?;
    let exp = b.exp(exponent)?;
    b.mul_number(exp, scale)
}
