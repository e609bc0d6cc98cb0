//! Sections of reductions and products.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{DotGeneral, Reduce, Slice};
use tensorwright_ir::{BuildError, Op, Shape, Value};

use super::Before;
use super::reductions::same_order;
use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::{Rewriter, Site};

/// A section of sums that nothing else needs is the sums of a section.
pub(super) fn of_sum<'g>(
    r: &mut Rewriter<'g>,
    before: &Before<'g>,
    site: &Site<'g>,
    section: &Slice,
) -> Rewritten {
    let Some(node) = before.only_for_one(site.node.operands[0]) else { return Ok(None) };
    if r.result_shape(site).elements() >= before.shape(site.node.operands[0]).elements() {
        return Ok(None);
    }
    match (&node.op, &node.operands[..]) {
        (Op::Reduce(reduce), &[x]) => of_reduce(r, reduce, x, before.shape(x), section),
        (Op::DotGeneral(dot), &[lhs, rhs]) => {
            of_dot(r, dot, [(lhs, before.shape(lhs)), (rhs, before.shape(rhs))], section).map(Some)
        }
        _ => Ok(None),
    }
}

fn of_reduce(r: &mut Rewriter<'_>, op: &Reduce, x: Value, shape: &Shape, section: &Slice) -> Rewritten {
    let kept: Axes = (0..shape.rank()).filter(|axis| !op.axes.contains(axis)).collect();
    let part = taken(r, x, shape, section, &kept.iter().copied().enumerate().collect::<Vec<_>>())?;
    let part_type = r.graph().tensor(part).clone();
    // A sum of floats must add up in the same order.
    let ordered = op.kind.depends_on_order(part_type.dtype);
    if ordered && !same_order((shape, &op.axes), (&part_type.shape, &op.axes)) {
        return Ok(None);
    }
    r.build().push_one(op.clone(), &[part]).map(Some)
}

/// Axes of the result are batch axes, which both operands have, then free axes of `lhs`, then those of `rhs`.
fn of_dot(
    r: &mut Rewriter<'_>,
    op: &DotGeneral,
    [(lhs, lhs_shape), (rhs, rhs_shape)]: [(Value, &Shape); 2],
    section: &Slice,
) -> Result<Value, BuildError> {
    let lhs_free = op.lhs_free(lhs_shape.rank());
    let lhs_axes: Vec<(usize, usize)> = op.lhs_batch.iter().chain(&lhs_free).copied().enumerate().collect();
    let rhs_free = op.rhs_free(rhs_shape.rank());
    let rhs_axes: Vec<(usize, usize)> =
        op.rhs_batch.iter().copied().enumerate().chain((lhs_axes.len()..).zip(rhs_free)).collect();
    let lhs = taken(r, lhs, lhs_shape, section, &lhs_axes)?;
    let rhs = taken(r, rhs, rhs_shape, section, &rhs_axes)?;
    r.build().push_one(op.clone(), &[lhs, rhs])
}

/// The section of `x` that has along axis `to` what `section` takes along axis `from`, for each pair `(from, to)`, and all
/// along other axes.
fn taken(
    r: &mut Rewriter<'_>,
    x: Value,
    shape: &Shape,
    section: &Slice,
    pairs: &[(usize, usize)],
) -> Result<Value, BuildError> {
    let x = r.current(x);
    let mut op = Slice {
        starts: shape.iter().map(|_| 0).collect(),
        limits: shape.iter().map(|dim| dim.size() as i64).collect(),
        strides: shape.iter().map(|_| 1).collect(),
    };
    for &(from, to) in pairs {
        op.starts[to] = section.starts[from];
        op.limits[to] = section.limits[from];
        op.strides[to] = section.strides[from];
    }
    r.build().push_one(op, &[x])
}
