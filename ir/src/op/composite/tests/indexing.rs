//! Golden values of reads at computed indices.

use super::{assert_f64, error, f64s, run, tensor};
use crate::{DType, Literal};

#[test]
fn take_rows() {
    // np.take(a, b, 0)
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([3], [2_i32, 0, 2]);
    let y = run(&[a, b], |b, x| b.take(x[0], x[1], 0usize));
    assert_f64(&y, [3, 4], &[8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0]);
}

#[test]
fn take_columns_by_a_matrix() {
    // np.take(a, b, 1)
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2, 2], [3_i32, 0, 1, 1]);
    let y = run(&[a, b], |b, x| b.take(x[0], x[1], 1usize));
    assert_f64(&y, [3, 2, 2], &[3.0, 0.0, 1.0, 1.0, 7.0, 4.0, 5.0, 5.0, 11.0, 8.0, 9.0, 9.0]);
}

#[test]
fn take_by_a_scalar() {
    // np.take(a, b, 1)
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor((), [2_i64]);
    let y = run(&[a, b], |b, x| b.take(x[0], x[1], 1usize));
    assert_f64(&y, [3], &[2.0, 6.0, 10.0]);
}

#[test]
fn take_clamps() {
    // np.take(a, b, 0, mode='clip')
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2], [-5_i32, 7]);
    let y = run(&[a, b], |b, x| b.take(x[0], x[1], 0usize));
    assert_f64(&y, [2, 4], &[0.0, 1.0, 2.0, 3.0, 8.0, 9.0, 10.0, 11.0]);
}

#[test]
fn take_along_axis() {
    // np.take_along_axis(a, b, 1)
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([3, 2], [0_i32, 3, 2, 2, 1, 0]);
    let y = run(&[a, b], |b, x| b.take_along_axis(x[0], x[1], 1usize));
    assert_f64(&y, [3, 2], &[0.0, 3.0, 6.0, 6.0, 9.0, 8.0]);
}

#[test]
fn take_along_the_first_axis() {
    // np.take_along_axis(a, b, 0)
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([1, 4], [2_i32, 0, 1, 2]);
    let y = run(&[a, b], |b, x| b.take_along_axis(x[0], x[1], 0usize));
    assert_f64(&y, [1, 4], &[8.0, 1.0, 6.0, 11.0]);
}

#[test]
fn gather_nd_of_elements() {
    // a[b[:, 0], b[:, 1]]
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2, 2], [0_i32, 1, 2, 3]);
    let y = run(&[a, b], |b, x| b.gather_nd(x[0], x[1], 0usize));
    assert_f64(&y, [2], &[1.0, 11.0]);
}

#[test]
fn gather_nd_of_rows() {
    // a[b[:, 0]]
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2, 1], [2_i32, 0]);
    let y = run(&[a, b], |b, x| b.gather_nd(x[0], x[1], 0usize));
    assert_f64(&y, [2, 4], &[8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn gather_nd_with_batches() {
    // np.stack([a[i][b[i][:, 0]] for i in range(2)])
    let a = f64s([2, 3, 2], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2, 2, 1], [2_i32, 0, 1, 1]);
    let y = run(&[a, b], |b, x| b.gather_nd(x[0], x[1], 1usize));
    assert_f64(&y, [2, 2, 2], &[4.0, 5.0, 0.0, 1.0, 8.0, 9.0, 8.0, 9.0]);
}

#[test]
fn embedding() {
    // F.embedding(t(b).long(), t(a))
    let a = f64s([3, 4], [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
    let b = tensor([2, 2], [2_i32, 0, 1, 1]);
    let y = run(&[a, b], |b, x| b.embedding(x[0], x[1]));
    assert_f64(
        &y,
        [2, 2, 4],
        &[8.0, 9.0, 10.0, 11.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 4.0, 5.0, 6.0, 7.0],
    );
}

#[test]
fn one_hot() {
    // np.eye(4)[a]
    let a = tensor([2], [0_i32, 3]);
    let y = run(&[a], |b, x| b.one_hot(x[0], 4usize, 1usize, DType::F64));
    assert_f64(&y, [2, 4], &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn one_hot_along_the_first_axis() {
    // np.eye(3)[a].T
    let a = tensor([2], [2_i32, 0]);
    let y = run(&[a], |b, x| b.one_hot(x[0], 3usize, 0usize, DType::I32));
    assert_f64(&y, [3, 2], &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn one_hot_out_of_range_is_zero() {
    let y = run(&[tensor([3], [-1i32, 2, 1])], |b, x| b.one_hot(x[0], 2usize, 1usize, DType::F64));
    assert_f64(&y, [3, 2], &[0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
}

/// The numbers 0..300 do not fit in u8, and must not begin again at 256.
#[test]
fn one_hot_of_a_narrow_dtype() {
    let y = run(&[tensor([1], [3u8])], |b, x| b.one_hot(x[0], 300usize, 1usize, DType::I32));
    assert_eq!(y.iter().map(|s| s.to_i128()).sum::<i128>(), 1);
    assert_eq!(y.get(3).to_i128(), 1);
}

#[test]
fn nothing_to_read() {
    let empty = || Literal::new([0, 2], &[0f64; 0]).unwrap();
    let none = Literal::new([0], &[0i32; 0]).unwrap();
    let y = run(&[empty(), none], |b, x| b.take(x[0], x[1], 0usize));
    assert_f64(&y, [0, 2], &[]);
    assert_eq!(
        error(&[empty(), tensor([1], [0i32])], |b, x| b.take(x[0], x[1], 0usize)),
        "`take`(f64[0,2], i32[1]): axis 0 of operand 0 has no elements to read"
    );
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    let i = || tensor([2], [0i32, 1]);
    assert_eq!(
        error(&[x(), x()], |b, x| b.take(x[0], x[1], 0usize)),
        "`take`(f64[1,2], f64[1,2]): operand 1 must have an integer dtype, found f64"
    );
    assert_eq!(
        error(&[x(), i()], |b, x| b.take_along_axis(x[0], x[1], 0usize)),
        "`take_along_axis`(f64[1,2], i32[2]): shapes of operands 0 and 1 apart from axis 0 must agree, found [1,2] and [2]"
    );
    assert_eq!(
        error(&[x(), i()], |b, x| b.gather_nd(x[0], x[1], usize::MAX)),
        "`gather_nd`(f64[1,2], i32[2]): attribute `batch_dims`: 18446744073709551615 and index vectors of 2 numbers are \
         too many for f64[1,2] and i32[2]"
    );
    assert_eq!(
        error(&[i()], |b, x| b.one_hot(x[0], usize::MAX, 2usize, DType::F32)),
        "`one_hot`(i32[2]): axis 2 is not valid for rank 2"
    );
    assert_eq!(
        error(&[i()], |b, x| b.one_hot(x[0], usize::MAX, 1usize, DType::F32)),
        "`one_hot`(i32[2]): the result of shape [2,18446744073709551615] is too large"
    );
    assert_eq!(
        error(&[f64s([1], [0.0]), i()], |b, x| b.embedding(x[0], x[1])),
        "`embedding`(f64[1], i32[2]): operand 0 must have rows and columns, found f64[1]"
    );
}
