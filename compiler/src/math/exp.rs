//! The exponential and what is built on its kernel: `exp`, `exp2`, `expm1`, `logistic`, `tanh`.
//!
//! All share [`split`]: with `n = round(x / ln 2)` and `r = x - n ln 2`, reduced in two steps (W. J. Cody and W. Waite, *Software Manual for
//! the Elementary Functions*, 1980), `e^x = 2^n (1 + p)` where `p = e^r - 1` comes from a minimax polynomial that is
//! accurate *relative to `p`*. So `e^x - 1 = 2^n p + (2^n - 1)` and its relatives need no further approximation
//! and no branch near zero: the parenthesis is exact and the fused multiply-add rounds once.

use super::lanes::{Lanes, Real};

/// Constants of the exponential for one float type.
pub trait ExpTables: Sized + 'static {
    /// `(e^r - 1 - r) / r^2` on `|r| <= ln(2) / 2`, minimax relative to `(e^r - 1) / r^2` (Remez exchange in
    /// 200-bit arithmetic; coefficients rounded one after the other, the rest refitted each time).
    const EXP_Q: &'static [Self];
    /// `1 / ln 2`
    const LOG2_E: Self;
    /// `ln 2`, rounded.
    const LN2_HIGH: Self;
    /// `ln 2 - LN2_HIGH`
    const LN2_LOW: Self;
    /// From here up `e^x` overflows, with a little room.
    const EXP_MAX: Self;
    /// From here down `e^x` rounds to zero, with a little room.
    const EXP_MIN: Self;
    /// The same for `2^x`.
    const EXP2_MAX: Self;
    /// The same for `2^x`.
    const EXP2_MIN: Self;
    /// From here down `e^x - 1` rounds to -1.
    const EXPM1_MIN: Self;
    /// From here up `1 / (1 + e^x)` rounds to zero, with a little room.
    const LOGISTIC_MAX: Self;
    /// See [`logistic`].
    const LOGISTIC_SHIFT: i64;
    /// From here up `sinh` and `cosh` overflow, with a little room.
    const SINH_MAX: Self;
    /// From here up `tanh` rounds to 1.
    const TANH_MAX: Self;
}

impl ExpTables for f32 {
    // Error 2^-26.05.
    const EXP_Q: &'static [f32] = &[0.49999997, 0.16666542, 0.041667406, 0.008366718, 0.0013873504];
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    const LN2_HIGH: f32 = std::f32::consts::LN_2;
    const LN2_LOW: f32 = -1.9046542e-9;
    const EXP_MAX: f32 = 89.0;
    const EXP_MIN: f32 = -104.0;
    const EXP2_MAX: f32 = 129.0;
    const EXP2_MIN: f32 = -151.0;
    const EXPM1_MIN: f32 = -18.0;
    const LOGISTIC_MAX: f32 = 104.0;
    const LOGISTIC_SHIFT: i64 = 64;
    const SINH_MAX: f32 = 89.5;
    const TANH_MAX: f32 = 9.5;
}

impl ExpTables for f64 {
    // Error 2^-61.48.
    const EXP_Q: &'static [f64] = &[
        0.5,
        0.16666666666666677,
        0.041666666666666685,
        0.00833333333332185,
        0.0013888888888898823,
        0.00019841269885264792,
        2.4801587260112635e-05,
        2.7557245116102714e-06,
        2.7557351618751824e-07,
        2.5108744350895496e-08,
        2.0885600744494258e-09,
    ];
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    const LN2_HIGH: f64 = std::f64::consts::LN_2;
    const LN2_LOW: f64 = 2.3190468138462996e-17;
    const EXP_MAX: f64 = 710.0;
    const EXP_MIN: f64 = -746.0;
    const EXP2_MAX: f64 = 1025.0;
    const EXP2_MIN: f64 = -1076.0;
    const EXPM1_MIN: f64 = -38.0;
    const LOGISTIC_MAX: f64 = 746.0;
    const LOGISTIC_SHIFT: i64 = 128;
    const SINH_MAX: f64 = 710.6;
    const TANH_MAX: f64 = 20.0;
}

/// `e^x = 2^n (1 + p)`
#[derive(Clone, Copy)]
pub(super) struct Split<L: Lanes> {
    /// `n + bias` in the low bits.
    pub(super) n: L::I,
    /// `e^r - 1`
    pub(super) p: L::F,
}

/// Splits `x`, which must be clamped by the caller to keep `n` within range; `n` comes with `bias` added.
#[inline(always)]
pub(super) fn split<L: Lanes>(l: &L, x: L::F, bias: i64) -> Split<L> {
    let magic = l.magic(bias);
    let shifted = l.fma(x, l.float(L::Scalar::LOG2_E), magic);
    let n = l.sub(shifted, magic);
    let r = l.fma(n, l.neg(l.float(L::Scalar::LN2_HIGH)), x);
    let r = l.fma(n, l.neg(l.float(L::Scalar::LN2_LOW)), r);
    Split { n: l.bits(shifted), p: expm1_kernel(l, r) }
}

/// `e^r - 1` for `|r| <= ln(2) / 2`.
#[inline(always)]
pub(super) fn expm1_kernel<L: Lanes>(l: &L, r: L::F) -> L::F {
    l.fma(l.poly(r, L::Scalar::EXP_Q), l.mul(r, r), r)
}

/// `2^n` for an `n` that comes with the exponent's bias added.
#[inline(always)]
pub(super) fn power_of_two<L: Lanes>(l: &L, biased: L::I) -> L::F {
    l.float_from(l.shl(biased, L::Scalar::MANTISSA))
}

/// Twice the exponent bias: what [`scale`] wants added to `n`.
#[inline(always)]
pub(super) fn scale_bias<L: Lanes>() -> i64 {
    2 * L::Scalar::BIAS
}

/// `2^n (1 + p)`, by two multiplications with half the exponent each so that overflow and gradual underflow come out right.
/// `n` carries [`scale_bias`].
#[inline(always)]
pub(super) fn scale<L: Lanes>(l: &L, Split { n, p }: Split<L>) -> L::F {
    let (first, second) = halves(l, n);
    l.mul(l.fma(first, p, first), second)
}

/// Two powers of two whose product is `2^n`; `n` carries [`scale_bias`].
#[inline(always)]
pub(super) fn halves<L: Lanes>(l: &L, n: L::I) -> (L::F, L::F) {
    let half = l.ushr(n, 1);
    (power_of_two(l, half), power_of_two(l, l.int_sub(n, half)))
}

/// `x` limited to `[low, high]`; NaN passes.
#[inline(always)]
pub(super) fn clamp<L: Lanes>(l: &L, x: L::F, low: L::Scalar, high: L::Scalar) -> L::F {
    l.max(l.float(low), l.min(l.float(high), x))
}

/// `e^x`
#[inline(always)]
pub fn exp<L: Lanes>(l: &L, x: L::F) -> L::F {
    let x = clamp(l, x, L::Scalar::EXP_MIN, L::Scalar::EXP_MAX);
    scale(l, split(l, x, scale_bias::<L>()))
}

/// `2^x`
#[inline(always)]
pub fn exp2<L: Lanes>(l: &L, x: L::F) -> L::F {
    let x = clamp(l, x, L::Scalar::EXP2_MIN, L::Scalar::EXP2_MAX);
    let magic = l.magic(scale_bias::<L>());
    let shifted = l.add(x, magic);
    // The difference is exact, so rounding happens only in the product.
    let r = l.mul(l.sub(x, l.sub(shifted, magic)), l.float(L::Scalar::LN2_HIGH));
    scale(l, Split { n: l.bits(shifted), p: expm1_kernel(l, r) })
}

/// `e^x - 1`
#[inline(always)]
pub fn expm1<L: Lanes>(l: &L, x: L::F) -> L::F {
    let limited = clamp(l, x, L::Scalar::EXPM1_MIN, L::Scalar::EXP_MAX);
    // Half of 2^n, which is finite even where the result is the largest there is.
    let Split { n, p } = split(l, limited, L::Scalar::BIAS - 1);
    let s = power_of_two(l, n);
    let half = l.fma(s, p, l.sub(s, l.k(0.5)));
    // Where halving would lose bits to gradual underflow the result is x itself, with its sign if it is zero.
    let tiny = l.lt(l.abs(x), l.mul(l.float(L::Scalar::MIN_POSITIVE), l.k(16.0)));
    l.select(tiny, x, l.add(half, half))
}

/// `1 / (1 + e^-x)`, accurate also in the far left tail, where it is `e^x`.
///
/// Numerator and denominator are scaled by `2^-LOGISTIC_SHIFT`: there, too, the denominator stays finite, and the division
/// alone rounds to a subnormal.
#[inline(always)]
pub fn logistic<L: Lanes>(l: &L, x: L::F) -> L::F {
    let shift = L::Scalar::LOGISTIC_SHIFT;
    let limited = clamp(l, l.neg(x), L::Scalar::EXPM1_MIN, L::Scalar::LOGISTIC_MAX);
    let Split { n, p } = split(l, limited, L::Scalar::BIAS - shift);
    let s = power_of_two(l, n);
    let above = l.k(2f64.powi(-shift as i32));
    l.div(above, l.fma(s, p, l.add(above, s)))
}

/// The hyperbolic tangent, as `(1 - e^-2|x|) / (1 + e^-2|x|)`.
#[inline(always)]
pub fn tanh<L: Lanes>(l: &L, x: L::F) -> L::F {
    let one = l.k(1.0);
    let a = l.min(l.float(L::Scalar::TANH_MAX), l.abs(x));
    let Split { n, p } = split(l, l.mul(a, l.k(-2.0)), L::Scalar::BIAS);
    let s = power_of_two(l, n);
    let above = l.fma(l.neg(s), p, l.sub(one, s));
    let below = l.fma(s, p, l.add(one, s));
    l.with_sign(l.div(above, below), x)
}
