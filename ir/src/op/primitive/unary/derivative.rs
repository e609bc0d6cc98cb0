//! Expressions that several derivatives of functions of one operand are made of.

use std::f64::consts::LN_2;

use crate::builder::BuildError;
use crate::op::Primal;
use crate::op::derivative::Partial;
use crate::{Builder, Value};

/// The sign of `x`; at 0 it is 0, whatever it is applied to.
pub(super) fn sign_of(b: &mut Builder, x: Value) -> Result<Partial, BuildError> {
    let zero = b.full_like(0.0, x)?;
    Ok(Partial::Masked { mask: b.ne(x, zero)?, factor: b.sign(x)? })
}

/// `conj(z) / |z|` of the operand, and 0 at 0: what turns it to the positive real numbers.
pub(super) fn back_to_real(primal: &mut Primal<'_>) -> Result<Value, BuildError> {
    let (z, magnitude, b) = (primal.operands[0], primal.results[0], &mut *primal.b);
    let zero = b.equals(magnitude, 0.0)?;
    let divisor = b.number_where(zero, 1.0, magnitude)?;
    let divisor = b.cast(divisor, b.tensor(z).dtype)?;
    let conjugate = b.conj(z)?;
    b.div(conjugate, divisor)
}

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
    // What is divided by makes no difference, so its derivative is not asked for.
    let greater = b.stop_gradient(greater)?;
    let one = b.full_like(1.0, x)?;
    let (scale, scaled) = (b.div(one, greater)?, b.div(x, greater)?);
    let squares = (b.mul(scale, scale)?, b.mul(scaled, scaled)?);
    Ok((scale, b.add(squares.0, squares.1)?))
}

/// `1 / (1 + x^2)`.
pub(super) fn over_one_plus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype.is_complex() {
        let divisor = one_plus_square(b, x)?;
        return b.reciprocal(divisor);
    }
    let (scale, sum) = scaled_one_plus_square(b, x)?;
    let once = b.div(scale, sum)?;
    b.mul(scale, once)
}

/// `1 / sqrt(1 + x^2)`.
pub(super) fn over_distance(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype.is_complex() {
        let square = one_plus_square(b, x)?;
        return b.rsqrt(square);
    }
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
    let exp = exp_minus_square(b, x, 1.0)?;
    b.mul_number(exp, scale)
}

/// `e^(-rate x^2)`, for a rate of 1 or 1/2, as `e^(-rate h^2) e^(-rate (|x| - h) (|x| + h))` where `h` is `|x|` rounded to sixteenths: its square
/// has no rounding error, which the exponential would blow up. Nothing is left of either beyond 50.
pub(in crate::op) fn exp_minus_square(b: &mut Builder, x: Value, rate: f64) -> Result<Value, BuildError> {
    let magnitude = b.abs(x)?;
    let near = b.at_most(magnitude, 50.0)?;
    let sixteenths = b.mul_number(near, 16.0)?;
    let sixteenths = b.round_even(sixteenths)?;
    let head = b.mul_number(sixteenths, 1.0 / 16.0)?;
    let (less, more) = (b.sub(near, head)?, b.add(near, head)?);
    let (of_head, of_rest) = (b.mul(head, head)?, b.mul(less, more)?);
    let (of_head, of_rest) = (b.mul_number(of_head, -rate)?, b.mul_number(of_rest, -rate)?);
    let (of_head, of_rest) = (b.exp(of_head)?, b.exp(of_rest)?);
    b.mul(of_head, of_rest)
}

/// `2^x log 2`, which is finite a little further than `2^x`.
pub(super) fn exp2_slope(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let less = b.add_number(x, -1.0)?;
    let half = b.exp2(less)?;
    b.mul_number(half, 2.0 * LN_2)
}
