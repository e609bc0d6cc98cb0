//! Elements as windows fold them.

use half::{bf16, f16};

/// An element type. Bools are `u8`.
pub(super) trait Pooled: Copy + 'static {
    /// What folds are kept in: f32 for f16 and bf16, else the same.
    type Kept: Copy + 'static;
    const ZERO: Self::Kept;
    const ONE: Self::Kept;
    const LOWEST: Self::Kept;
    const HIGHEST: Self::Kept;
    fn widen(self) -> Self::Kept;
    fn narrow(kept: Self::Kept) -> Self;
    /// The sum; integers wrap.
    fn plus(a: Self::Kept, b: Self::Kept) -> Self::Kept;
    /// The product; integers wrap.
    fn times(a: Self::Kept, b: Self::Kept) -> Self::Kept;
    /// The greater, -0 before +0, NaN if one is NaN.
    fn greater(a: Self::Kept, b: Self::Kept) -> Self::Kept;
    /// The lesser, -0 before +0, NaN if one is NaN.
    fn lesser(a: Self::Kept, b: Self::Kept) -> Self::Kept;
    /// Whether `x` is above `best`, as a NaN is above all numbers.
    fn above(x: Self::Kept, best: Self::Kept) -> bool;
    /// Whether `x` is below `best`, as a NaN is below all numbers.
    fn below(x: Self::Kept, best: Self::Kept) -> bool;
}

macro_rules! integers {
    ($($integer:ident)*) => {$(
        impl Pooled for $integer {
            type Kept = $integer;
            const ZERO: Self = 0;
            const ONE: Self = 1;
            const LOWEST: Self = Self::MIN;
            const HIGHEST: Self = Self::MAX;
            #[inline(always)]
            fn widen(self) -> Self { self }
            #[inline(always)]
            fn narrow(kept: Self) -> Self { kept }
            #[inline(always)]
            fn plus(a: Self, b: Self) -> Self { a.wrapping_add(b) }
            #[inline(always)]
            fn times(a: Self, b: Self) -> Self { a.wrapping_mul(b) }
            #[inline(always)]
            fn greater(a: Self, b: Self) -> Self { a.max(b) }
            #[inline(always)]
            fn lesser(a: Self, b: Self) -> Self { a.min(b) }
            #[inline(always)]
            fn above(x: Self, best: Self) -> bool { x > best }
            #[inline(always)]
            fn below(x: Self, best: Self) -> bool { x < best }
        }
    )*};
}
integers! { u8 u16 u32 u64 i8 i16 i32 i64 }

macro_rules! floats {
    ($($float:ident kept $kept:ident: |$x:ident| $widen:expr, |$k:ident| $narrow:expr;)*) => {$(
        impl Pooled for $float {
            type Kept = $kept;
            const ZERO: $kept = 0.0;
            const ONE: $kept = 1.0;
            const LOWEST: $kept = $kept::NEG_INFINITY;
            const HIGHEST: $kept = $kept::INFINITY;
            #[inline(always)]
            fn widen(self) -> $kept { let $x = self; $widen }
            #[inline(always)]
            fn narrow($k: $kept) -> Self { $narrow }
            #[inline(always)]
            fn plus(a: $kept, b: $kept) -> $kept { a + b }
            #[inline(always)]
            fn times(a: $kept, b: $kept) -> $kept { a * b }
            #[inline(always)]
            fn greater(a: $kept, b: $kept) -> $kept {
                let greater = if a > b { a } else { b };
                // Equal numbers have equal bits, but for the sign of zeros.
                let greater = if a == b { $kept::from_bits(a.to_bits() & b.to_bits()) } else { greater };
                if a.is_nan() { a } else { greater }
            }
            #[inline(always)]
            fn lesser(a: $kept, b: $kept) -> $kept {
                let lesser = if a < b { a } else { b };
                let lesser = if a == b { $kept::from_bits(a.to_bits() | b.to_bits()) } else { lesser };
                if a.is_nan() { a } else { lesser }
            }
            #[inline(always)]
            fn above(x: $kept, best: $kept) -> bool { !best.is_nan() & ((x > best) | x.is_nan()) }
            #[inline(always)]
            fn below(x: $kept, best: $kept) -> bool { !best.is_nan() & ((x < best) | x.is_nan()) }
        }
    )*};
}
floats! {
    f32 kept f32: |x| x, |kept| kept;
    f64 kept f64: |x| x, |kept| kept;
    f16 kept f32: |x| x.to_f32(), |kept| f16::from_f32(kept);
    bf16 kept f32: |x| x.to_f32(), |kept| bf16::from_f32(kept);
}
