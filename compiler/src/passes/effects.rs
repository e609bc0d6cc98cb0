//! Which nodes are more than a function of their operands.

use tensorwright_ir::{DType, Graph, Node, Type};

/// Whether a value of this type can be an effect token.
pub(super) fn is_token(ty: &Type) -> bool {
    ty.dtype == DType::Bool && ty.rank() == 1 && ty.shape.size(0) == 0
}

/// Whether the node takes or gives an effect token: then it is neither merged with another, nor folded, nor removed. Tokens are
/// ordinary values of type `bool[0]`, so a pure node on such values is spared too, at no cost worth mentioning.
pub(super) fn touches_token(graph: &Graph, node: &Node) -> bool {
    node.operands.iter().chain(&node.results).any(|&v| is_token(graph.ty(v)))
}
