//! Growing clusters around reductions.
//!
//! Seed: a reduction of a value of shape `S` along axes `A`. Every value of the cluster is described by its *coordinates*:
//! for each of its axes the axis of `S` that it runs along (or none, for unit axes). A value is *full* if it runs along all axes of
//! `S`, else it is a *row* value, which runs along kept axes only.
//!
//! 1. Producers: element-wise ops of shape `S` from which the seed is reached only through the cluster.
//! 2. Consumers, in topological order: element-wise ops of cluster values with equal coordinates, other reductions of full
//!    values along `A`, and broadcasts of row values back to `S`. A consumer must not depend on the cluster through a
//!    node outside it, or the cluster would wait for itself: nodes that do are *tainted*.
//!
//! Both walks go from node to node, in the order of the graph, and end where nothing can be decided any more: producers where none is left
//! that a node inside reads; consumers where none is left that reads a node inside, and no cluster that is there already reaches back
//! from what is tainted to a node inside. So a cluster costs what is near it. A walk that takes too long gives up, and the reduction
//! stays alone.
//!
//! Long reductions with few results are [`cut`](super::cut) in two. Their rows are not read again in the same cluster; what
//! follows in terms of row values is done by the second kernel.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::{Node, NodeId, Op, Shape, Value};

use super::marks::{Horizon, Marks};
use super::{Cluster, Coordinates, Cut, Form, Fusion, is_elementwise, is_reduction};

/// Rows longer than this are not kept in scratch between a reduction and its consumers.
const MAX_ROW_BYTES: usize = 1 << 20;
/// More nodes make no better kernels, only larger ones.
const MAX_NODES: usize = 256;
/// How often the consumers are swept again after taint reached an earlier cluster.
const MAX_SWEEPS: usize = 8;

/// Nodes that a walk looks at before it gives up.
const MAX_VISITS: u64 = 1 << 15;
/// A value with more readers is stored anyway.
const MAX_USERS: usize = 256;

/// Makes a cluster around each reduction that is not yet in one.
pub(super) fn grow_all(fusion: &mut Fusion<'_>) {
    let count = fusion.graph.nodes().len();
    let (mut walk, mut horizon) = (Walk::new(count), Horizon::new(count));
    for index in 0..count {
        let id = NodeId::new(index);
        if fusion.cluster_of(id).is_none() && is_reduction(fusion.graph.node(id)) {
            let cluster = Growth::new(fusion, id, &mut walk, &horizon).grow();
            if let (Some(&first), Some(&last)) = (cluster.nodes.iter().min(), cluster.nodes.iter().max()) {
                horizon.add(first, last);
            }
            let id = fusion.add_cluster(cluster);
            store_roots(fusion, id);
        }
    }
    fusion.counters.visits += walk.visits;
    fusion.counters.gave_up += walk.gave_up;
}

/// What the walks of all growths share.
struct Walk {
    /// Ancestors of the seed, as far as they were found.
    reaches_seed: Marks,
    producers: Marks,
    tainted: Marks,
    /// Nodes that wait to be looked at, or have been.
    queued: Marks,
    /// Of these the ones that may join.
    asks: Marks,
    visits: u64,
    gave_up: u64,
}

impl Walk {
    fn new(nodes: usize) -> Walk {
        let [reaches_seed, producers, tainted, queued, asks] = [0; 5].map(|_| Marks::new(nodes));
        Walk { reaches_seed, producers, tainted, queued, asks, visits: 0, gave_up: 0 }
    }
}

/// Values of the cluster that somebody else reads must be stored.
fn store_roots(fusion: &mut Fusion<'_>, cluster: usize) {
    for node in fusion.clusters[cluster].nodes.clone() {
        let value = fusion.graph.node(node).results[0];
        if fusion.readers(value).iter().any(|r| fusion.cluster_of(r.node) != Some(cluster)) {
            fusion.stored[value.index()] = true;
        }
    }
}

struct Growth<'a, 'g> {
    fusion: &'a Fusion<'g>,
    walk: &'a mut Walk,
    horizon: &'a Horizon,
    seed: NodeId,
    form: Form,
    shape: Shape,
    reduced: SmallVec<[usize; 6]>,
    cut: Option<Cut>,
    producers: Vec<NodeId>,
    coordinates: HashMap<Value, Coordinates>,
    tainted: Vec<NodeId>,
    nodes: Vec<NodeId>,
}

impl<'a, 'g> Growth<'a, 'g> {
    fn new(fusion: &'a Fusion<'g>, seed: NodeId, walk: &'a mut Walk, horizon: &'a Horizon) -> Growth<'a, 'g> {
        let node = fusion.graph.node(seed);
        let Op::Reduce(reduce) = &node.op else { unreachable!("seeds are reductions") };
        let shape = fusion.graph.tensor(node.operands[0]).shape.clone();
        let mut reduced = reduce.axes.clone();
        reduced.sort_unstable();
        let form = Form::of_reduction(&shape, &reduced);
        let cut = Cut::of(&shape, &reduced, form);
        for marks in [&mut walk.reaches_seed, &mut walk.producers, &mut walk.tainted] {
            marks.clear();
        }
        Growth {
            fusion,
            walk,
            horizon,
            seed,
            form,
            shape,
            reduced,
            cut,
            producers: Vec::new(),
            coordinates: HashMap::new(),
            tainted: Vec::new(),
            nodes: Vec::new(),
        }
    }

    fn grow(mut self) -> Cluster {
        self.find_producers();
        for _ in 0..MAX_SWEEPS {
            match self.sweep() {
                Sweep::Done => return self.finish(),
                Sweep::Again => {}
                Sweep::Impossible => break,
            }
        }
        self.nodes = vec![self.seed];
        self.coordinates = HashMap::from([(self.fusion.graph.node(self.seed).results[0], self.kept())]);
        self.finish()
    }

    fn finish(self) -> Cluster {
        let Growth { form, shape, reduced, cut, nodes, coordinates, .. } = self;
        Cluster { form, shape, reduced, cut, nodes, coordinates }
    }

    /// Walks back from the seed. A node joins if every path from it to the seed begins inside the cluster.
    fn find_producers(&mut self) {
        let mut open: BinaryHeap<NodeId> = BinaryHeap::from([self.seed]);
        self.walk.asks.clear();
        self.walk.asks.add(self.seed);
        self.walk.reaches_seed.add(self.seed);
        // How many of the open nodes are read by a node inside.
        let mut asking = 1usize;
        let budget = self.walk.visits + MAX_VISITS;
        while let Some(id) = open.pop().filter(|_| asking > 0 && self.walk.visits < budget) {
            if self.producers.len() == MAX_NODES {
                break;
            }
            self.walk.visits += 1;
            asking -= usize::from(self.walk.asks.has(id));
            let inside = id == self.seed || self.is_producer(id);
            // What a contraction reads is stored before.
            let joins_operands = inside && !self.fusion.is_inlined(id);
            if inside && id != self.seed {
                self.walk.producers.add(id);
                self.producers.push(id);
            }
            let graph = self.fusion.graph;
            for (operand, _) in graph.node(id).operands.iter().filter_map(|&v| graph.producer(v)) {
                if self.walk.reaches_seed.add(operand) {
                    open.push(operand);
                }
                asking += usize::from(joins_operands && self.walk.asks.add(operand));
            }
        }
    }

    fn is_producer(&self, id: NodeId) -> bool {
        let node = self.fusion.graph.node(id);
        let inside = |u: NodeId| u == self.seed || (self.walk.producers.has(u) && !self.fusion.is_inlined(u));
        let users = node.results.iter().flat_map(|&v| self.fusion.users(v));
        self.walk.asks.has(id)
            && self.is_full_candidate(id, node)
            && users.clone().count() <= MAX_USERS
            && users.copied().filter(|&u| self.walk.reaches_seed.has(u)).all(inside)
    }

    fn is_full_candidate(&self, id: NodeId, node: &Node) -> bool {
        self.fusion.cluster_of(id).is_none()
            && self.fusion.is_pointwise(id)
            && self.fusion.graph.tensor(node.results[0]).shape == self.shape
    }

    /// One walk forward from the producers, and what is tainted, deciding who joins.
    fn sweep(&mut self) -> Sweep {
        self.nodes.clear();
        self.coordinates.clear();
        let mut ahead = Ahead::new(self.walk);
        self.producers.iter().for_each(|&id| ahead.ask(self.walk, id));
        ahead.ask(self.walk, self.seed);
        self.tainted.iter().for_each(|&id| ahead.queue(self.walk, id));
        let mut last_inside = self.seed;
        let budget = self.walk.visits + MAX_VISITS;
        while let Some(id) = ahead.next(self.walk) {
            if ahead.asking == 0 && id.index() > self.horizon.beyond(last_inside) && !self.walk.asks.has(id) {
                break;
            }
            if self.walk.visits > budget {
                self.walk.gave_up += 1;
                return Sweep::Impossible;
            }
            let fusion = self.fusion;
            let node = fusion.graph.node(id);
            let wanted = id == self.seed || self.walk.producers.has(id);
            let waits = self.walk.tainted.has(id) || node.operands.iter().any(|&v| self.is_tainted(v));
            if wanted && waits {
                return Sweep::Impossible;
            }
            let joined = if waits { None } else { self.joins(id, node, wanted) };
            let users = node.results.iter().flat_map(|&v| fusion.users(v)).copied();
            match joined {
                Some(coordinates) => {
                    self.coordinates.insert(node.results[0], coordinates);
                    last_inside = last_inside.max(id);
                    if !self.fusion.is_index_map(id) {
                        self.nodes.push(id);
                    }
                    users.for_each(|user| ahead.ask(self.walk, user));
                }
                None if waits || node.operands.iter().any(|v| self.coordinates.contains_key(v)) => {
                    if self.taint(id, &mut ahead) {
                        return Sweep::Again;
                    }
                    users.for_each(|user| ahead.queue(self.walk, user));
                }
                None => {}
            }
        }
        Sweep::Done
    }

    fn is_tainted(&self, value: Value) -> bool {
        self.fusion.graph.producer(value).is_some_and(|(id, _)| self.walk.tainted.has(id))
    }

    /// Taints a node and the cluster it is in; true if that reached back to nodes that have been passed already.
    fn taint(&mut self, id: NodeId, ahead: &mut Ahead) -> bool {
        let own = [id];
        let cluster = self.fusion.cluster_of(id).map(|cluster| &self.fusion.clusters[cluster].nodes[..]);
        let mut reached_back = false;
        for &other in own.iter().chain(cluster.unwrap_or(&[])) {
            if self.walk.tainted.add(other) {
                self.tainted.push(other);
                reached_back |= other < id;
                ahead.queue(self.walk, other);
            }
        }
        reached_back
    }

    /// The coordinates of the node's result if it joins the cluster.
    fn joins(&self, id: NodeId, node: &Node, wanted: bool) -> Option<Coordinates> {
        if id == self.seed || (is_reduction(node) && self.is_sibling(id, node)) {
            return Some(self.kept());
        }
        if wanted {
            return Some(self.full());
        }
        let mut member_operands = node.operands.iter().filter_map(|v| self.coordinates.get(v));
        let of = member_operands.next()?;
        if self.fusion.is_index_map(id) {
            return self.view(node, of);
        }
        let fits = self.fusion.cluster_of(id).is_none()
            && is_elementwise(self.fusion.graph, node)
            && self.nodes.len() < MAX_NODES;
        let agrees = member_operands.all(|c| c == of);
        let allowed = self.form == Form::Rows || *of != self.full();
        (fits && agrees && allowed).then(|| of.clone())
    }

    /// Another reduction of a full value along the same axes.
    fn is_sibling(&self, id: NodeId, node: &Node) -> bool {
        let Op::Reduce(reduce) = &node.op else { return false };
        let mut axes = reduce.axes.clone();
        axes.sort_unstable();
        self.fusion.cluster_of(id).is_none()
            && axes == self.reduced
            && self.coordinates.get(&node.operands[0]).is_some_and(|c| *c == self.full())
    }

    /// Coordinates of an index map of a row value, if it is one that the cluster can look through.
    fn view(&self, node: &Node, of: &Coordinates) -> Option<Coordinates> {
        if *of == self.full() || self.fusion.is_stored(node.results[0]) {
            return None;
        }
        match &node.op {
            Op::BroadcastInDim(b) if b.shape == self.shape && self.rows_may_be_read_again() => {
                let aligned = b.axes.iter().zip(of).all(|(&to, from)| from.is_none_or(|axis| axis == to));
                aligned.then(|| self.full())
            }
            Op::BroadcastInDim(b) if b.shape == self.shape.with_ones_at(&self.reduced) => {
                let aligned = b.axes.iter().zip(of).all(|(&to, from)| from.is_none_or(|axis| axis == to));
                let kept = |axis: usize| (!self.reduced.contains(&axis)).then_some(axis);
                aligned.then(|| (0..self.shape.rank()).map(kept).collect())
            }
            Op::Reshape(reshape) => {
                let sizes = self.fusion.graph.tensor(node.operands[0]).shape.sizes();
                let mut real = of.iter().zip(sizes).filter(|(_, size)| *size != 1).map(|(c, _)| *c);
                Some(
                    reshape
                        .shape
                        .sizes()
                        .iter()
                        .map(|&size| if size == 1 { None } else { real.next()? })
                        .collect(),
                )
            }
            _ => None,
        }
    }

    fn rows_may_be_read_again(&self) -> bool {
        let row: usize = self.reduced.iter().map(|&axis| self.shape.size(axis)).product();
        self.form == Form::Rows && self.cut.is_none() && row.saturating_mul(8) <= MAX_ROW_BYTES
    }

    fn full(&self) -> Coordinates {
        (0..self.shape.rank()).map(Some).collect()
    }

    fn kept(&self) -> Coordinates {
        (0..self.shape.rank()).filter(|axis| !self.reduced.contains(axis)).map(Some).collect()
    }
}

/// The nodes that a walk forward will look at, the first first.
struct Ahead {
    open: BinaryHeap<Reverse<NodeId>>,
    /// How many of them may join.
    asking: usize,
}

impl Ahead {
    fn new(walk: &mut Walk) -> Ahead {
        walk.queued.clear();
        walk.asks.clear();
        Ahead { open: BinaryHeap::new(), asking: 0 }
    }

    fn queue(&mut self, walk: &mut Walk, id: NodeId) {
        if walk.queued.add(id) {
            self.open.push(Reverse(id));
        }
    }

    /// As [`Ahead::queue`], of a node that may join.
    fn ask(&mut self, walk: &mut Walk, id: NodeId) {
        self.queue(walk, id);
        self.asking += usize::from(walk.asks.add(id));
    }

    fn next(&mut self, walk: &mut Walk) -> Option<NodeId> {
        let Reverse(id) = self.open.pop()?;
        walk.visits += 1;
        self.asking -= usize::from(walk.asks.has(id));
        Some(id)
    }
}

enum Sweep {
    Done,
    /// Taint reached nodes that had been passed: decide again.
    Again,
    /// The seed itself would have to wait for the cluster.
    Impossible,
}
