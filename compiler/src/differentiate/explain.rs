//! Why an input has no derivative.

use std::fmt;

use tensorwright_ir::op::Role;
use tensorwright_ir::{DType, Graph, Location, Node, Op, Source};

use super::activity::{masked, passes, varied};
use super::control::Flow;
use super::prepare::prepare;
use super::{DifferentiateError, positions};

/// An input without a derivative: no output depends on it differentiably.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unconnected {
    /// The input: its name, or its position.
    pub input: String,
    /// Why the result does not depend on the input.
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
    Blocked(Vec<Vec<PathStep>>),
}

/// An op on the way from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// Description of the op.
    pub op: String,
    /// The source line that wrote it, if known.
    pub location: Option<Location>,
}

/// The reason why no float output of `graph` depends differentiably on the input at this position; `None` if one does. Fails if
/// there is no such input.
pub fn explain(graph: &Graph, input: usize) -> Result<Option<Unconnected>, DifferentiateError> {
    let inputs = positions(graph, &[input])?;
    let graph = prepare(graph, &inputs, &vec![true; graph.outputs().len()])?;
    let scope = Scope::new(&graph, &inputs, &vec![true; graph.outputs().len()]);
    let start = graph.inputs()[input];
    let dtype = graph.tensor(start).dtype;
    let connected = graph.outputs().iter().any(|v| scope.varied[v.index()]);
    let reason = match dtype.is_differentiable() {
        _ if connected => return Ok(None),
        false => Reason::DType(dtype),
        true => match scope.blocked() {
            paths if paths.is_empty() => Reason::Unused,
            paths => Reason::Blocked(paths.into_iter().map(|(_, path)| path).collect()),
        },
    };
    let input = graph.value_name(start).map_or_else(|| format!("input {input}"), str::to_owned);
    Ok(Some(Unconnected { input, reason }))
}

/// A graph on the way: an input's derivative gets into it at some of its inputs, and some of its outputs matter.
struct Scope<'g> {
    graph: &'g Graph,
    varied: Vec<bool>,
    needed: Vec<bool>,
}

impl<'g> Scope<'g> {
    fn new(graph: &'g Graph, inputs: &[bool], outputs: &[bool]) -> Scope<'g> {
        Scope { graph, varied: varied(graph, inputs), needed: needed(graph, outputs) }
    }

    /// The ways from the inputs to the ops that end them and that an output depends on, in regions too. Regions nest little,
    /// so this calls itself. Each way is given with the position of the input at which it starts.
    fn blocked(&self) -> Vec<(usize, Vec<PathStep>)> {
        let mut paths = Vec::new();
        for node in self.graph.nodes() {
            let (operands, results) =
                (masked(&self.varied, &node.operands), masked(&self.varied, &node.results));
            if !operands.contains(&true) || !node.results.iter().any(|v| self.needed[v.index()]) {
                continue;
            }
            match Flow::of(node) {
                Some(flow) => paths.extend(self.blocked_inside(node, &flow, &operands)),
                None if results.contains(&true) => {}
                None => paths.extend(operands.iter().position(|&o| o).map(|o| self.path(node, o))),
            }
        }
        paths
    }

    fn blocked_inside(&self, node: &Node, flow: &Flow, operands: &[bool]) -> Vec<(usize, Vec<PathStep>)> {
        let results = masked(&self.needed, &node.results);
        let (inputs, needed) = (flow.varied_inputs(operands), needed_outputs(node, flow, &results));
        let mut paths = Vec::new();
        for (region, outputs) in node.regions.iter().zip(needed) {
            for (input, steps) in Scope::new(region, &inputs, &outputs).blocked() {
                let origin = flow.origins(input).iter().zip(operands).position(|(&o, &varied)| o && varied);
                let Some(origin) = origin else { continue };
                let (start, mut path) = self.path(node, origin);
                path.extend(steps);
                paths.push((start, path));
            }
        }
        paths
    }

    /// A way from an input to the node, by this operand.
    fn path(&self, node: &Node, operand: usize) -> (usize, Vec<PathStep>) {
        let mut steps = vec![step(self.graph, node)];
        let mut from = node.operands[operand];
        loop {
            match self.graph.source(from) {
                Source::Input(input) => {
                    steps.reverse();
                    return (input, steps);
                }
                Source::Result { node, position } => {
                    let node = self.graph.node(node);
                    steps.push(step(self.graph, node));
                    let varied = masked(&self.varied, &node.operands);
                    let through =
                        Flow::of(node).map(|flow| flow.useful_operands(&only(position, node.results.len())));
                    let through = |i: usize| varied[i] && through.as_ref().is_none_or(|t| t[i]);
                    let operand = (0..varied.len()).find(|&i| through(i));
                    from = node.operands[operand.expect("what varies depends on something that does")];
                }
            }
        }
    }
}

/// The mask that is set at one position.
fn only(position: usize, length: usize) -> Vec<bool> {
    (0..length).map(|i| i == position).collect()
}

/// For each value whether one of these outputs depends on it, differentiably or not.
fn needed(graph: &Graph, outputs: &[bool]) -> Vec<bool> {
    let mut values = vec![false; graph.values().len()];
    graph.outputs().iter().zip(outputs).for_each(|(v, &needed)| values[v.index()] |= needed);
    for node in graph.nodes().iter().rev() {
        if node.results.iter().any(|v| values[v.index()]) {
            node.operands.iter().for_each(|v| values[v.index()] = true);
        }
    }
    values
}

/// For each region of a node the outputs that matter if these results do: of loops also the state that these are made of.
fn needed_outputs(node: &Node, flow: &Flow, results: &[bool]) -> Vec<Vec<bool>> {
    let ports = flow.ports;
    let mut needed_results = results.to_vec();
    let outputs_of = |results: &[bool], region: usize| match ports.role(region) {
        Role::Condition => vec![true],
        Role::Body | Role::Rule => results.to_vec(),
    };
    loop {
        let regions = 0..node.regions.len();
        let outputs: Vec<Vec<bool>> = regions.map(|region| outputs_of(&needed_results, region)).collect();
        let mut grown = false;
        for (region, outputs) in node.regions.iter().zip(&outputs) {
            let values = needed(region, outputs);
            for (state, input) in region.inputs()[..ports.carried].iter().enumerate() {
                grown |= values[input.index()] && !needed_results[state];
                needed_results[state] |= values[input.index()];
            }
        }
        if !grown {
            return outputs;
        }
    }
}

fn step(graph: &Graph, node: &Node) -> PathStep {
    PathStep { op: describe(graph, node), location: node.location.clone() }
}

fn describe(graph: &Graph, node: &Node) -> String {
    match (&node.op, node.results.first()) {
        (Op::Cast(_) | Op::Bitcast(_), Some(&result)) => {
            format!("{} to {}", node.op.name(), graph.tensor(result).dtype)
        }
        // The op would have a derivative, but not in this dtype.
        (_, Some(&result)) if passes(node) && !graph.tensor(result).dtype.is_differentiable() => {
            format!("{} with a result of {}", node.op.name(), graph.tensor(result).dtype)
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

fn write_path(f: &mut fmt::Formatter<'_>, path: &[PathStep]) -> fmt::Result {
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

impl fmt::Display for PathStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.location {
            Some(location) => write!(f, "{} at {location}", self.op),
            None => f.write_str(&self.op),
        }
    }
}
