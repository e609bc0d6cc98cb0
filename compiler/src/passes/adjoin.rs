//! `adjoin`: the axes along which a product sums come together, so that it sums along one stride.
//!
//! A product whose operand has contracted axes that lie apart gets a transpose of it, which will be stored. Everything else about
//! operands is strides.
//!
//! ```text
//! graph @f(%x: f32[4,2,8], %y: f32[4,8,3]) {
//!   %z = dot_general(%x, %y) {lhs_batch = [], rhs_batch = [], lhs_contract = [0, 2], rhs_contract = [0, 1], dtype = f32}
//!   return %z
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4,2,8], %y: f32[4,8,3]) {
//!   %t = transpose(%x) {permutation = [1, 0, 2]}
//!   %z = dot_general(%t, %y) {lhs_batch = [], rhs_batch = [], lhs_contract = [1, 2], rhs_contract = [0, 1], dtype = f32}
//!   return %z
//! }
//! ```

use tensorwright_ir::op::primitive::{DotGeneral, Transpose};
use tensorwright_ir::{BuildError, Builder, Graph, Op, Value};

use super::rewriter::{Rewrite, rewrite};
use super::{Context, Pass};
use crate::fusion::contraction::is_scattered;

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Adjoin;

impl Pass for Adjoin {
    fn name(&self) -> &'static str {
        "adjoin"
    }

    fn description(&self) -> &'static str {
        "brings the axes together along which a product sums"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        rewrite(graph, cx, |r, site| {
            let Op::DotGeneral(dot) = &site.node.op else { return Ok(Rewrite::Keep) };
            let apart = [0, 1].map(|position| is_scattered(graph, dot, site.node, position));
            if apart == [false, false] {
                return Ok(Rewrite::Keep);
            }
            let (mut dot, mut operands) = (dot.clone(), site.operands.clone());
            for position in (0..2).filter(|&position| apart[position]) {
                operands[position] = gather_axes(r.build(), &mut dot, position, operands[position])?;
            }
            Ok(Rewrite::Replace(r.build().push(dot, &operands)?))
        })
    }
}

/// Transposes an operand to batch axes, free axes, contracted axes, and renumbers the axes of `dot`.
fn gather_axes(
    b: &mut Builder,
    dot: &mut DotGeneral,
    position: usize,
    value: Value,
) -> Result<Value, BuildError> {
    let rank = b.tensor(value).rank();
    let (batch, free, contracted) = match position {
        0 => (&dot.lhs_batch, dot.lhs_free(rank), &dot.lhs_contract),
        _ => (&dot.rhs_batch, dot.rhs_free(rank), &dot.rhs_contract),
    };
    let permutation = batch.iter().chain(&free).chain(contracted).copied().collect();
    let (batches, contracts) = (batch.len(), contracted.len());
    let transposed = b.push_one(Transpose { permutation }, &[value])?;
    let (batch, contracted) = match position {
        0 => (&mut dot.lhs_batch, &mut dot.lhs_contract),
        _ => (&mut dot.rhs_batch, &mut dot.rhs_contract),
    };
    *batch = (0..batches).collect();
    *contracted = (rank - contracts..rank).collect();
    Ok(transposed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::testing::check_unchanged;

    #[test]
    fn a_sum_of_nothing_has_no_strides() {
        check_unchanged(
            &Adjoin,
            "graph @f(%x: f32[3,0,4], %y: f32[3,0]) {
               %z = dot_general(%x, %y) {lhs_batch = [], rhs_batch = [], lhs_contract = [0, 1], rhs_contract = [0, 1], dtype = f32}
               return %z
             }",
        );
    }
}
