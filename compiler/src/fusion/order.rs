//! The order of units: readers run before updates, by edges from what reads a tensor to what might update it in place.
//!
//! A reader that runs after the update would make it a copy. So each gets an edge, unless it needs the update
//! itself, by whatever path: the edge would close a circle. To know that without a search for each edge, the units are kept in an order
//! in which they can run (Pearce and Kelly, "A dynamic topological sort algorithm for directed acyclic graphs", 2006):
//!
//! - an edge that agrees with the order closes no circle;
//! - else a circle would lie between the places of its ends, and only what follows the update there is searched. If the
//!   reader is not found, what it needs there moves before what needs the update, into the same places.
//!
//! ```text
//! order       u a r b     an edge from reader r to update u, where a needs u and r needs nothing of these
//! afterwards  r u a b     the three trade places, b is not looked at
//! ```
//!
//! All searches of a graph have one budget, in proportion to its units. When it is used up, updates make copies.

use hashbrown::{HashMap, HashSet};
use petgraph::Direction::{self, Incoming, Outgoing};
use petgraph::graph::{DiGraph, NodeIndex};
use tensorwright_ir::op::Lowering;
use tensorwright_ir::{NodeId, Op, Value};

use super::units::Unit;
use super::{Fusion, is_alias};
use crate::program::control;

/// Units that searches look at before they give up, for each unit of the graph.
const SEARCHED_PER_UNIT: usize = 64;

/// What searches cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// Units looked at.
    pub(crate) searched: u64,
    /// Whether the budget is used up.
    pub(crate) gave_up: bool,
}

impl Fusion<'_> {
    /// Units that do work, in an order in which they can run; `None` if clusters wait for each other, which is a bug of fusion.
    pub(crate) fn order(&self, search: &mut Search) -> Option<Vec<Unit>> {
        let mut dag = self.dag();
        let mut sorted = self.sorted(&dag)?;
        if read_before_updates(self, &mut dag, &sorted, search) {
            sorted = self.sorted(&dag)?;
        }
        Some(sorted.into_iter().map(|unit| dag[unit]).collect())
    }
}

/// Adds the edges to a DAG of units, which are sorted. Whether there are any.
fn read_before_updates(
    fusion: &Fusion<'_>,
    dag: &mut DiGraph<Unit, ()>,
    sorted: &[NodeIndex],
    search: &mut Search,
) -> bool {
    if fusion.graph.nodes().iter().all(|node| updated(&node.op) == 0) {
        return false;
    }
    let unit: HashMap<Unit, NodeIndex> = dag.node_indices().map(|i| (dag[i], i)).collect();
    let before = dag.edge_count();
    let mut order = Order::new(dag, sorted, search);
    for (id, node) in fusion.graph.iter() {
        let Some(&update) = unit.get(&Unit::Node(id)) else { continue };
        for &operand in &node.operands[..updated(&node.op).min(node.operands.len())] {
            for reader in readers_of_memory(fusion, operand) {
                if let Some(&reader) = unit.get(&fusion.unit(reader)).filter(|&&reader| reader != update) {
                    order.add(reader, update);
                }
            }
        }
    }
    dag.edge_count() > before
}

/// How many of its first operands an op can update in place.
fn updated(op: &Op) -> usize {
    match op {
        Op::DynamicUpdateSlice(_) | Op::Scatter(_) | Op::ListPush(_) | Op::ListPop(_) | Op::ListSet(_) => 1,
        op => control::carried(op),
    }
}

/// The nodes that read a value, or its memory under another name.
fn readers_of_memory(fusion: &Fusion<'_>, value: Value) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        for reader in fusion.readers(value) {
            let node = fusion.graph.node(reader.node);
            if is_alias(fusion.graph, node) {
                open.push(node.result());
            }
            // A mark is a step besides.
            if !is_alias(fusion.graph, node) || node.op.lowering() == Lowering::Mark {
                found.push(reader.node);
            }
        }
    }
    found
}

/// A DAG and an order in which its nodes can run, also when edges come.
struct Order<'d, N> {
    dag: &'d mut DiGraph<N, ()>,
    place: Vec<usize>,
    budget: u64,
    search: &'d mut Search,
}

impl<'d, N> Order<'d, N> {
    fn new(dag: &'d mut DiGraph<N, ()>, sorted: &[NodeIndex], search: &'d mut Search) -> Order<'d, N> {
        let mut place = vec![0; sorted.len()];
        sorted.iter().enumerate().for_each(|(at, node)| place[node.index()] = at);
        let budget = (SEARCHED_PER_UNIT * sorted.len()) as u64;
        Order { dag, place, budget, search }
    }

    /// Adds an edge unless it closes a circle, or might: the searches have a budget.
    fn add(&mut self, from: NodeIndex, to: NodeIndex) {
        self.search.searched += 1;
        if !self.search.gave_up && (self.place[from.index()] < self.place[to.index()] || self.moved(from, to))
        {
            self.dag.add_edge(from, to, ());
        }
        self.search.gave_up |= self.search.searched > self.budget;
    }

    /// Moves `from` before `to`. Whether it could.
    fn moved(&mut self, from: NodeIndex, to: NodeIndex) -> bool {
        let (first, last) = (self.place[to.index()], self.place[from.index()]);
        let after = self.reach(to, Outgoing, |place| place <= last);
        if after.contains(&from) || self.search.gave_up {
            return false;
        }
        let before = self.reach(from, Incoming, |place| place >= first);
        if self.search.gave_up {
            return false;
        }
        let [before, after] = [before, after].map(|nodes| {
            let mut nodes: Vec<NodeIndex> = nodes.into_iter().collect();
            nodes.sort_unstable_by_key(|node| self.place[node.index()]);
            nodes
        });
        let nodes: Vec<NodeIndex> = before.into_iter().chain(after).collect();
        let mut places: Vec<usize> = nodes.iter().map(|node| self.place[node.index()]).collect();
        places.sort_unstable();
        nodes.iter().zip(places).for_each(|(node, place)| self.place[node.index()] = place);
        true
    }

    /// The nodes that edges lead to through these places.
    fn reach(
        &mut self,
        from: NodeIndex,
        direction: Direction,
        is_between: impl Fn(usize) -> bool,
    ) -> HashSet<NodeIndex> {
        let mut seen = HashSet::from([from]);
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            for next in self.dag.neighbors_directed(node, direction) {
                self.search.searched += 1;
                if is_between(self.place[next.index()]) && seen.insert(next) {
                    open.push(next);
                }
            }
            if self.search.searched > self.budget {
                self.search.gave_up = true;
                break;
            }
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use petgraph::algo::{has_path_connecting, toposort};
    use tensorwright_ir::op::Random;

    /// Edges are added exactly where a search of the whole DAG finds no way back.
    #[test]
    fn edges_that_close_no_circle_are_added() {
        let mut random = Random::new(7);
        for _ in 0..200 {
            let count = 2 + random.below(30);
            let mut dag: DiGraph<(), ()> = DiGraph::new();
            let nodes: Vec<NodeIndex> = (0..count).map(|_| dag.add_node(())).collect();
            let mut search = Search::default();
            let mut order = Order::new(&mut dag, &nodes, &mut search);
            for _ in 0..2 * count {
                let [from, to] = [(); 2].map(|()| nodes[random.below(count)]);
                if from == to {
                    continue;
                }
                let (closes, before) =
                    (has_path_connecting(&*order.dag, to, from, None), order.dag.edge_count());
                order.add(from, to);
                assert_eq!(order.dag.edge_count() > before, !closes);
            }
            assert!(toposort(&dag, None).is_ok() && !search.gave_up);
        }
    }

    /// Far ends cost nothing where nothing lies between them.
    #[test]
    fn what_is_not_between_the_ends_is_not_searched() {
        let mut dag: DiGraph<(), ()> = DiGraph::new();
        let nodes: Vec<NodeIndex> = (0..1000).map(|_| dag.add_node(())).collect();
        let mut search = Search::default();
        let mut order = Order::new(&mut dag, &nodes, &mut search);
        for i in 0..500 {
            order.add(nodes[999 - i], nodes[i]);
        }
        assert!(search.searched < 2000, "{search:?}");
        assert_eq!(dag.edge_count(), 500);
    }

    #[test]
    fn a_budget_that_is_used_up_adds_no_edges() {
        let mut dag: DiGraph<(), ()> = DiGraph::new();
        let nodes: Vec<NodeIndex> = (0..1000).map(|_| dag.add_node(())).collect();
        dag.extend_with_edges(nodes.windows(2).map(|pair| (pair[0], pair[1])));
        let mut search = Search::default();
        let mut order = Order::new(&mut dag, &nodes, &mut search);
        for _ in 0..1000 {
            order.add(nodes[999], nodes[0]);
        }
        assert!(search.gave_up && search.searched < 66_000, "{search:?}");
        assert_eq!(dag.edge_count(), 999);
    }
}
