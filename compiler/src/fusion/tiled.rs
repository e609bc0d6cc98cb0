//! Nodes that are routines of the library that run tile by tile: which routine, and the memory that it reads.

use smallvec::{SmallVec, smallvec};
use tensorwright_ir::{Graph, Node, Op, Value};

use super::{contraction, convolution};
use crate::program::Tiled;

/// The routine that computes the node, and the values whose memory it reads; `None` if the node is none.
pub(crate) fn routine(graph: &Graph, node: &Node) -> Option<(Tiled, SmallVec<[Value; 2]>)> {
    match &node.op {
        Op::DotGeneral(dot) => {
            let (product, lhs, rhs) = contraction::product(graph, node, dot);
            Some((product.into(), smallvec![lhs, rhs]))
        }
        Op::Conv(conv) => {
            let (routine, lhs, rhs) = convolution::convolution(graph, node, conv);
            Some((routine.into(), smallvec![lhs, rhs]))
        }
        _ => None,
    }
}

/// The value whose memory the routine reads for the operand at a position: as far behind index maps as its strides can tell.
pub(crate) fn memory(graph: &Graph, node: &Node, position: usize) -> Value {
    match &node.op {
        Op::DotGeneral(dot) => contraction::operand(graph, dot, position, node.operands[position]).base,
        Op::Conv(_) => convolution::operand(graph, node.operands[position]).base,
        _ => node.operands[position],
    }
}

/// Whether passes have left the node in a form that no routine can compute, which is a bug of theirs.
pub(crate) fn is_unfit(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::DotGeneral(dot) => (0..2).any(|at| contraction::is_scattered(graph, dot, node, at)),
        _ => false,
    }
}
