//! Large memory that sums would read across: it is transposed in memory first.
//!
//! The order of a sum follows the axes that the program says, so a sum over a transposed operand may not run along its memory. Row by row it
//! would touch a line of the cache for each element, and most again for the next row.

use hashbrown::HashSet;
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::Transpose;
use tensorwright_ir::{Graph, Node, NodeId, Op, Shape, Value};

use super::{is_elementwise, is_reduction};

/// Elements up to which it stays in a cache near the core.
const MANY_ELEMENTS: usize = 1 << 14;
/// Producers of a reduction that are looked at.
const MAX_VISITS: usize = 64;

/// Results of transposes that reductions read element by element.
pub(super) fn turned(graph: &Graph) -> HashSet<Value> {
    let mut found = HashSet::new();
    for (_, node) in graph.iter().filter(|(_, node)| is_reduction(node)) {
        let shape = &graph.tensor(node.operands[0]).shape;
        if shape.elements() >= MANY_ELEMENTS {
            find(graph, node.operands[0], shape, &mut found);
        }
    }
    found
}

/// Walks back from what is reduced through element-wise ops.
fn find(graph: &Graph, reduced: Value, shape: &Shape, found: &mut HashSet<Value>) {
    let mut open: SmallVec<[Value; 8]> = SmallVec::from_elem(reduced, 1);
    let mut seen: HashSet<NodeId> = HashSet::new();
    while let Some(value) = open.pop().filter(|_| seen.len() < MAX_VISITS) {
        let Some((id, node)) = graph.producer(value) else { continue };
        if graph.tensor(value).shape != *shape || !seen.insert(id) {
            continue;
        }
        match &node.op {
            Op::Transpose(op) if is_across(graph, node, op) => {
                found.insert(value);
            }
            _ if is_elementwise(graph, node) => open.extend(node.operands.iter().copied()),
            _ => {}
        }
    }
}

/// Whether the innermost axis is another one than before.
pub(super) fn is_across(graph: &Graph, node: &Node, op: &Transpose) -> bool {
    let from = &graph.tensor(node.operands[0]).shape;
    let innermost = op.permutation.iter().rev().find(|&&axis| from.size(axis) != 1);
    innermost.is_some_and(|&axis| (axis + 1..from.rank()).any(|inner| from.size(inner) != 1))
}
