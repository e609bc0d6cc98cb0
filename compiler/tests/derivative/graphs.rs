//! Random graphs of f64, of all ops that have a derivative and many that have none.

use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::{Datum, Evaluator};
use tensorwright_ir::op::{Derivative, Draw, OpKind};
use tensorwright_ir::{Builder, DType, Op, Scalar, TensorType, Type, Value};
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph, random_graph};
use tensorwright_testkit::literals::Random;

use super::numeric::{Case, Rigour};
use super::samples::EXCEPTIONS;

/// Graphs that are drawn, and the most ops of one.
const GRAPHS: usize = 300;
const OPS: usize = 10;

/// Ops that an f64 goes through. The others would end most chains.
fn options() -> GraphOptions {
    let hint = Type::from(TensorType::new(DType::F64, [2, 3]));
    let of = GraphOptions::of(|kind| {
        let sample = kind.sample(&mut Draw::new(&[]), &hint);
        let operands: Vec<&Type> = sample.operands.iter().map(|o| &o.ty).collect();
        let results = sample.op.infer(&operands, &[]).expect("a sample is accepted");
        let differentiable = !matches!(sample.op.derivative(), Derivative::Zero);
        differentiable
            && !EXCEPTIONS.contains(&kind.name)
            && operands.contains(&&hint)
            && results.iter().any(|ty| ty.tensor().dtype == DType::F64)
    });
    GraphOptions { max_ops: OPS, max_elements: 32, smooth: true, nan_bits: true, ..of }
}

/// Control flow that has a derivative in both modes; one op in two is such.
const CONTROL: [&str; 7] = ["if", "case", "call", "map", "scan", "while", "checkpoint"];

fn options_with_control() -> GraphOptions {
    let mut options = options();
    let control: Vec<OpKind> = Op::kinds().into_iter().filter(|kind| CONTROL.contains(&kind.name)).collect();
    let copies = options.kinds.len() / control.len();
    options.kinds.extend(std::iter::repeat_n(control, copies).flatten());
    options
}

/// Of complex numbers, by their parts.
fn complex_options() -> GraphOptions {
    let hint = Type::from(TensorType::new(DType::C128, [2, 2]));
    GraphOptions::smooth_complex(|kind| {
        let sample = kind.sample(&mut Draw::new(&[]), &hint);
        !matches!(sample.op.derivative(), Derivative::Zero) && !EXCEPTIONS.contains(&kind.name)
    })
}

#[test]
fn derivatives_of_random_graphs_agree_with_differences() {
    check_random(&options(), 5, GRAPHS);
}

#[test]
fn derivatives_of_random_graphs_of_complex_numbers_agree_with_differences() {
    check_random(&complex_options(), 9, 2 * GRAPHS);
}

#[test]
fn derivatives_of_random_control_flow_agree_with_differences() {
    check_random(&options_with_control(), 7, 2 * GRAPHS);
}

fn check_random(options: &GraphOptions, seed: u64, draws: usize) {
    let (mut random, mut tame) = (Random::new(seed), 0);
    for number in 0..draws {
        let choices: Vec<u32> = (0..30 + number).map(|_| random.bits() as u32).collect();
        let drawn = random_graph(&mut Draw::new(&choices), options).in_parts();
        // A derivative is asked for where everything is tame, not only what is selected in the end.
        if !is_tame(&drawn) {
            continue;
        }
        tame += 1;
        let wrt: Vec<usize> =
            (0..drawn.inputs.len()).filter(|&i| drawn.inputs[i].ty().dtype.is_float()).collect();
        let name = || format!("graph {number}: {drawn:?}");
        let case = Case { graph: &drawn.graph, inputs: &drawn.inputs, wrt: &wrt, name: &name };
        case.check(&mut random, 2, Rigour::Lenient);
    }
    assert!(tame > GRAPHS / 2, "only {tame} graphs were checked, expected {GRAPHS} / 2");
}

/// Whether all values of the graph are finite, and small enough for differences to be told from rounding.
fn is_tame(drawn: &RandomGraph) -> bool {
    let values: Vec<Value> = drawn.graph.values().collect();
    let whole = Builder::continuing(&drawn.graph, drawn.graph.nodes().len());
    let whole = whole.map_or_else(|| drawn.graph.clone(), |b| b.finish(&values));
    let inputs = drawn.inputs.iter().cloned().map(Datum::Tensor).collect();
    let values = Evaluator::new().evaluate_data(&whole, inputs).expect("inputs fit");
    let tensors = values.into_iter().flat_map(|value| match value {
        Datum::Tensor(x) => vec![x],
        Datum::List(list) => (0..list.len()).filter_map(|i| list.row(i)).collect(),
        Datum::Token => Vec::new(),
    });
    tensors.flat_map(|x| x.iter().collect::<Vec<_>>()).flat_map(Scalar::parts).all(|x| x.to_f64().abs() < 1e4)
}

/// The optimiser takes derivatives like any other graph.
#[test]
fn derivatives_of_random_graphs_go_through_the_optimiser() {
    let mut random = Random::new(6);
    for number in 0..GRAPHS / 5 {
        let options = if number % 2 == 0 { options() } else { options_with_control() };
        let choices: Vec<u32> = (0..30 + number).map(|_| random.bits() as u32).collect();
        let drawn = random_graph(&mut Draw::new(&choices), &options);
        let wrt: Vec<usize> = (0..drawn.inputs.len()).collect();
        let derived =
            tensorwright_compiler::differentiate::vjp(&drawn.graph, &wrt).expect("has a derivative");
        tensorwright_ir::verify(&derived.graph).expect("is valid");
        let types = derived.graph.output_types();
        let optimised = run_pipeline(derived.graph, &PassOptions::default()).expect("passes are right");
        assert_eq!(optimised.output_types(), types);
    }
}
