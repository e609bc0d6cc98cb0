//! What the stages decide about a graph and its regions before there are steps.

use std::fmt::{self, Display, Formatter};

use hashbrown::HashMap;
use tensorwright_ir::{Graph, Node, NodeId, Op};

use super::{CompileError, Context};
use crate::fusion::{self, Fusion, LoopMemory, Search, Unit, tiled};
use crate::native::{self, LoopKernel};

/// A graph on its way to a program.
#[derive(Debug)]
pub(crate) struct Part<'g> {
    pub(super) graph: &'g Graph,
    /// Loops that are kernels.
    pub(super) loops: HashMap<NodeId, Vec<LoopKernel>>,
    /// The regions of other control flow.
    pub(super) regions: HashMap<NodeId, Vec<Part<'g>>>,
    pub(super) fusion: Option<Fusion<'g>>,
    pub(super) order: Vec<Unit>,
}

impl<'g> Part<'g> {
    pub(super) fn new(graph: &'g Graph) -> Part<'g> {
        let (loops, regions) = (HashMap::new(), HashMap::new());
        Part { graph, loops, regions, fusion: None, order: Vec::new() }
    }

    /// What fusion has decided.
    pub(super) fn fusion(&self) -> Result<&Fusion<'g>, CompileError> {
        self.fusion.as_ref().ok_or(CompileError::Internal { what: "fusion comes before what needs it" })
    }
}

/// Finds the loops that are kernels of their own. What is left of control flow has regions to be lowered.
pub(super) fn choose_loops(part: &mut Part<'_>, cx: &mut Context<'_>) -> Result<(), CompileError> {
    let graph = part.graph;
    let mut used = vec![false; graph.values().len()];
    let read = graph.nodes().iter().flat_map(|node| &node.operands).chain(graph.outputs());
    read.for_each(|value| used[value.index()] = true);
    for (id, node) in graph.iter() {
        if tiled::is_unfit(graph, node) {
            return Err(CompileError::Internal { what: "products sum along one stride after pass `adjoin`" });
        }
        if let Some(kernels) = native::kernels(graph, node, |value| used[value.index()]) {
            cx.count("loops that are kernels", 1);
            part.loops.insert(id, kernels);
        } else if !node.regions.is_empty() {
            part.regions.insert(id, node.regions.iter().map(Part::new).collect());
        }
    }
    Ok(())
}

/// Decides what to fuse.
pub(super) fn fuse(part: &mut Part<'_>, cx: &mut Context<'_>) -> Result<(), CompileError> {
    let touched =
        |kernels: &Vec<LoopKernel>| kernels.iter().flat_map(|kernel| &kernel.params).copied().collect();
    let memory: LoopMemory = part.loops.iter().map(|(&id, kernels)| (id, touched(kernels))).collect();
    let fusion = fusion::fuse(part.graph, &memory, cx.target);
    cx.count("contractions in kernels", fusion.inlined.len() as u64);
    cx.count("clusters", fusion.clusters.len() as u64);
    let in_memory = |node: &Node| matches!(node.op, Op::Transpose(_)) && fusion.is_stored(node.results[0]);
    cx.count("transposes in memory", part.graph.nodes().iter().filter(|node| in_memory(node)).count() as u64);
    cx.count("nodes visited", fusion.counters.visits);
    cx.count("units searched", fusion.counters.searched);
    cx.count("searches given up", fusion.counters.gave_up);
    part.fusion = Some(fusion);
    Ok(())
}

/// Decides the order of units.
pub(super) fn order(part: &mut Part<'_>, cx: &mut Context<'_>) -> Result<(), CompileError> {
    let mut search = Search::default();
    let order = part.fusion()?.order(&mut search);
    part.order = order.ok_or(CompileError::Internal { what: "clusters wait for each other" })?;
    cx.count("units", part.order.len() as u64);
    cx.count("units searched", search.searched);
    cx.count("searches given up", search.gave_up.into());
    Ok(())
}

/// The decisions so far, for people.
impl Display for Part<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph @{} {{", self.graph.name())?;
        for (id, node) in self.graph.iter() {
            if let Some(kernels) = self.loops.get(&id) {
                let count = kernels.len();
                writeln!(
                    f,
                    "  {id} {} is {count} kernel{}",
                    node.op.name(),
                    if count == 1 { "" } else { "s" }
                )?;
            }
        }
        for (c, cluster) in self.fusion.iter().flat_map(|fusion| fusion.clusters.iter().enumerate()) {
            let names = cluster.nodes.iter().map(|&id| format!("{id} {}", self.graph.node(id).op.name()));
            let names: Vec<String> = names.collect();
            writeln!(f, "  cluster {c}, {:?} of {}: {}", cluster.form, cluster.shape, names.join(", "))?;
        }
        for unit in &self.order {
            match unit {
                Unit::Cluster(cluster) => writeln!(f, "  run cluster {cluster}")?,
                Unit::Node(id) => writeln!(f, "  run {id} {}", self.graph.node(*id).op.name())?,
            }
        }
        writeln!(f, "}}")?;
        let regions = self.graph.iter().filter_map(|(id, _)| self.regions.get(&id));
        regions.flatten().try_for_each(|region| write!(f, "{region}"))
    }
}
