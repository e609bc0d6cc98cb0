//! `expand`: replaces composites by their definitions, down to the primitives that later passes know.
//!
//! `arg_reduce` is a primitive whose best implementation is made of others: the lowest index at which the operand is its
//! maximum (or minimum), or NaN. Written so, it fuses with what is around it. So is attention of few queries or keys, whose scores are soon written.
//!
//! Control flow that has a definition goes too: a `custom_gradient` and the first run of a `checkpoint` are there for differentiation, which
//! has taken place.
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
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{ArgKind, ArgReduce, Attend, AttendBack, Attended, ReduceKind};
use tensorwright_ir::op::{Results, TypeError};
use tensorwright_ir::{BuildError, Builder, Copier, DType, Graph, Node, Op, Scalar, TensorType, Value};

use super::rewriter::{Operands, Rewrite, rewrite_all};
use super::{Context, Pass};
use crate::cost::prefers_written_attention;

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
        rewrite_all(graph, cx, |rewriter, site| {
            // An op without results (an `unstack` of nothing) has nothing to be replaced.
            let nothing = site.node.results.is_empty() && site.node.regions.is_empty();
            if nothing || !is_expanded(graph, site.node) {
                return Ok(Rewrite::Keep);
            }
            let results = expand(rewriter.build(), site.node, &site.operands)?;
            Ok(Rewrite::Replace(results))
        })
    }
}

fn is_expanded(graph: &Graph, node: &Node) -> bool {
    match &node.op {
        Op::ArgReduce(_) => true,
        Op::Attend(op) => is_small(graph, op, &node.operands),
        Op::AttendBack(op) => {
            let own = node.operands.len() - AttendBack::BEHIND;
            is_small(graph, &op.forward(), &node.operands[..own])
        }
        op => op.has_definition(),
    }
}

/// Whether attention is rather written out.
fn is_small(graph: &Graph, op: &Attend, operands: &[Value]) -> bool {
    let types: Vec<&TensorType> = operands.iter().map(|&x| graph.tensor(x)).collect();
    Attended::of(op, &types).is_ok_and(|extents| prefers_written_attention(&extents))
}

/// Appends the definition of a node's op.
fn define(node: &Node, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
    match &node.op {
        Op::ArgReduce(op) => Ok(SmallVec::from_elem(arg_reduce(op, b, operands[0])?, 1)),
        op => op.expand(b, operands, &node.regions).expect("it has one"),
    }
}

/// NaN is not equal to the maximum, which it is, so it is looked for besides.
fn arg_reduce(op: &ArgReduce, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let x = if b.tensor(x).dtype == DType::Bool { b.cast(x, DType::U8)? } else { x };
    let shape = b.shape(x);
    let kind = match op.kind {
        ArgKind::Max => ReduceKind::Max,
        ArgKind::Min => ReduceKind::Min,
    };
    let best = b.reduce(x, kind, [op.axis])?;
    let kept: Axes = (0..shape.rank()).filter(|&axis| axis != op.axis).collect();
    let best = b.broadcast_in_dim(best, shape.clone(), kept)?;
    let mut found = b.eq(x, best)?;
    if b.tensor(x).dtype.is_float() {
        let nan = b.is_nan(x)?;
        found = b.or(found, nan)?;
    }
    let index = b.iota(op.dtype, shape.clone(), op.axis)?;
    let last = b.full(Scalar::from_i128(op.dtype, shape.size(op.axis) as i128 - 1), &shape)?;
    let candidates = b.select(found, index, last)?;
    b.reduce(candidates, ReduceKind::Min, [op.axis])
}

/// A definition that is being copied into the graph.
struct Frame {
    definition: Graph,
    copier: Copier,
    /// The next node to copy.
    next: usize,
}

/// Composites are made of composites, so definitions are copied with a stack of them.
fn expand(b: &mut Builder, node: &Node, operands: &[Value]) -> Result<Results, BuildError> {
    let mut stack = vec![Frame::new(b, node, operands)?];
    loop {
        let frame = stack.last_mut().expect("the outermost frame returns");
        let Some(node) = frame.definition.nodes().get(frame.next) else {
            let results = frame.copier.values(frame.definition.outputs());
            stack.pop();
            match stack.last_mut() {
                None => return Ok(results.into_iter().collect()),
                Some(outer) => outer.finish_node(&results),
            }
            continue;
        };
        let operands = frame.copier.values(&node.operands);
        if is_expanded(&frame.definition, node) {
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
        let results = define(node, &mut definition, &inputs).map_err(|source| BuildError {
            op: node.op.name(),
            operands: operands.iter().map(|&v| b.ty(v).clone()).collect(),
            location: node.location.clone(),
            source: source.into(),
        })?;
        let definition = definition.finish(&results);
        let copier = Copier::with_inputs(&definition, operands);
        Ok(Frame { definition, copier, next: 0 })
    }

    fn finish_node(&mut self, results: &[Value]) {
        self.copier.set_all(&self.definition.nodes()[self.next].results, results);
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use tensorwright_ir::Literal;
    use tensorwright_ir::eval::evaluate;

    use super::*;
    use crate::passes::PassOptions;

    #[test]
    fn softmax_becomes_primitives_and_keeps_its_name() {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [2, 3]));
        let y = b.softmax(x, 1usize).unwrap();
        b.set_name(y, Some("y".to_owned()));
        let graph = b.finish(&[y]);
        let options = PassOptions::default();
        let mut cx = Context::new(&options, "expand");
        let new = Expand.run(&graph, &mut cx).unwrap();
        assert!(new.nodes().iter().all(|n| !n.op.has_definition()));
        assert_eq!(new.value_name(new.outputs()[0]), Some("y"));
        assert_eq!(Expand.run(&new, &mut cx), None);
    }

    #[test]
    fn a_rule_for_no_results_goes_too() {
        let graph = crate::passes::testing::graph(
            "graph @f(%x: f32[2]) {
               custom_gradient(%x) {arguments = 1, results = 0, saved = 1} (
                 graph(%x: f32[2]) { %y = exp(%x) return %y },
                 graph(%y: f32[2]) { return %y }
               )
               return %x
             }",
        );
        let new = crate::passes::testing::run(&Expand, &graph).unwrap();
        assert!(new.nodes().iter().all(|node| node.regions.is_empty()), "{new}");
    }

    #[test]
    fn the_first_of_equals_and_the_first_nan_are_found() {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(DType::F32, [4, 4]));
        let y = b.arg_reduce(x, ArgKind::Max, 1usize, DType::I64).unwrap();
        let graph = b.finish(&[y]);
        let new = crate::passes::testing::run(&Expand, &graph).unwrap();
        let rows: [f32; 16] = [
            1.0,
            3.0,
            3.0,
            2.0,
            -0.0,
            0.0,
            -1.0,
            0.0,
            1.0,
            f32::NAN,
            9.0,
            f32::NAN,
            f32::NEG_INFINITY,
            -2.0,
            -2.0,
            -3.0,
        ];
        let input = Literal::new([4, 4], &rows).unwrap();
        let found = evaluate(&new, std::slice::from_ref(&input)).unwrap();
        assert_eq!(found[0].to_vec::<i64>().unwrap(), [1, 0, 1, 1]);
        assert_eq!(found, evaluate(&graph, &[input]).unwrap());
    }
}
