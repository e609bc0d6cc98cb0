//! Constants, broadcasts, reshapes, transposes.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BroadcastInDim, Constant, Iota, Reshape, Transpose};
use tensorwright_ir::op::rule::permuted;
use tensorwright_ir::{Op, Shape, Value};

use crate::passes::pattern::{Rewritten, made_by, with_units_put_in};
use crate::passes::rewriter::Rewriter;

/// A tensor of equal elements is a broadcast scalar.
pub(super) fn constant(r: &mut Rewriter<'_>, op: &Constant) -> Rewritten {
    let shape = &op.value.ty().shape;
    match op.value.splat() {
        Some(scalar) if shape.rank() > 0 => r.build().full(scalar, shape).map(Some),
        _ => Ok(None),
    }
}

pub(super) fn broadcast(r: &mut Rewriter<'_>, op: &BroadcastInDim, x: Value) -> Rewritten {
    let from = &r.graph().tensor(x).shape;
    if *from == op.shape {
        return Ok(Some(x));
    }
    if let Some((source, axes)) = broadcast_source(r, op, x) {
        return r.build().broadcast_in_dim(source, op.shape.clone(), axes).map(Some);
    }
    if let Some(iota) = broadcast_iota(r, op, x) {
        return r.build().push_one(iota, &[]).map(Some);
    }
    if from.rank() > 0 && from.elements() == op.shape.elements() {
        return r.build().reshape(x, op.shape.clone()).map(Some);
    }
    Ok(None)
}

/// What a broadcast of a broadcast, or of a reshape that puts in axes of extent 1, is a broadcast of.
fn broadcast_source(r: &Rewriter<'_>, op: &BroadcastInDim, x: Value) -> Option<(Value, Axes)> {
    let (inner, operands) = made_by(r.graph(), x)?;
    let source = *operands.first()?;
    let places = match inner {
        Op::BroadcastInDim(inner) => inner.axes.clone(),
        Op::Reshape(inner) => with_units_put_in(&r.graph().tensor(source).shape, &inner.shape)?,
        _ => return None,
    };
    Some((source, places.iter().map(|&place| op.axes[place]).collect()))
}

fn broadcast_iota(r: &Rewriter<'_>, op: &BroadcastInDim, x: Value) -> Option<Iota> {
    let (Op::Iota(iota), _) = made_by(r.graph(), x)? else { return None };
    let axis = op.axes[iota.axis];
    (iota.shape[iota.axis] == op.shape[axis]).then(|| Iota {
        dtype: iota.dtype,
        shape: op.shape.clone(),
        axis,
    })
}

pub(super) fn reshape(r: &mut Rewriter<'_>, op: &Reshape, x: Value) -> Rewritten {
    let from = &r.graph().tensor(x).shape;
    if *from == op.shape {
        return Ok(Some(x));
    }
    if from.rank() == 0 {
        return r.build().broadcast_in_dim(x, op.shape.clone(), []).map(Some);
    }
    match made_by(r.graph(), x) {
        Some((Op::Reshape(_), operands)) => {
            let source = operands[0];
            r.build().reshape(source, op.shape.clone()).map(Some)
        }
        Some((Op::BroadcastInDim(inner), operands)) if inner.axes.is_empty() => {
            let source = operands[0];
            r.build().broadcast_in_dim(source, op.shape.clone(), []).map(Some)
        }
        _ => Ok(None),
    }
}

pub(super) fn transpose(r: &mut Rewriter<'_>, op: &Transpose, x: Value) -> Rewritten {
    let from = &r.graph().tensor(x).shape;
    if op.permutation.is_sorted() {
        return Ok(Some(x));
    }
    if moves_only_units(from, &op.permutation) {
        let to = permuted(from, &op.permutation);
        return r.build().reshape(x, to).map(Some);
    }
    let Some((inner, operands)) = made_by(r.graph(), x) else { return Ok(None) };
    match inner {
        Op::Transpose(inner) => {
            let (source, permutation) = (operands[0], composed(&inner.permutation, &op.permutation));
            r.build().transpose(source, permutation).map(Some)
        }
        Op::BroadcastInDim(inner) => {
            let Some(outer) = transposed_broadcast(inner, &op.permutation) else { return Ok(None) };
            let source = operands[0];
            r.build().push_one(outer, &[source]).map(Some)
        }
        Op::Iota(iota) => {
            let iota = Iota {
                dtype: iota.dtype,
                shape: permuted(&iota.shape, &op.permutation),
                axis: place_in(&op.permutation, iota.axis),
            };
            r.build().push_one(iota, &[]).map(Some)
        }
        _ => Ok(None),
    }
}

fn moves_only_units(from: &Shape, permutation: &[usize]) -> bool {
    let others: Axes = permutation.iter().copied().filter(|&axis| from.size(axis) != 1).collect();
    others.is_sorted()
}

fn composed(inner: &[usize], outer: &[usize]) -> Axes {
    outer.iter().map(|&axis| inner[axis]).collect()
}

fn place_in(permutation: &[usize], axis: usize) -> usize {
    permutation.iter().position(|&from| from == axis).expect("a permutation names each axis")
}

/// The broadcast that the transposed broadcast is, if its operand's axes keep their order.
fn transposed_broadcast(inner: &BroadcastInDim, permutation: &[usize]) -> Option<BroadcastInDim> {
    let axes: Axes = inner.axes.iter().map(|&axis| place_in(permutation, axis)).collect();
    axes.is_sorted().then(|| BroadcastInDim { shape: permuted(&inner.shape, permutation), axes })
}
