//! Hyperbolic functions other than `tanh`, and their inverses.
//!
//! `sinh` and `cosh` are built on the split exponential, `asinh`, `acosh` and `atanh` on the kernel of `log1p`; each is
//! written so that no two large terms cancel and nothing overflows before the result does.

use super::exp::{self, ExpTables as _, clamp, power_of_two};
use super::lanes::{Lanes, Real};
use super::log::{self, log1p_sum};

/// A quarter of `2^n` and `e^r - 1`, for the magnitude of `x`: at the largest finite results a quarter is still far from overflow.
#[inline(always)]
fn quarter<L: Lanes>(l: &L, magnitude: L::F) -> (L::F, L::F) {
    let limited = clamp(l, magnitude, L::Scalar::nearest(0.0), L::Scalar::SINH_MAX);
    let exp::Split { n, p } = exp::split(l, limited, L::Scalar::BIAS - 2);
    (power_of_two(l, n), p)
}

/// The hyperbolic sine, as `(E + E / (E + 1)) / 2` with `E = e^|x| - 1`.
#[inline(always)]
pub fn sinh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let a = l.abs(x);
    let (s, p) = quarter(l, a);
    let e = l.fma(s, p, l.sub(s, l.k(0.25)));
    let half = l.add(e, l.div(e, l.fma(e, l.k(4.0), l.k(1.0))));
    let tiny = l.lt(a, l.k(2f64.powi(-(L::Scalar::MANTISSA as i32))));
    l.select(tiny, x, l.with_sign(l.add(half, half), x))
}

/// The hyperbolic cosine, as `e^|x| / 2 + e^-|x| / 2`.
#[inline(always)]
pub fn cosh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (s, p) = quarter(l, l.abs(x));
    let e = l.fma(s, p, s);
    l.fma(e, l.k(2.0), l.div(l.k(0.125), e))
}

/// The inverse hyperbolic sine.
///
/// `log(1 + z)` with `z = |x| + x^2 / (1 + sqrt(1 + x^2))`; for large arguments `log(2 |x|)`, whose doubling goes into the exponent.
#[inline(always)]
pub fn asinh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (one, a) = (l.k(1.0), l.abs(x));
    let square = l.mul(a, a);
    let root = l.sqrt(l.fma(a, a, one));
    let z = l.add(a, l.div(square, l.add(one, root)));
    let value = log_of_sum(l, a, z);
    l.select(l.lt(a, tiny(l)), x, l.with_sign(value, x))
}

/// The inverse hyperbolic cosine; NaN below 1.
///
/// `log(1 + z)` with `z = t + sqrt(2 t + t^2)` and `t = x - 1`; for large arguments `log(2 x)`.
#[inline(always)]
pub fn acosh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let one = l.k(1.0);
    let t = l.sub(x, one);
    let z = l.add(t, l.sqrt(l.fma(t, t, l.add(t, t))));
    l.select(l.lt(x, one), l.k(f64::NAN), log_of_sum(l, x, z))
}

/// `log(1 + z)` where `x` is moderate, `log(2 x)` where it is so large that the two agree.
#[inline(always)]
fn log_of_sum<L: Lanes>(l: &L, x: L::F, z: L::F) -> L::F {
    let large = l.lt(l.k((1u64 << (L::Scalar::MANTISSA / 2 + 3)) as f64), x);
    let base = l.select(large, l.k(0.0), l.k(1.0));
    let doubled = l.select(large, l.k(1.0), l.k(0.0));
    log1p_sum(l, base, l.select(large, x, z), doubled)
}

/// The inverse hyperbolic tangent, as `log(1 + 2 |x| / (1 - |x|)) / 2`; infinite at 1, NaN beyond.
#[inline(always)]
pub fn atanh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (one, a) = (l.k(1.0), l.abs(x));
    let z = l.div(l.add(a, a), l.sub(one, a));
    let value = l.mul(l.k(0.5), log::log1p(l, z));
    let value = l.select(l.lt(one, a), l.k(f64::NAN), value);
    l.select(l.lt(a, tiny(l)), x, l.with_sign(value, x))
}

/// Below this the inverse functions are the identity.
#[inline(always)]
fn tiny<L: Lanes>(l: &L) -> L::F {
    l.k(2f64.powi(-(L::Scalar::MANTISSA as i32) / 2 - 2))
}
