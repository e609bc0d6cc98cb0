//! Reductions along an axis, and their running forms.

use half::f16;

use super::{counting, gives, rejects, result, t, ty};
use crate::DType::{self, Bool, F32, F64, I32, I64, U32, U64};
use crate::op::primitive::{ArgKind, ArgReduce, Cumulative, Reduce, ReduceKind};

fn arg(kind: ArgKind, axis: usize, dtype: DType) -> ArgReduce {
    ArgReduce { kind, axis, dtype }
}

#[test]
fn arg_reduce_finds_the_first_extreme() {
    let x = t([2, 3], &[1.0f32, 5.0, 5.0, -2.0, -2.0, 7.0]);
    let check = |kind, axis, shape: usize, expected: &[i32]| {
        gives(arg(kind, axis, I32), std::slice::from_ref(&x), [shape], expected);
    };
    check(ArgKind::Max, 1, 2, &[1, 2]);
    check(ArgKind::Min, 1, 2, &[0, 0]);
    check(ArgKind::Max, 0, 3, &[0, 0, 1]);
    check(ArgKind::Min, 0, 3, &[1, 1, 0]);
}

#[test]
fn arg_reduce_stops_at_the_first_nan() {
    let nan = f32::NAN;
    let x = t([5], &[1.0, -nan, f32::INFINITY, nan, 0.0]);
    gives(arg(ArgKind::Max, 0, I64), std::slice::from_ref(&x), [], &[1i64]);
    gives(arg(ArgKind::Min, 0, U64), &[x], [], &[1u64]);
    gives(arg(ArgKind::Max, 0, U32), &[t([2], &[-0.0f64, 0.0])], [], &[0u32]);
    gives(arg(ArgKind::Min, 0, U32), &[t([2], &[0.0f64, -0.0])], [], &[0u32]);
}

#[test]
fn arg_reduce_of_integers_and_bools() {
    gives(arg(ArgKind::Max, 0, I32), &[t([3], &[u64::MAX - 1, u64::MAX, 0])], [], &[1i32]);
    gives(arg(ArgKind::Min, 0, I32), &[t([3], &[i64::MIN + 1, i64::MAX, i64::MIN])], [], &[2i32]);
    gives(arg(ArgKind::Max, 0, I32), &[t([3], &[false, true, true])], [], &[1i32]);
    gives::<i32>(arg(ArgKind::Max, 1, I32), &[counting([0, 3])], [0], &[]);
}

#[test]
fn arg_reduce_checks_its_attributes() {
    rejects(arg(ArgKind::Max, 0, I32), &[ty(F32, ())], "axis 0 is not valid for rank 0");
    rejects(arg(ArgKind::Max, 1, I32), &[ty(F32, [3])], "axis 1 is not valid for rank 1");
    rejects(arg(ArgKind::Max, 0, F64), &[ty(F32, [3])], "must be i32, i64, u32 or u64, found f64");
    rejects(arg(ArgKind::Max, 0, I32), &[ty(F32, [0, 3])], "axis 0 has no elements");
    rejects(arg(ArgKind::Max, 0, I32), &[ty(F32, [(1 << 31) + 1])], "i32 cannot hold the indices");
}

fn scan(kind: ReduceKind, axis: usize) -> Cumulative {
    Cumulative { kind, axis, exclusive: false, reverse: false }
}

#[test]
fn cumulative_runs_both_ways() {
    let x = t([4], &[1i32, 2, 3, 4]);
    let check = |exclusive, reverse, expected: &[i32]| {
        let op = Cumulative { exclusive, reverse, ..scan(ReduceKind::Sum, 0) };
        gives(op, std::slice::from_ref(&x), [4], expected);
    };
    check(false, false, &[1, 3, 6, 10]);
    check(true, false, &[0, 1, 3, 6]);
    check(false, true, &[10, 9, 7, 4]);
    check(true, true, &[9, 7, 4, 0]);
}

#[test]
fn cumulative_of_every_kind() {
    gives(scan(ReduceKind::Prod, 0), &[t([3], &[100u8, 2, 2])], [3], &[100u8, 200, 144]);
    let nan = f32::NAN;
    gives(scan(ReduceKind::Max, 0), &[t([3], &[1.0f32, 3.0, 2.0])], [3], &[1.0f32, 3.0, 3.0]);
    let min = result(scan(ReduceKind::Min, 0), &[t([4], &[2.0, nan, 1.0, 0.0])]).to_vec::<f32>().unwrap();
    assert!(min[0] == 2.0 && min[1..].iter().all(|x| x.is_nan()));
    gives(scan(ReduceKind::Any, 0), &[t([3], &[false, true, false])], [3], &[false, true, true]);
    gives(scan(ReduceKind::All, 0), &[t([3], &[true, false, true])], [3], &[true, false, false]);
    let exclusive = |kind| Cumulative { exclusive: true, ..scan(kind, 0) };
    gives(exclusive(ReduceKind::Max), &[t([2], &[1.0f32, 2.0])], [2], &[f32::NEG_INFINITY, 1.0]);
    gives(exclusive(ReduceKind::Min), &[t([2], &[1i8, 2])], [2], &[127i8, 1]);
    gives(exclusive(ReduceKind::Prod), &[t([2], &[3i8, 2])], [2], &[1i8, 3]);
    gives(exclusive(ReduceKind::All), &[t([1], &[false])], [1], &[true]);
}

#[test]
fn cumulative_along_other_axes() {
    let x = counting([2, 3]);
    gives(scan(ReduceKind::Sum, 0), std::slice::from_ref(&x), [2, 3], &[0, 1, 2, 3, 5, 7]);
    gives(scan(ReduceKind::Sum, 1), &[x], [2, 3], &[0, 1, 3, 3, 7, 12]);
    let cube = counting([2, 2, 2]);
    gives(scan(ReduceKind::Sum, 1), &[cube], [2, 2, 2], &[0, 1, 2, 4, 4, 5, 10, 12]);
    for shape in [[0, 3], [3, 0]] {
        gives::<i32>(scan(ReduceKind::Sum, 0), &[counting(shape)], shape, &[]);
        gives::<i32>(scan(ReduceKind::Sum, 1), &[counting(shape)], shape, &[]);
    }
}

#[test]
fn cumulative_keeps_narrow_floats_wide() {
    let h = |v: &[f32]| -> Vec<f16> { v.iter().map(|&x| f16::from_f32(x)).collect() };
    // 2048 + 1 is no f16, 2048 + 1 + 1 is.
    gives(scan(ReduceKind::Sum, 0), &[t([3], &h(&[2048.0, 1.0, 1.0]))], [3], &h(&[2048.0, 2048.0, 2050.0]));
}

#[test]
fn cumulative_checks_its_operand() {
    rejects(scan(ReduceKind::Sum, 0), &[ty(F32, ())], "axis 0 is not valid for rank 0");
    rejects(scan(ReduceKind::Sum, 2), &[ty(F32, [2, 2])], "axis 2 is not valid for rank 2");
    rejects(scan(ReduceKind::Sum, 0), &[ty(Bool, [2])], "operand 0 must have a number dtype");
    rejects(scan(ReduceKind::Any, 0), &[ty(F32, [2])], "operand 0 must have bool");
}

fn reduce(kind: ReduceKind, axes: &[usize]) -> Reduce {
    Reduce { kind, axes: axes.into() }
}

#[test]
fn reduce_folds_axes_away() {
    let x = counting([2, 3]);
    let check = |kind, axes: &[usize], expected: &[i32]| {
        let shape: Vec<usize> =
            [2, 3].into_iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, n)| n).collect();
        gives(reduce(kind, axes), std::slice::from_ref(&x), shape, expected);
    };
    check(ReduceKind::Sum, &[1], &[3, 12]);
    check(ReduceKind::Sum, &[0], &[3, 5, 7]);
    check(ReduceKind::Sum, &[1, 0], &[15]);
    check(ReduceKind::Prod, &[1], &[0, 60]);
    check(ReduceKind::Max, &[0], &[3, 4, 5]);
    check(ReduceKind::Min, &[0, 1], &[0]);
    check(ReduceKind::Sum, &[], &[0, 1, 2, 3, 4, 5]);
}

#[test]
fn reduce_of_nothing_is_the_identity() {
    gives(reduce(ReduceKind::Sum, &[0]), &[t([0, 2], &[] as &[f32])], [2], &[0.0f32, 0.0]);
    gives(reduce(ReduceKind::Max, &[0]), &[t([0], &[] as &[f32])], (), &[f32::NEG_INFINITY]);
    gives(reduce(ReduceKind::Min, &[0]), &[t([0], &[] as &[u8])], (), &[u8::MAX]);
    gives(reduce(ReduceKind::All, &[0]), &[t([0], &[] as &[bool])], (), &[true]);
    gives(reduce(ReduceKind::Any, &[0]), &[t([0], &[] as &[bool])], (), &[false]);
    gives(reduce(ReduceKind::Sum, &[0]), &[t([2, 0], &[] as &[f32])], [0], &[] as &[f32]);
}

#[test]
fn reduce_of_floats() {
    let nan = result(reduce(ReduceKind::Max, &[0]), &[t([3], &[1.0, f32::NAN, f32::INFINITY])]);
    assert!(nan.to_vec::<f32>().unwrap()[0].is_nan());
    gives(reduce(ReduceKind::Min, &[0]), &[t([2], &[0.0f32, -0.0])], (), &[-0.0f32]);
    // Not rounded to f16 in between: 2048 + 1 is no f16.
    let ones = t([3], &[2048.0, 1.0, 1.0].map(f16::from_f32));
    gives(reduce(ReduceKind::Sum, &[0]), &[ones], (), &[f16::from_f32(2050.0)]);
    gives(reduce(ReduceKind::Sum, &[0]), &[t([2], &[200u8, 100])], (), &[44u8]);
}

#[test]
fn reduce_checks_its_operand() {
    rejects(reduce(ReduceKind::Sum, &[1]), &[ty(F32, [2])], "axis 1 is not valid for rank 1");
    rejects(reduce(ReduceKind::Sum, &[0, 0]), &[ty(F32, [2])], "axis 0 is named twice");
    rejects(reduce(ReduceKind::Sum, &[0]), &[ty(Bool, [2])], "operand 0 must have a number dtype");
    rejects(reduce(ReduceKind::All, &[0]), &[ty(F32, [2])], "operand 0 must have bool");
}
