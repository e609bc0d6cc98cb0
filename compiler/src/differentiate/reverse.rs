//! Reverse mode: cotangents go back through the nodes, last node first.

use tensorwright_ir::op::Primal;
use tensorwright_ir::{BuildError, Builder, Graph, Node, Value};

use super::activity::varied;
use super::prepare::{mapped, prepare};
use super::{Appended, DifferentiateError, rule};

/// Appends `graph` to `b`, with `inputs` in place of its inputs, and the cotangents of its inputs.
///
/// `cotangents` has one entry for each output, of its type; `None` is zero, as it must be for outputs that are no floats.
/// `wanted` says for each input whether its cotangent is asked for, and [`Appended::derivatives`] has one entry for each.
/// Where several uses of a value have cotangents, these are added in the order in which the sweep meets them: outputs first,
/// then uses from the last to the first. New nodes carry the locations of the nodes of `graph` that they belong to. Fails as
/// [`vjp`](super::vjp) does.
pub fn append_vjp(
    b: &mut Builder,
    graph: &Graph,
    inputs: &[Value],
    cotangents: &[Option<Value>],
    wanted: &[bool],
) -> Result<Appended, DifferentiateError> {
    let active: Vec<bool> = cotangents.iter().map(Option::is_some).collect();
    let graph = prepare(graph, wanted, &active)?;
    let varied = varied(&graph, wanted);
    let mut values: Vec<Option<Value>> = vec![None; graph.values().len()];
    for (&input, &value) in graph.inputs().iter().zip(inputs) {
        values[input.index()] = Some(value);
    }
    for node in graph.nodes() {
        let results = b.copy_node(node, &mapped(&values, &node.operands))?;
        for (&old, &new) in node.results.iter().zip(&results) {
            values[old.index()] = Some(new);
        }
    }
    let outer = b.location().cloned();
    let mut sweep = Sweep { b, values, varied, sums: vec![None; graph.values().len()] };
    for (&output, &cotangent) in graph.outputs().iter().zip(cotangents) {
        sweep.add(output, cotangent)?;
    }
    for node in graph.nodes().iter().rev() {
        sweep.step(node)?;
    }
    let Sweep { b, values, sums, .. } = sweep;
    b.set_location(outer);
    Ok(Appended {
        outputs: mapped(&values, graph.outputs()),
        derivatives: graph.inputs().iter().map(|v| sums[v.index()]).collect(),
    })
}

struct Sweep<'b> {
    b: &'b mut Builder,
    /// What stands for the values of the original.
    values: Vec<Option<Value>>,
    varied: Vec<bool>,
    /// The cotangents so far.
    sums: Vec<Option<Value>>,
}

impl Sweep<'_> {
    /// Adds to the cotangent of a value, if anything that is asked for depends on it.
    fn add(&mut self, value: Value, cotangent: Option<Value>) -> Result<(), BuildError> {
        if self.varied[value.index()] {
            let sum = &mut self.sums[value.index()];
            *sum = self.b.add_derivatives(*sum, cotangent)?;
        }
        Ok(())
    }

    fn step(&mut self, node: &Node) -> Result<(), DifferentiateError> {
        let cotangents: Vec<Option<Value>> = node.results.iter().map(|v| self.sums[v.index()]).collect();
        let wanted: Vec<bool> = node.operands.iter().map(|v| self.varied[v.index()]).collect();
        if cotangents.iter().all(Option::is_none) || !wanted.contains(&true) {
            return Ok(());
        }
        let Some(rule) = rule(node)? else { return Ok(()) };
        let (operands, results) = (mapped(&self.values, &node.operands), mapped(&self.values, &node.results));
        self.b.set_location(node.location.clone());
        let mut primal =
            Primal { b: &mut *self.b, op: &node.op, operands: &operands, results: &results, wanted: &wanted };
        let found = rule.vjp(&mut primal, &cotangents)?;
        for (&operand, cotangent) in node.operands.iter().zip(found) {
            self.add(operand, cotangent)?;
        }
        Ok(())
    }
}
