//! What searches over nodes remember, so that a search costs as much as it looks at and not as much as the graph is large.

use tensorwright_ir::NodeId;

use super::Cluster;

/// A set of nodes that is emptied at once.
#[derive(Debug)]
pub(super) struct Marks {
    round: u32,
    marked_in: Vec<u32>,
}

impl Marks {
    /// No nodes of a graph of so many.
    pub(super) fn new(nodes: usize) -> Marks {
        Marks { round: 1, marked_in: vec![0; nodes] }
    }

    pub(super) fn clear(&mut self) {
        self.round += 1;
    }

    /// Adds a node; false if it was there.
    pub(super) fn add(&mut self, id: NodeId) -> bool {
        let before = std::mem::replace(&mut self.marked_in[id.index()], self.round);
        before != self.round
    }

    pub(super) fn has(&self, id: NodeId) -> bool {
        self.marked_in[id.index()] == self.round
    }
}

/// How far clusters reach: the last node of all that begin at a node or before it. A tree of maxima of prefixes (Fenwick's).
#[derive(Debug)]
pub(super) struct Horizon {
    last: Vec<usize>,
}

impl Horizon {
    /// No clusters in a graph of so many nodes.
    pub(super) fn new(nodes: usize) -> Horizon {
        Horizon { last: vec![0; nodes + 1] }
    }

    /// Adds a cluster that begins and ends with these nodes.
    pub(super) fn add(&mut self, first: NodeId, last: NodeId) {
        let mut at = first.index() + 1;
        while at < self.last.len() {
            self.last[at] = self.last[at].max(last.index());
            at += at & at.wrapping_neg();
        }
    }

    /// The last node of the clusters that begin at this node or before it.
    pub(super) fn beyond(&self, node: NodeId) -> usize {
        let (mut at, mut last) = (node.index() + 1, 0);
        while at > 0 {
            last = last.max(self.last[at]);
            at -= at & at.wrapping_neg();
        }
        last
    }
}

/// How early what follows a node may begin: units run whole, and a cluster that ends behind the node may begin long before it. The mirror of
/// [`Horizon`].
#[derive(Debug)]
pub(super) struct Reach {
    mirrored: Horizon,
    nodes: usize,
    /// The first and the last node of each cluster.
    spans: Vec<(NodeId, NodeId)>,
}

impl Reach {
    pub(super) fn of(clusters: &[Cluster], nodes: usize) -> Reach {
        let mut reach = Reach { mirrored: Horizon::new(nodes), nodes, spans: Vec::new() };
        for (number, cluster) in clusters.iter().enumerate() {
            cluster.nodes.iter().for_each(|&node| reach.add(number, node));
        }
        reach
    }

    /// Adds a node to a cluster, or begins the next one.
    pub(super) fn add(&mut self, cluster: usize, node: NodeId) {
        if cluster == self.spans.len() {
            self.spans.push((node, node));
        }
        let (first, last) = self.spans[cluster];
        let (first, last) = (first.min(node), last.max(node));
        self.spans[cluster] = (first, last);
        self.mirrored.add(self.mirror(last), self.mirror(first));
    }

    /// The first and the last node of a cluster.
    pub(super) fn span(&self, cluster: usize) -> (NodeId, NodeId) {
        self.spans[cluster]
    }

    /// The earliest node of units that may have to wait for a unit that begins with this node.
    pub(super) fn earliest(&self, first: NodeId) -> NodeId {
        let mut earliest = self.mirror(first);
        loop {
            let further = self.mirrored.beyond(earliest).max(earliest.index());
            if further == earliest.index() {
                return self.mirror(earliest);
            }
            earliest = NodeId::new(further);
        }
    }

    fn mirror(&self, node: NodeId) -> NodeId {
        NodeId::new(self.nodes - 1 - node.index())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_horizon_is_that_of_clusters_that_have_begun() {
        let node = NodeId::new;
        let mut horizon = Horizon::new(10);
        horizon.add(node(2), node(7));
        horizon.add(node(5), node(6));
        assert_eq!([1, 2, 5, 9].map(|at| horizon.beyond(node(at))), [0, 7, 7, 7]);
    }

    #[test]
    fn what_follows_may_begin_early() {
        let node = NodeId::new;
        let mut reach = Reach::of(&[], 20);
        for (cluster, nodes) in [[12, 15], [8, 13], [2, 5], [18, 17]].into_iter().enumerate() {
            nodes.into_iter().for_each(|at| reach.add(cluster, node(at)));
        }
        assert_eq!(reach.span(3), (node(17), node(18)));
        let earliest = [19, 17, 16, 14, 10, 6, 4].map(|at| reach.earliest(node(at)).index());
        assert_eq!(earliest, [19, 17, 16, 8, 8, 6, 2]);
    }

    #[test]
    fn marks_go_at_once() {
        let mut marks = Marks::new(3);
        assert!(marks.add(NodeId::new(1)) && !marks.add(NodeId::new(1)) && marks.has(NodeId::new(1)));
        marks.clear();
        assert!(!marks.has(NodeId::new(1)));
    }
}
