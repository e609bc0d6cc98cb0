//! Attention with the projection of its input, whose weights for queries, keys and values are one matrix.

use tensorwright::{DType, Tensor};

use super::heads::{Cached, Heads, four, scale, split};
use super::mask::{Extent, summand};
use crate::onnx::call::{Call, Results, natural, naturals, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::linear::{centred_product, product};
use crate::onnx::value::Value;

pub(super) fn attention(call: &Call<'_>) -> Results {
    let projected = product(call.tensor(0)?, call.tensor(1)?)?;
    let projected = if let Some(bias) = call.maybe(2)? { projected + bias } else { projected };
    let length = match call.flag("past_present_share_buffer", false)? {
        true => Some(call.number(6)?),
        false => None,
    };
    Projected { call, projected, mask: (3, 5), past: 4, length }.attended()
}

/// The projection is one of integers, which is scaled.
pub(super) fn quantized_attention(call: &Call<'_>) -> Results {
    let sum = centred_product(call.tensor(0)?, call.maybe(6)?, call.tensor(1)?, call.maybe(7)?)?;
    let along = |scale: &Tensor| -> Result<Tensor, Reason> {
        Ok(if scale.elements()? == 1 { scale.reshape(()) } else { scale.clone() })
    };
    let scale = along(call.tensor(3)?)? * along(call.tensor(4)?)?;
    let projected = sum.cast(DType::F32) * scale + call.tensor(2)?;
    Projected { call, projected, mask: (5, usize::MAX), past: 8, length: None }.attended()
}

/// Queries, keys and values side by side, and where the other inputs are.
struct Projected<'c> {
    call: &'c Call<'c>,
    projected: Tensor,
    /// Of the mask and of the bias.
    mask: (usize, usize),
    past: usize,
    length: Option<i64>,
}

impl Projected<'_> {
    fn attended(self) -> Results {
        let call = self.call;
        if call.flag("do_rotary", false)? {
            return Err(Reason::attribute("do_rotary", "is not supported; nor is it by ONNX Runtime's CPU"));
        }
        let count = natural("num_heads", call.required_int("num_heads")?)?;
        let [batch, queries, width] = sizes(&self.projected)?[..] else {
            return Err(Reason::other(format!("an input of rank 3, found {}", call.tensor(0)?.ty()?)));
        };
        let widths = match call.ints("qkv_hidden_sizes")?.filter(|widths| !widths.is_empty()) {
            Some(widths) => naturals("qkv_hidden_sizes", &widths)?,
            None => vec![width / 3; 3],
        };
        if widths.len() != 3 || widths.iter().fold(0usize, |sum, &width| sum.saturating_add(width)) != width {
            return Err(Reason::other(format!("queries, keys and values {widths:?} of {width} columns")));
        }
        let parts = self.projected.split(2, widths);
        let part = |at: usize| split(&parts[at], count);
        let (q, k, v) = (part(0)?, part(1)?, part(2)?);
        let past = call.maybe(self.past)?;
        let cached =
            |at: usize, new: &Tensor| Cached::of(past.map(|past| past.i(at)).as_ref(), new, self.length);
        let (k, v) = (cached(0, &k)?, cached(1, &v)?);
        let extent = Extent { batch, queries, keys: four(&k.seen)?[2], past: k.past };
        let heads = Heads {
            bias: summand(call, self.mask, extent, q.dtype()?)?,
            scale: scale(call)?,
            soft_cap: 0.0,
            causal: call.flag("unidirectional", false)?.then_some(k.past),
            q,
            k: k.seen,
            v: v.seen,
        };
        let mut results: Vec<Value> = vec![heads.attended()?.into()];
        if call.wanted(1) {
            results.push(Tensor::stack(&[k.present, v.present], 0).into());
        }
        Ok(results)
    }
}
