//! Attention, and where tokens are.

use tensorwright::{AttentionOptions, DType, Tensor};

use super::{Apply, control};
use crate::onnx::call::{Call, Results, natural, one, sizes};
use crate::onnx::dtype;
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("Attention", attention), ("RotaryEmbedding", rotary), ("LinearAttention", linear_attention)];

/// Operators that the standard tries out.
pub(super) const PREVIEW: &[(&str, Apply)] = &[("FlexAttention", flex_attention)];

/// `[batch, tokens, heads * width]` as `[batch, heads, tokens, width]`.
pub(super) fn split_heads(x: &Tensor, heads: i64) -> Result<Tensor, Reason> {
    let own = sizes(x)?;
    let heads = natural("num_heads", heads)?;
    if heads == 0 || own.len() != 3 || own[2] % heads != 0 {
        return Err(Reason::other(format!("{heads} heads of {}", x.ty()?)));
    }
    Ok(x.reshape([own[0], own[1], heads, own[2] / heads]).swap_axes(1, 2))
}

/// `[batch, heads, tokens, width]` as `[batch, tokens, heads * width]`.
pub(super) fn join_heads(x: &Tensor) -> Result<Tensor, Reason> {
    let [batch, heads, tokens, width] = sizes(x)?[..] else {
        return Err(Reason::other(format!("heads of rank 4, found {}", x.ty()?)));
    };
    Ok(x.swap_axes(1, 2).reshape([batch, tokens, heads * width]))
}

fn attention(call: &Call<'_>) -> Results {
    let joined = call.tensor(0)?.rank()? == 3;
    let heads = |position: usize, name: &str| -> Result<Tensor, Reason> {
        let x = call.tensor(position)?;
        if joined { split_heads(x, call.required_int(name)?) } else { Ok(x.clone()) }
    };
    let q = heads(0, "q_num_heads")?;
    let (mut k, mut v) = (heads(1, "kv_num_heads")?, heads(2, "kv_num_heads")?);
    let mut past = 0;
    if let (Some(past_k), Some(past_v)) = (call.maybe(4)?, call.maybe(5)?) {
        past = past_k.shape()?.size(2);
        (k, v) = (Tensor::concat(&[past_k, &k], 2), Tensor::concat(&[past_v, &v], 2));
    }
    let present = [k.clone(), v.clone()];
    let mut results = Vec::with_capacity(4);
    let mut put = |y: Tensor| -> Result<(), Reason> {
        results.push(if joined { join_heads(&y)? } else { y }.into());
        results.extend(present.clone().map(Value::from));
        Ok(())
    };
    // Only who wants to see scores, or their softmax in another dtype, has them written to memory.
    if !call.wanted(3) && call.maybe_int("softmax_precision")?.is_none() {
        put(attended(call, [&q, &k, &v], past)?)?;
        return Ok(results);
    }
    let scores = Scores::of(call, &q, &k, past)?;
    put(scores.weighted(call, &v)?)?;
    results.push(scores.output(call, call.int("qk_matmul_output_mode", 0)?)?.into());
    Ok(results)
}

/// Attention by the library's op, which gives zeros to a query that sees no key.
fn attended(call: &Call<'_>, [q, k, v]: [&Tensor; 3], past: usize) -> Result<Tensor, Reason> {
    let (queries, keys) = (sizes(q)?, sizes(k)?);
    let (&[_, _, queries, _], &[_, _, keys, _]) = (&queries[..], &keys[..]) else {
        return Err(Reason::other(format!("queries and keys of rank 4, found {} and {}", q.ty()?, k.ty()?)));
    };
    let options = AttentionOptions::new().soft_cap(call.float("softcap", 0.0)?.max(0.0));
    let options = call.maybe_float("scale")?.into_iter().fold(options, AttentionOptions::scale);
    let bias = bias(call, q.dtype()?, (queries, keys), past)?;
    Ok(q.attention(k, v, bias.into_iter().fold(options, AttentionOptions::bias)))
}

/// Attention whose scores and weights graphs of the node may change.
fn flex_attention(call: &Call<'_>) -> Results {
    let (q, k, v) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let ([_, heads, _, width], [_, key_heads, _, _]) = (&sizes(q)?[..], &sizes(k)?[..]) else {
        return Err(Reason::other(format!("queries and keys of rank 4, found {} and {}", q.ty()?, k.ty()?)));
    };
    if *key_heads == 0 || heads % key_heads != 0 {
        return Err(Reason::other(format!("{heads} heads of queries share {key_heads} of keys")));
    }
    let own = q.dtype()?;
    let wide = match call.maybe_int("softmax_precision")? {
        Some(number) => dtype::dtype(i32::try_from(number).unwrap_or(0))?,
        None if own == DType::F64 => own,
        None => DType::F32,
    };
    let shared = heads / key_heads;
    let root = call.float("scale", 1.0 / (*width as f64).sqrt())?.sqrt();
    let scores = (q * root).matmul((repeated(k, shared) * root).swap_axes(-1, -2)).cast(wide);
    let weights = modified(call, "score_mod", scores)?.softmax(-1);
    let weights = modified(call, "prob_mod", weights)?;
    one(weights.matmul(repeated(v, shared).cast(wide)).cast(v.dtype()?))
}

/// What the graph of this attribute makes of the numbers, if it is there.
fn modified(call: &Call<'_>, name: &str, numbers: Tensor) -> Result<Tensor, Reason> {
    if !call.has(name) {
        return Ok(numbers);
    }
    let found = control::run(call, call.graph(name)?, vec![numbers.into()])?;
    match &found[..] {
        [Value::Tensor(found)] => Ok(found.clone()),
        _ => Err(Reason::attribute(name, "must give one tensor")),
    }
}

/// What queries and keys make of each other: `[batch, heads, queries, keys]`.
struct Scores {
    raw: Tensor,
    capped: Tensor,
    /// A summand of each, minus infinity where a query does not see a key.
    bias: Option<Tensor>,
    /// Heads of queries for each of keys.
    shared: usize,
}

impl Scores {
    fn of(call: &Call<'_>, q: &Tensor, k: &Tensor, past: usize) -> Result<Scores, Reason> {
        let ([_, heads, queries, width], [_, key_heads, keys, _]) = (&sizes(q)?[..], &sizes(k)?[..]) else {
            return Err(Reason::other(format!(
                "queries and keys of rank 4, found {} and {}",
                q.ty()?,
                k.ty()?
            )));
        };
        if *key_heads == 0 || heads % key_heads != 0 {
            return Err(Reason::other(format!("{heads} heads of queries share {key_heads} of keys")));
        }
        let scale = call.float("scale", 1.0 / (*width as f64).sqrt())?;
        let root = scale.sqrt();
        let shared = heads / key_heads;
        let k = repeated(k, shared);
        let raw = (q * root).matmul((k * root).swap_axes(-1, -2));
        let cap = call.float("softcap", 0.0)?;
        let capped = if cap > 0.0 { (&raw / cap).tanh() * cap } else { raw.clone() };
        let bias = bias(call, q.dtype()?, (*queries, *keys), past)?;
        Ok(Scores { raw, capped, bias, shared })
    }

    fn biased(&self) -> Tensor {
        match &self.bias {
            Some(bias) => &self.capped + bias,
            None => self.capped.clone(),
        }
    }

    /// Weights of keys; where a query sees none, all are 0.
    fn weights(&self, call: &Call<'_>) -> Result<Tensor, Reason> {
        let scores = self.biased();
        let own = scores.dtype()?;
        let wide = match call.maybe_int("softmax_precision")? {
            Some(number) => dtype::dtype(i32::try_from(number).unwrap_or(0))?,
            None => own,
        };
        let wide_scores = scores.cast(wide);
        let weights = wide_scores.softmax(-1).cast(own);
        if self.bias.is_none() {
            return Ok(weights);
        }
        let blind = wide_scores.max(tensorwright::keep(-1)).eq(f64::NEG_INFINITY);
        Ok(blind.select(0, weights))
    }

    fn weighted(&self, call: &Call<'_>, v: &Tensor) -> Result<Tensor, Reason> {
        Ok(self.weights(call)?.matmul(repeated(v, self.shared)))
    }

    fn output(&self, call: &Call<'_>, mode: i64) -> Result<Tensor, Reason> {
        match mode {
            0 => Ok(self.raw.clone()),
            1 => Ok(self.capped.clone()),
            2 => Ok(self.biased()),
            3 => self.weights(call),
            _ => Err(Reason::attribute("qk_matmul_output_mode", format!("is {mode}"))),
        }
    }
}

/// Each head so many times.
fn repeated(x: &Tensor, times: usize) -> Tensor {
    if times == 1 { x.clone() } else { x.repeat([times], 1) }
}

/// Masks of all kinds as one summand.
fn bias(
    call: &Call<'_>,
    dtype: DType,
    (queries, keys): (usize, usize),
    past: usize,
) -> Result<Option<Tensor>, Reason> {
    let mut bias: Option<Tensor> = None;
    let mut seen: Option<Tensor> = None;
    let mut sees = |mask: Tensor| {
        seen = Some(seen.take().map_or_else(|| mask.clone(), |so_far| so_far & &mask));
    };
    if let Some(mask) = call.maybe(3)? {
        let own = *sizes(mask)?.last().unwrap_or(&keys);
        let short = keys.saturating_sub(own) as i64;
        let rank = mask.rank()?;
        let is_bool = mask.dtype()? == DType::Bool;
        // A shorter mask says nothing of the keys behind it: they are not seen.
        let padded = if short == 0 || own == 1 {
            mask.clone()
        } else {
            let mut high = vec![0i64; rank];
            high[rank - 1] = short;
            let low = vec![0i64; rank];
            let fill = if is_bool {
                Tensor::scalar(false)
            } else {
                Tensor::scalar(f64::NEG_INFINITY).cast(mask.dtype()?)
            };
            mask.pad(fill, low, high, vec![0usize; rank])
        };
        if is_bool { sees(padded) } else { bias = Some(padded.cast(dtype)) }
    }
    let lengths = call.maybe(6)?.map(|lengths| lengths.cast(DType::I64).reshape([-1, 1, 1, 1]));
    let key = Tensor::arange(keys, DType::I64);
    let query = Tensor::arange(queries, DType::I64).reshape([queries, 1]);
    // Where the block of queries begins among the keys.
    let begin = match &lengths {
        Some(lengths) if past == 0 => lengths - queries as i64,
        _ => Tensor::scalar(past as i64),
    };
    if let Some(lengths) = &lengths {
        sees(key.lt(lengths));
    }
    if call.flag("is_causal", false)? {
        sees(key.le(&query + &begin));
    }
    let (left, right) = (call.int("left_window_size", -1)?, call.int("right_window_size", -1)?);
    if left >= 0 {
        sees(key.ge(&query + &begin - left));
    }
    if right >= 0 {
        sees(key.le(&query + &begin + right));
    }
    let hidden = seen.map(|seen| seen.select(Tensor::zeros((), dtype), f64::NEG_INFINITY));
    Ok(match (bias, hidden) {
        (Some(bias), Some(hidden)) => Some(bias + hidden),
        (bias, hidden) => bias.or(hidden),
    })
}

fn rotary(call: &Call<'_>) -> Results {
    let (x, cos, sin) = (call.tensor(0)?, call.tensor(1)?, call.tensor(2)?);
    let joined = x.rank()? == 3;
    let heads = if joined { split_heads(x, call.int("num_heads", 0)?)? } else { x.clone() };
    let at = |cache: &Tensor| -> Result<Tensor, Reason> {
        Ok(match call.maybe(3)? {
            Some(places) => cache.take(places.cast(DType::I64), 0).expand_dims(1),
            None => cache.expand_dims(1),
        })
    };
    let pairs = if call.flag("interleaved", false)? { Pairs::Neighbours } else { Pairs::Halves };
    let found = turned(&heads, &at(cos)?, &at(sin)?, pairs)?;
    one(if joined { join_heads(&found)? } else { found })
}

/// Which two elements of a head are turned together.
#[derive(Clone, Copy)]
pub(super) enum Pairs {
    /// One and the one behind it.
    Neighbours,
    /// One of the left half and that at its place in the right one.
    Halves,
}

/// Heads turned by angles of these cosines and sines, twice as many elements as there are of those.
pub(super) fn turned(heads: &Tensor, cos: &Tensor, sin: &Tensor, pairs: Pairs) -> Result<Tensor, Reason> {
    let (own, count) = (sizes(heads)?, sizes(cos)?.last().copied().unwrap_or(0));
    let [_, _, _, width] = own[..] else {
        return Err(Reason::other(format!("heads of rank 4, found {}", heads.ty()?)));
    };
    if 2 * count > width {
        return Err(Reason::other(format!("{count} angles for heads of {width} elements")));
    }
    let part = heads.i((.., .., .., ..2 * count));
    let found = match pairs {
        Pairs::Neighbours => {
            let pairs = part.reshape([own[0], own[1], own[2], count, 2]);
            let (even, odd) = (pairs.i((.., .., .., .., 0)), pairs.i((.., .., .., .., 1)));
            let turned = Tensor::stack(&[&even * cos - &odd * sin, even * sin + odd * cos], -1);
            turned.reshape([own[0], own[1], own[2], 2 * count])
        }
        Pairs::Halves => {
            let (left, right) = (part.i((.., .., .., ..count)), part.i((.., .., .., count..)));
            Tensor::concat(&[&left * cos - &right * sin, left * sin + right * cos], -1)
        }
    };
    if 2 * count == width {
        return Ok(found);
    }
    Ok(Tensor::concat(&[found, heads.i((.., .., .., 2 * count..))], -1))
}

/// A state of products of keys and values that each token changes.
pub(super) fn linear_attention(call: &Call<'_>) -> Results {
    let (q_heads, kv_heads) = (call.required_int("q_num_heads")?, call.required_int("kv_num_heads")?);
    let q = split_heads(call.tensor(0)?, q_heads)?;
    let (k, v) = (split_heads(call.tensor(1)?, kv_heads)?, split_heads(call.tensor(2)?, kv_heads)?);
    let (own, values) = (sizes(&q)?, sizes(&v)?);
    let (&[batch, heads, tokens, width], &[_, key_heads, _, depth]) = (&own[..], &values[..]) else {
        return Err(Reason::other("heads of rank 4"));
    };
    let rule = call.word("update_rule", "gated_delta")?;
    let (gated, delta) = match rule {
        "linear" => (false, false),
        "gated" => (true, false),
        "delta" => (false, true),
        "gated_delta" => (true, true),
        other => return Err(call.unknown_word("update_rule", other)),
    };
    let own = q.dtype()?;
    let wide = if own == DType::F64 { own } else { DType::F32 };
    let scale = match call.float("scale", 0.0)? {
        0.0 => 1.0 / (width as f64).sqrt(),
        scale => scale,
    };
    // `[tokens, batch, heads, ..]`
    let by_token = |x: &Tensor| x.cast(wide).transpose([2, 0, 1, 3]);
    let gate = |position: usize| -> Result<Tensor, Reason> {
        split_heads_or_spread(call.tensor(position)?, kv_heads)
    };
    let ones = || Tensor::ones([tokens, batch, key_heads, 1], wide);
    let decay = if gated { by_token(&gate(4)?).exp() } else { ones() };
    let rate = if delta { by_token(&gate(5)?) } else { ones() };
    let state = match call.maybe(3)? {
        Some(past) => past.cast(wide),
        None => Tensor::zeros([batch, key_heads, width, depth], wide),
    };
    let shared = heads / key_heads.max(1);
    if shared * key_heads != heads {
        return Err(Reason::other(format!("{heads} heads of queries share {key_heads} of keys")));
    }
    let body = |state: Tensor, (q, k, v, decay, rate): (Tensor, Tensor, Tensor, Tensor, Tensor)| {
        let state = state * decay.expand_dims(-1);
        let update = if delta {
            let recalled = (k.expand_dims(-2).matmul(&state)).squeeze([2usize]);
            rate * (v - recalled)
        } else {
            v
        };
        let state = state + k.expand_dims(-1) * update.expand_dims(-2);
        let seen = if shared == 1 { state.clone() } else { state.repeat([shared], 1) };
        let y = (q.expand_dims(-2).matmul(seen) * scale).squeeze([2usize]);
        (state, y)
    };
    let xs = (by_token(&q), by_token(&k), by_token(&v), decay, rate);
    let (state, ys) = tensorwright::scan(state, xs, body)?;
    let y = ys.transpose([1, 0, 2, 3]).reshape([batch, tokens, heads * depth]).cast(own);
    let state = match call.maybe(3)? {
        Some(past) => state.cast(past.dtype()?),
        None => state.cast(own),
    };
    Ok(vec![Value::from(y), state.into()])
}

/// Numbers of heads, or one for all of them.
fn split_heads_or_spread(x: &Tensor, heads: i64) -> Result<Tensor, Reason> {
    let own = sizes(x)?;
    match own.last() {
        Some(1) if heads > 1 => {
            let heads = natural("kv_num_heads", heads)?;
            Ok(x.expand_dims(1).broadcast_to([own[0], heads, own[1], 1]))
        }
        _ => split_heads(x, heads),
    }
}
