//! Which values take part in differentiation.

use tensorwright_ir::op::Derivative;
use tensorwright_ir::{Graph, Node, Value};

use super::control::Flow;

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
        let operands = masked(&varied, &node.operands);
        if !passes(node) || !operands.contains(&true) {
            continue;
        }
        let through = Flow::of(node).map(|flow| flow.varied_results(&operands));
        for (i, &result) in node.results.iter().enumerate() {
            varied[result.index()] = is_float(graph, result) && through.as_ref().is_none_or(|t| t[i]);
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
        let results = masked(&useful, &node.results);
        if !passes(node) || !results.contains(&true) {
            continue;
        }
        let through = Flow::of(node).map(|flow| flow.useful_operands(&results));
        for (i, &operand) in node.operands.iter().enumerate() {
            useful[operand.index()] |= is_float(graph, operand) && through.as_ref().is_none_or(|t| t[i]);
        }
    }
    useful
}

/// What is said of these values.
pub(super) fn masked(of_all: &[bool], values: &[Value]) -> Vec<bool> {
    values.iter().map(|v| of_all[v.index()]).collect()
}

pub(super) fn is_float(graph: &Graph, value: Value) -> bool {
    graph.ty(value).is_differentiable()
}
