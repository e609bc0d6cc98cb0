//! Reductions and scans.

use super::{counting, gives, rejects, t, ty};
use crate::DType::{self, F32, F64, I32, I64, U32, U64};
use crate::op::primitive::{ArgKind, ArgReduce};

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
