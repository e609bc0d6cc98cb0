//! Scalar functions that compiled code calls because they are too large to inline: exact remainders, integer powers, and
//! what Cranelift calls on machines that lack an instruction.

use tensorwright_compiler::nest::Import;

extern "C" fn fmod_f32(x: f32, y: f32) -> f32 {
    x % y
}

extern "C" fn fmod_f64(x: f64, y: f64) -> f64 {
    x % y
}

/// Negative powers truncate towards zero: only those of 1 and -1 are not 0, and that of 0 is taken to be 0.
extern "C" fn pow_i64(base: i64, exponent: i64) -> i64 {
    match (base, exponent) {
        (1, ..0) => 1,
        (-1, ..0) if exponent % 2 == 0 => 1,
        (-1, ..0) => -1,
        (_, ..0) => 0,
        _ => pow_u64(base as u64, exponent as u64) as i64,
    }
}

/// By repeated squaring; the low bits of the result do not depend on higher ones of the base.
extern "C" fn pow_u64(base: u64, exponent: u64) -> u64 {
    let (mut result, mut square, mut left) = (1u64, base, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = result.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        left >>= 1;
    }
    result
}

macro_rules! float_functions {
    ($($float:ident { $($name:ident($($arg:ident),+) = $body:expr;)* })*) => {
        $(mod $float {
            $(pub(super) extern "C" fn $name($($arg: $float),+) -> $float { $body })*
        })*
    };
}

float_functions! {
    f32 {
        fma(x, y, z) = x.mul_add(y, z);
        ceil(x) = x.ceil();
        floor(x) = x.floor();
        trunc(x) = x.trunc();
        nearest(x) = x.round_ties_even();
    }
    f64 {
        fma(x, y, z) = x.mul_add(y, z);
        ceil(x) = x.ceil();
        floor(x) = x.floor();
        trunc(x) = x.trunc();
        nearest(x) = x.round_ties_even();
    }
}

/// Every function under the name by which compiled code imports it, for the JIT's symbol table.
pub fn symbols() -> Vec<(&'static str, *const u8)> {
    vec![
        (Import::FmodF32.symbol(), fmod_f32 as *const u8),
        (Import::FmodF64.symbol(), fmod_f64 as *const u8),
        (Import::PowI64.symbol(), pow_i64 as *const u8),
        (Import::PowU64.symbol(), pow_u64 as *const u8),
        ("fmaf", f32::fma as *const u8),
        ("fma", f64::fma as *const u8),
        ("ceilf", f32::ceil as *const u8),
        ("ceil", f64::ceil as *const u8),
        ("floorf", f32::floor as *const u8),
        ("floor", f64::floor as *const u8),
        ("truncf", f32::trunc as *const u8),
        ("trunc", f64::trunc as *const u8),
        ("nearbyintf", f32::nearest as *const u8),
        ("nearbyint", f64::nearest as *const u8),
    ]
}
