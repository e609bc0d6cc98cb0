//! The partition as a DAG of units, and its order.

use hashbrown::HashSet;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};
use tensorwright_ir::{NodeId, Value};

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

    /// The DAG of units: petgraph's, with an edge from each producer to each consumer.
    pub(crate) fn dag(&self) -> DiGraph<Unit, ()> {
        let mut dag = DiGraph::new();
        let clusters: Vec<NodeIndex> =
            (0..self.clusters.len()).map(|c| dag.add_node(Unit::Cluster(c))).collect();
        let place: Vec<NodeIndex> = (0..self.graph.nodes().len())
            .map(|n| match self.unit(NodeId::new(n)) {
                Unit::Cluster(c) => clusters[c],
                node => dag.add_node(node),
            })
            .collect();
        for (id, node) in self.graph.iter() {
            for &operand in &node.operands {
                let Some((producer, _)) = self.graph.producer(operand) else { continue };
                let (from, to) = (place[producer.index()], place[id.index()]);
                if from != to {
                    dag.update_edge(from, to, ());
                }
            }
        }
        dag
    }

    /// Units that do work, in an order in which they can run; `None` if clusters wait for each other, which is a bug of fusion.
    pub(crate) fn order(&self) -> Option<Vec<Unit>> {
        let dag = self.dag();
        let works = |&unit: &Unit| match unit {
            Unit::Cluster(_) => true,
            Unit::Node(id) => {
                let node = self.graph.node(id);
                is_routine(node) || needs_memory(self.graph, node)
            }
        };
        toposort(&dag, None).ok().map(|order| order.into_iter().map(|i| dag[i]).filter(works).collect())
    }
}

/// Whether `cluster` must wait for a reader of `value` outside the cluster.
pub(crate) fn depends_on(fusion: &Fusion<'_>, cluster: usize, value: Value) -> bool {
    let target = Unit::Cluster(cluster);
    let units = |v: Value| fusion.users(v).iter().map(|&u| fusion.unit(u));
    let mut open: Vec<Unit> = units(value).filter(|&u| u != target).collect();
    let mut seen: HashSet<Unit> = open.iter().copied().collect();
    while let Some(unit) = open.pop() {
        let single = match unit {
            Unit::Node(id) => Some(id),
            Unit::Cluster(_) => None,
        };
        for node in fusion.nodes_of(unit).iter().copied().chain(single) {
            for next in fusion.graph.node(node).results.iter().flat_map(|&v| units(v)) {
                if next == target {
                    return true;
                }
                if seen.insert(next) {
                    open.push(next);
                }
            }
        }
    }
    false
}
