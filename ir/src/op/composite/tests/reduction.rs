//! Golden values of statistics, norms and counts.

use super::{assert_close, assert_f64, cast, error, f64s, run, run_all, tensor};
use crate::op::composite::{Dims, NormOrder};
use crate::op::primitive::ReduceKind;
use crate::{DType, Literal};

#[test]
fn mean_drops_or_keeps_axes() {
    // np.mean(a, 1)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.mean(x[0], [1], Dims::Drop));
    assert_f64(&y, [2], &[2.3333333333333335, 0.8333333333333334]);
}

#[test]
fn mean_of_all_axes() {
    // np.mean(a, (0, 1), keepdims=True)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.mean(x[0], [1, 0], Dims::Keep));
    assert_f64(&y, [1, 1], &[1.5833333333333333]);
}

#[test]
fn var_of_a_population() {
    // np.var(a, 0)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.var(x[0], [0], 0usize, Dims::Drop));
    assert_f64(&y, [3], &[1.0, 0.5625, 0.25]);
}

#[test]
fn var_of_a_sample() {
    // np.var(a, 1, ddof=1, keepdims=True)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.var(x[0], [1], 1usize, Dims::Keep));
    assert_f64(&y, [2, 1], &[2.333333333333333, 4.083333333333333]);
}

#[test]
fn var_does_not_cancel() {
    // np.var(a, 0)
    let a = f64s([3], [1000000001.0, 1000000002.0, 1000000004.0]);
    let y = run(&[a], |b, x| b.var(x[0], [0], 0usize, Dims::Drop));
    assert_f64(&y, (), &[1.5555555555555571]);
}

#[test]
fn var_without_freedom() {
    // torch.var(t(a), 0, correction=1)
    let a = f64s([1, 2], [5.0, 6.0]);
    let y = run(&[a], |b, x| b.var(x[0], [0], 1usize, Dims::Drop));
    assert_f64(&y, [2], &[f64::NAN, f64::NAN]);
}

#[test]
fn std() {
    // np.std(a, 1, ddof=1)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.std(x[0], [1], 1usize, Dims::Drop));
    assert_f64(&y, [2], &[1.5275252316519465, 2.0207259421636903]);
}

#[test]
fn moments() {
    // [np.mean(a, 0), np.var(a, 0)]
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run_all(&[a], |b, x| b.moments(x[0], [0], Dims::Drop).map(|r| r.to_vec()));
    assert_f64(&y[0], [3], &[0.0, 1.25, 3.5]);
    assert_f64(&y[1], [3], &[1.0, 0.5625, 0.25]);
}

#[test]
fn logsumexp_with_infinities() {
    // torch.logsumexp(t(a), 1)
    let a = f64s(
        [8, 3],
        [
            1.0,
            2.0,
            3.0,
            1000.0,
            1000.0,
            999.0,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
            0.0,
            1.0,
            f64::INFINITY,
            0.0,
            1.0,
            f64::NAN,
            0.0,
            1.0,
            -2000.0,
            -2001.0,
            f64::NEG_INFINITY,
            f64::NEG_INFINITY,
            f64::INFINITY,
            0.0,
        ],
    );
    let y = run(&[a], |b, x| b.logsumexp(x[0], [1], Dims::Drop));
    assert_f64(
        &y,
        [8],
        &[
            3.4076059644443806,
            1000.8619948040582,
            f64::NEG_INFINITY,
            1.3132616875182228,
            f64::INFINITY,
            f64::NAN,
            -1999.6867383124818,
            f64::INFINITY,
        ],
    );
}

#[test]
fn norm_l1() {
    // np.linalg.norm(a, 1, axis=1)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.norm(x[0], NormOrder::L1, [1], Dims::Drop));
    assert_f64(&y, [2], &[7.0, 4.5]);
}

#[test]
fn norm_l2_of_all() {
    // np.linalg.norm(a)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.norm(x[0], NormOrder::L2, [0, 1], Dims::Drop));
    assert_f64(&y, (), &[5.5901699437494745]);
}

#[test]
fn norm_inf() {
    // np.linalg.norm(a, np.inf, axis=0, keepdims=True)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.norm(x[0], NormOrder::Inf, [0], Dims::Keep));
    assert_f64(&y, [1, 3], &[1.0, 2.0, 4.0]);
}

#[test]
fn count_nonzero() {
    // np.count_nonzero(a, 1)
    let a = f64s([2, 3], [0.0, -0.0, f64::NAN, 1.0, 2.0, 0.0]);
    let y = run(&[a], |b, x| b.count_nonzero(x[0], [1], Dims::Drop, DType::I64));
    assert_f64(&y, [2], &[1.0, 2.0]);
}

#[test]
fn reduce_keep_dims() {
    // np.max(a, 1, keepdims=True)
    let a = f64s([2, 3], [1.0, 2.0, 4.0, -1.0, 0.5, 3.0]);
    let y = run(&[a], |b, x| b.reduce_keep_dims(x[0], ReduceKind::Max, [1]));
    assert_f64(&y, [2, 1], &[4.0, 3.0]);
}

#[test]
fn nothing_to_fold() {
    let empty = Literal::new([2, 0], &[0f64; 0]).unwrap();
    let y = run(&[empty.clone()], |b, x| b.mean(x[0], [1], Dims::Drop));
    assert_f64(&y, [2], &[f64::NAN, f64::NAN]);
    let y = run(&[empty.clone()], |b, x| b.logsumexp(x[0], [1], Dims::Keep));
    assert_f64(&y, [2, 1], &[f64::NEG_INFINITY, f64::NEG_INFINITY]);
    let y = run(&[empty], |b, x| b.norm(x[0], NormOrder::Inf, [1], Dims::Drop));
    assert_f64(&y, [2], &[0.0, 0.0]);
    let y = run(&[f64s([2], [3.0, 4.0])], |b, x| b.mean(x[0], [], Dims::Keep));
    assert_f64(&y, [2], &[3.0, 4.0]);
}

/// In f16 the sum of squares would overflow, and the mean of many would stop growing.
#[test]
fn half_precision_is_computed_wide() {
    let x = cast(&f64s([4], [300.0, 301.0, 302.0, 305.0]), DType::F16);
    // torch.linalg.norm(a.float()), a.float().var(unbiased=False)
    let y = run(&[x.clone()], |b, x| b.norm(x[0], NormOrder::L2, [0], Dims::Drop));
    assert_close(&y, (), &[604.0108442072759], 1e-3);
    let y = run(&[x], |b, x| b.var(x[0], [0], 0usize, Dims::Drop));
    assert_eq!(y, cast(&f64s((), [3.5]), DType::F16));
}

#[test]
fn errors() {
    let x = || f64s([1, 2], [1.0, 2.0]);
    assert_eq!(
        error(&[x()], |b, x| b.mean(x[0], [2], Dims::Drop)),
        "`mean`(f64[1,2]): axis 2 is not valid for rank 2"
    );
    assert_eq!(
        error(&[x()], |b, x| b.var(x[0], [1, 1], 0usize, Dims::Drop)),
        "`var`(f64[1,2]): axis 1 is named twice"
    );
    assert_eq!(
        error(&[tensor([1], [1i32])], |b, x| b.logsumexp(x[0], [0], Dims::Drop)),
        "`logsumexp`(i32[1]): operand 0 must have a float dtype, found i32"
    );
    assert_eq!(
        error(&[x()], |b, x| b.count_nonzero(x[0], [0], Dims::Drop, DType::Bool)),
        "`count_nonzero`(f64[1,2]): attribute `dtype`: must be a number dtype, found bool"
    );
}
