//! Random graphs through every stage, one class of ops at a time.
//!
//! A graph is printed and parsed, and its optimised form is evaluated. It is compiled with all its values as outputs, and again
//! with only those whose ops round: then each node is held against the evaluator, given the compiled values of what rounds before
//! it, within the tolerance of its op, and whatever does not round must have the same bits. Last it is compiled as it is: the
//! same bits on one and two threads and over inputs that are given away, and as before unless it adds up floats, whose order may depend on what is fused.
//!
//! `GRAPH_CASES` sets the number of graphs per class. Thousands of each: `cargo run --release -p tensorwright-soak -- graphs`.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::differentiate::vjp;
use tensorwright_compiler::lower::Promises;
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::{self, Datum};
use tensorwright_ir::op::{Derivative, Draw, Lowering, OpKind, Tolerance};
use tensorwright_ir::text::{Style, parse, print};
use tensorwright_ir::{Builder, DType, Graph, Literal, Scalar, TensorType, Type, Value};
use tensorwright_runtime::Executable;
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph};
use tensorwright_testkit::properties::for_random_graphs;
use tensorwright_testkit::tolerance::{first_difference, same_values};

type Outcome = Result<(), TestCaseError>;
type Results = Result<Vec<Literal>, TestCaseError>;

/// Graphs of which about half the ops are accepted and half are element-wise, to be fused with them.
fn options(accept: impl Fn(&OpKind) -> bool) -> GraphOptions {
    let mut of_class = GraphOptions::with_control();
    of_class.kinds.retain(accept);
    let mut kinds = GraphOptions::of(|kind| kind.lowering == Lowering::Map).kinds;
    let copies = kinds.len().div_ceil(of_class.kinds.len());
    kinds.extend((0..copies).flat_map(|_| of_class.kinds.iter().cloned()));
    GraphOptions { kinds, max_elements: 512, ..of_class }
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Results {
    let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(e.to_string());
    let executable = Executable::compile(graph, &CompileOptions::default()).map_err(|e| fail(&e))?;
    executable.run_literals(inputs, threads).map_err(|e| fail(&e))
}

/// As [`run`], with every output over an input of its type, where that can be.
fn run_in_place(graph: &Graph, inputs: &[Literal]) -> Results {
    let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(e.to_string());
    let mut free: Vec<_> = graph.input_types().into_iter().map(Some).collect();
    let mut pairs = Vec::new();
    for (output, ty) in graph.output_types().into_iter().enumerate() {
        if let Some(input) = free.iter().position(|free| *free == Some(ty.clone())) {
            free[input] = None;
            pairs.push((input, output));
        }
    }
    let options = CompileOptions::default();
    let executable =
        Executable::compile_promised(graph, &options, &Promises::donated(&pairs)).map_err(|e| fail(&e))?;
    executable.run_donating_literals(inputs, 2).map_err(|e| fail(&e))
}

fn expect_same(expected: &[Literal], found: &[Literal], what: &str) -> Outcome {
    prop_assert_eq!(expected.len(), found.len());
    for (position, (e, f)) in expected.iter().zip(found).enumerate() {
        prop_assert!(same_values(e, f), "{}: output {} was {:?}, is {:?}", what, position, e, f);
    }
    Ok(())
}

/// The graph with other outputs.
fn with_outputs(graph: &Graph, outputs: &[Value]) -> Graph {
    let b = Builder::continuing(graph, graph.nodes().len()).expect("all nodes are there");
    b.finish(outputs)
}

/// Results of nodes that round, and the outputs.
fn rounded_values(graph: &Graph, tolerances: &[Tolerance]) -> Vec<Value> {
    let rounds = graph.nodes().iter().zip(tolerances).filter(|(_, t)| **t != Tolerance::Exact);
    let rounded = rounds.flat_map(|(node, _)| node.results.iter().copied());
    let rounded = rounded.filter(|&v| graph.ty(v).as_tensor().is_some());
    rounded.chain(graph.outputs().iter().copied()).collect()
}

/// Compiles the graph for these outputs and holds each node against the evaluator.
fn nodes_are_right(
    drawn: &RandomGraph,
    outputs: &[Value],
    run: impl Fn(&Graph, &[Literal]) -> Results,
) -> Outcome {
    let RandomGraph { graph, inputs, tolerances } = drawn;
    let found = run(&with_outputs(graph, outputs), inputs)?;
    let compiled: HashMap<Value, Literal> = outputs.iter().copied().zip(found).collect();
    let mut values: Vec<Option<Datum>> = vec![None; graph.values().len()];
    for (v, input) in graph.inputs().iter().zip(inputs) {
        values[v.index()] = Some(input.clone().into());
    }
    for ((id, node), &tolerance) in graph.iter().zip(tolerances) {
        let operands: Vec<&Datum> =
            node.operands.iter().map(|v| values[v.index()].as_ref().expect("in order")).collect();
        let types: Vec<_> = node.results.iter().map(|&v| graph.ty(v).clone()).collect();
        let expected = eval::Evaluator::new().evaluate_node(node, &operands, &types).expect("it succeeds");
        let mut results = Vec::new();
        for (expected, v) in expected.into_iter().zip(&node.results) {
            let Some(found) = compiled.get(v) else {
                results.push((*v, expected));
                continue;
            };
            let tensors: Vec<&Literal> = operands.iter().filter_map(|x| x.as_tensor()).collect();
            let difference = first_difference(expected.tensor(), found, tolerance, &tensors);
            let context = || format!("{id} {} of {operands:?}", node.op.name());
            prop_assert!(difference.is_none(), "{}: {}", context(), difference.unwrap());
            results.push((*v, found.clone().into()));
        }
        results.into_iter().for_each(|(v, result)| values[v.index()] = Some(result));
    }
    Ok(())
}

/// Whether results may depend on what is fused: sums of floats follow the loops of their kernel.
fn order_matters(drawn: &RandomGraph) -> bool {
    let nodes = drawn.graph.nodes().iter().zip(&drawn.tolerances);
    nodes.into_iter().any(|(node, t)| *t != Tolerance::Exact && node.op.lowering() != Lowering::Map)
}

fn reads_back(graph: &Graph) -> Outcome {
    let text = print(graph, Style::default());
    let parsed = parse(&text).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
    prop_assert_eq!(&print(&parsed, Style::default()), &text);
    Ok(())
}

/// Graphs with complex numbers, which the compiler takes apart before it does anything else: what their ops round is not what those round that
/// stand for them.
fn check_complex(drawn: RandomGraph) -> Outcome {
    let RandomGraph { graph, inputs, tolerances } = &drawn;
    reads_back(graph)?;
    let tensors: Vec<Value> = graph.values().collect();
    nodes_are_right(&drawn, &tensors, run_in_place)?;
    nodes_are_right(&drawn, &rounded_values(graph, tolerances), |graph, inputs| run(graph, inputs, 1))?;
    expect_same(&run(graph, inputs, 1)?, &run(graph, inputs, 2)?, "on two threads")
}

fn check_complex_graphs(cases: u32) {
    for_random_graphs(&GraphOptions::complex(), cases, check_complex);
}

#[test]
fn complex() {
    some_of("complex");
}

/// Graphs of ops on complex numbers that have a derivative.
fn smooth_complex() -> GraphOptions {
    let hint = Type::from(TensorType::new(DType::C128, [2, 2]));
    GraphOptions::smooth_complex(|kind| {
        let sample = kind.sample(&mut Draw::new(&[]), &hint);
        !matches!(sample.op.derivative(), Derivative::Zero)
    })
}

/// How great the elements are; infinite if one is no number.
fn magnitude(values: &[Literal]) -> f64 {
    let parts = values.iter().flat_map(|x| x.iter().flat_map(Scalar::parts).collect::<Vec<_>>());
    let size = |x: Scalar| if x.to_f64().is_nan() { f64::INFINITY } else { x.to_f64().abs() };
    parts.fold(0.0, |most, x| size(x).max(most))
}

/// The greatest distance of two elements.
fn distance(left: &[Literal], right: &[Literal]) -> f64 {
    let pairs = left.iter().zip(right).flat_map(|(l, r)| l.iter().zip(r.iter()).collect::<Vec<_>>());
    pairs.fold(0.0, |most, (l, r)| (l.to_f64() - r.to_f64()).abs().max(most))
}

/// Cotangents of complex inputs, by parts, are those of the evaluator: as far apart as rounding of the inputs may move them.
fn check_complex_gradients(drawn: RandomGraph) -> Outcome {
    let RandomGraph { graph, mut inputs, .. } = drawn.in_parts();
    let is_float = |ty: &TensorType| ty.dtype.is_float();
    let wrt: Vec<usize> = (0..inputs.len()).filter(|&i| is_float(inputs[i].ty())).collect();
    let derived = vjp(&graph, &wrt).map_err(|e| TestCaseError::fail(e.to_string()))?;
    let about = |k: usize| ((k * 7 + 3) % 11) as f64 / 5.0 - 1.0;
    let outputs = graph.outputs().iter().map(|&v| graph.tensor(v).clone());
    let cotangents = outputs.filter(is_float);
    inputs
        .extend(cotangents.map(|ty| Literal::from_fn(ty.clone(), |k| Scalar::from_f64(ty.dtype, about(k)))));
    let values: Vec<Value> = derived.graph.values().collect();
    let all = eval::evaluate(&with_outputs(&derived.graph, &values), &inputs);
    let size = magnitude(&all.map_err(|e| TestCaseError::fail(e.to_string()))?);
    if size > 1e4 {
        return Ok(());
    }
    let moved = inputs.iter().map(|x| match x.ty() {
        ty if is_float(ty) => {
            let step = |k: usize| 1.0 + 1e-11 * about(k);
            Literal::from_fn(ty.clone(), |k| Scalar::from_f64(ty.dtype, x.get(k).to_f64() * step(k)))
        }
        _ => x.clone(),
    });
    let moved: Vec<Literal> = moved.collect();
    let meaning = |inputs: &[Literal]| {
        eval::evaluate(&derived.graph, inputs).map_err(|e| TestCaseError::fail(e.to_string()))
    };
    let (expected, near) = (meaning(&inputs)?, meaning(&moved)?);
    let found = run(&derived.graph, &inputs, 1)?;
    let tolerance = 1e-11 * (1.0 + size) + distance(&expected, &near);
    let off = distance(&expected, &found);
    prop_assert!(
        off <= tolerance,
        "{} apart, at most {}: {:?}, {:?}\n{}",
        off,
        tolerance,
        expected,
        found,
        derived.graph
    );
    expect_same(&found, &run(&derived.graph, &inputs, 2)?, "on two threads")
}

fn check_complex_gradient_graphs(cases: u32) {
    for_random_graphs(&smooth_complex(), cases, check_complex_gradients);
}

#[test]
fn complex_gradients() {
    some_of("complex_gradients");
}

fn check(drawn: RandomGraph) -> Outcome {
    tensorwright_runtime::set_printer(|_| {});
    let RandomGraph { graph, inputs, tolerances } = &drawn;
    reads_back(graph)?;

    let optimised = run_pipeline(graph.clone(), &PassOptions::default())
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    let Ok(meaning) = eval::evaluate(graph, inputs) else {
        prop_assert!(eval::evaluate(&optimised, inputs).is_err(), "the optimised graph does not fail");
        prop_assert!(run(graph, inputs, 1).is_err(), "the compiled graph does not fail");
        return Ok(());
    };
    let of_optimised = eval::evaluate(&optimised, inputs).map_err(|e| TestCaseError::fail(e.to_string()))?;
    expect_same(&meaning, &of_optimised, "optimised")?;

    let tensors: Vec<Value> = graph.values().filter(|&v| graph.ty(v).as_tensor().is_some()).collect();
    nodes_are_right(&drawn, &tensors, run_in_place)?;
    nodes_are_right(&drawn, &rounded_values(graph, tolerances), |graph, inputs| run(graph, inputs, 1))?;
    let found = run(graph, inputs, 1)?;
    expect_same(&found, &run(graph, inputs, 2)?, "on two threads")?;
    expect_same(&found, &run_in_place(graph, inputs)?, "in place")?;
    if !order_matters(&drawn) {
        let all = run(&with_outputs(graph, &rounded_values(graph, tolerances)), inputs, 1)?;
        expect_same(&all[all.len() - found.len()..], &found, "fused")?;
    }
    Ok(())
}

#[cfg(test)]
fn some_of(class: &str) {
    let (_, check) = CLASSES.iter().find(|(name, _)| *name == class).expect("a class");
    check(60);
}

macro_rules! classes {
    ($($class:ident: $accept:expr;)*) => {
        /// What checks so many graphs of a class, by its name.
        pub(crate) const CLASSES: &[(&str, fn(u32))] =
            &[
                $((stringify!($class), |cases| for_random_graphs(&options($accept), cases, check)),)*
                ("complex", check_complex_graphs),
                ("complex_gradients", check_complex_gradient_graphs),
            ];

        $(#[test] fn $class() { some_of(stringify!($class)); })*
    };
}
classes! {
    elementwise: |kind| kind.lowering == Lowering::Map;
    views: |kind| kind.lowering == Lowering::View;
    reductions: |kind| kind.lowering == Lowering::Reduce;
    contractions: |kind| kind.lowering == Lowering::Tiled;
    library: |kind| kind.lowering == Lowering::Library;
    composites: |kind| kind.lowering == Lowering::Expand;
    control_flow: |kind| matches!(kind.lowering, Lowering::Region | Lowering::Effect | Lowering::Token);
    lists: |kind| matches!(kind.lowering, Lowering::Region | Lowering::List);
    everything: |_| true;
}
