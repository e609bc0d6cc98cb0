//! `sink`: moves index maps (broadcast, transpose, reshape, reverse, slice) to where they cost least or meet each other.
//!
//! - An element-wise function of broadcasts is computed on as few axes as its operands vary along, and then broadcast.
//! - A section is taken before the element-wise functions, reductions and products that it is a section of, if nothing else
//!   needs the rest.
//! - A transpose, reshape or reversal moves up a tree of element-wise functions if it meets its like at the leaves, and two of
//!   a kind on all operands of a function become one behind it.
//! - What an index map does to a broadcast, it does to the smaller operand of the broadcast.
//! - A reduction takes in transposes and reshapes of its operand; of a broadcast it takes the operand, where that is the same.
//!
//! Each rewrite lowers the number of scalar operations or else the number or size of index maps that are not broadcasts, so the
//! pass ends and never makes code worse. What has no elements is left to `fold`. It does not move an index map just to have it elsewhere:
//! reading through one is free wherever it is.
//!
//! ```text
//! graph @f(%x: f32[8], %y: f32[4,8]) {
//!   %a = broadcast_in_dim(%x) {shape = [4,8], axes = [1]}
//!   %b = exp(%a)
//!   %c = transpose(%y) {permutation = [1,0]}
//!   %d = tanh(%c)
//!   %e = transpose(%d) {permutation = [1,0]}
//!   %f = mul(%b, %e)
//!   return %f
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[8], %y: f32[4,8]) {
//!   %a = exp(%x)
//!   %b = broadcast_in_dim(%a) {shape = [4,8], axes = [1]}
//!   %c = tanh(%y)
//!   %f = mul(%b, %c)
//!   return %f
//! }
//! ```

mod broadcasts;
mod pull;
mod reductions;
mod sections;
mod views;

#[cfg(test)]
mod tests;

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{Graph, Node, Op, Shape, Value};

use super::pattern::Rewritten;
use super::rewriter::{Rewrite, Rewriter, Site, rewrite, until_stable};
use super::{Context, Pass};

/// A sweep carries an index map up a whole tree of functions, so chains of more trees than this are not met with.
const SWEEPS: usize = 64;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Sink;

impl Pass for Sink {
    fn name(&self) -> &'static str {
        "sink"
    }

    fn description(&self) -> &'static str {
        "moves index maps to where they cost least or meet"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        until_stable(graph, cx, SWEEPS, |graph, cx| {
            let before = Before { graph, uses: graph.use_counts() };
            rewrite(graph, cx, |r, site| {
                let is_empty = site.node.results.iter().all(|&v| graph.ty(v).elements() == 0);
                if is_empty {
                    return Ok(Rewrite::Keep);
                }
                sunk(r, &before, site).map(Rewrite::from)
            })
        })
    }
}

/// The graph before the sweep, where decisions are made: there it is known who uses what.
struct Before<'g> {
    graph: &'g Graph,
    uses: Vec<u32>,
}

impl<'g> Before<'g> {
    fn shape(&self, value: Value) -> &'g Shape {
        &self.graph.tensor(value).shape
    }

    /// The node that made the value, if nothing but one operand needs it.
    fn only_for_one(&self, value: Value) -> Option<&'g Node> {
        let (_, node) = self.graph.producer(value)?;
        (self.uses[value.index()] == 1 && node.results.len() == 1).then_some(node)
    }

    /// Whether the node is a function of elements at the same index.
    fn is_elementwise(&self, node: &Node) -> bool {
        let here = |result: Value| node.operands.iter().all(|&v| self.shape(v) == self.shape(result));
        let plain = node.op.lowering() == Lowering::Map && node.regions.is_empty();
        plain && !node.operands.is_empty() && node.results.len() == 1 && here(node.results[0])
    }

    /// The value that is broadcast, if that is a scalar.
    fn broadcast_scalar(&self, value: Value) -> Option<Value> {
        let (_, node) = self.graph.producer(value)?;
        let scalar = matches!(&node.op, Op::BroadcastInDim(op) if op.axes.is_empty());
        scalar.then(|| node.operands[0])
    }
}

fn sunk<'g>(r: &mut Rewriter<'g>, before: &Before<'g>, site: &Site<'g>) -> Rewritten {
    match &site.node.op {
        Op::Transpose(_) | Op::Reshape(_) | Op::Reverse(_) => match views::of_broadcast(r, site)? {
            Some(value) => Ok(Some(value)),
            None => pull::to_its_like(r, before, site),
        },
        Op::Slice(op) => match pull::section(r, before, site)? {
            Some(value) => Ok(Some(value)),
            None => sections::of_sum(r, before, site, op),
        },
        Op::Reduce(op) => reductions::reduce(r, op, site.operands[0]),
        _ if before.is_elementwise(site.node) => match broadcasts::hoist(r, site)? {
            Some(value) => Ok(Some(value)),
            None => views::common(r, before, site),
        },
        _ => Ok(None),
    }
}
