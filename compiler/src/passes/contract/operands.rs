//! Casts, transposes and broadcasts of operands.

use smallvec::SmallVec;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{DotGeneral, widens};
use tensorwright_ir::{Op, Shape, Value};

use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::Rewriter;

/// Batch and contracted axes of the operand at `position`.
fn lists(dot: &DotGeneral, position: usize) -> [&Axes; 2] {
    if position == 0 { [&dot.lhs_batch, &dot.lhs_contract] } else { [&dot.rhs_batch, &dot.rhs_contract] }
}

fn lists_mut(dot: &mut DotGeneral, position: usize) -> [&mut Axes; 2] {
    if position == 0 {
        [&mut dot.lhs_batch, &mut dot.lhs_contract]
    } else {
        [&mut dot.rhs_batch, &mut dot.rhs_contract]
    }
}

fn free(dot: &DotGeneral, position: usize, rank: usize) -> Axes {
    if position == 0 { dot.lhs_free(rank) } else { dot.rhs_free(rank) }
}

/// Reads the operand as it was before a transpose, if its free axes keep their order.
pub(super) fn without_transpose(
    r: &mut Rewriter<'_>,
    dot: &DotGeneral,
    mut operands: [Value; 2],
    position: usize,
) -> Rewritten {
    let Some((Op::Transpose(op), sources)) = made_by(r.graph(), operands[position]) else { return Ok(None) };
    let before = |axis: &usize| op.permutation[*axis];
    if !free(dot, position, op.permutation.len()).iter().map(before).is_sorted() {
        return Ok(None);
    }
    let mut new = dot.clone();
    for list in lists_mut(&mut new, position) {
        *list = list.iter().map(before).collect();
    }
    operands[position] = sources[0];
    r.build().push_one(new, &operands).map(Some)
}

/// Reads integers as they were before they were made wider.
pub(super) fn without_casts(r: &mut Rewriter<'_>, dot: &DotGeneral, operands: [Value; 2]) -> Rewritten {
    let narrow = |value: Value| match made_by(r.graph(), value) {
        Some((Op::Cast(cast), sources)) => {
            let from = r.graph().tensor(sources[0]).dtype;
            let is_wider = from.is_int() && widens(from, cast.dtype) && widens(from, dot.dtype);
            (is_wider && from != cast.dtype).then_some((sources[0], from))
        }
        _ => None,
    };
    let [Some((lhs, left)), Some((rhs, right))] = operands.map(narrow) else { return Ok(None) };
    if left != right {
        return Ok(None);
    }
    r.build().push_one(dot.clone(), &[lhs, rhs]).map(Some)
}

/// An axis of the result, named by where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Label {
    Batch(usize),
    Free { position: usize, axis: usize },
}

/// Does not repeat the operand along free and batch axes.
pub(super) fn without_broadcast(
    r: &mut Rewriter<'_>,
    dot: &DotGeneral,
    mut operands: [Value; 2],
    position: usize,
    result: &Shape,
) -> Rewritten {
    let Some((Op::BroadcastInDim(op), sources)) = made_by(r.graph(), operands[position]) else {
        return Ok(None);
    };
    let [_, contract] = lists(dot, position);
    let gone: Axes = (0..op.shape.rank()).filter(|a| !op.axes.contains(a) && !contract.contains(a)).collect();
    let (axes, shape, source) = (op.axes.clone(), op.shape.clone(), sources[0]);
    let ranks = operands.map(|v| r.graph().tensor(v).rank());
    let labels = new_labels(dot, position, &gone, ranks);
    let Some(places) = places(&labels, &old_labels(dot, ranks)) else { return Ok(None) };
    if gone.is_empty() {
        return Ok(None);
    }
    let new = without_axes(dot, position, &gone);
    let left = |axis: usize| axis - gone.iter().filter(|&&g| g < axis).count();
    let smaller = shape.without(&gone);
    operands[position] = if smaller == r.graph().tensor(source).shape {
        source
    } else {
        let axes: Axes = axes.into_iter().map(left).collect();
        r.build().broadcast_in_dim(source, smaller, axes)?
    };
    let product = r.build().push_one(new, &operands)?;
    if r.graph().tensor(product).shape == *result {
        return Ok(Some(product));
    }
    r.build().broadcast_in_dim(product, result.clone(), places).map(Some)
}

fn old_labels(dot: &DotGeneral, ranks: [usize; 2]) -> SmallVec<[Label; 6]> {
    let free = |position: usize| {
        free(dot, position, ranks[position]).into_iter().map(move |axis| Label::Free { position, axis })
    };
    (0..dot.lhs_batch.len()).map(Label::Batch).chain(free(0)).chain(free(1)).collect()
}

/// Labels of the product's axes when the axes `gone` of one operand are. A batch axis that is gone is a free axis of the
/// other operand.
fn new_labels(dot: &DotGeneral, position: usize, gone: &[usize], ranks: [usize; 2]) -> SmallVec<[Label; 6]> {
    let [batch, _] = lists(dot, position);
    let [other_batch, _] = lists(dot, 1 - position);
    let batch_gone = |i: usize| gone.contains(&batch[i]);
    let mut labels: SmallVec<[Label; 6]> =
        (0..batch.len()).filter(|&i| !batch_gone(i)).map(Label::Batch).collect();
    for side in [0, 1] {
        let contract = lists(dot, side)[1];
        for axis in (0..ranks[side]).filter(|axis| !contract.contains(axis)) {
            let pair = if side == position { batch } else { other_batch }.iter().position(|&b| b == axis);
            match pair {
                Some(i) if side != position && batch_gone(i) => labels.push(Label::Batch(i)),
                Some(_) => {}
                None if side == position && gone.contains(&axis) => {}
                None => labels.push(Label::Free { position: side, axis }),
            }
        }
    }
    labels
}

/// Where the new axes are among the old ones, if they are in the same order.
fn places(new: &[Label], old: &[Label]) -> Option<Axes> {
    let places: Option<Axes> = new.iter().map(|label| old.iter().position(|o| o == label)).collect();
    places.filter(|places| places.is_sorted())
}

fn without_axes(dot: &DotGeneral, position: usize, gone: &[usize]) -> DotGeneral {
    let mut new = dot.clone();
    let stays: SmallVec<[bool; 6]> =
        lists(dot, position)[0].iter().map(|axis| !gone.contains(axis)).collect();
    for side in [0, 1] {
        let [batch, _] = lists_mut(&mut new, side);
        *batch = batch.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(&axis, _)| axis).collect();
    }
    for list in lists_mut(&mut new, position) {
        list.iter_mut().for_each(|axis| *axis -= gone.iter().filter(|&g| g < axis).count());
    }
    new
}
