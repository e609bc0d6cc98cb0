//! Random graphs through every stage, one class of ops at a time.
//!
//! A graph is printed and parsed; its optimised form is evaluated; it is compiled with all its values as outputs, so that the
//! results of each node can be held against the evaluator's on the same operands, within the tolerance of the op; and it
//! is compiled as it is and run on one and two threads, which must give the same bits as before, fused or not.
//!
//! `GRAPH_CASES` sets the number of graphs per class. All of it, in some minutes:
//! `cargo test --release -p tensorwright-runtime --test random_graphs -- --ignored`

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::op::{Lowering, OpKind, Tolerance};
use tensorwright_ir::text::{Style, parse, print};
use tensorwright_ir::{Builder, Graph, Literal, eval};
use tensorwright_runtime::Executable;
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph};
use tensorwright_testkit::properties::for_random_graphs;
use tensorwright_testkit::tolerance::{first_difference, same_values};

type Outcome = Result<(), TestCaseError>;

/// Graphs of which about half the ops are accepted and half are element-wise, to be fused with them.
fn options(accept: impl Fn(&OpKind) -> bool) -> GraphOptions {
    let of_class = GraphOptions::of(accept);
    let mut kinds = GraphOptions::of(|kind| kind.lowering == Lowering::Map).kinds;
    let copies = kinds.len().div_ceil(of_class.kinds.len());
    kinds.extend((0..copies).flat_map(|_| of_class.kinds.iter().cloned()));
    GraphOptions { kinds, max_elements: 512, ..of_class }
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Result<Vec<Literal>, TestCaseError> {
    let fail = |e: &dyn std::fmt::Display| TestCaseError::fail(e.to_string());
    let executable = Executable::compile(graph, &CompileOptions::default()).map_err(|e| fail(&e))?;
    let buffers: Vec<SharedBuffer> =
        inputs.iter().map(|l| BufferPool::global().copy_of(l.bytes()).expect("memory")).collect();
    let found = executable.run(&buffers.iter().collect::<Vec<_>>(), threads).map_err(|e| fail(&e))?;
    let types = graph.output_types();
    let literal = |(ty, buffer): (_, &SharedBuffer)| Literal::from_bytes(ty, buffer.as_bytes().to_vec());
    types.into_iter().zip(&found).map(|pair| literal(pair).ok_or_else(|| fail(&"wrong size"))).collect()
}

fn expect_same(expected: &[Literal], found: &[Literal], what: &str) -> Outcome {
    prop_assert_eq!(expected.len(), found.len());
    for (position, (e, f)) in expected.iter().zip(found).enumerate() {
        prop_assert!(same_values(e, f), "{}: output {} was {:?}, is {:?}", what, position, e, f);
    }
    Ok(())
}

/// The graph with every value as an output, in order.
fn with_all_values(graph: &Graph) -> Graph {
    let b = Builder::continuing(graph, graph.nodes().len()).expect("all nodes are there");
    b.finish(&graph.values().collect::<Vec<_>>())
}

/// Each node's results are what the evaluator makes of its operands.
fn nodes_are_right(graph: &Graph, values: &[Literal], tolerances: &[Tolerance]) -> Outcome {
    for ((id, node), &tolerance) in graph.iter().zip(tolerances) {
        let operands: Vec<&Literal> = node.operands.iter().map(|v| &values[v.index()]).collect();
        let types: Vec<_> = node.results.iter().map(|&v| graph.ty(v).clone()).collect();
        let expected = node.op.eval(&operands, &types).expect("an ordinary op");
        for (e, v) in expected.iter().zip(&node.results) {
            let difference = first_difference(e, &values[v.index()], tolerance, &operands);
            prop_assert!(
                difference.is_none(),
                "{id} {}: {}\n{operands:?}",
                node.op.name(),
                difference.unwrap()
            );
        }
    }
    Ok(())
}

fn check(drawn: RandomGraph) -> Outcome {
    let RandomGraph { graph, inputs, tolerances } = drawn;
    let text = print(&graph, Style::default());
    let parsed = parse(&text).map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
    prop_assert_eq!(&print(&parsed, Style::default()), &text);

    let optimised = run_pipeline(graph.clone(), &PassOptions::default())
        .map_err(|e| TestCaseError::fail(e.to_string()))?;
    let meaning = |graph: &Graph| eval::evaluate(graph, &inputs).expect("inputs fit");
    expect_same(&meaning(&graph), &meaning(&optimised), "optimised")?;

    let values = run(&with_all_values(&graph), &inputs, 1)?;
    nodes_are_right(&graph, &values, &tolerances)?;
    let outputs: Vec<Literal> = graph.outputs().iter().map(|v| values[v.index()].clone()).collect();
    for threads in [1, 2] {
        expect_same(&outputs, &run(&graph, &inputs, threads)?, "fused")?;
    }
    Ok(())
}

macro_rules! classes {
    ($($class:ident: $accept:expr;)*) => {
        $(#[test] fn $class() { for_random_graphs(&options($accept), 60, check); })*

        mod in_thousands {
            use super::*;
            $(#[test] #[ignore = "takes minutes"] fn $class() {
                for_random_graphs(&options($accept), 10_000, check);
            })*
        }
    };
}
classes! {
    elementwise: |kind| kind.lowering == Lowering::Map;
    views: |kind| kind.lowering == Lowering::View;
    reductions: |kind| kind.lowering == Lowering::Reduce;
    contractions: |kind| kind.lowering == Lowering::Contract;
    library: |kind| kind.lowering == Lowering::Library;
    composites: |kind| kind.lowering == Lowering::Expand;
    everything: |_| true;
}
