//! Derivatives of every op, compiled: they agree with the evaluator, and so does what the optimiser makes of them.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::differentiate::{jvp, vjp};
use tensorwright_compiler::passes::{PassOptions, run_pipeline};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::{Draw, Lowering, OpKind, Operand, Sample, Values};
use tensorwright_ir::{Builder, DType, Graph, Literal, Op, Scalar, TensorType, Type};
use tensorwright_runtime::Executable;
use tensorwright_testkit::literals::{Random, smooth_literal};
use tensorwright_testkit::tolerance::same_values;

/// Samples drawn to find one with a derivative, of each kind and dtype.
const DRAWN: usize = 40;

fn draw(kind: &OpKind, random: &mut Random, dtype: DType) -> Sample<Op> {
    let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
    let shape: Vec<usize> = (0..random.below(3)).map(|_| 2 + random.below(4)).collect();
    kind.sample(&mut Draw::new(&choices), &TensorType::new(dtype, shape).into())
}

/// The derivative of a sample by its float operands, if one is connected, with values for its inputs.
fn derivative(sample: &Sample<Op>, random: &mut Random) -> Option<(Graph, Vec<Literal>)> {
    let mut b = Builder::new("sample");
    let operands: Vec<_> = sample.operands.iter().map(|o| b.input(o.ty.clone())).collect();
    let results = b.push(sample.op.clone(), &operands).expect("a sample is accepted");
    let graph = b.finish(&results);
    let wrt: Vec<usize> =
        (0..operands.len()).filter(|&i| sample.operands[i].ty.is_differentiable()).collect();
    let derived = vjp(&graph, &wrt).expect("has a derivative");
    let cotangents = results.iter().map(|&v| graph.ty(v).clone()).filter(Type::is_differentiable);
    let cotangents = cotangents.map(|ty| Operand::new(ty, Values::Range(-1.0, 1.0)));
    let inputs: Vec<Operand> = sample.operands.iter().cloned().chain(cotangents).collect();
    let inputs: Vec<Literal> = inputs.iter().map(|o| smooth_literal(random, o, sample.smooth)).collect();
    let small = derived.graph.values().all(|v| elements(derived.graph.ty(v)) <= 4096);
    (small && derived.derivatives.iter().any(Option::is_some)).then_some((derived.graph, inputs))
}

/// Elements of a tensor; none of lists and tokens.
fn elements(ty: &Type) -> usize {
    ty.as_tensor().map_or(0, TensorType::elements)
}

fn run(graph: &Graph, inputs: &[Literal]) -> Vec<Literal> {
    let executable =
        Executable::compile(graph, &CompileOptions::default()).unwrap_or_else(|e| panic!("{e}\n{graph}"));
    executable.run_literals(inputs, 1).expect("runs")
}

/// Close in terms of the largest element, for rounding may be that of larger numbers inside.
fn is_close(expected: &Literal, found: &Literal) -> bool {
    let values = |x: &Literal| x.iter().flat_map(Scalar::parts).map(Scalar::to_f64).collect::<Vec<f64>>();
    let (expected, found) = (values(expected), values(found));
    let scale = expected.iter().filter(|e| e.is_finite()).fold(1.0, |m: f64, e| m.max(e.abs()));
    expected
        .iter()
        .zip(found)
        .all(|(&e, f)| e == f || (e.is_nan() && f.is_nan()) || (e - f).abs() <= 1e-3 * scale)
}

/// What the optimiser's graph gives; `None` with complex numbers, which the optimiser has taken apart into real ones, rounded otherwise.
fn optimised(graph: &Graph, inputs: &[Literal]) -> Option<Vec<Literal>> {
    let is_real = |value| !graph.ty(value).as_tensor().is_some_and(|ty| ty.dtype.is_complex());
    if !graph.values().all(is_real) {
        return None;
    }
    let optimised = run_pipeline(graph.clone(), &PassOptions::default()).expect("passes are right");
    Some(evaluate(&optimised, inputs).expect("inputs fit"))
}

/// Whether the kind has a derivative that could be checked.
fn check(kind: &OpKind, dtype: DType) -> bool {
    let mut random = Random::new(3);
    for _ in 0..DRAWN {
        let sample = draw(kind, &mut random, dtype);
        let Some((graph, inputs)) = derivative(&sample, &mut random) else { continue };
        // A kind that takes complex numbers is checked with them.
        if dtype.is_complex() && !inputs.iter().any(|x| x.ty().dtype.is_complex()) {
            continue;
        }
        let expected = evaluate(&graph, &inputs).expect("inputs fit");
        if let Some(meaning) = optimised(&graph, &inputs) {
            for (e, m) in expected.iter().zip(&meaning) {
                assert!(same_values(e, m), "{graph}of {inputs:?}\nwas {e:?}\noptimised {m:?}");
            }
        }
        let found = run(&graph, &inputs);
        for (e, f) in expected.iter().zip(&found) {
            assert!(is_close(e, f), "{graph}of {inputs:?}\nis {e:?}\ncompiled {f:?}");
        }
        return true;
    }
    false
}

/// Kinds of ops that are functions of tensors, and how many of them could be checked.
fn check_kinds(dtype: DType) -> (usize, usize) {
    let plain = |kind: &OpKind| {
        !matches!(kind.lowering, Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Host)
    };
    let kinds: Vec<OpKind> = Op::kinds().into_iter().filter(plain).collect();
    (kinds.len(), kinds.iter().filter(|kind| check(kind, dtype)).count())
}

#[test]
fn compiled_derivatives_agree_with_the_evaluator() {
    let (kinds, checked) = check_kinds(DType::F32);
    // The others work on integers, bools and bits.
    assert!(checked > kinds / 2, "only {checked} of {kinds} kinds were checked");
}

#[test]
fn compiled_derivatives_of_complex_numbers_agree_with_the_evaluator() {
    let (kinds, checked) = check_kinds(DType::C64);
    // The others have an order or windows in them, or are of real numbers.
    assert!(checked > 100, "only {checked} of {kinds} kinds were checked");
}

/// Control flow in every direction: a scan over branches, with a map inside, and invariants.
const CONTROL: &str = "graph @f(%s: f32[8], %x: f32[5,8], %w: f32[8,8], %n: i32[]) {
  %last, %count, %ys = scan(%s, %n, %x, %w) {carried = 2, scanned = 1, length = 5, reverse = REVERSE} (
    graph @body(%s: f32[8], %n: i32[], %x: f32[8], %w: f32[8,8]) {
      %one = constant() {value = 1:i32} %m = add(%n, %one)
      %zero = constant() {value = 0.0:f32} %t = reduce(%x) {kind = sum, axes = [0]} %p = gt(%t, %zero)
      %y = if(%p, %s, %x, %w) (
        graph @then(%s: f32[8], %x: f32[8], %w: f32[8,8]) {
          %d = dot_general(%w, %s) {lhs_batch = [], rhs_batch = [], lhs_contract = [1], rhs_contract = [0], dtype = f32}
          %a = add(%d, %x) %y = tanh(%a) return %y
        },
        graph @else(%s: f32[8], %x: f32[8], %w: f32[8,8]) {
          %y = map(%w, %s, %x) {mapped = 2, length = 8} (
            graph @row(%w: f32[8], %s: f32[], %x: f32[8]) {
              %a = mul(%w, %x) %e = sin(%a) %t = reduce(%e) {kind = sum, axes = [0]} %y = mul(%t, %s) return %y
            }
          )
          return %y
        }
      )
      %c = case(%m, %y, %s) (
        graph @zero(%y: f32[8], %s: f32[8]) { return %s },
        graph @one(%y: f32[8], %s: f32[8]) { %p = mul(%y, %s) return %p },
        graph @two(%y: f32[8], %s: f32[8]) { %e = exp(%y) %p = sub(%e, %s) return %p }
      )
      return %y, %m, %c
    }
  )
  return %last, %count, %ys
}";

#[test]
fn compiled_derivatives_of_control_flow_agree_with_the_evaluator() {
    let mut random = Random::new(8);
    let mut literal = |ty: &TensorType| match ty.dtype.is_differentiable() {
        true => Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, random.unit() - 0.5)),
        false => Literal::scalar(-1i32),
    };
    for reverse in ["false", "true"] {
        let graph = tensorwright_ir::text::parse(&CONTROL.replace("REVERSE", reverse)).expect("is valid");
        let gradient = vjp(&graph, &[0, 1, 2]).expect("has a derivative").graph;
        let second = vjp(&gradient, &[0, 1, 2]).expect("has a derivative").graph;
        for graph in [jvp(&graph, &[0, 1, 2]).expect("has a derivative").graph, gradient, second] {
            let inputs: Vec<Literal> = graph.input_types().iter().map(|ty| literal(ty.tensor())).collect();
            let (expected, found) = (evaluate(&graph, &inputs).expect("inputs fit"), run(&graph, &inputs));
            for (e, f) in expected.iter().zip(&found) {
                assert!(is_close(e, f), "{graph}of {inputs:?}\nis {e:?}\ncompiled {f:?}");
            }
        }
    }
}
