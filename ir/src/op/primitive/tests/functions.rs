//! Scalar functions on their edge cases: integers that wrap, divisions by zero, shifts, NaN, infinities, signs of zero,
//! rounding of narrow floats.

use half::{bf16, f16};

use super::{rejects, ty};
use crate::DType::{self, Bool, F32, F64, I32, U8};
use crate::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use crate::{Element, Scalar};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

#[track_caller]
fn binary<T: Element>(f: BinaryFn, cases: &[(T, T, T)]) {
    for &(x, y, expected) in cases {
        let (x, y, expected): (Scalar, Scalar, Scalar) = (x.into(), y.into(), expected.into());
        let found = f.eval(x, y);
        assert!(same(found, expected), "{}({x:?}, {y:?}) = {found:?}, expected {expected:?}", f.name());
    }
}

#[track_caller]
fn unary<T: Element, R: Element>(f: UnaryFn, cases: &[(T, R)]) {
    for &(x, expected) in cases {
        let (x, expected): (Scalar, Scalar) = (x.into(), expected.into());
        let found = f.eval(x);
        assert!(same(found, expected), "{}({x:?}) = {found:?}, expected {expected:?}", f.name());
    }
}

/// Bit for bit, but any NaN for a NaN.
fn same(found: Scalar, expected: Scalar) -> bool {
    let both_nan = found.dtype().is_float() && found.to_f64().is_nan() && expected.to_f64().is_nan();
    found == expected || found.dtype() == expected.dtype() && both_nan
}

#[test]
fn integer_arithmetic_wraps() {
    binary(BinaryFn::Add, &[(i8::MAX, 1, i8::MIN), (i8::MIN, -1, i8::MAX)]);
    binary(BinaryFn::Add, &[(i16::MAX, 1, i16::MIN)]);
    binary(BinaryFn::Add, &[(i32::MAX, i32::MAX, -2)]);
    binary(BinaryFn::Add, &[(i64::MIN, i64::MIN, 0)]);
    binary(BinaryFn::Add, &[(u8::MAX, 1, 0)]);
    binary(BinaryFn::Add, &[(u16::MAX, 2, 1)]);
    binary(BinaryFn::Add, &[(u32::MAX, u32::MAX, u32::MAX - 1)]);
    binary(BinaryFn::Add, &[(u64::MAX, 1, 0)]);
    binary(BinaryFn::Sub, &[(0u8, 1, 255)]);
    binary(BinaryFn::Sub, &[(0u64, 1, u64::MAX)]);
    binary(BinaryFn::Sub, &[(i64::MIN, 1, i64::MAX)]);
    binary(BinaryFn::Mul, &[(16i8, 16, 0), (i8::MIN, -1, i8::MIN)]);
    binary(BinaryFn::Mul, &[(i64::MIN, -1, i64::MIN), (i64::MIN, i64::MIN, 0), (i64::MAX, i64::MAX, 1)]);
    binary(BinaryFn::Mul, &[(u64::MAX, u64::MAX, 1), (1 << 32, 1 << 32, 0)]);
}

#[test]
fn integer_division_of_extremes() {
    for f in [BinaryFn::Div, BinaryFn::Floordiv] {
        binary(f, &[(i8::MIN, -1, i8::MIN), (5, 0, 0), (i8::MIN, 0, 0), (0, 0, 0)]);
        binary(f, &[(i16::MIN, -1, i16::MIN)]);
        binary(f, &[(i32::MIN, -1, i32::MIN)]);
        binary(
            f,
            &[(i64::MIN, -1, i64::MIN), (i64::MIN, i64::MAX, if f == BinaryFn::Div { -1 } else { -2 })],
        );
        binary(f, &[(u64::MAX, 2, u64::MAX / 2), (u64::MAX, u64::MAX, 1), (7, 0, 0)]);
    }
    for f in [BinaryFn::Rem, BinaryFn::FloorMod] {
        binary(f, &[(i8::MIN, -1, 0), (5, 0, 5), (-5, 0, -5)]);
        binary(f, &[(i64::MIN, -1, 0), (i64::MIN, 0, i64::MIN)]);
        binary(f, &[(u64::MAX, 0, u64::MAX), (u64::MAX, 10, 5)]);
    }
}

#[test]
fn integer_division_of_all_bytes() {
    for x in i8::MIN..=i8::MAX {
        for y in (i8::MIN..=i8::MAX).filter(|&y| y != 0) {
            let exact = f64::from(x) / f64::from(y);
            let (trunc, floor) = (exact.trunc() as i16 as i8, exact.floor() as i16 as i8);
            binary(BinaryFn::Div, &[(x, y, trunc)]);
            binary(BinaryFn::Floordiv, &[(x, y, floor)]);
            binary(BinaryFn::Rem, &[(x, y, x.wrapping_sub(trunc.wrapping_mul(y)))]);
            binary(BinaryFn::FloorMod, &[(x, y, x.wrapping_sub(floor.wrapping_mul(y)))]);
        }
    }
    for x in 0..=u8::MAX {
        for y in 1..=u8::MAX {
            for (f, expected) in [
                (BinaryFn::Div, x / y),
                (BinaryFn::Floordiv, x / y),
                (BinaryFn::Rem, x % y),
                (BinaryFn::FloorMod, x % y),
            ] {
                binary(f, &[(x, y, expected)]);
            }
        }
    }
}

#[test]
fn integer_powers() {
    binary(BinaryFn::Pow, &[(0i8, 0, 1), (2, 7, -128), (2, 8, 0), (-1, -3, -1), (-1, -2, 1), (1, -9, 1)]);
    binary(BinaryFn::Pow, &[(2i8, -1, 0), (0, -1, 0), (-2, 3, -8), (3, 127, 3i8.wrapping_pow(127))]);
    binary(BinaryFn::Pow, &[(3u64, 100, 3u64.wrapping_pow(100)), (u64::MAX, u64::MAX, u64::MAX), (2, 64, 0)]);
    binary(BinaryFn::Pow, &[(i64::MIN, 1, i64::MIN), (3, i64::MAX, POW3_MAX)]);
}

/// 3^(2^63 - 1) modulo 2^64. Powers of 3 repeat after 2^62 steps, so this is 3^-1, and three times it is 1.
const POW3_MAX: i64 = 0xAAAA_AAAA_AAAA_AAAB_u64 as i64;

#[test]
fn shifts_of_and_beyond_the_width() {
    binary(BinaryFn::Shl, &[(1i8, 7, i8::MIN), (1, 8, 0), (1, -1, 0), (-1, 1, -2), (3, i8::MIN, 0)]);
    binary(BinaryFn::Shl, &[(1u64, 63, 1 << 63), (1, 64, 0), (1, u64::MAX, 0)]);
    binary(BinaryFn::ShrLogic, &[(-1i8, 1, 127), (-1, 7, 1), (-1, 8, 0), (-1, -1, 0)]);
    binary(BinaryFn::ShrLogic, &[(-1i64, 63, 1), (-1, 64, 0)]);
    binary(BinaryFn::ShrLogic, &[(u64::MAX, 63, 1), (u64::MAX, 64, 0)]);
    binary(BinaryFn::ShrArith, &[(-128i8, 7, -1), (-128, 8, -1), (64, 100, 0), (-1, -1, -1), (64, -1, 0)]);
    binary(BinaryFn::ShrArith, &[(i64::MIN, 63, -1), (i64::MIN, 64, -1), (i64::MIN, 1, i64::MIN / 2)]);
    binary(BinaryFn::ShrArith, &[(200u8, 1, 228), (200, 9, 255), (100, 9, 0)]);
}

#[test]
fn bits_and_logic() {
    binary(BinaryFn::And, &[(true, false, false), (true, true, true)]);
    binary(BinaryFn::Xor, &[(true, true, false), (false, true, true)]);
    binary(BinaryFn::Or, &[(0x0fu8, 0xf0, 0xff)]);
    binary(BinaryFn::Xor, &[(-1i16, 0x00ff, !0x00ff)]);
    unary(UnaryFn::Not, &[(true, false), (false, true)]);
    unary(UnaryFn::Not, &[(0u64, u64::MAX)]);
    unary(UnaryFn::Not, &[(0i8, -1i8)]);
    unary(UnaryFn::Popcount, &[(-1i8, 8i8), (0, 0)]);
    unary(UnaryFn::Popcount, &[(u64::MAX, 64u64)]);
    unary(UnaryFn::Clz, &[(0i8, 8i8), (-1, 0), (1, 7)]);
    unary(UnaryFn::Clz, &[(0u64, 64u64), (1, 63)]);
    unary(UnaryFn::Clz, &[(1u16, 15u16)]);
}

#[test]
fn float_maximum_and_minimum() {
    binary(BinaryFn::Maximum, &[(NAN, 1.0, NAN), (1.0, NAN, NAN), (-0.0, 0.0, 0.0), (0.0, -0.0, 0.0)]);
    binary(BinaryFn::Maximum, &[(-0.0, -0.0, -0.0), (-INF, 1.0, 1.0), (INF, NAN, NAN)]);
    binary(BinaryFn::Minimum, &[(NAN, 1.0, NAN), (1.0, NAN, NAN), (-0.0, 0.0, -0.0), (0.0, -0.0, -0.0)]);
    binary(BinaryFn::Minimum, &[(0.0, 0.0, 0.0), (-INF, 1.0, -INF), (INF, 1.0, 1.0)]);
    binary(BinaryFn::Maximum, &[(u64::MAX, 0, u64::MAX)]);
    binary(BinaryFn::Minimum, &[(true, false, false)]);
}

#[test]
fn float_division_and_remainders() {
    binary(BinaryFn::Div, &[(1.0, 0.0, INF), (1.0, -0.0, -INF), (0.0, 0.0, NAN), (INF, INF, NAN)]);
    binary(BinaryFn::Floordiv, &[(7.0, -2.0, -4.0), (-7.0, 2.0, -4.0), (7.0, 2.0, 3.0), (1.0, 0.0, INF)]);
    binary(BinaryFn::Floordiv, &[(-0.0, 1.0, -0.0), (1.0, -INF, -0.0), (0.0, 0.0, NAN)]);
    binary(
        BinaryFn::Rem,
        &[(-5.0, 3.0, -2.0), (5.0, -3.0, 2.0), (5.0, 0.0, NAN), (INF, 1.0, NAN), (5.0, INF, 5.0)],
    );
    binary(BinaryFn::FloorMod, &[(-5.0, 3.0, 1.0), (5.0, -3.0, -1.0), (5.0, 0.0, NAN), (-4.0, 2.0, -0.0)]);
    binary(BinaryFn::FloorMod, &[(5.0, INF, 5.0), (5.0, -INF, -INF), (4.0, -2.0, 0.0)]);
    // 2.9991 is 3 in f16, but is floored as an f32.
    let h = f16::from_f32;
    binary(BinaryFn::Floordiv, &[(h(6.836), h(2.28), h(2.0)), (h(-7.0), h(2.0), h(-4.0))]);
}

#[test]
fn float_powers_and_angles() {
    binary(BinaryFn::Pow, &[(0.0, 0.0, 1.0), (NAN, 0.0, 1.0), (1.0, NAN, 1.0), (-8.0, 1.0 / 3.0, NAN)]);
    binary(BinaryFn::Pow, &[(-2.0, 3.0, -8.0), (0.0, -1.0, INF), (-0.0, -1.0, -INF), (INF, -1.0, 0.0)]);
    let pi = std::f64::consts::PI;
    binary(BinaryFn::Atan2, &[(0.0, -1.0, pi), (-0.0, -1.0, -pi), (0.0, 1.0, 0.0), (1.0, 0.0, pi / 2.0)]);
}

#[test]
fn narrow_floats_round_to_even_after_each_operation() {
    let (h, b) = (f16::from_f32, bf16::from_f32);
    binary(BinaryFn::Add, &[(h(2048.0), h(1.0), h(2048.0)), (h(2050.0), h(1.0), h(2052.0))]);
    binary(BinaryFn::Add, &[(f16::MAX, h(16.0), f16::INFINITY), (f16::MAX, h(8.0), f16::MAX)]);
    binary(BinaryFn::Mul, &[(h(300.0), h(300.0), f16::INFINITY)]);
    let least = f16::from_bits(1);
    binary(
        BinaryFn::Mul,
        &[(least, h(0.5), h(0.0)), (least, h(1.5), f16::from_bits(2)), (least, h(-0.5), h(-0.0))],
    );
    binary(
        BinaryFn::Add,
        &[(b(1.0), b(1.0 / 256.0), b(1.0)), (b(1.0), b(3.0 / 256.0), b(1.0 + 4.0 / 256.0))],
    );
    binary(BinaryFn::Sub, &[(b(1.0), b(f32::MIN_POSITIVE), b(1.0))]);
    binary(BinaryFn::Mul, &[(b(3e38), b(2.0), bf16::INFINITY)]);
    unary(UnaryFn::Sqrt, &[(h(2.0), f16::SQRT_2), (h(-0.0), h(-0.0)), (h(-1.0), f16::NAN)]);
    unary(UnaryFn::Exp, &[(h(12.0), f16::INFINITY), (h(11.0), h(59874.14))]);
}

#[test]
fn casts_between_floats_go_through_f32() {
    let cast = |x: f64, dtype| Scalar::F64(x).cast(dtype);
    // Just above the middle of two halves; f32 does not see by how much, and the tie goes to even.
    let x = 1.0 + 2f64.powi(-11) + 2f64.powi(-40);
    assert_eq!(cast(x, DType::F16), f16::from_f32(1.0).into());
    assert_eq!(cast(1.0 + 2f64.powi(-8) + 2f64.powi(-40), DType::BF16), bf16::from_f32(1.0).into());
    assert_eq!(
        cast(1.0 + 2f64.powi(-11) + 2f64.powi(-20), DType::F16),
        f16::from_f32(1.0 + 1.0 / 1024.0).into()
    );
    assert_eq!(cast(1e300, DType::F32), f32::INFINITY.into());
    assert_eq!(cast(65519.0, DType::F16), f16::MAX.into());
    assert_eq!(cast(65520.0, DType::F16), f16::INFINITY.into());
}

#[test]
fn casts_saturate_wrap_and_test() {
    let cast = |x: Scalar, dtype| x.cast(dtype);
    assert_eq!(cast(300.7f32.into(), DType::U8), 255u8.into());
    assert_eq!(cast((-1.5f32).into(), DType::U8), 0u8.into());
    assert_eq!(cast((-1.5f32).into(), DType::I8), (-1i8).into());
    assert_eq!(cast(f32::NAN.into(), DType::I64), 0i64.into());
    assert_eq!(cast(f32::INFINITY.into(), DType::I64), i64::MAX.into());
    assert_eq!(cast(f64::NEG_INFINITY.into(), DType::I32), i32::MIN.into());
    assert_eq!(cast(1e19f64.into(), DType::U64), 10_000_000_000_000_000_000u64.into());
    assert_eq!(cast(300i32.into(), DType::U8), 44u8.into());
    assert_eq!(cast((-1i8).into(), DType::U64), u64::MAX.into());
    assert_eq!(cast(u64::MAX.into(), DType::F32), 18446744073709551615f32.into());
    assert_eq!(cast(16777217i32.into(), DType::F32), 16777216f32.into());
    assert_eq!(cast(f32::NAN.into(), Bool), true.into());
    assert_eq!(cast((-0.0f32).into(), Bool), false.into());
    assert_eq!(cast(256i32.into(), Bool), true.into());
    assert_eq!(cast(true.into(), DType::F16), f16::ONE.into());
}

#[test]
fn unary_arithmetic() {
    unary(UnaryFn::Neg, &[(i8::MIN, i8::MIN), (5, -5)]);
    unary(UnaryFn::Abs, &[(i64::MIN, i64::MIN), (-5, 5)]);
    unary(UnaryFn::Sign, &[(i32::MIN, -1), (0, 0), (9, 1)]);
    unary(UnaryFn::Neg, &[(0.0, -0.0), (NAN, NAN)]);
    unary(UnaryFn::Abs, &[(-0.0, 0.0), (-INF, INF)]);
    unary(UnaryFn::Sign, &[(-0.0, -0.0), (0.0, 0.0), (NAN, NAN), (-INF, -1.0), (1e-300, 1.0)]);
}

#[test]
fn rounding() {
    unary(UnaryFn::Floor, &[(-0.5, -1.0), (-0.0, -0.0), (1e300, 1e300), (INF, INF), (NAN, NAN)]);
    unary(UnaryFn::Ceil, &[(-0.5, -0.0), (0.5, 1.0)]);
    unary(UnaryFn::Trunc, &[(-1.9, -1.0), (-0.9, -0.0)]);
    unary(UnaryFn::RoundEven, &[(0.5, 0.0), (1.5, 2.0), (2.5, 2.0), (-0.5, -0.0), (-2.5, -2.0)]);
    unary(UnaryFn::RoundHalfAway, &[(0.5, 1.0), (2.5, 3.0), (-0.5, -1.0), (0.49999999999999994, 0.0)]);
    unary(UnaryFn::IsNan, &[(NAN, true), (INF, false)]);
    unary(UnaryFn::IsInf, &[(NAN, false), (-INF, true)]);
    unary(UnaryFn::IsFinite, &[(NAN, false), (INF, false), (f64::MAX, true)]);
}

#[test]
fn transcendental_functions_at_their_limits() {
    unary(UnaryFn::Exp, &[(-INF, 0.0), (INF, INF), (0.0, 1.0), (1000.0, INF), (NAN, NAN)]);
    unary(UnaryFn::Expm1, &[(-INF, -1.0), (-0.0, -0.0), (1e-300, 1e-300)]);
    unary(UnaryFn::Log, &[(0.0, -INF), (-0.0, -INF), (-1.0, NAN), (INF, INF), (1.0, 0.0)]);
    unary(UnaryFn::Log1p, &[(-1.0, -INF), (-0.0, -0.0), (-2.0, NAN)]);
    unary(UnaryFn::Exp2, &[(10.0, 1024.0), (-1075.0, 0.0)]);
    unary(UnaryFn::Log2, &[(8.0, 3.0), (0.0, -INF)]);
    unary(UnaryFn::Logistic, &[(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (-1000.0, 0.0), (NAN, NAN)]);
    unary(UnaryFn::Rsqrt, &[(0.0, INF), (-0.0, -INF), (INF, 0.0), (-1.0, NAN), (4.0, 0.5)]);
    unary(UnaryFn::Sin, &[(INF, NAN), (-0.0, -0.0)]);
    unary(UnaryFn::Cos, &[(INF, NAN), (0.0, 1.0)]);
    unary(UnaryFn::Tanh, &[(INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (1000.0, 1.0)]);
    unary(UnaryFn::Asin, &[(2.0, NAN), (-0.0, -0.0)]);
    unary(UnaryFn::Acosh, &[(0.5, NAN), (1.0, 0.0), (INF, INF)]);
    unary(UnaryFn::Atanh, &[(1.0, INF), (-1.0, -INF), (2.0, NAN)]);
    unary(UnaryFn::Erf, &[(INF, 1.0), (-INF, -1.0), (-0.0, -0.0), (NAN, NAN)]);
    unary(UnaryFn::Erfc, &[(INF, 0.0), (-INF, 2.0), (0.0, 1.0)]);
}

#[test]
fn comparisons() {
    let check =
        |x: f64, y: f64| CompareFn::ALL.iter().map(|f| f.eval(x.into(), y.into())).collect::<Vec<_>>();
    // In the order eq ne lt le gt ge lt_total le_total.
    let [t, f] = [true, false];
    assert_eq!(check(1.0, 2.0), [f, t, t, t, f, f, t, t]);
    assert_eq!(check(NAN, 1.0), [f, t, f, f, f, f, f, f]);
    assert_eq!(check(1.0, NAN), [f, t, f, f, f, f, t, t]);
    assert_eq!(check(INF, -NAN), [f, t, f, f, f, f, t, t]);
    assert_eq!(check(NAN, -NAN), [f, t, f, f, f, f, f, t]);
    assert_eq!(check(-0.0, 0.0), [t, f, f, t, f, t, t, t]);
    assert_eq!(check(0.0, -0.0), [t, f, f, t, f, t, f, f]);
    assert_eq!(check(-INF, -f64::MAX), [f, t, t, t, f, f, t, t]);
    let less = |x: Scalar, y: Scalar| CompareFn::Lt.eval(x, y);
    assert!(less(u64::MAX.wrapping_sub(1).into(), u64::MAX.into()));
    assert!(less(i64::MIN.into(), i64::MAX.into()) && less(false.into(), true.into()));
}

#[test]
fn element_wise_functions_check_their_operands() {
    let [b, i, u, f] = [Bool, I32, U8, F32].map(|dtype| ty(dtype, [2]));
    let pair = |x: &crate::TensorType| [x.clone(), x.clone()];
    rejects(BinaryFn::Add, &pair(&b), "operand 0 must have a number dtype, found bool");
    rejects(BinaryFn::Atan2, &pair(&i), "operand 0 must have a float dtype, found i32");
    rejects(BinaryFn::Shl, &pair(&b), "operand 0 must have an integer dtype");
    rejects(BinaryFn::And, &pair(&f), "operand 0 must have an integer dtype or bool");
    rejects(BinaryFn::Add, &[f.clone(), ty(F64, [2])], "must have the same dtype, found f32 and f64");
    rejects(BinaryFn::Add, &[f.clone(), ty(F32, [1])], "shapes of operands 0 and 1 must agree");
    rejects(BinaryFn::Add, std::slice::from_ref(&f), "takes 2 operands, found 1");
    rejects(CompareFn::Lt, &[f.clone(), i.clone()], "must have the same dtype");
    rejects(CompareFn::Lt, &[f.clone(), ty(F32, ())], "shapes of operands 0 and 1 must agree");
    rejects(
        UnaryFn::Neg,
        std::slice::from_ref(&u),
        "operand 0 must have a signed integer, float or complex dtype",
    );
    rejects(UnaryFn::Floor, &[i], "operand 0 must have a float dtype");
    rejects(UnaryFn::Not, &[f], "operand 0 must have an integer dtype or bool");
    rejects(UnaryFn::Popcount, &[b], "operand 0 must have an integer dtype");
}
