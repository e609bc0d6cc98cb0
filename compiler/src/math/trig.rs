//! Sine, cosine and tangent.
//!
//! The angle becomes `n pi/2 + r`. Up to [`TrigTables::FAR`] by three fused multiply-adds with `pi/2` in three parts
//! (W. J. Cody and W. Waite, 1980; with fused operations the first step is exact even though the first part has all its bits). Beyond
//! that by [`payne_hanek`](super::payne_hanek), in lanes that need it. Then two minimax polynomials on `|r| <= pi/4`, of which the
//! quadrant selects one and the sign.

use super::lanes::{Lanes, Real};
use super::payne_hanek::Angle;

/// Constants of the circular functions for one float type.
pub trait TrigTables: Sized + 'static {
    /// `(sin r - r) / r^3` in `r^2`, minimax relative to `sin r / r^3` on `|r| <= pi/4`.
    const SIN: &'static [Self];
    /// `(cos r - 1 + r^2/2) / r^4` in `r^2`, minimax relative to `cos r / r^4` on `|r| <= pi/4`.
    const COS: &'static [Self];
    /// `-pi/2` in three parts, each rounded to nearest.
    const MINUS_PI_2: [Self; 3];
    /// `2/pi`
    const TWO_OVER_PI: Self;
    /// From here up the three parts are not precise enough.
    const FAR: Self;
}

impl TrigTables for f32 {
    // Error 2^-27.89.
    const SIN: &'static [f32] = &[-0.16666655, 0.008332187, -0.00019517896];
    // Error 2^-32.99.
    const COS: &'static [f32] = &[0.041666646, -0.001388731, 2.4432327e-5];
    const MINUS_PI_2: [f32; 3] = [-std::f32::consts::FRAC_PI_2, 4.371139e-8, 1.7151245e-15];
    const TWO_OVER_PI: f32 = std::f32::consts::FRAC_2_PI;
    const FAR: f32 = 131072.0;
}

impl TrigTables for f64 {
    // Error 2^-57.89.
    const SIN: &'static [f64] = &[
        -0.1666666666666663,
        0.00833333333332184,
        -0.00019841269829358135,
        2.7557313538258405e-06,
        -2.505073433795846e-08,
        1.5895430042014784e-10,
    ];
    // Error 2^-63.90.
    const COS: &'static [f64] = &[
        0.041666666666666595,
        -0.0013888888888873307,
        2.4801587288965243e-05,
        -2.755731420308563e-07,
        2.087570314020529e-09,
        -1.1358617003975377e-11,
    ];
    const MINUS_PI_2: [f64; 3] =
        [-std::f64::consts::FRAC_PI_2, -6.123233995736766e-17, 1.4973849048591698e-33];
    const TWO_OVER_PI: f64 = std::f64::consts::FRAC_2_PI;
    const FAR: f64 = 1048576.0;
}

/// Whether [`sin`], [`cos`] and [`tan`] need the slow reduction for `x`.
#[inline(always)]
pub fn is_far<L: Lanes>(l: &L, x: L::F) -> L::M {
    let a = l.abs(x);
    l.both(l.le(l.float(L::Scalar::FAR), a), l.lt(a, l.k(f64::INFINITY)))
}

/// Reduces `x` to a quadrant and a rest. Infinite and NaN arguments give a NaN rest.
#[inline(always)]
fn reduce<L: Lanes>(l: &L, x: L::F) -> Angle<L> {
    let magic = l.magic(0);
    let shifted = l.fma(x, l.float(L::Scalar::TWO_OVER_PI), magic);
    let n = l.sub(shifted, magic);
    let mut r = x;
    for part in L::Scalar::MINUS_PI_2 {
        r = l.fma(n, l.float(part), r);
    }
    l.reduce_far(x, is_far(l, x), Angle { quadrant: l.bits(shifted), r })
}

/// Sine and cosine of the rest of an angle.
#[inline(always)]
fn kernels<L: Lanes>(l: &L, r: L::F) -> (L::F, L::F) {
    let z = l.mul(r, r);
    let sin = l.fma(l.mul(r, z), l.poly(z, L::Scalar::SIN), r);
    let cos = l.fma(z, l.fma(z, l.poly(z, L::Scalar::COS), l.k(-0.5)), l.k(1.0));
    (sin, cos)
}

/// The sign bit set where bit 1 of the quadrant is.
#[inline(always)]
fn half_turn<L: Lanes>(l: &L, quadrant: L::I) -> L::I {
    l.shl(l.ushr(quadrant, 1), L::Scalar::BITS - 1)
}

/// True in even quadrants.
#[inline(always)]
fn even<L: Lanes>(l: &L, quadrant: L::I) -> L::M {
    l.int_eq(l.and(quadrant, l.ik(1)), l.ik(0))
}

/// The sine of `x` radians.
#[inline(always)]
pub fn sin<L: Lanes>(l: &L, x: L::F) -> L::F {
    // By the symmetry, so that sin(-0) = -0.
    let Angle { quadrant, r } = reduce(l, l.abs(x));
    let (sin, cos) = kernels(l, r);
    let value = l.select(even(l, quadrant), sin, cos);
    l.flip(value, l.xor(half_turn(l, quadrant), l.sign(x)))
}

/// The cosine of `x` radians.
#[inline(always)]
pub fn cos<L: Lanes>(l: &L, x: L::F) -> L::F {
    let Angle { quadrant, r } = reduce(l, x);
    let (sin, cos) = kernels(l, r);
    let value = l.select(even(l, quadrant), cos, sin);
    l.flip(value, half_turn(l, l.int_add(quadrant, l.ik(1))))
}

/// The tangent of `x` radians.
#[inline(always)]
pub fn tan<L: Lanes>(l: &L, x: L::F) -> L::F {
    let Angle { quadrant, r } = reduce(l, l.abs(x));
    let (sin, cos) = kernels(l, r);
    let even = even(l, quadrant);
    let value = l.div(l.select(even, sin, cos), l.select(even, cos, sin));
    let odd = l.shl(quadrant, L::Scalar::BITS - 1);
    l.flip(value, l.xor(odd, l.sign(x)))
}
