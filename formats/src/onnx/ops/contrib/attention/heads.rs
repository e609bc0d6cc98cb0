//! What all kinds of attention come down to: queries, keys and values by heads, and what hides keys.

use tensorwright::{AttentionOptions, Tensor};

use crate::onnx::call::{natural, sizes};
use crate::onnx::error::Reason;

/// Attention of heads `[batch, heads, tokens, width]`, of which so many in a row share keys and values.
pub(super) struct Heads {
    pub(super) q: Tensor,
    pub(super) k: Tensor,
    pub(super) v: Tensor,
    /// A summand of the scores, `[batch or 1, heads or 1, queries or 1, keys]`.
    pub(super) bias: Option<Tensor>,
    /// What products are multiplied with; one over the root of the width if nothing is said.
    pub(super) scale: Option<f64>,
    pub(super) soft_cap: f64,
    /// The place of the first query among the keys, if queries see no key behind their own place.
    pub(super) causal: Option<usize>,
}

impl Heads {
    /// `[batch, tokens, heads * width]`
    pub(super) fn attended(&self) -> Result<Tensor, Reason> {
        let options = AttentionOptions::new().soft_cap(self.soft_cap);
        let options = self.scale.into_iter().fold(options, AttentionOptions::scale);
        let options = self.causal.into_iter().fold(options, |options, place| options.causal().offset(place));
        let options = self.bias.iter().cloned().fold(options, AttentionOptions::bias);
        joined(&self.q.attention(&self.k, &self.v, options))
    }

    /// Scores before the softmax, `[batch, heads, queries, keys]`; what a query must not see is the lowest number of the dtype, not minus infinity.
    pub(super) fn scores(&self) -> Result<Tensor, Reason> {
        let (own, keys) = (four(&self.q)?, four(&self.k)?);
        let shared = own[1] / keys[1].max(1);
        let k = if shared == 1 { self.k.clone() } else { self.k.repeat([shared], 1) };
        let scale = self.scale.unwrap_or(1.0 / (own[3] as f64).sqrt());
        let scores = self.q.matmul(k.swap_axes(-1, -2)) * scale;
        let scores =
            if self.soft_cap > 0.0 { (scores / self.soft_cap).tanh() * self.soft_cap } else { scores };
        let scores = if let Some(bias) = &self.bias { scores + bias } else { scores };
        let Some(place) = self.causal else { return Ok(scores) };
        let seen = Tensor::full([own[2], keys[2]], true).tril(place as i64);
        Ok(seen.select(&scores, f64::from(f32::MIN)))
    }
}

/// The extents of heads.
pub(super) fn four(x: &Tensor) -> Result<[usize; 4], Reason> {
    match sizes(x)?[..] {
        [batch, heads, tokens, width] => Ok([batch, heads, tokens, width]),
        _ => Err(Reason::other(format!("heads of tokens of rank 4, found {}", x.ty()?))),
    }
}

/// `[batch, tokens, heads * width]` as `[batch, heads, tokens, width]`.
pub(super) fn split(x: &Tensor, heads: usize) -> Result<Tensor, Reason> {
    crate::onnx::ops::attention::split_heads(x, heads as i64)
}

/// `[batch, heads, tokens, width]` as `[batch, tokens, heads * width]`.
pub(super) fn joined(x: &Tensor) -> Result<Tensor, Reason> {
    crate::onnx::ops::attention::join_heads(x)
}

/// Keys or values of tokens before in front of new ones, and what of it is seen.
pub(super) struct Cached {
    pub(super) seen: Tensor,
    pub(super) present: Tensor,
    /// How many tokens were before.
    pub(super) past: usize,
}

impl Cached {
    /// Without a length all of the past is there; with one the past is a buffer that new tokens are written into.
    pub(super) fn of(past: Option<&Tensor>, new: &Tensor, length: Option<i64>) -> Result<Cached, Reason> {
        let [_, _, count, _] = four(new)?;
        let Some(past) = past else {
            return Ok(Cached { seen: new.clone(), present: new.clone(), past: 0 });
        };
        let [_, _, room, _] = four(past)?;
        let Some(length) = length else {
            let seen = Tensor::concat(&[past, new], 2);
            return Ok(Cached { present: seen.clone(), seen, past: room });
        };
        let length = natural("past_sequence_length", length)?;
        if length.saturating_add(count) > room {
            return Err(Reason::other(format!(
                "{count} tokens behind {length} do not fit into a buffer of {room}"
            )));
        }
        let seen = Tensor::concat(&[&past.i((.., .., ..length)), new], 2);
        let present = Tensor::concat(&[&seen, &past.i((.., .., length + count..))], 2);
        Ok(Cached { seen, present, past: length })
    }
}

/// The scale that a node says, if it is not 0.
pub(super) fn scale(call: &crate::onnx::call::Call<'_>) -> Result<Option<f64>, Reason> {
    Ok(call.maybe_float("scale")?.filter(|&scale| scale != 0.0))
}
