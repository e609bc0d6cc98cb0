//! `contract`: products of tensors (`dot_general`) in the form that the least work computes.
//!
//! - A transposed operand is read as it is: the product names its axes by other numbers.
//! - A repeated operand is not repeated. Along a free axis the result repeats itself, so it is computed once and broadcast; a batch
//!   axis along which one operand repeats itself is a free axis of the other, so that many small products become a large one.
//! - Integers that are made wider for a product are read as they are, if both operands have the same dtype: products of bytes are several times as fast.
//! - Axes that a reshape merges before a product and another splits again after it stay apart: a product takes any number.
//! - A product that sums over one element is an element-wise product (plus 0: a sum begins with +0, which -0 does not survive);
//!   one that sums over none is 0.
//! - A convolution of groups of one channel each (`conv`) has no axis for the channels of a group.
//!
//! It does not change the order in which a sum goes through its elements, nor the order of the result's axes: a transpose
//! that would have to be made good behind the product stays.
//!
//! ```text
//! graph @f(%x: f32[16,4,32], %w: f32[8,32]) {
//!   %a = transpose(%w) {permutation = [1,0]}
//!   %b = broadcast_in_dim(%a) {shape = [16,32,8], axes = [1,2]}
//!   %c = dot_general(%x, %b) {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1], dtype = f32}
//!   return %c
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[16,4,32], %w: f32[8,32]) {
//!   %c = dot_general(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [2], rhs_contract = [1], dtype = f32}
//!   return %c
//! }
//! ```

mod convolution;
mod merged;
mod operands;
mod product;

#[cfg(test)]
mod tests;

use tensorwright_ir::{Graph, Op};

use super::pattern::Rewritten;
use super::rewriter::{Rewrite, Rewriter, Site, rewrite, until_stable};
use super::{Context, Pass};

/// Each sweep takes one index map off an operand.
const SWEEPS: usize = 64;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Contract;

impl Pass for Contract {
    fn name(&self) -> &'static str {
        "contract"
    }

    fn description(&self) -> &'static str {
        "takes transposes, broadcasts and reshapes into products"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        until_stable(graph, cx, SWEEPS, |graph, cx| {
            if !graph.nodes().iter().any(|node| matches!(node.op, Op::DotGeneral(_) | Op::Conv(_))) {
                return None;
            }
            let uses = graph.use_counts();
            rewrite(graph, cx, |r, site| contracted(r, graph, &uses, site).map(Rewrite::from))
        })
    }
}

fn contracted<'g>(r: &mut Rewriter<'g>, graph: &'g Graph, uses: &[u32], site: &Site<'g>) -> Rewritten {
    match (&site.node.op, &site.operands[..]) {
        (Op::Reshape(op), _) => merged::kept_apart(r, graph, uses, site, &op.shape),
        (Op::Conv(conv), &[lhs, rhs]) => {
            let result = r.result_shape(site);
            convolution::without_units(r, conv, [lhs, rhs], &result)
        }
        (Op::DotGeneral(dot), &[lhs, rhs]) => {
            let result = r.result_shape(site);
            if let Some(value) = product::trivial(r, dot, [lhs, rhs], &result)? {
                return Ok(Some(value));
            }
            if let Some(value) = operands::without_casts(r, dot, [lhs, rhs])? {
                return Ok(Some(value));
            }
            for position in [0, 1] {
                if let Some(value) = operands::without_transpose(r, dot, [lhs, rhs], position)? {
                    return Ok(Some(value));
                }
                if let Some(value) = operands::without_broadcast(r, dot, [lhs, rhs], position, &result)? {
                    return Ok(Some(value));
                }
            }
            Ok(None)
        }
        _ => Ok(None),
    }
}
