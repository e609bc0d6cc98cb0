//! The search: changes that make a graph smaller, tried until none keeps it failing.

use std::collections::BTreeSet;

use tensorwright_ir::{Graph, NodeId, Value};

use super::rebuild::{Change, rebuild};

/// A greedy search with a budget.
pub(super) struct Search<F> {
    graph: Graph,
    fails: F,
    budget: usize,
    tried: usize,
}

/// How large a graph is, in the order in which it is to become smaller.
type Size = (usize, usize, usize, usize);

fn size(graph: &Graph) -> Size {
    let elements =
        graph.values().fold(0usize, |sum, value| sum.saturating_add(graph.tensor(value).elements()));
    (graph.nodes().len(), graph.outputs().len(), graph.inputs().len(), elements)
}

impl<F: Fn(&Graph) -> bool> Search<F> {
    /// A search that starts from a graph that fails.
    pub(super) fn new(graph: Graph, budget: usize, fails: F) -> Search<F> {
        Search { graph, fails, budget, tried: 0 }
    }

    /// How many graphs were tried.
    pub(super) fn tried(&self) -> usize {
        self.tried
    }

    /// The smallest failing graph found.
    pub(super) fn into_graph(self) -> Graph {
        self.graph
    }

    /// Goes through all kinds of changes until a whole round makes nothing smaller.
    pub(super) fn run(&mut self) {
        loop {
            let before = size(&self.graph);
            self.fewer_outputs();
            self.fewer_nodes();
            self.skipped_nodes();
            self.earlier_outputs();
            self.merged_inputs();
            self.smaller_extents();
            if size(&self.graph) >= before || self.tried >= self.budget {
                break;
            }
        }
        let outputs = self.graph.outputs().to_vec();
        self.accept(rebuild(&self.graph, &outputs, &Change { anonymous: true, ..Change::default() }));
    }

    /// Keeps the candidate if it fails.
    fn accept(&mut self, candidate: Option<Graph>) -> bool {
        let Some(candidate) = candidate.filter(|c| *c != self.graph && self.tried < self.budget) else {
            return false;
        };
        self.tried += 1;
        let fails = (self.fails)(&candidate);
        if fails {
            self.graph = candidate;
        }
        fails
    }

    /// As `accept`, but for candidates that may not be smaller.
    fn accept_smaller(&mut self, candidate: Option<Graph>) -> bool {
        let now = size(&self.graph);
        self.accept(candidate.filter(|c| size(c) < now))
    }

    /// One output alone, else without each.
    fn fewer_outputs(&mut self) {
        let outputs = self.graph.outputs().to_vec();
        for &output in outputs.iter().filter(|_| outputs.len() > 1) {
            if self.accept_smaller(rebuild(&self.graph, &[output], &Change::default())) {
                return;
            }
        }
        let mut at = 0;
        while at < self.graph.outputs().len() {
            let mut fewer = self.graph.outputs().to_vec();
            fewer.remove(at);
            if !self.accept_smaller(rebuild(&self.graph, &fewer, &Change::default())) {
                at += 1;
            }
        }
    }

    /// Results of nodes become inputs: of half of the nodes at a time, then of a quarter, and so on down to one.
    fn fewer_nodes(&mut self) {
        let mut chunk = self.graph.nodes().len().div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < self.graph.nodes().len() {
                let end = (at + chunk).min(self.graph.nodes().len());
                let cut: Vec<NodeId> = (at..end).map(NodeId::new).collect();
                let outputs = self.graph.outputs().to_vec();
                let change = Change { cut, ..Change::default() };
                if !self.accept_smaller(rebuild(&self.graph, &outputs, &change)) {
                    at = end;
                }
            }
            chunk /= 2;
        }
    }

    /// Operands of the same type in place of results.
    fn skipped_nodes(&mut self) {
        let mut at = self.graph.nodes().len();
        while at > 0 {
            at = (at - 1).min(self.graph.nodes().len().saturating_sub(1));
            for change in self.skips(at) {
                let outputs = self.graph.outputs().to_vec();
                if self.accept_smaller(rebuild(&self.graph, &outputs, &change)) {
                    break;
                }
            }
        }
    }

    fn skips(&self, at: usize) -> Vec<Change> {
        let Some(node) = self.graph.nodes().get(at) else { return Vec::new() };
        let &[result] = node.results.as_slice() else { return Vec::new() };
        let same = node.operands.iter().filter(|&&operand| self.graph.ty(operand) == self.graph.ty(result));
        same.map(|&operand| Change { replaced: [(result, operand)].into(), ..Change::default() }).collect()
    }

    /// Operands of the node of an output in its place.
    fn earlier_outputs(&mut self) {
        let mut at = 0;
        while at < self.graph.outputs().len() {
            let outputs = self.graph.outputs().to_vec();
            let operands: Vec<Value> =
                self.graph.producer(outputs[at]).map_or(Vec::new(), |(_, node)| node.operands.to_vec());
            let earlier = |operand: &Value| {
                let mut outputs = outputs.clone();
                outputs[at] = *operand;
                outputs
            };
            let found = operands.iter().map(earlier).any(|outputs| {
                let candidate = rebuild(&self.graph, &outputs, &Change::default());
                self.accept_smaller(candidate)
            });
            at += usize::from(!found);
        }
    }

    /// One input in place of another of the same type.
    fn merged_inputs(&mut self) {
        let mut at = 1;
        while at < self.graph.inputs().len() {
            let inputs = self.graph.inputs().to_vec();
            let ty = self.graph.ty(inputs[at]);
            let earlier = inputs[..at].iter().find(|&&other| self.graph.ty(other) == ty);
            let change =
                earlier.map(|&other| Change { replaced: [(inputs[at], other)].into(), ..Change::default() });
            let outputs = self.graph.outputs().to_vec();
            let merged = change.and_then(|change| rebuild(&self.graph, &outputs, &change));
            at += usize::from(!self.accept_smaller(merged));
        }
    }

    /// Each extent as small as it can be, the largest first.
    fn smaller_extents(&mut self) {
        let types = self.graph.values().flat_map(|value| self.graph.tensor(value).shape.sizes());
        let extents: BTreeSet<usize> = types.filter(|&extent| extent > 1).collect();
        for mut extent in extents.into_iter().rev() {
            let mut smaller = candidates(extent);
            while let Some(to) = smaller.pop() {
                let change = Change { resized: Some((extent, to)), ..Change::default() };
                let outputs = self.graph.outputs().to_vec();
                if self.accept_smaller(rebuild(&self.graph, &outputs, &change)) {
                    extent = to;
                    smaller = candidates(extent);
                }
            }
        }
    }
}

/// Smaller extents to try, the smallest last.
fn candidates(extent: usize) -> Vec<usize> {
    let mut smaller: Vec<usize> =
        [extent - 1, extent / 2, 3, 2, 1].into_iter().filter(|&to| to < extent && to > 0).collect();
    smaller.sort_unstable_by(|a, b| b.cmp(a));
    smaller.dedup();
    smaller
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reduced(text: &str, fails: impl Fn(&Graph) -> bool) -> Graph {
        let graph: Graph = text.parse().unwrap();
        assert!(fails(&graph));
        let mut search = Search::new(graph, 1000, fails);
        search.run();
        search.into_graph()
    }

    fn uses(graph: &Graph, name: &str) -> bool {
        graph.nodes().iter().any(|node| node.op.name() == name)
    }

    const LAYER: &str = "graph @layer(%x: f32[32,784], %w: f32[784,10], %b: f32[10]) {
        %product = dot_general(%x, %w) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
        %bias = broadcast_in_dim(%b) {shape = [32,10], axes = [1]}
        %sum = add(%product, %bias)
        %t = tanh(%sum)
        %u = exp(%t)
        %m = reduce(%u) {kind = max, axes = [1]}
        return %u, %m, %sum
    }";

    #[test]
    fn one_operation_is_left_with_the_smallest_extents() {
        let graph = reduced(LAYER, |g| uses(g, "dot_general"));
        assert_eq!((graph.nodes().len(), graph.outputs().len()), (1, 1), "{graph}");
        assert!(graph.values().all(|v| graph.tensor(v).elements() == 1), "{graph}");
        assert_eq!(graph.value_name(graph.inputs()[0]), None);
    }

    #[test]
    fn what_must_stay_together_does() {
        let graph = reduced(LAYER, |g| uses(g, "tanh") && uses(g, "reduce"));
        let names: Vec<&str> = graph.nodes().iter().map(|node| node.op.name()).collect();
        assert_eq!(names, ["tanh", "reduce"], "{graph}");
        assert_eq!(graph.inputs().len(), 1);
    }

    #[test]
    fn extents_shrink_as_far_as_the_failure_allows() {
        let text = "graph(%x: f32[64,7]) {
            %c = constant() {value = f32[7] [1, 2, 3, 4, 5, 6, 7]}
            %w = broadcast_in_dim(%c) {shape = [64,7], axes = [1]}
            %y = add(%x, %w) return %y }";
        let graph = reduced(text, |g| {
            uses(g, "constant") && g.values().any(|v| g.tensor(v).shape.sizes().iter().any(|&d| d >= 5))
        });
        let largest = graph.values().map(|v| graph.tensor(v).elements()).max();
        assert_eq!((graph.nodes().len(), largest), (1, Some(5)), "{graph}");
    }

    #[test]
    fn the_budget_ends_the_search() {
        let graph: Graph = LAYER.parse().unwrap();
        let mut search = Search::new(graph, 3, |_| true);
        search.run();
        assert_eq!(search.tried(), 3);
    }
}
