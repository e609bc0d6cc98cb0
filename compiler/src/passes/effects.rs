//! Which nodes are more than a function of their operands.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{BuildError, Builder, Copier, Graph, Node, Op};

/// The graph without its prints and checks, in regions too: for who computes again what has been computed. Regions nest little, so the
/// function calls itself.
pub fn without_effects(graph: &Graph) -> Result<Graph, BuildError> {
    if !graph.nodes().iter().any(has_effect) {
        return Ok(graph.clone());
    }
    let mut b = Builder::new(graph.name());
    let mut copier = Copier::declaring(graph, &mut b);
    for node in graph.nodes() {
        if node.op.lowering() == Lowering::Effect {
            copier.set_all(&node.results, &copier.values(&node.operands[..1]));
            continue;
        }
        let regions = node.regions.iter().map(without_effects).collect::<Result<Vec<_>, _>>()?;
        copier.copy_with(&mut b, node, regions)?;
    }
    Ok(b.finish(&copier.values(graph.outputs())))
}

/// Whether the node or a node in its regions has an effect, or may stop the program like one: then it is neither merged with another, nor
/// folded, nor removed. A node that only hands tokens on has none.
pub(crate) fn has_effect(node: &Node) -> bool {
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        if node.op.lowering() == Lowering::Effect || matches!(node.op, Op::ListStack(_)) {
            return true;
        }
        open.extend(node.regions.iter().flat_map(|region| region.nodes()));
    }
    false
}
