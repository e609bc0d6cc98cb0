//! Replaces the composites that are differentiated as their definitions.

use std::borrow::Cow;

use tensorwright_ir::op::{Derivative, Results, Role, TypeError};
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Value};

use super::activity::{masked, useful, varied};
use super::control::Flow;

/// The graph with all active composites that have no rule replaced by their definitions, in regions too; inputs and outputs keep
/// their places.
///
/// Definitions are made of composites, so this goes in rounds: one level of definitions each.
pub(super) fn prepare<'g>(
    graph: &'g Graph,
    inputs: &[bool],
    outputs: &[bool],
) -> Result<Cow<'g, Graph>, BuildError> {
    let mut latest = Cow::Borrowed(graph);
    while let Some(next) = expand_once(&latest, inputs, outputs)? {
        latest = Cow::Owned(next);
    }
    Ok(latest)
}

/// What becomes of a node.
enum Fate {
    Keep,
    Expand,
    /// These take the place of its regions.
    Regions(Vec<Graph>),
}

/// The graph after one round; `None` if there is nothing to expand. Regions nest little, so the functions here call each other.
fn expand_once(graph: &Graph, inputs: &[bool], outputs: &[bool]) -> Result<Option<Graph>, BuildError> {
    let (varied, useful) = (varied(graph, inputs), useful(graph, outputs));
    let fate = |node: &Node| fate(node, &masked(&varied, &node.operands), &masked(&useful, &node.results));
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
            Fate::Regions(regions) => copier.copy_with(&mut b, node, regions)?,
        };
    }
    Ok(Some(b.finish(&copier.values(graph.outputs()))))
}

fn fate(node: &Node, operands: &[bool], results: &[bool]) -> Result<Fate, BuildError> {
    if !operands.contains(&true) || !results.contains(&true) {
        return Ok(Fate::Keep);
    }
    if matches!(node.op.derivative(), Derivative::Expansion) {
        return Ok(Fate::Expand);
    }
    let Some(flow) = Flow::of(node) else { return Ok(Fate::Keep) };
    let (inputs, outputs) = (flow.varied_inputs(operands), flow.useful_outputs(results));
    // The condition of a loop has nothing to differentiate.
    let expand = |(i, region): (usize, &Graph)| match flow.ports.role(i) {
        Role::Body => expand_once(region, &inputs, &outputs),
        Role::Condition | Role::Rule => Ok(None),
    };
    let expanded = node.regions.iter().enumerate().map(expand);
    let expanded = expanded.collect::<Result<Vec<Option<Graph>>, _>>()?;
    if expanded.iter().all(Option::is_none) {
        return Ok(Fate::Keep);
    }
    let regions = expanded.into_iter().zip(&node.regions);
    Ok(Fate::Regions(regions.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect()))
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
