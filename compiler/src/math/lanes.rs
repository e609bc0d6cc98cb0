//! The vocabulary that vector math is written in: vectors of floats, of integers of the same width, and masks.
//!
//! A function such as `exp` is written once against [`Lanes`] and instantiated twice: by [`Emit`](super::Emit), whose
//! operations append CLIF instructions, and by [`ScalarLanes`](super::ScalarLanes), whose operations are plain scalar
//! Rust that rustc inlines into a strip loop and vectorises. Both perform the same IEEE operations in the same
//! order, so both give the same bits. Three rules keep it that way:
//!
//! * Fusion is explicit: [`Lanes::fma`] rounds once, [`Lanes::mul`] followed by [`Lanes::add`] twice.
//! * There are no branches on lane values, only [`Lanes::select`]; all lanes compute everything.
//! * Each primitive exists as one instruction (or a short fixed sequence) on every target. That is why there is
//!   no conversion between floats and 64-bit integers: the additive "magic number" trick does it (see [`Lanes::magic`]).
//!
//! The sign and the payload of a NaN are unspecified.

use super::payne_hanek::Angle;
use super::{erf, exp, inverse, log, power, trig};

/// Every table of constants the functions need, for one float type.
pub trait Scalar:
    Real
    + exp::ExpTables
    + log::LogTables
    + trig::TrigTables
    + inverse::InverseTables
    + power::PowerTables
    + erf::ErfTables
{
}

impl Scalar for f32 {}
impl Scalar for f64 {}

/// A float type as a bit format.
pub trait Real: Copy + PartialOrd + 'static {
    /// The signed integer of the same width.
    type Int: Copy;
    /// Stored bits of the significand: 23 or 52.
    const MANTISSA: u32;
    /// The exponent bias: 127 or 1023.
    const BIAS: i64;
    /// Bits in all: 32 or 64.
    const BITS: u32;
    /// The smallest normal number.
    const MIN_POSITIVE: Self;
    /// The nearest value of this type.
    fn nearest(value: f64) -> Self;
    /// The bit pattern, sign-extended.
    fn pattern(self) -> i64;
    /// Truncates an integer to this width.
    fn int(value: i64) -> Self::Int;
    /// Sign-extends an integer of this width.
    fn widen(value: Self::Int) -> i64;
}

impl Real for f32 {
    type Int = i32;
    const MANTISSA: u32 = 23;
    const BIAS: i64 = 127;
    const BITS: u32 = 32;
    const MIN_POSITIVE: Self = f32::MIN_POSITIVE;
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn pattern(self) -> i64 {
        i64::from(self.to_bits() as i32)
    }
    #[inline(always)]
    fn int(value: i64) -> i32 {
        value as i32
    }
    #[inline(always)]
    fn widen(value: i32) -> i64 {
        i64::from(value)
    }
}

impl Real for f64 {
    type Int = i64;
    const MANTISSA: u32 = 52;
    const BIAS: i64 = 1023;
    const BITS: u32 = 64;
    const MIN_POSITIVE: Self = f64::MIN_POSITIVE;
    #[inline(always)]
    fn nearest(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn pattern(self) -> i64 {
        self.to_bits() as i64
    }
    #[inline(always)]
    fn int(value: i64) -> i64 {
        value
    }
    #[inline(always)]
    fn widen(value: i64) -> i64 {
        value
    }
}

/// Lane-wise operations on vectors of some fixed, possibly unit, length.
///
/// Methods take `&self` so that calls nest as expressions do; an instance that must mutate (the CLIF one appends
/// instructions) does so behind a `RefCell`.
pub trait Lanes: Sized {
    /// Type of one lane.
    type Scalar: Scalar;
    /// A vector of floats.
    type F: Copy;
    /// A vector of signed integers as wide as the floats.
    type I: Copy;
    /// One truth value a lane.
    type M: Copy;

    /// The same float in all lanes.
    fn float(&self, value: Self::Scalar) -> Self::F;
    /// The same integer in all lanes.
    fn int(&self, value: <Self::Scalar as Real>::Int) -> Self::I;

    /// `a + b`
    fn add(&self, a: Self::F, b: Self::F) -> Self::F;
    /// `a - b`
    fn sub(&self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b`
    fn mul(&self, a: Self::F, b: Self::F) -> Self::F;
    /// `a / b`
    fn div(&self, a: Self::F, b: Self::F) -> Self::F;
    /// `a * b + c`, rounded once.
    fn fma(&self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// Flips the sign.
    fn neg(&self, a: Self::F) -> Self::F;
    /// Clears the sign.
    fn abs(&self, a: Self::F) -> Self::F;
    /// The correctly rounded square root.
    fn sqrt(&self, a: Self::F) -> Self::F;
    /// The nearest integer, ties to even.
    fn round_even(&self, a: Self::F) -> Self::F;
    /// `if a < b { a } else { b }`: gives `b` where either is NaN.
    fn min(&self, a: Self::F, b: Self::F) -> Self::F;
    /// `if b < a { a } else { b }`: gives `b` where either is NaN.
    fn max(&self, a: Self::F, b: Self::F) -> Self::F;

    /// `a < b`, false for NaN.
    fn lt(&self, a: Self::F, b: Self::F) -> Self::M;
    /// `a <= b`, false for NaN.
    fn le(&self, a: Self::F, b: Self::F) -> Self::M;
    /// `a == b`, false for NaN.
    fn eq(&self, a: Self::F, b: Self::F) -> Self::M;
    /// `a == b` of integers.
    fn int_eq(&self, a: Self::I, b: Self::I) -> Self::M;
    /// Both.
    fn both(&self, a: Self::M, b: Self::M) -> Self::M;
    /// Either.
    fn either(&self, a: Self::M, b: Self::M) -> Self::M;
    /// Negation of a mask.
    fn not(&self, a: Self::M) -> Self::M;
    /// `if mask { a } else { b }`
    fn select(&self, mask: Self::M, a: Self::F, b: Self::F) -> Self::F;

    /// The bit pattern of a float.
    fn bits(&self, a: Self::F) -> Self::I;
    /// The float with a bit pattern.
    fn float_from(&self, a: Self::I) -> Self::F;
    /// Wrapping sum.
    fn int_add(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Wrapping difference.
    fn int_sub(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise and.
    fn and(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise or.
    fn or(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Bitwise exclusive or.
    fn xor(&self, a: Self::I, b: Self::I) -> Self::I;
    /// Shift left by a constant below the width.
    fn shl(&self, a: Self::I, count: u32) -> Self::I;
    /// Logical shift right by a constant below the width.
    fn ushr(&self, a: Self::I, count: u32) -> Self::I;

    /// Replaces `near` by the Payne-Hanek reduction of `x` in the lanes of `far`, whose arguments are too large
    /// for [`trig`]'s fast reduction. Such lanes are rare: an instance may branch around the work.
    fn reduce_far(&self, x: Self::F, far: Self::M, near: Angle<Self>) -> Angle<Self>;

    /// The constant nearest to `value`; meant for constants that are exact in both widths.
    #[inline(always)]
    fn k(&self, value: f64) -> Self::F {
        self.float(Self::Scalar::nearest(value))
    }

    /// An integer constant, truncated to the width of a lane.
    #[inline(always)]
    fn ik(&self, value: i64) -> Self::I {
        self.int(Self::Scalar::int(value))
    }

    /// `1.5 * 2^MANTISSA + bias`. Adding it to a float of magnitude below `2^(MANTISSA - 2)` rounds that to an
    /// integer `n`, whose value plus `bias` is then in the low bits of the sum.
    #[inline(always)]
    fn magic(&self, bias: i64) -> Self::F {
        self.k(1.5 * (1u64 << Self::Scalar::MANTISSA) as f64 + bias as f64)
    }

    /// The small integer `a` as a float, by the magic number.
    #[inline(always)]
    fn to_float(&self, a: Self::I) -> Self::F {
        let magic = self.magic(0);
        self.sub(self.float_from(self.int_add(a, self.bits(magic))), magic)
    }

    /// The sign bits of `a`.
    #[inline(always)]
    fn sign(&self, a: Self::F) -> Self::I {
        self.and(self.bits(a), self.ik(-1 << (Self::Scalar::BITS - 1)))
    }

    /// Flips the sign of `a` where `sign` has its sign bit set; `sign` must have no other bits set.
    #[inline(always)]
    fn flip(&self, a: Self::F, sign: Self::I) -> Self::F {
        self.float_from(self.xor(self.bits(a), sign))
    }

    /// The non-negative `a` with the sign of `b`.
    #[inline(always)]
    fn with_sign(&self, a: Self::F, b: Self::F) -> Self::F {
        self.float_from(self.or(self.bits(a), self.sign(b)))
    }

    /// The polynomial with the given coefficients, lowest first.
    ///
    /// Short ones by Horner's rule; longer ones as two or four interleaved Horner chains in `x^2` or `x^4`, which
    /// shortens the chain of dependent operations and costs only the extra powers.
    #[inline(always)]
    fn poly(&self, x: Self::F, c: &[Self::Scalar]) -> Self::F {
        match c.len() {
            0..=6 => self.horner(x, c, 0, 1),
            7..=12 => {
                let x2 = self.mul(x, x);
                self.fma(self.horner(x2, c, 1, 2), x, self.horner(x2, c, 0, 2))
            }
            _ => {
                let x2 = self.mul(x, x);
                let x4 = self.mul(x2, x2);
                let high = self.fma(self.horner(x4, c, 3, 4), x, self.horner(x4, c, 2, 4));
                let low = self.fma(self.horner(x4, c, 1, 4), x, self.horner(x4, c, 0, 4));
                self.fma(high, x2, low)
            }
        }
    }

    /// Horner's rule over the coefficients `c[first]`, `c[first + step]`, ...
    #[inline(always)]
    fn horner(&self, x: Self::F, c: &[Self::Scalar], first: usize, step: usize) -> Self::F {
        let mut i = first + (c.len() - 1 - first) / step * step;
        let mut sum = self.float(c[i]);
        while i > first {
            i -= step;
            sum = self.fma(sum, x, self.float(c[i]));
        }
        sum
    }
}
