//! Reduction of huge angles modulo a quarter turn, exactly.
//!
//! For `x = m * 2^e` with a 53-bit integer `m`, the wanted quantity is `x * 2/pi` modulo 4: two bits of quadrant and a
//! fraction. Bits of `2/pi` whose product with `2^e` weighs 4 or more contribute multiples of 4 and drop out; bits far below
//! the precision do not matter. So a window of 192 bits of `2/pi`, starting where `e` says, times `m`, in integer arithmetic modulo
//! `2^192`, is enough: no double comes closer to a multiple of `pi/2` than about `2^-61`, which leaves 76 correct bits.
//!
//! Source: M. Payne and R. Hanek, "Radian reduction for trigonometric functions", SIGNUM Newsletter 18, 1983; Muller et al.,
//! *Handbook of Floating-Point Arithmetic*, 2nd ed., section 10.2.
//!
//! Both widths use the reduction for doubles: a float converts exactly, and the case is rare.

use super::lanes::Lanes;

/// An angle as `quadrant * pi/2 + r`.
pub struct Angle<L: Lanes> {
    /// The quadrant; only its two low bits mean something.
    pub quadrant: L::I,
    /// The rest, in `[-pi/4, pi/4]` up to rounding.
    pub r: L::F,
}

impl<L: Lanes> Clone for Angle<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Lanes> Copy for Angle<L> {}

/// What the reduction needs beyond [`Lanes`]: 64-bit words as unsigned integers. One lane.
pub trait Words: Lanes<Scalar = f64> {
    /// The low word of the product.
    fn mul_low(&self, a: Self::I, b: Self::I) -> Self::I;
    /// The high word of the unsigned product.
    fn mul_high(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Shift left by a variable amount in `0..64`.
    fn shl_by(&self, a: Self::I, count: Self::I) -> Self::I;
    /// Logical shift right by a variable amount in `0..64`.
    fn ushr_by(&self, a: Self::I, count: Self::I) -> Self::I;
    /// Unsigned `a < b`.
    fn below(&self, a: Self::I, b: Self::I) -> Self::M;
    /// `if mask { a } else { b }`
    fn pick(&self, mask: Self::M, a: Self::I, b: Self::I) -> Self::I;
}

/// The bits of `2/pi` after the binary point, after one word of zeros.
const TWO_OVER_PI: [u64; 20] = [
    0,
    0xa2f9836e4e441529,
    0xfc2757d1f534ddc0,
    0xdb6295993c439041,
    0xfe5163abdebbc561,
    0xb7246e3a424dd2e0,
    0x06492eea09d1921c,
    0xfe1deb1cb129a73e,
    0xe88235f52ebb4484,
    0xe99c7026b45f7e41,
    0x3991d639835339f4,
    0x9c845f8bbdf9283b,
    0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f,
    0x6d367ecf27cb09b7,
    0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea,
    0x6bfb5fb11f8d5d08,
    0x56033046fc7b6bab,
];

const PI_2_HIGH: f64 = std::f64::consts::FRAC_PI_2;
/// `pi/2 - PI_2_HIGH`
const PI_2_LOW: f64 = 6.123233995736766e-17;

/// The first step of the barrel shifter in [`window`] that finite doubles need.
pub(super) const WIDE_STEP: usize = 16;
/// First step of [`reduce`] for values that came from single precision.
pub(super) const NARROW_STEP: usize = 2;

/// Quadrant (its two low bits) and rest of a finite `x` with `|x| >= 2`.
pub(super) fn reduce<L: Words>(l: &L, x: L::F, first_step: usize) -> (L::I, L::F) {
    let bits = l.bits(l.abs(x));
    let significand = l.or(l.and(bits, l.ik((1 << 52) - 1)), l.ik(1 << 52));
    // The window starts at the bit of weight 2 after scaling: bit e - 2 after the point, plus 64 zeros.
    let start = l.int_sub(l.ushr(bits, 52), l.ik(1023 + 52 - 62));
    let turns = product(l, significand, window(l, start, first_step));
    let (quadrant, high, low) = split(l, turns);
    let r = l.mul(high, l.float(PI_2_HIGH));
    let error = l.fma(high, l.float(PI_2_HIGH), l.neg(r));
    let tail = l.fma(high, l.float(PI_2_LOW), l.fma(low, l.float(PI_2_HIGH), error));
    let negative = l.lt(x, l.k(0.0));
    let flipped = l.int_sub(l.ik(0), quadrant);
    (l.pick(negative, flipped, quadrant), l.flip(l.add(r, tail), l.sign(x)))
}

/// 192 bits of `2/pi` from bit `start`, most significant word first. `start / 64` must be below `2 * first_step`.
fn window<L: Words>(l: &L, start: L::I, first_step: usize) -> [L::I; 3] {
    // A barrel shifter: no table in memory is needed, so emitted code needs no data section.
    let mut words: Vec<L::I> = TWO_OVER_PI[..first_step + 4].iter().map(|&word| l.ik(word as i64)).collect();
    let mut step = first_step;
    while step > 0 {
        let stay = l.int_eq(l.and(start, l.ik(step as i64 * 64)), l.ik(0));
        for i in 0..(3 + step).min(words.len() - step) {
            words[i] = l.pick(stay, words[i], words[i + step]);
        }
        step /= 2;
    }
    let left = l.and(start, l.ik(63));
    let right = l.int_sub(l.ik(63), left);
    let join = |a, b| l.or(l.shl_by(a, left), l.ushr_by(l.ushr(b, 1), right));
    [join(words[0], words[1]), join(words[1], words[2]), join(words[2], words[3])]
}

/// `m * w` modulo `2^192`, most significant word first.
fn product<L: Words>(l: &L, m: L::I, w: [L::I; 3]) -> [L::I; 3] {
    let low = l.mul_low(m, w[2]);
    let (carry_in, partial) = (l.mul_high(m, w[2]), l.mul_low(m, w[1]));
    let middle = l.int_add(carry_in, partial);
    let carry = l.pick(l.below(middle, partial), l.ik(1), l.ik(0));
    let high = l.int_add(l.int_add(l.mul_high(m, w[1]), l.mul_low(m, w[0])), carry);
    [high, middle, low]
}

/// Splits a fixed-point number of quarter turns, two bits before the point, into the nearest integer and the rest as the sum of two doubles.
fn split<L: Words>(l: &L, turns: [L::I; 3]) -> (L::I, L::F, L::F) {
    let quadrant = l.ushr(l.int_add(turns[0], l.ik(1 << 61)), 62);
    let high = l.or(l.shl(turns[0], 2), l.ushr(turns[1], 62));
    let low = l.or(l.shl(turns[1], 2), l.ushr(turns[2], 62));
    // Four pieces of 32 bits, the first signed: each is exact as a double.
    let sign_bias = 1i64 << 31;
    let top = l.int_sub(l.ushr(l.xor(high, l.ik(i64::MIN)), 32), l.ik(sign_bias));
    let piece = |bits, weight: i32| l.mul(l.to_float(bits), l.k(2f64.powi(-weight)));
    let half = l.ik(0xffff_ffff);
    let (a, b) = (piece(top, 32), piece(l.and(high, half), 64));
    let (c, d) = (piece(l.ushr(low, 32), 96), piece(l.and(low, half), 128));
    let sum = l.add(a, b);
    let rest = l.add(l.sub(b, l.sub(sum, a)), l.add(c, d));
    let whole = l.add(sum, rest);
    (quadrant, whole, l.sub(rest, l.sub(whole, sum)))
}
