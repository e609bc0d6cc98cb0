//! Sums of derivatives.
//!
//! The cotangent of a tensor of which a window was read is zeros but for that window. Adding it to what is there already is a matter of
//! the window alone: a loop that reads one element of a long tensor in each run costs as much on the way back.

use crate::op::primitive::{Scatter, ScatterKind};
use crate::{BuildError, Builder, DType, Graph, Literal, Node, Op, Scalar, TensorType, Value};

/// How many times larger than a window the tensor must be.
const MIN_RATIO: usize = 2;
/// Elements of a tensor into which a padding puts a window, from which on the window is added alone: less is added in one go with whatever else is.
const MIN_PADDED: usize = 64;

impl Builder {
    /// `left + right`, where `None` is zero. Lists are added row by row from their ends; rows that one lacks are zeros. What is zeros but
    /// for one window is added in that window alone: elsewhere a -0 stays what it is.
    pub fn add_derivatives(
        &mut self,
        left: Option<Value>,
        right: Option<Value>,
    ) -> Result<Option<Value>, BuildError> {
        match (left, right) {
            (Some(left), Some(right)) if self.ty(left).as_list().is_some() => {
                self.list_add(left, right).map(Some)
            }
            (Some(left), Some(right)) => match (window(self.graph(), right), window(self.graph(), left)) {
                (Some(node), _) => add_window(self, left, &node.clone()).map(Some),
                (None, Some(node)) => add_window(self, right, &node.clone()).map(Some),
                (None, None) => self.add(left, right).map(Some),
            },
            (one, None) | (None, one) => Ok(one),
        }
    }

    /// Whether a sum of derivatives is zeros but for what was added to them here and there, in windows or by control flow that was given the
    /// zeros: it could as well have been added to another sum.
    pub fn begins_with_zeros(&self, value: Value) -> bool {
        let (graph, mut value) = (self.graph(), value);
        loop {
            let Some((_, node)) = graph.producer(value) else { return false };
            if padded(graph, node).is_some() {
                return true;
            }
            if !node.regions.is_empty() {
                let ty = graph.ty(value);
                return node.operands.iter().any(|&v| graph.ty(v) == ty && is_zeros(graph, v));
            }
            match update(graph, node) {
                Some(_) if is_zeros(graph, node.operands[0]) => return true,
                Some(_) => value = node.operands[0],
                None => return false,
            }
        }
    }
}

/// The node that put one window into zeros, if that is what the value is.
fn window(graph: &Graph, value: Value) -> Option<&Node> {
    let (_, node) = graph.producer(value)?;
    if padded(graph, node).is_some() {
        return Some(node);
    }
    update(graph, node).filter(|_| is_zeros(graph, node.operands[0])).map(|_| node)
}

/// The operand that a node puts, or adds, to one window of its first operand, if that is much larger.
fn update(graph: &Graph, node: &Node) -> Option<Value> {
    let update = match &node.op {
        Op::DynamicUpdateSlice(_) => node.operands[1],
        // Windows may overlap where there are several.
        Op::Scatter(Scatter { kind: ScatterKind::Add, indexed, batch, .. })
            if batch.is_empty()
                && !indexed.is_empty()
                && graph.tensor(node.operands[1]).elements() == indexed.len() =>
        {
            node.operands[2]
        }
        _ => return None,
    };
    let elements = |value: Value| graph.tensor(value).elements();
    (MIN_RATIO * elements(update) <= elements(node.operands[0])).then_some(update)
}

/// Where the operand of a node begins that pads it with zeros to what is much larger: the derivative of a read at a known place.
fn padded(graph: &Graph, node: &Node) -> Option<Vec<i64>> {
    let Op::Pad(pad) = &node.op else { return None };
    let [window, whole] = [node.operands[0], node.results[0]].map(|value| graph.tensor(value).elements());
    let adds = pad.low.iter().chain(&pad.high).all(|&edge| edge >= 0) && pad.interior.iter().all(|&n| n == 0);
    let is_alone = adds && is_zeros(graph, node.operands[1]);
    (is_alone && whole >= MIN_PADDED && MIN_RATIO * window <= whole).then(|| pad.low.to_vec())
}

fn is_zeros(graph: &Graph, value: Value) -> bool {
    let Some((_, node)) = graph.producer(value) else { return false };
    match &node.op {
        Op::Constant(c) => c.value.splat().is_some_and(|x| x == Scalar::zero(x.dtype())),
        Op::BroadcastInDim(_) => is_zeros(graph, node.operands[0]),
        _ => false,
    }
}

/// The sum with the window that the node puts into zeros added to it.
fn add_window(b: &mut Builder, sum: Value, node: &Node) -> Result<Value, BuildError> {
    let operands = &node.operands;
    if let Op::Scatter(_) = node.op {
        return b.push_one(node.op.clone(), &[sum, operands[1], operands[2]]);
    }
    let (update, starts) = match padded(b.graph(), node) {
        Some(starts) => {
            let ty = TensorType::new(DType::I64, [starts.len()]);
            (operands[0], b.literal(Literal::from_fn(ty, |axis| Scalar::I64(starts[axis]))))
        }
        None => (operands[1], operands[2]),
    };
    let sizes = b.shape(update);
    let old = b.dynamic_slice(sum, starts, sizes)?;
    let new = b.add(old, update)?;
    b.dynamic_update_slice(sum, new, starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::evaluate;
    use crate::op::primitive::DynamicUpdateSlice;

    /// The sum of an input `f64[4]` and one element put into a tensor of this number, on either side.
    fn sums(into: f64) -> Graph {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F64, [4]));
        let starts = b.input(TensorType::new(DType::I32, [1]));
        let (zeros, one) = (b.full_like(into, x).unwrap(), b.full(1.0, &[1].into()).unwrap());
        let part = b.push_one(DynamicUpdateSlice {}, &[zeros, one, starts]).unwrap();
        let left = b.add_derivatives(Some(x), Some(part)).unwrap().unwrap();
        let right = b.add_derivatives(Some(part), Some(x)).unwrap().unwrap();
        b.finish(&[left, right])
    }

    #[test]
    fn a_window_is_added_where_it_is() {
        let graph = sums(0.0);
        let additions = graph.nodes().iter().filter(|node| node.op.name() == "add");
        assert!(additions.map(|node| graph.tensor(node.results[0]).elements()).eq([1, 1]), "{graph}");
        for (start, sum) in [(2i32, [1.0, 2.0, 4.0, 4.0]), (9, [1.0, 2.0, 3.0, 5.0])] {
            let inputs =
                [Literal::new([4], &[1.0, 2.0, 3.0, 4.0]).unwrap(), Literal::new([1], &[start]).unwrap()];
            let sum = Literal::new([4], &sum).unwrap();
            assert_eq!(evaluate(&graph, &inputs).unwrap(), [sum.clone(), sum]);
        }
    }

    #[test]
    fn a_window_among_other_numbers_is_not_alone() {
        let graph = sums(1.0);
        let inputs = [Literal::new([4], &[1.0, 2.0, 3.0, 4.0]).unwrap(), Literal::new([1], &[2i32]).unwrap()];
        let sum = Literal::new([4], &[2.0, 3.0, 4.0, 5.0]).unwrap();
        assert_eq!(evaluate(&graph, &inputs).unwrap(), [sum.clone(), sum]);
    }

    #[test]
    fn a_padded_window_is_added_where_it_is() {
        for (size, alone) in [(100, true), (20, false)] {
            let mut b = Builder::new("f");
            let x = b.input(TensorType::new(DType::F64, [size]));
            let (one, zero) = (b.full(1.0, &[1].into()).unwrap(), b.scalar(0.0));
            let part = b.pad(one, zero, [3i64], [size as i64 - 4], [0usize]).unwrap();
            let sum = b.add_derivatives(Some(part), Some(x)).unwrap().unwrap();
            let graph = b.finish(&[sum]);
            let additions = graph.nodes().iter().filter(|node| node.op.name() == "add");
            let added = additions.map(|node| graph.tensor(node.results[0]).elements());
            assert!(added.eq([if alone { 1 } else { size }]), "{graph}");
            let numbers: Vec<f64> = (0..size).map(|k| k as f64).collect();
            let found = evaluate(&graph, &[Literal::new([size], &numbers).unwrap()]).unwrap();
            let expected: Vec<f64> = (0..size).map(|k| k as f64 + if k == 3 { 1.0 } else { 0.0 }).collect();
            assert_eq!(found, [Literal::new([size], &expected).unwrap()]);
        }
    }
}
