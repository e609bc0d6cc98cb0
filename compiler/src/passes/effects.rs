//! Which nodes are more than a function of their operands.

use tensorwright_ir::op::Lowering;
use tensorwright_ir::{Graph, Node, Op, Type, Value};

/// Whether a value of this type can be an effect token.
pub(super) fn is_token(ty: &Type) -> bool {
    ty.is_token()
}

/// Whether the node takes or gives an effect token, or has an effect inside: then it is neither merged with another, nor folded,
/// nor removed. Lists of tokens order nothing. Tokens are ordinary values of type `bool[0]`, so a pure node on such values is spared too, at no cost worth
/// mentioning.
pub(super) fn touches_token(graph: &Graph, node: &Node) -> bool {
    let of_token = |&v: &Value| is_token(graph.ty(v));
    let passes_token = || node.operands.iter().chain(&node.results).any(of_token);
    (node.op.lowering() != Lowering::List && passes_token()) || has_effect(node)
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
