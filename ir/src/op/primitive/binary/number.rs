//! Functions of two numbers that the standard library lacks. Floats come in double precision, integers exact and unbounded.

use crate::{DType, Scalar};

/// The quotient, floored. It is rounded before that, to f32 for narrower floats.
pub(super) fn float_floordiv(dtype: DType, x: f64, y: f64) -> f64 {
    match dtype {
        DType::F64 => (x / y).floor(),
        _ => f64::from(((x / y) as f32).floor()),
    }
}

/// What is left by floored division.
pub(super) fn float_mod(x: f64, y: f64) -> f64 {
    let r = x % y;
    if r != 0.0 && (r < 0.0) != (y < 0.0) { r + y } else { r }
}

/// The greater, with `-0 < +0`; NaN if there is one.
pub(super) fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        if x.is_sign_negative() { y } else { x }
    } else {
        x.max(y)
    }
}

/// The power. Squares are correctly rounded.
pub(super) fn pow(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else { x.powf(y) }
}

/// The quotient, truncated; 0 if `y` is 0.
pub(super) fn div(x: i128, y: i128) -> i128 {
    if y == 0 { 0 } else { x / y }
}

/// The quotient, floored; 0 if `y` is 0.
pub(super) fn floordiv(x: i128, y: i128) -> i128 {
    if y == 0 { 0 } else { (x - x.wrapping_rem(y) - correction(x, y)) / y }
}

/// What is left by truncated division; `x` if `y` is 0.
pub(super) fn rem(x: i128, y: i128) -> i128 {
    if y == 0 { x } else { x % y }
}

/// What is left by floored division; `x` if `y` is 0.
pub(super) fn floor_mod(x: i128, y: i128) -> i128 {
    if y == 0 { x } else { x % y + correction(x, y) }
}

/// What floored remainder adds to truncated remainder: the divisor, if signs differ and division is not exact.
fn correction(x: i128, y: i128) -> i128 {
    if x % y != 0 && (x < 0) != (y < 0) { y } else { 0 }
}

/// The power by repeated squaring in the dtype's own width. Negative powers truncate.
pub(super) fn int_pow(dtype: DType, base: i128, exponent: i128) -> i128 {
    let wrap = |v: i128| Scalar::from_i128(dtype, v).to_i128();
    if exponent < 0 {
        return match base {
            1 => 1,
            -1 if exponent % 2 == 0 => 1,
            -1 => -1,
            _ => 0,
        };
    }
    let (mut result, mut square, mut left) = (1i128, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = wrap(result.wrapping_mul(square));
        }
        square = wrap(square.wrapping_mul(square));
        left >>= 1;
    }
    result
}

/// The count if it is below the width of `dtype` and not negative.
fn in_width(dtype: DType, count: i128) -> Option<i128> {
    (0..i128::from(dtype.bits())).contains(&count).then_some(count)
}

/// Shifted left.
pub(super) fn shl(dtype: DType, x: i128, count: i128) -> i128 {
    in_width(dtype, count).map_or(0, |count| x << count)
}

/// Shifted right, with zeros from above.
pub(super) fn shr_logic(dtype: DType, x: i128, count: i128) -> i128 {
    let bits = x & ((1 << dtype.bits()) - 1);
    in_width(dtype, count).map_or(0, |count| bits >> count)
}

/// Shifted right, with copies of the top bit from above.
pub(super) fn shr_arith(dtype: DType, x: i128, count: i128) -> i128 {
    let unused = 128 - dtype.bits();
    let extended = (x << unused) >> unused;
    extended >> in_width(dtype, count).unwrap_or(i128::from(dtype.bits()) - 1)
}
