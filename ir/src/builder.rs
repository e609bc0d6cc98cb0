//! Building graphs: the only way to make one. Each node is typed when it is built.

use smallvec::SmallVec;

use crate::op::{TypeError, Types};
use crate::{Graph, Literal, Location, Node, Op, Scalar, Shape, TensorType, Type, Value};

/// An op that does not accept its operands, with what it was given and where it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{op}`({}): {source}", operands.iter().map(Type::to_string).collect::<Vec<_>>().join(", "))]
pub struct BuildError {
    /// Mnemonic of the op.
    pub op: &'static str,
    /// Types of the operands.
    pub operands: Vec<Type>,
    /// The source line that wrote it, if known.
    pub location: Option<Location>,
    /// Error of the type rule.
    pub source: Box<TypeError>,
}

impl From<BuildError> for TypeError {
    fn from(error: BuildError) -> TypeError {
        TypeError::Inner { op: error.op, source: error.source }
    }
}

/// Appends nodes to a graph.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    graph: Graph,
    location: Option<Location>,
}

impl Builder {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Builder {
        Builder { graph: Graph::new(name.into()), location: None }
    }

    /// Continues a graph cut before its node number `nodes`: the values of the part that is kept have the same indices.
    /// `None` if the graph declares an input after a node.
    pub fn continuing(graph: &Graph, nodes: usize) -> Option<Builder> {
        Some(Builder { graph: graph.prefix(nodes)?, location: None })
    }

    /// Takes back everything that was appended since the graph had `nodes` nodes. Values appended since are gone.
    pub fn rollback(&mut self, nodes: usize) {
        self.graph.truncate(nodes);
    }

    /// The graph so far, without outputs.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        self.graph.ty(value)
    }

    /// Type of a value that is a tensor. Panics if it is a list or a token: where it may be one, match on [`Builder::ty`].
    #[track_caller]
    pub fn tensor(&self, value: Value) -> &TensorType {
        self.graph.tensor(value)
    }

    /// Type of the rows of a value that is a list. Panics if it is none: where it may be none, match on [`Builder::ty`].
    #[track_caller]
    pub fn row(&self, value: Value) -> &TensorType {
        self.graph.row(value)
    }

    /// Shape of a value that is a tensor. Panics as [`Builder::tensor`] does.
    #[track_caller]
    pub fn shape(&self, value: Value) -> Shape {
        self.tensor(value).shape.clone()
    }

    /// From now on nodes carry this location.
    pub fn set_location(&mut self, location: Option<Location>) {
        self.location = location;
    }

    /// The location that nodes carry.
    pub fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }

    /// Adds an input.
    pub fn input(&mut self, ty: impl Into<Type>) -> Value {
        self.graph.add_input(ty.into(), None)
    }

    /// Adds an input with a name.
    pub fn named_input(&mut self, name: impl Into<String>, ty: impl Into<Type>) -> Value {
        self.graph.add_input(ty.into(), Some(name.into()))
    }

    /// Adds an input with the type and the name that a value has in another graph.
    pub fn input_like(&mut self, graph: &Graph, value: Value) -> Value {
        self.graph.add_input(graph.ty(value).clone(), graph.value_name(value).map(str::to_owned))
    }

    /// Gives a value a name for the text form; `None` takes it away.
    pub fn set_name(&mut self, value: Value, name: Option<String>) {
        self.graph.set_value_name(value, name);
    }

    /// Appends a node without regions. Fails if the op does not accept the operands.
    pub fn push(
        &mut self,
        op: impl Into<Op>,
        operands: &[Value],
    ) -> Result<SmallVec<[Value; 1]>, BuildError> {
        self.push_with_regions(op, operands, Vec::new())
    }

    /// Appends a node. Fails if the op does not accept the operands or the regions.
    pub fn push_with_regions(
        &mut self,
        op: impl Into<Op>,
        operands: &[Value],
        regions: Vec<Graph>,
    ) -> Result<SmallVec<[Value; 1]>, BuildError> {
        let op = op.into();
        match self.infer(&op, operands, &regions) {
            Ok(results) => {
                let location = self.location.clone();
                Ok(self.graph.add_node(op, operands, regions, results, location))
            }
            Err(source) => Err(BuildError {
                op: op.name(),
                operands: operands.iter().map(|&v| self.ty(v).clone()).collect(),
                location: self.location.clone(),
                source: source.into(),
            }),
        }
    }

    fn infer(&self, op: &Op, operands: &[Value], regions: &[Graph]) -> Result<Types, TypeError> {
        let types: SmallVec<[&Type; 4]> = operands.iter().map(|&v| self.ty(v)).collect();
        op.infer(&types, regions)
    }

    /// Appends a node of an op with one result.
    pub fn push_one(&mut self, op: impl Into<Op>, operands: &[Value]) -> Result<Value, BuildError> {
        self.push(op, operands).map(|results| results[0])
    }

    /// Appends a copy of a node of another graph with these operands. The node's name and location are kept.
    pub fn copy_node(&mut self, node: &Node, operands: &[Value]) -> Result<SmallVec<[Value; 1]>, BuildError> {
        let outer = std::mem::replace(&mut self.location, node.location.clone());
        let results = self.push_with_regions(node.op.clone(), operands, node.regions.clone());
        self.location = outer;
        results
    }

    /// A scalar constant.
    pub fn scalar(&mut self, value: impl Into<Scalar>) -> Value {
        self.literal(Literal::scalar(value.into()))
    }

    /// A constant.
    pub fn literal(&mut self, literal: Literal) -> Value {
        let ty = literal.ty().into();
        let op = crate::op::primitive::Constant { value: literal.into() };
        self.graph.add_node(op.into(), &[], Vec::new(), [ty], self.location.clone())[0]
    }

    /// A tensor with the same element everywhere: a broadcast scalar constant.
    pub fn full(&mut self, value: impl Into<Scalar>, shape: &Shape) -> Result<Value, BuildError> {
        let scalar = self.scalar(value);
        if shape.rank() == 0 { Ok(scalar) } else { self.broadcast_in_dim(scalar, shape.clone(), []) }
    }

    /// A tensor of the dtype and shape of `like` with the element `value` everywhere, cast to the dtype.
    pub fn full_like(&mut self, value: f64, like: Value) -> Result<Value, BuildError> {
        let TensorType { dtype, shape } = self.tensor(like).clone();
        self.full(Scalar::from_f64(dtype, value), &shape)
    }

    /// `x` broadcast to `shape` by NumPy's rule (axes aligned at the end).
    pub fn broadcast_to(&mut self, x: Value, shape: &Shape) -> Result<Value, BuildError> {
        let from = self.shape(x);
        if from == *shape {
            return Ok(x);
        }
        let offset = shape.rank().saturating_sub(from.rank());
        self.broadcast_in_dim(
            x,
            shape.clone(),
            (0..from.rank()).map(|axis| axis + offset).collect::<Vec<_>>(),
        )
    }

    /// The finished graph. If inputs were added after nodes, values are numbered anew: inputs first, as everywhere.
    pub fn finish(mut self, outputs: &[Value]) -> Graph {
        self.graph.set_outputs(outputs);
        self.graph.number_inputs_first();
        self.graph
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DType;

    fn chain() -> Graph {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [2]));
        let y = b.exp(x).unwrap();
        let z = b.add(x, y).unwrap();
        b.finish(&[z])
    }

    #[test]
    fn a_continued_graph_keeps_its_values_and_can_be_rolled_back() {
        let graph = chain();
        let mut b = Builder::continuing(&graph, 1).unwrap();
        let y = Value::new(1);
        assert_eq!(b.graph().nodes().len(), 1);
        assert_eq!(b.ty(y), graph.ty(y));
        b.neg(y).unwrap();
        b.rollback(1);
        assert_eq!(b.graph().values().len(), 2);
        let z = b.add(Value::new(0), y).unwrap();
        assert_eq!(b.finish(&[z]), graph);
    }

    #[test]
    fn a_graph_with_a_late_input_is_not_continued() {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [2]));
        let y = b.exp(x).unwrap();
        b.input(TensorType::new(DType::F32, [2]));
        assert!(Builder::continuing(b.graph(), 1).is_none());
        // A finished graph has its inputs first.
        assert!(Builder::continuing(&b.finish(&[y]), 1).is_some());
    }
}
