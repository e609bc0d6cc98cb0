//! Running a pass on a graph and on its regions.
//!
//! Regions come before the graph around them, the innermost first. What a pass does to a graph can give it work in the regions
//! (a constant that goes in, an output that nobody needs), so this repeats until the graph stays as it is. Regions nest at
//! most [`MAX_DEPTH`] deep, so the functions here call each other.

use tensorwright_ir::Graph;
use tensorwright_ir::text::MAX_DEPTH;

use super::rewriter::{Rewrite, rewrite_all};
use super::{Context, Pass};

/// What goes in moves one region further with each round, and out with each.
const ROUNDS: usize = 2 * MAX_DEPTH;

/// The graph after the pass; `None` if there is nothing to change.
pub(super) fn run_everywhere(pass: &dyn Pass, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
    if !has_regions(graph) {
        return pass.run(graph, cx);
    }
    let mut latest = None;
    for _ in 0..ROUNDS {
        if let Some(new) = in_regions(pass, latest.as_ref().unwrap_or(graph), cx) {
            latest = Some(new);
        }
        match pass.run(latest.as_ref().unwrap_or(graph), cx) {
            Some(new) if has_regions(&new) => latest = Some(new),
            Some(new) => return Some(new),
            None => return latest,
        }
    }
    cx.count("round budget used up");
    latest
}

/// Whether a node of the graph has regions.
pub(super) fn has_regions(graph: &Graph) -> bool {
    graph.nodes().iter().any(|node| !node.regions.is_empty())
}

/// The graph with its regions after the pass; `None` if no region changes.
fn in_regions(pass: &dyn Pass, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
    let mut run = |region: &Graph| run_everywhere(pass, region, cx);
    let new: Vec<Vec<Option<Graph>>> =
        graph.nodes().iter().map(|node| node.regions.iter().map(&mut run).collect()).collect();
    if new.iter().flatten().all(Option::is_none) {
        return None;
    }
    let mut new = new.into_iter();
    rewrite_all(graph, cx, |r, site| {
        let regions = new.next().unwrap_or_default();
        if regions.iter().all(Option::is_none) {
            return Ok(Rewrite::Keep);
        }
        let changed = regions.into_iter().zip(&site.node.regions);
        let regions = changed.map(|(new, old)| new.unwrap_or_else(|| old.clone())).collect();
        let op = site.node.op.clone();
        Ok(Rewrite::Replace(r.build().push_with_regions(op, &site.operands, regions)?))
    })
}
