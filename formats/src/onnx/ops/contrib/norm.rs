//! Normalisation of layers with what is added before it.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, natural, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::norm::{self, Layer};
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("LayerNormalization", norm::layer_norm),
    ("SimplifiedLayerNormalization", simplified),
    ("SkipLayerNormalization", skip),
    ("SkipSimplifiedLayerNormalization", skip_simplified),
    ("EmbedLayerNormalization", embed),
    ("QEmbedLayerNormalization", quantized_embed),
    ("GatedRMSNorm", gated_rms_norm),
    ("GroupNorm", |call| Ok(vec![group_norm(call, call.tensor(0)?)?.into()])),
    ("SkipGroupNorm", skip_group_norm),
    ("BranchwiseRMSNorm", branchwise_rms_norm),
];

/// Operators that ONNX Runtime writes as if they were the standard's.
pub(super) const AS_STANDARD: &[(&str, Apply)] =
    &[("SimplifiedLayerNormalization", simplified), ("SkipSimplifiedLayerNormalization", skip_simplified)];

fn simplified(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let layer = norm::layer(call, x, None)?;
    if !call.wanted(1) {
        return one(layer.rms(x)?);
    }
    Ok(layer.rms_with_moments(x)?.into_iter().map(Value::from).collect())
}

/// The input, what skips a layer, and a bias, in a dtype that is wide enough for sums.
fn sum(call: &Call<'_>, bias: usize) -> Result<Tensor, Reason> {
    let wide = wide(call.tensor(0)?.dtype()?);
    let sum = call.tensor(0)?.cast(wide) + call.tensor(1)?.cast(wide);
    Ok(if let Some(bias) = call.maybe(bias)? { sum + bias.cast(wide) } else { sum })
}

fn wide(own: DType) -> DType {
    if own == DType::F64 { own } else { DType::F32 }
}

/// How sums are normalised: along their last axis.
struct Last {
    scale: Tensor,
    offset: Option<Tensor>,
    at: usize,
    epsilon: f64,
}

impl Last {
    fn of(call: &Call<'_>, x: &Tensor, scale: &Tensor, offset: Option<&Tensor>) -> Result<Last, Reason> {
        let (at, wide) = (x.rank()?.saturating_sub(1), x.dtype()?);
        let offset = offset.map(|offset| offset.cast(wide));
        Ok(Last { scale: scale.cast(wide), offset, at, epsilon: call.float("epsilon", 1e-12)? })
    }

    fn layer(&self, x: &Tensor) -> Result<Layer<'_>, Reason> {
        let (scale, offset) = (&self.scale, self.offset.as_ref());
        Ok(Layer { scale, offset, at: self.at, epsilon: self.epsilon, wide: x.dtype()? })
    }
}

fn skip(call: &Call<'_>) -> Results {
    let sum = sum(call, 4)?;
    let last = Last::of(call, &sum, call.tensor(2)?, call.maybe(3)?)?;
    let layer = last.layer(&sum)?;
    if !call.wanted(1) && !call.wanted(2) {
        return with_sum(call, layer.normed(&sum)?, [None, None], &sum);
    }
    let [y, mean, inverse] = layer.with_moments(&sum)?;
    with_sum(call, y, [Some(mean), Some(inverse)], &sum)
}

fn skip_simplified(call: &Call<'_>) -> Results {
    let sum = sum(call, 3)?;
    let last = Last::of(call, &sum, call.tensor(2)?, None)?;
    let layer = last.layer(&sum)?;
    if !call.wanted(1) && !call.wanted(2) {
        return with_sum(call, layer.rms(&sum)?, [None, None], &sum);
    }
    let [y, inverse] = layer.rms_with_moments(&sum)?;
    with_sum(call, y, [Some(sum.mean(tensorwright::keep(-1))), Some(inverse)], &sum)
}

/// Results of which the second and third are moments, the fourth is the sum.
fn with_sum(call: &Call<'_>, y: Tensor, moments: [Option<Tensor>; 2], sum: &Tensor) -> Results {
    let own = call.tensor(0)?.dtype()?;
    let [mean, inverse] = moments.map(|moment| moment.map_or(Value::Optional(None), Value::from));
    Ok(vec![y.cast(own).into(), mean, inverse, sum.cast(own).into()])
}

/// Rows of tables of words, places and segments, summed and normalised.
struct Embedding<'e> {
    call: &'e Call<'e>,
    words: Tensor,
    places: Tensor,
    segments: Option<Tensor>,
    scale: Tensor,
    offset: Tensor,
    place_ids: Option<&'e Tensor>,
}

impl Embedding<'_> {
    fn results(self) -> Results {
        let (call, ids) = (self.call, self.call.tensor(0)?);
        let [_, tokens] = sizes(ids)?[..] else {
            return Err(Reason::other(format!("words of rank 2, found {}", ids.ty()?)));
        };
        let rows = |table: &Tensor, ids: &Tensor| table.take(ids.cast(DType::I64), 0);
        let places = match self.place_ids {
            Some(ids) => rows(&self.places, ids),
            None => self.places.i(..tokens),
        };
        let sum = rows(&self.words, ids) + places;
        let sum = match (&self.segments, call.maybe(1)?) {
            (Some(table), Some(ids)) => sum + rows(table, ids),
            _ => sum,
        };
        let last = Last::of(call, &sum, &self.scale, Some(&self.offset))?;
        let y = last.layer(&sum)?.normed(&sum)?;
        // How many words of each example are there.
        let count = match call.maybe(7)? {
            Some(mask) => mask.eq(1).cast(DType::I32).sum(1),
            None => Tensor::zeros([sizes(ids)?[0]], DType::I32),
        };
        Ok(vec![y.into(), count.into(), sum.into()])
    }
}

fn embed(call: &Call<'_>) -> Results {
    let embedding = Embedding {
        call,
        words: call.tensor(2)?.clone(),
        places: call.tensor(3)?.clone(),
        segments: call.maybe(4)?.cloned(),
        scale: call.tensor(5)?.clone(),
        offset: call.tensor(6)?.clone(),
        place_ids: call.maybe(8)?,
    };
    embedding.results()
}

fn quantized_embed(call: &Call<'_>) -> Results {
    let table = |at: usize, scale: usize, zero: usize| -> Result<Tensor, Reason> {
        let (zero, scale) = (call.tensor(zero)?.reshape(()), call.tensor(scale)?.reshape(()));
        Ok((call.tensor(at)?.cast(DType::F32) - zero.cast(DType::F32)) * scale)
    };
    let embedding = Embedding {
        call,
        words: table(2, 8, 13)?,
        places: table(3, 9, 14)?,
        segments: call.maybe(4)?.map(|_| table(4, 10, 15)).transpose()?,
        scale: table(5, 11, 16)?,
        offset: table(6, 12, 17)?,
        place_ids: None,
    };
    embedding.results()
}

/// Each run of as many columns as there are weights is normalised, then multiplied with the activation of a gate.
fn gated_rms_norm(call: &Call<'_>) -> Results {
    let (x, scale, gate) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let (own, width) = (sizes(x)?, scale.elements()?);
    let columns = own.last().copied().unwrap_or(0);
    if width == 0 || columns % width != 0 {
        return Err(Reason::other(format!("{columns} columns in runs of {width}")));
    }
    let gate = gate.cast(DType::F32);
    let gate = match call.word("activation", "silu")? {
        "silu" | "swish" => gate.silu(),
        "sigmoid" => gate.sigmoid(),
        other => return Err(call.unknown_word("activation", other)),
    };
    let runs = x.cast(DType::F32).reshape([-1, width as i64]);
    let normed = runs.rms_norm(scale.cast(DType::F32), 1, call.float("epsilon", 1e-5)?);
    one((normed.reshape(own) * gate).cast(x.dtype()?))
}

/// Groups of the channels of an image are normalised, with channels last unless it is said.
fn group_norm(call: &Call<'_>, x: &Tensor) -> Result<Tensor, Reason> {
    let groups = natural("groups", call.required_int("groups")?)?;
    let (own, at) = (sizes(x)?, if call.flag("channels_last", true)? { 3 } else { 1 });
    if own.len() != 4 || groups == 0 || own[at] % groups != 0 {
        return Err(Reason::other(format!("{groups} groups of the channels of {}", x.ty()?)));
    }
    let mut apart = own.clone();
    apart.splice(at..=at, [groups, own[at] / groups]);
    // All but images and groups.
    let away: Vec<usize> = (1..5).filter(|&axis| axis != at).collect();
    let parts = x.cast(DType::F32).reshape(apart);
    let centred = &parts - parts.mean(tensorwright::keep(&away[..]));
    let variance = (&centred * &centred).mean(tensorwright::keep(&away[..]));
    let normed = (centred / (variance + call.float("epsilon", 1e-5)?).sqrt()).reshape(own.clone());
    let of_channels = |position: usize| -> Result<Tensor, Reason> {
        let mut shape = vec![1; 4];
        shape[at] = own[at];
        Ok(call.tensor(position)?.cast(DType::F32).reshape(shape))
    };
    let y = normed * of_channels(1)? + of_channels(2)?;
    let y = match call.required_int("activation")? {
        0 => y,
        1 => y.silu(),
        other => return Err(Reason::attribute("activation", format!("is {other}, and must be 0 or 1"))),
    };
    Ok(y.cast(call.tensor(0)?.dtype()?))
}

fn skip_group_norm(call: &Call<'_>) -> Results {
    let (x, skip) = (call.tensor(0)?, call.tensor(3)?);
    let along = if call.flag("channels_last", true)? { vec![1usize, 2] } else { vec![2usize, 3] };
    let skip = if skip.rank()? == 2 { skip.expand_dims(along) } else { skip.clone() };
    let sum = x + skip;
    let sum = match call.maybe(4)? {
        Some(bias) if call.flag("channels_last", true)? => sum + bias,
        Some(bias) => sum + bias.expand_dims([1usize, 2]),
        None => sum,
    };
    Ok(vec![group_norm(call, &sum)?.into(), sum.into()])
}

/// Each of several runs of columns is normalised by itself.
fn branchwise_rms_norm(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let own = sizes(x)?;
    let branches = natural("num_branches", call.int("num_branches", 0)?)?;
    let columns = own.last().copied().unwrap_or(0);
    let mut apart = own.clone();
    if branches > 0 {
        if columns % branches != 0 {
            return Err(Reason::other(format!("{columns} columns in {branches} branches")));
        }
        apart.pop();
        apart.extend([branches, columns / branches]);
    }
    let parts = x.cast(DType::F32).reshape(apart.clone());
    let squares = (&parts * &parts).mean(tensorwright::keep(-1));
    let normed = parts / (squares + call.float("epsilon", 1e-5)?).sqrt();
    let normed = match call.maybe(1)? {
        Some(scale) => {
            let width = apart.last().copied().unwrap_or(0);
            let is_shared = scale.elements()? == width;
            let count = if apart.len() > 1 { apart[apart.len() - 2] } else { 1 };
            let shape = if is_shared { vec![width] } else { vec![count, width] };
            normed * scale.cast(DType::F32).reshape(shape)
        }
        None => normed,
    };
    one(normed.reshape(own).cast(x.dtype()?))
}
