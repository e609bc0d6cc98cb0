//! Roots and powers: `cbrt`, `pow`.
//!
//! `pow` needs the logarithm to about ten more bits than a float has, since the exponential multiplies its absolute error by
//! the exponent's magnitude. It is computed as the sum of two floats: `log(1 + f) = 2s + 2/3 s^3 + s^5 R(s^2)` with `s = f / (2 + f)`, the
//! first two terms as pairs, the rest as a float. Arithmetic on pairs follows T. J. Dekker, "A floating-point technique
//! for extending the available precision", 1971, shortened by fused multiply-adds.

use super::exp::{self, ExpTables as _, clamp, expm1_kernel, scale, scale_bias};
use super::lanes::{Lanes, Real};
use super::log::{self, LogTables as _};

/// Constants of powers for one float type.
pub trait PowerTables: Sized + 'static {
    /// `(2 atanh(s) - 2 s - 2/3 s^3) / s^5` in `s^2` for `|s| <= (sqrt 2 - 1) / (sqrt 2 + 1)`, minimax relative to `2 atanh(s) / s^5`.
    const POW_R: &'static [Self];
    /// `2/3` in two parts.
    const TWO_THIRDS: [Self; 2];
    /// `m^(-1/3)` on `[sqrt(1/8), sqrt(8))`, minimax relative.
    const CBRT_SEED: &'static [Self];
    /// Steps by which Newton's iteration brings the seed to full precision.
    const CBRT_STEPS: usize;
}

impl PowerTables for f32 {
    // Error 2^-35.76.
    const POW_R: &'static [f32] = &[0.40000153, 0.28547078, 0.23420136];
    const TWO_THIRDS: [f32; 2] = [0.6666667, -1.9868216e-8];
    // Error 2^-7.15.
    const CBRT_SEED: &'static [f32] = &[1.8918718, -1.7635934, 1.2278627, -0.41568816, 0.05299129];
    const CBRT_STEPS: usize = 2;
}

impl PowerTables for f64 {
    // Error 2^-72.32.
    const POW_R: &'static [f64] = &[
        0.39999999999999974,
        0.28571428571447044,
        0.22222222217070092,
        0.1818181892713121,
        0.15384553021454297,
        0.13336464532922832,
        0.11671851702159142,
        0.12012563415827955,
    ];
    const TWO_THIRDS: [f64; 2] = [0.6666666666666666, 3.700743415417188e-17];
    // Error 2^-7.15.
    const CBRT_SEED: &'static [f64] = &[1.8918718, -1.7635934, 1.2278627, -0.41568816, 0.05299129];
    const CBRT_STEPS: usize = 3;
}

/// The sum of two floats, the second at most half a unit in the last place of the first.
struct Pair<L: Lanes> {
    high: L::F,
    low: L::F,
}

/// Renormalises, for `|a| >= |b|` or `a = 0`.
#[inline(always)]
fn fast_two_sum<L: Lanes>(l: &L, a: L::F, b: L::F) -> Pair<L> {
    let high = l.add(a, b);
    Pair { high, low: l.add(l.sub(a, high), b) }
}

/// The product.
#[inline(always)]
fn times<L: Lanes>(l: &L, a: &Pair<L>, b: &Pair<L>) -> Pair<L> {
    let high = l.mul(a.high, b.high);
    let error = l.fma(a.high, b.high, l.neg(high));
    Pair { high, low: l.fma(a.high, b.low, l.fma(a.low, b.high, error)) }
}

#[inline(always)]
fn constant<L: Lanes>(l: &L, [high, low]: [L::Scalar; 2]) -> Pair<L> {
    Pair { high: l.float(high), low: l.float(low) }
}

/// `log2(x)` for finite `x > 0`.
#[inline(always)]
fn log2_pair<L: Lanes>(l: &L, x: L::F) -> Pair<L> {
    let log::Split { k, f } = log::split(l, x);
    // s = f / (2 + f), the denominator being a pair too.
    let two = l.k(2.0);
    let d = fast_two_sum(l, two, f);
    let reciprocal = l.div(l.k(1.0), d.high);
    let high = l.mul(f, reciprocal);
    let rest = l.fma(l.neg(high), d.low, l.fma(l.neg(high), d.high, f));
    let s = Pair { high, low: l.mul(rest, reciprocal) };
    let square = times(l, &s, &s);
    let cube = times(l, &square, &s);
    let third = times(l, &cube, &constant(l, L::Scalar::TWO_THIRDS));
    let fifth = l.mul(l.mul(cube.high, square.high), l.poly(square.high, L::Scalar::POW_R));
    let sum = fast_two_sum(l, l.mul(two, s.high), third.high);
    let tail = l.add(l.add(fifth, third.low), l.fma(two, s.low, sum.low));
    let log = fast_two_sum(l, sum.high, tail);
    let log2 = times(l, &log, &constant(l, [L::Scalar::LOG2_E, L::Scalar::LOG2_E_LOW]));
    let whole = fast_two_sum(l, k, log2.high);
    fast_two_sum(l, whole.high, l.add(whole.low, log2.low))
}

/// `2^(y * log)`
#[inline(always)]
fn exp2_product<L: Lanes>(l: &L, y: L::F, log: &Pair<L>) -> L::F {
    let product = l.mul(y, log.high);
    let high = clamp(l, product, L::Scalar::EXP2_MIN, L::Scalar::EXP2_MAX);
    let low = l.fma(y, log.low, l.fma(y, log.high, l.neg(product)));
    // Out of range the low part may be anything, and does not matter.
    let low = l.select(l.eq(high, product), low, l.k(0.0));
    let magic = l.magic(scale_bias::<L>());
    let shifted = l.add(high, magic);
    let fraction = Pair::<L> { high: l.sub(high, l.sub(shifted, magic)), low };
    let r = times(l, &fraction, &constant(l, [L::Scalar::LN2_HIGH, L::Scalar::LN2_LOW]));
    // e^(high + low) - 1, to first order in low.
    let p = expm1_kernel(l, r.high);
    let p = l.add(p, l.fma(r.low, p, r.low));
    scale(l, exp::Split { n: l.bits(shifted), p })
}

/// `x^y`, with the special cases of C's `pow`.
#[inline(always)]
pub fn pow<L: Lanes>(l: &L, x: L::F, y: L::F) -> L::F {
    let (zero, one, infinity) = (l.k(0.0), l.k(1.0), l.k(f64::INFINITY));
    let a = l.abs(x);
    let mut log = log2_pair(l, a);
    log.high = l.select(l.eq(a, infinity), infinity, log.high);
    log.high = l.select(l.eq(a, zero), l.k(f64::NEG_INFINITY), log.high);
    let value = exp2_product(l, y, &log);
    // |x| = 1 has logarithm zero, which an infinite y must not turn into NaN.
    let value = l.select(l.both(l.eq(a, one), l.eq(y, y)), one, value);
    let value = l.select(l.eq(x, x), value, x);
    let half = l.mul(y, l.k(0.5));
    let whole = l.eq(l.round_even(y), y);
    let odd = l.both(whole, l.not(l.eq(l.round_even(half), half)));
    let value = l.select(odd, l.float_from(l.or(l.bits(value), l.sign(x))), value);
    let imaginary = l.both(l.both(l.lt(x, zero), l.lt(a, infinity)), l.not(whole));
    let value = l.select(imaginary, l.k(f64::NAN), value);
    l.select(l.either(l.eq(y, zero), l.eq(x, one)), one, value)
}

/// The cube root.
///
/// With `|x| = 2^(3j) m`, a polynomial seed for `y = m^(-1/3)` is refined by Newton's iteration, which for this function needs no
/// division; then `m y^2`, corrected once by its residual.
#[inline(always)]
pub fn cbrt<L: Lanes>(l: &L, x: L::F) -> L::F {
    let a = l.abs(x);
    let log::Split { k, f } = log::split(l, a);
    let j = l.round_even(l.mul(k, l.k(1.0 / 3.0)));
    let m = l.mul(l.add(f, l.k(1.0)), power(l, l.fma(j, l.k(-3.0), k)));
    let mut y = l.poly(m, L::Scalar::CBRT_SEED);
    let third = l.k(1.0 / 3.0);
    for _ in 0..L::Scalar::CBRT_STEPS {
        let error = l.fma(l.neg(l.mul(m, y)), l.mul(y, y), l.k(1.0));
        y = l.fma(l.mul(y, third), error, y);
    }
    let square = l.mul(y, y);
    let root = l.mul(m, square);
    // (m - root^3) / (3 root^2), with root^2 as a pair; 1 / root^2 is y^2.
    let high = l.mul(root, root);
    let low = l.fma(root, root, l.neg(high));
    let residual = l.fma(l.neg(root), low, l.fma(l.neg(root), high, m));
    let root = l.fma(residual, l.mul(third, square), root);
    let value = l.with_sign(l.mul(root, power(l, j)), x);
    let ordinary = l.both(l.lt(l.k(0.0), a), l.lt(a, l.k(f64::INFINITY)));
    l.select(ordinary, value, x)
}

/// `2^n` for a small whole number.
#[inline(always)]
fn power<L: Lanes>(l: &L, n: L::F) -> L::F {
    exp::power_of_two(l, l.bits(l.add(n, l.magic(L::Scalar::BIAS))))
}
