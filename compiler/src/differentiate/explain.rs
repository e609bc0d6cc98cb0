//! Why an input has no derivative.

use std::fmt;

use tensorwright_ir::{DType, Graph, Location, Node, NodeId, Op, Value};

use super::activity::{passes, varied};
use super::prepare::prepare;
use super::{DifferentiateError, positions};

/// An input without a derivative: no output depends on it differentiably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconnected {
    /// The input: its name, or its position.
    pub input: String,
    /// Why.
    pub reason: Reason,
}

/// Why an input is unconnected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is of a dtype that has no derivatives.
    DType(DType),
    /// No output depends on it.
    Unused,
    /// Outputs depend on it only through ops that have no derivative: for each of these the way to it, itself last.
    Blocked(Vec<Vec<Step>>),
}

/// An op on the way from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it does.
    pub op: String,
    /// The source line that wrote it, if known.
    pub location: Option<Location>,
}

/// The reason why no float output of `graph` depends differentiably on the input at this position; `None` if one does. Fails if
/// there is no such input.
pub fn explain(graph: &Graph, input: usize) -> Result<Option<Unconnected>, DifferentiateError> {
    let inputs = positions(graph, &[input])?;
    let graph = prepare(graph, &inputs, &vec![true; graph.outputs().len()])?;
    let varied = varied(&graph, &inputs);
    let start = graph.inputs()[input];
    let dtype = graph.ty(start).dtype;
    let connected = graph.outputs().iter().any(|v| varied[v.index()]);
    let reason = match dtype.is_float() {
        _ if connected => return Ok(None),
        false => Reason::DType(dtype),
        true => match blocked(&graph, start, &varied) {
            paths if paths.is_empty() => Reason::Unused,
            paths => Reason::Blocked(paths),
        },
    };
    let input = graph.value_name(start).map_or_else(|| format!("input {input}"), str::to_owned);
    Ok(Some(Unconnected { input, reason }))
}

/// The ways from an input to the ops that end them and that an output depends on.
fn blocked(graph: &Graph, start: Value, varied: &[bool]) -> Vec<Vec<Step>> {
    let needed = needed(graph);
    let ends = |node: &Node| {
        node.operands.iter().any(|v| varied[v.index()]) && !node.results.iter().any(|v| varied[v.index()])
    };
    let ends = graph.iter().filter(|(id, node)| needed[id.index()] && ends(node));
    ends.map(|(id, _)| path(graph, start, id, varied)).collect()
}

/// For each node whether an output depends on it, differentiably or not.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut values = vec![false; graph.values().len()];
    graph.outputs().iter().for_each(|v| values[v.index()] = true);
    let mut needed = vec![false; graph.nodes().len()];
    for (id, node) in graph.iter().rev() {
        if node.results.iter().any(|v| values[v.index()]) {
            needed[id.index()] = true;
            node.operands.iter().for_each(|v| values[v.index()] = true);
        }
    }
    needed
}

fn path(graph: &Graph, start: Value, end: NodeId, varied: &[bool]) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut node = graph.node(end);
    loop {
        steps.push(Step { op: describe(graph, node), location: node.location.clone() });
        let from = node.operands.iter().copied().find(|v| varied[v.index()]).filter(|&v| v != start);
        match from.and_then(|v| graph.producer(v)) {
            Some((_, producer)) => node = producer,
            None => break,
        }
    }
    steps.reverse();
    steps
}

fn describe(graph: &Graph, node: &Node) -> String {
    match (&node.op, node.results.first()) {
        (Op::Cast(_) | Op::Bitcast(_), Some(&result)) => {
            format!("{} to {}", node.op.name(), graph.ty(result).dtype)
        }
        // The op would have a derivative, but not in this dtype.
        (_, Some(&result)) if passes(node) && !graph.ty(result).dtype.is_float() => {
            format!("{} with a result of {}", node.op.name(), graph.ty(result).dtype)
        }
        _ => node.op.name().to_owned(),
    }
}

/// Steps of a way that are printed; the middle of a longer one is left out.
const PRINTED_STEPS: usize = 8;

impl fmt::Display for Unconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let input = &self.input;
        match &self.reason {
            Reason::DType(dtype) => write!(f, "{input} is {dtype}, which has no derivatives"),
            Reason::Unused => write!(f, "no output depends on {input}"),
            Reason::Blocked(paths) => {
                for (i, path) in paths.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "\n" };
                    write!(f, "{separator}{input}")?;
                    write_path(f, path)?;
                }
                Ok(())
            }
        }
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &[Step]) -> fmt::Result {
    let skipped = path.len().saturating_sub(PRINTED_STEPS);
    let (head, tail) = path.split_at(if skipped > 0 { PRINTED_STEPS / 2 } else { 0 });
    for step in head {
        write!(f, " -> {step}")?;
    }
    if skipped > 0 {
        write!(f, " -> .. {skipped} more ..")?;
    }
    for step in &tail[skipped..] {
        write!(f, " -> {step}")?;
    }
    f.write_str(" is not differentiable")
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} at {location}", self.op),
            None => f.write_str(&self.op),
        }
    }
}
