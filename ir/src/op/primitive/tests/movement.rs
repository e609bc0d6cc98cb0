//! Index maps.

use smallvec::smallvec;

use super::{counting, gives, rejects, t, ty};
use crate::DType::{F32, I32};
use crate::op::primitive::{BroadcastInDim, Concat, Pad, Reshape, Reverse, Slice, Transpose};

fn slice(starts: &[i64], limits: &[i64], strides: &[i64]) -> Slice {
    Slice { starts: starts.into(), limits: limits.into(), strides: strides.into() }
}

fn pad(low: &[i64], high: &[i64], interior: &[usize]) -> Pad {
    Pad { low: low.into(), high: high.into(), interior: interior.into() }
}

#[test]
fn slice_walks_forwards_and_backwards() {
    let x = counting([10]);
    let check = |start, limit, stride, expected: &[i32]| {
        gives(slice(&[start], &[limit], &[stride]), std::slice::from_ref(&x), [expected.len()], expected);
    };
    check(2, 5, 1, &[2, 3, 4]);
    check(0, 10, 3, &[0, 3, 6, 9]);
    check(1, 9, 4, &[1, 5]);
    check(9, -1, -1, &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    check(9, 0, -3, &[9, 6, 3]);
    check(9, -1, -3, &[9, 6, 3, 0]);
    check(4, 4, 1, &[]);
    check(4, 4, -1, &[]);
    check(10, 10, 1, &[]);
    check(-1, -1, -1, &[]);
    check(3, 10, i64::MAX, &[3]);
    check(3, -1, i64::MIN, &[3]);
}

#[test]
fn slice_of_matrix_and_of_scalar() {
    gives(slice(&[2, 1], &[-1, 4], &[-2, 2]), &[counting([3, 4])], [2, 2], &[9, 11, 1, 3]);
    gives(slice(&[], &[], &[]), &[t([], &[5i32])], [], &[5i32]);
}

#[test]
fn slice_of_nothing() {
    gives::<i32>(slice(&[0], &[0], &[2]), &[counting([0])], [0], &[]);
    gives::<i32>(slice(&[-1], &[-1], &[-2]), &[counting([0])], [0], &[]);
}

#[test]
fn slice_checks_its_attributes() {
    let x = [ty(F32, [5])];
    rejects(slice(&[], &[5], &[1]), &x, "`starts`: needs one entry per axis (1), found 0");
    rejects(slice(&[0], &[5, 5], &[1]), &x, "`limits`: needs one entry");
    rejects(slice(&[0], &[5], &[]), &x, "`strides`: needs one entry");
    rejects(slice(&[0], &[5], &[0]), &x, "the stride of axis 0 is 0");
    rejects(slice(&[-1], &[5], &[1]), &x, "`starts`: -1 is not within 0 and 5");
    rejects(slice(&[6], &[6], &[1]), &x, "`starts`: 6 is not within 0 and 5");
    rejects(slice(&[0], &[6], &[1]), &x, "`limits`: 6 is not within 0 and 5");
    rejects(slice(&[5], &[-1], &[-1]), &x, "`starts`: 5 is not within -1 and 4");
    rejects(slice(&[4], &[-2], &[-1]), &x, "`limits`: -2 is not within -1 and 4");
    rejects(slice(&[3], &[2], &[1]), &x, "ends at 2, before its start 3");
    rejects(slice(&[2], &[3], &[-1]), &x, "ends at 3, before its start 2");
    rejects(slice(&[i64::MIN], &[i64::MAX], &[i64::MIN]), &x, "is not within");
    rejects(slice(&[i64::MAX], &[i64::MIN], &[i64::MAX]), &x, "is not within");
}

#[test]
fn reverse_turns_axes_around() {
    let x = counting([2, 3]);
    gives(Reverse { axes: smallvec![1] }, std::slice::from_ref(&x), [2, 3], &[2, 1, 0, 5, 4, 3]);
    gives(Reverse { axes: smallvec![1, 0] }, std::slice::from_ref(&x), [2, 3], &[5, 4, 3, 2, 1, 0]);
    gives(Reverse { axes: smallvec![] }, &[x], [2, 3], &[0, 1, 2, 3, 4, 5]);
    gives::<i32>(Reverse { axes: smallvec![0] }, &[counting([0, 2])], [0, 2], &[]);
    rejects(Reverse { axes: smallvec![2] }, &[ty(F32, [2, 3])], "axis 2 is not valid for rank 2");
    rejects(Reverse { axes: smallvec![1, 1] }, &[ty(F32, [2, 3])], "axis 1 is named twice");
}

#[test]
fn concat_joins_along_an_axis() {
    let (x, y, empty) = (counting([2, 2]), t([2, 1], &[7, 8]), counting([2, 0]));
    gives(Concat { axis: 1 }, &[x.clone(), empty, y], [2, 3], &[0, 1, 7, 2, 3, 8]);
    gives(Concat { axis: 0 }, &[x.clone(), t([1, 2], &[7, 8])], [3, 2], &[0, 1, 2, 3, 7, 8]);
    gives(Concat { axis: 0 }, &[x], [2, 2], &[0, 1, 2, 3]);
}

#[test]
fn concat_checks_its_operands() {
    let x = ty(F32, [2, 2]);
    rejects(Concat { axis: 0 }, &[], "takes 1 or more operands, found 0");
    rejects(Concat { axis: 2 }, std::slice::from_ref(&x), "axis 2 is not valid for rank 2");
    rejects(Concat { axis: 0 }, &[ty(F32, ())], "axis 0 is not valid for rank 0");
    rejects(Concat { axis: 0 }, &[x.clone(), ty(I32, [2, 2])], "must have the same dtype");
    rejects(Concat { axis: 0 }, &[x.clone(), ty(F32, [2, 3])], "apart from axis 0 must agree");
    rejects(Concat { axis: 0 }, &[x, ty(F32, [2])], "apart from axis 0 must agree");
    let huge = ty(F32, [isize::MAX as usize / 8]);
    rejects(Concat { axis: 0 }, &[huge.clone(), huge.clone()], "too large");
    rejects(Concat { axis: 0 }, &vec![huge; 20], "too large");
}

#[test]
fn pad_adds_and_cuts() {
    let (x, v) = (t([3], &[1, 2, 3]), t([], &[9]));
    let check = |low, high, interior, expected: &[i32]| {
        gives(pad(&[low], &[high], &[interior]), &[x.clone(), v.clone()], [expected.len()], expected);
    };
    check(2, 1, 0, &[9, 9, 1, 2, 3, 9]);
    check(0, 0, 2, &[1, 9, 9, 2, 9, 9, 3]);
    check(-1, 1, 0, &[2, 3, 9]);
    check(1, -2, 1, &[9, 1, 9, 2]);
    check(-1, -1, 1, &[9, 2, 9]);
    check(-5, 2, 0, &[]);
    check(-4, 3, 0, &[9, 9]);
    check(4, -5, 0, &[9, 9]);
}

#[test]
fn pad_of_empty_of_matrix_of_scalar() {
    let v = t([], &[9]);
    gives(pad(&[1], &[1], &[5]), &[counting([0]), v.clone()], [2], &[9, 9]);
    gives(pad(&[1, -1], &[0, 1], &[0, 0]), &[counting([1, 2]), v.clone()], [2, 2], &[9, 9, 1, 9]);
    gives(pad(&[], &[], &[]), &[counting([]), v.clone()], [], &[0]);
    gives(pad(&[0], &[0], &[usize::MAX]), &[counting([1]), v], [1], &[0]);
}

#[test]
fn pad_checks_its_attributes() {
    let x = [ty(F32, [3]), ty(F32, ())];
    rejects(pad(&[0], &[0], &[0]), &[ty(F32, [3]), ty(I32, ())], "must have the same dtype");
    rejects(pad(&[0], &[0], &[0]), &[ty(F32, [3]), ty(F32, [1])], "operand 1 must be a scalar");
    rejects(pad(&[], &[0], &[0]), &x, "`low`: needs one entry");
    rejects(pad(&[0], &[], &[0]), &x, "`high`: needs one entry");
    rejects(pad(&[0], &[0], &[]), &x, "`interior`: needs one entry");
    rejects(pad(&[-4], &[0], &[0]), &x, "`low`: axis 0 of extent 3 would get the negative extent -1");
    rejects(pad(&[0], &[-4], &[0]), &x, "`high`: axis 0 of extent 3 would get the negative extent -1");
    rejects(pad(&[i64::MIN], &[i64::MIN], &[0]), &x, "negative extent");
    rejects(pad(&[i64::MAX], &[i64::MAX], &[0]), &x, "too large");
    rejects(pad(&[0], &[0], &[usize::MAX]), &x, "too large");
    let huge = [ty(F32, [isize::MAX as usize / 8]), ty(F32, ())];
    rejects(pad(&[i64::MAX], &[0], &[usize::MAX]), &huge, "too large");
}

#[test]
fn broadcast_in_dim_repeats() {
    let broadcast =
        |shape: &[usize], axes: &[usize]| BroadcastInDim { shape: shape.into(), axes: axes.into() };
    let row = counting([2]);
    gives(broadcast(&[2, 2], &[1]), std::slice::from_ref(&row), [2, 2], &[0, 1, 0, 1]);
    gives(broadcast(&[2, 2], &[0]), &[row], [2, 2], &[0, 0, 1, 1]);
    gives(broadcast(&[2, 2], &[0, 1]), &[counting([2, 1])], [2, 2], &[0, 0, 1, 1]);
    gives(broadcast(&[3], &[]), &[t((), &[7])], [3], &[7, 7, 7]);
    gives::<i32>(broadcast(&[0, 2], &[1]), &[counting([2])], [0, 2], &[]);
    gives::<i32>(broadcast(&[0], &[0]), &[counting([1])], [0], &[]);
    let x = [ty(F32, [2, 1])];
    rejects(broadcast(&[2, 3], &[0]), &x, "`axes`: needs one entry per axis (2), found 1");
    rejects(broadcast(&[2, 3], &[0, 2]), &x, "axis 2 is not valid for rank 2");
    rejects(broadcast(&[2, 3], &[1, 1]), &x, "axis 1 is named twice");
    rejects(broadcast(&[2, 3], &[1, 0]), &x, "`axes`: must be ascending");
    rejects(broadcast(&[3, 3], &[0, 1]), &x, "extents of the operand and of result axis 0");
    rejects(broadcast(&[2, usize::MAX], &[0, 1]), &x, "too large");
}

#[test]
fn reshape_keeps_the_order_of_elements() {
    let reshape = |shape: &[usize]| Reshape { shape: shape.into() };
    gives(reshape(&[3, 2]), &[counting([2, 3])], [3, 2], &[0, 1, 2, 3, 4, 5]);
    gives(reshape(&[]), &[counting([1, 1])], [], &[0]);
    gives::<i32>(reshape(&[0, 7]), &[counting([2, 0])], [0, 7], &[]);
    rejects(reshape(&[4]), &[ty(F32, [2, 3])], "numbers of elements before and after must agree");
    rejects(reshape(&[usize::MAX, usize::MAX]), &[ty(F32, [1])], "too large");
}

#[test]
fn transpose_permutes() {
    let transpose = |permutation: &[usize]| Transpose { permutation: permutation.into() };
    gives(transpose(&[1, 0]), &[counting([2, 3])], [3, 2], &[0, 3, 1, 4, 2, 5]);
    gives(transpose(&[2, 0, 1]), &[counting([1, 2, 3])], [3, 1, 2], &[0, 3, 1, 4, 2, 5]);
    gives(transpose(&[]), &[counting([])], [], &[0]);
    rejects(transpose(&[0]), &[ty(F32, [2, 3])], "`permutation`: 1 axes for a tensor of rank 2");
    rejects(transpose(&[0, 0]), &[ty(F32, [2, 3])], "axis 0 is named twice");
    rejects(transpose(&[0, 2]), &[ty(F32, [2, 3])], "axis 2 is not valid");
}
