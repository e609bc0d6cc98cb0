//! Fusion: which values are stored in memory, and which nodes share a kernel.
//!
//! The result is a partition of the graph into *units* in an order in which they can run. A unit is either one node that
//! is a routine of its own (a matmul, a sort, ..) or a cluster of element-wise ops, index maps and reductions that becomes
//! one kernel. A value that is not [stored](Fusion::is_stored) is computed again wherever it is read; fusion makes sure
//! that this is cheap.
//!
//! Two ways to grow a cluster:
//! - from a reduction ([`reduction`]): its element-wise producers, and everything after it in the same row;
//! - from the last element-wise op ([`elementwise`]): its producers.
//!
//! A contraction of few terms may be element-wise code too ([`inline`]): its operands are stored, as for a routine.
//!
//! Index maps (broadcast, transpose, slice, reverse, unit reshape) belong to no cluster: whoever reads through them
//! composes indices ([`access`]).

pub(crate) mod access;
pub(crate) mod contraction;
mod convolution;
pub(crate) mod cut;
mod elementwise;
pub(crate) mod inline;
mod marks;
mod order;
mod reduction;
mod sum_order;
pub(crate) mod tiled;
mod turned;
mod units;

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::Lowering;
use tensorwright_ir::{Graph, Node, NodeId, Op, Shape, Source, Value};

pub(crate) use cut::Cut;
use inline::Inlined;
pub(crate) use order::Search;
pub(crate) use sum_order::SumOrder;
pub(crate) use units::Unit;

use crate::program::Target;

/// How the loops of a cluster run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// No reduction.
    Elementwise,
    /// Reductions along axes with the last among them, but for axes of size 1: rows of elements, one after the other.
    Rows,
    /// Reductions along other axes: rows are added up into a row of accumulators.
    Columns,
    /// A concatenation or padding, put together in memory out of what its operands are computed from.
    Assembly,
}

impl Form {
    /// The form of reductions of `shape` along `reduced`.
    fn of_reduction(shape: &Shape, reduced: &[usize]) -> Form {
        // Axes of extent 1 are no loops: the innermost loop is the last axis of more.
        let innermost = shape.sizes().iter().rposition(|&extent| extent != 1);
        let in_rows = innermost.is_none_or(|axis| reduced.contains(&axis));
        if in_rows { Form::Rows } else { Form::Columns }
    }
}

/// Nodes that become one kernel (an assembly becomes one per part, a cut reduction two or three).
#[derive(Clone, Debug)]
pub(crate) struct Cluster {
    pub(crate) form: Form,
    /// Shape of the full iteration space.
    pub(crate) shape: Shape,
    /// Axes of `shape` that are reduced, ascending; empty for element-wise clusters.
    pub(crate) reduced: SmallVec<[usize; 6]>,
    /// How its reductions are cut in two, if they are; then no row is read again after it was reduced.
    pub(crate) cut: Option<Cut>,
    /// Its nodes in topological order.
    pub(crate) nodes: Vec<NodeId>,
    /// For its values the axis of `shape` along which each of their axes runs. Values that are not here have the shape of the
    /// cluster.
    pub(crate) coordinates: HashMap<Value, Coordinates>,
}

/// For each axis of a value the axis of its cluster's shape along which it runs; none for unit axes.
pub(crate) type Coordinates = SmallVec<[Option<usize>; 6]>;

/// The decisions.
#[derive(Debug)]
pub(crate) struct Fusion<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) clusters: Vec<Cluster>,
    /// Contractions that are code of the clusters that they are in.
    pub(crate) inlined: HashMap<NodeId, Inlined>,
    /// For each node the cluster that computes it.
    cluster_of: Vec<Option<usize>>,
    /// For each value whether it lives in memory.
    stored: Vec<bool>,
    /// For each value the nodes that read it.
    users: Vec<SmallVec<[NodeId; 2]>>,
    /// For each value whether it is an output.
    is_output: Vec<bool>,
    /// What the searches cost, and which budgets ran out.
    pub(crate) counters: Counters,
}

/// What fusion counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Nodes looked at while clusters grew around reductions.
    pub(crate) visits: u64,
    /// Units looked at in search of dependences.
    pub(crate) searched: u64,
    /// Searches that gave up.
    pub(crate) gave_up: u64,
}

/// For loops that need no steps of their own the values that their kernels read and write.
pub(crate) type LoopMemory = HashMap<NodeId, Vec<Value>>;

/// Decides what to fuse. The graph must hold no composites.
pub(crate) fn fuse<'g>(graph: &'g Graph, loops: &LoopMemory, target: &dyn Target) -> Fusion<'g> {
    let mut fusion = Fusion::new(graph, loops, inline::choose(graph, target));
    reduction::grow_all(&mut fusion);
    elementwise::grow_all(&mut fusion);
    fusion
}

impl<'g> Fusion<'g> {
    fn new(graph: &'g Graph, loops: &LoopMemory, inlined: HashMap<NodeId, Inlined>) -> Fusion<'g> {
        let mut users: Vec<SmallVec<[NodeId; 2]>> = vec![SmallVec::new(); graph.values().len()];
        for (id, node) in graph.iter() {
            for operand in &node.operands {
                let list = &mut users[operand.index()];
                if list.last() != Some(&id) {
                    list.push(id);
                }
            }
        }
        let stored = graph.values().map(|v| matches!(graph.source(v), Source::Input(_))).collect();
        let mut is_output = vec![false; graph.values().len()];
        graph.outputs().iter().for_each(|output| is_output[output.index()] = true);
        let cluster_of = vec![None; graph.nodes().len()];
        let counters = Counters::default();
        let clusters = Vec::new();
        let mut fusion = Fusion { graph, clusters, inlined, cluster_of, stored, users, is_output, counters };
        fusion.store_what_must_be(loops);
        fusion
    }

    /// Outputs, what routines read and write, and what sums would read across, live in memory.
    fn store_what_must_be(&mut self, loops: &LoopMemory) {
        for &value in self.graph.outputs() {
            self.stored[value.index()] = true;
        }
        for (id, node) in self.graph.iter().filter(|(_, n)| is_routine(n) || needs_memory(self.graph, n)) {
            if let Some(touched) = loops.get(&id) {
                touched.iter().for_each(|value| self.stored[value.index()] = true);
                continue;
            }
            for (position, &operand) in node.operands.iter().enumerate() {
                match &node.op {
                    // These store their operands in place as they are computed.
                    Op::Concat(_) | Op::Pad(_) => {}
                    _ if node.op.lowering() == Lowering::Tiled => {
                        self.stored[tiled::memory(self.graph, node, position).index()] = true;
                    }
                    _ => self.stored[operand.index()] = true,
                }
            }
            if !self.inlined.contains_key(&id) {
                node.results.iter().for_each(|result| self.stored[result.index()] = true);
            }
        }
        for value in turned::turned(self.graph) {
            self.stored[value.index()] = true;
        }
        // A constant that is the same element everywhere is computed where it is read; any other is memory.
        for node in self.graph.nodes() {
            if let Op::Constant(c) = &node.op
                && c.value.splat().is_none()
            {
                self.stored[node.results[0].index()] = true;
            }
        }
    }

    /// Whether the value is an output.
    pub(crate) fn is_output(&self, value: Value) -> bool {
        self.is_output[value.index()]
    }

    /// Whether the value lives in memory.
    pub(crate) fn is_stored(&self, value: Value) -> bool {
        self.stored[value.index()]
    }

    /// The cluster that computes the node.
    pub(crate) fn cluster_of(&self, node: NodeId) -> Option<usize> {
        self.cluster_of[node.index()]
    }

    /// Whether the node is a contraction that is code of the cluster that it is in.
    pub(crate) fn is_inlined(&self, node: NodeId) -> bool {
        self.inlined.contains_key(&node)
    }

    /// Whether the node computes each element of its result from elements of its operands.
    fn is_pointwise(&self, id: NodeId) -> bool {
        self.is_inlined(id) || is_elementwise(self.graph, self.graph.node(id))
    }

    /// The nodes that read the value.
    pub(crate) fn users(&self, value: Value) -> &[NodeId] {
        &self.users[value.index()]
    }

    /// Values of the cluster that are stored, in topological order.
    pub(crate) fn roots(&self, cluster: usize) -> Vec<Value> {
        let results = self.clusters[cluster].nodes.iter().flat_map(|&n| self.graph.node(n).results.iter());
        results.copied().filter(|&v| self.is_stored(v)).collect()
    }

    /// Adds a cluster and takes its nodes.
    fn add_cluster(&mut self, cluster: Cluster) -> usize {
        let id = self.clusters.len();
        for node in &cluster.nodes {
            self.cluster_of[node.index()] = Some(id);
        }
        self.clusters.push(cluster);
        id
    }

    /// Whether reading through the node is free.
    pub(crate) fn is_index_map(&self, id: NodeId) -> bool {
        access::is_index_map(self.graph, self.graph.node(id))
    }

    /// The nodes that read `value` as memory or in a cluster, directly or through index maps that are not stored.
    fn readers(&self, value: Value) -> SmallVec<[Reader; 4]> {
        let mut readers = SmallVec::new();
        let mut open: SmallVec<[(Value, bool, bool); 4]> = SmallVec::from_elem((value, true, false), 1);
        while let Some((value, direct, expands)) = open.pop() {
            for &node in self.users(value) {
                let through = self.is_index_map(node).then(|| self.graph.node(node).result());
                match through.filter(|&result| !self.is_stored(result)) {
                    Some(result) => {
                        let grows = self.graph.ty(result).elements() > self.graph.ty(value).elements();
                        open.push((result, false, expands || grows));
                    }
                    None => readers.push(Reader { node, direct, expands }),
                }
            }
        }
        readers
    }
}

/// A node that reads a value.
#[derive(Clone, Copy, Debug)]
struct Reader {
    node: NodeId,
    /// Not through an index map.
    direct: bool,
    /// Elements are read more than once.
    expands: bool,
}

/// An element-wise op with operands. Constants and iotas are computed wherever they are read.
pub(crate) fn is_elementwise(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::Reduce(reduce) => reduce.axes.is_empty(),
        Op::Bitcast(bitcast) => bitcast.dtype.size() == graph.tensor(node.operands[0]).dtype.size(),
        op => op.lowering() == Lowering::Map && !node.operands.is_empty(),
    }
}

/// A fold along at least one axis.
pub(crate) fn is_reduction(node: &Node) -> bool {
    matches!(&node.op, Op::Reduce(reduce) if !reduce.axes.is_empty())
}

/// A routine of the runtime.
pub(crate) fn is_routine(node: &Node) -> bool {
    match node.op.lowering() {
        Lowering::Library => !matches!(node.op, Op::Bitcast(_)),
        Lowering::Tiled | Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Host => true,
        Lowering::Map
        | Lowering::View
        | Lowering::Reduce
        | Lowering::Expand
        | Lowering::Token
        | Lowering::Mark => false,
    }
}

/// Another name for the memory of the operand: a reshape that merges or splits axes, a bitcast to another width, or a mark.
pub(crate) fn is_alias(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::Reshape(_) => needs_memory(graph, node),
        Op::Bitcast(_) => !is_elementwise(graph, node),
        Op::TraceMark(_) => true,
        _ => false,
    }
}

/// A movement that is not an index map: concatenation and padding are assembled in memory, and a reshape that merges or
/// splits axes is another name for dense memory, as a mark is.
pub(crate) fn needs_memory(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::Bitcast(_) => !is_elementwise(graph, node),
        Op::TraceMark(_) => true,
        op => {
            op.lowering() == Lowering::View && !node.operands.is_empty() && !access::is_index_map(graph, node)
        }
    }
}
