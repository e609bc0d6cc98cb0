//! `hoist`: what a loop computes anew each time from the same values is computed once, before it.
//!
//! It moves ops out of the regions of `while`, `scan` and `map` that need nothing but invariants and constants, cannot fail and
//! have no effect. Constants but for tables, iotas, empty lists and index maps stay: they cost nothing where they are read, and outside they
//! would be tensors. What moves may be computed though the loop does not run; a loop over less than two slices is for `inline`.
//!
//! ```text
//! graph @f(%s: f32[4], %x: f32[9,4], %k: f32[]) {
//!   %last = scan(%s, %x, %k) {carried = 1, scanned = 1, length = 9, reverse = false} (
//!     graph @body(%s: f32[4], %x: f32[4], %k: f32[]) {
//!       %e = exp(%k)
//!       %b = broadcast_in_dim(%e) {shape = [4], axes = []}
//!       %y = mul(%x, %b)
//!       %next = add(%s, %y)
//!       return %next
//!     }
//!   )
//!   return %last
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%s: f32[4], %x: f32[9,4], %k: f32[]) {
//!   %e = exp(%k)
//!   %last = scan(%s, %x, %k, %e) {carried = 1, scanned = 1, length = 9, reverse = false} (
//!     graph @body(%s: f32[4], %x: f32[4], %k: f32[], %e: f32[]) {
//!       %b = broadcast_in_dim(%e) {shape = [4], axes = []}
//!       %y = mul(%x, %b)
//!       %next = add(%s, %y)
//!       return %next
//!     }
//!   )
//!   return %last
//! }
//! ```

use tensorwright_ir::op::{Lowering, Ports, Runs};
use tensorwright_ir::{BuildError, Copier, Graph, Node, Op, Value};

use super::plan::{Hoisted, RegionPlan, ports};
use crate::passes::dce::live_nodes;
use crate::passes::effects::has_effect;
use crate::passes::everywhere::has_regions;
use crate::passes::pattern::is_table;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite_all};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Hoist;

impl Pass for Hoist {
    fn name(&self) -> &'static str {
        "hoist"
    }

    fn description(&self) -> &'static str {
        "moves what is the same each time out of loops"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite_all(graph, cx, |r, site| {
            let Some(ports) = ports(site.node).filter(Ports::repeats) else {
                return Ok(Rewrite::Keep);
            };
            let mut plan = RegionPlan::new(site.node, ports);
            for (position, region) in site.node.regions.iter().enumerate() {
                plan.hoisted.extend(hoisted(r, site, ports, position, region)?);
            }
            if plan.hoisted.is_empty() {
                return Ok(Rewrite::Keep);
            }
            plan.build(r, site).map(Rewrite::Replace)
        })
    }
}

/// Computes outside what can be, and says what that is.
fn hoisted(
    r: &mut Rewriter<'_>,
    site: &Site<'_>,
    ports: Ports,
    position: usize,
    region: &Graph,
) -> Result<Vec<Hoisted>, BuildError> {
    let invariant = invariant_values(region, ports.first_invariant());
    let moved = moved_values(region, &invariant);
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let mut outside = Copier::with_inputs(region, &site.operands[ports.selectors()..]);
    let wanted = makers(region, &moved);
    for (_, node) in region.iter().filter(|(id, _)| wanted[id.index()]) {
        outside.copy(r.build(), node)?;
    }
    let outside = outside.values(&moved);
    let hoisted = moved.into_iter().zip(outside);
    Ok(hoisted.map(|(inside, outside)| Hoisted { outside, region: position, inside }).collect())
}

/// For each value of the region whether it is the same each time and can be computed outside.
fn invariant_values(region: &Graph, first_invariant: usize) -> Vec<bool> {
    let mut invariant = vec![false; region.values().len()];
    for input in &region.inputs()[first_invariant..] {
        invariant[input.index()] = true;
    }
    for node in region.nodes() {
        if node.operands.iter().all(|v| invariant[v.index()]) && can_move(node) {
            node.results.iter().for_each(|v| invariant[v.index()] = true);
        }
    }
    invariant
}

/// Whether the node always ends, and does nothing but give results.
fn can_move(node: &Node) -> bool {
    if has_effect(node) {
        return false;
    }
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        // Where a branch is not taken, or a loop does not run, the program's code is not called.
        if node.op.lowering() == Lowering::Host {
            return false;
        }
        if node.op.ports().map_or(!node.regions.is_empty(), |ports| ports.runs == Runs::While) {
            return false;
        }
        open.extend(node.regions.iter().flat_map(Graph::nodes));
    }
    true
}

/// The invariants that live variant nodes and outputs read, but for index maps, which they read through.
pub(super) fn moved_values(region: &Graph, invariant: &[bool]) -> Vec<Value> {
    let live = live_nodes(region);
    let varies = |node: &Node| !node.results.iter().all(|v| invariant[v.index()]) || node.results.is_empty();
    let readers = region.iter().filter(|(id, node)| live[id.index()] && varies(node));
    let read = readers.flat_map(|(_, node)| &node.operands);
    let mut open: Vec<Value> = read.chain(region.outputs()).copied().collect();
    let mut seen = vec![false; region.values().len()];
    let mut moved = Vec::new();
    while let Some(value) = open.pop() {
        if !invariant[value.index()] || std::mem::replace(&mut seen[value.index()], true) {
            continue;
        }
        match region.producer(value) {
            Some((_, node)) if is_free(&node.op) => open.extend(&node.operands),
            Some(_) => moved.push(value),
            None => {}
        }
    }
    moved.sort_unstable();
    moved
}

fn is_free(op: &Op) -> bool {
    matches!(op.lowering(), Lowering::View | Lowering::Token)
        || matches!(op, Op::Iota(_) | Op::ListNew(_))
        || (matches!(op, Op::Constant(_)) && !is_table(op))
}

/// For each node of the region whether these values are made of it.
fn makers(region: &Graph, values: &[Value]) -> Vec<bool> {
    let mut wanted = vec![false; region.values().len()];
    values.iter().for_each(|v| wanted[v.index()] = true);
    let mut makers = vec![false; region.nodes().len()];
    for (id, node) in region.iter().rev() {
        if node.results.iter().any(|v| wanted[v.index()]) {
            makers[id.index()] = true;
            node.operands.iter().for_each(|v| wanted[v.index()] = true);
        }
    }
    makers
}
