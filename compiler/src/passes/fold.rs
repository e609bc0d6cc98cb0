//! `fold`: computes at compile time what does not depend on inputs, by the reference evaluator.
//!
//! - A node whose operands are all constants becomes a constant, if it is small and cheap enough:
//!   [`PassOptions::fold_elements`](super::PassOptions::fold_elements) and [`fold_work`](super::PassOptions::fold_work).
//! - Tensors of equal elements stay broadcast scalars: an element-wise function of such is computed once, an index map of
//!   such is another broadcast, however large.
//! - Whatever has no elements is a constant.
//! - Control flow without effects whose operands are all constants is run, loops within what is left of `fold_work`.
//!
//! It keeps `iota` and broadcasts, which are smaller than what they stand for, and sums and products of floats, of which the last bits are a
//! matter of order. Tokens and lists are left alone, and what stands behind an `optimization_barrier` is not known.
//!
//! ```text
//! graph @f(%x: f32[2,1000]) {
//!   %a = constant() {value = f32[] 2.0}
//!   %b = broadcast_in_dim(%a) {shape = [2,1000], axes = []}
//!   %c = sqrt(%b)
//!   %d = constant() {value = f32[2] [1.0, 2.0]}
//!   %e = add(%d, %d)
//!   return %c, %e
//! }
//! ```
//!
//! becomes
//!
//! ```text
//! graph @f(%x: f32[2,1000]) {
//!   %a = constant() {value = f32[] 1.4142135}
//!   %c = broadcast_in_dim(%a) {shape = [2,1000], axes = []}
//!   %e = constant() {value = f32[2] [2.0, 4.0]}
//!   return %c, %e
//! }
//! ```

use smallvec::SmallVec;
use tensorwright_ir::eval::{Datum, Evaluator};
use tensorwright_ir::op::primitive::{ReduceKind, UnaryFn};
use tensorwright_ir::op::{Lowering, Results};
use tensorwright_ir::{BuildError, Graph, Literal, Node, Op, Scalar, TensorType, Type, Value};

use super::cost::node_cost;
use super::effects::has_effect;
use super::pattern::splat;
use super::rewriter::{Rewrite, Rewriter, Site, rewrite};
use super::{Context, Pass};

/// The pass; see the [module](self).
#[derive(Clone, Copy, Debug)]
pub struct FoldConstants;

impl Pass for FoldConstants {
    fn name(&self) -> &'static str {
        "fold"
    }

    fn description(&self) -> &'static str {
        "computes what does not depend on inputs"
    }

    fn run(&self, graph: &Graph, cx: &mut Context<'_>) -> Option<Graph> {
        let mut budget = Budget { elements: cx.options.fold_elements, work: cx.fold_work_left, refused: 0 };
        let new = rewrite(graph, cx, |r, site| {
            let is_barrier = site.node.op == UnaryFn::OptimizationBarrier.into();
            // A mark is of no use where nothing runs, and what the program's code gives is found when it runs.
            let is_foreign = matches!(site.node.op.lowering(), Lowering::Mark | Lowering::Host);
            if is_as_small_as_can_be(r.graph(), site) || has_effect(site.node) || is_barrier || is_foreign {
                return Ok(Rewrite::Keep);
            }
            Ok(folded(r, graph, site, &mut budget)?.map_or(Rewrite::Keep, Rewrite::Replace))
        });
        cx.fold_work_left = budget.work;
        (0..budget.refused).for_each(|_| cx.count("constants too expensive to compute"));
        new
    }
}

struct Budget {
    elements: usize,
    work: usize,
    refused: usize,
}

impl Budget {
    fn allows(&mut self, graph: &Graph, node: &Node) -> bool {
        let elements = node.results.iter().map(|&v| graph.ty(v).elements()).fold(0, usize::saturating_add);
        let read = node.operands.iter().map(|&v| graph.ty(v).elements()).fold(0, usize::saturating_add);
        let computed = usize::try_from(node_cost(graph, node)).unwrap_or(usize::MAX);
        let work = computed.max(elements).max(read);
        let fits = elements <= self.elements && work <= self.work;
        if fits {
            self.work -= work;
        } else {
            self.refused += 1;
        }
        fits
    }
}

/// A constant with elements, a broadcast scalar constant, an iota with elements.
fn is_as_small_as_can_be(graph: &Graph, site: &Site<'_>) -> bool {
    match &site.node.op {
        Op::Constant(c) => !c.value.is_empty(),
        Op::Iota(iota) => iota.shape.elements() > 0,
        Op::BroadcastInDim(_) => {
            let x = site.operands[0];
            graph.tensor(x).rank() == 0 && splat(graph, x).is_some()
        }
        _ => false,
    }
}

fn folded(
    r: &mut Rewriter<'_>,
    old: &Graph,
    site: &Site<'_>,
    budget: &mut Budget,
) -> Result<Option<Results>, BuildError> {
    let types = site.node.results.iter().map(|&v| old.ty(v).as_tensor());
    let Some(types) = types.collect::<Option<SmallVec<[&TensorType; 1]>>>() else { return Ok(None) };
    if types.iter().all(|ty| ty.elements() == 0) {
        let zeros = types.iter().map(|ty| r.build().full(Scalar::zero(ty.dtype), &ty.shape));
        return zeros.collect::<Result<_, _>>().map(Some);
    }
    if site.operands.is_empty() {
        return Ok(None);
    }
    let scalars = splats(r.graph(), site);
    if let Some(elements) = scalars.and_then(|scalars| splat_results(&site.node.op, old, site, &scalars)) {
        let full = elements.iter().zip(types).map(|(&e, ty)| r.build().full(e, &ty.shape));
        return full.collect::<Result<_, _>>().map(Some);
    }
    let Some(operands) = constant_operands(r.graph(), site) else { return Ok(None) };
    if adds_up(&site.node.op, &types) {
        return Ok(None);
    }
    if matches!(site.node.op, Op::BroadcastInDim(_)) || !budget.allows(old, site.node) {
        return Ok(None);
    }
    let Some(results) = evaluated(site.node, &operands, &types, budget) else { return Ok(None) };
    results.into_iter().map(|result| constant(r, result)).collect::<Result<_, _>>().map(Some)
}

fn splats(graph: &Graph, site: &Site<'_>) -> Option<SmallVec<[Scalar; 3]>> {
    site.operands.iter().map(|&v| splat(graph, v)).collect()
}

/// For operands of equal elements the element of each result, if its elements are equal too for a reason that needs no look
/// at all of them.
fn splat_results(
    op: &Op,
    graph: &Graph,
    site: &Site<'_>,
    scalars: &[Scalar],
) -> Option<SmallVec<[Scalar; 1]>> {
    match op.lowering() {
        Lowering::Map => mapped(op, scalars),
        Lowering::View => {
            let dtype = graph.tensor(site.node.results[0]).dtype;
            let same = scalars.iter().all(|s| *s == scalars[0]) && dtype == scalars[0].dtype();
            (same && site.node.results.len() == 1).then(|| SmallVec::from_elem(scalars[0], 1))
        }
        Lowering::Reduce => {
            let Op::Reduce(reduce) = op else { return None };
            let idempotent = !matches!(reduce.kind, ReduceKind::Sum | ReduceKind::Prod);
            let filled = graph.tensor(site.node.operands[0]).elements() > 0;
            (idempotent && filled).then(|| SmallVec::from_elem(scalars[0], 1))
        }
        _ => None,
    }
}

/// The function of the elements, if it is one of elements alone.
fn mapped(op: &Op, scalars: &[Scalar]) -> Option<SmallVec<[Scalar; 1]>> {
    let literals: SmallVec<[Literal; 3]> = scalars.iter().map(|&s| Literal::scalar(s)).collect();
    let types: SmallVec<[&TensorType; 3]> = literals.iter().map(Literal::ty).collect();
    let results = op.infer_tensors(&types).ok()?;
    if results.iter().any(|ty| ty.rank() != 0) {
        return None;
    }
    let operands: SmallVec<[&Literal; 3]> = literals.iter().collect();
    Some(op.eval(&operands, &results)?.iter().map(|result| result.get(0)).collect())
}

/// Whether the result depends on the order of many floats, which is not the evaluator's when it runs.
fn adds_up(op: &Op, results: &[&TensorType]) -> bool {
    matches!(op, Op::Reduce(reduce) if reduce.kind.depends_on_order(results[0].dtype))
}

fn constant_operands(graph: &Graph, site: &Site<'_>) -> Option<SmallVec<[Constant; 3]>> {
    let constant = |&v| match graph.op(v)? {
        Op::Constant(c) => Some(Constant::Dense(c.value.clone())),
        _ => Some(splat(graph, v).map(|scalar| Constant::Full(graph.tensor(v).clone(), scalar))?),
    };
    site.operands.iter().map(constant).collect()
}

/// An operand that is known.
enum Constant {
    Dense(tensorwright_ir::LiteralRef),
    Full(TensorType, Scalar),
}

/// In the canonical spelling.
fn constant(r: &mut Rewriter<'_>, value: Literal) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = value.ty().clone();
    let splat = if value.is_empty() { Some(Scalar::zero(dtype)) } else { value.splat() };
    match splat {
        Some(scalar) => r.build().full(scalar, &shape),
        None => Ok(r.build().literal(value)),
    }
}

/// Results of the node; `None` if it is a loop that takes too long. What the loop took counts all the same.
fn evaluated(
    node: &Node,
    operands: &[Constant],
    types: &[&TensorType],
    budget: &mut Budget,
) -> Option<Vec<Literal>> {
    let literals: SmallVec<[std::borrow::Cow<'_, Literal>; 3]> = operands
        .iter()
        .map(|operand| match operand {
            Constant::Dense(literal) => std::borrow::Cow::Borrowed(literal.literal()),
            Constant::Full(ty, scalar) => std::borrow::Cow::Owned(Literal::full(ty.shape.clone(), *scalar)),
        })
        .collect();
    if node.regions.is_empty() {
        let operands: SmallVec<[&Literal; 3]> = literals.iter().map(|literal| &**literal).collect();
        let types: SmallVec<[TensorType; 1]> = types.iter().map(|&ty| ty.clone()).collect();
        return node.op.eval(&operands, &types);
    }
    let operands: SmallVec<[Datum; 3]> = literals.into_iter().map(|x| x.into_owned().into()).collect();
    let operands: SmallVec<[&Datum; 3]> = operands.iter().collect();
    let types: SmallVec<[Type; 1]> = types.iter().map(|&ty| ty.into()).collect();
    let mut evaluator = Evaluator::new().with_budget(budget.work as u64);
    let results = evaluator.evaluate_node(node, &operands, &types);
    budget.work = evaluator.budget_left().map_or(0, |left| left as usize);
    budget.refused += usize::from(results.is_err());
    results.ok()?.into_iter().map(|result| result.into_tensor().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::passes::PassOptions;
    use crate::passes::testing::{check, check_unchanged, graph, run_with};

    #[test]
    fn index_maps_of_equal_elements_are_broadcasts() {
        let splat =
            "%s = constant() {value = f32[] 2} %a = broadcast_in_dim(%s) {shape = [1000,9], axes = []}";
        check(
            &FoldConstants,
            &format!("graph @f() {{ {splat} %y = transpose(%a) {{permutation = [1,0]}} return %y }}"),
            "graph @f() { %s = constant() {value = f32[] 2} %y = broadcast_in_dim(%s) {shape = [9,1000], axes = []} return %y }",
        );
        check(
            &FoldConstants,
            &format!("graph @f() {{ {splat} %y = concat(%a, %a) {{axis = 0}} return %y }}"),
            "graph @f() { %s = constant() {value = f32[] 2} %y = broadcast_in_dim(%s) {shape = [2000,9], axes = []} return %y }",
        );
        check(
            &FoldConstants,
            &format!("graph @f() {{ {splat} %y = reduce(%a) {{kind = max, axes = [0]}} return %y }}"),
            "graph @f() { %s = constant() {value = f32[] 2} %y = broadcast_in_dim(%s) {shape = [9], axes = []} return %y }",
        );
        // The padding is another element, and a sum of many is not cheap.
        check_unchanged(
            &FoldConstants,
            &format!(
                "graph @f() {{ {splat} %v = constant() {{value = f32[] 3}} %y = pad(%a, %v) {{low = [0,0], high = [0,1], interior = [0,0]}} return %y }}"
            ),
        );
    }

    #[test]
    fn what_has_no_elements_is_constant() {
        check(
            &FoldConstants,
            "graph @f(%x: f32[0,3]) { %y = exp(%x) return %y }",
            "graph @f(%x: f32[0,3]) { %s = constant() {value = f32[] 0} %y = broadcast_in_dim(%s) {shape = [0,3], axes = []} return %y }",
        );
        check(
            &FoldConstants,
            "graph @f(%x: bool[0]) { %y = not(%x) return %y }",
            "graph @f(%x: bool[0]) { %s = constant() {value = bool[] false} %y = broadcast_in_dim(%s) {shape = [0], axes = []} return %y }",
        );
    }

    #[test]
    fn inputs_iota_and_broadcasts_stay() {
        check_unchanged(&FoldConstants, "graph @f(%x: f32[3]) { %y = exp(%x) return %y }");
        check_unchanged(
            &FoldConstants,
            "graph @f() { %y = iota() {dtype = f32, shape = [3], axis = 0} %z = neg(%y) return %z }",
        );
        check_unchanged(
            &FoldConstants,
            "graph @f() { %y = constant() {value = f32[2] [1, 2]} %z = broadcast_in_dim(%y) {shape = [9,2], axes = [1]} return %z }",
        );
    }

    #[test]
    fn barriers_stay() {
        check_unchanged(
            &FoldConstants,
            "graph @f() { %a = constant() {value = f32[2] [1, 2]} %y = optimization_barrier(%a) %z = exp(%y) return %z }",
        );
    }

    #[test]
    fn large_and_expensive_constants_stay() {
        let text = "graph @f() { %a = constant() {value = f32[4] [1, 2, 3, 4]} %y = exp(%a) return %y }";
        let run = |fold_elements, fold_work| {
            run_with(
                &FoldConstants,
                &graph(text),
                &PassOptions { fold_elements, fold_work, ..PassOptions::default() },
            )
        };
        assert!(run(4, 64).is_some());
        assert!(run(3, 64).is_none());
        assert!(run(4, 63).is_none());
    }
}
