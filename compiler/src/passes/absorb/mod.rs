//! `absorb`: weights take in the scale of their channels, as of a batch norm behind a convolution.
//!
//! `(conv(x, w) - mean) * scale + offset` is `conv(x, w * scale) + (offset - mean * scale)`, of real numbers. With weights, means and scales that last (constants, and inputs of which the caller promises
//! it, [`PassOptions::lasting`](super::PassOptions::lasting)) what is multiplied is computed once, and a shift is left. Products (`dot_general`) are treated alike.
//!
//! Results change in their last bits, so it does nothing unless [`PassOptions::value_changing`](super::PassOptions::value_changing) is set: without, scale and shift are
//! done to each tile of the result, while it is in the caches. It leaves alone what others read before it is scaled, weights that do not last, and f16 and bf16, whose weights
//! would lose digits.
//!
//! ```text
//! graph @f(%x: f32[1,8,8,4]) {
//!   %w = constant() {value = f32[1,1,4,2] [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}
//!   %m = constant() {value = f32[2] [1.0, 2.0]}
//!   %s = constant() {value = f32[2] [3.0, 4.0]}
//!   %y = conv(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [3], rhs_contract = [2], lhs_spatial = [1, 2], rhs_spatial = [0, 1], strides = [1, 1], low = [0, 0], high = [0, 0], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 2, 3, 1], sum_order = [1, 2, 0], dtype = f32}
//!   %b = broadcast_in_dim(%m) {shape = [1,8,8,2], axes = [3]}
//!   %c = broadcast_in_dim(%s) {shape = [1,8,8,2], axes = [3]}
//!   %d = sub(%y, %b)
//!   %z = mul(%d, %c)
//!   return %z
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[1,8,8,4]) {
//!   %w = constant() {value = f32[1,1,4,2] [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}
//!   %s = constant() {value = f32[2] [3.0, 4.0]}
//!   %c = broadcast_in_dim(%s) {shape = [1,1,4,2], axes = [3]}
//!   %v = mul(%w, %c)
//!   %y = conv(%x, %v) {lhs_batch = [], rhs_batch = [], lhs_contract = [3], rhs_contract = [2], lhs_spatial = [1, 2], rhs_spatial = [0, 1], strides = [1, 1], low = [0, 0], high = [0, 0], lhs_dilation = [1, 1], rhs_dilation = [1, 1], order = [0, 2, 3, 1], sum_order = [1, 2, 0], dtype = f32}
//!   %m = constant() {value = f32[2] [1.0, 2.0]}
//!   %a = mul(%m, %s)
//!   %e = neg(%a)
//!   %b = broadcast_in_dim(%e) {shape = [1,8,8,2], axes = [3]}
//!   %z = add(%y, %b)
//!   return %z
//! }
//! ```

mod scale;

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BinaryFn, Conv, DotGeneral};
use tensorwright_ir::{DType, Graph, Node, Op, Source, Value};

use super::pattern::Rewritten;
use super::rewriter::{Rewrite, Rewriter, Site, rewrite};
use super::{Context, Pass};
use scale::{ByChannel, by_channel};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Absorb;

/// Nodes that are looked at for whether a value lasts.
const MAX_VISITS: usize = 64;

impl Pass for Absorb {
    fn name(&self) -> &'static str {
        "absorb"
    }

    fn description(&self) -> &'static str {
        "multiplies weights by the scale of their channels, if results may change"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        if !cx.options.value_changing {
            return None;
        }
        let before = Before { graph, uses: graph.use_counts(), lasting: &cx.options.lasting.clone() };
        rewrite(graph, cx, |r, site| absorbed(r, &before, site).map(Rewrite::from))
    }
}

/// The graph before the sweep.
struct Before<'g> {
    graph: &'g Graph,
    uses: Vec<u32>,
    lasting: &'g [usize],
}

impl<'g> Before<'g> {
    /// The node that made the value, if nothing but one operand needs it.
    fn only_for_one(&self, value: Value) -> Option<&'g Node> {
        let (_, node) = self.graph.producer(value)?;
        (self.uses[value.index()] == 1 && node.results.len() == 1).then_some(node)
    }

    /// Whether the value is the same in every run, as far as few nodes tell.
    fn lasts(&self, value: Value) -> bool {
        let mut open = vec![value];
        for _ in 0..MAX_VISITS {
            let Some(value) = open.pop() else { return true };
            match self.graph.source(value) {
                Source::Input(position) if self.lasting.contains(&position) => {}
                Source::Input(_) => return false,
                Source::Result { .. } => match self.graph.producer(value) {
                    Some((_, node)) if node.regions.is_empty() && !super::has_effect(node) => {
                        open.extend(&node.operands);
                    }
                    _ => return false,
                },
            }
        }
        false
    }
}

/// `(contraction + shift) * scale + offset`, as nodes of the old graph.
struct Scaled<'g> {
    contraction: &'g Node,
    /// What is added to the contraction, or taken away.
    shift: Option<(BinaryFn, ByChannel)>,
    scale: ByChannel,
    offset: Option<ByChannel>,
}

fn absorbed<'g>(r: &mut Rewriter<'g>, before: &Before<'g>, site: &Site<'g>) -> Rewritten {
    let Some(found) = scaled(before, site.node) else { return Ok(None) };
    let Scaled { contraction, shift, scale, offset } = found;
    let Some(axes) = weight_axes(before.graph, contraction) else { return Ok(None) };
    let operands = [contraction.operands[0], contraction.operands[1]].map(|v| r.current(v));
    let Some(weights) = scale.times(r, operands[1], &axes)? else { return Ok(None) };
    let result = r.build().push_one(contraction.op.clone(), &[operands[0], weights])?;
    let shift = match shift {
        Some((kind, shift)) => Some(shift.scaled_by(r, &scale, kind == BinaryFn::Sub)?),
        None => None,
    };
    let total = match (shift, offset) {
        (Some(shift), Some(offset)) => Some(shift.plus(r, &offset)?),
        (shift, offset) => shift.or(offset),
    };
    let Some(total) = total else { return Ok(Some(result)) };
    let total = total.broadcast(r, &before.graph.tensor(site.node.results[0]).shape)?;
    r.build().add(result, total).map(Some)
}

/// A node that scales a contraction whose weights last.
fn scaled<'g>(before: &Before<'g>, node: &'g Node) -> Option<Scaled<'g>> {
    let graph = before.graph;
    if !matches!(graph.tensor(*node.results.first()?).dtype, DType::F32 | DType::F64) {
        return None;
    }
    let channel = |value: Value| by_channel(graph, value).filter(|_| before.lasts(value));
    let (inner, scale, offset) = match (&node.op, &node.operands[..]) {
        (Op::Binary(BinaryFn::Mul), &[x, y]) => match channel(y) {
            Some(scale) => (x, scale, None),
            None => (y, channel(x)?, None),
        },
        (Op::Fma(_), &[x, y, z]) => (x, channel(y)?, Some(channel(z)?)),
        _ => return None,
    };
    let maker = before.only_for_one(inner)?;
    let (contraction, shift) = match (&maker.op, &maker.operands[..]) {
        (Op::Binary(kind @ (BinaryFn::Add | BinaryFn::Sub)), &[x, y]) => {
            (before.only_for_one(x)?, Some((*kind, channel(y)?)))
        }
        _ => (maker, None),
    };
    let fits = matches!(contraction.op, Op::Conv(_) | Op::DotGeneral(_))
        && before.lasts(contraction.operands[1])
        && graph.tensor(contraction.operands[1]).dtype == graph.tensor(contraction.results[0]).dtype;
    fits.then_some(Scaled { contraction, shift, scale, offset })
}

/// For each axis of a contraction's result the axis of its right operand that it is, if it is one.
fn weight_axes(graph: &Graph, node: &Node) -> Option<Vec<Option<usize>>> {
    let ranks = [0, 1].map(|at| graph.tensor(node.operands[at]).rank());
    let of = |batch: &[usize], left: usize, free: Axes, spatial: usize| -> Vec<Option<usize>> {
        let batch = batch.iter().copied().map(Some);
        let none = |count: usize| std::iter::repeat_n(None, count);
        batch.chain(none(left)).chain(free.into_iter().map(Some)).chain(none(spatial)).collect()
    };
    match &node.op {
        Op::Conv(conv) => {
            let Conv { rhs_batch, lhs_spatial, order, .. } = conv;
            let left = conv.lhs_free(ranks[0]).len();
            let axes = of(rhs_batch, left, conv.rhs_free(ranks[1]), lhs_spatial.len());
            Some(order.iter().map(|&axis| axes[axis]).collect())
        }
        Op::DotGeneral(dot) => {
            let DotGeneral { rhs_batch, .. } = dot;
            Some(of(rhs_batch, dot.lhs_free(ranks[0]).len(), dot.rhs_free(ranks[1]), 0))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
