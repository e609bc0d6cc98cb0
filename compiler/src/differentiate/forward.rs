//! Forward mode: tangents go along with the nodes.

use tensorwright_ir::op::Primal;
use tensorwright_ir::{Builder, Graph, Value};

use super::activity::useful;
use super::prepare::{mapped, prepare};
use super::{Appended, DifferentiateError, rule};

/// Appends `graph` to `b`, with `inputs` in place of its inputs, and the tangents of its outputs.
///
/// `tangents` has one entry for each input, of its type; `None` is zero, as it must be for inputs that are no floats.
/// [`Appended::derivatives`] has one entry for each output. New nodes carry the locations of the nodes of `graph` that they
/// belong to. Fails as [`jvp`](super::jvp) does.
pub fn append_jvp(
    b: &mut Builder,
    graph: &Graph,
    inputs: &[Value],
    tangents: &[Option<Value>],
) -> Result<Appended, DifferentiateError> {
    let outputs = vec![true; graph.outputs().len()];
    let active: Vec<bool> = tangents.iter().map(Option::is_some).collect();
    let graph = prepare(graph, &active, &outputs)?;
    let useful = useful(&graph, &outputs);
    let mut values: Vec<Option<Value>> = vec![None; graph.values().len()];
    let mut derivatives: Vec<Option<Value>> = vec![None; graph.values().len()];
    for ((&input, &value), &tangent) in graph.inputs().iter().zip(inputs).zip(tangents) {
        values[input.index()] = Some(value);
        derivatives[input.index()] = tangent;
    }
    let outer = b.location().cloned();
    for node in graph.nodes() {
        let operands = mapped(&values, &node.operands);
        let results = b.copy_node(node, &operands)?;
        for (&old, &new) in node.results.iter().zip(&results) {
            values[old.index()] = Some(new);
        }
        let tangents: Vec<Option<Value>> = node.operands.iter().map(|v| derivatives[v.index()]).collect();
        let of_use = node.results.iter().any(|v| useful[v.index()]);
        if !of_use || tangents.iter().all(Option::is_none) {
            continue;
        }
        let Some(rule) = rule(node)? else { continue };
        b.set_location(node.location.clone());
        let wanted = vec![false; operands.len()];
        let (op, operands, results, wanted) = (&node.op, &operands[..], &results[..], &wanted[..]);
        let mut primal = Primal { b: &mut *b, op, operands, results, wanted };
        let found = rule.jvp(&mut primal, &tangents)?;
        for (&result, tangent) in node.results.iter().zip(found) {
            derivatives[result.index()] = tangent.filter(|_| useful[result.index()]);
        }
    }
    b.set_location(outer);
    Ok(Appended {
        outputs: mapped(&values, graph.outputs()),
        derivatives: graph.outputs().iter().map(|v| derivatives[v.index()]).collect(),
    })
}
