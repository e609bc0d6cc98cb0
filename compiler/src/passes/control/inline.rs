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

use tensorwright_ir::op::Results;
use tensorwright_ir::op::control::Case;
use tensorwright_ir::{BuildError, Graph, Op, Scalar, Type, Value};

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
    let (operands, regions) = (&site.operands[..], &site.node.regions);
    let chosen = match &site.node.op {
        Op::If(_) | Op::Case(_) => match chosen(r.graph(), site) {
            Some(chosen) => (&regions[chosen], operands[1..].to_vec()),
            None => return Ok(None),
        },
        Op::Call(_) => (&regions[0], operands.to_vec()),
        Op::While(op) => return Ok(never_runs(&regions[0]).then(|| operands[..op.carried].into())),
        Op::Scan(op) => return few_slices(r, old, site, op.length, op.carried, op.scanned),
        Op::Map(op) => return few_slices(r, old, site, op.length, 0, op.mapped),
        _ => return Ok(None),
    };
    let (region, inputs) = chosen;
    Ok(Some(r.build().inline(region, &inputs)?.into()))
}

/// The region that an `if` or `case` runs, if that is known.
fn chosen(graph: &Graph, site: &Site<'_>) -> Option<usize> {
    let regions = &site.node.regions;
    if regions.iter().all(|region| same(region, &regions[0])) {
        return Some(0);
    }
    let choice = splat(graph, site.operands[0])?;
    match &site.node.op {
        Op::If(_) => Some(usize::from(!choice.to_bool())),
        _ => Some(Case::chosen(choice.to_i128(), regions.len())),
    }
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

fn few_slices(
    r: &mut Rewriter<'_>,
    old: &Graph,
    site: &Site<'_>,
    length: usize,
    carried: usize,
    sliced: usize,
) -> Result<Option<Results>, BuildError> {
    let stacks: Vec<&Type> = site.node.results[carried..].iter().map(|&v| old.ty(v)).collect();
    match length {
        0 => {
            let empty = stacks.iter().map(|ty| r.build().full(Scalar::zero(ty.dtype), &ty.shape));
            let empty = empty.collect::<Result<Vec<Value>, _>>()?;
            Ok(Some(site.operands[..carried].iter().copied().chain(empty).collect()))
        }
        1 => once(r, site, carried, sliced, &stacks).map(Some),
        _ => Ok(None),
    }
}

/// The body, on the only slice.
fn once(
    r: &mut Rewriter<'_>,
    site: &Site<'_>,
    carried: usize,
    sliced: usize,
    stacks: &[&Type],
) -> Result<Results, BuildError> {
    let body = &site.node.regions[0];
    let mut inputs = site.operands.to_vec();
    for (input, inner) in inputs.iter_mut().zip(body.inputs()).skip(carried).take(sliced) {
        *input = r.build().reshape(*input, body.ty(*inner).shape.clone())?;
    }
    let mut results: Results = r.build().inline(body, &inputs)?.into();
    for (result, ty) in results[carried..].iter_mut().zip(stacks) {
        *result = r.build().reshape(*result, ty.shape.clone())?;
    }
    Ok(results)
}
