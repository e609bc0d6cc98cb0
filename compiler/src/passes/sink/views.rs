//! Index maps behind functions and in front of broadcasts.

use smallvec::SmallVec;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BroadcastInDim, Reverse};
use tensorwright_ir::op::rule::permuted;
use tensorwright_ir::{Op, Shape, Value};

use super::Before;
use crate::passes::chunks::common_chunks;
use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::{Rewriter, Site};

/// A function of operands that are all transposed, reshaped or reversed the same way, as one index map of the function.
pub(super) fn common<'g>(r: &mut Rewriter<'g>, before: &Before<'g>, site: &Site<'g>) -> Rewritten {
    let Some((view, from)) = common_view(before, site) else { return Ok(None) };
    let mut plain: SmallVec<[Value; 3]> = SmallVec::new();
    for &operand in &site.node.operands {
        plain.push(match before.broadcast_scalar(operand) {
            Some(scalar) => {
                let scalar = r.current(scalar);
                r.build().broadcast_in_dim(scalar, from.clone(), [])?
            }
            None => r.current(source(before, operand)),
        });
    }
    let result = r.build().push_one(site.node.op.clone(), &plain)?;
    r.build().push_one(view.clone(), &[result]).map(Some)
}

fn source(before: &Before<'_>, value: Value) -> Value {
    before.graph.producer(value).expect("made by an index map").1.operands[0]
}

/// The index map, and the shape of what it maps, if at least two operands go through it for this function alone and the
/// others are broadcast scalars.
fn common_view<'g>(before: &Before<'g>, site: &Site<'g>) -> Option<(&'g Op, &'g Shape)> {
    let mut found: Option<(&Op, &Shape)> = None;
    let mut seen: SmallVec<[Value; 3]> = SmallVec::new();
    for &operand in site.node.operands.iter().filter(|&&v| before.broadcast_scalar(v).is_none()) {
        let node = before.only_for_one(operand)?;
        if !matches!(node.op, Op::Transpose(_) | Op::Reshape(_) | Op::Reverse(_)) {
            return None;
        }
        let this = (&node.op, before.shape(node.operands[0]));
        if found.is_some_and(|first| first != this) {
            return None;
        }
        found = Some(this);
        seen.push(operand);
    }
    found.filter(|_| seen.len() >= 2)
}

/// An index map of a broadcast of something smaller is a broadcast of an index map of it.
pub(super) fn of_broadcast(r: &mut Rewriter<'_>, site: &Site<'_>) -> Rewritten {
    let Some((Op::BroadcastInDim(inner), operands)) = made_by(r.graph(), site.operands[0]) else {
        return Ok(None);
    };
    let (inner, source) = (inner.clone(), operands[0]);
    let from = r.graph().tensor(source).shape.clone();
    if from.elements() >= inner.shape.elements() {
        return Ok(None);
    }
    match &site.node.op {
        Op::Transpose(op) => transposed(r, &inner, source, &op.permutation),
        Op::Reshape(op) => reshaped(r, &inner, source, &op.shape),
        Op::Reverse(op) => reversed(r, &inner, source, op),
        _ => Ok(None),
    }
}

fn transposed(
    r: &mut Rewriter<'_>,
    inner: &BroadcastInDim,
    source: Value,
    permutation: &[usize],
) -> Rewritten {
    let place = |axis: usize| permutation.iter().position(|&from| from == axis).expect("a permutation");
    let mut order: Axes = (0..inner.axes.len()).collect();
    order.sort_unstable_by_key(|&i| place(inner.axes[i]));
    let axes: Axes = order.iter().map(|&i| place(inner.axes[i])).collect();
    let shape = permuted(&inner.shape, permutation);
    let source = if order.is_sorted() { source } else { r.build().transpose(source, order)? };
    r.build().broadcast_in_dim(source, shape, axes).map(Some)
}

/// Where each group of axes that is split or merged is either all of the operand's or all repeated.
fn reshaped(r: &mut Rewriter<'_>, inner: &BroadcastInDim, source: Value, to: &Shape) -> Rewritten {
    let from = r.graph().tensor(source).shape.clone();
    let Some(chunks) = common_chunks(&inner.shape, to) else { return Ok(None) };
    let varied = |axis: usize| {
        let place = inner.axes.iter().position(|&a| a == axis);
        place.is_some_and(|i| from.size(i) != 1)
    };
    let mut axes = Axes::new();
    for (old, new) in chunks {
        let large = |axis: &usize| inner.shape.size(*axis) != 1;
        if old.clone().filter(large).all(varied) && old.clone().any(varied) {
            axes.extend(new);
        } else if old.clone().any(varied) {
            return Ok(None);
        }
    }
    let plain: Shape = axes.iter().map(|&axis| to[axis]).collect();
    let source = if plain == from { source } else { r.build().reshape(source, plain)? };
    r.build().broadcast_in_dim(source, to.clone(), axes).map(Some)
}

fn reversed(r: &mut Rewriter<'_>, inner: &BroadcastInDim, source: Value, op: &Reverse) -> Rewritten {
    let axes: Axes = (0..inner.axes.len()).filter(|&i| op.axes.contains(&inner.axes[i])).collect();
    let source = if axes.is_empty() { source } else { r.build().reverse(source, axes)? };
    r.build().push_one(inner.clone(), &[source]).map(Some)
}
