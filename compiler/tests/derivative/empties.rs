//! Tensors without elements: their derivatives are there, without elements too, and nothing is said to be unconnected for them.

use tensorwright_compiler::batch::batch;
use tensorwright_compiler::differentiate::{Derived, jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::{Draw, OpKind, Sample};
use tensorwright_ir::{Builder, DType, Graph, Literal, Op, Scalar, Shape, TensorType};
use tensorwright_testkit::graphs::GraphOptions;
use tensorwright_testkit::literals::Random;

/// Samples of each kind.
const SAMPLES: usize = 12;

/// Shapes of hints, each with elements and without.
const HINTS: [(&[usize], &[usize]); 4] =
    [(&[2], &[0]), (&[2, 3], &[0, 3]), (&[2, 3], &[2, 0]), (&[2, 3, 2], &[2, 0, 2])];

fn sample(kind: &OpKind, choices: &[u32], hint: &[usize]) -> Sample<Op> {
    let ty = TensorType::new(DType::F64, hint.iter().copied().collect::<Shape>());
    kind.sample(&mut Draw::new(choices), &ty.into())
}

fn graph(sample: &Sample<Op>) -> Graph {
    let mut b = Builder::new("sample");
    let operands: Vec<_> = sample.operands.iter().map(|o| b.input(o.ty.clone())).collect();
    let results = b.push(sample.op.clone(), &operands).expect("a sample is accepted");
    b.finish(&results)
}

fn floats(graph: &Graph) -> Vec<usize> {
    graph
        .inputs()
        .iter()
        .enumerate()
        .filter(|(_, v)| graph.ty(**v).is_differentiable())
        .map(|(i, _)| i)
        .collect()
}

fn is_empty(graph: &Graph) -> bool {
    graph.inputs().iter().chain(graph.outputs()).any(|&v| graph.tensor(v).elements() == 0)
}

fn small(graph: &Graph) -> bool {
    graph.values().map(|v| graph.tensor(v).elements()).sum::<usize>() <= 4096
}

/// Runs the graph on halves.
fn run(graph: &Graph) -> Vec<Literal> {
    let half = |ty: &TensorType| Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, 0.5));
    let inputs: Vec<Literal> = graph.input_types().iter().map(|ty| half(ty.tensor())).collect();
    evaluate(graph, &inputs).unwrap_or_else(|e| panic!("{e}\n{graph}"))
}

fn connected(derived: &Derived) -> Vec<bool> {
    derived.derivatives.iter().map(Option::is_some).collect()
}

/// Whether the derivatives of an empty sample could be compared with those of a full one.
fn check(full: &Graph, empty: &Graph) -> bool {
    let alike = full.inputs().len() == empty.inputs().len() && full.outputs().len() == empty.outputs().len();
    let wrt = floats(empty);
    if !alike || wrt.is_empty() || wrt != floats(full) || !is_empty(empty) || !small(empty) || !small(full) {
        return false;
    }
    let derived = vjp(empty, &wrt).unwrap_or_else(|e| panic!("{e}\n{empty}"));
    assert_eq!(connected(&derived), connected(&vjp(full, &wrt).expect("derivable")), "{empty}");
    let found = run(&derived.graph);
    for (&input, derivative) in wrt.iter().zip(&derived.derivatives) {
        let ty = empty.tensor(empty.inputs()[input]);
        assert!(derivative.is_none_or(|at| found[at].ty() == ty), "{empty}");
    }
    let derived = jvp(empty, &wrt).unwrap_or_else(|e| panic!("{e}\n{empty}"));
    assert_eq!(connected(&derived), connected(&jvp(full, &wrt).expect("derivable")), "{empty}");
    run(&derived.graph);
    for (graph, examples) in [(empty, 2), (empty, 0), (full, 0)] {
        let many = batch(graph, examples, &vec![true; graph.inputs().len()]).expect("is batched").graph;
        let derived = vjp(&many, &wrt).unwrap_or_else(|e| panic!("{e}\n{many}"));
        assert_eq!(connected(&derived), connected(&vjp(full, &wrt).expect("derivable")), "{many}");
        run(&derived.graph);
    }
    true
}

#[test]
fn every_op_has_derivatives_of_nothing() {
    let failed: Vec<&str> = GraphOptions::default()
        .kinds
        .iter()
        .filter(|kind| std::panic::catch_unwind(|| check_kind(kind)).is_err())
        .map(|kind| kind.name)
        .collect();
    assert!(failed.is_empty(), "derivatives of {failed:?}");
}

fn check_kind(kind: &OpKind) {
    let mut random = Random::new(23);
    for _ in 0..SAMPLES {
        let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
        for (full, empty) in HINTS {
            check(&graph(&sample(kind, &choices, full)), &graph(&sample(kind, &choices, empty)));
        }
    }
}
