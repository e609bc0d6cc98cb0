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
//! Long reductions with few results are [`cut`](super::cut) in two. Their rows are not read again in the same cluster; what
//! follows in terms of row values is done by the second kernel.

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::{Node, NodeId, Op, Shape, Value};

use super::{Cluster, Coordinates, Cut, Form, Fusion, is_elementwise, is_reduction};

/// Rows longer than this are not kept in scratch between a reduction and its consumers.
const MAX_ROW_BYTES: usize = 1 << 20;
/// More nodes make no better kernels, only larger ones.
const MAX_NODES: usize = 256;
/// How often the consumers are swept again after taint reached an earlier cluster.
const MAX_SWEEPS: usize = 8;

/// Makes a cluster around each reduction that is not yet in one.
pub(super) fn grow_all(fusion: &mut Fusion<'_>) {
    for index in 0..fusion.graph.nodes().len() {
        let id = NodeId::new(index);
        if fusion.cluster_of(id).is_none() && is_reduction(fusion.graph.node(id)) {
            let cluster = Growth::new(fusion, id).grow();
            let id = fusion.add_cluster(cluster);
            store_roots(fusion, id);
        }
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
    seed: NodeId,
    form: Form,
    shape: Shape,
    reduced: SmallVec<[usize; 6]>,
    cut: Option<Cut>,
    producers: Vec<bool>,
    coordinates: HashMap<Value, Coordinates>,
    tainted: Vec<bool>,
    nodes: Vec<NodeId>,
}

impl<'a, 'g> Growth<'a, 'g> {
    fn new(fusion: &'a Fusion<'g>, seed: NodeId) -> Growth<'a, 'g> {
        let node = fusion.graph.node(seed);
        let Op::Reduce(reduce) = &node.op else { unreachable!("seeds are reductions") };
        let shape = fusion.graph.ty(node.operands[0]).shape.clone();
        let mut reduced = reduce.axes.clone();
        reduced.sort_unstable();
        let form = Form::of_reduction(&shape, &reduced);
        let cut = Cut::of(&shape, &reduced, form);
        let count = fusion.graph.nodes().len();
        Growth {
            fusion,
            seed,
            form,
            shape,
            reduced,
            cut,
            producers: vec![false; count],
            coordinates: HashMap::new(),
            tainted: vec![false; count],
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
        let mut reaches_seed = vec![false; self.seed.index() + 1];
        reaches_seed[self.seed.index()] = true;
        let inside = |p: &[bool], id: NodeId| id == self.seed || p[id.index()];
        let mut producers = std::mem::take(&mut self.producers);
        for index in (0..self.seed.index()).rev() {
            let id = NodeId::new(index);
            let node = self.fusion.graph.node(id);
            let on_the_way = |u: &&NodeId| u.index() <= self.seed.index() && reaches_seed[u.index()];
            let users: SmallVec<[NodeId; 4]> =
                node.results.iter().flat_map(|&v| self.fusion.users(v)).filter(on_the_way).copied().collect();
            reaches_seed[index] = !users.is_empty();
            producers[index] = !users.is_empty()
                && self.is_full_candidate(id, node)
                && users.iter().all(|&u| inside(&producers, u));
        }
        self.producers = producers;
    }

    fn is_full_candidate(&self, id: NodeId, node: &Node) -> bool {
        self.fusion.cluster_of(id).is_none()
            && is_elementwise(self.fusion.graph, node)
            && self.fusion.graph.ty(node.results[0]).shape == self.shape
    }

    /// One pass over all nodes from the first producer on, or the first tainted node if that comes before, deciding who joins.
    fn sweep(&mut self) -> Sweep {
        self.nodes.clear();
        self.coordinates.clear();
        let starts = self.producers.iter().zip(&self.tainted).position(|(&p, &t)| p || t);
        let first = starts.unwrap_or(self.seed.index()).min(self.seed.index());
        for index in first..self.fusion.graph.nodes().len() {
            let id = NodeId::new(index);
            let node = self.fusion.graph.node(id);
            let wanted = id == self.seed || self.producers[index];
            let waits = self.tainted[index] || node.operands.iter().any(|&v| self.is_tainted(v));
            if wanted && waits {
                return Sweep::Impossible;
            }
            let joined = if waits { None } else { self.joins(id, node, wanted) };
            match joined {
                Some(coordinates) => {
                    self.coordinates.insert(node.results[0], coordinates);
                    if !self.fusion.is_index_map(id) {
                        self.nodes.push(id);
                    }
                }
                None if (waits || node.operands.iter().any(|v| self.coordinates.contains_key(v)))
                    && self.taint(id) =>
                {
                    return Sweep::Again;
                }
                None => {}
            }
        }
        Sweep::Done
    }

    fn is_tainted(&self, value: Value) -> bool {
        self.fusion.graph.producer(value).is_some_and(|(id, _)| self.tainted[id.index()])
    }

    /// Taints a node and the cluster it is in; true if that reached back to nodes that have been passed already.
    fn taint(&mut self, id: NodeId) -> bool {
        self.tainted[id.index()] = true;
        let Some(cluster) = self.fusion.cluster_of(id) else { return false };
        let mut reached_back = false;
        for other in &self.fusion.clusters[cluster].nodes {
            reached_back |= !self.tainted[other.index()] && other.index() < id.index();
            self.tainted[other.index()] = true;
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
                let sizes = self.fusion.graph.ty(node.operands[0]).shape.sizes();
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

enum Sweep {
    Done,
    /// Taint reached nodes that had been passed: decide again.
    Again,
    /// The seed itself would have to wait for the cluster.
    Impossible,
}
