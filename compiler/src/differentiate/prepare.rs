//! Replaces what is differentiated as something else: composites by their definitions, a `while` that runs a known number of times by a
//! `scan`. Numbers that are known move into the regions that take them, where the loops inside find them.

use std::borrow::Cow;

use tensorwright_ir::op::control::Scan;
use tensorwright_ir::op::{Derivative, Ports, Results, Role, Runs, TypeError};
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Op, Scalar, Value};

use crate::batch;

use super::activity::{masked, useful, varied};
use super::control::{Flow, Trips, number};

/// The graph with all active composites that have no rule replaced by their definitions, and all active `while` loops of known length by
/// scans, in regions too; inputs and outputs keep their places.
///
/// Definitions are made of composites, so this goes in rounds: one level of definitions each.
pub(super) fn prepare<'g>(
    graph: &'g Graph,
    inputs: &[bool],
    outputs: &[bool],
) -> Result<Cow<'g, Graph>, BuildError> {
    let mut latest = Cow::Borrowed(graph);
    while let Some(next) = changed_once(&latest, inputs, outputs)? {
        latest = Cow::Owned(next);
    }
    Ok(latest)
}

/// What becomes of a node.
enum Fate {
    Keep,
    Expand,
    /// It becomes this op with these regions.
    Change(Box<Op>, Vec<Graph>),
    /// It becomes this graph.
    Inline(Box<Graph>),
}

/// The graph after one round; `None` if there is nothing to change. Regions nest little, so the functions here call each other.
fn changed_once(graph: &Graph, inputs: &[bool], outputs: &[bool]) -> Result<Option<Graph>, BuildError> {
    let (varied, useful) = (varied(graph, inputs), useful(graph, outputs));
    let fate =
        |node: &Node| fate(graph, node, &masked(&varied, &node.operands), &masked(&useful, &node.results));
    let fates = graph.nodes().iter().map(fate).collect::<Result<Vec<Fate>, _>>()?;
    if fates.iter().all(|fate| matches!(fate, Fate::Keep)) {
        return Ok(None);
    }
    let mut b = Builder::new(graph.name());
    let mut copier = Copier::declaring(graph, &mut b);
    for (node, fate) in graph.nodes().iter().zip(fates) {
        match fate {
            Fate::Keep => copier.copy(&mut b, node)?,
            Fate::Expand => copier.place(&mut b, node, |b, operands| expand(b, node, operands))?,
            Fate::Change(op, regions) => {
                copier.place(&mut b, node, |b, operands| b.push_with_regions(*op, operands, regions))?
            }
            Fate::Inline(graph) => {
                copier.place(&mut b, node, |b, operands| Ok(b.inline(&graph, operands)?.into()))?
            }
        };
    }
    Ok(Some(b.finish(&copier.values(graph.outputs()))))
}

fn fate(graph: &Graph, node: &Node, operands: &[bool], results: &[bool]) -> Result<Fate, BuildError> {
    if !operands.contains(&true) || !results.contains(&true) {
        return Ok(Fate::Keep);
    }
    if matches!(node.op.derivative(), Derivative::Expansion) {
        return Ok(Fate::Expand);
    }
    let Some(flow) = Flow::of(node) else { return Ok(Fate::Keep) };
    if let Trips::Exactly(length) = Trips::of(graph, flow.ports, &node.operands, &node.regions) {
        let scan = Scan { carried: flow.ports.carried, scanned: 0, length, reverse: false };
        return Ok(Fate::Change(Box::new(scan.into()), flow.ports.bodies(&node.regions).to_vec()));
    }
    if let Some(regions) = with_numbers(graph, node, flow.ports)? {
        return Ok(Fate::Change(Box::new(node.op.clone()), regions));
    }
    let (inputs, outputs) = (flow.varied_inputs(operands), flow.useful_outputs(results));
    // The condition of a loop has nothing to differentiate.
    let change = |(i, region): (usize, &Graph)| match flow.ports.role(i) {
        Role::Body => changed_once(region, &inputs, &outputs),
        Role::Condition | Role::Rule => Ok(None),
    };
    let changed = node.regions.iter().enumerate().map(change);
    let changed = changed.collect::<Result<Vec<Option<Graph>>, _>>()?;
    if changed.iter().all(Option::is_none) {
        return Ok(together(node).map_or(Fate::Keep, |graph| Fate::Inline(Box::new(graph))));
    }
    let regions = changed.into_iter().zip(&node.regions);
    let regions = regions.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect();
    Ok(Fate::Change(Box::new(node.op.clone()), regions))
}

/// A `map` of a `while` as a loop of all examples, which saves rows of all of them, rather than lists for each.
fn together(node: &Node) -> Option<Graph> {
    let Op::Map(map) = &node.op else { return None };
    let region = &node.regions[0];
    if !has_while(region) {
        return None;
    }
    let mask: Vec<bool> = (0..region.inputs().len()).map(|input| input < map.mapped).collect();
    let batched = batch::batch_together(region, map.length, &mask).ok()?;
    batched.per_example.iter().all(|&own| own).then_some(batched.graph)
}

fn has_while(graph: &Graph) -> bool {
    let is_while = |node: &Node| node.op.ports().is_some_and(|ports| ports.runs == Runs::While);
    graph.nodes().iter().any(|node| is_while(node) || node.regions.iter().any(has_while))
}

/// The regions of a node with known numbers among their invariants as constants of their own; `None` if they use no such inputs.
fn with_numbers(graph: &Graph, node: &Node, ports: Ports) -> Result<Option<Vec<Graph>>, BuildError> {
    let first = ports.first_invariant();
    let operands = node.operands[ports.selectors()..].iter().enumerate().skip(first);
    let numbers = operands.filter_map(|(input, &v)| Some((input, number(graph, v)?)));
    let used = |input: usize| node.regions.iter().any(|region| uses(region, region.inputs()[input]));
    let numbers: Vec<(usize, Scalar)> = numbers.filter(|(input, _)| used(*input)).collect();
    if numbers.is_empty() {
        return Ok(None);
    }
    node.regions.iter().map(|region| with_constants(region, &numbers)).collect::<Result<_, _>>().map(Some)
}

fn uses(region: &Graph, value: Value) -> bool {
    region.outputs().contains(&value) || region.nodes().iter().any(|node| node.operands.contains(&value))
}

/// A region with these numbers in place of inputs, which stay.
fn with_constants(region: &Graph, numbers: &[(usize, Scalar)]) -> Result<Graph, BuildError> {
    let mut b = Builder::new(region.name());
    let mut copier = Copier::declaring(region, &mut b);
    for &(input, number) in numbers {
        let input = region.inputs()[input];
        let constant = b.full(number, &region.tensor(input).shape)?;
        copier.set(input, constant);
    }
    for node in region.nodes() {
        copier.copy_named(region, &mut b, node)?;
    }
    Ok(b.finish(&copier.values(region.outputs())))
}

fn expand(b: &mut Builder, node: &Node, operands: &[Value]) -> Result<Results, BuildError> {
    let failed = |b: &Builder, source: TypeError| BuildError {
        op: node.op.name(),
        operands: operands.iter().map(|&v| b.ty(v).clone()).collect(),
        location: node.location.clone(),
        source: source.into(),
    };
    match node.op.expand(b, operands, &node.regions) {
        Some(Ok(results)) => Ok(results),
        Some(Err(source)) => Err(failed(b, source)),
        None => Err(failed(b, TypeError::Other("has neither a derivative nor a definition".to_owned()))),
    }
}
