//! Expressions that derivatives of functions of two operands are made of.

use crate::builder::BuildError;
use crate::op::Op;
use crate::op::derivative::Partial;
use crate::{Builder, DType, Value};

/// `y x^(y - 1)`, and 0 where `y` is, where infinity times 0 would be NaN.
pub(super) fn power_by_base(b: &mut Builder, x: Value, y: Value, power: Value) -> Result<Value, BuildError> {
    let is_complex = b.tensor(x).dtype.is_complex();
    let constant = b.equals(y, 0.0)?;
    let less = b.add_number(y, -1.0)?;
    let less = b.number_where(constant, 1.0, less)?;
    let lesser = b.pow(x, less)?;
    let slope = b.mul(y, lesser)?;
    if is_complex || is_constant(b, y) {
        Ok(slope)
    } else {
        of_greater_power(b, [x, y, power], lesser, slope)
    }
}

/// `slope`, or `y x^y / x` where `x^(y - 1)` overflows or underflows and `x^y` does not.
fn of_greater_power(
    b: &mut Builder,
    [x, y, power]: [Value; 3],
    lesser: Value,
    slope: Value,
) -> Result<Value, BuildError> {
    let (lost, known) = (is_normal(b, lesser)?, is_normal(b, power)?);
    let lost = b.not(lost)?;
    let mended = b.and(lost, known)?;
    let zero = b.equals(x, 0.0)?;
    let divided = b.not(zero)?;
    let mended = b.and(mended, divided)?;
    let one = b.full_like(1.0, x)?;
    let divisor = b.select(mended, x, one)?;
    let times = b.mul(y, power)?;
    let quotient = b.div(times, divisor)?;
    b.select(mended, quotient, slope)
}

/// Whether `x` has all its digits, or is NaN.
fn is_normal(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let (least, most) = match b.tensor(x).dtype {
        DType::F64 => (f64::MIN_POSITIVE, f64::MAX),
        DType::F16 => (f64::from(half::f16::MIN_POSITIVE), f64::from(half::f16::MAX)),
        _ => (f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX)),
    };
    let magnitude = b.abs(x)?;
    let (least, most) = (b.full_like(least, x)?, b.full_like(most, x)?);
    let (small, large) = (b.lt(magnitude, least)?, b.gt(magnitude, most)?);
    let lost = b.or(small, large)?;
    b.not(lost)
}

/// Whether all elements are known to be the same number, of a magnitude that moves no limits.
fn is_constant(b: &Builder, x: Value) -> bool {
    match b.graph().op(x) {
        Some(Op::Constant(_)) => true,
        Some(Op::BroadcastInDim(_)) => {
            let operand = b.graph().producer(x).map(|(_, node)| node.operands[0]);
            operand.is_some_and(|operand| matches!(b.graph().op(operand), Some(Op::Constant(_))))
        }
        _ => false,
    }
}

/// `x^y log x` where `x` is positive, or a complex number but 0, else 0; 0 also where `x^y` is. The logarithm is of 1 where it does not count.
pub(super) fn power_by_exponent(b: &mut Builder, x: Value, power: Value) -> Result<Value, BuildError> {
    let zero = b.full_like(0.0, x)?;
    let undefined = if b.tensor(x).dtype.is_complex() { b.eq(x, zero)? } else { b.le(x, zero)? };
    let gone = b.eq(power, zero)?;
    let undefined = b.or(undefined, gone)?;
    let base = b.number_where(undefined, 1.0, x)?;
    let log = b.log(base)?;
    let product = b.mul(log, power)?;
    b.select(undefined, zero, product)
}

/// 1 where `x` is greater, 1/2 where both are equal, else 0.
pub(super) fn share(b: &mut Builder, x: Value, y: Value) -> Result<Partial, BuildError> {
    let (mask, equal) = (b.ge(x, y)?, b.eq(x, y)?);
    let whole = b.full_like(1.0, x)?;
    Ok(Partial::Masked { mask, factor: b.number_where(equal, 0.5, whole)? })
}

/// `z / (x^2 + y^2)`, and 0 at the origin. All are divided by the greater magnitude of `x` and `y` first: their squares may overflow.
pub(super) fn over_square_distance(
    b: &mut Builder,
    z: Value,
    x: Value,
    y: Value,
) -> Result<Value, BuildError> {
    let magnitudes = (b.abs(x)?, b.abs(y)?);
    let greater = b.maximum(magnitudes.0, magnitudes.1)?;
    // What is divided by makes no difference, so its derivative is not asked for.
    let greater = b.stop_gradient(greater)?;
    let (x, y, z) =
        (b.divide_no_nan(x, greater)?, b.divide_no_nan(y, greater)?, b.divide_no_nan(z, greater)?);
    let (x, y) = (b.mul(x, x)?, b.mul(y, y)?);
    let sum = b.add(x, y)?;
    let quotient = b.divide_no_nan(z, sum)?;
    b.divide_no_nan(quotient, greater)
}

/// The whole number of times that `y` is in `x`, negated, where `rest` is what is left.
pub(super) fn minus_quotient(b: &mut Builder, x: Value, y: Value, rest: Value) -> Result<Value, BuildError> {
    let multiple = b.sub(rest, x)?;
    let quotient = b.div(multiple, y)?;
    b.round_even(quotient)
}
