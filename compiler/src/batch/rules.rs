//! A node for many examples, by the rule that its op's definition states.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::op::batching::{Batching, Examples};
use tensorwright_ir::op::control::Map;
use tensorwright_ir::{BuildError, Builder, Node, Op, Type, Value};

use super::spread::spread;
use super::{BatchError, Item, Many, append_active, input_like};

/// A node to be batched, in the graph that it is appended to.
pub(super) struct Site<'a> {
    pub(super) b: &'a mut Builder,
    pub(super) size: usize,
    pub(super) many: Many,
    pub(super) node: &'a Node,
    /// Types of the operands for one example.
    pub(super) types: &'a [&'a Type],
    /// Batched values, or shared ones, that stand for the operands.
    pub(super) x: &'a [Item],
    /// Which examples need the node, if not all do.
    pub(super) active: Option<Value>,
}

impl Site<'_> {
    /// What stands for the results.
    pub(super) fn results(mut self) -> Result<Vec<Item>, BatchError> {
        if self.x.iter().all(|item| !item.per_example) {
            return self.shared();
        }
        let node = self.node;
        let results = match node.op.batching(self.size) {
            Batching::ElementWise => self.examples().push_spread(node.op.clone()),
            Batching::Moved(op) => self.examples().push_spread(*op),
            Batching::Rule(rule) => rule.batch(&mut self.examples()),
            Batching::Expansion => return self.expanded(),
            Batching::Map => return self.mapped(),
            Batching::Shared => return self.shared(),
            Batching::Regions => return self.beyond_tensors(),
        };
        Ok(results?.into_vec())
    }

    /// Control flow, effects and lists.
    fn beyond_tensors(&mut self) -> Result<Vec<Item>, BatchError> {
        match self.node.op.lowering() {
            Lowering::Effect => self.effect(&self.node.op),
            Lowering::Host => self.host(&self.node.op),
            Lowering::List => self.list(&self.node.op),
            _ => self.control(&self.node.op),
        }
    }

    /// The node as an op's rule sees it.
    fn examples(&mut self) -> Examples<'_> {
        Examples { b: self.b, size: self.size, types: self.types, operands: self.x }
    }

    /// The node as it is, once for all examples.
    fn shared(&mut self) -> Result<Vec<Item>, BatchError> {
        let values: Vec<Value> = self.x.iter().map(|item| item.value).collect();
        let results = self.b.copy_node(self.node, &values)?;
        Ok(results.into_iter().map(Item::shared).collect())
    }

    /// Appends an op all of whose results have the new axis.
    pub(super) fn push(&mut self, op: impl Into<Op>, operands: &[Value]) -> Result<Vec<Item>, BatchError> {
        Ok(self.examples().push(op, operands)?.into_vec())
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
    pub(super) fn expanded(&mut self) -> Result<Vec<Item>, BatchError> {
        let Node { op, regions, .. } = self.node;
        let mut definition = Builder::new(op.name());
        definition.set_location(self.node.location.clone());
        let inputs: Vec<Value> = self.types.iter().map(|&ty| definition.input(ty.clone())).collect();
        let results = op.expand(&mut definition, &inputs, regions);
        let results = results.expect("only what has a definition is batched as such");
        let results = results.expect("the definition accepted operands of these types before");
        append_active(self.b, &definition.finish(&results), self.many, self.x, self.active)
    }

    /// One example after the other.
    pub(super) fn mapped(&mut self) -> Result<Vec<Item>, BatchError> {
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

/// An input for each input of the graph; those in the mask have the new axis.
pub(super) fn inputs(
    b: &mut Builder,
    graph: &tensorwright_ir::Graph,
    size: usize,
    mask: &[bool],
) -> Vec<Item> {
    graph.inputs().iter().zip(mask).map(|(&input, &own)| input_like(b, graph, input, size, own)).collect()
}
