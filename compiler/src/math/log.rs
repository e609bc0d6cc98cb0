//! Logarithms: `log`, `log2`, `log1p`.
//!
//! `x = 2^k m` with `m` in `[sqrt(1/2), sqrt(2))`, and with `f = m - 1`, `s = f / (2 + f)`:
//! `log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2)))`. Written this way the leading term `f` is exact and everything
//! else is a correction, which is what keeps the result near half a unit in the last place. Source of this form: K. C. Ng's notes in
//! fdlibm's `e_log.c`; the polynomial is our own.

use super::exp::ExpTables as _;
use super::lanes::{Lanes, Real};

/// Constants of the logarithm for one float type.
pub trait LogTables: Sized + 'static {
    /// `(2 atanh(s) / s - 2) / s^2` as a polynomial in `s^2` for `|s| <= (sqrt 2 - 1) / (sqrt 2 + 1)`, minimax relative to
    /// `2 atanh(s) / s` (Remez exchange, as for the exponential).
    const LOG_R: &'static [Self];
    /// `sqrt(1/2)`
    const SQRT_HALF: Self;
    /// `1 / ln 2 - LOG2_E`
    const LOG2_E_LOW: Self;
}

impl LogTables for f32 {
    // Error 2^-29.18.
    const LOG_R: &'static [f32] = &[0.66666776, 0.39977553, 0.29872125];
    const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const LOG2_E_LOW: f32 = 1.925963e-8;
}

impl LogTables for f64 {
    // Error 2^-58.45.
    const LOG_R: &'static [f64] = &[
        0.6666666666666735,
        0.39999999999408736,
        0.28571428743913946,
        0.2222219840066117,
        0.18183573950665688,
        0.15313789877148667,
        0.1479868952463068,
    ];
    const SQRT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
    const LOG2_E_LOW: f64 = 2.0355273740931033e-17;
}

/// `x = 2^k (1 + f)` for finite `x > 0`.
#[derive(Clone, Copy)]
pub(super) struct Split<L: Lanes> {
    /// The exponent.
    pub(super) k: L::F,
    /// In `[sqrt(1/2) - 1, sqrt(2) - 1)`; exact.
    pub(super) f: L::F,
}

/// Splits `x`, subnormal or not.
#[inline(always)]
pub(super) fn split<L: Lanes>(l: &L, x: L::F) -> Split<L> {
    let mantissa = L::Scalar::MANTISSA;
    let lift = l.k((1u64 << mantissa) as f64);
    let tiny = l.lt(x, l.float(L::Scalar::MIN_POSITIVE));
    let x = l.select(tiny, l.mul(x, lift), x);
    // Adding the bias once more keeps the shifted number positive: a logical shift does, which every target has.
    let bias = L::Scalar::BIAS;
    let from_sqrt_half = (bias << mantissa) - L::Scalar::SQRT_HALF.pattern();
    let shifted = l.ushr(l.int_add(l.bits(x), l.ik(from_sqrt_half)), mantissa);
    let magic = l.magic(0);
    let k = l.float_from(l.int_add(shifted, l.bits(magic)));
    let origin = l.select(tiny, l.magic(bias + i64::from(mantissa)), l.magic(bias));
    let exponent = l.shl(l.int_sub(shifted, l.ik(bias)), mantissa);
    let m = l.float_from(l.int_sub(l.bits(x), exponent));
    Split { k: l.sub(k, origin), f: l.sub(m, l.k(1.0)) }
}

/// `log(1 + f) - f`, for the range of [`Split::f`], and `f^2 / 2`.
#[inline(always)]
fn log1p_tail<L: Lanes>(l: &L, f: L::F, low: L::F) -> L::F {
    let s = l.div(f, l.add(l.k(2.0), f));
    let z = l.mul(s, s);
    let r = l.mul(z, l.poly(z, L::Scalar::LOG_R));
    let half_square = l.mul(l.mul(l.k(0.5), f), f);
    l.sub(l.fma(s, l.add(half_square, r), low), half_square)
}

/// The value for zero, negative, infinite and NaN arguments; `value` for the others.
#[inline(always)]
fn finish<L: Lanes>(l: &L, x: L::F, value: L::F) -> L::F {
    let zero = l.k(0.0);
    let value = l.select(l.lt(x, l.k(f64::INFINITY)), value, x);
    let value = l.select(l.eq(x, zero), l.k(f64::NEG_INFINITY), value);
    l.select(l.lt(x, zero), l.k(f64::NAN), value)
}

/// The natural logarithm.
#[inline(always)]
pub fn log<L: Lanes>(l: &L, x: L::F) -> L::F {
    let Split { k, f } = split(l, x);
    finish(l, x, assemble(l, k, f, l.k(0.0)))
}

/// `k ln 2 + log(1 + f) + low`
#[inline(always)]
fn assemble<L: Lanes>(l: &L, k: L::F, f: L::F, low: L::F) -> L::F {
    let low = l.fma(k, l.float(L::Scalar::LN2_LOW), low);
    let tail = log1p_tail(l, f, low);
    l.fma(k, l.float(L::Scalar::LN2_HIGH), l.add(f, tail))
}

/// The logarithm to base 2; exact for powers of two.
#[inline(always)]
pub fn log2<L: Lanes>(l: &L, x: L::F) -> L::F {
    let Split { k, f } = split(l, x);
    let tail = log1p_tail(l, f, l.k(0.0));
    // (f + tail) / ln 2 with the first product kept in two parts.
    let log2_e = l.float(L::Scalar::LOG2_E);
    let high = l.mul(f, log2_e);
    let error = l.fma(f, log2_e, l.neg(high));
    let low = l.fma(tail, log2_e, l.fma(f, l.float(L::Scalar::LOG2_E_LOW), error));
    let sum = l.add(k, high);
    let lost = l.add(l.sub(k, sum), high);
    finish(l, x, l.add(sum, l.add(lost, low)))
}

/// `log(1 + x)`
#[inline(always)]
pub fn log1p<L: Lanes>(l: &L, x: L::F) -> L::F {
    let value = log1p_sum(l, l.k(1.0), x, l.k(0.0));
    let tiny = l.lt(l.abs(x), l.k(2f64.powi(-(L::Scalar::MANTISSA as i32) - 2)));
    l.select(tiny, x, value)
}

/// `log(a + b) + k ln 2`, where the sum may need more digits than it has.
#[inline(always)]
pub(super) fn log1p_sum<L: Lanes>(l: &L, a: L::F, b: L::F, k: L::F) -> L::F {
    let u = l.add(a, b);
    // What the rounding of u lost, exactly (two-sum).
    let b_part = l.sub(u, a);
    let lost = l.add(l.sub(a, l.sub(u, b_part)), l.sub(b, b_part));
    let Split { k: exponent, f } = split(l, u);
    let value = assemble(l, l.add(exponent, k), f, l.div(lost, u));
    finish(l, u, value)
}
