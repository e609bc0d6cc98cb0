//! Axes of reductions.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{Reduce, ReduceKind};
use tensorwright_ir::{Op, Value};

use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::Rewriter;

pub(super) fn reduce(r: &mut Rewriter<'_>, op: &Reduce, x: Value) -> Rewritten {
    if let Some(merged) = merged(r, op, x) {
        let (inner, axes) = merged;
        return r.build().reduce(inner, op.kind, axes).map(Some);
    }
    let shape = &r.graph().tensor(x).shape;
    let (units, mut others): (Axes, Axes) = op.axes.iter().copied().partition(|&axis| shape.size(axis) == 1);
    others.sort_unstable();
    if units.is_empty() {
        let sorted = others == op.axes;
        return match (sorted, op.axes.is_empty()) {
            (_, true) => fold_of_one(r, op.kind, x).map(Some),
            (true, false) => Ok(None),
            (false, false) => r.build().reduce(x, op.kind, others).map(Some),
        };
    }
    let squeezed = shape.without(&units);
    let axes: Axes =
        others.iter().map(|&axis| axis - units.iter().filter(|&&unit| unit < axis).count()).collect();
    let x = r.build().reshape(x, squeezed)?;
    if axes.is_empty() {
        fold_of_one(r, op.kind, x).map(Some)
    } else {
        r.build().reduce(x, op.kind, axes).map(Some)
    }
}

/// The fold of the identity and one element: the element, except that the sum of `0` and `-0` is `0`.
fn fold_of_one(
    r: &mut Rewriter<'_>,
    kind: ReduceKind,
    x: Value,
) -> Result<Value, tensorwright_ir::BuildError> {
    if kind != ReduceKind::Sum || !r.graph().tensor(x).dtype.is_float() {
        return Ok(x);
    }
    let zero = r.build().full_like(0.0, x)?;
    r.build().add(x, zero)
}

/// Two reductions of the same kind in a row as one, where the order of elements does not matter.
fn merged(r: &Rewriter<'_>, op: &Reduce, x: Value) -> Option<(Value, Axes)> {
    let (_, node) = r.graph().producer(x)?;
    let Op::Reduce(inner) = &node.op else { return None };
    if inner.kind != op.kind || op.kind.depends_on_order(r.graph().tensor(x).dtype) {
        return None;
    }
    let source = node.operands[0];
    let kept: Axes = (0..r.graph().tensor(source).rank()).filter(|axis| !inner.axes.contains(axis)).collect();
    let mut axes = inner.axes.clone();
    axes.extend(op.axes.iter().map(|&axis| kept[axis]));
    axes.sort_unstable();
    Some((source, axes))
}
