//! Steps of optimisers, and gradients.

use std::collections::HashMap;

use tensorwright::{DType, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("Adagrad", adagrad), ("Adam", adam), ("Momentum", momentum), ("Gradient", gradient)];

/// Groups of inputs behind rate and count: as many as there are parameters, one after the other.
fn groups(call: &Call<'_>, each: usize) -> Result<Vec<Vec<Tensor>>, Reason> {
    let rest = call.count().saturating_sub(2);
    if !rest.is_multiple_of(each) {
        return Err(Reason::other(format!("{rest} inputs are not {each} for each parameter")));
    }
    let count = rest / each;
    (0..count).map(|i| (0..each).map(|kind| call.tensor(2 + kind * count + i).cloned()).collect()).collect()
}

/// Results of all parameters: first all new values, then all states of each kind.
fn by_kind(found: Vec<Vec<Tensor>>) -> Results {
    let kinds = found.first().map_or(0, Vec::len);
    Ok((0..kinds).flat_map(|kind| found.iter().map(move |of| of[kind].clone().into())).collect())
}

fn adagrad(call: &Call<'_>) -> Results {
    let (rate, count) = (call.tensor(0)?.reshape(()), call.tensor(1)?.reshape(()));
    let (decay, epsilon, norm) = (
        call.float("decay_factor", 0.0)?,
        call.float("epsilon", 1e-6)?,
        call.float("norm_coefficient", 0.0)?,
    );
    let rate = &rate / (count.cast(rate.dtype()?) * decay + 1);
    let step = |group: Vec<Tensor>| {
        let [x, g, h] = &group[..] else { return group };
        let g = x * norm + g;
        let h = h + &g * &g;
        let x = x - &rate * g / (h.sqrt() + epsilon);
        vec![x, h]
    };
    by_kind(groups(call, 3)?.into_iter().map(step).collect())
}

fn adam(call: &Call<'_>) -> Results {
    let (rate, count) = (call.tensor(0)?.reshape(()), call.tensor(1)?.reshape(()));
    let (alpha, beta) = (call.float("alpha", 0.9)?, call.float("beta", 0.999)?);
    let (epsilon, norm, after) = (
        call.float("epsilon", 1e-6)?,
        call.float("norm_coefficient", 0.0)?,
        call.float("norm_coefficient_post", 0.0)?,
    );
    let dtype = rate.dtype()?;
    let times = count.cast(dtype);
    let power = |base: f64| 1 - Tensor::scalar(base).cast(dtype).pow(&times);
    let adjusted = count.gt(0).select(&rate * power(beta).sqrt() / power(alpha), &rate);
    let step = |group: Vec<Tensor>| {
        let [x, g, v, h] = &group[..] else { return group };
        let g = x * norm + g;
        let v = v * alpha + &g * (1.0 - alpha);
        let h = h * beta + &g * &g * (1.0 - beta);
        let x = (x - &adjusted * &v / (h.sqrt() + epsilon)) * (1.0 - after);
        vec![x, v, h]
    };
    by_kind(groups(call, 4)?.into_iter().map(step).collect())
}

fn momentum(call: &Call<'_>) -> Results {
    let (rate, count) = (call.tensor(0)?.reshape(()), call.tensor(1)?.reshape(()));
    let need = |name: &str| call.maybe_float(name)?.ok_or_else(|| Reason::attribute(name, "is missing"));
    let (alpha, beta, norm) = (need("alpha")?, need("beta")?, need("norm_coefficient")?);
    let nesterov = match call.word("mode", "standard")? {
        "standard" => false,
        "nesterov" => true,
        other => return Err(call.unknown_word("mode", other)),
    };
    // The first gradient counts in full.
    let dtype = rate.dtype()?;
    let share = count.gt(0).select(Tensor::scalar(beta).cast(dtype), 1);
    let step = |group: Vec<Tensor>| {
        let [x, g, v] = &group[..] else { return group };
        let g = x * norm + g;
        let v = v * alpha + &g * &share;
        let way = if nesterov { g + &v * alpha } else { v.clone() };
        vec![x - &rate * way, v]
    };
    by_kind(groups(call, 3)?.into_iter().map(step).collect())
}

/// The derivatives of a value of this graph by others, which are found by computing it anew from these.
fn gradient(call: &Call<'_>) -> Results {
    let names = call.words("xs")?.ok_or_else(|| Reason::attribute("xs", "is missing"))?;
    let others = call.words("zs")?.unwrap_or_default();
    let y = call.word("y", "")?;
    let given = call.tensors()?;
    if given.len() < names.len() {
        return Err(Reason::other(format!("{} inputs for {} names", given.len(), names.len())));
    }
    let all: HashMap<String, Value> =
        names.iter().chain(&others).cloned().zip(given.iter().map(|&x| Value::from(x))).collect();
    let sources: Vec<Tensor> = given[..names.len()].iter().map(|&x| x.clone()).collect();
    let computed = |xs: Vec<Tensor>| -> tensorwright::Result<Tensor> {
        let mut known = all.clone();
        known.extend(names.iter().cloned().zip(xs.into_iter().map(Value::from)));
        let found = call.scope.computed(y, known).map_err(tensorwright::Error::other)?;
        match found {
            Value::Tensor(found) => Ok(found.sum(..)),
            other => {
                Err(tensorwright::Error::other(Reason::other(format!("{} has no derivative", other.kind()))))
            }
        }
    };
    let found = derivatives(&sources, computed)?;
    Ok(found.into_iter().map(Value::from).collect())
}

fn derivatives(
    sources: &[Tensor],
    f: impl Fn(Vec<Tensor>) -> tensorwright::Result<Tensor>,
) -> Result<Vec<Tensor>, Reason> {
    let tape = tensorwright::GradientTape::new();
    sources.iter().for_each(|source| tape.watch(source));
    let y = f(sources.to_vec())?;
    let found = tape.gradient(&y, &sources.iter().collect::<Vec<_>>())?;
    sources
        .iter()
        .zip(found)
        .map(|(source, slope)| {
            Ok(slope.map_or_else(
                || source.zeros_like(),
                |slope| slope.cast(source.dtype().unwrap_or(DType::F32)),
            ))
        })
        .collect()
}
