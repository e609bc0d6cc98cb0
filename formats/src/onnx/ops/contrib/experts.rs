//! Mixtures of experts: each token goes through a few of many small networks.

use tensorwright::{DType, GeluForm, Tensor};

use super::super::Apply;
use super::blocks::unpacked;
use crate::onnx::call::{Call, Results, natural, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] = &[("MoE", moe), ("QMoE", quantized_moe)];

/// A layer of each expert: weights `[experts, out, in]` and biases `[experts, out]`.
struct Layer {
    weights: Tensor,
    bias: Option<Tensor>,
}

impl Layer {
    /// Of tokens `[experts or 1, tokens, in]`.
    fn apply(&self, x: &Tensor) -> Tensor {
        let y = x.matmul(self.weights.swap_axes(-1, -2));
        if let Some(bias) = &self.bias { y + bias.expand_dims(1) } else { y }
    }

    /// The same layer of these experts.
    fn of(&self, experts: &Tensor) -> Layer {
        Layer {
            weights: self.weights.take(experts, 0),
            bias: self.bias.as_ref().map(|bias| bias.take(experts, 0)),
        }
    }
}

/// What all experts compute.
struct Experts {
    first: Layer,
    second: Layer,
    /// A gate's partner, unless the first layer holds both.
    third: Option<Layer>,
}

impl Experts {
    fn apply(&self, call: &Call<'_>, x: &Tensor) -> Result<Tensor, Reason> {
        let hidden = activated(call, self.first.apply(x), self.third.as_ref().map(|third| third.apply(x)))?;
        Ok(self.second.apply(&hidden))
    }

    fn of(&self, experts: &Tensor) -> Experts {
        let third = self.third.as_ref().map(|third| third.of(experts));
        Experts { first: self.first.of(experts), second: self.second.of(experts), third }
    }
}

fn activated(call: &Call<'_>, x: Tensor, partner: Option<Tensor>) -> Result<Tensor, Reason> {
    let found = match call.word("activation_type", "relu")? {
        "relu" => x.relu(),
        "gelu" => x.gelu(GeluForm::Tanh),
        "silu" => x.silu(),
        "identity" => x,
        "swiglu" => {
            let (gate, linear) = gate_and_linear(call, x, partner)?;
            return swiglu(call, gate, linear);
        }
        other => return Err(call.unknown_word("activation_type", other)),
    };
    Ok(if let Some(partner) = partner { found * partner } else { found })
}

/// Both halves of a gated activation, which one layer or two have computed.
fn gate_and_linear(call: &Call<'_>, x: Tensor, partner: Option<Tensor>) -> Result<(Tensor, Tensor), Reason> {
    let fusion = call.int("swiglu_fusion", 0)?;
    if let (0, Some(partner)) = (fusion, &partner) {
        return Ok((x, partner.clone()));
    }
    let mut own = sizes(&x)?;
    let Some(width) = own.pop().filter(|width| width % 2 == 0) else {
        return Err(Reason::other(format!("a gate and its partner, found {}", x.ty()?)));
    };
    // Neighbours are partners, or halves are.
    let at = own.len();
    own.extend(if fusion == 1 { [width / 2, 2] } else { [2, width / 2] });
    let parts = x.reshape(own).unstack(if fusion == 1 { at as i64 + 1 } else { at as i64 });
    match &parts[..] {
        [gate, linear] => Ok((gate.clone(), linear.clone())),
        _ => Err(Reason::other("two halves")),
    }
}

fn swiglu(call: &Call<'_>, gate: Tensor, linear: Tensor) -> Result<Tensor, Reason> {
    if call.flag("swiglu_limit_after_activation", false)? {
        return Err(Reason::attribute("swiglu_limit_after_activation", "is set, which is not supported"));
    }
    let (gate, linear) = match call.maybe_float("swiglu_limit")? {
        Some(limit) => (gate.minimum(limit), linear.clamp(-limit, limit)),
        None => (gate, linear),
    };
    let (alpha, beta) = (call.float("activation_alpha", 1.0)?, call.float("activation_beta", 0.0)?);
    Ok(&gate * (&gate * alpha).sigmoid() * (linear + beta))
}

fn moe(call: &Call<'_>) -> Results {
    let layer = |at: usize| -> Result<Layer, Reason> {
        Ok(Layer { weights: call.tensor(at)?.clone(), bias: call.maybe(at + 1)?.cloned() })
    };
    let third = call.maybe(6)?.map(|_| layer(6)).transpose()?;
    routed(call, &Experts { first: layer(2)?, second: layer(4)?, third }, None)
}

fn quantized_moe(call: &Call<'_>) -> Results {
    let kind = call.word("quant_type", "int")?;
    if kind != "int" {
        return Err(Reason::attribute("quant_type", format!("is `{kind}`: only integers are read")));
    }
    if !matches!(call.int("weights_prepacked", -1)?, -1 | 0) {
        return Err(Reason::attribute(
            "weights_prepacked",
            "is set: weights packed for a device are not read",
        ));
    }
    let layer = |number: usize, zeros: usize| -> Result<Layer, Reason> {
        let at = 2 + 3 * (number - 1);
        let weights = dense(call, number, [at, at + 1, zeros])?;
        Ok(Layer { weights, bias: call.maybe(at + 2)?.cloned() })
    };
    let third = call.maybe(8)?.map(|_| layer(3, 13)).transpose()?;
    routed(call, &Experts { first: layer(1, 11)?, second: layer(2, 12)?, third }, call.maybe(14)?)
}

/// Weights of few bits as numbers, by the inputs with their bytes, scales and zero points.
fn dense(call: &Call<'_>, number: usize, [bytes, scales, zeros]: [usize; 3]) -> Result<Tensor, Reason> {
    let dtype = call.tensor(0)?.dtype()?;
    let bits = call.int(&format!("fc{number}_expert_weight_bits"), call.int("expert_weight_bits", 4)?)?;
    let bits = natural("expert_weight_bits", bits)?;
    let numbers = unpacked(call.tensor(bytes)?, bits)?.cast(dtype);
    let scales = call.tensor(scales)?.cast(dtype);
    // One scale for each row, or for each block of one.
    let [experts, rows, columns] = sizes(&numbers)?[..] else {
        return Err(Reason::other(format!("weights of rank 3, found {}", numbers.ty()?)));
    };
    let blocks = if scales.rank()? == 3 { scales.shape()?.size(2) } else { 1 };
    if blocks == 0 || columns % blocks != 0 {
        return Err(Reason::other(format!("{columns} columns in {blocks} blocks")));
    }
    let middle = f64::from(1u32 << (bits - 1));
    let zeros = match call.maybe(zeros)? {
        Some(zeros) => {
            let all = unpacked(zeros, bits)?.cast(dtype);
            match zeros.rank()? {
                3 => all.i((.., .., ..blocks)),
                _ => all.i((.., ..rows)),
            }
            .reshape([experts, rows, blocks, 1])
        }
        None => Tensor::full((), middle).cast(dtype),
    };
    let numbers = numbers.reshape([experts, rows, blocks, columns / blocks]);
    Ok(((numbers - zeros) * scales.reshape([experts, rows, blocks, 1])).reshape([experts, rows, columns]))
}

/// Sends tokens to the best experts, and sums up what these find by their weights.
fn routed(call: &Call<'_>, experts: &Experts, mixing: Option<&Tensor>) -> Results {
    if call.flag("use_sparse_mixer", false)? {
        return Err(Reason::attribute("use_sparse_mixer", "is set, which is not supported"));
    }
    let (x, router) = (call.tensor(0)?, call.tensor(1)?);
    let own = sizes(x)?;
    let [tokens, count] = sizes(router)?[..] else {
        return Err(Reason::other(format!("a router of rank 2, found {}", router.ty()?)));
    };
    let k = natural("k", call.int("k", 1)?)?.min(count);
    let wide = router.cast(DType::F32);
    let (best, chosen) = wide.top_k(k, -1);
    let weights = match mixing {
        Some(mixing) => mixing.cast(DType::F32).take_along_axis(chosen.cast(DType::I64), 1),
        None => (best - wide.logsumexp(tensorwright::keep(-1))).exp(),
    };
    // Quantised experts that are not mixed by an input share one whole, whatever the attribute says.
    let is_quantized = call.node.op == "QMoE" && mixing.is_none();
    let weights = match is_quantized || call.flag("normalize_routing_weights", false)? {
        true => &weights / weights.sum(tensorwright::keep(-1)),
        false => weights,
    };
    let width = own.last().copied().unwrap_or(0);
    let rows = x.reshape([tokens, width]);
    let found = if tokens * k <= count {
        // The weights of the few experts that are asked.
        let each = experts.of(&chosen.cast(DType::I64).reshape([-1]));
        let mine = rows.expand_dims(1).broadcast_to([tokens, k, width]).reshape([tokens * k, 1, width]);
        let found = each.apply(call, &mine)?.reshape([tokens as i64, k as i64, -1]);
        (found * weights.cast(x.dtype()?).expand_dims(-1)).sum(1)
    } else {
        let is_it = chosen.cast(DType::I64).expand_dims(-1).eq(Tensor::arange(count, DType::I64));
        let of_all = is_it.select(weights.expand_dims(-1), 0).sum(1);
        let found = experts.apply(call, &rows.expand_dims(0))?;
        (found * of_all.t().expand_dims(-1).cast(x.dtype()?)).sum(0)
    };
    one(found.reshape(own))
}
