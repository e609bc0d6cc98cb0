//! Replaces the composites that are differentiated as their definitions.

use std::borrow::Cow;

use tensorwright_ir::op::{Derivative, Results, TypeError};
use tensorwright_ir::{BuildError, Builder, Graph, Node, Value};

use super::activity::{useful, varied};
use super::copy_inputs;

/// The graph with all active composites that have no rule replaced by their definitions; inputs and outputs keep their places.
///
/// Definitions are made of composites, so this goes in rounds: one level of definitions each.
pub(super) fn prepare<'g>(
    graph: &'g Graph,
    inputs: &[bool],
    outputs: &[bool],
) -> Result<Cow<'g, Graph>, BuildError> {
    let mut latest = Cow::Borrowed(graph);
    loop {
        let (varied, useful) = (varied(&latest, inputs), useful(&latest, outputs));
        let expands = |node: &Node| {
            matches!(node.op.derivative(), Derivative::Expansion)
                && node.operands.iter().any(|v| varied[v.index()])
                && node.results.iter().any(|v| useful[v.index()])
        };
        if !latest.nodes().iter().any(expands) {
            return Ok(latest);
        }
        latest = Cow::Owned(expand_once(&latest, expands)?);
    }
}

fn expand_once(graph: &Graph, expands: impl Fn(&Node) -> bool) -> Result<Graph, BuildError> {
    let mut b = Builder::new(graph.name());
    let mut map: Vec<Option<Value>> = vec![None; graph.values().len()];
    for (&old, new) in graph.inputs().iter().zip(copy_inputs(&mut b, graph)) {
        map[old.index()] = Some(new);
    }
    for node in graph.nodes() {
        let operands = mapped(&map, &node.operands);
        let results = match expands(node) {
            true => expand(&mut b, node, &operands)?,
            false => b.copy_node(node, &operands)?,
        };
        for (&old, &new) in node.results.iter().zip(&results) {
            map[old.index()] = Some(new);
        }
    }
    let outputs = mapped(&map, graph.outputs());
    Ok(b.finish(&outputs))
}

/// What stands for these values in a copy of their graph.
pub(super) fn mapped(map: &[Option<Value>], values: &[Value]) -> Vec<Value> {
    values.iter().map(|v| map[v.index()].expect("operands come first")).collect()
}

fn expand(b: &mut Builder, node: &Node, operands: &[Value]) -> Result<Results, BuildError> {
    b.set_location(node.location.clone());
    let failed = |b: &Builder, source: TypeError| BuildError {
        op: node.op.name(),
        operands: operands.iter().map(|&v| b.ty(v).clone()).collect(),
        location: node.location.clone(),
        source: source.into(),
    };
    match node.op.expand(b, operands) {
        Some(Ok(results)) => Ok(results),
        Some(Err(source)) => Err(failed(b, source)),
        None => Err(failed(b, TypeError::Other("has neither a derivative nor a definition".to_owned()))),
    }
}
