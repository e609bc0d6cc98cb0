//! Graphs: SSA values in arenas, nodes in topological order.
//!
//! The order of [`Graph::nodes`] is a topological order by construction: a node's operands are inputs or results of
//! earlier nodes, so cycles cannot be written down. Sub-graphs of control flow are [`Node::regions`]; a region is closed, it
//! sees nothing but its own inputs.

use std::fmt;

use smallvec::SmallVec;

use crate::{Location, Op, TensorType, Type};

/// A value: a graph input or one result of a node.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(u32);

/// A node's place in its graph.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl Value {
    /// The value with this index in its graph.
    pub fn new(index: usize) -> Value {
        Value(u32::try_from(index).expect("a graph has fewer than 2^32 values"))
    }

    /// Index among the graph's values.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl NodeId {
    /// The node with this index in its graph.
    pub fn new(index: usize) -> NodeId {
        NodeId(u32::try_from(index).expect("a graph has fewer than 2^32 nodes"))
    }

    /// Index among the graph's nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The graph's input at this position.
    Input(usize),
    /// The result at `position` of `node`.
    Result {
        /// The node.
        node: NodeId,
        /// Which of its results.
        position: usize,
    },
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Node {
    /// The op that the node applies.
    pub op: Op,
    /// Values that the op is applied to.
    pub operands: SmallVec<[Value; 3]>,
    /// Results of the node; their types are in the graph.
    pub results: SmallVec<[Value; 1]>,
    /// Sub-graphs that control-flow ops run.
    pub regions: Vec<Graph>,
    /// The source line that wrote it.
    pub location: Option<Location>,
}

impl Node {
    /// The only result. Panics if there are several: use it on ops that have one.
    pub fn result(&self) -> Value {
        assert_eq!(self.results.len(), 1, "{} has one result", self.op.name());
        self.results[0]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ValueData {
    ty: Type,
    source: Source,
    name: Option<String>,
}

/// A function of tensors, lists and tokens, as a dataflow graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Graph {
    name: String,
    values: Vec<ValueData>,
    inputs: Vec<Value>,
    nodes: Vec<Node>,
    outputs: Vec<Value>,
}

impl Graph {
    /// The graph's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Inputs in order.
    pub fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// Outputs in order; a value may be there twice, and inputs may be outputs.
    pub fn outputs(&self) -> &[Value] {
        &self.outputs
    }

    /// Nodes in topological order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Nodes with their ids, in topological order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node)> + ExactSizeIterator {
        self.nodes.iter().enumerate().map(|(i, n)| (NodeId(i as u32), n))
    }

    /// A node.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All values, inputs and results.
    pub fn values(&self) -> impl ExactSizeIterator<Item = Value> + use<> {
        (0..self.values.len() as u32).map(Value)
    }

    /// Type of a value.
    pub fn ty(&self, value: Value) -> &Type {
        &self.values[value.index()].ty
    }

    /// Type of a value that is a tensor. Panics if it is a list or a token: where it may be one, match on [`Graph::ty`].
    #[track_caller]
    pub fn tensor(&self, value: Value) -> &TensorType {
        self.ty(value).tensor()
    }

    /// Type of the rows of a value that is a list. Panics if it is none: where it may be none, match on [`Graph::ty`].
    #[track_caller]
    pub fn row(&self, value: Value) -> &TensorType {
        self.ty(value).list()
    }

    /// Where a value comes from.
    pub fn source(&self, value: Value) -> Source {
        self.values[value.index()].source
    }

    /// The name that the user gave the value, if any.
    pub fn value_name(&self, value: Value) -> Option<&str> {
        self.values[value.index()].name.as_deref()
    }

    /// The node that made the value; `None` for inputs.
    pub fn producer(&self, value: Value) -> Option<(NodeId, &Node)> {
        match self.source(value) {
            Source::Input(_) => None,
            Source::Result { node, .. } => Some((node, self.node(node))),
        }
    }

    /// The op that made the value; `None` for inputs.
    pub fn op(&self, value: Value) -> Option<&Op> {
        self.producer(value).map(|(_, node)| &node.op)
    }

    /// For each value how often it is used as an operand or an output.
    pub fn use_counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.values.len()];
        for value in self.nodes.iter().flat_map(|n| &n.operands).chain(&self.outputs) {
            counts[value.index()] += 1;
        }
        counts
    }

    /// How deep graphs nest: 1 without regions, else one more than the deepest region.
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((graph, depth)) = open.pop() {
            deepest = deepest.max(depth);
            let regions = graph.nodes.iter().flat_map(|node| &node.regions);
            open.extend(regions.map(|region| (region, depth + 1)));
        }
        deepest
    }

    /// Types of the inputs.
    pub fn input_types(&self) -> Vec<Type> {
        self.inputs.iter().map(|&v| self.ty(v).clone()).collect()
    }

    /// Types of the outputs.
    pub fn output_types(&self) -> Vec<Type> {
        self.outputs.iter().map(|&v| self.ty(v).clone()).collect()
    }

    pub(crate) fn new(name: String) -> Graph {
        Graph { name, ..Graph::default() }
    }

    pub(crate) fn add_input(&mut self, ty: Type, name: Option<String>) -> Value {
        let source = Source::Input(self.inputs.len());
        let value = self.add_value(ValueData { ty, source, name });
        self.inputs.push(value);
        value
    }

    pub(crate) fn add_node(
        &mut self,
        op: Op,
        operands: &[Value],
        regions: Vec<Graph>,
        types: impl IntoIterator<Item = Type>,
        location: Option<Location>,
    ) -> SmallVec<[Value; 1]> {
        let node = NodeId::new(self.nodes.len());
        let results: SmallVec<[Value; 1]> = types
            .into_iter()
            .enumerate()
            .map(|(position, ty)| {
                self.add_value(ValueData { ty, source: Source::Result { node, position }, name: None })
            })
            .collect();
        self.nodes.push(Node { op, operands: operands.into(), results: results.clone(), regions, location });
        results
    }

    pub(crate) fn set_outputs(&mut self, outputs: &[Value]) {
        self.outputs = outputs.to_vec();
    }

    pub(crate) fn set_value_name(&mut self, value: Value, name: Option<String>) {
        self.values[value.index()].name = name;
    }

    /// The graph cut before its node number `nodes`, without outputs. `None` if an input was declared after a node: the
    /// cut would renumber values.
    pub(crate) fn prefix(&self, nodes: usize) -> Option<Graph> {
        let inputs_first = self.inputs.last().is_none_or(|last| last.index() + 1 == self.inputs.len());
        let values = self.first_result_from(nodes);
        inputs_first.then(|| Graph {
            name: self.name.clone(),
            values: self.values[..values].to_vec(),
            inputs: self.inputs.clone(),
            nodes: self.nodes[..nodes].to_vec(),
            outputs: Vec::new(),
        })
    }

    /// Takes away the nodes from number `nodes` on, and their results.
    pub(crate) fn truncate(&mut self, nodes: usize) {
        if nodes < self.nodes.len() {
            let values = self.first_result_from(nodes);
            self.values.truncate(values);
            self.nodes.truncate(nodes);
            self.inputs.retain(|input| input.index() < values);
        }
    }

    /// Index of the first value made by node number `nodes` or a later one; the number of values if there is none.
    fn first_result_from(&self, nodes: usize) -> usize {
        let later = self.nodes.get(nodes..).unwrap_or_default();
        later.iter().find_map(|node| node.results.first()).map_or(self.values.len(), |v| v.index())
    }

    /// Numbers values anew if need be: inputs, then results in the order of nodes, so that equal graphs are equal data.
    pub(crate) fn number_inputs_first(&mut self) {
        if self.inputs.iter().enumerate().all(|(i, input)| input.index() == i) {
            return;
        }
        let order: Vec<Value> =
            self.inputs.iter().chain(self.nodes.iter().flat_map(|n| &n.results)).copied().collect();
        let mut renamed = vec![Value(0); self.values.len()];
        for (new, old) in order.iter().enumerate() {
            renamed[old.index()] = Value::new(new);
        }
        self.values = order.iter().map(|old| self.values[old.index()].clone()).collect();
        let nodes = self.nodes.iter_mut().flat_map(|n| n.operands.iter_mut().chain(&mut n.results));
        for value in self.inputs.iter_mut().chain(&mut self.outputs).chain(nodes) {
            *value = renamed[value.index()];
        }
    }

    fn add_value(&mut self, data: ValueData) -> Value {
        let value = Value::new(self.values.len());
        self.values.push(data);
        value
    }
}

/// Ways to break a graph, for the tests of the verifier.
#[cfg(test)]
impl Graph {
    pub(crate) fn inputs_mut(&mut self) -> &mut [Value] {
        &mut self.inputs
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    pub(crate) fn set_source(&mut self, value: Value, source: Source) {
        self.values[value.index()].source = source;
    }

    pub(crate) fn set_type(&mut self, value: Value, ty: Type) {
        self.values[value.index()].ty = ty;
    }

    pub(crate) fn add_stray(&mut self, ty: Type) -> Value {
        self.add_value(ValueData { ty, source: Source::Input(0), name: None })
    }
}
