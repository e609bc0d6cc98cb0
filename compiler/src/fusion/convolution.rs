//! Convolutions as routines over strided memory: which axis of the result slides along what.

use tensorwright_ir::op::primitive::Conv;
use tensorwright_ir::{Graph, Node, Op, Value};

use super::access;
use super::contraction::{self, Operand};
use super::turned::is_across;
use crate::program::{Convolution, ConvolutionAxis, ConvolutionLoop, ConvolutionSum, Slide};

/// Elements from which an operand that is transposed is transposed in memory: each is read many times, in runs along memory or one by one.
const MANY_ELEMENTS: usize = 1 << 11;

/// Where an operand of a convolution is read: behind its index maps, since every axis has a stride of its own, but for a transpose of much that lets
/// another axis be the innermost.
pub(crate) fn operand(graph: &Graph, value: Value) -> Operand {
    let mut depth = 0;
    let mut base = value;
    while let Some((_, node)) = graph.producer(base)
        && access::is_index_map(graph, node)
        && !is_turn(graph, node)
    {
        depth += 1;
        base = node.operands[0];
    }
    contraction::seen_through(graph, value, depth)
}

fn is_turn(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::Transpose(op) => {
            graph.tensor(node.results[0]).elements() >= MANY_ELEMENTS && is_across(graph, node, op)
        }
        _ => false,
    }
}

/// The routine that a `conv` node is, and the values whose memory it reads.
pub(crate) fn convolution(graph: &Graph, node: &Node, conv: &Conv) -> (Convolution, Value, Value) {
    let [lhs, rhs] = [0, 1].map(|position| operand(graph, node.operands[position]));
    let [lhs_shape, rhs_shape] = [0, 1].map(|position| &graph.tensor(node.operands[position]).shape);
    let out = graph.tensor(node.results[0]);
    let left = |axis: usize| (lhs_shape.size(axis) as u64, lhs.strides[axis]);
    let right = |axis: usize| (rhs_shape.size(axis) as u64, rhs.strides[axis]);
    let both =
        |(&l, &r): (&usize, &usize)| ConvolutionLoop { extent: left(l).0, lhs: left(l).1, rhs: right(r).1 };
    let mut axes: Vec<ConvolutionAxis> =
        conv.lhs_batch.iter().zip(&conv.rhs_batch).map(both).map(ConvolutionAxis::Batch).collect();
    axes.extend(
        conv.lhs_free(lhs_shape.rank())
            .into_iter()
            .map(left)
            .map(|(extent, lhs)| ConvolutionAxis::Left(ConvolutionLoop { extent, lhs, rhs: 0 })),
    );
    axes.extend(
        conv.rhs_free(rhs_shape.rank())
            .into_iter()
            .map(right)
            .map(|(extent, rhs)| ConvolutionAxis::Right(ConvolutionLoop { extent, lhs: 0, rhs })),
    );
    let unordered = axes.len();
    for (axis, (&l, &r)) in conv.lhs_spatial.iter().zip(&conv.rhs_spatial).enumerate() {
        let place = conv.order.iter().position(|&from| from == unordered + axis);
        let ((elements, lhs), (taps, rhs)) = (left(l), right(r));
        axes.push(ConvolutionAxis::Slide(Slide {
            results: place.map_or(0, |place| out.shape.size(place) as u64),
            elements,
            lhs,
            taps,
            rhs,
            by: conv.strides[axis] as u64,
            from: conv.low[axis].saturating_neg(),
            element_places: conv.lhs_dilation[axis] as u64,
            tap_places: conv.rhs_dilation[axis] as u64,
        }));
    }
    let routine = Convolution {
        input: graph.tensor(node.operands[0]).dtype,
        output: out.dtype,
        axes: conv.order.iter().map(|&axis| axes[axis]).collect(),
        sums: sums(conv, conv.lhs_contract.iter().zip(&conv.rhs_contract).map(both)),
        lhs_offset: lhs.offset,
        rhs_offset: rhs.offset,
        reassociates: false,
    };
    (routine, lhs.base, rhs.base)
}

/// What is summed over, in the order of the op.
fn sums(conv: &Conv, contracted: impl Iterator<Item = ConvolutionLoop>) -> Vec<ConvolutionSum> {
    let mut sums: Vec<ConvolutionSum> = contracted.map(ConvolutionSum::Loop).collect();
    // Axes that slide are numbered as they come in the result.
    let first = conv.order.len() - conv.lhs_spatial.len();
    let slides: Vec<usize> = conv.order.iter().copied().filter(|&axis| axis >= first).collect();
    sums.extend((first..conv.order.len()).map(|axis| {
        let number = slides.iter().position(|&slide| slide == axis);
        ConvolutionSum::Taps(number.unwrap_or(0) as u64)
    }));
    conv.sum_order.iter().map(|&axis| sums[axis]).collect()
}
