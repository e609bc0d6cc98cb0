//! Expressions that derivatives of functions of two operands are made of.

use crate::builder::BuildError;
use crate::{Builder, Value};

/// `y x^(y - 1)`, and 0 at the origin, where infinity times 0 would be NaN.
pub(super) fn power_by_base(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let (base, exponent) = (b.equals(x, 0.0)?, b.equals(y, 0.0)?);
    let origin = b.and(base, exponent)?;
    let less = b.add_number(y, -1.0)?;
    let less = b.number_where(origin, 1.0, less)?;
    let power = b.pow(x, less)?;
    b.mul(y, power)
}

/// `x^y log x` where `x` is positive, else 0. The logarithm is of 1 where it does not count.
pub(super) fn power_by_exponent(b: &mut Builder, x: Value, power: Value) -> Result<Value, BuildError> {
    let zero = b.full_like(0.0, x)?;
    let undefined = b.le(x, zero)?;
    let base = b.number_where(undefined, 1.0, x)?;
    let log = b.log(base)?;
    let product = b.mul(log, power)?;
    b.select(undefined, zero, product)
}

/// 1 where `x` is greater, 1/2 where both are equal, else 0.
pub(super) fn share(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    let (greater, equal) = (b.gt(x, y)?, b.eq(x, y)?);
    let whole = b.cast(greater, dtype)?;
    b.number_where(equal, 0.5, whole)
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
