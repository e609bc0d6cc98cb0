//! Convolutions of groups of one channel each, which sum over no channels.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::Conv;
use tensorwright_ir::{Shape, Value};

use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::Rewriter;

/// Leaves out contracted axes and free axes of the kernel that have one element, if there are groups: then a reshape that splits channels into groups
/// of one is gone, and the one behind that merges them.
pub(super) fn without_units(
    r: &mut Rewriter<'_>,
    conv: &Conv,
    [lhs, rhs]: [Value; 2],
    result: &Shape,
) -> Rewritten {
    let shapes = [lhs, rhs].map(|v| r.graph().tensor(v).shape.clone());
    let (&[lhs_contract], &[rhs_contract], 1) =
        (&conv.lhs_contract[..], &conv.rhs_contract[..], conv.lhs_batch.len())
    else {
        return Ok(None);
    };
    if shapes[0].size(lhs_contract) != 1 {
        return Ok(None);
    }
    let free: Axes = conv.rhs_free(shapes[1].rank());
    let units: Axes = free.iter().copied().filter(|&axis| shapes[1].size(axis) == 1).collect();
    if units.len() != free.len() {
        return Ok(None);
    }
    let gone = [Axes::from_slice(&[lhs_contract]), units.into_iter().chain([rhs_contract]).collect()];
    let operands = [(lhs, 0), (rhs, 1)]
        .map(|(value, side)| r.build().reshape(value, without(&shapes[side], &gone[side])));
    let [lhs, rhs] = operands;
    let smaller = r.build().push_one(smaller(conv, &gone, free.len()), &[lhs?, rhs?])?;
    r.build().reshape(smaller, result.clone()).map(Some)
}

fn without(shape: &Shape, gone: &[usize]) -> Shape {
    (0..shape.rank()).filter(|axis| !gone.contains(axis)).map(|axis| shape[axis]).collect()
}

/// The convolution without its contracted axis, and without so many free axes of the right operand, which are all of them.
fn smaller(conv: &Conv, gone: &[Axes; 2], free: usize) -> Conv {
    let left = |side: usize, axis: usize| axis - gone[side].iter().filter(|&&g| g < axis).count();
    // Axes of the result: groups, images, free axes of the kernel, spatial axes.
    let first_spatial = conv.order.len() - conv.lhs_spatial.len();
    let kept = |axis: usize| (axis < first_spatial - free || axis >= first_spatial).then_some(axis);
    let order = conv.order.iter().filter_map(|&axis| kept(axis));
    Conv {
        lhs_batch: conv.lhs_batch.iter().map(|&axis| left(0, axis)).collect(),
        rhs_batch: conv.rhs_batch.iter().map(|&axis| left(1, axis)).collect(),
        lhs_contract: [].into_iter().collect(),
        rhs_contract: [].into_iter().collect(),
        lhs_spatial: conv.lhs_spatial.iter().map(|&axis| left(0, axis)).collect(),
        rhs_spatial: conv.rhs_spatial.iter().map(|&axis| left(1, axis)).collect(),
        order: order.map(|axis| if axis >= first_spatial { axis - free } else { axis }).collect(),
        sum_order: conv.sum_order.iter().filter(|&&axis| axis > 0).map(|axis| axis - 1).collect(),
        ..conv.clone()
    }
}
