//! Contractions as strided matrix products.
//!
//! `dot_general` sums over pairs of axes. With the axes of each operand sorted into batch, free and contracted ones, it is a
//! batch of matrix products, and the operands need not be copied for it: an index map in front of an operand (transpose,
//! slice, broadcast) only changes strides. What does not fit into one batch, one row, one column and one depth stride becomes an
//! outer loop around products.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::DotGeneral;
use tensorwright_ir::{Graph, Node, Shape, Value};

use super::access;
use crate::kernel::{Affine, Var};
use crate::program::{Product, ProductLoop};

/// Memory that holds an operand, and how it lies there.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    /// The value whose memory is read.
    pub(crate) base: Value,
    /// Index of the first element.
    pub(super) offset: i64,
    /// For each axis of the operand the distance of its elements.
    pub(super) strides: SmallVec<[i64; 6]>,
}

/// Where the operand of a contraction at `position` (0 or 1) is read: as far behind its index maps as strides can tell.
pub(crate) fn operand(graph: &Graph, dot: &DotGeneral, position: usize, value: Value) -> Operand {
    let contracted = if position == 0 { &dot.lhs_contract } else { &dot.rhs_contract };
    let shape = &graph.tensor(value).shape;
    let mut best = seen_through(graph, value, 0);
    for depth in 1.. {
        let candidate = seen_through(graph, value, depth);
        if candidate.base == best.base || !is_one_loop(shape, &candidate.strides, contracted) {
            break;
        }
        best = candidate;
    }
    best
}

/// The operand as seen in the memory of the value `depth` index maps behind it.
pub(super) fn seen_through(graph: &Graph, value: Value, depth: usize) -> Operand {
    let rank = graph.tensor(value).rank();
    let mut access = access::identity(rank);
    let mut base = value;
    for _ in 0..depth {
        let Some((_, node)) = graph.producer(base) else { break };
        if !access::is_index_map(graph, node) {
            break;
        }
        let from = &graph.tensor(node.operands[0]).shape;
        access = access::through(&node.op, from, &access);
        base = node.operands[0];
    }
    let flat: Affine = access::flat(&access, &graph.tensor(base).shape);
    let strides = (0..rank as u32).map(|axis| flat.coefficient(Var::Dim(axis))).collect();
    Operand { base, offset: flat.offset, strides }
}

/// Whether the axes, in this order, are one loop with one stride.
fn is_one_loop(shape: &Shape, strides: &[i64], axes: &[usize]) -> bool {
    let one =
        |axis: &usize| ProductLoop { extent: shape.size(*axis) as u64, lhs: strides[*axis], rhs: 0, out: 0 };
    axes.iter().map(one).try_fold(ProductLoop::ONCE, ProductLoop::merged).is_some()
}

/// Whether the operand at `position` of a contraction is read along several strides: its contracted axes are apart.
pub(crate) fn is_scattered(graph: &Graph, dot: &DotGeneral, node: &Node, position: usize) -> bool {
    let operand = seen_through(graph, node.operands[position], 0);
    let contracted = if position == 0 { &dot.lhs_contract } else { &dot.rhs_contract };
    !is_one_loop(&graph.tensor(node.operands[position]).shape, &operand.strides, contracted)
}

/// The product that a `dot_general` node is, and the values whose memory it reads.
pub(crate) fn product(graph: &Graph, node: &Node, dot: &DotGeneral) -> (Product, Value, Value) {
    let [lhs, rhs] = [0, 1].map(|position| operand(graph, dot, position, node.operands[position]));
    let [lhs_shape, rhs_shape] = [0, 1].map(|position| &graph.tensor(node.operands[position]).shape);
    let out = graph.tensor(node.results[0]);
    let out_strides = out.shape.strides();
    let lhs_free = dot.lhs_free(lhs_shape.rank());
    let rhs_free = dot.rhs_free(rhs_shape.rank());
    let extent = |shape: &Shape, axis: usize| shape.size(axis) as u64;
    let batch = (0..dot.lhs_batch.len()).map(|i| {
        let (l, r) = (dot.lhs_batch[i], dot.rhs_batch[i]);
        ProductLoop {
            extent: extent(lhs_shape, l),
            lhs: lhs.strides[l],
            rhs: rhs.strides[r],
            out: out_strides[i] as i64,
        }
    });
    let first_row = dot.lhs_batch.len();
    let rows = lhs_free.iter().enumerate().map(|(i, &axis)| ProductLoop {
        extent: extent(lhs_shape, axis),
        lhs: lhs.strides[axis],
        rhs: 0,
        out: out_strides[first_row + i] as i64,
    });
    let first_column = first_row + lhs_free.len();
    let columns = rhs_free.iter().enumerate().map(|(i, &axis)| ProductLoop {
        extent: extent(rhs_shape, axis),
        lhs: 0,
        rhs: rhs.strides[axis],
        out: out_strides[first_column + i] as i64,
    });
    let depth = dot.lhs_contract.iter().zip(&dot.rhs_contract).map(|(&l, &r)| ProductLoop {
        extent: extent(lhs_shape, l),
        lhs: lhs.strides[l],
        rhs: rhs.strides[r],
        out: 0,
    });
    let depth = depth.fold(ProductLoop::ONCE, |outer, inner| outer.merged(inner).unwrap_or(inner));
    let (mut outer, batch) = merge(batch);
    let (more, rows) = merge(rows);
    outer.extend(more);
    let (more, columns) = merge(columns);
    outer.extend(more);
    let input = graph.tensor(node.operands[0]).dtype;
    let (lhs_offset, rhs_offset) = (lhs.offset, rhs.offset);
    let product =
        Product { input, output: out.dtype, batch, rows, columns, depth, outer, lhs_offset, rhs_offset };
    (product, lhs.base, rhs.base)
}

/// Merges loops from the innermost outwards; returns the loops that are left over, and the innermost.
fn merge(loops: impl DoubleEndedIterator<Item = ProductLoop>) -> (Vec<ProductLoop>, ProductLoop) {
    let mut left_over = Vec::new();
    let mut inner = ProductLoop::ONCE;
    for outer in loops.rev() {
        match outer.merged(inner) {
            Some(merged) if left_over.is_empty() => inner = merged,
            _ => left_over.insert(0, outer),
        }
    }
    (left_over, inner)
}
