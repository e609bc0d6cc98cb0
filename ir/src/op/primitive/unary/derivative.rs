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

/// `1 / m`, and `(1 + x^2) / m^2`, where `m` is the greater of `|x|` and 1: from 1 to 2, where `1 + x^2` may overflow.
fn scaled_one_plus_square(b: &mut Builder, x: Value) -> Result<(Value, Value), BuildError> {
    let magnitude = b.abs(x)?;
    let greater = b.at_least(magnitude, 1.0)?;
    let one = b.full_like(1.0, x)?;
    let (scale, scaled) = (b.div(one, greater)?, b.div(x, greater)?);
    let squares = (b.mul(scale, scale)?, b.mul(scaled, scaled)?);
    Ok((scale, b.add(squares.0, squares.1)?))
}

/// `1 / (1 + x^2)`.
pub(super) fn over_one_plus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let (scale, sum) = scaled_one_plus_square(b, x)?;
    let once = b.div(scale, sum)?;
    b.mul(scale, once)
}

/// `1 / sqrt(1 + x^2)`.
pub(super) fn over_distance(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let (scale, sum) = scaled_one_plus_square(b, x)?;
    let root = b.sqrt(sum)?;
    b.div(scale, root)
}

/// `e^-|r x| / (1 + e^-|r x|)^2`, the slope of the logistic function at `r x`, which keeps its digits in both tails.
pub(super) fn hump(b: &mut Builder, x: Value, rate: f64) -> Result<Value, BuildError> {
    let magnitude = b.abs(x)?;
    let exponent = b.mul_number(magnitude, -rate)?;
    let tail = b.exp(exponent)?;
    let sum = b.add_number(tail, 1.0)?;
    let once = b.div(tail, sum)?;
    b.div(once, sum)
}

/// `scale * e^(-x^2)`.
pub(super) fn bell(b: &mut Builder, x: Value, scale: f64) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    let exponent = b.neg(square)?;
    let exp = b.exp(exponent)?;
    b.mul_number(exp, scale)
}
