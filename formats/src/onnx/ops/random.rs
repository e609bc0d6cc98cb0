//! Random numbers, and what keeps elements by chance.

use std::sync::LazyLock;

use tensorwright::{DType, Generator, RandomKey, Shape, Tensor};

use super::Apply;
use crate::onnx::call::{Call, Results, extents, natural, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Dropout", dropout),
    ("RandomNormal", |call| {
        one(normal(call, extents(&call.ints("shape")?.unwrap_or_default())?, DType::F32)?)
    }),
    ("RandomUniform", |call| {
        one(uniform(call, extents(&call.ints("shape")?.unwrap_or_default())?, DType::F32)?)
    }),
    ("RandomNormalLike", |call| {
        let like = call.tensor(0)?.ty()?;
        one(normal(call, like.shape.clone(), like.dtype)?)
    }),
    ("RandomUniformLike", |call| {
        let like = call.tensor(0)?.ty()?;
        one(uniform(call, like.shape.clone(), like.dtype)?)
    }),
    ("Bernoulli", bernoulli),
    ("Multinomial", multinomial),
];

/// Draws of nodes without a seed.
static GENERATOR: LazyLock<Option<Generator>> = LazyLock::new(|| {
    let seed =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |t| t.as_nanos() as u64);
    tensorwright::eagerly(|| Generator::new(seed)).ok()
});

/// The key of a node: always the same one if it has a seed.
fn key(call: &Call<'_>) -> Result<RandomKey, Reason> {
    match (call.maybe_float("seed"), call.maybe_int("seed")) {
        (Ok(Some(seed)), _) => return Ok(RandomKey::new(seed.to_bits())),
        (_, Ok(Some(seed))) => return Ok(RandomKey::new(seed as u64)),
        _ => {}
    }
    match &*GENERATOR {
        Some(generator) => Ok(generator.next_key()?),
        None => Err(Reason::other("there is no generator of random numbers")),
    }
}

fn normal(call: &Call<'_>, shape: Shape, default: DType) -> Result<Tensor, Reason> {
    let dtype = call.dtype("dtype")?.unwrap_or(default);
    let (mean, scale) = (call.float("mean", 0.0)?, call.float("scale", 1.0)?);
    Ok((key(call)?.normal(shape, 0.0f32, 1.0) * scale + mean).cast(dtype))
}

fn uniform(call: &Call<'_>, shape: Shape, default: DType) -> Result<Tensor, Reason> {
    let dtype = call.dtype("dtype")?.unwrap_or(default);
    let (low, high) = (call.float("low", 0.0)?, call.float("high", 1.0)?);
    Ok((key(call)?.uniform(shape, 0.0f32, 1.0) * (high - low) + low).cast(dtype))
}

fn bernoulli(call: &Call<'_>) -> Results {
    let p = call.tensor(0)?;
    let dtype = call.dtype("dtype")?.map_or_else(|| p.dtype(), Ok)?;
    let drawn = key(call)?.uniform(p.shape()?, 0.0f32, 1.0);
    one(drawn.lt(p.cast(DType::F32)).cast(dtype))
}

/// Classes by their logarithms of weights.
fn multinomial(call: &Call<'_>) -> Results {
    let logits = call.tensor(0)?;
    let count = natural("sample_size", call.int("sample_size", 1)?)?;
    let dtype = call.dtype("dtype")?.unwrap_or(DType::I32);
    let [rows, classes] = sizes(logits)?[..] else {
        return Err(Reason::other(format!("rows of classes, found {}", logits.ty()?)));
    };
    // The greatest of the logarithms with Gumbel's noise.
    let noise = key(call)?.uniform([rows, count, classes], f32::MIN_POSITIVE, 1.0);
    let gumbel = -(-noise.log()).log();
    one((logits.cast(DType::F32).expand_dims(1) + gumbel).argmax(-1).cast(dtype))
}

fn dropout(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let trains = match call.maybe_numbers(2)? {
        Some(numbers) => numbers.first().is_some_and(|&number| number != 0),
        None => call.version() < 7 && !call.flag("is_test", false)?,
    };
    let ratio = match call.maybe(1)? {
        Some(_) => call.floats(1)?.first().copied().unwrap_or(0.5),
        None => call.float("ratio", 0.5)?,
    };
    // Before version 10 the mask is of the dtype of the elements.
    let as_mask =
        |kept: Tensor| if call.version() < 10 { kept.cast(x.dtype().unwrap_or(DType::F32)) } else { kept };
    if !trains || ratio == 0.0 {
        let mut results = vec![x.into()];
        if call.wanted(1) {
            results.push(as_mask(Tensor::full(x.shape()?, true)).into());
        }
        return Ok(results);
    }
    let kept = key(call)?.uniform(x.shape()?, 0.0f32, 1.0).ge(ratio);
    let y = kept.select(x / (1.0 - ratio), 0);
    Ok(vec![y.into(), as_mask(kept).into()])
}
