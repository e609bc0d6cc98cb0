//! Copying graphs: what stands for the values of one graph in another one that is being built.

use smallvec::SmallVec;

use crate::op::Results;
use crate::{BuildError, Builder, Graph, Node, Value};

/// A copy of a graph, or of a part of it, in the making: for each value of the original what stands for it, if anything does yet.
///
/// The caller decides which nodes are copied, in their order, and what stands for the values of the others. So a copy can leave nodes out,
/// put others in their place, or end early. Copied nodes keep their source lines.
///
/// Mostly a [`Value`] of another graph stands for a value; a transformation that knows more of it can have something else.
///
/// ```
/// use tensorwright_ir::{Builder, Copier, Graph};
///
/// let graph: Graph = "graph @f(%x: f32[2]) { %y = exp(%x) %z = neg(%y) return %z }".parse()?;
/// let mut b = Builder::new("g");
/// let mut copier = Copier::declaring(&graph, &mut b);
/// let [exp, neg] = graph.nodes() else { unreachable!() };
/// copier.place(&mut b, exp, |b, x| b.tanh(x[0]).map(|y| [y]))?;
/// copier.copy(&mut b, neg)?;
/// let copy = b.finish(&copier.values(graph.outputs()));
/// assert_eq!(copy, "graph @g(%x: f32[2]) { %1 = tanh(%x) %2 = neg(%1) return %2 }".parse()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Copier<T = Value> {
    map: Vec<Option<T>>,
}

/// A copier of a graph without values.
impl<T> Default for Copier<T> {
    fn default() -> Copier<T> {
        Copier { map: Vec::new() }
    }
}

impl<T: Clone> Copier<T> {
    /// A copier with nothing in the place of any value yet.
    pub fn new(graph: &Graph) -> Copier<T> {
        Copier { map: vec![None; graph.values().len()] }
    }

    /// A copier with `inputs` in the place of the graph's inputs.
    pub fn with_inputs(graph: &Graph, inputs: &[T]) -> Copier<T> {
        let mut copier = Copier::new(graph);
        copier.set_all(graph.inputs(), inputs);
        copier
    }

    /// What stands for a value of the original; `None` if nothing does yet.
    pub fn get(&self, value: Value) -> Option<T> {
        self.map[value.index()].clone()
    }

    /// What stands for these values of the original. Panics if nothing does for one of them.
    pub fn values(&self, values: &[Value]) -> SmallVec<[T; 3]> {
        self.try_values(values).expect("values are copied before they are used")
    }

    /// What stands for these values of the original; `None` if nothing does for one of them.
    pub fn try_values(&self, values: &[Value]) -> Option<SmallVec<[T; 3]>> {
        values.iter().map(|&value| self.get(value)).collect()
    }

    /// Puts something in the place of a value, in that of what stood for it before.
    pub fn set(&mut self, value: Value, new: T) {
        self.map[value.index()] = Some(new);
    }

    /// Puts something in the place of each of several values.
    pub fn set_all(&mut self, values: &[Value], new: &[T]) {
        values.iter().zip(new).for_each(|(&value, new)| self.set(value, new.clone()));
    }
}

impl Copier {
    /// A copier with new inputs of `b`, of the same types and names, in the place of the graph's inputs.
    pub fn declaring(graph: &Graph, b: &mut Builder) -> Copier {
        let mut copier = Copier::new(graph);
        for &input in graph.inputs() {
            copier.declare(graph, b, input);
        }
        copier
    }

    /// A copier for a graph that was copied up to a point: each of its first `values` values stands for itself.
    pub fn continuing(graph: &Graph, values: usize) -> Copier {
        Copier { map: graph.values().map(|v| (v.index() < values).then_some(v)).collect() }
    }

    /// Puts a new input of `b`, of the same type and name, in the place of a value.
    pub fn declare(&mut self, graph: &Graph, b: &mut Builder, value: Value) -> Value {
        let new = b.input_like(graph, value);
        self.set(value, new);
        new
    }

    /// Appends a copy of the node. Fails if its op does not accept what stands for its operands.
    pub fn copy(&mut self, b: &mut Builder, node: &Node) -> Result<Results, BuildError> {
        let results = b.copy_node(node, &self.values(&node.operands))?;
        self.set_all(&node.results, &results);
        Ok(results)
    }

    /// Appends a copy of the node, and gives its results the names that they have in the graph. Fails as [`Copier::copy`] does.
    pub fn copy_named(&mut self, graph: &Graph, b: &mut Builder, node: &Node) -> Result<(), BuildError> {
        let results = self.copy(b, node)?;
        for (&old, &new) in node.results.iter().zip(&results) {
            if let Some(name) = graph.value_name(old) {
                b.set_name(new, Some(name.to_owned()));
            }
        }
        Ok(())
    }

    /// Appends a copy of the node with these regions. Fails if its op does not accept them, or what stands for its operands.
    pub fn copy_with(
        &mut self,
        b: &mut Builder,
        node: &Node,
        regions: Vec<Graph>,
    ) -> Result<Results, BuildError> {
        self.place(b, node, |b, operands| b.push_with_regions(node.op.clone(), operands, regions))
    }

    /// Puts what `build` makes of the node's operands, at the node's source line, in the place of its results. Fails if `build` does.
    pub fn place<R: AsRef<[Value]>, E>(
        &mut self,
        b: &mut Builder,
        node: &Node,
        build: impl FnOnce(&mut Builder, &[Value]) -> Result<R, E>,
    ) -> Result<R, E> {
        let outer = b.location().cloned();
        b.set_location(node.location.clone());
        let results = build(b, &self.values(&node.operands));
        b.set_location(outer);
        let results = results?;
        self.set_all(&node.results, results.as_ref());
        Ok(results)
    }
}

impl Builder {
    /// Inlines `graph`: its nodes are appended with `inputs` in place of its inputs. Returns its outputs.
    pub fn inline(&mut self, graph: &Graph, inputs: &[Value]) -> Result<Vec<Value>, BuildError> {
        let mut copier = Copier::with_inputs(graph, inputs);
        for node in graph.nodes() {
            copier.copy(self, node)?;
        }
        Ok(copier.values(graph.outputs()).into_vec())
    }
}
