//! Attention of queries, keys and values that are projected already, apart or packed together.

use tensorwright::Tensor;

use super::heads::{Cached, Heads, four, scale, split};
use super::mask::{Extent, summand};
use crate::onnx::call::{Call, Results, natural};
use crate::onnx::error::Reason;

/// Where the inputs behind queries, keys and values are.
struct Places {
    bias: usize,
    mask: usize,
    scores_bias: usize,
    /// Of the keys' past, behind which that of values is.
    past: usize,
    past_length: usize,
    beams: usize,
}

pub(super) fn multi_head_attention(call: &Call<'_>) -> Results {
    let places = Places { bias: 3, mask: 4, scores_bias: 5, past: 6, past_length: 8, beams: 9 };
    attended(call, &places, call.flag("unidirectional", false)?)
}

/// One query for each example.
pub(super) fn decoder_attention(call: &Call<'_>) -> Results {
    let places = Places { bias: 10, mask: 3, scores_bias: 4, past: 5, past_length: 7, beams: 9 };
    attended(call, &places, false)
}

fn attended(call: &Call<'_>, places: &Places, is_causal: bool) -> Results {
    if call.maybe(places.beams)?.is_some() {
        return Err(Reason::other("caches that beams share are not supported"));
    }
    let count = natural("num_heads", call.required_int("num_heads")?)?;
    let [q, k, v] = heads_of(call, count, call.maybe(places.bias)?)?;
    let length = match call.maybe(places.past_length)? {
        Some(_) => Some(call.number(places.past_length)?),
        None => None,
    };
    let k = Cached::of(call.maybe(places.past)?, &k, length)?;
    let v = Cached::of(call.maybe(places.past + 1)?, &v, length)?;
    let ([batch, _, queries, _], [_, _, keys, _]) = (four(&q)?, four(&k.seen)?);
    let extent = Extent { batch, queries, keys, past: k.past };
    let heads = Heads {
        bias: summand(call, (places.mask, places.scores_bias), extent, q.dtype()?)?,
        scale: scale(call)?,
        soft_cap: 0.0,
        causal: is_causal.then_some(k.past),
        q,
        k: k.seen,
        v: v.seen,
    };
    let mut results = vec![heads.attended()?.into(), k.present.into(), v.present.into()];
    if call.wanted(3) {
        results.push(heads.scores()?.into());
    }
    Ok(results)
}

/// Queries, keys and values by heads, with the bias of their projection.
fn heads_of(call: &Call<'_>, count: usize, bias: Option<&Tensor>) -> Result<[Tensor; 3], Reason> {
    let [q, k, v] = by_heads(call, count)?;
    let Some(bias) = bias else { return Ok([q, k, v]) };
    let each = [four(&q)?[3], four(&k)?[3], four(&v)?[3]];
    let widths = each.map(|width| count.saturating_mul(width));
    if bias.elements()? != widths.iter().fold(0usize, |sum, &width| sum.saturating_add(width)) {
        return Err(Reason::other(format!("a bias {} for {widths:?} columns", bias.ty()?)));
    }
    let parts = bias.reshape([-1]).split(0, widths.to_vec());
    let added = |x: Tensor, at: usize| &x + parts[at].reshape([1, count, 1, each[at]]);
    // Keys and values by heads already have it.
    let is_apart = call.maybe(1)?.is_none_or(|k| k.rank().is_ok_and(|rank| rank != 4));
    Ok(if is_apart { [added(q, 0), added(k, 1), added(v, 2)] } else { [added(q, 0), k, v] })
}

/// `[batch, heads, tokens, width]` of each.
fn by_heads(call: &Call<'_>, count: usize) -> Result<[Tensor; 3], Reason> {
    let q = call.tensor(0)?;
    let of_packed = |x: &Tensor, at: usize| x.i((.., .., .., at)).swap_axes(1, 2);
    match (q.rank()?, call.maybe(1)?) {
        (5, _) => Ok([of_packed(q, 0), of_packed(q, 1), of_packed(q, 2)]),
        (_, None) => {
            let parts = q.chunk(3, -1);
            let [q, k, v] = &parts[..] else { return Err(Reason::MissingInput(1)) };
            Ok([split(q, count)?, split(k, count)?, split(v, count)?])
        }
        (_, Some(k)) if k.rank()? == 5 => Ok([split(q, count)?, of_packed(k, 0), of_packed(k, 1)]),
        (_, Some(k)) if k.rank()? == 4 => Ok([split(q, count)?, k.clone(), call.tensor(2)?.clone()]),
        (_, Some(k)) => Ok([split(q, count)?, split(k, count)?, split(call.tensor(2)?, count)?]),
    }
}
