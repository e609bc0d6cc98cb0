//! `canonicalise`: one spelling for each thing, so that other rules and value numbering see through differences of writing.
//!
//! - Index maps that move nothing go: a reshape, transpose, broadcast, slice, pad, reverse or concat of one that gives what it
//!   takes. Chains of the same kind become one. A transpose that moves only axes of extent 1 is a reshape; a pad by negative
//!   amounts is a slice; a dynamic slice at a constant place is a slice.
//! - A constant whose elements are all the same is a broadcast scalar.
//! - Constants are on the right of functions that commute, and of comparisons. `x > y` is `y < x` otherwise.
//! - Reductions name their axes in ascending order, and none of extent 1.
//!
//! It does no arithmetic: that is for `fold` and `algebra`.
//!
//! ```text
//! graph @f(%x: f32[4,8]) {
//!   %a = transpose(%x) {permutation = [1,0]}
//!   %b = transpose(%a) {permutation = [1,0]}
//!   %c = constant() {value = f32[4,8] 2.0}
//!   %d = mul(%c, %b)
//!   return %d
//! }
//! ```
//!
//! becomes, apart from dead code,
//!
//! ```text
//! graph @f(%x: f32[4,8]) {
//!   %two = constant() {value = f32[] 2.0}
//!   %c = broadcast_in_dim(%two) {shape = [4,8], axes = []}
//!   %d = mul(%x, %c)
//!   return %d
//! }
//! ```

mod elementwise;
mod movement;
mod reduce;
mod sections;

#[cfg(test)]
mod tests;

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{Graph, Op, Shape, Value};

use super::pattern::{Rewritten, made_by};
use super::rewriter::{Rewrite, Rewriter, Site, rewrite, until_stable};
use super::{Context, Pass};

/// Chains shrink by one link per sweep at worst.
const SWEEPS: usize = 64;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Canonicalise;

impl Pass for Canonicalise {
    fn name(&self) -> &'static str {
        "canonicalise"
    }

    fn description(&self) -> &'static str {
        "gives each thing one spelling; removes index maps that move nothing"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        until_stable(graph, cx, SWEEPS, |graph, cx| {
            rewrite(graph, cx, |rewriter, site| canonical(rewriter, site).map(Rewrite::from))
        })
    }
}

/// Appends an index map of `x` in its canonical spelling. `to` is the shape of the result.
pub(super) fn append(
    r: &mut Rewriter<'_>,
    op: &Op,
    x: Value,
    to: &Shape,
) -> Result<Value, tensorwright_ir::BuildError> {
    let Some(mut value) = index_map(r, op, x, to)? else { return r.build().push_one(op.clone(), &[x]) };
    for _ in 0..SWEEPS {
        let Some((op, operands)) = made_by(r.graph(), value) else { break };
        let (op, Some(&x)) = (op.clone(), operands.first()) else { break };
        match index_map(r, &op, x, to)? {
            Some(simpler) => value = simpler,
            None => break,
        }
    }
    Ok(value)
}

/// The canonical spelling of an index map of `x` whose result has the shape `to`; `None` if it is spelt so already.
fn index_map(r: &mut Rewriter<'_>, op: &Op, x: Value, to: &Shape) -> Rewritten {
    match op {
        Op::BroadcastInDim(op) => movement::broadcast(r, op, x),
        Op::Reshape(op) => movement::reshape(r, op, x),
        Op::Transpose(op) => movement::transpose(r, op, x),
        Op::Slice(op) => sections::slice(r, op, x, to),
        Op::Reverse(op) => sections::reverse(r, op, x),
        _ => Ok(None),
    }
}

fn canonical<'g>(r: &mut Rewriter<'g>, site: &Site<'g>) -> Rewritten {
    let operands = &site.operands[..];
    match (&site.node.op, operands) {
        (Op::Constant(op), _) => movement::constant(r, op),
        (Op::Cast(op), &[x]) => Ok((r.graph().tensor(x).dtype == op.dtype).then_some(x)),
        (Op::Pad(op), &[x, value]) => sections::pad(r, op, x, value, &r.result_type(site).shape),
        (Op::Concat(op), xs) => sections::concat(r, op, xs),
        (Op::DynamicSlice(op), &[x, starts]) => sections::dynamic_slice(r, op, x, starts),
        (Op::DynamicUpdateSlice(_), &[x, update, _]) => Ok(sections::dynamic_update_slice(r, x, update)),
        (Op::Binary(f), &[x, y]) => elementwise::binary(r, *f, x, y),
        (Op::Compare(f), &[x, y]) => elementwise::compare(r, *f, x, y),
        (Op::Reduce(op), &[x]) => reduce::reduce(r, op, x),
        (op, &[x]) if op.lowering() == Lowering::View => index_map(r, op, x, &r.result_type(site).shape),
        _ => Ok(None),
    }
}
