//! `prune`: what nobody needs goes: unused results of control flow, what the regions compute for them, loop variables that only
//! they needed, and operands that no region reads. An operand that a region takes twice it takes once.
//!
//! It keeps what effects need. A node of which no result is used is for `dce`.
//!
//! ```text
//! graph @f(%n: i32[], %x: f32[4], %y: f32[4]) {
//!   %zero = constant() {value = 0:i32}
//!   %i, %sum, %unused = while(%zero, %x, %y, %n, %y) {carried = 3} (
//!     graph @condition(%i: i32[], %sum: f32[4], %u: f32[4], %n: i32[], %y: f32[4]) {
//!       %go = lt(%i, %n)
//!       return %go
//!     },
//!     graph @body(%i: i32[], %sum: f32[4], %u: f32[4], %n: i32[], %y: f32[4]) {
//!       %one = constant() {value = 1:i32}
//!       %next = add(%i, %one)
//!       %more = exp(%sum)
//!       %other = mul(%u, %y)
//!       return %next, %more, %other
//!     }
//!   )
//!   return %sum
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%n: i32[], %x: f32[4], %y: f32[4]) {
//!   %zero = constant() {value = 0:i32}
//!   %i, %sum = while(%zero, %x, %n) {carried = 2} (
//!     graph @condition(%i: i32[], %sum: f32[4], %n: i32[]) {
//!       %go = lt(%i, %n)
//!       return %go
//!     },
//!     graph @body(%i: i32[], %sum: f32[4], %n: i32[]) {
//!       %one = constant() {value = 1:i32}
//!       %next = add(%i, %one)
//!       %more = exp(%sum)
//!       return %next, %more
//!     }
//!   )
//!   return %sum
//! }
//! ```

use tensorwright_ir::op::{Ports, Role};
use tensorwright_ir::{BuildError, Graph, Node, Value};

use super::plan::{RegionPlan, ports};
use crate::passes::dce::Needed;
use crate::passes::effects::has_effect;
use crate::passes::everywhere::has_regions;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite_all};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Prune;

impl Pass for Prune {
    fn name(&self) -> &'static str {
        "prune"
    }

    fn description(&self) -> &'static str {
        "drops operands and results of control flow that nobody needs"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        let uses = graph.use_counts();
        rewrite_all(graph, cx, |r, site| {
            let used: Vec<bool> = site.node.results.iter().map(|v| uses[v.index()] > 0).collect();
            match ports(site.node) {
                Some(ports) if used.contains(&true) || has_effect(site.node) => pruned(r, site, ports, used),
                _ => Ok(Rewrite::Keep),
            }
        })
    }
}

fn pruned(
    r: &mut Rewriter<'_>,
    site: &Site<'_>,
    ports: Ports,
    used: Vec<bool>,
) -> Result<Rewrite, BuildError> {
    let (inputs, results) = needed(site.node, ports, used);
    let operands = &site.operands[ports.selectors()..];
    let aliases = twins(operands, ports, &inputs);
    if aliases.is_empty() && inputs.iter().chain(&results).all(|needed| *needed) {
        return Ok(Rewrite::Keep);
    }
    let mut plan = RegionPlan::new(site.node, ports);
    plan.retain_inputs(|input| inputs[input] && aliases.iter().all(|&(twin, _)| twin != input));
    plan.aliases = aliases;
    plan.results.retain(|&result| results[result]);
    let mut new = plan.build(r, site)?.into_iter();
    let mut next = |kept: bool| if kept { new.next() } else { None };
    Ok(Rewrite::ReplaceUsed(results.into_iter().map(&mut next).collect()))
}

/// For each input and each result of a node whether it is needed when these results are used.
fn needed(node: &Node, ports: Ports, mut results: Vec<bool>) -> (Vec<bool>, Vec<bool>) {
    loop {
        let mut inputs = vec![false; node.operands.len() - ports.selectors()];
        for (position, region) in node.regions.iter().enumerate() {
            let all = ports.role(position) == Role::Condition;
            let outputs = region.outputs().iter().enumerate().filter(|(i, _)| all || results[*i]);
            let needed = Needed::by(region, outputs.map(|(_, &output)| output));
            for (input, value) in inputs.iter_mut().zip(region.inputs()) {
                *input |= needed.values[value.index()];
            }
        }
        // State is needed by what comes next; initial state by the result.
        let grown: Vec<usize> = (0..ports.carried).filter(|&i| inputs[i] && !results[i]).collect();
        if grown.is_empty() {
            inputs[..ports.carried].copy_from_slice(&results[..ports.carried]);
            return (inputs, results);
        }
        grown.into_iter().for_each(|i| results[i] = true);
    }
}

/// Inputs that are the same as earlier ones: twin and first.
fn twins(operands: &[Value], ports: Ports, needed: &[bool]) -> Vec<(usize, usize)> {
    let like = |a: usize, b: usize| (a < ports.first_invariant()) == (b < ports.first_invariant());
    let first =
        |i: usize| (ports.carried..i).find(|&j| needed[j] && like(i, j) && operands[i] == operands[j]);
    let candidates = (ports.carried..operands.len()).filter(|&i| needed[i]);
    candidates.filter_map(|i| first(i).map(|j| (i, j))).collect()
}
