//! The rule of each op, and what rules have in common.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::control::Map;
use tensorwright_ir::{BuildError, Builder, Dim, Node, Op, Shape, Type, Value};

use super::{BatchError, Item, append_batched, input_like, lists};

/// A node to be batched, in the graph that it is appended to.
pub(super) struct Site<'a> {
    pub(super) b: &'a mut Builder,
    pub(super) size: usize,
    pub(super) node: &'a Node,
    /// Types of its operands for one example.
    pub(super) types: &'a [&'a Type],
    /// What stands for its operands.
    pub(super) x: &'a [Item],
}

impl Site<'_> {
    /// What stands for the results.
    pub(super) fn results(mut self) -> Result<Vec<Item>, BatchError> {
        if self.x.iter().all(|item| !item.per_example) {
            let values: Vec<Value> = self.x.iter().map(|item| item.value).collect();
            let results = self.b.copy_node(self.node, &values)?;
            return Ok(results.into_iter().map(Item::shared).collect());
        }
        let op = self.node.op.clone();
        match op.lowering() {
            Lowering::Region => self.control(&op),
            Lowering::Effect => self.effect(&op),
            Lowering::List => self.list(&op),
            _ if op.is_elementwise() => self.elementwise(&op),
            _ => self.tensor(&op),
        }
    }

    fn tensor(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        if let Some(moved) = self.moved(op)? {
            return self.spread_all(&moved);
        }
        match op {
            Op::DotGeneral(dot) => self.product(dot),
            Op::DynamicSlice(op) => self.dynamic_slice(op),
            Op::DynamicUpdateSlice(_) => self.dynamic_update_slice(),
            Op::Gather(op) => self.gather(op),
            Op::Scatter(op) => self.scatter(op),
            Op::Pad(op) => self.pad(op),
            op if op.lowering() == Lowering::Expand => self.expanded(op),
            _ => self.mapped(),
        }
    }

    /// The op as it is, on operands that all have the new axis.
    fn elementwise(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        self.spread_all(op)
    }

    fn spread_all(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        let operands = (0..self.x.len()).map(|i| self.spread(i)).collect::<Result<Vec<_>, _>>()?;
        self.push(op.clone(), &operands)
    }

    /// Appends an op all of whose results have the new axis.
    pub(super) fn push(&mut self, op: impl Into<Op>, operands: &[Value]) -> Result<Vec<Item>, BatchError> {
        Ok(self.b.push(op, operands)?.into_iter().map(Item::batched).collect())
    }

    /// The operand with the new axis.
    pub(super) fn spread(&mut self, operand: usize) -> Result<Value, BuildError> {
        spread(self.b, self.size, self.x[operand])
    }

    /// Whether the operand has the new axis.
    pub(super) fn has(&self, operand: usize) -> bool {
        self.x[operand].per_example
    }

    pub(super) fn value(&self, operand: usize) -> Value {
        self.x[operand].value
    }

    /// The definition of a composite in its place.
    fn expanded(&mut self, op: &Op) -> Result<Vec<Item>, BatchError> {
        let mut definition = Builder::new(op.name());
        definition.set_location(self.node.location.clone());
        let inputs: Vec<Value> = self.types.iter().map(|&ty| definition.input(ty.clone())).collect();
        let results = match op.expand(&mut definition, &inputs) {
            Some(Ok(results)) => results,
            _ => return self.mapped(),
        };
        append_batched(self.b, &definition.finish(&results), self.size, self.x)
    }

    /// One example after the other.
    fn mapped(&mut self) -> Result<Vec<Item>, BatchError> {
        let (mapped, invariant): (Vec<usize>, Vec<usize>) = (0..self.x.len()).partition(|&i| self.has(i));
        let order = [&mapped[..], &invariant].concat();
        let operands: Vec<Value> = order.iter().map(|&i| self.value(i)).collect();
        let node = self.node;
        let op = Map { mapped: mapped.len(), length: self.size };
        let results = self.b.map(op, &operands, |b, x| {
            let mut own: Vec<Value> = x.to_vec();
            order.iter().zip(x).for_each(|(&i, &value)| own[i] = value);
            b.copy_node(node, &own)
        })?;
        Ok(results.into_iter().map(Item::batched).collect())
    }
}

/// The value with the new axis.
pub(super) fn spread(b: &mut Builder, size: usize, item: Item) -> Result<Value, BuildError> {
    let ty = b.ty(item.value).clone();
    match item.per_example {
        true => Ok(item.value),
        false if ty.is_list() => lists::spread(b, size, item.value),
        false => {
            let axes: Axes = (1..=ty.rank()).collect();
            b.broadcast_in_dim(item.value, with_dim(&ty.shape, size), axes)
        }
    }
}

/// An input for each input of the graph; those in the mask have the new axis.
pub(super) fn inputs(
    b: &mut Builder,
    graph: &tensorwright_ir::Graph,
    size: usize,
    mask: &[bool],
) -> Vec<Item> {
    graph.inputs().iter().zip(mask).map(|(&input, &own)| input_like(b, graph, input, size, own)).collect()
}

/// The shape with a new axis 0.
pub(super) fn with_dim(shape: &Shape, size: usize) -> Shape {
    shape.with_leading(Dim::known(size))
}

/// The axes after a new axis 0.
pub(super) fn up(axes: &[usize]) -> Axes {
    axes.iter().map(|axis| axis + 1).collect()
}

/// Axis 0 and the axes after it.
pub(super) fn zero_and_up(axes: &[usize]) -> Axes {
    [0].into_iter().chain(up(axes)).collect()
}

/// One number more in front.
pub(super) fn after<T: Copy>(first: T, rest: &[T]) -> Vec<T> {
    [&[first], rest].concat()
}

/// As [`after`], of offsets.
pub(super) fn offsets(first: i64, rest: &[i64]) -> Offsets {
    after(first, rest).into()
}
