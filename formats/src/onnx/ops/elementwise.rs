//! Functions of elements, with NumPy's rule for shapes.

use tensorwright::{DType, Scalar, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, axis, one};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Abs", |call| one(call.tensor(0)?.abs())),
    ("Acos", |call| one(call.tensor(0)?.acos())),
    ("Acosh", |call| one(call.tensor(0)?.acosh())),
    ("Asin", |call| one(call.tensor(0)?.asin())),
    ("Asinh", |call| one(call.tensor(0)?.asinh())),
    ("Atan", |call| one(call.tensor(0)?.atan())),
    ("Atanh", |call| one(call.tensor(0)?.atanh())),
    ("Ceil", |call| one(call.tensor(0)?.ceil())),
    ("Cos", |call| one(call.tensor(0)?.cos())),
    ("Cosh", |call| one(call.tensor(0)?.cosh())),
    ("Erf", |call| one(call.tensor(0)?.erf())),
    ("Exp", |call| one(call.tensor(0)?.exp())),
    ("Floor", |call| one(call.tensor(0)?.floor())),
    ("Identity", |call| Ok(vec![call.value(0)?.clone()])),
    ("IsNaN", |call| one(call.tensor(0)?.is_nan())),
    ("Log", |call| one(call.tensor(0)?.log())),
    ("Neg", |call| one(call.tensor(0)?.neg())),
    ("Not", |call| one(call.tensor(0)?.not())),
    ("BitwiseNot", |call| one(call.tensor(0)?.not())),
    ("Reciprocal", |call| one(call.tensor(0)?.reciprocal())),
    ("Round", |call| one(call.tensor(0)?.round_even())),
    ("Sigmoid", |call| one(call.tensor(0)?.sigmoid())),
    ("Sign", |call| one(call.tensor(0)?.sign())),
    ("Sin", |call| one(call.tensor(0)?.sin())),
    ("Sinh", |call| one(call.tensor(0)?.sinh())),
    ("Sqrt", |call| one(call.tensor(0)?.sqrt())),
    ("Tan", |call| one(call.tensor(0)?.tan())),
    ("Tanh", |call| one(call.tensor(0)?.tanh())),
    ("IsInf", is_inf),
    ("Add", |call| binary(call, |x, y| x + y)),
    ("Sub", |call| binary(call, |x, y| x - y)),
    ("Mul", |call| binary(call, |x, y| x * y)),
    ("Div", |call| binary(call, |x, y| x / y)),
    ("And", |call| binary(call, |x, y| x & y)),
    ("Or", |call| binary(call, |x, y| x | y)),
    ("Xor", |call| binary(call, |x, y| x ^ y)),
    ("BitwiseAnd", |call| binary(call, |x, y| x & y)),
    ("BitwiseOr", |call| binary(call, |x, y| x | y)),
    ("BitwiseXor", |call| binary(call, |x, y| x ^ y)),
    ("Equal", equal),
    ("Greater", |call| binary(call, |x, y| x.gt(y))),
    ("GreaterOrEqual", |call| binary(call, |x, y| x.ge(y))),
    ("Less", |call| binary(call, |x, y| x.lt(y))),
    ("LessOrEqual", |call| binary(call, |x, y| x.le(y))),
    ("Pow", power),
    ("Mod", modulo),
    ("BitShift", shift),
    ("Max", |call| all(call, |x, y| x.maximum(y))),
    ("Min", |call| all(call, |x, y| x.minimum(y))),
    ("Sum", |call| all(call, |x, y| x + y)),
    ("Mean", mean),
    ("Clip", clip),
    ("Where", |call| one(call.tensor(0)?.select(call.tensor(1)?, call.tensor(2)?))),
    ("Relu", |call| one(call.tensor(0)?.relu())),
    ("LeakyRelu", leaky_relu),
    ("PRelu", prelu),
    ("Elu", elu),
    ("Selu", selu),
    ("Celu", celu),
    ("ThresholdedRelu", thresholded_relu),
    ("HardSigmoid", hard_sigmoid),
    ("HardSwish", |call| one(call.tensor(0)?.hard_swish())),
    ("Mish", |call| one(call.tensor(0)?.mish())),
    ("Softplus", |call| one(call.tensor(0)?.softplus())),
    ("Softsign", |call| one(call.tensor(0)?.softsign())),
    ("Shrink", shrink),
    ("Gelu", gelu),
    ("Swish", swish),
    ("SwiGLU", |call| {
        let gate = call.tensor(0)?;
        one(gate * (gate * call.float("alpha", 1.0)?).sigmoid() * call.tensor(1)?)
    }),
    ("Affine", |call| one(call.tensor(0)? * call.float("alpha", 1.0)? + call.float("beta", 0.0)?)),
    ("ScaledTanh", |call| {
        one((call.tensor(0)? * call.float("beta", 1.0)?).tanh() * call.float("alpha", 1.0)?)
    }),
    ("ParametricSoftplus", |call| {
        one((call.tensor(0)? * call.float("beta", 1.0)?).softplus() * call.float("alpha", 1.0)?)
    }),
];

/// Both operands. Before version 7 the second one's axes are said where they are not the last.
fn operands(call: &Call<'_>) -> Result<(Tensor, Tensor), Reason> {
    let (x, y) = (call.tensor(0)?, call.tensor(1)?);
    if call.version() >= 7 || !call.flag("broadcast", false)? {
        return Ok((x.clone(), y.clone()));
    }
    let (rank, own) = (x.rank()?, y.rank()?);
    let Some(at) = call.maybe_int("axis")? else { return Ok((x.clone(), y.clone())) };
    let behind = rank.saturating_sub(axis(at, rank)? + own);
    let mut shape = y.shape()?.sizes().to_vec();
    shape.extend(std::iter::repeat_n(1, behind));
    Ok((x.clone(), y.reshape(shape)))
}

fn binary(call: &Call<'_>, compute: impl FnOnce(&Tensor, &Tensor) -> Tensor) -> Results {
    let (x, y) = operands(call)?;
    one(compute(&x, &y))
}

fn all(call: &Call<'_>, compute: impl Fn(&Tensor, &Tensor) -> Tensor) -> Results {
    let tensors = call.tensors()?;
    let (first, rest) = tensors.split_first().ok_or(Reason::MissingInput(0))?;
    one(rest.iter().fold((*first).clone(), |so_far, x| compute(&so_far, x)))
}

fn mean(call: &Call<'_>) -> Results {
    let count = call.count() as f64;
    let sum = all(call, |x, y| x + y)?;
    sum.into_iter().map(|sum| Ok((call_tensor(sum)? / count).into())).collect()
}

fn call_tensor(value: Value) -> Result<Tensor, Reason> {
    match value {
        Value::Tensor(tensor) => Ok(tensor),
        other => Err(Reason::other(format!("{} in place of a tensor", other.kind()))),
    }
}

fn equal(call: &Call<'_>) -> Results {
    if let (Value::Strings(x), Value::Strings(y)) = (call.value(0)?, call.value(1)?) {
        return super::text::equal(&x.0, &y.0);
    }
    binary(call, |x, y| x.eq(y))
}

fn is_inf(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let (negative, positive) = (call.flag("detect_negative", true)?, call.flag("detect_positive", true)?);
    match (negative, positive) {
        (true, true) => one(x.is_inf()),
        (true, false) => one(x.eq(f64::NEG_INFINITY)),
        (false, true) => one(x.eq(f64::INFINITY)),
        (false, false) => one(Tensor::zeros(x.shape()?, DType::Bool)),
    }
}

/// Of the base's dtype. Integers to the power of floats are computed in f64.
fn power(call: &Call<'_>) -> Results {
    let (x, y) = operands(call)?;
    let (base, exponent) = (x.dtype()?, y.dtype()?);
    if base == exponent {
        return one(x.pow(&y));
    }
    match (base.is_float(), exponent.is_float()) {
        (true, _) => one(x.pow(y.cast(base))),
        (false, true) => one(x.cast(DType::F64).pow(y.cast(DType::F64)).cast(base)),
        (false, false) => one(x.pow(y.cast(base))),
    }
}

/// The remainder, with the sign of the divisor, or of the dividend if `fmod`.
fn modulo(call: &Call<'_>) -> Results {
    match call.flag("fmod", false)? {
        true => binary(call, |x, y| x.rem(y)),
        false => binary(call, |x, y| x.floor_mod(y)),
    }
}

fn shift(call: &Call<'_>) -> Results {
    let (x, y) = operands(call)?;
    match call.word("direction", "")? {
        "LEFT" => one(x << y),
        "RIGHT" => one(x >> y),
        other => Err(call.unknown_word("direction", other)),
    }
}

fn clip(call: &Call<'_>) -> Results {
    let mut x = call.tensor(0)?.clone();
    let dtype = x.dtype()?;
    let attribute = |name: &str| -> Result<Option<Tensor>, Reason> {
        Ok(call.maybe_float(name)?.map(|bound| Tensor::scalar(bound).cast(dtype)))
    };
    let low = call.maybe(1)?.cloned().map_or_else(|| attribute("min"), |low| Ok(Some(low)))?;
    let high = call.maybe(2)?.cloned().map_or_else(|| attribute("max"), |high| Ok(Some(high)))?;
    if let Some(low) = low {
        x = x.maximum(low);
    }
    if let Some(high) = high {
        x = x.minimum(high);
    }
    one(x)
}

fn leaky_relu(call: &Call<'_>) -> Results {
    one(call.tensor(0)?.leaky_relu(call.float("alpha", 0.01)?))
}

fn prelu(call: &Call<'_>) -> Results {
    let (x, slope) = (call.tensor(0)?, call.tensor(1)?);
    // Before version 7 a vector of slopes is one for each channel.
    let slope = if call.version() < 7 && slope.rank()? == 1 && x.rank()? > 2 {
        let mut shape = vec![slope.elements()?];
        shape.extend(std::iter::repeat_n(1, x.rank()? - 2));
        slope.reshape(shape)
    } else {
        slope.clone()
    };
    one(x.lt(0).select(x * slope, x))
}

fn elu(call: &Call<'_>) -> Results {
    one(call.tensor(0)?.elu(call.float("alpha", 1.0)?))
}

fn selu(call: &Call<'_>) -> Results {
    let (alpha, gamma) = (call.float("alpha", 1.673_263_2)?, call.float("gamma", 1.050_701)?);
    one(call.tensor(0)?.elu(alpha) * gamma)
}

fn celu(call: &Call<'_>) -> Results {
    one(call.tensor(0)?.celu(call.float("alpha", 1.0)?))
}

fn thresholded_relu(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(x.gt(call.float("alpha", 1.0)?).select(x, 0))
}

fn hard_sigmoid(call: &Call<'_>) -> Results {
    let (alpha, beta) = (call.float("alpha", 0.2)?, call.float("beta", 0.5)?);
    one((call.tensor(0)? * alpha + beta).clamp(0, 1))
}

fn shrink(call: &Call<'_>) -> Results {
    let (x, bias, lambda) = (call.tensor(0)?, call.float("bias", 0.0)?, call.float("lambd", 0.5)?);
    let dtype = x.dtype()?;
    let number = |value: f64| Tensor::scalar(Scalar::from_f64(dtype, value));
    let (bias, low, high) = (number(bias), number(-lambda), number(lambda));
    let upper = x.gt(high).select(x - &bias, 0);
    one(x.lt(low).select(x + bias, upper))
}

fn gelu(call: &Call<'_>) -> Results {
    use tensorwright::GeluForm;
    match call.word("approximate", "none")? {
        "none" => one(call.tensor(0)?.gelu(GeluForm::Erf)),
        "tanh" => one(call.tensor(0)?.gelu(GeluForm::Tanh)),
        other => Err(call.unknown_word("approximate", other)),
    }
}

fn swish(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(x * (x * call.float("alpha", 1.0)?).sigmoid())
}
