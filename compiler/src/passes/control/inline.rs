//! `inline`: control flow that is decided goes.
//!
//! - An `if` or `case` whose choice is known, or whose regions are all the same, becomes the region; a `call` its body.
//! - A `while` whose condition is constantly false is its initial state.
//! - A `scan` or `map` over no slices is the initial state and empty stacks; over one slice it is its body.
//!
//! It does not unroll longer loops.
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %yes = constant() {value = true:bool}
//!   %y = if(%yes, %x) (
//!     graph @then(%x: f32[4]) { %y = exp(%x) return %y },
//!     graph @else(%x: f32[4]) { return %x }
//!   )
//!   %z = call(%y) {name = "g"} (graph @g(%x: f32[4]) { %y = neg(%x) return %y })
//!   return %z
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %y = exp(%x)
//!   %z = neg(%y)
//!   return %z
//! }
//! ```

use tensorwright_ir::op::{Ports, Results, Runs, Selector};
use tensorwright_ir::{BuildError, Graph, Scalar};

use super::plan;
use crate::passes::effects::has_effect;
use crate::passes::everywhere::has_regions;
use crate::passes::pattern::splat;
use crate::passes::rewriter::{Rewrite, Rewriter, Site, rewrite_all};
use crate::passes::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Inline;

impl Pass for Inline {
    fn name(&self) -> &'static str {
        "inline"
    }

    fn description(&self) -> &'static str {
        "replaces control flow that is decided by what it does"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !has_regions(graph) {
            return None;
        }
        rewrite_all(graph, cx, |r, site| Ok(decided(r, graph, site)?.map_or(Rewrite::Keep, Rewrite::Replace)))
    }
}

fn decided(r: &mut Rewriter<'_>, old: &Graph, site: &Site<'_>) -> Result<Option<Results>, BuildError> {
    let Some(ports) = plan::ports(site.node) else { return Ok(None) };
    let (operands, regions) = (&site.operands[..], &site.node.regions);
    let region = match ports.runs {
        Runs::Once => &regions[0],
        Runs::Again => return Ok(None),
        Runs::Selected(selector) => match selected(r.graph(), site, selector) {
            Some(selected) => &regions[selected],
            None => return Ok(None),
        },
        Runs::While => return Ok(never_runs(&regions[0]).then(|| operands[..ports.carried].into())),
        Runs::ForEach { length: 0, .. } => return no_slices(r, old, site, &ports).map(Some),
        Runs::ForEach { length: 1, .. } => return one_slice(r, old, site, &ports).map(Some),
        Runs::ForEach { .. } => return Ok(None),
    };
    Ok(Some(r.build().inline(region, &operands[ports.selectors()..])?.into()))
}

/// The region that is selected, if that is known.
fn selected(graph: &Graph, site: &Site<'_>, selector: Selector) -> Option<usize> {
    let regions = &site.node.regions;
    if regions.iter().all(|region| same(region, &regions[0])) {
        return Some(0);
    }
    let value = splat(graph, site.operands[0])?;
    Some(selector.region(value.to_i128(), regions.len()))
}

/// Whether two regions do the same, whatever they are called.
fn same(left: &Graph, right: &Graph) -> bool {
    left.input_types() == right.input_types()
        && left.nodes() == right.nodes()
        && left.outputs() == right.outputs()
}

fn never_runs(condition: &Graph) -> bool {
    let go = condition.outputs()[0];
    splat(condition, go) == Some(Scalar::Bool(false)) && !condition.nodes().iter().any(has_effect)
}

/// The first state, and empty stacks.
fn no_slices(
    r: &mut Rewriter<'_>,
    old: &Graph,
    site: &Site<'_>,
    ports: &Ports,
) -> Result<Results, BuildError> {
    let mut results: Results = site.operands[..ports.carried].into();
    for &stack in &site.node.results[ports.carried..] {
        let ty = old.tensor(stack);
        results.push(r.build().full(Scalar::zero(ty.dtype), &ty.shape)?);
    }
    Ok(results)
}

/// The body, on the only slice.
fn one_slice(
    r: &mut Rewriter<'_>,
    old: &Graph,
    site: &Site<'_>,
    ports: &Ports,
) -> Result<Results, BuildError> {
    let body = &site.node.regions[0];
    let mut inputs = site.operands.to_vec();
    for (input, inner) in inputs.iter_mut().zip(body.inputs()).skip(ports.carried).take(ports.sliced) {
        *input = r.build().reshape(*input, body.tensor(*inner).shape.clone())?;
    }
    let mut results: Results = r.build().inline(body, &inputs)?.into();
    for (result, &stack) in results.iter_mut().zip(&site.node.results).skip(ports.carried) {
        *result = r.build().reshape(*result, old.tensor(stack).shape.clone())?;
    }
    Ok(results)
}
