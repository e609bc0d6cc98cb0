//! Which nodes are more than a function of their operands.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{BuildError, Builder, Graph, Node, Op, Type, Value};

/// Whether the node takes or gives a token, or has an effect inside: then it is neither merged with another, nor folded, nor removed.
pub(super) fn touches_token(graph: &Graph, node: &Node) -> bool {
    let is_token = |&v: &Value| matches!(graph.ty(v), Type::Token);
    node.operands.iter().chain(&node.results).any(is_token) || has_effect(node)
}

/// The graph without its prints and checks, in regions too: for who computes again what has been computed. Regions nest little, so the
/// function calls itself.
pub fn without_effects(graph: &Graph) -> Result<Graph, BuildError> {
    if !graph.nodes().iter().any(has_effect) {
        return Ok(graph.clone());
    }
    let mut b = Builder::new(graph.name());
    let mut map: Vec<Option<Value>> = vec![None; graph.values().len()];
    for &input in graph.inputs() {
        let value = b.input(graph.ty(input).clone());
        b.set_name(value, graph.value_name(input).map(str::to_owned));
        map[input.index()] = Some(value);
    }
    let mapped = |map: &[Option<Value>], values: &[Value]| -> Vec<Value> {
        values.iter().map(|v| map[v.index()].expect("operands come first")).collect()
    };
    for node in graph.nodes() {
        let operands = mapped(&map, &node.operands);
        if node.op.lowering() == Lowering::Effect {
            map[node.results[0].index()] = Some(operands[0]);
            continue;
        }
        b.set_location(node.location.clone());
        let regions = node.regions.iter().map(without_effects).collect::<Result<Vec<_>, _>>()?;
        let results = b.push_with_regions(node.op.clone(), &operands, regions)?;
        node.results.iter().zip(results).for_each(|(old, new)| map[old.index()] = Some(new));
    }
    let outputs = mapped(&map, graph.outputs());
    Ok(b.finish(&outputs))
}

/// Whether the node or a node in its regions has an effect, or may stop the program like one.
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
