//! `expand`: replaces composites by their definitions, down to primitives.
//!
//! It does not look at what it expands: what is repeated or trivial in a definition is for later passes.
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %y = square(%x)
//!   return %y
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4]) {
//!   %y = mul(%x, %x)
//!   return %y
//! }
//! ```

use smallvec::SmallVec;
use tensorwright_ir::op::{Lowering, Results};
use tensorwright_ir::{BuildError, Builder, Graph, Node, Value};

use super::rewriter::{Operands, Rewrite, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Expand;

impl Pass for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn description(&self) -> &'static str {
        "replaces composite ops by their definitions"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        rewrite(graph, cx, |rewriter, site| {
            if site.node.op.lowering() != Lowering::Expand {
                return Ok(Rewrite::Keep);
            }
            let results = expand(rewriter.build(), site.node, &site.operands)?;
            Ok(Rewrite::Replace(results))
        })
    }
}

/// A definition that is being copied into the graph.
struct Frame {
    definition: Graph,
    /// For values of the definition what stands for them in the graph.
    map: Vec<Option<Value>>,
    /// The next node to copy.
    next: usize,
}

/// Composites are made of composites, so definitions are copied with a stack of them.
fn expand(b: &mut Builder, node: &Node, operands: &[Value]) -> Result<Results, BuildError> {
    let mut stack = vec![Frame::new(b, node, operands)?];
    loop {
        let frame = stack.last_mut().expect("the outermost frame returns");
        let Some(node) = frame.definition.nodes().get(frame.next) else {
            let results = frame.values(frame.definition.outputs());
            stack.pop();
            match stack.last_mut() {
                None => return Ok(results.into_iter().collect()),
                Some(outer) => outer.finish_node(&results),
            }
            continue;
        };
        let operands = frame.values(&node.operands);
        if node.op.lowering() == Lowering::Expand {
            let inner = Frame::new(b, node, &operands)?;
            stack.push(inner);
        } else {
            let results = b.push_with_regions(node.op.clone(), &operands, node.regions.clone())?;
            frame.finish_node(&results);
        }
    }
}

impl Frame {
    fn new(b: &Builder, node: &Node, operands: &[Value]) -> Result<Frame, BuildError> {
        let mut definition = Builder::new(node.op.name());
        let inputs: Operands = operands.iter().map(|&v| definition.input(b.ty(v).clone())).collect();
        let results = node
            .op
            .expand(&mut definition, &inputs)
            .expect("an op that lowers by expansion has one")
            .map_err(|source| BuildError {
                op: node.op.name(),
                operands: operands.iter().map(|&v| b.ty(v).clone()).collect(),
                location: node.location.clone(),
                source: source.into(),
            })?;
        let definition = definition.finish(&results);
        let mut map = vec![None; definition.values().len()];
        for (input, &operand) in definition.inputs().iter().zip(operands) {
            map[input.index()] = Some(operand);
        }
        Ok(Frame { definition, map, next: 0 })
    }

    fn values(&self, inner: &[Value]) -> SmallVec<[Value; 3]> {
        inner.iter().map(|v| self.map[v.index()].expect("operands come first")).collect()
    }

    fn finish_node(&mut self, results: &[Value]) {
        for (inner, &value) in self.definition.nodes()[self.next].results.iter().zip(results) {
            self.map[inner.index()] = Some(value);
        }
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::{DType, Type};

    use super::*;
    use crate::passes::PassOptions;

    #[test]
    fn softmax_becomes_primitives_and_keeps_its_name() {
        let mut b = Builder::new("f");
        let x = b.input(Type::new(DType::F32, [2, 3]));
        let y = b.softmax(x, 1usize).unwrap();
        b.set_name(y, Some("y".to_owned()));
        let graph = b.finish(&[y]);
        let options = PassOptions::default();
        let mut cx = Context::new(&options, "expand");
        let new = Expand.run(&graph, &mut cx).unwrap();
        assert!(new.nodes().iter().all(|n| n.op.lowering() != Lowering::Expand));
        assert_eq!(new.value_name(new.outputs()[0]), Some("y"));
        assert_eq!(Expand.run(&new, &mut cx), None);
    }
}
