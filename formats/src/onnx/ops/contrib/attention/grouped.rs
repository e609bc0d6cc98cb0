//! Attention whose heads share keys and values in groups, with caches that hold sequences of different lengths.

use tensorwright::{DType, Tensor};

use super::heads::{Heads, four, scale, split};
use super::rotary::{Rotation, pairs};
use super::stored::Stored;
use crate::onnx::call::{Call, Results, natural, sizes};
use crate::onnx::error::Reason;

/// Lengths of sequences, positions of tokens.
const LENGTHS: usize = 5;
const TOTAL: usize = 6;
const POSITIONS: usize = 9;
const QUERY_LENGTHS: usize = 16;

const MOST_HEADS: usize = 1 << 20;

pub(super) fn group_query_attention(call: &Call<'_>) -> Results {
    refuse(call)?;
    let [q, k, v] = by_heads(call)?;
    let tokens = Tokens::of(call, &k)?;
    let (q, k) = if call.flag("do_rotary", false)? {
        let (cos, sin) = (call.tensor(7)?, call.tensor(8)?);
        let rotation = Rotation { cos, sin, pairs: pairs(call, "rotary_interleaved")? };
        let most = sizes(cos)?.first().copied().unwrap_or(1) as i64 - 1;
        let places = tokens.said_places(call)?.unwrap_or_else(|| tokens.places()).clamp(0, most);
        (rotation.apply(&q, &places)?, rotation.apply(&k, &places)?)
    } else {
        (q, k)
    };
    let in_keys = Stored::of(call, "k_quant_type", 12)?;
    let in_values = Stored::of(call, "v_quant_type", 13)?;
    let k = tokens.cached(call.maybe(3)?, &in_keys.write(&k)?)?;
    let v = tokens.cached(call.maybe(4)?, &in_values.write(&v)?)?;
    let dtype = q.dtype()?;
    let (seen_k, seen_v) = (in_keys.read(&k[0], dtype)?, in_values.read(&v[0], dtype)?);
    let heads = Looking { call, tokens: &tokens }.heads(q, seen_k, seen_v)?;
    let mut results = vec![heads.attended()?.into(), k[1].clone().into(), v[1].clone().into()];
    if call.wanted(3) {
        results.push(seen(call, &heads, &k[0])?.into());
    }
    Ok(results)
}

/// What is not there is refused, not left out.
fn refuse(call: &Call<'_>) -> Result<(), Reason> {
    if call.flag("sliding_window_cache", false)? {
        return Err(Reason::attribute("sliding_window_cache", "is not supported"));
    }
    Ok(())
}

/// Queries, keys and values by heads, and normalised if there are weights for that.
fn by_heads(call: &Call<'_>) -> Result<[Tensor; 3], Reason> {
    let count = natural("num_heads", call.required_int("num_heads")?)?;
    let groups = natural("kv_num_heads", call.required_int("kv_num_heads")?)?;
    if count == 0 || groups == 0 || count % groups != 0 || count > MOST_HEADS {
        return Err(Reason::other(format!("{count} heads share {groups} of keys and values")));
    }
    let q = call.tensor(0)?;
    let [q, k, v] = match call.maybe(1)? {
        Some(k) => [split(q, count)?, split(k, groups)?, split(call.tensor(2)?, groups)?],
        None => {
            let all = split(q, count + 2 * groups)?;
            let parts = all.split(1, vec![count, groups, groups]);
            [parts[0].clone(), parts[1].clone(), parts[2].clone()]
        }
    };
    let epsilon = call.float("qk_norm_epsilon", 1e-6)?;
    let normed = |x: Tensor, weight: usize, name: &str| -> Result<Tensor, Reason> {
        Ok(match call.maybe(weight)? {
            Some(weight) => x.rms_norm(weight, 3, call.float(name, epsilon)?),
            None => x,
        })
    };
    Ok([normed(q, 14, "q_norm_epsilon")?, normed(k, 15, "k_norm_epsilon")?, v])
}

/// Where the new tokens of each example are.
struct Tokens {
    examples: usize,
    /// New ones, those of padding too.
    new: usize,
    /// The most of any example, those before too.
    total: usize,
    /// Of the caches that come out.
    room: usize,
    /// How many were before, if that is one number for all examples.
    known: Option<usize>,
    /// The same, `[examples or 1]`.
    before: Tensor,
    /// How many of the new ones are no padding, `[examples]`; all, if nothing is said.
    lengths: Option<Tensor>,
}

impl Tokens {
    fn of(call: &Call<'_>, k: &Tensor) -> Result<Tokens, Reason> {
        let own = four(k)?;
        let (examples, new) = (own[0], own[2]);
        let total = natural("total_sequence_length", call.number(TOTAL)?)?;
        let held = call.maybe(3)?.map_or(Ok(0), |past| four(past).map(|own| own[2]))?;
        let lengths = call.maybe(QUERY_LENGTHS)?.map(|lengths| lengths.cast(DType::I64));
        let known = match lengths {
            // A first prompt, which padding may follow.
            None if new == total => Some(0),
            None if examples == 1 && total > new => Some(total - new),
            _ => None,
        };
        let all = || Ok::<_, Reason>(call.tensor(LENGTHS)?.cast(DType::I64).reshape([-1]) + 1);
        let before = match (known, &lengths) {
            (Some(before), _) if before > held => {
                return Err(Reason::other(format!("{before} tokens before, but the cache holds {held}")));
            }
            (Some(before), _) => Tensor::full([1], before as i64),
            (None, Some(lengths)) => all()? - lengths,
            (None, None) => all()? - new as i64,
        };
        Ok(Tokens { examples, new, total, room: held.max(total), known, before, lengths })
    }

    /// Places of the new tokens, `[examples or 1, new]`.
    fn places(&self) -> Tensor {
        self.before.expand_dims(-1) + Tensor::arange(self.new, DType::I64)
    }

    /// Places that the node is given. Of those of a first prompt only the first counts.
    fn said_places(&self, call: &Call<'_>) -> Result<Option<Tensor>, Reason> {
        let Some(places) = call.maybe(POSITIONS)? else { return Ok(None) };
        let places = places.cast(DType::I64);
        Ok(Some(match self.known {
            Some(0) => places.i((0, 0)) + self.places(),
            _ => places,
        }))
    }

    /// Tokens that are looked at, and the cache that comes out, whose rest is zeros.
    fn cached(&self, past: Option<&Tensor>, new: &Tensor) -> Result<[Tensor; 2], Reason> {
        let own = four(new)?;
        let empty = Tensor::zeros([own[0], own[1], 0, own[3]], new.dtype()?);
        let past = past.unwrap_or(&empty);
        let (Some(before), rest) = (self.known, self.room - self.total) else {
            let filled = self.gathered(past, new)?;
            return Ok([filled.i((.., .., ..self.total)), filled]);
        };
        let seen = Tensor::concat(&[&past.i((.., .., ..before)), new], 2);
        let zeros = Tensor::zeros([own[0], own[1], rest, own[3]], new.dtype()?);
        let filled = if rest == 0 { seen.clone() } else { Tensor::concat(&[&seen, &zeros], 2) };
        Ok([seen, filled])
    }

    /// The past of each example, its new tokens behind that, and zeros.
    fn gathered(&self, past: &Tensor, new: &Tensor) -> Result<Tensor, Reason> {
        let [_, _, held, _] = four(past)?;
        let own = four(new)?;
        let zero = Tensor::zeros([own[0], own[1], 1, own[3]], new.dtype()?);
        let all = Tensor::concat(&[past, new, &zero], 2).swap_axes(1, 2);
        let place = Tensor::arange(self.room, DType::I64).expand_dims(0);
        let before = self.before.expand_dims(-1);
        let step = &place - &before;
        let count = match &self.lengths {
            Some(lengths) => lengths.reshape([-1, 1]),
            None => Tensor::scalar(self.new as i64),
        };
        let behind = step.lt(count).select(step + held as i64, (held + self.new) as i64);
        let from = place.lt(&before).select(place.clamp(0, held.max(1) as i64 - 1), behind);
        let from = from.broadcast_to([self.examples, self.room]).expand_dims(-1);
        Ok(all.gather_nd(from, 1).swap_axes(1, 2))
    }
}

/// What queries look at.
struct Looking<'l> {
    call: &'l Call<'l>,
    tokens: &'l Tokens,
}

impl Looking<'_> {
    fn heads(&self, q: Tensor, k: Tensor, v: Tensor) -> Result<Heads, Reason> {
        let call = self.call;
        let is_causal = call.flag("causal", true)?;
        let window = usize::try_from(call.int("local_window_size", -1)?).ok().filter(|&window| window > 0);
        let mut heads = Heads {
            bias: call.maybe(10)?.cloned(),
            scale: scale(call)?,
            soft_cap: call.float("softcap", 0.0)?,
            causal: None,
            q,
            k,
            v,
        };
        match self.tokens.known {
            Some(before) if is_causal && window.is_none() => heads.causal = Some(before),
            Some(_) if !is_causal && window.is_none() && self.tokens.examples == 1 => {}
            _ => {
                let hidden = self.hidden(is_causal, window)?;
                let hidden = hidden.select(f64::NEG_INFINITY, Tensor::zeros((), heads.q.dtype()?));
                heads.bias = Some(heads.bias.take().map_or(hidden.clone(), |bias| bias + &hidden));
            }
        }
        match (call.maybe(11)?, call.flag("smooth_softmax", false)?) {
            (Some(sink), _) => with_sink(heads, &sink.reshape([1, -1, 1, 1])),
            (None, true) => {
                let zero = Tensor::zeros([1, 1, 1, 1], heads.q.dtype()?);
                with_sink(heads, &zero)
            }
            (None, false) => Ok(heads),
        }
    }

    /// Keys that a query does not see, `[examples or 1, 1, queries, keys]`.
    fn hidden(&self, is_causal: bool, window: Option<usize>) -> Result<Tensor, Reason> {
        let key = Tensor::arange(self.tokens.total, DType::I64);
        let place = self.tokens.places().expand_dims([1usize, 3]);
        let last = self.call.tensor(LENGTHS)?.cast(DType::I64).reshape([-1, 1, 1, 1]);
        let hidden = if is_causal { key.gt(&place) } else { key.gt(last) };
        Ok(match window {
            Some(window) => hidden | key.le(place - window as i64),
            None => hidden,
        })
    }
}

/// A key and value of zeros behind the others, which every query sees with this score.
fn with_sink(heads: Heads, score: &Tensor) -> Result<Heads, Reason> {
    let (own, keys) = (four(&heads.q)?, four(&heads.k)?);
    let (batch, count, queries) = (own[0], own[1], own[2]);
    let dtype = heads.q.dtype()?;
    let mut bias = heads.bias.unwrap_or_else(|| Tensor::zeros((), dtype));
    if let Some(place) = heads.causal {
        let sees = Tensor::full([queries, keys[2]], true).tril(place as i64);
        bias += sees.select(Tensor::zeros((), dtype), f64::NEG_INFINITY);
    }
    let bias = bias.broadcast_to([batch, count, queries, keys[2]]);
    let bias = Tensor::concat(&[bias, score.broadcast_to([batch, count, queries, 1])], 3);
    let behind = |x: &Tensor| -> Result<Tensor, Reason> {
        let own = four(x)?;
        Ok(Tensor::concat(&[x, &Tensor::zeros([own[0], own[1], 1, own[3]], dtype)], 2))
    };
    let (k, v) = (behind(&heads.k)?, behind(&heads.v)?);
    Ok(Heads { k, v, bias: Some(bias), causal: None, ..heads })
}

/// Scores before or behind the softmax, 0 where a query does not see a key.
fn seen(call: &Call<'_>, heads: &Heads, k: &Tensor) -> Result<Tensor, Reason> {
    let scores = heads.scores()?;
    let found = match call.int("qk_output", 0)? {
        1 => scores.le(f64::from(f32::MIN)).select(0, &scores),
        2 => scores.softmax(-1),
        other => return Err(Reason::attribute("qk_output", format!("is {other}, but scores are wanted"))),
    };
    // Not those of a sink.
    Ok(found.i((.., .., .., ..four(k)?[2])))
}
