//! Reductions of index maps.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BroadcastInDim, Reduce, ReduceKind};
use tensorwright_ir::{Op, Scalar, Shape, Value};

use crate::fusion::SumOrder;
use crate::passes::chunks::common_chunks;
use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::Rewriter;

pub(super) fn reduce(r: &mut Rewriter<'_>, op: &Reduce, x: Value) -> Rewritten {
    let Some((maker, operands)) = made_by(r.graph(), x) else { return Ok(None) };
    let Some(&source) = operands.first() else { return Ok(None) };
    match maker {
        Op::Transpose(inner) => {
            let permutation = inner.permutation.clone();
            of_transpose(r, op, source, &permutation)
        }
        Op::Reshape(inner) => {
            let shape = inner.shape.clone();
            of_reshape(r, op, source, &shape)
        }
        Op::BroadcastInDim(inner) => {
            let inner = inner.clone();
            of_broadcast(r, op, source, &inner)
        }
        _ => Ok(None),
    }
}

/// The reduction is over the axes as they were; those that are left are transposed. A sum of floats must add up in the same order.
fn of_transpose(r: &mut Rewriter<'_>, op: &Reduce, source: Value, permutation: &[usize]) -> Rewritten {
    let mut axes: Axes = op.axes.iter().map(|&axis| permutation[axis]).collect();
    let from = r.graph().tensor(source).clone();
    if op.kind.depends_on_order(from.dtype) {
        let to: Shape = permutation.iter().map(|&axis| from.shape[axis]).collect();
        if !axes.is_sorted() || !same_order((&to, &op.axes), (&from.shape, &axes)) {
            return Ok(None);
        }
    }
    axes.sort_unstable();
    let kept: Axes = (0..permutation.len()).filter(|axis| !axes.contains(axis)).collect();
    let left: Axes = permutation
        .iter()
        .filter(|axis| !axes.contains(axis))
        .map(|axis| kept.iter().position(|k| k == axis).expect("kept"))
        .collect();
    let result = r.build().reduce(source, op.kind, axes)?;
    if left.is_sorted() { Ok(Some(result)) } else { r.build().transpose(result, left).map(Some) }
}

/// Whether both reductions, of tensors of these shapes along axes that are ascending, add up in the same order.
pub(super) fn same_order(one: (&Shape, &[usize]), other: (&Shape, &[usize])) -> bool {
    SumOrder::of(one.0, one.1) == SumOrder::of(other.0, other.1)
}

/// Axes that are split or merged are reduced together or stay together.
fn of_reshape(r: &mut Rewriter<'_>, op: &Reduce, source: Value, to: &Shape) -> Rewritten {
    let from = r.graph().tensor(source).shape.clone();
    let Some(chunks) = common_chunks(&from, to) else { return Ok(None) };
    let mut axes = Axes::new();
    for (old, new) in chunks {
        let reduced = new.clone().filter(|axis| op.axes.contains(axis)).count();
        if reduced == new.len() {
            axes.extend(old);
        } else if reduced > 0 {
            return Ok(None);
        }
    }
    let ordered = op.kind.depends_on_order(r.graph().tensor(source).dtype);
    if ordered && !same_order((to, &op.axes), (&from, &axes)) {
        return Ok(None);
    }
    let left = from.without(&axes);
    let wanted = to.without(&op.axes);
    let result = r.build().reduce(source, op.kind, axes)?;
    if left == wanted { Ok(Some(result)) } else { r.build().reshape(result, wanted).map(Some) }
}

/// Along axes that repeat the operand, its greatest element is the operand itself, and the sum of integers a multiple.
fn of_broadcast(r: &mut Rewriter<'_>, op: &Reduce, source: Value, inner: &BroadcastInDim) -> Rewritten {
    let dtype = r.graph().tensor(source).dtype;
    let idempotent = !matches!(op.kind, ReduceKind::Sum | ReduceKind::Prod);
    let multiplies = op.kind == ReduceKind::Sum && dtype.is_int();
    let repeats = |axis: &usize| !inner.axes.contains(axis) && inner.shape.size(*axis) > 0;
    let (gone, axes): (Axes, Axes) = op.axes.iter().copied().partition(repeats);
    if gone.is_empty() || !(idempotent || multiplies) {
        return Ok(None);
    }
    let place = |axis: usize| axis - gone.iter().filter(|&&g| g < axis).count();
    let shape = inner.shape.without(&gone);
    let broadcast_axes: Axes = inner.axes.iter().map(|&axis| place(axis)).collect();
    let x = if shape == r.graph().tensor(source).shape {
        source
    } else {
        r.build().broadcast_in_dim(source, shape, broadcast_axes)?
    };
    let axes: Axes = axes.into_iter().map(place).collect();
    let result = if axes.is_empty() { x } else { r.build().reduce(x, op.kind, axes)? };
    if idempotent {
        return Ok(Some(result));
    }
    let times: i128 = gone.iter().map(|&axis| inner.shape.size(axis) as i128).product();
    let result_shape = r.graph().tensor(result).shape.clone();
    let times = r.build().full(Scalar::from_i128(dtype, times), &result_shape)?;
    r.build().mul(result, times).map(Some)
}
