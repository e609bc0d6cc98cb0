//! `cse`: common subexpression elimination. One node per distinct computation: same op, same attributes, same operands, same
//! regions. Operands of a commutative function may come in either order.
//!
//! It does not merge nodes that take or give an effect token, and it does not see that two different expressions have the same
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
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};
use tensorwright_ir::{Graph, NodeId, Op};

use super::effects::touches_token;
use super::rewriter::{Operands, Rewrite, Rewriter, Site, rewrite};
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
        let hasher = DefaultHashBuilder::default();
        let mut seen: HashTable<(u64, NodeId)> = HashTable::with_capacity(graph.nodes().len());
        rewrite(graph, cx, |rewriter, site| {
            if touches_token(graph, site.node) {
                return Ok(Rewrite::Keep);
            }
            let operands = ordered(&site.node.op, site.operands.clone());
            let hash = hash(&hasher, site, &operands);
            let same =
                |&(h, first): &(u64, NodeId)| h == hash && is_same(rewriter, graph, first, site, &operands);
            match seen.find(hash, same) {
                Some(&(_, first)) => {
                    let results = graph.node(first).results.iter().map(|&v| rewriter.current(v));
                    Ok(Rewrite::Replace(results.collect()))
                }
                None => {
                    seen.insert_unique(hash, (hash, site.id), |&(h, _)| h);
                    Ok(Rewrite::Keep)
                }
            }
        })
    }
}

fn hash(hasher: &DefaultHashBuilder, site: &Site<'_>, operands: &Operands) -> u64 {
    let mut state = hasher.build_hasher();
    site.node.op.hash(&mut state);
    operands.hash(&mut state);
    site.node.regions.hash(&mut state);
    state.finish()
}

fn is_same(
    rewriter: &Rewriter<'_>,
    graph: &Graph,
    first: NodeId,
    site: &Site<'_>,
    operands: &Operands,
) -> bool {
    let first = graph.node(first);
    let first_operands = || first.operands.iter().map(|&v| rewriter.current(v)).collect();
    first.op == site.node.op
        && first.regions == site.node.regions
        && ordered(&first.op, first_operands()) == *operands
}

/// The operands, in ascending order where their order does not matter.
fn ordered(op: &Op, mut operands: Operands) -> Operands {
    if commutes(op) {
        operands.sort_unstable();
    }
    operands
}

/// Whether the function gives the same bits when its two operands trade places.
pub(super) fn commutes(op: &Op) -> bool {
    match op {
        Op::Binary(f) => matches!(
            f,
            BinaryFn::Add
                | BinaryFn::Mul
                | BinaryFn::Maximum
                | BinaryFn::Minimum
                | BinaryFn::And
                | BinaryFn::Or
                | BinaryFn::Xor
        ),
        Op::Compare(f) => matches!(f, CompareFn::Eq | CompareFn::Ne),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::{Builder, DType, Type};

    use super::*;
    use crate::passes::PassOptions;

    fn run(graph: &Graph) -> Option<Graph> {
        Cse.run(graph, &mut Context::new(&PassOptions::default(), "cse"))
    }

    fn pair(
        ty: Type,
        f: impl Fn(&mut Builder, [tensorwright_ir::Value; 2]) -> [tensorwright_ir::Value; 2],
    ) -> Graph {
        let mut b = Builder::new("f");
        let inputs = [b.input(ty.clone()), b.input(ty)];
        let outputs = f(&mut b, inputs);
        b.finish(&outputs)
    }

    fn floats() -> Type {
        Type::new(DType::F32, [2])
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
    fn nodes_on_tokens_stay_apart() {
        let graph = pair(Type::new(DType::Bool, [0]), |b, [x, _]| [b.not(x).unwrap(), b.not(x).unwrap()]);
        assert_eq!(run(&graph), None);
    }
}
