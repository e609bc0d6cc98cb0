//! `share`: what is known before control flow is not computed again in its regions.
//!
//! An op in a region whose operands all come from outside is an input instead, if the same op stands in front. Constants, iotas and
//! index maps stay where they are: they cost nothing. And what a `checkpoint` computes again it is to compute again.
//!
//! ```text
//! graph @f(%p: bool[], %x: f32[4]) {
//!   %y = exp(%x)
//!   %r = if(%p, %x) (
//!     graph @then(%x: f32[4]) {
//!       %y = exp(%x)
//!       %z = neg(%y)
//!       return %z
//!     },
//!     graph @else(%x: f32[4]) {
//!       return %x
//!     }
//!   )
//!   return %y, %r
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%p: bool[], %x: f32[4]) {
//!   %y = exp(%x)
//!   %r = if(%p, %x, %y) (
//!     graph @then(%x: f32[4], %y: f32[4]) {
//!       %z = neg(%y)
//!       return %z
//!     },
//!     graph @else(%x: f32[4], %y: f32[4]) {
//!       return %x
//!     }
//!   )
//!   return %y, %r
//! }
//! ```

use tensorwright_ir::op::{Ports, Runs};
use tensorwright_ir::{Copier, Graph};

use super::hoist::moved_values;
use super::plan::{Hoisted, RegionPlan, ports};
use crate::passes::cse::Seen;
use crate::passes::effects::has_effect;
use crate::passes::everywhere::has_regions;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite_all};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Share;

impl Pass for Share {
    fn name(&self) -> &'static str {
        "share"
    }

    fn description(&self) -> &'static str {
        "gives regions what is known outside"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        let mut seen = Seen::new(graph);
        rewrite_all(graph, cx, |r, site| {
            if !has_effect(site.node) && !site.node.results.is_empty() {
                seen.insert(site.id, site.node, &site.operands);
            }
            let Some(ports) = ports(site.node).filter(|ports| ports.runs != Runs::Again) else {
                return Ok(Rewrite::Keep);
            };
            let mut plan = RegionPlan::new(site.node, ports);
            for (position, region) in site.node.regions.iter().enumerate() {
                plan.hoisted.extend(known(&seen, r, site, ports, (position, region), graph));
            }
            if plan.hoisted.is_empty() {
                return Ok(Rewrite::Keep);
            }
            plan.build(r, site).map(Rewrite::Replace)
        })
    }
}

/// What a region computes and is known outside.
fn known(
    seen: &Seen,
    r: &Rewriter<'_>,
    site: &Site<'_>,
    ports: Ports,
    (position, region): (usize, &Graph),
    graph: &Graph,
) -> Vec<Hoisted> {
    let mut outside = Copier::new(region);
    let inputs = region.inputs().iter().zip(&site.operands[ports.selectors()..]);
    for (&input, &operand) in inputs.skip(ports.first_invariant()) {
        outside.set(input, operand);
    }
    for node in region.nodes() {
        let operands = outside.try_values(&node.operands);
        let Some(operands) = operands.filter(|_| !has_effect(node)) else { continue };
        if let Some(results) = seen.find(r, graph, node, &operands) {
            outside.set_all(&node.results, &results);
        }
    }
    let is_known: Vec<bool> = region.values().map(|v| outside.get(v).is_some()).collect();
    let shared = moved_values(region, &is_known).into_iter();
    shared
        .filter_map(|inside| Some(Hoisted { outside: outside.get(inside)?, region: position, inside }))
        .collect()
}
