//! Inverse circular functions.
//!
//! `atan` and `atan2` bring the argument to a ratio in `[0, 1]`, `asin` and `acos` use a series near zero and the half-angle formula
//! `asin(x) = pi/2 - 2 asin(sqrt((1 - x) / 2))` beyond one half (W. J. Cody and W. Waite, 1980). Multiples of `pi/2` are added in two parts.

use super::lanes::Lanes;

/// Constants of the inverse circular functions for one float type.
pub trait InverseTables: Sized + 'static {
    /// `(atan t - t) / t^3` in `t^2`, minimax relative to `atan t / t^3` on `[0, 1]`.
    const ATAN: &'static [Self];
    /// `(asin t - t) / t^3` in `t^2`, minimax relative to `asin t / t^3` on `[0, 1/2]`.
    const ASIN: &'static [Self];
    /// `pi/2` in two parts.
    const PI_2: [Self; 2];
}

impl InverseTables for f32 {
    // Error 2^-28.49.
    const ATAN: &'static [f32] = &[
        -0.333333,
        0.1999853,
        -0.14264016,
        0.10950881,
        -0.08399309,
        0.057881366,
        -0.031096783,
        0.010868427,
        -0.0017827213,
    ];
    // Error 2^-27.62.
    const ASIN: &'static [f32] = &[0.16666752, 0.074953094, 0.045469135, 0.02418493, 0.042157937];
    const PI_2: [f32; 2] = [std::f32::consts::FRAC_PI_2, -4.371139e-8];
}

impl InverseTables for f64 {
    // Error 2^-54.92, of which 2^-57.59 before rounding.
    const ATAN: &'static [f64] = &[
        -0.3333333333333307,
        0.19999999999951443,
        -0.14285714282574105,
        0.11111111006999846,
        -0.09090907002589423,
        0.0769227983529496,
        -0.06666404029989037,
        0.058805276771332356,
        -0.05253518045149614,
        0.04722320804756892,
        -0.04219175974752814,
        0.03664186314960078,
        -0.029903800965155297,
        0.021984802554135947,
        -0.01390052897249825,
        0.007196491770363905,
        -0.0028849174907222314,
        0.0008313230692392879,
        -0.00015216143525088313,
        1.3225160251902554e-05,
    ];
    // Error 2^-59.79.
    const ASIN: &'static [f64] = &[
        0.1666666666666676,
        0.07499999999970866,
        0.04464285717456061,
        0.03038194270992232,
        0.02237221493309252,
        0.017351612913608146,
        0.01398081067210371,
        0.011398985186407525,
        0.0107798905427213,
        0.0037075939733830655,
        0.021705009964796393,
        -0.020996226007971203,
        0.03262720885531702,
    ];
    const PI_2: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17];
}

/// An angle near `t`: `t + tail`, where the tail has its own rounding error only.
#[derive(Clone, Copy)]
struct Sum<L: Lanes> {
    t: L::F,
    tail: L::F,
}

/// `t + t^3 P(t^2)`
#[inline(always)]
fn odd<L: Lanes>(l: &L, t: L::F, z: L::F, c: &[L::Scalar]) -> Sum<L> {
    Sum { t, tail: l.mul(l.mul(t, z), l.poly(z, c)) }
}

/// `quarters * pi/2 + factor * r`, for a small whole number of quarters and a factor whose magnitude is a power of two. Where the
/// leading parts are close to each other their sum is exact.
#[inline(always)]
fn combine<L: Lanes>(l: &L, quarters: L::F, factor: L::F, r: Sum<L>) -> L::F {
    let [high, low] = L::Scalar::PI_2;
    let leading = l.fma(quarters, l.float(high), l.mul(factor, r.t));
    l.add(leading, l.fma(quarters, l.float(low), l.mul(factor, r.tail)))
}

/// The angle in `[0, pi/2]` of a point with coordinates that are not negative: `quarters * pi/2 + factor * r`.
#[inline(always)]
fn angle<L: Lanes>(l: &L, y: L::F, x: L::F) -> (L::F, L::F, Sum<L>) {
    let steep = l.lt(x, y);
    let (small, large) = (l.select(steep, x, y), l.select(steep, y, x));
    let t = l.div(small, large);
    let r = odd(l, t, l.mul(t, t), L::Scalar::ATAN);
    let one = l.k(1.0);
    (l.select(steep, one, l.k(0.0)), l.select(steep, l.k(-1.0), one), r)
}

/// The arc tangent.
#[inline(always)]
pub fn atan<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (quarters, factor, r) = angle(l, l.abs(x), l.k(1.0));
    l.with_sign(combine(l, quarters, factor, r), x)
}

/// The angle of the point `(x, y)`, in `[-pi, pi]`; the signs of zeros and infinities count as limits.
#[inline(always)]
pub fn atan2<L: Lanes>(l: &L, y: L::F, x: L::F) -> L::F {
    let (zero, one) = (l.k(0.0), l.k(1.0));
    let (ay, ax) = (l.abs(y), l.abs(x));
    // Both zero is the point (1, 0), both infinite the diagonal.
    let infinity = l.k(f64::INFINITY);
    let diagonal = l.both(l.eq(ay, infinity), l.eq(ax, infinity));
    let origin = l.both(l.eq(ay, zero), l.eq(ax, zero));
    let ax = l.select(l.either(diagonal, origin), one, ax);
    let ay = l.select(diagonal, one, ay);
    let (quarters, factor, r) = angle(l, ay, ax);
    // Left half plane, by the sign bit: pi minus the angle.
    let side = l.with_sign(one, x);
    let left = l.lt(side, zero);
    let quarters = l.select(left, l.sub(l.k(2.0), quarters), quarters);
    let value = combine(l, quarters, l.mul(side, factor), r);
    let ordered = l.both(l.eq(y, y), l.eq(x, x));
    l.select(ordered, l.with_sign(value, y), l.add(x, y))
}

/// The arc sine; NaN outside of `[-1, 1]`.
#[inline(always)]
pub fn asin<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (near, r) = half_angle(l, l.abs(x));
    let one = l.k(1.0);
    let quarters = l.select(near, l.k(0.0), one);
    let factor = l.select(near, one, l.k(-2.0));
    l.with_sign(combine(l, quarters, factor, r), x)
}

/// The arc cosine; NaN outside of `[-1, 1]`.
#[inline(always)]
pub fn acos<L: Lanes>(l: &L, x: L::F) -> L::F {
    let (near, r) = half_angle(l, l.abs(x));
    let (zero, one, two) = (l.k(0.0), l.k(1.0), l.k(2.0));
    let negative = l.lt(x, zero);
    let quarters = l.select(near, one, l.select(negative, two, zero));
    let factor = l.flip(l.select(near, l.k(-1.0), two), l.sign(x));
    combine(l, quarters, factor, r)
}

/// For `a` in `[0, 1/2]` its arc sine, and true; beyond that the arc sine of `sqrt((1 - a) / 2)`.
#[inline(always)]
fn half_angle<L: Lanes>(l: &L, a: L::F) -> (L::M, Sum<L>) {
    let half = l.k(0.5);
    let near = l.le(a, half);
    let z = l.select(near, l.mul(a, a), l.fma(a, l.neg(half), half));
    let t = l.select(near, a, l.sqrt(z));
    (near, odd(l, t, z, L::Scalar::ASIN))
}
