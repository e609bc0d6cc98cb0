//! `cse`: common subexpression elimination. One node per distinct computation: same op, same attributes, same operands, same
//! regions. Operands of a commutative function may come in either order.
//!
//! It does not merge nodes that have effects, and it does not see that two different expressions have the same
//! value: that is what canonical spelling is for.
//!
//! ```text
//! graph @f(%x: f32[4], %y: f32[4]) {
//!   %a = add(%x, %y)
//!   %b = add(%y, %x)
//!   %c = mul(%a, %b)
//!   return %c
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4], %y: f32[4]) {
//!   %a = add(%x, %y)
//!   %c = mul(%a, %a)
//!   return %c
//! }
//! ```

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};
use tensorwright_ir::op::Results;
use tensorwright_ir::{Graph, Node, NodeId, Op, Value};

use super::effects::has_effect;
use super::rewriter::{Operands, Rewrite, Rewriter, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Cse;

impl Pass for Cse {
    fn name(&self) -> &'static str {
        "cse"
    }

    fn description(&self) -> &'static str {
        "merges nodes that compute the same"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let mut seen = Seen::new(graph);
        rewrite(graph, cx, |rewriter, site| {
            if has_effect(site.node) {
                return Ok(Rewrite::Keep);
            }
            match seen.find(rewriter, graph, site.node, &site.operands) {
                Some(results) => Ok(Rewrite::Replace(results)),
                None => {
                    seen.insert(site.id, site.node, &site.operands);
                    Ok(Rewrite::Keep)
                }
            }
        })
    }
}

/// Nodes of a graph that is being rewritten, by what they compute.
pub(super) struct Seen {
    hasher: DefaultHashBuilder,
    nodes: HashTable<(u64, NodeId)>,
}

impl Seen {
    pub(super) fn new(graph: &Graph) -> Seen {
        let nodes = HashTable::with_capacity(graph.nodes().len());
        Seen { hasher: DefaultHashBuilder::default(), nodes }
    }

    /// Adds a node, with its operands as they are now.
    pub(super) fn insert(&mut self, id: NodeId, node: &Node, operands: &[Value]) {
        let hash = self.hash(node, &ordered(&node.op, operands));
        self.nodes.insert_unique(hash, (hash, id), |&(h, _)| h);
    }

    /// The results, as they are now, of a node that computes what `node` does of these operands.
    pub(super) fn find(
        &self,
        rewriter: &Rewriter<'_>,
        graph: &Graph,
        node: &Node,
        operands: &[Value],
    ) -> Option<Results> {
        let operands = ordered(&node.op, operands);
        let hash = self.hash(node, &operands);
        let same = |&(h, first): &(u64, NodeId)| {
            let first = graph.node(first);
            let now: Operands = first.operands.iter().map(|&v| rewriter.current(v)).collect();
            h == hash
                && first.op == node.op
                && first.regions == node.regions
                && ordered(&first.op, &now) == operands
        };
        let &(_, first) = self.nodes.find(hash, same)?;
        Some(graph.node(first).results.iter().map(|&v| rewriter.current(v)).collect())
    }

    fn hash(&self, node: &Node, operands: &Operands) -> u64 {
        let mut state = self.hasher.build_hasher();
        node.op.hash(&mut state);
        operands.hash(&mut state);
        node.regions.hash(&mut state);
        state.finish()
    }
}

/// The operands, in ascending order where their order does not matter.
fn ordered(op: &Op, operands: &[Value]) -> Operands {
    let mut operands = Operands::from_slice(operands);
    if commutes(op) {
        operands.sort_unstable();
    }
    operands
}

/// Whether the function gives the same bits when its two operands trade places.
fn commutes(op: &Op) -> bool {
    match op {
        Op::Binary(f) => f.commutes(),
        Op::Compare(f) => f.mirrored() == Some(*f),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::{Builder, DType, TensorType, Type};

    use super::*;
    use crate::passes::PassOptions;

    fn run(graph: &Graph) -> Option<Graph> {
        Cse.run(graph, &mut Context::new(&PassOptions::default(), "cse"))
    }

    fn pair(
        ty: impl Into<Type> + Clone,
        f: impl Fn(&mut Builder, [tensorwright_ir::Value; 2]) -> [tensorwright_ir::Value; 2],
    ) -> Graph {
        let mut b = Builder::new("f");
        let inputs = [b.input(ty.clone()), b.input(ty)];
        let outputs = f(&mut b, inputs);
        b.finish(&outputs)
    }

    fn floats() -> TensorType {
        TensorType::new(DType::F32, [2])
    }

    #[test]
    fn equal_chains_become_one() {
        let graph = pair(floats(), |b, [x, _]| {
            [0, 1].map(|_| {
                let e = b.exp(x).unwrap();
                b.neg(e).unwrap()
            })
        });
        let new = run(&graph).unwrap();
        assert_eq!(new.nodes().len(), 2);
        assert_eq!(new.outputs()[0], new.outputs()[1]);
        assert_eq!(run(&new), None);
    }

    #[test]
    fn commutative_operands_come_in_either_order() {
        let graph = pair(floats(), |b, [x, y]| [b.add(x, y).unwrap(), b.add(y, x).unwrap()]);
        assert_eq!(run(&graph).unwrap().nodes().len(), 1);
    }

    #[test]
    fn other_operands_or_attributes_stay_apart() {
        let graph = pair(floats(), |b, [x, y]| [b.sub(x, y).unwrap(), b.sub(y, x).unwrap()]);
        assert_eq!(run(&graph), None);
        let graph =
            pair(floats(), |b, [x, _]| [b.cast(x, DType::I8).unwrap(), b.cast(x, DType::U8).unwrap()]);
        assert_eq!(run(&graph), None);
    }

    #[test]
    fn effects_stay_apart_and_tensors_without_elements_do_not() {
        let graph = pair(Type::Token, |b, [x, _]| [0, 1].map(|_| b.print(x, "x", &[]).unwrap()));
        assert_eq!(run(&graph), None);
        let graph = pair(TensorType::new(DType::Bool, [0]), |b, [x, _]| [0, 1].map(|_| b.not(x).unwrap()));
        assert_eq!(run(&graph).unwrap().nodes().len(), 1);
    }
}
