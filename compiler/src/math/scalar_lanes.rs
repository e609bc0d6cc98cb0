//! Vector math as plain scalar Rust, for rustc to vectorise.
//!
//! [`ScalarLanes`] has one lane. Its operations inline completely and hold no branch, so a loop that applies a function to a
//! strip is turned into vector code for whatever target features the loop is compiled with: one definition
//! serves AVX-512, AVX2, NEON and the scalar tail alike, and the bits cannot depend on which of them ran.

use std::hint::select_unpredictable;
use std::marker::PhantomData;

use super::lanes::Lanes;
use super::payne_hanek::{self, Angle, Words};

/// Scalar Rust. `FAR` tells whether arguments that need Payne-Hanek reduction are handled: that branch would keep a loop
/// from being vectorised, so a strip without such arguments runs `ScalarLanes<T, false>`, whose results for them are garbage.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScalarLanes<T, const FAR: bool = true>(PhantomData<T>);

impl<T, const FAR: bool> ScalarLanes<T, FAR> {
    /// The instance; it holds nothing.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! native {
    ($float:ident, $int:ident, $uint:ident) => {
        impl<const FAR: bool> Lanes for ScalarLanes<$float, FAR> {
            type Scalar = $float;
            type F = $float;
            type I = $int;
            type M = bool;

            #[inline(always)]
            fn float(&self, value: $float) -> $float {
                value
            }
            #[inline(always)]
            fn int(&self, value: $int) -> $int {
                value
            }
            #[inline(always)]
            fn add(&self, a: $float, b: $float) -> $float {
                a + b
            }
            #[inline(always)]
            fn sub(&self, a: $float, b: $float) -> $float {
                a - b
            }
            #[inline(always)]
            fn mul(&self, a: $float, b: $float) -> $float {
                a * b
            }
            #[inline(always)]
            fn div(&self, a: $float, b: $float) -> $float {
                a / b
            }
            #[inline(always)]
            fn fma(&self, a: $float, b: $float, c: $float) -> $float {
                a.mul_add(b, c)
            }
            #[inline(always)]
            fn neg(&self, a: $float) -> $float {
                -a
            }
            #[inline(always)]
            fn abs(&self, a: $float) -> $float {
                a.abs()
            }
            #[inline(always)]
            fn sqrt(&self, a: $float) -> $float {
                a.sqrt()
            }
            #[inline(always)]
            fn round_even(&self, a: $float) -> $float {
                a.round_ties_even()
            }
            #[inline(always)]
            fn min(&self, a: $float, b: $float) -> $float {
                select_unpredictable(a < b, a, b)
            }
            #[inline(always)]
            fn max(&self, a: $float, b: $float) -> $float {
                select_unpredictable(b < a, a, b)
            }
            #[inline(always)]
            fn lt(&self, a: $float, b: $float) -> bool {
                a < b
            }
            #[inline(always)]
            fn le(&self, a: $float, b: $float) -> bool {
                a <= b
            }
            #[inline(always)]
            fn eq(&self, a: $float, b: $float) -> bool {
                a == b
            }
            #[inline(always)]
            fn int_eq(&self, a: $int, b: $int) -> bool {
                a == b
            }
            #[inline(always)]
            fn both(&self, a: bool, b: bool) -> bool {
                a & b
            }
            #[inline(always)]
            fn either(&self, a: bool, b: bool) -> bool {
                a | b
            }
            #[inline(always)]
            fn not(&self, a: bool) -> bool {
                !a
            }
            #[inline(always)]
            fn select(&self, mask: bool, a: $float, b: $float) -> $float {
                select_unpredictable(mask, a, b)
            }
            #[inline(always)]
            fn bits(&self, a: $float) -> $int {
                a.to_bits() as $int
            }
            #[inline(always)]
            fn float_from(&self, a: $int) -> $float {
                $float::from_bits(a as $uint)
            }
            #[inline(always)]
            fn int_add(&self, a: $int, b: $int) -> $int {
                a.wrapping_add(b)
            }
            #[inline(always)]
            fn int_sub(&self, a: $int, b: $int) -> $int {
                a.wrapping_sub(b)
            }
            #[inline(always)]
            fn and(&self, a: $int, b: $int) -> $int {
                a & b
            }
            #[inline(always)]
            fn or(&self, a: $int, b: $int) -> $int {
                a | b
            }
            #[inline(always)]
            fn xor(&self, a: $int, b: $int) -> $int {
                a ^ b
            }
            #[inline(always)]
            fn shl(&self, a: $int, count: u32) -> $int {
                a << count
            }
            #[inline(always)]
            fn ushr(&self, a: $int, count: u32) -> $int {
                ((a as $uint) >> count) as $int
            }
            #[inline(always)]
            fn reduce_far(&self, x: $float, far: bool, near: Angle<Self>) -> Angle<Self> {
                if !FAR || !far {
                    return near;
                }
                let (quadrant, r) = far_angle(f64::from(x));
                Angle { quadrant: quadrant as $int, r: r as $float }
            }
        }
    };
}

native!(f32, i32, u32);
native!(f64, i64, u64);

/// Kept out of line: the strip loops hold many copies of the call, and it is rare.
#[cold]
#[inline(never)]
fn far_angle(x: f64) -> (i64, f64) {
    payne_hanek::reduce(&ScalarLanes::<f64>::new(), x, payne_hanek::WIDE_STEP)
}

impl Words for ScalarLanes<f64> {
    fn mul_low(&self, a: i64, b: i64) -> i64 {
        a.wrapping_mul(b)
    }
    fn mul_high(&self, a: i64, b: i64) -> i64 {
        ((u128::from(a as u64) * u128::from(b as u64)) >> 64) as i64
    }
    fn shl_by(&self, a: i64, count: i64) -> i64 {
        a.wrapping_shl(count as u32)
    }
    fn ushr_by(&self, a: i64, count: i64) -> i64 {
        (a as u64).wrapping_shr(count as u32) as i64
    }
    fn below(&self, a: i64, b: i64) -> bool {
        (a as u64) < b as u64
    }
    fn pick(&self, mask: bool, a: i64, b: i64) -> i64 {
        if mask { a } else { b }
    }
}
