//! `dce`: dead code elimination. Removes nodes that no output needs.
//!
//! It keeps inputs, used or not, and nodes that have effects.
//!
//! ```text
//! graph @f(%x: f32[4], %unused: f32[4]) {
//!   %a = exp(%unused)
//!   %b = neg(%a)
//!   %c = neg(%x)
//!   return %c
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[4], %unused: f32[4]) {
//!   %c = neg(%x)
//!   return %c
//! }
//! ```

use tensorwright_ir::{Graph, Value};

use super::effects::has_effect;
use super::rewriter::retain_nodes;
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct Dce;

impl Pass for Dce {
    fn name(&self) -> &'static str {
        "dce"
    }

    fn description(&self) -> &'static str {
        "removes nodes that no output needs"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let live = live_nodes(graph);
        retain_nodes(graph, cx, |id| live[id.index()])
    }
}

/// For each node whether an output or an effect needs it.
pub(super) fn live_nodes(graph: &Graph) -> Vec<bool> {
    Needed::by(graph, graph.outputs().iter().copied()).nodes
}

/// What some outputs of a graph and its effects need.
pub(super) struct Needed {
    pub(super) nodes: Vec<bool>,
    pub(super) values: Vec<bool>,
}

impl Needed {
    pub(super) fn by(graph: &Graph, outputs: impl IntoIterator<Item = Value>) -> Needed {
        let mut values = vec![false; graph.values().len()];
        for output in outputs {
            values[output.index()] = true;
        }
        let mut nodes = vec![false; graph.nodes().len()];
        for (id, node) in graph.iter().rev() {
            if has_effect(node) || node.results.iter().any(|v| values[v.index()]) {
                nodes[id.index()] = true;
                node.operands.iter().for_each(|v| values[v.index()] = true);
            }
        }
        Needed { nodes, values }
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::{Builder, DType, TensorType};

    use super::*;
    use crate::passes::PassOptions;

    fn run(graph: &Graph) -> Option<Graph> {
        Dce.run(graph, &mut Context::new(&PassOptions::default(), "dce"))
    }

    #[test]
    fn unused_chains_go_and_inputs_stay() {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [2]));
        let unused = b.input(TensorType::new(DType::F32, [2]));
        let dead = b.exp(unused).unwrap();
        b.neg(dead).unwrap();
        let y = b.neg(x).unwrap();
        let graph = b.finish(&[y]);
        let new = run(&graph).unwrap();
        assert_eq!(new.nodes().len(), 1);
        assert_eq!(new.inputs().len(), 2);
        assert_eq!(run(&new), None);
    }

    #[test]
    fn an_effect_stays_though_nobody_uses_its_token() {
        let mut b = Builder::new("f");
        let token = b.token();
        b.print(token, "x", &[]).unwrap();
        assert_eq!(run(&b.finish(&[])), None);
    }

    #[test]
    fn a_token_that_no_effect_takes_goes() {
        let mut b = Builder::new("f");
        b.token();
        let x = b.input(TensorType::new(DType::Bool, [0]));
        b.not(x).unwrap();
        assert!(run(&b.finish(&[])).unwrap().nodes().is_empty());
    }
}
