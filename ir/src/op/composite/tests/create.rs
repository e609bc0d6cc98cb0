//! Golden values of created tensors.

use super::{assert_f64, error, f64s, run, run_all, tensor};
use crate::DType;

#[test]
fn fill() {
    // np.full((2, 2), a)
    let a = f64s((), [7.5]);
    let y = run(&[a], |b, x| b.fill(x[0], [2, 2]));
    assert_f64(&y, [2, 2], &[7.5, 7.5, 7.5, 7.5]);
}

#[test]
fn zeros_and_ones_like() {
    // [np.zeros_like(a), np.ones_like(a)]
    let a = f64s([2], [3.0, f64::NAN]);
    let y = run_all(&[a], |b, x| Ok(vec![b.zeros_like(x[0])?, b.ones_like(x[0])?]));
    assert_f64(&y[0], [2], &[0.0, 0.0]);
    assert_f64(&y[1], [2], &[1.0, 1.0]);
}

#[test]
fn linspace() {
    // np.linspace(a, b, 5)
    let a = f64s((), [-1.0]);
    let b = f64s((), [2.0]);
    let y = run(&[a, b], |b, x| b.linspace(x[0], x[1], 5usize));
    assert_f64(&y, [5], &[-1.0, -0.25, 0.5, 1.25, 2.0]);
}

#[test]
fn linspace_of_tenths() {
    // np.linspace(a, b, 11)
    let a = f64s((), [0.0]);
    let b = f64s((), [1.0]);
    let y = run(&[a, b], |b, x| b.linspace(x[0], x[1], 11usize));
    assert_f64(
        &y,
        [11],
        &[
            0.0,
            0.1,
            0.2,
            0.30000000000000004,
            0.4,
            0.5,
            0.6000000000000001,
            0.7000000000000001,
            0.8,
            0.9,
            1.0,
        ],
    );
}

#[test]
fn linspace_of_one() {
    // np.linspace(a, b, 1)
    let a = f64s((), [3.0]);
    let b = f64s((), [9.0]);
    let y = run(&[a, b], |b, x| b.linspace(x[0], x[1], 1usize));
    assert_f64(&y, [1], &[3.0]);
}

#[test]
fn linspace_of_none() {
    // np.linspace(a, b, 0)
    let a = f64s((), [3.0]);
    let b = f64s((), [9.0]);
    let y = run(&[a, b], |b, x| b.linspace(x[0], x[1], 0usize));
    assert_f64(&y, [0], &[]);
}

#[test]
fn range() {
    // np.arange(a, 2.2, b)
    let a = f64s((), [0.5]);
    let b = f64s((), [0.25]);
    let y = run(&[a, b], |b, x| b.range(x[0], x[1], 7usize));
    assert_f64(&y, [7], &[0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]);
}

#[test]
fn eye() {
    // np.eye(2, 3)
    let y = run(&[], |b, _| b.eye(DType::F64, 2usize, 3usize, 0i64));
    assert_f64(&y, [2, 3], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn eye_above() {
    // np.eye(2, 3, 1)
    let y = run(&[], |b, _| b.eye(DType::F64, 2usize, 3usize, 1i64));
    assert_f64(&y, [2, 3], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn eye_below() {
    // np.eye(3, 2, -2)
    let y = run(&[], |b, _| b.eye(DType::F64, 3usize, 2usize, -2i64));
    assert_f64(&y, [3, 2], &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn eye_beyond() {
    // np.eye(2, 2, 5)
    let y = run(&[], |b, _| b.eye(DType::F64, 2usize, 2usize, i64::MAX));
    assert_f64(&y, [2, 2], &[0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn integer_ranges_wrap() {
    let y = run(&[tensor((), [250u8]), tensor((), [3u8])], |b, x| b.range(x[0], x[1], 4usize));
    assert_eq!(y.to_vec::<u8>().unwrap(), [250, 253, 0, 3]);
}

#[test]
fn errors() {
    assert_eq!(
        error(&[f64s([2], [1.0, 2.0])], |b, x| b.fill(x[0], [2, 2])),
        "`fill`(f64[2]): operand 0 must be a scalar, found f64[2]"
    );
    assert_eq!(
        error(&[], |b, _| b.eye(DType::F64, usize::MAX, usize::MAX, 0i64)),
        "`eye`(): the result of shape [18446744073709551615,18446744073709551615] is too large"
    );
    assert_eq!(
        error(&[f64s((), [1.0]), tensor((), [1f32])], |b, x| b.linspace(x[0], x[1], 3usize)),
        "`linspace`(f64[], f32[]): operands 0 and 1 must have the same dtype, found f64 and f32; cast one of them"
    );
}
