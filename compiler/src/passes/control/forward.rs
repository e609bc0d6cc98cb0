//! `forward`: what a region hands through goes around it.
//!
//! - A result of an `if` or `case` that is the same operand whichever region runs is that operand.
//! - State that the body hands through is not state: it becomes an invariant.
//! - A stack of the slices of an operand is the operand; a stack of an invariant is a broadcast.
//!
//! ```text
//! graph @f(%s: f32[], %k: f32[], %x: f32[3]) {
//!   %last, %same, %stack = scan(%s, %k, %x) {carried = 2, scanned = 1, length = 3, reverse = false} (
//!     graph @body(%s: f32[], %k: f32[], %x: f32[]) {
//!       %scaled = mul(%s, %k)
//!       %next = add(%scaled, %x)
//!       return %next, %k, %x
//!     }
//!   )
//!   return %last, %same, %stack
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%s: f32[], %k: f32[], %x: f32[3]) {
//!   %last = scan(%s, %x, %k) {carried = 1, scanned = 1, length = 3, reverse = false} (
//!     graph @body(%s: f32[], %x: f32[], %k: f32[]) {
//!       %scaled = mul(%s, %k)
//!       %next = add(%scaled, %x)
//!       return %next
//!     }
//!   )
//!   return %last, %k, %x
//! }
//! ```

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::{Feed, Ports, Results};
use tensorwright_ir::{BuildError, Graph, Value};

use super::plan::{RegionPlan, handed_through, ports};
use crate::passes::effects::has_effect;
use crate::passes::everywhere::has_regions;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Forward;

impl Pass for Forward {
    fn name(&self) -> &'static str {
        "forward"
    }

    fn description(&self) -> &'static str {
        "takes what regions hand through around them"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite(graph, cx, |r, site| {
            let Some(ports) = ports(site.node) else { return Ok(Rewrite::Keep) };
            Ok(forwarded(r, graph, site, ports)?.map_or(Rewrite::Keep, Rewrite::Replace))
        })
    }
}

/// What a result is without the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Around {
    Operand(Value),
    /// A stack of equal slices.
    StackOf(Value),
}

fn forwarded(
    r: &mut Rewriter<'_>,
    old: &Graph,
    site: &Site<'_>,
    ports: Ports,
) -> Result<Option<Results>, BuildError> {
    let around: Vec<Option<Around>> =
        (0..site.node.results.len()).map(|result| around(site, ports, result)).collect();
    if around.iter().all(Option::is_none) {
        return Ok(None);
    }
    let mut plan = RegionPlan::new(site.node, ports);
    let stays = |result: &usize| around[*result].is_none();
    plan.results.retain(stays);
    plan.invariants.extend((0..ports.carried).filter(|state| !stays(state)));
    plan.state.retain(stays);
    let needed = !plan.results.is_empty() || has_effect(site.node);
    let results = if needed { plan.build(r, site)? } else { Results::new() };
    let mut rest = results.into_iter();
    let results = around.iter().zip(&site.node.results).map(|(around, &result)| match around {
        None => Ok(rest.next().expect("one for each result that stays")),
        Some(Around::Operand(value)) => Ok(*value),
        Some(Around::StackOf(slice)) => {
            let shape = old.tensor(result).shape.clone();
            let axes: Axes = (1..shape.rank()).collect();
            r.build().broadcast_in_dim(*slice, shape, axes)
        }
    });
    results.collect::<Result<_, _>>().map(Some)
}

fn around(site: &Site<'_>, ports: Ports, result: usize) -> Option<Around> {
    let regions = ports.bodies(&site.node.regions);
    let operand = |input: usize| site.operands[ports.selectors() + input];
    let mut inputs = regions.iter().map(|region| handed_through(region, result));
    let input = inputs.next()??;
    if !ports.is_loop() {
        let same = inputs.all(|other| other.is_some_and(|other| operand(other) == operand(input)));
        return same.then(|| Around::Operand(operand(input)));
    }
    if result < ports.carried {
        let invariant = input >= ports.first_invariant() && operand(input) == operand(result);
        return (input == result || invariant).then(|| Around::Operand(operand(result)));
    }
    match ports.feed(input) {
        Feed::Carried => None,
        Feed::Sliced => Some(Around::Operand(operand(input))),
        Feed::Invariant => Some(Around::StackOf(operand(input))),
    }
}
