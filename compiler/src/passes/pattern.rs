//! Questions that rules ask about values of a graph.

use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::{BuildError, Graph, Op, Scalar, Shape, Value};

use super::rewriter::{Operands, Rewriter, Site};

/// A rule's answer: the value in place of the node's only result, or `None` if the rule does not apply.
pub(super) type Rewritten = Result<Option<Value>, BuildError>;

/// A rule.
pub(super) type RuleFn = fn(&mut Rewriter<'_>, &Site<'_>) -> Rewritten;

/// The element that all elements of the value are, if it is a scalar constant or a broadcast of one. Other constants are not
/// looked through: canonical graphs write splats as broadcasts.
pub(super) fn splat(graph: &Graph, value: Value) -> Option<Scalar> {
    let (_, node) = graph.producer(value)?;
    match &node.op {
        Op::Constant(c) if c.value.len() == 1 => Some(c.value.get(0)),
        Op::BroadcastInDim(_) => match graph.op(node.operands[0])? {
            Op::Constant(c) if c.value.len() == 1 => Some(c.value.get(0)),
            _ => None,
        },
        _ => None,
    }
}

/// Elements of a constant that stands for what is computed with it, not for memory that is read.
const MAX_SMALL: usize = 16;

/// Whether the op is a constant that loops rather read at computed places, as memory, than know.
pub(super) fn is_table(op: &Op) -> bool {
    matches!(op, Op::Constant(c) if c.value.len() > MAX_SMALL && c.value.splat().is_none())
}

/// Whether the value is a constant or a broadcast of one.
pub(super) fn is_constant(graph: &Graph, value: Value) -> bool {
    let Some((_, node)) = graph.producer(value) else { return false };
    match &node.op {
        Op::Constant(_) => true,
        Op::BroadcastInDim(_) => matches!(graph.op(node.operands[0]), Some(Op::Constant(_))),
        _ => false,
    }
}

/// Element `index` (flat, row major) of a constant of one axis or a splat.
pub(super) fn constant_element(graph: &Graph, value: Value, index: usize) -> Option<Scalar> {
    match graph.op(value)? {
        Op::Constant(c) if index < c.value.len() => Some(c.value.get(index)),
        _ => splat(graph, value),
    }
}

/// The op and the operands that made the value; `None` for inputs and for results of nodes with regions.
pub(super) fn made_by(graph: &Graph, value: Value) -> Option<(&Op, &Operands)> {
    let (_, node) = graph.producer(value)?;
    node.regions.is_empty().then_some((&node.op, &node.operands))
}

/// If `to` is `from` with axes of extent 1 put in, the axis of `to` that each axis of `from` becomes.
pub(super) fn with_units_put_in(from: &Shape, to: &Shape) -> Option<Axes> {
    let mut places = Axes::new();
    for (axis, dim) in to.iter().enumerate() {
        if from.get(places.len()) == Some(dim) {
            places.push(axis);
        } else if dim.size() != 1 {
            return None;
        }
    }
    (places.len() == from.rank()).then_some(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_axes_are_found() {
        let places = |from: &[usize], to: &[usize]| with_units_put_in(&from.into(), &to.into());
        assert_eq!(places(&[4, 8], &[4, 1, 8]).unwrap().to_vec(), [0, 2]);
        assert_eq!(places(&[], &[1, 1]).unwrap().to_vec(), [0usize; 0]);
        assert_eq!(places(&[1, 4], &[1, 1, 4]).unwrap().to_vec(), [0, 2]);
        assert_eq!(places(&[4, 8], &[8, 4]), None);
        assert_eq!(places(&[4, 8], &[4]), None);
    }
}
