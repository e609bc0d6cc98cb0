//! Element-wise functions before broadcasts.

use smallvec::SmallVec;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::Iota;
use tensorwright_ir::{BuildError, Op, Shape, Value};

use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::{Rewriter, Site};

/// An operand that repeats itself along axes.
enum Repeated {
    /// A broadcast: its operand, and the axis that each axis of it becomes.
    Broadcast { source: Value, axes: Axes },
    /// Numbers along one axis.
    Iota(Iota),
}

/// A function whose operands all repeat themselves along an axis is computed once along that axis.
pub(super) fn hoist(r: &mut Rewriter<'_>, site: &Site<'_>) -> Rewritten {
    let shape = r.result_shape(site);
    let Some(operands) = repeated_operands(r, site) else { return Ok(None) };
    let mut varied = Axes::new();
    operands.iter().for_each(|operand| add_varied(r, operand, &mut varied));
    varied.sort_unstable();
    varied.dedup();
    let compact: Shape = varied.iter().map(|&axis| shape[axis]).collect();
    if compact.elements() >= shape.elements() {
        return Ok(None);
    }
    let mut small: SmallVec<[Value; 3]> = SmallVec::new();
    for operand in operands {
        small.push(compacted(r, operand, &varied, &compact)?);
    }
    let result = r.build().push_one(site.node.op.clone(), &small)?;
    r.build().broadcast_in_dim(result, shape, varied).map(Some)
}

fn repeated_operands(r: &Rewriter<'_>, site: &Site<'_>) -> Option<SmallVec<[Repeated; 3]>> {
    let repeated = |&operand: &Value| match made_by(r.graph(), operand)? {
        (Op::BroadcastInDim(op), operands) => {
            Some(Repeated::Broadcast { source: operands[0], axes: op.axes.clone() })
        }
        (Op::Iota(iota), _) => Some(Repeated::Iota(iota.clone())),
        _ => None,
    };
    site.operands.iter().map(repeated).collect()
}

/// Axes of more than one element along which the operand does not repeat itself.
fn add_varied(r: &Rewriter<'_>, operand: &Repeated, varied: &mut Axes) {
    match operand {
        Repeated::Broadcast { source, axes } => {
            let dims = r.graph().tensor(*source).shape.iter();
            varied.extend(axes.iter().zip(dims).filter(|(_, dim)| dim.size() != 1).map(|(&axis, _)| axis));
        }
        Repeated::Iota(iota) if iota.shape.size(iota.axis) != 1 => varied.push(iota.axis),
        Repeated::Iota(_) => {}
    }
}

/// The operand without the axes that are not among `varied`.
fn compacted(
    r: &mut Rewriter<'_>,
    operand: Repeated,
    varied: &[usize],
    compact: &Shape,
) -> Result<Value, BuildError> {
    let place = |axis: usize| varied.iter().position(|&v| v == axis);
    match operand {
        Repeated::Iota(iota) => match place(iota.axis) {
            Some(axis) => r.build().iota(iota.dtype, compact.clone(), axis),
            // A single number is 0.
            None => r.build().full(tensorwright_ir::Scalar::zero(iota.dtype), compact),
        },
        Repeated::Broadcast { source, axes } => {
            let from = r.graph().tensor(source).shape.clone();
            let (kept, gone): (Axes, Axes) = (0..from.rank()).partition(|&i| place(axes[i]).is_some());
            let axes: Axes = kept.iter().filter_map(|&i| place(axes[i])).collect();
            let plain =
                if gone.is_empty() { source } else { r.build().reshape(source, from.without(&gone))? };
            if r.graph().tensor(plain).shape == *compact {
                return Ok(plain);
            }
            r.build().broadcast_in_dim(plain, compact.clone(), axes)
        }
    }
}
