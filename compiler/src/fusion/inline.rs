//! Contractions that are code of the kernel around them instead of products of the library.
//!
//! A few terms for each result are fused multiply-adds on elements that are loaded where they are needed: nothing is packed, and what follows is
//! part of the same kernel. The cost model chooses. The bits of results are those of the library: terms are added in the same order.

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::DotGeneral;
use tensorwright_ir::op::rule;
use tensorwright_ir::{Graph, Node, NodeId, Op, Shape, Value};

use super::access::Access;
use super::contraction;
use crate::cost;
use crate::kernel::Affine;
use crate::program::Target;

/// Terms of a result up to which they are spelled out: more make bodies that are compiled for longer than they save.
const MAX_TERMS: u64 = 16;

/// A contraction that is code of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Inlined {
    /// Terms of each result.
    pub(crate) terms: u64,
    /// In how many partial sums they are added up, see [`Target::partial_sums`].
    pub(crate) partial_sums: usize,
}

/// The contractions that are code of a kernel.
pub(super) fn choose(graph: &Graph, target: &dyn Target) -> HashMap<NodeId, Inlined> {
    let inlined = |(id, node): (NodeId, &Node)| {
        let Op::DotGeneral(dot) = &node.op else { return None };
        let (product, ..) = contraction::product(graph, node, dot);
        let terms = product.depth.extent;
        if !(1..=MAX_TERMS).contains(&terms) {
            return None;
        }
        let partial_sums = target.partial_sums(&product)?;
        cost::prefers_kernel(&product, partial_sums).then_some((id, Inlined { terms, partial_sums }))
    };
    graph.iter().filter_map(inlined).collect()
}

/// The elements that are multiplied for the result at `access`: those of the left and of the right operand in turn, term by term.
pub(crate) fn factors(
    graph: &Graph,
    node: &Node,
    dot: &DotGeneral,
    access: &[Affine],
) -> SmallVec<[(Value, Access); 3]> {
    let [lhs, rhs] = [0, 1].map(|position| node.operands[position]);
    let [lhs_rank, rhs_rank] = [lhs, rhs].map(|operand| graph.tensor(operand).rank());
    let (lhs_free, rhs_free) = (dot.lhs_free(lhs_rank), dot.rhs_free(rhs_rank));
    let (batch, free) = access.split_at(dot.lhs_batch.len());
    let (left, right) = free.split_at(lhs_free.len());
    let depth: Shape =
        dot.lhs_contract.iter().map(|&axis| graph.tensor(lhs).shape.size(axis)).collect::<Vec<_>>().into();
    let read = |rank, axes: [&[usize]; 3], at: [&[Affine]; 3]| {
        let mut read: Access = SmallVec::from_elem(Affine::default(), rank);
        axes.into_iter()
            .flatten()
            .zip(at.into_iter().flatten())
            .for_each(|(&axis, at)| read[axis] = at.clone());
        read
    };
    let terms = (0..depth.elements()).flat_map(|term| {
        let along: SmallVec<[Affine; 4]> =
            rule::unravel(term, &depth).iter().map(|&i| Affine::constant(i as i64)).collect();
        let l = read(lhs_rank, [&dot.lhs_batch, &lhs_free, &dot.lhs_contract], [batch, left, &along]);
        let r = read(rhs_rank, [&dot.rhs_batch, &rhs_free, &dot.rhs_contract], [batch, right, &along]);
        [(lhs, l), (rhs, r)]
    });
    terms.collect()
}
