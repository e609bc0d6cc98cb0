//! The few vector operations that matrix products need, per instruction set.
//!
//! A [`Vector`] is a register of one instruction set; code generic over it is inlined into functions with that
//! instruction set enabled (see `kernel.rs`). Numbers that no register type below is for use [`Scalars`].

/// Numbers that products are computed in.
pub(crate) trait Number: Copy + Send + Sync + 'static {
    /// The neutral element of addition.
    const ZERO: Self;
    /// The number, of integers its whole part.
    fn constant(x: f32) -> Self;
    /// The sum; integers wrap.
    fn plus(self, other: Self) -> Self;
    /// `self * factor + addend`, for floats in one or two roundings as the instruction set has it.
    fn times_plus(self, factor: Self, addend: Self) -> Self;

    /// Writes four runs of numbers as sixteen groups of four, `pitch` apart.
    ///
    /// # Safety
    /// `to` is writable for all groups.
    #[inline(always)]
    unsafe fn write_transposed(runs: &[[Self; 16]; 4], to: *mut Self, pitch: usize) {
        for i in 0..16 {
            for (lane, run) in runs.iter().enumerate() {
                // SAFETY: the caller's promise.
                unsafe { *to.add(i * pitch + lane) = run[i] };
            }
        }
    }
}

/// [`Number::write_transposed`] for numbers of four bytes: four by four in registers, which every x86-64 has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn write_transposed_words<T>(runs: &[[T; 16]; 4], to: *mut T, pitch: usize) {
    use std::arch::x86_64::*;
    for i in (0..16).step_by(4) {
        // SAFETY: the arrays hold four numbers from `i` on, and the caller vouches for the target.
        unsafe {
            let load = |run: usize| _mm_loadu_ps(runs[run].as_ptr().add(i).cast());
            let (mut a, mut b, mut c, mut d) = (load(0), load(1), load(2), load(3));
            _MM_TRANSPOSE4_PS(&mut a, &mut b, &mut c, &mut d);
            for (step, group) in [a, b, c, d].into_iter().enumerate() {
                _mm_storeu_ps(to.add((i + step) * pitch).cast(), group);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
macro_rules! words {
    () => {
        #[inline(always)]
        unsafe fn write_transposed(runs: &[[Self; 16]; 4], to: *mut Self, pitch: usize) {
            // SAFETY: the caller's promise.
            unsafe { write_transposed_words(runs, to, pitch) };
        }
    };
}

#[cfg(not(target_arch = "x86_64"))]
macro_rules! words {
    () => {};
}

macro_rules! float_number {
    ($($float:ty $(, $words:ident)?;)*) => {$(
        impl Number for $float {
            $($words!();)?
            const ZERO: Self = 0.0;
            #[inline(always)]
            fn constant(x: f32) -> Self {
                x.into()
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self + other
            }
            #[inline(always)]
            fn times_plus(self, factor: Self, addend: Self) -> Self {
                // A fused operation where the instruction is missing would be a function call each.
                self * factor + addend
            }
        }
    )*};
}

macro_rules! integer_number {
    ($($integer:ty $(, $words:ident)?;)*) => {$(
        impl Number for $integer {
            $($words!();)?
            const ZERO: Self = 0;
            #[inline(always)]
            fn constant(x: f32) -> Self {
                x as Self
            }
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }
            #[inline(always)]
            fn times_plus(self, factor: Self, addend: Self) -> Self {
                self.wrapping_mul(factor).wrapping_add(addend)
            }
        }
    )*};
}

float_number! { f32, words; f64; }
integer_number! { i32, words; i64; }

/// A register full of numbers.
///
/// # Safety of the methods
/// The instruction set must be there, and pointers valid for [`Self::LANES`] numbers; no alignment is needed.
pub(crate) trait Vector: Copy {
    /// What a lane holds.
    type Number: Number;
    /// Numbers per register.
    const LANES: usize;
    /// All lanes `x`.
    unsafe fn splat(x: Self::Number) -> Self;
    /// Reads consecutive numbers.
    unsafe fn load(from: *const Self::Number) -> Self;
    /// Writes consecutive numbers.
    unsafe fn store(self, to: *mut Self::Number);
    /// Lane by lane sum.
    unsafe fn plus(self, other: Self) -> Self;
    /// Lane by lane `self * factor + addend`.
    unsafe fn times_plus(self, factor: Self, addend: Self) -> Self;
}

/// A register of `L` numbers as the compiler finds best.
#[derive(Clone, Copy)]
pub(crate) struct Scalars<T, const L: usize>([T; L]);

impl<T: Number, const L: usize> Vector for Scalars<T, L> {
    type Number = T;
    const LANES: usize = L;
    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        Self([x; L])
    }
    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: the caller's promise.
        Self(unsafe { from.cast::<[T; L]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<[T; L]>().write_unaligned(self.0) };
    }
    #[inline(always)]
    unsafe fn plus(self, other: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].plus(other.0[lane])))
    }
    #[inline(always)]
    unsafe fn times_plus(self, factor: Self, addend: Self) -> Self {
        Self(std::array::from_fn(|lane| self.0[lane].times_plus(factor.0[lane], addend.0[lane])))
    }
}

/// Implements [`Vector`] for registers by naming their intrinsics.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! vectors {
    ($($register:ident $number:ident $lanes:literal: $splat:ident $load:ident $store:ident $plus:ident
        |$a:ident, $b:ident, $c:ident| $times_plus:expr;)*) => {$(
        impl Vector for $register {
            type Number = $number;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(x: $number) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $splat(x) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: the caller promises the instruction set and a readable range.
                unsafe { $load(from.cast()) }
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: the caller promises the instruction set and a writable range.
                unsafe { $store(to.cast(), self) };
            }
            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                unsafe { $plus(self, other) }
            }
            #[inline(always)]
            unsafe fn times_plus(self, factor: Self, addend: Self) -> Self {
                let ($a, $b, $c) = (self, factor, addend);
                // SAFETY: the caller promises the instruction set.
                unsafe { $times_plus }
            }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Vector;
    use std::arch::x86_64::*;

    vectors! {
        __m256 f32 8: _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps
            |a, b, c| _mm256_fmadd_ps(a, b, c);
        __m256d f64 4: _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_add_pd
            |a, b, c| _mm256_fmadd_pd(a, b, c);
        __m256i i32 8: _mm256_set1_epi32 _mm256_loadu_si256 _mm256_storeu_si256 _mm256_add_epi32
            |a, b, c| _mm256_add_epi32(_mm256_mullo_epi32(a, b), c);
        __m512 f32 16: _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps
            |a, b, c| _mm512_fmadd_ps(a, b, c);
        __m512d f64 8: _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_add_pd
            |a, b, c| _mm512_fmadd_pd(a, b, c);
        __m512i i32 16: _mm512_set1_epi32 _mm512_loadu_si512 _mm512_storeu_si512 _mm512_add_epi32
            |a, b, c| _mm512_add_epi32(_mm512_mullo_epi32(a, b), c);
    }
}

/// Implements [`Vector`] for registers whose lanes hold several terms of a sum, by naming the intrinsics.
#[cfg(target_arch = "x86_64")]
macro_rules! grouped {
    ($($(#[$meta:meta])* $register:ident($inner:ident) $lanes:literal: $splat:ident $load:ident $store:ident $plus:ident
        |$a:ident, $b:ident, $c:ident| $times_plus:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy)]
        pub(crate) struct $register($inner);

        impl Vector for $register {
            type Number = i32;
            const LANES: usize = $lanes;
            #[inline(always)]
            unsafe fn splat(x: i32) -> Self {
                // SAFETY: the caller promises the instruction set.
                Self(unsafe { $splat(x) })
            }
            #[inline(always)]
            unsafe fn load(from: *const i32) -> Self {
                // SAFETY: the caller promises the instruction set and a readable range.
                Self(unsafe { $load(from.cast()) })
            }
            #[inline(always)]
            unsafe fn store(self, to: *mut i32) {
                // SAFETY: the caller promises the instruction set and a writable range.
                unsafe { $store(to.cast(), self.0) };
            }
            #[inline(always)]
            unsafe fn plus(self, other: Self) -> Self {
                // SAFETY: the caller promises the instruction set.
                Self(unsafe { $plus(self.0, other.0) })
            }
            #[inline(always)]
            unsafe fn times_plus(self, factor: Self, addend: Self) -> Self {
                let ($a, $b, $c) = (self.0, factor.0, addend.0);
                // SAFETY: the caller promises the instruction set.
                Self(unsafe { $times_plus })
            }
        }
    )*};
}

#[cfg(target_arch = "x86_64")]
mod x86_grouped {
    use super::Vector;
    use std::arch::x86_64::*;

    grouped! {
        /// Sums of four products of bytes each, unsigned on the left and signed on the right. Needs AVX512-VNNI.
        Quads512(__m512i) 16: _mm512_set1_epi32 _mm512_loadu_si512 _mm512_storeu_si512 _mm512_add_epi32
            |a, b, c| _mm512_dpbusd_epi32(c, a, b);
        /// Sums of two products of 16-bit integers each.
        Pairs256(__m256i) 8: _mm256_set1_epi32 _mm256_loadu_si256 _mm256_storeu_si256 _mm256_add_epi32
            |a, b, c| _mm256_add_epi32(_mm256_madd_epi16(a, b), c);
    }
}

#[cfg(target_arch = "x86_64")]
pub(crate) use x86_grouped::{Pairs256, Quads512};

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::Vector;
    use std::arch::aarch64::*;

    vectors! {
        float32x4_t f32 4: vdupq_n_f32 vld1q_f32 vst1q_f32 vaddq_f32 |a, b, c| vfmaq_f32(c, a, b);
        float64x2_t f64 2: vdupq_n_f64 vld1q_f64 vst1q_f64 vaddq_f64 |a, b, c| vfmaq_f64(c, a, b);
        int32x4_t i32 4: vdupq_n_s32 vld1q_s32 vst1q_s32 vaddq_s32 |a, b, c| vmlaq_s32(c, a, b);
    }
}
