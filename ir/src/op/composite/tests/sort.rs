//! Golden values of orders.

use super::{assert_f64, error, f64s, run, tensor};
use crate::DType;

#[test]
fn argsort() {
    // np.argsort(a, 1, kind='stable')
    let a = f64s([2, 4], [3.0, 1.0, 2.0, 1.0, f64::NAN, f64::NEG_INFINITY, 0.0, 5.0]);
    let y = run(&[a], |b, x| b.argsort(x[0], 1usize, false, DType::I32));
    assert_f64(&y, [2, 4], &[1.0, 3.0, 2.0, 0.0, 1.0, 2.0, 3.0, 0.0]);
}

#[test]
fn argsort_descending() {
    // torch.sort(t(a), dim=0, descending=True, stable=True)[1]
    let a = f64s([4], [3.0, 1.0, 2.0, 3.0]);
    let y = run(&[a], |b, x| b.argsort(x[0], 0usize, true, DType::I64));
    assert_f64(&y, [4], &[0.0, 3.0, 2.0, 1.0]);
}

/// Ties count in the target's favour; what is not a class, or not a number, is not among the first.
#[test]
fn in_top_k() {
    let nan = f64::NAN;
    let predictions =
        f64s([5, 3], [0.1, 0.5, 0.4, 0.3, 0.3, 0.9, 1.0, 2.0, 3.0, nan, 1.0, 0.0, nan, 1.0, 0.0]);
    let targets = tensor([5], [2i32, 0, 3, 0, 1]);
    let y = run(&[predictions.clone(), targets.clone()], |b, x| b.in_top_k(x[0], x[1], 2usize));
    assert_eq!(y.to_vec::<bool>().unwrap(), [true, true, false, false, true]);
    let y = run(&[predictions, targets], |b, x| b.in_top_k(x[0], x[1], 1usize));
    assert_eq!(y.to_vec::<bool>().unwrap(), [false, false, false, false, true]);
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    assert_eq!(
        error(&[x()], |b, x| b.argsort(x[0], 1usize, false, DType::U8)),
        "`argsort`(f64[1,2]): attribute `dtype`: must be i32, i64, u32 or u64, found u8"
    );
    assert_eq!(
        error(&[x(), tensor([2], [0i32, 1])], |b, x| b.in_top_k(x[0], x[1], 1usize)),
        "`in_top_k`(f64[1,2], i32[2]): the shape of the targets and that of operand 0 without its last axis must agree, \
         found [2] and [1,2]"
    );
}
