//! `localise`: constants move into the regions that use them, where the other passes see them.
//!
//! That goes for operands that a region takes as they are, and for scanned and mapped operands of equal elements. The initial
//! state of a loop stays outside, and so do tables: of a large constant a loop reads memory, for which it must be an operand.
//!
//! ```text
//! graph @f(%p: bool[], %x: f32[4]) {
//!   %c = constant() {value = f32[4] [1, 2, 3, 4]}
//!   %y = if(%p, %x, %c) (
//!     graph @then(%x: f32[4], %c: f32[4]) { %y = add(%x, %c) return %y },
//!     graph @else(%x: f32[4], %c: f32[4]) { %y = mul(%x, %x) return %y }
//!   )
//!   return %y
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%p: bool[], %x: f32[4]) {
//!   %y = if(%p, %x) (
//!     graph @then(%x: f32[4]) {
//!       %c = constant() {value = f32[4] [1, 2, 3, 4]}
//!       %y = add(%x, %c)
//!       return %y
//!     },
//!     graph @else(%x: f32[4]) { %y = mul(%x, %x) return %y }
//!   )
//!   return %y
//! }
//! ```

use tensorwright_ir::{Graph, Op, Value};

use super::plan::{Local, RegionPlan, ports};
use crate::passes::everywhere::has_regions;
use crate::passes::pattern::{is_table, splat};
use crate::passes::rewriter::{Rewrite, rewrite_all};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Localise;

impl Pass for Localise {
    fn name(&self) -> &'static str {
        "localise"
    }

    fn description(&self) -> &'static str {
        "moves constants into the regions that use them"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite_all(graph, cx, |r, site| {
            let Some(ports) = ports(site.node) else { return Ok(Rewrite::Keep) };
            let operands = site.operands[ports.selectors()..].iter().enumerate().skip(ports.carried);
            let local = |(input, &v)| {
                let stays = ports.repeats() && r.graph().op(v).is_some_and(is_table);
                let sliced = input < ports.first_invariant();
                Some((input, constant(r.graph(), v, sliced).filter(|_| !stays)?))
            };
            let locals: Vec<(usize, Local)> = operands.filter_map(local).collect();
            if locals.is_empty() {
                return Ok(Rewrite::Keep);
            }
            let mut plan = RegionPlan::new(site.node, ports);
            plan.retain_inputs(|input| locals.iter().all(|(local, _)| *local != input));
            plan.locals = locals;
            plan.build(r, site).map(Rewrite::Replace)
        })
    }
}

/// What stands for the operand inside, if it is a constant.
fn constant(graph: &Graph, operand: Value, sliced: bool) -> Option<Local> {
    if let Some(scalar) = splat(graph, operand) {
        return Some(Local::Splat(scalar));
    }
    match graph.op(operand)? {
        Op::Constant(c) if !sliced => Some(Local::Literal(c.value.clone())),
        _ => None,
    }
}
