//! The order of effects in graphs that run at once.
//!
//! A traced graph may take the token of the trace around it, and give it back. Out of a trace there is none: what runs at once
//! is in order, and the effects within one graph begin with a token of its own.
//!
//! ```text
//! graph @f(%o: token, %x: f32[2]) { %p = print(%o, %x) {format = "{}"} return %x, %p }
//! graph @f(%x: f32[2]) { %o = token_new() %p = print(%o, %x) {format = "{}"} return %x }
//! ```

use tensorwright_ir::{BuildError, Builder, Graph, Type, Value};

/// The graph with tokens of its own in place of those that it takes, which gives none.
pub(super) fn without_tokens(graph: &Graph) -> Result<Graph, BuildError> {
    let is_token = |&value: &Value| matches!(graph.ty(value), Type::Token);
    if !graph.inputs().iter().chain(graph.outputs()).any(is_token) {
        return Ok(graph.clone());
    }
    let mut b = Builder::new(graph.name());
    let inputs = graph.inputs().iter().map(|&input| match graph.ty(input) {
        Type::Token => b.token(),
        ty => b.input(ty.clone()),
    });
    let inputs: Vec<Value> = inputs.collect();
    let outputs = b.inline(graph, &inputs)?;
    let outputs = outputs.into_iter().filter(|&output| !matches!(b.ty(output), Type::Token));
    let outputs: Vec<Value> = outputs.collect();
    Ok(b.finish(&outputs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stay_inside() {
        let text = r#"graph @f(%o: token, %x: f32[2]) { %p = print(%o, %x) {format = "{}"} return %x, %p }"#;
        let graph: Graph = text.parse().unwrap();
        let without = without_tokens(&graph).unwrap();
        let ops: Vec<&str> = without.nodes().iter().map(|node| node.op.name()).collect();
        assert_eq!(ops, ["token_new", "print"]);
        assert!(!without.input_types().contains(&Type::Token), "{without}");
        assert_eq!(without.outputs(), without.inputs());
        assert_eq!(without_tokens(&without).unwrap(), without);
    }
}
