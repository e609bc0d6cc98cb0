//! `recognise`: attention that is written out becomes the op, whose scores are never all in memory.
//!
//! What is looked for is a product of values with a softmax along the keys of scores, where scores are products of queries and keys that may be multiplied
//! and divided by numbers, get a bias added, and are replaced by a number where a mask says so; comparisons of places in the mask become a
//! window. Nothing else may read what is in between. The op computes the same bits (docs/decisions/032); a row of minus infinities is NaN, as it was.
//!
//! Attention of few queries or keys stays as it is, as `expand` would write it.
//!
//! ```text
//! graph @f(%q: f32[2,64,8], %k: f32[2,64,8], %v: f32[2,64,16]) {
//!   %p = dot_general(%q, %k) {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [2], dtype = f32}
//!   %c = constant() {value = f32[] 0.5}
//!   %scale = broadcast_in_dim(%c) {shape = [2,64,64], axes = []}
//!   %s = mul(%p, %scale)
//!   %max = reduce(%s) {kind = max, axes = [2]}
//!   %from = broadcast_in_dim(%max) {shape = [2,64,64], axes = [0,1]}
//!   %less = sub(%s, %from)
//!   %e = exp(%less)
//!   %sum = reduce(%e) {kind = sum, axes = [2]}
//!   %by = broadcast_in_dim(%sum) {shape = [2,64,64], axes = [0,1]}
//!   %w = div(%e, %by)
//!   %y = dot_general(%w, %v) {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1], dtype = f32}
//!   return %y
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%q: f32[2,64,8], %k: f32[2,64,8], %v: f32[2,64,16]) {
//!   %a = reshape(%q) {shape = [2,1,64,8]}
//!   %b = reshape(%k) {shape = [2,1,64,8]}
//!   %c = reshape(%v) {shape = [2,1,64,16]}
//!   %o, %l = attend(%a, %b, %c) {scale = 0.5:f32, divisor = 1.0:f64, soft_cap = 0.0:f64, fill = -inf:f64, left = -1, right = -1, offset = 0, rate = 0.0:f64, unseen = nan}
//!   %y = reshape(%o) {shape = [2,64,16]}
//!   return %y
//! }
//! ```

mod build;
mod mask;
mod scores;
#[cfg(test)]
mod tests;

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BinaryFn, DotGeneral, ReduceKind, UnaryFn};
use tensorwright_ir::{Graph, Node, Op, Value};

use self::scores::Scores;
use super::pattern::made_by;
use super::rewriter::{Rewrite, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Recognise;

impl Pass for Recognise {
    fn name(&self) -> &'static str {
        "recognise"
    }

    fn description(&self) -> &'static str {
        "makes the op of attention that is written out"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let is_product = |node: &Node| matches!(node.op, Op::DotGeneral(_));
        if graph.nodes().iter().filter(|node| is_product(node)).count() < 2 {
            return None;
        }
        let uses = Uses { graph, counts: graph.use_counts() };
        rewrite(graph, cx, |r, site| match uses.attention(site.node) {
            Some(found) => found.build(r, graph),
            None => Ok(Rewrite::Keep),
        })
    }
}

/// A graph, and how often its values are used.
struct Uses<'g> {
    graph: &'g Graph,
    counts: Vec<u32>,
}

/// Attention, as it is written out.
struct Attention<'g> {
    scores: Scores<'g>,
    /// The product with the values.
    mix: &'g DotGeneral,
    /// Which operand of it the weights are.
    weights: usize,
    values: Value,
    /// The axis of the scores along which keys are.
    keys: usize,
}

impl<'g> Uses<'g> {
    fn made_by(&self, value: Value) -> Option<(&'g Op, &'g [Value])> {
        made_by(self.graph, value).map(|(op, operands)| (op, &operands[..]))
    }

    /// The operands of the op that made the value, if it is this function, and the value has so many uses.
    fn binary(&self, value: Value, function: BinaryFn, uses: u32) -> Option<[Value; 2]> {
        match self.made_by(value)? {
            (Op::Binary(f), &[x, y]) if *f == function && self.counts[value.index()] == uses => Some([x, y]),
            _ => None,
        }
    }

    /// What is folded along one axis and repeated along it.
    fn folded(&self, value: Value, kind: ReduceKind) -> Option<(Value, usize)> {
        let (Op::BroadcastInDim(spread), &[fold]) = self.made_by(value)? else { return None };
        let (Op::Reduce(reduce), &[x]) = self.made_by(fold)? else { return None };
        let &[axis] = &reduce.axes[..] else { return None };
        let others = (0..self.graph.tensor(x).rank()).filter(|&other| other != axis);
        let fits = reduce.kind == kind
            && spread.axes.iter().copied().eq(others)
            && self.graph.tensor(x).shape == spread.shape
            && [value, fold].iter().all(|v| self.counts[v.index()] == 1);
        fits.then_some((x, axis))
    }

    /// The scores that these are the softmax of, and along which axis.
    fn softmax(&self, weights: Value) -> Option<(Value, usize)> {
        let [exp, sum] = self.binary(weights, BinaryFn::Div, 1)?;
        let (summed, axis) = self.folded(sum, ReduceKind::Sum)?;
        let (Op::Unary(UnaryFn::Exp), &[shifted]) = self.made_by(exp)? else { return None };
        let [scores, max] = self.binary(shifted, BinaryFn::Sub, 1)?;
        let greatest = self.folded(max, ReduceKind::Max)?;
        let uses = |value: Value| self.counts[value.index()];
        (summed == exp && uses(exp) == 2 && greatest == (scores, axis) && uses(scores) == 2)
            .then_some((scores, axis))
    }

    fn attention(&self, node: &'g Node) -> Option<Attention<'g>> {
        let Op::DotGeneral(mix) = &node.op else { return None };
        if self.graph.tensor(node.operands[0]).dtype != mix.dtype {
            return None;
        }
        let (weights, (scores, keys)) =
            [0, 1].into_iter().find_map(|side| Some((side, self.softmax(node.operands[side])?)))?;
        let scores = self.scores(scores)?;
        let found = Attention { scores, mix, weights, values: node.operands[1 - weights], keys };
        found.is_one(self.graph).then_some(found)
    }
}

impl Attention<'_> {
    /// Axes of the weights that the product with the values pairs, and sums over.
    fn weight_axes(&self) -> [&Axes; 2] {
        match self.weights {
            0 => [&self.mix.lhs_batch, &self.mix.lhs_contract],
            _ => [&self.mix.rhs_batch, &self.mix.rhs_contract],
        }
    }

    /// Axes of the values that the product with the weights pairs, and sums over.
    fn value_axes(&self) -> [&Axes; 2] {
        match self.weights {
            0 => [&self.mix.rhs_batch, &self.mix.rhs_contract],
            _ => [&self.mix.lhs_batch, &self.mix.lhs_contract],
        }
    }

    /// Whether both products agree about what batch axes are, and all else is heads, queries, keys and values.
    fn is_one(&self, graph: &Graph) -> bool {
        let [batch, summed] = self.weight_axes();
        let mut batch = batch.clone();
        batch.sort_unstable();
        let products = self.scores.products;
        let free = |values: usize| values - self.value_axes()[0].len() - 1;
        let by_key = self.scores.key_side(self.keys);
        summed[..] == [self.keys]
            && batch.iter().copied().eq(0..products.lhs_batch.len())
            && products.lhs_contract.len() == 1
            && free(graph.tensor(self.values).rank()) == 1
            && by_key.is_some()
            && self.scores.query_axes(self.keys).len() <= 2
            && !self.scores.query_axes(self.keys).is_empty()
    }
}
