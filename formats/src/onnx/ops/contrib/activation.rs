//! Activations with what optimisers fuse into them.

use tensorwright::{DType, GeluForm, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, axis, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::recurrent::Activation;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Gelu", |call| one(call.tensor(0)?.gelu(GeluForm::Erf))),
    ("FastGelu", |call| one(biased(call)?.gelu(GeluForm::Tanh))),
    ("BiasGelu", |call| one(biased(call)?.gelu(GeluForm::Erf))),
    ("QuickGelu", quick_gelu),
    ("ScaledSiLU", scaled_silu),
    ("BiasSplitGelu", bias_split_gelu),
    ("BiasAdd", |call| one(call.tensor(0)? + call.tensor(1)? + call.tensor(2)?)),
    ("BiasSoftmax", bias_softmax),
    ("BiasDropout", bias_dropout),
    ("SwiGLU", swiglu),
    ("GatedAdd", gated_add),
    ("LinearAttentionGate", linear_attention_gate),
];

fn biased(call: &Call<'_>) -> Result<Tensor, Reason> {
    let x = call.tensor(0)?;
    Ok(if let Some(bias) = call.maybe(1)? { x + bias } else { x.clone() })
}

fn quick_gelu(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(x * (x * call.float("alpha", 1.702)?).sigmoid())
}

fn scaled_silu(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let scaled = match call.maybe(1)? {
        Some(scale) => (x.cast(DType::F32) * scale.reshape(()).cast(DType::F32)).cast(x.dtype()?),
        None => x * call.float("alpha", 1.0)?,
    };
    one(&scaled * scaled.sigmoid())
}

/// The left half times the activation of the right one.
fn bias_split_gelu(call: &Call<'_>) -> Results {
    let halves = biased(call)?.chunk(2, -1);
    let [left, right] = &halves[..] else {
        return Err(Reason::other(format!("columns in two halves, found {}", call.tensor(0)?.ty()?)));
    };
    one(left * right.gelu(GeluForm::Erf))
}

/// A softmax over an axis and all behind it.
fn bias_softmax(call: &Call<'_>) -> Results {
    let x = biased(call)?;
    let own = sizes(&x)?;
    let at = axis(call.int("axis", 1)?, own.len())?;
    let rows: usize = own[..at].iter().product();
    let columns: usize = own[at..].iter().product();
    one(x.reshape([rows, columns]).softmax(-1).reshape(own))
}

/// Nothing is dropped: models that train are not what these operators are for.
fn bias_dropout(call: &Call<'_>) -> Results {
    if call.maybe_numbers(4)?.is_some_and(|numbers| numbers.first().is_some_and(|&trains| trains != 0)) {
        return Err(Reason::other("it drops elements in training, which is not supported"));
    }
    let x = biased(call)?;
    let kept = Tensor::full(x.shape()?, true);
    let y = if let Some(residual) = call.maybe(2)? { x + residual } else { x };
    Ok(vec![Value::from(y), kept.into()])
}

/// A gate and its partner, two inputs or the halves of one, within limits.
fn swiglu(call: &Call<'_>) -> Results {
    let halves = match call.maybe(1)? {
        Some(up) => vec![call.tensor(0)?.clone(), up.clone()],
        None => call.tensor(0)?.chunk(2, -1),
    };
    let [gate, up] = &halves[..] else {
        return Err(Reason::other(format!("columns in two halves, found {}", call.tensor(0)?.ty()?)));
    };
    let own = gate.dtype()?;
    let wide = if own == DType::F64 { own } else { DType::F32 };
    let limit = call.float("limit", 0.0)?;
    let (gate, up) = (gate.cast(wide), up.cast(wide));
    let (gate, up) = if limit > 0.0 { (gate.minimum(limit), up.clamp(-limit, limit)) } else { (gate, up) };
    let (alpha, beta) = (call.float("activation_alpha", 1.0)?, call.float("activation_beta", 0.0)?);
    let found = &gate * (&gate * alpha).sigmoid();
    let found = if call.flag("round_activation", false)? { found.cast(own).cast(wide) } else { found };
    one((found * (up + beta)).cast(own))
}

fn gated_add(call: &Call<'_>) -> Results {
    let (x, y, gate) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    match call.maybe(3)? {
        None => one(x + y * gate),
        // Rounded to `bf16` after each step, as only one device does.
        Some(_) => Err(Reason::other("a gate that is projected first is not supported")),
    }
}

/// Decay and update rate of linear attention.
fn linear_attention_gate(call: &Call<'_>) -> Results {
    let a = call.tensor(0)?;
    let decay = (a.cast(DType::F32) + call.tensor(1)?).softplus() * call.tensor(2)?;
    let rate = call.maybe(3)?.map(Tensor::sigmoid);
    Ok(vec![decay.cast(a.dtype()?).into(), rate.map_or(Value::Optional(None), Value::from)])
}

/// The activation of this name with its numbers, of which some may be left out; none if it has no name.
pub(super) fn activated(x: Tensor, name: &str, numbers: [Option<f64>; 3]) -> Result<Tensor, Reason> {
    let lower = name.to_lowercase();
    let [alpha, beta, gamma] = numbers;
    match lower.as_str() {
        "" => Ok(x),
        "clip" => Ok(x.clamp(alpha.unwrap_or(f64::NEG_INFINITY), beta.unwrap_or(f64::INFINITY))),
        "selu" => Ok(x.elu(alpha.unwrap_or(1.673_263_2)) * gamma.unwrap_or(1.050_701)),
        "celu" => Ok(x.celu(alpha.unwrap_or(1.0))),
        _ if Activation::known(&lower) => Ok(Activation { name: lower, alpha, beta }.apply(&x)),
        _ => Err(Reason::attribute("activation", format!("is `{name}`, which is unknown"))),
    }
}
