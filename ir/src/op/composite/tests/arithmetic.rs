//! Golden values of named formulas.

use super::{assert_f64, f64s, run, tensor};

#[test]
fn square() {
    // np.square(a)
    let a = f64s([3], [-3.0, 0.5, 2.0]);
    let y = run(&[a], |b, x| b.square(x[0]));
    assert_f64(&y, [3], &[9.0, 0.25, 4.0]);
}

#[test]
fn reciprocal() {
    // np.reciprocal(a)
    let a = f64s([3], [-4.0, 0.0, 0.3]);
    let y = run(&[a], |b, x| b.reciprocal(x[0]));
    assert_f64(&y, [3], &[-0.25, f64::INFINITY, 3.3333333333333335]);
}

#[test]
fn softplus() {
    // mp(lambda v: mpmath.log1p(mpmath.exp(v)), a)
    let a = f64s([7], [-700.0, -40.0, -1.0, 0.0, 0.001, 40.0, 800.0]);
    let y = run(&[a], |b, x| b.softplus(x[0]));
    assert_f64(
        &y,
        [7],
        &[
            9.85967654375977e-305,
            4.248354255291589e-18,
            0.3132616875182228,
            0.6931471805599453,
            0.6936473055599401,
            40.0,
            800.0,
        ],
    );
}

#[test]
fn log_sigmoid() {
    // mp(lambda v: -mpmath.log1p(mpmath.exp(-v)), a)
    let a = f64s([7], [-800.0, -40.0, -1.0, 0.0, 0.001, 40.0, 700.0]);
    let y = run(&[a], |b, x| b.log_sigmoid(x[0]));
    assert_f64(
        &y,
        [7],
        &[
            -800.0,
            -40.0,
            -1.3132616875182228,
            -0.6931471805599453,
            -0.6926473055599401,
            -4.248354255291589e-18,
            -9.85967654375977e-305,
        ],
    );
}

#[test]
fn squared_difference() {
    // (a - b) ** 2
    let a = f64s([2], [1.0, -2.5]);
    let b = f64s([2], [4.0, 3.0]);
    let y = run(&[a, b], |b, x| b.squared_difference(x[0], x[1]));
    assert_f64(&y, [2], &[9.0, 30.25]);
}

#[test]
fn divide_no_nan() {
    // torch.where(t(b) == 0, 0.0, t(a) / t(b))
    let a = f64s([5], [1.0, 0.0, f64::INFINITY, f64::NAN, 3.0]);
    let b = f64s([5], [0.0, 0.0, 0.0, 0.0, 4.0]);
    let y = run(&[a, b], |b, x| b.divide_no_nan(x[0], x[1]));
    assert_f64(&y, [5], &[0.0, 0.0, 0.0, 0.0, 0.75]);
}

#[test]
fn xlogy() {
    // scipy.special.xlogy(a, b)
    let a = f64s([7], [0.0, 0.0, 0.0, 0.0, 2.0, -1.0, 3.0]);
    let b = f64s([7], [0.0, -1.0, f64::INFINITY, f64::NAN, 3.0, 0.5, 0.0]);
    let y = run(&[a, b], |b, x| b.xlogy(x[0], x[1]));
    assert_f64(
        &y,
        [7],
        &[0.0, 0.0, 0.0, f64::NAN, 2.1972245773362196, 0.6931471805599453, f64::NEG_INFINITY],
    );
}

#[test]
fn hypot() {
    // np.hypot(a, b)
    let a = f64s([8], [3.0, 1e+300, 1e-310, 0.0, f64::NEG_INFINITY, f64::NAN, f64::NAN, 5e-324]);
    let b = f64s([8], [-4.0, 1e+300, 1e-310, 0.0, f64::NAN, f64::INFINITY, 1.0, 0.0]);
    let y = run(&[a, b], |b, x| b.hypot(x[0], x[1]));
    assert_f64(
        &y,
        [8],
        &[
            5.0,
            1.4142135623730952e+300,
            1.4142135623731e-310,
            0.0,
            f64::INFINITY,
            f64::INFINITY,
            f64::NAN,
            5e-324,
        ],
    );
}

#[test]
fn softplus_and_log_sigmoid_have_limits() {
    let x = f64s([3], [f64::NEG_INFINITY, f64::INFINITY, f64::NAN]);
    let y = run(&[x.clone()], |b, x| b.softplus(x[0]));
    assert_f64(&y, [3], &[0.0, f64::INFINITY, f64::NAN]);
    let y = run(&[x], |b, x| b.log_sigmoid(x[0]));
    assert_f64(&y, [3], &[f64::NEG_INFINITY, 0.0, f64::NAN]);
}

#[test]
fn integers_wrap() {
    let y = run(&[tensor([2], [-3i8, 16])], |b, x| b.square(x[0]));
    assert_eq!(y.to_vec::<i8>().unwrap(), [9, 0]);
    let y = run(&[tensor([1], [3u8]), tensor([1], [5u8])], |b, x| b.squared_difference(x[0], x[1]));
    assert_eq!(y.to_vec::<u8>().unwrap(), [4]);
}
