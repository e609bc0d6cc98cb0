//! Growing clusters of element-wise ops, from consumers to producers.
//!
//! Nodes are visited last to first, so that all readers of a value have been placed. A value is computed inside the one
//! cluster that reads it; in several if that costs less than memory; else it is stored, as one more output of a cluster
//! that reads it element by element, if that makes no cycle, or of a new cluster.

use hashbrown::HashMap;
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::CostClass;
use tensorwright_ir::{NodeId, Op, Value};

use super::marks::Reach;
use super::units::depends_on;
use super::{Cluster, Form, Fusion, is_reduction};
use crate::cost;

/// Outputs beyond this number make a kernel juggle too many streams.
const MAX_ROOTS: usize = 12;
/// Clusters that are asked whether they take one more output.
const MAX_HOMES: usize = 64;
/// More nodes make no better kernels, only larger ones.
const MAX_NODES: usize = 256;

/// Places every node that is left.
pub(super) fn grow_all(fusion: &mut Fusion<'_>) {
    let mut reach = Reach::of(&fusion.clusters, fusion.graph.nodes().len());
    // For each node the steps that are repeated if it is computed once more, readers included; 0 if it is computed once.
    let mut repeated = vec![0u32; fusion.graph.nodes().len()];
    for index in (0..fusion.graph.nodes().len()).rev() {
        let id = NodeId::new(index);
        if fusion.cluster_of(id).is_some() {
            continue;
        }
        let node = fusion.graph.node(id);
        match &node.op {
            Op::Concat(_) | Op::Pad(_) => start(fusion, &mut reach, id, Form::Assembly),
            Op::Constant(c) if fusion.is_stored(node.results[0]) && c.value.splat().is_some() => {
                start(fusion, &mut reach, id, Form::Elementwise);
            }
            Op::Iota(_) if fusion.is_stored(node.results[0]) => {
                start(fusion, &mut reach, id, Form::Elementwise)
            }
            _ if fusion.is_index_map(id) && fusion.is_stored(node.results[0]) => {
                start(fusion, &mut reach, id, Form::Elementwise);
            }
            _ if fusion.is_pointwise(id) => place(fusion, &mut reach, id, &mut repeated),
            _ => debug_assert!(!is_reduction(node), "reductions were placed before"),
        }
    }
    for cluster in &mut fusion.clusters {
        cluster.nodes.sort_unstable();
    }
}

/// A new cluster for a value that is stored.
fn start(fusion: &mut Fusion<'_>, reach: &mut Reach, id: NodeId, form: Form) {
    let result = fusion.graph.node(id).results[0];
    fusion.stored[result.index()] = true;
    let shape = fusion.graph.tensor(result).shape.clone();
    let (reduced, coordinates) = (SmallVec::new(), HashMap::new());
    let cluster =
        fusion.add_cluster(Cluster { form, shape, reduced, cut: None, nodes: vec![id], coordinates });
    reach.add(cluster, id);
}

fn place(fusion: &mut Fusion<'_>, reach: &mut Reach, id: NodeId, repeated: &mut [u32]) {
    let node = fusion.graph.node(id);
    let value = node.results[0];
    let readers = fusion.readers(value);
    if readers.is_empty() && !fusion.is_stored(value) {
        return;
    }
    let mut clusters: SmallVec<[usize; 4]> =
        readers.iter().filter_map(|r| fusion.cluster_of(r.node)).collect();
    clusters.sort_unstable();
    clusters.dedup();
    let outside = fusion.is_stored(value) || readers.iter().any(|r| fusion.cluster_of(r.node).is_none());
    let indirect = readers.iter().filter(|r| !r.direct).count();
    let direct = readers.len() > indirect;
    let again = readers.iter().any(|r| r.expands || repeated[r.node.index()] > 0)
        || indirect + usize::from(direct) > 1;
    let carried = readers.iter().map(|r| repeated[r.node.index()]).max().unwrap_or(0);
    let steps = steps(fusion, id);
    let work = carried + steps;
    match clusters[..] {
        [cluster] if !outside && (!again || work <= cost::MEMORY) && has_room(fusion, cluster) => {
            repeated[id.index()] = if again { work } else { 0 };
            absorb(fusion, reach, id, cluster);
        }
        _ if !outside
            && clusters.len() > 1
            && node.operands.len() == 1
            && steps <= cost::steps(CostClass::Simple)
            && carried == 0 =>
        {
            // One operand, one instruction: reading it again costs as much as reading the result. It belongs to no
            // cluster; whoever reads it computes it.
            repeated[id.index()] = work;
        }
        _ => store(fusion, reach, id, value, &clusters),
    }
}

/// Steps of an element of the node.
fn steps(fusion: &Fusion<'_>, id: NodeId) -> u32 {
    match fusion.inlined.get(&id) {
        Some(inlined) => cost::contraction(1, inlined.terms) as u32,
        None => cost::element_cost(fusion.graph, fusion.graph.node(id)),
    }
}

fn has_room(fusion: &Fusion<'_>, cluster: usize) -> bool {
    fusion.clusters[cluster].nodes.len() < MAX_NODES
}

fn absorb(fusion: &mut Fusion<'_>, reach: &mut Reach, id: NodeId, cluster: usize) {
    reach.add(cluster, id);
    fusion.clusters[cluster].nodes.push(id);
    fusion.cluster_of[id.index()] = Some(cluster);
}

/// Whether a contraction that is code of the cluster reads the value: it would compute it again for each of its terms.
fn is_contracted_in(fusion: &Fusion<'_>, value: Value, cluster: usize) -> bool {
    let readers = fusion.readers(value).into_iter();
    readers.map(|r| r.node).any(|node| fusion.is_inlined(node) && fusion.cluster_of(node) == Some(cluster))
}

/// Stores the value, as an output of one of the clusters that read it if possible.
fn store(fusion: &mut Fusion<'_>, reach: &mut Reach, id: NodeId, value: Value, clusters: &[usize]) {
    let shape = &fusion.graph.tensor(value).shape;
    let takes = |fusion: &Fusion<'_>, c: usize| {
        let cluster = &fusion.clusters[c];
        cluster.form == Form::Elementwise
            && cluster.shape == *shape
            && has_room(fusion, c)
            && fusion.roots(c).len() < MAX_ROOTS
            && fusion.users(value).iter().any(|&u| fusion.cluster_of(u) == Some(c))
            && !is_contracted_in(fusion, value, c)
    };
    let mut candidates = clusters.iter().copied().take(MAX_HOMES);
    let home = candidates.find(|&c| takes(fusion, c) && !depends_on(fusion, reach, c, value));
    match home {
        Some(cluster) => {
            fusion.stored[value.index()] = true;
            absorb(fusion, reach, id, cluster);
        }
        None => start(fusion, reach, id, Form::Elementwise),
    }
}
