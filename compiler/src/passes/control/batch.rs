//! `batch`: products of slices with invariants become one large product, before the loop.
//!
//! A loop over slices that multiplies each of them with the same matrix multiplies all of them at once: a product of many rows runs several
//! times faster than many products of few rows. The loop takes slices of the result instead. It is the input half of every
//! recurrent layer.
//!
//! A product moves if its left operand is a slice and its right one an invariant, and if its result is not much larger than
//! the slice, because all results are in memory at once. Each element is still the same sum.
//!
//! ```text
//! graph @f(%h: f32[2,4], %x: f32[9,2,8], %w: f32[8,4]) {
//!   %last = scan(%h, %x, %w) {carried = 1, scanned = 1, length = 9, reverse = false} (
//!     graph @body(%h: f32[2,4], %x: f32[2,8], %w: f32[8,4]) {
//!       %y = dot_general(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
//!       %sum = add(%h, %y)
//!       %next = tanh(%sum)
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
//! graph @f(%h: f32[2,4], %x: f32[9,2,8], %w: f32[8,4]) {
//!   %y = dot_general(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [0], dtype = f32}
//!   %last = scan(%h, %x, %y, %w) {carried = 1, scanned = 2, length = 9, reverse = false} (
//!     graph @body(%h: f32[2,4], %x: f32[2,8], %y: f32[2,4], %w: f32[8,4]) {
//!       %sum = add(%h, %y)
//!       %next = tanh(%sum)
//!       return %next
//!     }
//!   )
//!   return %last
//! }
//! ```

use tensorwright_ir::op::primitive::DotGeneral;
use tensorwright_ir::op::{Feed, Ports};
use tensorwright_ir::{BuildError, Graph, Node, Op, Source, Value};

use super::plan::{Hoisted, RegionPlan, ports};
use crate::passes::everywhere::has_regions;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite_all};
use crate::passes::{Context, Pass};

/// How many times larger than its slice a result may be.
const MAX_GROWTH: usize = 16;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Batch;

impl Pass for Batch {
    fn name(&self) -> &'static str {
        "batch"
    }

    fn description(&self) -> &'static str {
        "multiplies all slices at once, before the loop over them"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite_all(graph, cx, |r, site| {
            let Some(ports) = ports(site.node).filter(Ports::repeats) else { return Ok(Rewrite::Keep) };
            let Some(region) = site.node.regions.first().filter(|_| ports.sliced > 0) else {
                return Ok(Rewrite::Keep);
            };
            let mut plan = RegionPlan::new(site.node, ports);
            for node in region.nodes() {
                if let Some(product) = product(region, ports, node) {
                    plan.batched.push(batched(r, site, node, product)?);
                }
            }
            if plan.batched.is_empty() {
                return Ok(Rewrite::Keep);
            }
            plan.build(r, site).map(Rewrite::Replace)
        })
    }
}

/// A product of a slice and an invariant, by their numbers among the inputs.
struct Product<'g> {
    dot: &'g DotGeneral,
    slice: usize,
    invariant: usize,
}

fn product<'g>(region: &'g Graph, ports: Ports, node: &'g Node) -> Option<Product<'g>> {
    let Op::DotGeneral(dot) = &node.op else { return None };
    let input = |v: Value| match region.source(v) {
        Source::Input(input) => Some(input),
        Source::Result { .. } => None,
    };
    let (slice, invariant) = (input(node.operands[0])?, input(node.operands[1])?);
    let size = |v: Value| region.tensor(v).elements();
    let fits = size(node.results[0]) <= MAX_GROWTH * size(node.operands[0]);
    let feeds = [ports.feed(slice), ports.feed(invariant)] == [Feed::Sliced, Feed::Invariant];
    (dot.lhs_batch.is_empty() && feeds && fits).then_some(Product { dot, slice, invariant })
}

/// The product of all slices. Their axis is one more free axis of the left operand, and so comes first in the result.
fn batched(
    r: &mut Rewriter<'_>,
    site: &Site<'_>,
    node: &Node,
    product: Product<'_>,
) -> Result<Hoisted, BuildError> {
    let Product { dot, slice, invariant } = product;
    let lhs_contract = dot.lhs_contract.iter().map(|axis| axis + 1).collect();
    let all = DotGeneral { lhs_contract, ..dot.clone() };
    let operands = [site.operands[slice], site.operands[invariant]];
    let outside = r.build_at(node.location.clone()).push_one(all, &operands)?;
    Ok(Hoisted { outside, region: 0, inside: node.results[0] })
}
