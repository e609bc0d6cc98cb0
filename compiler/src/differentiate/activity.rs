//! Which values take part in differentiation.

use tensorwright_ir::op::Derivative;
use tensorwright_ir::{Graph, Node, Value};

/// Whether tangents can go through the node at all.
pub(super) fn passes(node: &Node) -> bool {
    !matches!(node.op.derivative(), Derivative::Zero)
}

/// For each value whether it depends on one of the inputs, differentiably.
pub(super) fn varied(graph: &Graph, inputs: &[bool]) -> Vec<bool> {
    let mut varied = vec![false; graph.values().len()];
    for (&input, &active) in graph.inputs().iter().zip(inputs) {
        varied[input.index()] = active && is_float(graph, input);
    }
    for node in graph.nodes() {
        if passes(node) && node.operands.iter().any(|v| varied[v.index()]) {
            for &result in node.results.iter().filter(|&&v| is_float(graph, v)) {
                varied[result.index()] = true;
            }
        }
    }
    varied
}

/// For each value whether one of the outputs depends on it, differentiably.
pub(super) fn useful(graph: &Graph, outputs: &[bool]) -> Vec<bool> {
    let mut useful = vec![false; graph.values().len()];
    for (&output, &active) in graph.outputs().iter().zip(outputs) {
        useful[output.index()] |= active && is_float(graph, output);
    }
    for node in graph.nodes().iter().rev() {
        if passes(node) && node.results.iter().any(|v| useful[v.index()]) {
            for &operand in node.operands.iter().filter(|&&v| is_float(graph, v)) {
                useful[operand.index()] = true;
            }
        }
    }
    useful
}

fn is_float(graph: &Graph, value: Value) -> bool {
    graph.ty(value).dtype.is_float()
}
