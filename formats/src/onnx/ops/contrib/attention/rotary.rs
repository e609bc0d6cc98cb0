//! Queries and keys turned by where their tokens are, with caches of cosines and sines.

use tensorwright::{DType, Tensor};

use super::heads::{four, joined, split};
use crate::onnx::call::{Call, Results, natural, naturals, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::attention::{Pairs, turned};

/// Cosines and sines by places, and which elements are turned together.
pub(super) struct Rotation<'r> {
    pub(super) cos: &'r Tensor,
    pub(super) sin: &'r Tensor,
    pub(super) pairs: Pairs,
}

impl Rotation<'_> {
    /// Heads `[batch, heads, tokens, width]` at places `[batch or 1, tokens]`.
    pub(super) fn apply(&self, heads: &Tensor, places: &Tensor) -> Result<Tensor, Reason> {
        // Products that nearly cancel each other lose too much in 16 bits.
        let own = heads.dtype()?;
        let wide = if own == DType::F64 { own } else { DType::F32 };
        let at = |cache: &Tensor| cache.take(places, 0).expand_dims(1).cast(wide);
        Ok(turned(&heads.cast(wide), &at(self.cos), &at(self.sin), self.pairs)?.cast(own))
    }
}

/// How a node says which elements are turned together.
pub(super) fn pairs(call: &Call<'_>, name: &str) -> Result<Pairs, Reason> {
    Ok(if call.flag(name, false)? { Pairs::Neighbours } else { Pairs::Halves })
}

pub(super) fn rotary(call: &Call<'_>) -> Results {
    let (x, cos) = (call.tensor(0)?, call.tensor(2)?);
    let is_joined = x.rank()? == 3;
    let heads = if is_joined { split(x, count(call, x, cos)?)? } else { x.clone() };
    let [_, _, tokens, _] = four(&heads)?;
    let places = call.tensor(1)?.cast(DType::I64);
    // One number is the place of the first token.
    let places = match places.rank()? {
        2 => places,
        _ => (places.reshape(()) + Tensor::arange(tokens, DType::I64)).expand_dims(0),
    };
    let rotation = Rotation { cos, sin: call.tensor(3)?, pairs: pairs(call, "interleaved")? };
    let found = rotation.apply(&heads, &places)?;
    let scale = call.float("scale", 1.0)?;
    let found = if scale == 1.0 { found } else { found * scale };
    one(if is_joined { joined(&found)? } else { found })
}

/// How many heads there are; unless it is said, their width is that of the caches.
fn count(call: &Call<'_>, x: &Tensor, cos: &Tensor) -> Result<usize, Reason> {
    match natural("num_heads", call.int("num_heads", 0)?)? {
        0 => Ok(sizes(x)?[2] / (2 * sizes(cos)?.last().copied().unwrap_or(1)).max(1)),
        count => Ok(count),
    }
}

/// Three places of a token, in time and in an image, each with angles of its own.
pub(super) fn rotary_of_streams(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let is_joined = x.rank()? == 3;
    let heads = if is_joined { split(x, count(call, x, call.tensor(2)?)?)? } else { x.clone() };
    let places = call.tensor(1)?.cast(DType::I64);
    let sections = naturals("mrope_section", &call.ints("mrope_section")?.unwrap_or_default())?;
    let [first, second, third] = sections[..] else {
        return Err(Reason::attribute("mrope_section", "must be three numbers"));
    };
    let angles = first + second + third;
    // Which of the streams says each angle.
    let stream = |at: usize| match call.int("mrope_layout", 0) {
        Ok(1) if at % 3 == 1 && at < 3 * second => 1i64,
        Ok(1) if at % 3 == 2 && at < 3 * third => 2,
        Ok(1) => 0,
        _ => i64::from(at >= first) + i64::from(at >= first + second),
    };
    let streams: Vec<i64> = (0..angles).map(stream).collect();
    // `[batch, tokens, angles]`: the place of each angle, then its number.
    let places = places.take(Tensor::from_slice(&streams, angles), 0).transpose([1, 2, 0]);
    let own = heads.dtype()?;
    let wide = if own == DType::F64 { own } else { DType::F32 };
    let at = |position: usize| -> Result<Tensor, Reason> {
        let cache = call.tensor(position)?;
        let width = sizes(cache)?.last().copied().unwrap_or(0);
        if width < angles {
            return Err(Reason::other(format!("{angles} angles of a cache of {width}")));
        }
        let flat = places.clone() * width as i64 + Tensor::arange(angles, DType::I64);
        Ok(cache.reshape([-1]).take(flat, 0).expand_dims(1).cast(wide))
    };
    let found = turned(&heads.cast(wide), &at(2)?, &at(3)?, pairs(call, "interleaved")?)?.cast(own);
    let scale = call.float("scale", 1.0)?;
    let found = if scale == 1.0 { found } else { found * scale };
    one(if is_joined { joined(&found)? } else { found })
}
