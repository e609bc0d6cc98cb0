//! Products and convolutions with what optimisers fuse into them.

use tensorwright::Tensor;

use super::super::Apply;
use super::activation::activated;
use crate::onnx::call::{Call, Results, one};
use crate::onnx::error::Reason;
use crate::onnx::ops::conv::{self, with_bias};
use crate::onnx::ops::linear::{affine, product};
use crate::onnx::ops::pool;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("FusedMatMul", matmul),
    ("TransposeMatMul", matmul),
    ("FusedMatMulActivation", matmul_activation),
    ("FusedGemm", gemm),
    ("GemmFastGelu", gemm_fast_gelu),
    ("FusedConv", conv),
    ("NhwcConv", nhwc_conv),
    ("NhwcFusedConv", nhwc_conv),
    ("NhwcMaxPool", nhwc_max_pool),
    ("ConvTransposeWithDynamicPads", conv_transpose),
];

/// An operand with the axes of batches where those of a product are.
fn operand(call: &Call<'_>, position: usize, name: &str) -> Result<Tensor, Reason> {
    let x = call.tensor(position)?;
    let rank = x.rank()?;
    let flag = |prefix: &str| call.flag(&format!("{prefix}{name}"), false);
    // The first axis is that of rows, and batches follow it.
    let x = if flag("transBatch")? && rank > 2 { x.move_axis(0, rank - 2) } else { x.clone() };
    Ok(if flag("trans")? && rank > 1 { x.swap_axes(-1, -2) } else { x })
}

fn scaled_product(call: &Call<'_>) -> Result<Tensor, Reason> {
    let found = product(&operand(call, 0, "A")?, &operand(call, 1, "B")?)?;
    let alpha = call.float("alpha", 1.0)?;
    Ok(if alpha == 1.0 { found } else { found * alpha })
}

fn matmul(call: &Call<'_>) -> Results {
    one(scaled_product(call)?)
}

/// The activation that the node says, with its numbers, of which some may be left out.
fn activated_as_said(call: &Call<'_>, x: Tensor) -> Results {
    let number = |name: &str| call.maybe_float(name);
    let numbers = [number("activation_alpha")?, number("activation_beta")?, number("activation_gamma")?];
    one(activated(x, call.word("activation", "")?, numbers)?)
}

fn matmul_activation(call: &Call<'_>) -> Results {
    activated_as_said(call, scaled_product(call)?)
}

fn gemm(call: &Call<'_>) -> Results {
    activated_as_said(call, affine(call)?)
}

fn gemm_fast_gelu(call: &Call<'_>) -> Results {
    let found = product(call.tensor(0)?, call.tensor(1)?)?;
    let found = if let Some(bias) = call.maybe(2)? { found + bias } else { found };
    one(found.gelu(tensorwright::GeluForm::Tanh))
}

/// The convolution of an image `[n, channels, ..]`, a summand, and an activation.
fn fused_conv(call: &Call<'_>, x: &Tensor, summand: Option<Tensor>) -> Result<Tensor, Reason> {
    let y = with_bias(call, x, call.tensor(1)?, call.maybe(2)?)?;
    let y = if let Some(summand) = summand { y + summand } else { y };
    let said = call.float_list("activation_params")?.unwrap_or_default();
    let number = |at: usize| said.get(at).map(|&number| f64::from(number));
    activated(y, call.word("activation", "")?, [number(0), number(1), number(2)])
}

fn conv(call: &Call<'_>) -> Results {
    one(fused_conv(call, call.tensor(0)?, call.maybe(3)?.cloned())?)
}

/// Channels from last to second.
pub(super) fn channels_second(x: &Tensor) -> Result<Tensor, Reason> {
    Ok(x.move_axis(x.rank()?.saturating_sub(1), 1))
}

/// Channels from second to last.
pub(super) fn channels_last(x: &Tensor) -> Result<Tensor, Reason> {
    Ok(x.move_axis(1, x.rank()?.saturating_sub(1)))
}

fn nhwc_conv(call: &Call<'_>) -> Results {
    let summand = call.maybe(3)?.map(channels_second).transpose()?;
    one(channels_last(&fused_conv(call, &channels_second(call.tensor(0)?)?, summand)?)?)
}

fn nhwc_max_pool(call: &Call<'_>) -> Results {
    let (taps, options) = pool::options(call)?;
    one(channels_last(&channels_second(call.tensor(0)?)?.max_pool(taps, options))?)
}

/// A transposed convolution with its padding among the inputs.
fn conv_transpose(call: &Call<'_>) -> Results {
    let pads = call.maybe_numbers(2)?;
    one(conv::transposed(call, pads.as_deref(), call.maybe(3)?)?)
}
