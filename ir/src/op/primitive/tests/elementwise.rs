//! Element-wise functions.

use half::{bf16, f16};

use super::{gives, rejects, result, t, ty};
use crate::DType::{Bool, F32, F64, I32};
use crate::op::primitive::{BinaryFn, Clamp, CompareFn, Fma, Select, UnaryFn};

#[test]
fn clamp_keeps_within_bounds() {
    let check = |low: f32, x: f32, high: f32| {
        result(Clamp {}, &[t([], &[low]), t([], &[x]), t([], &[high])]).to_vec::<f32>().unwrap()[0]
    };
    assert_eq!(check(0.0, 7.0, 5.0), 5.0);
    assert_eq!(check(0.0, -7.0, 5.0), 0.0);
    assert_eq!(check(0.0, 3.0, 5.0), 3.0);
    assert_eq!(check(2.0, 0.0, 1.0), 1.0);
    assert_eq!(check(0.0, f32::INFINITY, 5.0), 5.0);
    for (low, x, high) in [(f32::NAN, 1.0, 2.0), (0.0, f32::NAN, 2.0), (0.0, 1.0, f32::NAN)] {
        assert!(check(low, x, high).is_nan());
    }
    gives(Clamp {}, &[t([1], &[0u8]), t([1], &[200u8]), t([1], &[100u8])], [1], &[100u8]);
}

#[test]
fn clamp_checks_its_operands() {
    let x = ty(F32, [2]);
    rejects(Clamp {}, &[x.clone(), x.clone()], "takes 3 operands, found 2");
    rejects(
        Clamp {},
        &[ty(Bool, [2]), ty(Bool, [2]), ty(Bool, [2])],
        "operand 0 must have an integer or float dtype",
    );
    rejects(Clamp {}, &[x.clone(), ty(F64, [2]), x.clone()], "operands 0 and 1 must have the same dtype");
    rejects(Clamp {}, &[x.clone(), x.clone(), ty(I32, [2])], "operands 0 and 2 must have the same dtype");
    rejects(Clamp {}, &[x.clone(), ty(F32, [1]), x.clone()], "shapes of operands 0 and 1 must agree");
    rejects(Clamp {}, &[x.clone(), x, ty(F32, ())], "shapes of operands 0 and 2 must agree");
}

#[test]
fn fma_rounds_once() {
    // (1 + e)^2 - 1 = 2e + e^2, of which a rounded product would lose e^2.
    let e = f32::EPSILON;
    let fma = |a: f32, b: f32, c: f32| result(Fma {}, &[t([], &[a]), t([], &[b]), t([], &[c])]);
    assert_eq!(fma(1.0 + e, 1.0 + e, -1.0), t([], &[2.0 * e + e * e]));
    assert_eq!(fma(3e38, 2.0, f32::NEG_INFINITY), t([], &[f32::NEG_INFINITY]));
    assert_eq!(fma(3e38, 2.0, -3e38), t([], &[3e38f32]));
}

#[test]
fn fma_is_not_computed_in_double() {
    // a * b + c = 1 + 2^-23 + 2^-24 - 2^-70 lies just below the middle of two floats, nearer than doubles are dense.
    let ulp = f32::EPSILON;
    let (a, b, c) = (1.0 + ulp, (1.0 - ulp) / 16777216.0, 1.0 + ulp);
    let twice_rounded = f64::from(a).mul_add(f64::from(b), f64::from(c)) as f32;
    assert_eq!(twice_rounded, 1.0 + 2.0 * ulp);
    gives(Fma {}, &[t([], &[a]), t([], &[b]), t([], &[c])], [], &[1.0 + ulp]);
}

#[test]
fn fma_of_other_floats() {
    let e = f64::EPSILON;
    let x = [t([], &[1.0 + e]), t([], &[1.0 + e]), t([], &[-1.0])];
    gives(Fma {}, &x, [], &[2.0 * e + e * e]);
    let h = |v: f32| t([], &[f16::from_f32(v)]);
    gives(Fma {}, &[h(300.0), h(300.0), h(-60000.0)], [], &[f16::from_f32(30000.0)]);
    let b = |v: f32| t([], &[bf16::from_f32(v)]);
    gives(Fma {}, &[b(1.0078125), b(1.0078125), b(-1.0)], [], &[bf16::from_f32(0.015686035)]);
    gives::<f32>(Fma {}, &vec![t::<f32>([0], &[]); 3], [0], &[]);
}

#[test]
fn fma_checks_its_operands() {
    let x = ty(F32, [2]);
    rejects(Fma {}, &[ty(I32, [2]), ty(I32, [2]), ty(I32, [2])], "operand 0 must have a float dtype");
    rejects(Fma {}, &[x.clone(), x.clone(), ty(F64, [2])], "operands 0 and 2 must have the same dtype");
    rejects(Fma {}, &[x.clone(), ty(F32, [3]), x], "shapes of operands 0 and 1 must agree");
}

#[test]
fn functions_apply_to_each_element() {
    let x = t([2, 2], &[1i32, 2, 3, 4]);
    gives(UnaryFn::Neg, std::slice::from_ref(&x), [2, 2], &[-1, -2, -3, -4]);
    gives(BinaryFn::Mul, &[x.clone(), x.clone()], [2, 2], &[1, 4, 9, 16]);
    gives(CompareFn::Lt, &[x, t([2, 2], &[4, 3, 2, 1])], [2, 2], &[true, true, false, false]);
    gives(UnaryFn::IsNan, &[t([2], &[f32::NAN, 1.0])], [2], &[true, false]);
}

#[test]
fn select_takes_whole_elements() {
    let (x, y) = (t([2], &[f32::from_bits(0x7fa0_0001), 1.0]), t([2], &[2.0, -0.0f32]));
    gives(Select {}, &[t([2], &[true, false]), x, y], [2], &[f32::from_bits(0x7fa0_0001), -0.0]);
}

#[test]
fn select_checks_its_operands() {
    let (p, x) = (ty(Bool, [2]), ty(F32, [2]));
    rejects(Select {}, &[x.clone(), x.clone(), x.clone()], "operand 0 must have bool, found f32");
    rejects(Select {}, &[p.clone(), x.clone(), ty(I32, [2])], "operands 1 and 2 must have the same dtype");
    rejects(Select {}, &[ty(Bool, ()), x.clone(), x.clone()], "shapes of operands 0 and 1 must agree");
    rejects(Select {}, &[p, x, ty(F32, [3])], "shapes of operands 1 and 2 must agree");
}
