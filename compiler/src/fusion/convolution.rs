//! Convolutions as routines over strided memory: which axis of the result slides along what.

use tensorwright_ir::op::primitive::Conv;
use tensorwright_ir::{Graph, Node, Value};

use super::contraction::{self, Operand};
use crate::program::{Convolution, ConvolutionAxis, ConvolutionLoop, ConvolutionSum, Slide};

/// Where an operand of a convolution is read: behind all of its index maps, since every axis has a stride of its own.
pub(crate) fn operand(graph: &Graph, value: Value) -> Operand {
    contraction::seen_through(graph, value, usize::MAX)
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
    };
    (routine, lhs.base, rhs.base)
}

/// What is summed over, in the order of the axes of the left operand: an order of the op's own, wherever the operand is in memory.
fn sums(conv: &Conv, contracted: impl Iterator<Item = ConvolutionLoop>) -> Vec<ConvolutionSum> {
    let mut sums: Vec<(usize, ConvolutionSum)> =
        conv.lhs_contract.iter().copied().zip(contracted.map(ConvolutionSum::Loop)).collect();
    // Axes that slide are numbered as they come in the result.
    let first = conv.order.len() - conv.lhs_spatial.len();
    let slides = conv.order.iter().filter(|&&axis| axis >= first).enumerate();
    sums.extend(
        slides.map(|(number, &axis)| (conv.lhs_spatial[axis - first], ConvolutionSum::Taps(number as u64))),
    );
    sums.sort_by_key(|&(axis, _)| axis);
    sums.into_iter().map(|(_, sum)| sum).collect()
}
