//! Products that sum over one element or none, or that have no results.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::DotGeneral;
use tensorwright_ir::{BuildError, Scalar, Shape, Value};

use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::Rewriter;

pub(super) fn trivial(
    r: &mut Rewriter<'_>,
    dot: &DotGeneral,
    [lhs, rhs]: [Value; 2],
    result: &Shape,
) -> Rewritten {
    let lhs_shape = &r.graph().tensor(lhs).shape;
    let rhs_rank = r.graph().tensor(rhs).rank();
    match dot.lhs_contract.iter().map(|&axis| lhs_shape.size(axis)).product::<usize>() {
        terms if terms == 0 || result.elements() == 0 => {
            r.build().full(Scalar::zero(dot.dtype), result).map(Some)
        }
        1 => {
            let lhs_free = dot.lhs_free(lhs_shape.rank());
            let columns = dot.lhs_batch.len() + lhs_free.len();
            let rhs_free = dot.rhs_free(rhs_rank);
            let lhs = spread(r, dot, lhs, [&dot.lhs_batch, &lhs_free], dot.lhs_batch.len(), result)?;
            let rhs = spread(r, dot, rhs, [&dot.rhs_batch, &rhs_free], columns, result)?;
            let product = r.build().mul(lhs, rhs)?;
            if !dot.dtype.is_float() {
                return Ok(Some(product));
            }
            let zero = r.build().full(Scalar::zero(dot.dtype), result)?;
            r.build().add(product, zero).map(Some)
        }
        _ => Ok(None),
    }
}

/// The operand with its axes where they are in the result: batch axes first, free axes from `first_free` on.
fn spread(
    r: &mut Rewriter<'_>,
    dot: &DotGeneral,
    x: Value,
    [batch, free]: [&Axes; 2],
    first_free: usize,
    result: &Shape,
) -> Result<Value, BuildError> {
    let x = if r.graph().tensor(x).dtype == dot.dtype { x } else { r.build().cast(x, dot.dtype)? };
    let shape = r.graph().tensor(x).shape.clone();
    let contracted: Axes =
        (0..shape.rank()).filter(|axis| !batch.contains(axis) && !free.contains(axis)).collect();
    let x = if contracted.is_empty() { x } else { r.build().reshape(x, shape.without(&contracted))? };
    let left = |axis: &usize| axis - contracted.iter().filter(|&c| c < axis).count();
    let order: Axes = batch.iter().chain(free).map(left).collect();
    let x = if order.is_sorted() { x } else { r.build().transpose(x, order)? };
    if r.graph().tensor(x).shape == *result {
        return Ok(x);
    }
    let axes: Axes = (0..batch.len()).chain((first_free..).take(free.len())).collect();
    r.build().broadcast_in_dim(x, result.clone(), axes)
}
