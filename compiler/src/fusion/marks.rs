//! What searches over nodes remember, so that a search costs as much as it looks at and not as much as the graph is large.

use tensorwright_ir::NodeId;

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
    fn marks_go_at_once() {
        let mut marks = Marks::new(3);
        assert!(marks.add(NodeId::new(1)) && !marks.add(NodeId::new(1)) && marks.has(NodeId::new(1)));
        marks.clear();
        assert!(!marks.has(NodeId::new(1)));
    }
}
