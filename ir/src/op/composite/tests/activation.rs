//! Golden values of activation functions.

use super::{assert_close, assert_f64, cast, error, f64s, run, tensor};
use crate::DType;
use crate::op::composite::GeluForm;

#[test]
fn gelu_erf() {
    // mp(lambda v: v/2*mpmath.erfc(-v/mpmath.sqrt(2)), a)
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.gelu(x[0], GeluForm::Erf));
    assert_close(
        &y,
        [9],
        &[
            -1.472014178144456e-196,
            -0.0040496940948902835,
            -0.15865525393145705,
            -0.15426876936299344,
            0.0,
            0.34573123063700656,
            0.8413447460685429,
            2.99595030590511,
            30.0,
        ],
        1e-12,
    );
}

#[test]
fn gelu_tanh() {
    // mp(lambda v: v/2*(1+mpmath.tanh(mpmath.sqrt(2/mpmath.pi)*(v+mpmath.mpf("0.044715")*v**3))), a)
    let a = f64s([9], [-6.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.gelu(x[0], GeluForm::Tanh));
    assert_close(
        &y,
        [9],
        &[
            -8.439646700762297e-11,
            -0.003637392081773019,
            -0.1588080093917233,
            -0.15428599017485609,
            0.0,
            0.34571400982514394,
            0.8411919906082767,
            2.996362607918227,
            30.0,
        ],
        1e-12,
    );
}

#[test]
fn relu() {
    // F.relu(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.relu(x[0]));
    assert_f64(&y, [9], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 3.0, 30.0]);
}

#[test]
fn relu6() {
    // F.relu6(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.relu6(x[0]));
    assert_f64(&y, [9], &[0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 3.0, 6.0]);
}

#[test]
fn leaky_relu() {
    // F.leaky_relu(t(a), 0.2)
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.leaky_relu(x[0], 0.2));
    assert_f64(&y, [9], &[-6.0, -0.6000000000000001, -0.2, -0.1, 0.0, 0.5, 1.0, 3.0, 30.0]);
}

#[test]
fn prelu_broadcasts_its_slope() {
    // F.prelu(t(a), t(b))
    let a = f64s([3, 2], [-1.0, 2.0, -3.0, 4.0, -5.0, -6.0]);
    let b = f64s([2], [0.5, 0.25]);
    let y = run(&[a, b], |b, x| b.prelu(x[0], x[1]));
    assert_f64(&y, [3, 2], &[-0.5, 2.0, -1.5, 4.0, -2.5, -1.5]);
}

#[test]
fn elu() {
    // F.elu(t(a), 1.5)
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.elu(x[0], 1.5));
    assert_f64(
        &y,
        [9],
        &[
            -1.4999999999998597,
            -1.4253193974482041,
            -0.9481808382428365,
            -0.5902040104310499,
            0.0,
            0.5,
            1.0,
            3.0,
            30.0,
        ],
    );
}

#[test]
fn selu() {
    // F.selu(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.selu(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            -1.758099340847212,
            -1.6705687287671118,
            -1.1113307378125625,
            -0.6917581878028713,
            0.0,
            0.5253504936777402,
            1.0507009873554805,
            3.1521029620664414,
            31.521029620664414,
        ],
    );
}

#[test]
fn celu() {
    // F.celu(t(a), 2.0)
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.celu(x[0], 2.0));
    assert_f64(
        &y,
        [9],
        &[
            -1.999999388195359,
            -1.5537396797031404,
            -0.7869386805747332,
            -0.44239843385719024,
            0.0,
            0.5,
            1.0,
            3.0,
            30.0,
        ],
    );
}

#[test]
fn silu() {
    // F.silu(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.silu(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            -2.8072868906517896e-12,
            -0.14227761953270035,
            -0.2689414213699951,
            -0.1887703343990727,
            0.0,
            0.3112296656009273,
            0.7310585786300049,
            2.8577223804672998,
            29.999999999997197,
        ],
    );
}

#[test]
fn mish() {
    // mp(lambda v: v*mpmath.tanh(mpmath.log1p(mpmath.exp(v))), a)
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.mish(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            -2.807286890651921e-12,
            -0.14564746127562458,
            -0.3034014613741089,
            -0.22074377465173,
            0.0,
            0.37524521130489513,
            0.8650983882673103,
            2.9865350049679575,
            30.0,
        ],
    );
}

#[test]
fn hard_sigmoid() {
    // F.hardsigmoid(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.hard_sigmoid(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            0.0,
            0.0,
            0.3333333333333333,
            0.4166666666666667,
            0.5,
            0.5833333333333334,
            0.6666666666666666,
            1.0,
            1.0,
        ],
    );
}

#[test]
fn hard_swish() {
    // F.hardswish(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.hard_swish(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            -0.0,
            -0.0,
            -0.3333333333333333,
            -0.20833333333333334,
            0.0,
            0.2916666666666667,
            0.6666666666666666,
            3.0,
            30.0,
        ],
    );
}

#[test]
fn hard_tanh() {
    // F.hardtanh(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.hard_tanh(x[0]));
    assert_f64(&y, [9], &[-1.0, -1.0, -1.0, -0.5, 0.0, 0.5, 1.0, 1.0, 1.0]);
}

#[test]
fn softsign() {
    // F.softsign(t(a))
    let a = f64s([9], [-30.0, -3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 30.0]);
    let y = run(&[a], |b, x| b.softsign(x[0]));
    assert_f64(
        &y,
        [9],
        &[
            -0.967741935483871,
            -0.75,
            -0.5,
            -0.3333333333333333,
            0.0,
            0.3333333333333333,
            0.5,
            0.75,
            0.967741935483871,
        ],
    );
}

#[test]
fn swiglu() {
    // F.silu(t(a)) * t(b)
    let a = f64s([3], [-2.0, 0.5, 3.0]);
    let b = f64s([3], [4.0, -5.0, 6.0]);
    let y = run(&[a, b], |b, x| b.swiglu(x[0], x[1]));
    assert_f64(&y, [3], &[-0.9536233761769404, -1.5561483280046364, 17.1463342828038]);
}

#[test]
fn glu() {
    // F.glu(t(a), 1)
    let a = f64s([2, 4], [1.0, -2.0, 0.5, 3.0, 4.0, 5.0, -6.0, 0.0]);
    let y = run(&[a], |b, x| b.glu(x[0], 1usize));
    assert_f64(&y, [2, 2], &[0.6224593312018546, -1.9051482536448667, 0.009890492626539097, 2.5]);
}

#[test]
fn nan_stays_nan() {
    let x = f64s([1], [f64::NAN]);
    for y in [
        run(&[x.clone()], |b, x| b.relu(x[0])),
        run(&[x.clone()], |b, x| b.relu6(x[0])),
        run(&[x.clone()], |b, x| b.leaky_relu(x[0], 0.1)),
        run(&[x.clone()], |b, x| b.elu(x[0], 1.0)),
        run(&[x.clone()], |b, x| b.selu(x[0])),
        run(&[x.clone()], |b, x| b.mish(x[0])),
        run(&[x.clone()], |b, x| b.hard_tanh(x[0])),
        run(&[x], |b, x| b.gelu(x[0], GeluForm::Tanh)),
    ] {
        assert!(y.get(0).to_f64().is_nan());
    }
}

/// Large operands reach the limits without overflow on the way.
#[test]
fn limits_at_infinity() {
    let x = f64s([2], [1e300, f64::INFINITY]);
    for y in [
        run(&[x.clone()], |b, x| b.gelu(x[0], GeluForm::Erf)),
        run(&[x.clone()], |b, x| b.gelu(x[0], GeluForm::Tanh)),
        run(&[x.clone()], |b, x| b.silu(x[0])),
        run(&[x.clone()], |b, x| b.mish(x[0])),
        run(&[x.clone()], |b, x| b.elu(x[0], 1.0)),
        run(&[x.clone()], |b, x| b.celu(x[0], 1.0)),
    ] {
        assert_f64(&y, [2], &[1e300, f64::INFINITY]);
    }
}

#[test]
fn relu_takes_integers() {
    let y = run(&[tensor([3], [-2i32, 0, 3])], |b, x| b.relu(x[0]));
    assert_eq!(y.to_vec::<i32>().unwrap(), [0, 0, 3]);
}

/// One rounding at the end: the result is the f32 result, rounded.
#[test]
fn half_precision_is_computed_wide() {
    for dtype in [DType::F16, DType::BF16] {
        let x = cast(&f64s([4], [-2.3, -0.7, 0.3, 1.9]), dtype);
        let narrow = run(&[x.clone()], |b, x| b.gelu(x[0], GeluForm::Tanh));
        let wide = run(&[cast(&x, DType::F32)], |b, x| b.gelu(x[0], GeluForm::Tanh));
        assert_eq!(narrow, cast(&wide, dtype));
    }
}

#[test]
fn errors() {
    let x = tensor([2], [1i32, 2]);
    assert_eq!(
        error(&[x], |b, x| b.gelu(x[0], GeluForm::Erf)),
        "`gelu`(i32[2]): operand 0 must have a float dtype, found i32"
    );
    assert_eq!(
        error(&[f64s([1], [1.0])], |b, x| b.glu(x[0], 0usize)),
        "`glu`(f64[1]): attribute `axis`: axis 0 has the odd extent 1"
    );
    assert_eq!(
        error(&[f64s([1], [1.0])], |b, x| b.celu(x[0], 0.0)),
        "`celu`(f64[1]): attribute `alpha`: must not be 0"
    );
    assert_eq!(
        error(&[f64s([2], [1.0, 2.0]), f64s([3], [1.0, 2.0, 3.0])], |b, x| b.prelu(x[0], x[1])),
        "`prelu`(f64[2], f64[3]): the slope's shape and the shape it is broadcast to must agree, found [3] and [2]"
    );
    assert_eq!(
        error(&[f64s([2], [1.0, 2.0]), f64s([3], [1.0, 2.0, 3.0])], |b, x| b.swiglu(x[0], x[1])),
        "`swiglu`(f64[2], f64[3]): shapes of operands 0 and 1 must agree, found [2] and [3]"
    );
}
