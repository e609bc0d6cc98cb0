//! Elements as the routines compute with them.

use half::{bf16, f16};

/// An element type. Bools are `u8`.
pub(super) trait Value: Copy {
    /// What sums and products are kept in: the same for integers, f64 for floats.
    type Wide: Copy;
    /// Bits of a sort key.
    const KEY_BITS: u32;

    fn zero() -> Self::Wide;
    fn one() -> Self::Wide;
    /// Below all others: minus infinity for floats.
    fn lowest() -> Self::Wide;
    /// Above all others: infinity for floats.
    fn highest() -> Self::Wide;
    fn widen(self) -> Self::Wide;
    fn narrow(wide: Self::Wide) -> Self;
    fn plus(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    fn times(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// The lesser, -0 before +0, NaN if one is NaN.
    fn lesser(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// The greater, -0 before +0, NaN if one is NaN.
    fn greater(a: Self::Wide, b: Self::Wide) -> Self::Wide;
    /// An unsigned number of `KEY_BITS` that is ordered as the elements in total order.
    fn key(self) -> u64;
}

macro_rules! integer_values {
    ($($integer:ident $unsigned:ident $flip:expr;)*) => {$(
        impl Value for $integer {
            type Wide = $integer;
            const KEY_BITS: u32 = <$integer>::BITS;
            fn zero() -> Self { 0 }
            fn one() -> Self { 1 }
            fn lowest() -> Self { Self::MIN }
            fn highest() -> Self { Self::MAX }
            #[inline(always)]
            fn widen(self) -> Self { self }
            #[inline(always)]
            fn narrow(wide: Self) -> Self { wide }
            #[inline(always)]
            fn plus(a: Self, b: Self) -> Self { a.wrapping_add(b) }
            #[inline(always)]
            fn times(a: Self, b: Self) -> Self { a.wrapping_mul(b) }
            #[inline(always)]
            fn lesser(a: Self, b: Self) -> Self { a.min(b) }
            #[inline(always)]
            fn greater(a: Self, b: Self) -> Self { a.max(b) }
            #[inline(always)]
            fn key(self) -> u64 { u64::from(self as $unsigned ^ $flip) }
        }
    )*};
}

integer_values! {
    u8 u8 0;
    u16 u16 0;
    u32 u32 0;
    u64 u64 0;
    i8 u8 1 << 7;
    i16 u16 1 << 15;
    i32 u32 1 << 31;
    i64 u64 1 << 63;
}

fn lesser(a: f64, b: f64) -> f64 {
    -greater(-a, -b)
}

fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a > b || (a == b && b.is_sign_negative()) {
        a
    } else {
        b
    }
}

macro_rules! float_values {
    ($($float:ident $bits:ident $nan:expr, |$wide:ident| $narrow:expr;)*) => {$(
        impl Value for $float {
            type Wide = f64;
            const KEY_BITS: u32 = $bits::BITS;
            fn zero() -> f64 { 0.0 }
            fn one() -> f64 { 1.0 }
            fn lowest() -> f64 { f64::NEG_INFINITY }
            fn highest() -> f64 { f64::INFINITY }
            #[inline(always)]
            fn widen(self) -> f64 { f64::from(self) }
            #[inline(always)]
            fn narrow($wide: f64) -> Self { $narrow }
            #[inline(always)]
            fn plus(a: f64, b: f64) -> f64 { a + b }
            #[inline(always)]
            fn times(a: f64, b: f64) -> f64 { a * b }
            #[inline(always)]
            fn lesser(a: f64, b: f64) -> f64 { lesser(a, b) }
            #[inline(always)]
            fn greater(a: f64, b: f64) -> f64 { greater(a, b) }
            #[inline(always)]
            fn key(self) -> u64 {
                const SIGN: $bits = 1 << ($bits::BITS - 1);
                let bits = self.to_bits();
                if bits & !SIGN > $nan {
                    return u64::from($bits::MAX);
                }
                u64::from(if bits & SIGN == 0 { bits | SIGN } else { !bits })
            }
        }
    )*};
}

float_values! {
    f16 u16 0x7c00, |wide| f16::from_f32(wide as f32);
    bf16 u16 0x7f80, |wide| bf16::from_f32(wide as f32);
    f32 u32 0x7f80_0000, |wide| wide as f32;
    f64 u64 0x7ff0_0000_0000_0000, |wide| wide;
}

/// Evaluates an expression in which `$value` is the element type of a dtype.
macro_rules! with_value {
    ($dtype:expr, $value:ident => $body:expr) => {{
        use tensorwright_ir::DType;
        macro_rules! arm {
            ($type:ty) => {{
                type $value = $type;
                $body
            }};
        }
        match $dtype {
            DType::Bool | DType::U8 => arm!(u8),
            DType::I8 => arm!(i8),
            DType::I16 => arm!(i16),
            DType::I32 => arm!(i32),
            DType::I64 => arm!(i64),
            DType::U16 => arm!(u16),
            DType::U32 => arm!(u32),
            DType::U64 => arm!(u64),
            DType::F16 => arm!(half::f16),
            DType::BF16 => arm!(half::bf16),
            DType::F32 => arm!(f32),
            DType::F64 => arm!(f64),
            DType::C64 | DType::C128 => unreachable!("the compiler takes complex numbers apart"),
        }
    }};
}

/// Evaluates an expression in which `$bits` is the unsigned integer with the size of a dtype: for routines that only move
/// elements.
macro_rules! with_bits {
    ($size:expr, $bits:ident => $body:expr) => {{
        macro_rules! arm {
            ($type:ty) => {{
                type $bits = $type;
                $body
            }};
        }
        match $size {
            1 => arm!(u8),
            2 => arm!(u16),
            4 => arm!(u32),
            _ => arm!(u64),
        }
    }};
}

pub(super) use {with_bits, with_value};
