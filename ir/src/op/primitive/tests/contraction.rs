//! Sums of products.

use half::{bf16, f16};

use super::{gives, rejects, t, ty};
use crate::DType::{self, BF16, Bool, F16, F32, F64, I8, I32, I64, U8, U32};
use crate::op::primitive::DotGeneral;

fn dot(batch: [&[usize]; 2], contract: [&[usize]; 2], dtype: DType) -> DotGeneral {
    DotGeneral {
        lhs_batch: batch[0].into(),
        rhs_batch: batch[1].into(),
        lhs_contract: contract[0].into(),
        rhs_contract: contract[1].into(),
        dtype,
    }
}

fn matmul(dtype: DType) -> DotGeneral {
    dot([&[], &[]], [&[1], &[0]], dtype)
}

#[test]
fn dot_general_is_matrix_multiplication() {
    let (x, y) =
        (t([2, 3], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0]), t([3, 2], &[7.0f32, 8.0, 9.0, 10.0, 11.0, 12.0]));
    gives(matmul(F32), &[x.clone(), y.clone()], [2, 2], &[58.0f32, 64.0, 139.0, 154.0]);
    gives(matmul(F64), &[x.clone(), y], [2, 2], &[58.0f64, 64.0, 139.0, 154.0]);
    // The second operand transposed.
    let yt = t([2, 3], &[7.0f32, 9.0, 11.0, 8.0, 10.0, 12.0]);
    gives(dot([&[], &[]], [&[1], &[1]], F32), &[x, yt], [2, 2], &[58.0f32, 64.0, 139.0, 154.0]);
}

#[test]
fn dot_general_puts_batch_axes_first() {
    // einsum("kb,ckb->bc")
    let x = t([2, 3], &[1, 2, 3, 4, 5, 6]);
    let y = t([2, 2, 3], &[1, 1, 1, 1, 1, 1, 1, 0, 2, 0, 1, 2]);
    gives(dot([&[1], &[2]], [&[0], &[1]], I32), &[x, y], [3, 2], &[5, 1, 7, 5, 9, 18]);
}

#[test]
fn dot_general_without_contraction_is_the_outer_product() {
    let (x, y) = (t([2], &[2i32, 3]), t([3], &[1i32, 10, 100]));
    gives(dot([&[], &[]], [&[], &[]], I32), &[x, y], [2, 3], &[2, 20, 200, 3, 30, 300]);
    gives(dot([&[], &[]], [&[], &[]], I32), &[t([], &[6i32]), t([], &[7i32])], [], &[42]);
}

#[test]
fn dot_general_over_nothing_is_zero() {
    gives(matmul(F32), &[t::<f32>([2, 0], &[]), t::<f32>([0, 1], &[])], [2, 1], &[0.0f32, 0.0]);
    gives(matmul(F32), &[t::<f32>([0, 2], &[]), t([2, 1], &[1.0f32, 2.0])], [0, 1], &[] as &[f32]);
}

#[test]
fn dot_general_accumulates_in_the_result_dtype() {
    let (x, y) = (t([1, 2], &[127i8, 127]), t([2, 1], &[127i8, 127]));
    gives(matmul(I32), &[x.clone(), y.clone()], [1, 1], &[32258i32]);
    gives(matmul(I8), &[x, y], [1, 1], &[2i8]);
    gives(matmul(I32), &[t([1, 1], &[255u8]), t([1, 1], &[255u8])], [1, 1], &[65025i32]);
    // 256 + 1 is no bf16, but sums are rounded only at the end.
    let bf = |v: &[f32]| -> Vec<bf16> { v.iter().map(|&x| bf16::from_f32(x)).collect() };
    let (x, y) = (t([1, 3], &bf(&[256.0, 1.0, 1.0])), t([3, 1], &bf(&[1.0, 1.0, 1.0])));
    gives(matmul(BF16), &[x.clone(), y.clone()], [1, 1], &bf(&[258.0]));
    gives(matmul(F32), &[x, y], [1, 1], &[258.0f32]);
    let max = t([1, 1], &[f16::MAX]);
    gives(matmul(F16), &[max.clone(), max.clone()], [1, 1], &[f16::INFINITY]);
    gives(matmul(F32), &[max.clone(), max], [1, 1], &[65504.0f32 * 65504.0]);
}

#[test]
fn dot_general_checks_dtypes() {
    let square = |dtype| ty(dtype, [2, 2]);
    rejects(matmul(Bool), &[square(Bool), square(Bool)], "operand 0 must have a number dtype");
    rejects(matmul(F32), &[square(F32), square(F64)], "must have the same dtype");
    for (from, to) in [
        (F32, F16),
        (F16, BF16),
        (F32, I64),
        (I32, F64),
        (I64, I32),
        (I8, U32),
        (U8, I8),
        (U32, I32),
        (I32, Bool),
    ] {
        rejects(matmul(to), &[square(from), square(from)], "cannot be added up in");
    }
}

#[test]
fn dot_general_checks_axes() {
    let check = |batch, contract, message| {
        rejects(dot(batch, contract, F32), &[ty(F32, [2, 3, 4]), ty(F32, [2, 4, 5])], message);
    };
    check([&[0], &[]], [&[], &[]], "`rhs_batch`: 0 axes to go with 1 of lhs");
    check([&[], &[]], [&[2], &[]], "`rhs_contract`: 0 axes to go with 1 of lhs");
    check([&[3], &[0]], [&[], &[]], "axis 3 is not valid");
    check([&[0], &[3]], [&[], &[]], "axis 3 is not valid");
    check([&[], &[]], [&[usize::MAX], &[0]], "is not valid");
    check([&[], &[]], [&[0], &[9]], "axis 9 is not valid");
    check([&[0, 0], &[0, 1]], [&[], &[]], "axis 0 is named twice");
    check([&[], &[]], [&[1, 1], &[0, 1]], "axis 1 is named twice");
    check([&[0], &[0]], [&[0], &[1]], "axis 0 is named twice");
    check([&[0], &[0]], [&[2], &[0]], "axis 0 is named twice");
    check([&[1], &[0]], [&[], &[]], "extents of lhs axis 1 and rhs axis 0 must agree");
    check([&[], &[]], [&[2], &[2]], "extents of lhs axis 2 and rhs axis 2 must agree");
    let huge = ty(F32, [1 << 32]);
    rejects(dot([&[], &[]], [&[], &[]], F32), &[huge.clone(), huge], "too large");
    let deep = ty(F32, vec![1; 20]);
    rejects(dot([&[], &[]], [&[], &[]], F32), &[deep.clone(), deep], "too large");
}
