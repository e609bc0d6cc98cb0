//! The partition as a DAG of units, and its order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashSet;
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::{DiGraph, NodeIndex};
use smallvec::SmallVec;
use tensorwright_ir::{NodeId, Value};

use super::marks::Reach;
use super::{Fusion, is_routine, needs_memory};

/// What runs as one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unit {
    /// A cluster, by its position.
    Cluster(usize),
    /// A node outside clusters: a routine, or one that does no work of its own.
    Node(NodeId),
}

impl Fusion<'_> {
    pub(crate) fn unit(&self, node: NodeId) -> Unit {
        self.cluster_of(node).map_or(Unit::Node(node), Unit::Cluster)
    }

    fn nodes_of(&self, unit: Unit) -> &[NodeId] {
        match unit {
            Unit::Cluster(c) => &self.clusters[c].nodes,
            Unit::Node(_) => &[],
        }
    }

    /// Whether the unit has work of its own. Others are names or are computed where they are read.
    fn works(&self, unit: Unit) -> bool {
        match unit {
            Unit::Cluster(_) => true,
            Unit::Node(id) => {
                let node = self.graph.node(id);
                (is_routine(node) && !self.is_inlined(id)) || needs_memory(self.graph, node)
            }
        }
    }

    /// The DAG of units that do work, with an edge from each producer to each consumer, nodes between them looked through.
    pub(crate) fn dag(&self) -> DiGraph<Unit, ()> {
        let mut dag = DiGraph::new();
        let clusters: Vec<NodeIndex> =
            (0..self.clusters.len()).map(|c| dag.add_node(Unit::Cluster(c))).collect();
        // For each node the units that must have run before its value can be read.
        let mut sources: Vec<SmallVec<[NodeIndex; 2]>> = Vec::with_capacity(self.graph.nodes().len());
        for (id, node) in self.graph.iter() {
            let producers = node.operands.iter().filter_map(|&v| self.graph.producer(v));
            let mut before: SmallVec<[NodeIndex; 2]> =
                producers.flat_map(|(p, _)| sources[p.index()].iter().copied()).collect();
            before.sort_unstable();
            before.dedup();
            let unit = self.unit(id);
            if !self.works(unit) {
                sources.push(before);
                continue;
            }
            let place = match unit {
                Unit::Cluster(c) => clusters[c],
                node => dag.add_node(node),
            };
            for from in before.into_iter().filter(|&from| from != place) {
                dag.add_edge(from, place, ());
            }
            sources.push(SmallVec::from_elem(place, 1));
        }
        dag
    }

    /// The units of a DAG, topologically sorted; `None` if some wait for each other.
    ///
    /// Of those that can run next the first is the one that the graph finishes first: what is computed late, say what a checkpoint
    /// computes again, takes no memory before.
    pub(super) fn sorted(&self, dag: &DiGraph<Unit, ()>) -> Option<Vec<NodeIndex>> {
        let mut waits: Vec<usize> =
            dag.node_indices().map(|unit| dag.neighbors_directed(unit, Incoming).count()).collect();
        let ready = |unit: NodeIndex| Reverse((self.finishes(dag[unit]), unit));
        let mut open: BinaryHeap<Reverse<(NodeId, NodeIndex)>> =
            dag.node_indices().filter(|unit| waits[unit.index()] == 0).map(ready).collect();
        let mut order = Vec::with_capacity(waits.len());
        while let Some(Reverse((_, unit))) = open.pop() {
            order.push(unit);
            for next in dag.neighbors_directed(unit, Outgoing) {
                waits[next.index()] -= 1;
                if waits[next.index()] == 0 {
                    open.push(ready(next));
                }
            }
        }
        (order.len() == waits.len()).then_some(order)
    }

    /// The last node of a unit.
    fn finishes(&self, unit: Unit) -> NodeId {
        match unit {
            Unit::Cluster(cluster) => {
                *self.clusters[cluster].nodes.iter().max().expect("clusters have nodes")
            }
            Unit::Node(node) => node,
        }
    }
}

/// Units that a search for dependences looks at before it gives up.
const MAX_SEARCHED: usize = 1 << 12;

/// Whether `cluster` must wait for a reader of `value` outside the cluster, or might: the search has a budget.
pub(super) fn depends_on(fusion: &mut Fusion<'_>, reach: &Reach, cluster: usize, value: Value) -> bool {
    let (depends, searched) = find_dependence(fusion, reach, cluster, value);
    fusion.counters.searched += searched as u64;
    fusion.counters.gave_up += u64::from(searched > MAX_SEARCHED);
    depends
}

/// The answer, and how many units were looked at. Units that only lead to what begins behind the cluster are not.
fn find_dependence(fusion: &Fusion<'_>, reach: &Reach, cluster: usize, value: Value) -> (bool, usize) {
    let target = Unit::Cluster(cluster);
    let (_, end) = reach.span(cluster);
    let units = |v: Value| fusion.readers(v).into_iter().map(|r| fusion.unit(r.node));
    let may_lead_there = |unit: Unit| {
        let first = match unit {
            Unit::Cluster(c) => reach.span(c).0,
            Unit::Node(id) => id,
        };
        reach.earliest(first) <= end
    };
    let mut open: Vec<Unit> = units(value).filter(|&u| u != target && may_lead_there(u)).collect();
    let mut seen: HashSet<Unit> = open.iter().copied().collect();
    while let Some(unit) = open.pop() {
        if seen.len() > MAX_SEARCHED {
            return (true, seen.len());
        }
        let single = match unit {
            Unit::Node(id) => Some(id),
            Unit::Cluster(_) => None,
        };
        for node in fusion.nodes_of(unit).iter().copied().chain(single) {
            for next in fusion.graph.node(node).results.iter().flat_map(|&v| units(v)) {
                if next == target {
                    return (true, seen.len());
                }
                if may_lead_there(next) && seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }
    (false, seen.len())
}
