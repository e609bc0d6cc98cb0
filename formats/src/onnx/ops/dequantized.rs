//! Products and convolutions of real numbers that integers stand for: the integers are multiplied, and the sums scaled.
//!
//! A product or convolution whose operands `DequantizeLinear` makes of bytes is given these too ([`take_integers`]). Sums of integers are exact, and faster
//! than those of floats.

use std::collections::HashMap;

use tensorwright::{DType, Tensor};

use super::conv;
use super::linear::centred_product;
use crate::onnx::call::Call;
use crate::onnx::error::Reason;
use crate::onnx::graph::{Attribute, Node};

/// The attribute of a product that says along which axis the scales of the right operand are.
const AXIS: &str = "dequantized_axis";
/// Of each operand the integers, the scale and the zero point.
const EACH: usize = 3;

/// Gives products and convolutions what their operands are made of, behind their own inputs.
pub(crate) fn take_integers(nodes: &mut [Node]) {
    let is_standard = |node: &Node| matches!(node.domain.as_str(), "" | "ai.onnx");
    let made: HashMap<String, (Vec<String>, i64)> = nodes
        .iter()
        .filter(|node| is_standard(node) && node.op == "DequantizeLinear" && !node.inputs.is_empty())
        .filter(|node| matches!(node.attributes.get("block_size"), None | Some(Attribute::Int(0))))
        .filter_map(|node| {
            let mut inputs = node.inputs.clone();
            inputs.resize(EACH, String::new());
            let axis = match node.attributes.get("axis") {
                Some(Attribute::Int(axis)) => *axis,
                _ => 1,
            };
            Some((node.outputs.first()?.clone(), (inputs, axis)))
        })
        .collect();
    for node in nodes.iter_mut().filter(|node| is_standard(node)) {
        let own = match node.op.as_str() {
            "MatMul" => 2,
            "Gemm" | "Conv" => 3,
            _ => continue,
        };
        let of = |at: usize| node.inputs.get(at).and_then(|name| made.get(name));
        let (Some((left, _)), Some((right, axis))) = (of(0), of(1)) else { continue };
        node.inputs.resize(own, String::new());
        node.inputs.extend(left.iter().chain(right).cloned());
        node.attributes.insert(AXIS.to_owned(), Attribute::Int(*axis));
    }
}

/// Whether the node has been given the integers of its operands, behind so many inputs.
fn has_integers(call: &Call<'_>, own: usize) -> bool {
    call.count() == own + 2 * EACH
}

/// Channels of a group below which a convolution of floats is faster.
const LEAST_CHANNELS: usize = 16;

/// The convolution of the operands by way of their integers. `None` if these are no bytes, their scales are not one of all, or one of each channel of the
/// kernel, the kernel's zero points are not 0, or a convolution of floats is faster.
pub(super) fn convolution(call: &Call<'_>, own: usize) -> Result<Option<Tensor>, Reason> {
    if !has_integers(call, own) {
        return Ok(None);
    }
    let (x, kernel) = (call.tensor(own)?, call.tensor(own + EACH)?);
    let (scales, zeros) = (
        [call.tensor(own + 1)?, call.tensor(own + EACH + 1)?],
        [call.maybe(own + 2)?, call.maybe(own + EACH + 2)?],
    );
    let is_one = |x: Option<&Tensor>| Ok::<_, Reason>(x.map_or(Ok(1), Tensor::elements)? == 1);
    let of_channels = is_one(Some(scales[1]))? || call.int(AXIS, 1)? == 0 && scales[1].rank()? == 1;
    let are_floats = scales[0].dtype()? == DType::F32 && scales[1].dtype()? == DType::F32;
    let is_deep = kernel.rank()? >= 3 && kernel.shape()?.size(1) >= LEAST_CHANNELS;
    if !is_one(Some(scales[0]))? || !is_one(zeros[0])? || !of_channels || !are_floats || !is_deep {
        return Ok(None);
    }
    let Some(sum) = conv::of_bytes(call, x, zeros[0], kernel, zeros[1])? else { return Ok(None) };
    let scale = scales[0].reshape(()) * scales[1];
    let scale = match scale.elements()? {
        1 => scale.reshape(()),
        _ => conv::per_channel(&scale, x.rank()?)?,
    };
    Ok(Some(sum.cast(DType::F32) * scale))
}

/// The product of the operands, of which some are turned, by way of their integers, which are behind so many inputs. `None` if these are no bytes, or their
/// scales are not one of all, or one of each column on the right.
pub(super) fn product(call: &Call<'_>, own: usize, turned: [bool; 2]) -> Result<Option<Tensor>, Reason> {
    if !has_integers(call, own) {
        return Ok(None);
    }
    let (left, right) = (call.tensor(own)?, call.tensor(own + EACH)?);
    let is_matrix =
        |x: &Tensor| Ok::<_, Reason>(matches!(x.dtype()?, DType::I8 | DType::U8) && x.rank()? >= 2);
    if !is_matrix(left)? || !is_matrix(right)? {
        return Ok(None);
    }
    let rank = right.rank()? as i64;
    let columns = if turned[1] { 0 } else { rank - 1 };
    let axis = call.int(AXIS, 1)?;
    let along_columns = axis == columns || axis + rank == columns;
    let fits = |vector: Option<&Tensor>, along: bool| -> Result<bool, Reason> {
        let Some(vector) = vector else { return Ok(true) };
        Ok(vector.elements()? == 1 || along && vector.rank()? == 1)
    };
    let (scales, zeros) = (
        [call.tensor(own + 1)?, call.tensor(own + EACH + 1)?],
        [call.maybe(own + 2)?, call.maybe(own + EACH + 2)?],
    );
    let all_fit = fits(Some(scales[0]), false)?
        && fits(zeros[0], false)?
        && fits(Some(scales[1]), along_columns)?
        && fits(zeros[1], along_columns)?;
    if !all_fit || scales[0].dtype()? != DType::F32 || scales[1].dtype()? != DType::F32 {
        return Ok(None);
    }
    let turn = |x: &Tensor, turned: bool| if turned { x.t() } else { x.clone() };
    let one = |x: &Tensor| Ok::<_, Reason>(if x.elements()? == 1 { x.reshape(()) } else { x.clone() });
    let sum = centred_product(&turn(left, turned[0]), zeros[0], &turn(right, turned[1]), zeros[1])?;
    Ok(Some(sum.cast(DType::F32) * (one(scales[0])? * one(scales[1])?)))
}
