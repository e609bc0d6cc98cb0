//! Values worked out by hand where a derivative is a matter of convention, and places where a careless formula gives NaN.

use tensorwright_compiler::differentiate::{jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::composite::{Dims, LossReduction, NormOrder};
use tensorwright_ir::op::primitive::{ReduceKind, ScatterKind};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Scalar, Shape, TensorType, Value};

type Built = Result<Value, BuildError>;

fn tensor(shape: impl Into<Shape>, elements: &[f64]) -> Literal {
    Literal::new(shape, elements).expect("one element per index")
}

fn vector(elements: &[f64]) -> Literal {
    tensor([elements.len()], elements)
}

fn graph(inputs: &[Literal], build: impl FnOnce(&mut Builder, &[Value]) -> Built) -> Graph {
    let mut b = Builder::new("f");
    let values: Vec<Value> = inputs.iter().map(|x| b.input(x.ty().clone())).collect();
    let result = build(&mut b, &values).expect("operands are accepted");
    b.finish(&[result])
}

fn ones(ty: &TensorType) -> Literal {
    Literal::from_fn(ty.clone(), |_| Scalar::one(ty.dtype))
}

/// Gradients of the sum of all elements of the result by the float inputs.
fn gradients(graph: &Graph, inputs: &[Literal]) -> Vec<Vec<f64>> {
    let wrt: Vec<usize> = (0..inputs.len()).filter(|&i| inputs[i].ty().dtype.is_float()).collect();
    let derived = vjp(graph, &wrt).expect("has a derivative");
    let mut inputs = inputs.to_vec();
    inputs.extend(graph.output_types().iter().map(|ty| ones(ty.tensor())));
    let outputs = evaluate(&derived.graph, &inputs).expect("inputs fit");
    let found = derived.derivatives.iter().map(|d| outputs[d.expect("is connected")].iter());
    found.map(|x| x.map(Scalar::to_f64).collect()).collect()
}

/// The tangent of the result if all float inputs have the tangent 1.
fn tangent(graph: &Graph, inputs: &[Literal]) -> Vec<f64> {
    let wrt: Vec<usize> = (0..inputs.len()).filter(|&i| inputs[i].ty().dtype.is_float()).collect();
    let derived = jvp(graph, &wrt).expect("has a derivative");
    let tangents = wrt.iter().map(|&i| ones(inputs[i].ty()));
    let inputs: Vec<Literal> = inputs.iter().cloned().chain(tangents).collect();
    let outputs = evaluate(&derived.graph, &inputs).expect("inputs fit");
    outputs[derived.derivatives[0].expect("is connected")].iter().map(Scalar::to_f64).collect()
}

/// Reverse mode gives these gradients of the sum of the result, and forward mode agrees with their sum.
#[track_caller]
fn check(inputs: &[Literal], build: impl FnOnce(&mut Builder, &[Value]) -> Built, expected: &[&[f64]]) {
    let graph = graph(inputs, build);
    let found = gradients(&graph, inputs);
    let close = |f: f64, e: f64| f == e || (f - e).abs() <= 1e-12 * (1.0 + e.abs());
    let same = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(f, e)| f.len() == e.len() && f.iter().zip(*e).all(|(&f, &e)| close(f, e)));
    assert!(same, "{graph}found {found:?}\nexpected {expected:?}");
    let (forward, total): (f64, f64) =
        (tangent(&graph, inputs).iter().sum(), expected.iter().copied().flatten().sum());
    assert!(close(forward, total), "{graph}forward mode {forward}, reverse mode {total}");
}

/// As [`check`], for a function of one vector.
#[track_caller]
fn check_one(x: &[f64], build: impl FnOnce(&mut Builder, Value) -> Built, expected: &[f64]) {
    check(&[vector(x)], |b, x| build(b, x[0]), &[expected]);
}

/// The second derivative by one vector of an element-wise function.
#[track_caller]
fn check_second(x: &[f64], build: impl FnOnce(&mut Builder, Value) -> Built, expected: &[f64]) {
    let input = vector(x);
    let graph = graph(std::slice::from_ref(&input), |b, x| build(b, x[0]));
    let first = vjp(&graph, &[0]).expect("has a derivative").graph;
    let inputs = [input.clone(), ones(input.ty())];
    let second = vjp(&first, &[0]).expect("has a second derivative");
    // The cotangents of the value are 0, those of the gradient 1.
    let zeros = Literal::from_fn(input.ty().clone(), |_| Scalar::F64(0.0));
    let inputs: Vec<Literal> = inputs.into_iter().chain([zeros, ones(input.ty())]).collect();
    let outputs = evaluate(&second.graph, &inputs).expect("inputs fit");
    let found: Vec<f64> =
        outputs[second.derivatives[0].expect("is connected")].iter().map(Scalar::to_f64).collect();
    let close = found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 1e-12);
    assert!(close, "found {found:?}\nexpected {expected:?}");
}

#[test]
fn magnitudes_have_the_derivative_0_at_0() {
    check_one(&[-2.0, 0.0, -0.0, 3.0], |b, x| b.abs(x), &[-1.0, 0.0, 0.0, 1.0]);
    check_one(&[-2.0, 0.0, 3.0], |b, x| b.norm(x, NormOrder::L1, [0], Dims::Drop), &[-1.0, 0.0, 1.0]);
    let mae = |b: &mut Builder, x: &[Value]| b.mae(x[0], x[1], LossReduction::Sum);
    check(&[vector(&[1.0, 2.0]), vector(&[1.0, 3.0])], mae, &[&[0.0, -1.0], &[0.0, 1.0]]);
}

#[test]
fn equal_operands_of_extrema_share() {
    let inputs = [vector(&[1.0, 2.0, 3.0]), vector(&[1.0, 3.0, 2.0])];
    check(&inputs, |b, x| b.maximum(x[0], x[1]), &[&[0.5, 0.0, 1.0], &[0.5, 1.0, 0.0]]);
    check(&inputs, |b, x| b.minimum(x[0], x[1]), &[&[0.5, 1.0, 0.0], &[0.5, 0.0, 1.0]]);
    let third = 1.0 / 3.0;
    check_one(&[2.0, 5.0, 5.0, 5.0], |b, x| b.reduce(x, ReduceKind::Max, [0]), &[0.0, third, third, third]);
    check_one(&[2.0, 5.0], |b, x| b.reduce(x, ReduceKind::Min, [0]), &[1.0, 0.0]);
    check_one(&[2.0, -2.0, 1.0], |b, x| b.norm(x, NormOrder::Inf, [0], Dims::Drop), &[0.5, -0.5, 0.0]);
}

#[test]
fn a_running_extremum_goes_to_the_first() {
    let max = |exclusive, reverse| {
        move |b: &mut Builder, x: Value| {
            let y = b.cumulative(x, ReduceKind::Max, 0usize, exclusive, reverse)?;
            // The identity of an exclusive scan is infinite.
            let zero = b.full_like(0.0, y)?;
            let finite = b.is_finite(y)?;
            b.select(finite, y, zero)
        }
    };
    check_one(&[1.0, 3.0, 3.0, 2.0], max(false, false), &[1.0, 3.0, 0.0, 0.0]);
    check_one(&[1.0, 3.0, 3.0, 2.0], max(true, false), &[1.0, 2.0, 0.0, 0.0]);
    check_one(&[1.0, 3.0, 3.0, 2.0], max(false, true), &[0.0, 0.0, 3.0, 1.0]);
}

#[test]
fn products_with_zeros_have_derivatives() {
    check_one(&[2.0, 0.0, 3.0], |b, x| b.reduce(x, ReduceKind::Prod, [0]), &[0.0, 6.0, 0.0]);
    check_one(&[0.0, 0.0, 3.0], |b, x| b.reduce(x, ReduceKind::Prod, [0]), &[0.0, 0.0, 0.0]);
    // Prefixes: 2, 2 * 0, 2 * 0 * 3.
    let running = |b: &mut Builder, x| b.cumulative(x, ReduceKind::Prod, 0usize, false, false);
    check_one(&[2.0, 0.0, 3.0], running, &[1.0, 2.0 + 2.0 * 3.0, 0.0]);
    let two_axes = |b: &mut Builder, x: &[Value]| b.reduce(x[0], ReduceKind::Prod, [2, 0]);
    let x = tensor([2, 1, 2], &[2.0, 0.0, 3.0, 5.0]);
    check(&[x], two_axes, &[&[0.0, 30.0, 0.0, 0.0]]);
}

#[test]
fn powers_at_0_and_of_negative_bases() {
    let with = |y: f64| {
        move |b: &mut Builder, x: Value| {
            let y = b.full_like(y, x)?;
            b.pow(x, y)
        }
    };
    check_one(&[0.0, -2.0, 3.0], with(2.0), &[0.0, -4.0, 6.0]);
    check_one(&[0.0, -2.0], with(1.0), &[1.0, 1.0]);
    check_one(&[0.0, 5.0], with(0.0), &[0.0, 0.0]);
    check_second(&[0.0, -2.0], with(2.0), &[2.0, 2.0]);
    let inputs = [vector(&[-2.0, 0.0, 2.0]), vector(&[2.0, 2.0, 3.0])];
    let by_exponent = 8.0 * 2f64.ln();
    check(&inputs, |b, x| b.pow(x[0], x[1]), &[&[-4.0, 0.0, 12.0], &[0.0, 0.0, by_exponent]]);
}

#[test]
fn bounds_take_what_they_hit() {
    let (low, high) = (vector(&[0.0, 0.0, 0.0, 0.0, 0.0, 3.0]), vector(&[1.0; 6]));
    let x = vector(&[0.5, 5.0, -5.0, 1.0, 0.0, 2.0]);
    let clamp = |b: &mut Builder, x: &[Value]| b.clamp(x[0], x[1], x[2]);
    let expected: [&[f64]; 3] =
        [&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0], &[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]];
    check(&[low, x, high], clamp, &expected);
}

#[test]
fn activations_at_their_kinks() {
    check_one(&[-1.0, 0.0, 2.0], |b, x| b.relu(x), &[0.0, 0.0, 1.0]);
    check_one(&[0.0, 1.0, 6.0, 7.0], |b, x| b.relu6(x), &[0.0, 1.0, 0.0, 0.0]);
    check_one(&[-3.0, 0.0, 3.0], |b, x| b.hard_sigmoid(x), &[0.0, 1.0 / 6.0, 0.0]);
    check_one(&[-4.0, -3.0, 0.0, 3.0, 4.0], |b, x| b.hard_swish(x), &[0.0, 0.0, 0.5, 1.0, 1.0]);
    check_one(&[-1.0, 0.0, 1.0, 2.0], |b, x| b.hard_tanh(x), &[1.0, 1.0, 1.0, 0.0]);
    // Not kinks at all for alpha = 1.
    check_one(&[0.0, 1000.0, -1000.0], |b, x| b.elu(x, 1.0), &[1.0, 1.0, 0.0]);
    check_one(&[0.0, 1000.0], |b, x| b.celu(x, 1.0), &[1.0, 1.0]);
    check_one(&[0.0, 1e300, -1e300], |b, x| b.softsign(x), &[1.0, 0.0, 0.0]);
}

#[test]
fn saturated_activations_have_no_nan() {
    let far = [1e300, -1e300, 800.0, -800.0];
    check_one(&far, |b, x| b.gelu(x, tensorwright_ir::op::composite::GeluForm::Tanh), &[1.0, 0.0, 1.0, 0.0]);
    check_one(&far, |b, x| b.gelu(x, tensorwright_ir::op::composite::GeluForm::Erf), &[1.0, 0.0, 1.0, 0.0]);
    check_one(&far, |b, x| b.silu(x), &[1.0, 0.0, 1.0, 0.0]);
    check_one(&far, |b, x| b.mish(x), &[1.0, 0.0, 1.0, 0.0]);
    check_one(&far, |b, x| b.selu(x), &[1.0507009873554805, 0.0, 1.0507009873554805, 0.0]);
    check_one(&far, |b, x| b.softplus(x), &[1.0, 0.0, 1.0, 0.0]);
    check_one(&far, |b, x| b.log_sigmoid(x), &[0.0, 1.0, 0.0, 1.0]);
    check_one(&far, |b, x| b.logistic(x), &[0.0; 4]);
    check_one(&far, |b, x| b.tanh(x), &[0.0; 4]);
}

#[test]
fn second_derivatives_at_0() {
    check_second(&[0.0], |b, x| b.softplus(x), &[0.25]);
    check_second(&[0.0], |b, x| b.log_sigmoid(x), &[-0.25]);
    check_second(&[0.0, 2.0], |b, x| b.elu(x, 1.0), &[1.0, 0.0]);
    let huber = |b: &mut Builder, x| {
        let zero = b.full_like(0.0, x)?;
        b.huber(x, zero, 1.0, LossReduction::Sum)
    };
    let input = vector(&[0.0, 0.5, 3.0]);
    let graph = graph(std::slice::from_ref(&input), |b, x| huber(b, x[0]));
    assert_eq!(gradients(&graph, &[input]), [[0.0, 0.5, 1.0]]);
    let none = |b: &mut Builder, x| {
        let zero = b.full_like(0.0, x)?;
        b.huber(x, zero, 1.0, LossReduction::None)
    };
    check_second(&[0.0, 0.5, 3.0], none, &[1.0, 1.0, 0.0]);
    let cross_entropy = |b: &mut Builder, x| {
        let one = b.full_like(1.0, x)?;
        b.sigmoid_cross_entropy(x, one, LossReduction::None)
    };
    check_second(&[0.0], cross_entropy, &[0.25]);
}

#[test]
fn lengths_and_deviations_of_0_have_the_derivative_0() {
    check_one(&[0.0, 0.0], |b, x| b.norm(x, NormOrder::L2, [0], Dims::Drop), &[0.0, 0.0]);
    check_one(&[3.0, 4.0], |b, x| b.norm(x, NormOrder::L2, [0], Dims::Keep), &[0.6, 0.8]);
    check_one(&[2.0, 2.0, 2.0], |b, x| b.std(x, [0], 0usize, Dims::Drop), &[0.0; 3]);
    check_one(&[7.0], |b, x| b.std(x, [0], 0usize, Dims::Keep), &[0.0]);
    check(
        &[vector(&[0.0, 3.0]), vector(&[0.0, -4.0])],
        |b, x| b.hypot(x[0], x[1]),
        &[&[0.0, 0.6], &[0.0, -0.8]],
    );
    check(
        &[vector(&[0.0, 3.0]), vector(&[0.0, 4.0])],
        |b, x| b.atan2(x[0], x[1]),
        &[&[0.0, 0.16], &[0.0, -0.12]],
    );
    let similarity = |b: &mut Builder, x: &[Value]| b.cosine_similarity(x[0], x[1], 0usize, 1e-8);
    check(&[vector(&[0.0, 0.0]), vector(&[3.0, 4.0])], similarity, &[&[0.6e8, 0.8e8], &[0.0, 0.0]]);
    check_one(&[0.0, 0.0], |b, x| b.l2_normalize(x, [0], 0.25), &[2.0, 2.0]);
}

#[test]
fn logarithms_of_nothing_spoil_nothing() {
    let inf = f64::INFINITY;
    check_one(&[-inf, 0.0], |b, x| b.logsumexp(x, [0], Dims::Drop), &[0.0, 1.0]);
    check_one(&[-inf, -inf], |b, x| b.logsumexp(x, [0], Dims::Drop), &[0.0, 0.0]);
    check_one(&[-1e300, 1e300], |b, x| b.logsumexp(x, [0], Dims::Drop), &[0.0, 1.0]);
    check(
        &[vector(&[0.0, -inf]), vector(&[0.0, -inf])],
        |b, x| b.log_add_exp(x[0], x[1]),
        &[&[0.5, 0.0], &[0.5, 0.0]],
    );
    check_one(&[-inf, 0.0, 0.0], |b, x| b.softmax(x, 0usize), &[0.0, 0.0, 0.0]);
    let half = 0.5f64.ln();
    check(
        &[vector(&[0.0, 2.0]), vector(&[0.5, 1.0])],
        |b, x| b.xlogy(x[0], x[1]),
        &[&[half, 0.0], &[0.0, 2.0]],
    );
    // Nothing of the pole of the logarithm is left by a factor of 0.
    let by_logarithm = |b: &mut Builder, y: Value| {
        let zero = b.full_like(0.0, y)?;
        b.xlogy(zero, y)
    };
    check_one(&[0.0], by_logarithm, &[0.0]);
}

#[test]
fn losses_where_probabilities_are_0() {
    let kl = |b: &mut Builder, x: &[Value]| b.kl_divergence(x[0], x[1], 0usize, LossReduction::Sum);
    check(&[vector(&[0.0, 1.0]), vector(&[0.0, 1.0])], kl, &[&[0.0, 1.0], &[0.0, -1.0]]);
    // An impossible class with label 0 does not matter; a possible one with label 0 has a finite derivative.
    let entropy =
        |b: &mut Builder, x: &[Value]| b.softmax_cross_entropy(x[0], x[1], 0usize, LossReduction::Sum);
    let half = 2f64.ln();
    let (logits, labels) = (vector(&[f64::NEG_INFINITY, 0.0, 0.0]), vector(&[0.0, 0.0, 1.0]));
    check(&[logits, labels], entropy, &[&[0.0, 0.5, -0.5], &[0.0, half, half]]);
    check(
        &[vector(&[3.0, 0.0]), vector(&[2.0, 0.0])],
        |b, x| b.divide_no_nan(x[0], x[1]),
        &[&[0.5, 0.0], &[-0.75, 0.0]],
    );
}

#[test]
fn repeated_updates_of_a_scatter() {
    let scatter = |kind| {
        move |b: &mut Builder, x: &[Value]| {
            let indices = Literal::new([4, 1], &[1i32, 1, 7, 0]).expect("four");
            let indices = b.literal(indices);
            let y = b.scatter(x[0], indices, x[1], kind, [], [0], [], [], [0])?;
            // A weight for each element.
            let weights = b.literal(Literal::new([3], &[1.0, 10.0, 100.0]).expect("three"));
            b.mul(y, weights)
        }
    };
    let inputs = [vector(&[2.0, 3.0, 4.0]), vector(&[5.0, 3.0, 9.0, 0.0])];
    check(&inputs, scatter(ScatterKind::Set), &[&[0.0, 0.0, 100.0], &[0.0, 10.0, 0.0, 1.0]]);
    check(&inputs, scatter(ScatterKind::Add), &[&[1.0, 10.0, 100.0], &[10.0, 10.0, 0.0, 1.0]]);
    check(&inputs, scatter(ScatterKind::Mul), &[&[0.0, 150.0, 100.0], &[90.0, 150.0, 0.0, 2.0]]);
    check(&inputs, scatter(ScatterKind::Min), &[&[0.0, 5.0, 100.0], &[0.0, 5.0, 0.0, 1.0]]);
    check(&inputs, scatter(ScatterKind::Max), &[&[1.0, 0.0, 100.0], &[10.0, 0.0, 0.0, 0.0]]);
}

#[test]
fn indices_out_of_range_are_clamped_and_their_cotangents_added() {
    let read = |b: &mut Builder, x: &[Value]| {
        let indices = b.literal(Literal::new([4], &[-5i64, 0, 2, 9]).expect("four"));
        b.take(x[0], indices, 0usize)
    };
    check(&[vector(&[1.0, 2.0, 3.0])], read, &[&[2.0, 0.0, 2.0]]);
    let section = |b: &mut Builder, x: &[Value]| {
        let start = b.literal(Literal::new([1], &[9i32]).expect("one"));
        b.dynamic_slice(x[0], start, [2])
    };
    check(&[vector(&[1.0, 2.0, 3.0])], section, &[&[0.0, 1.0, 1.0]]);
}

#[test]
fn sorting_carries_derivatives_along() {
    let weigh = |b: &mut Builder, y| {
        let weights = b.literal(Literal::new([4], &[1.0, 10.0, 100.0, 1000.0]).expect("four"));
        b.mul(y, weights)
    };
    let x = [3.0, 1.0, 3.0, 2.0];
    let ascending = |b: &mut Builder, x| {
        let y = b.sort(&[x], 0usize, 1usize, false)?[0];
        weigh(b, y)
    };
    // Stable: of the equal ones the first stays first.
    check_one(&x, ascending, &[100.0, 1.0, 1000.0, 10.0]);
    let carried = |b: &mut Builder, x: &[Value]| {
        let y = b.sort(&[x[0], x[1]], 0usize, 1usize, true)?[1];
        weigh(b, y)
    };
    let graph = graph(&[vector(&x), vector(&[5.0, 6.0, 7.0, 8.0])], carried);
    let derived = vjp(&graph, &[0, 1]).expect("has a derivative");
    let inputs = [vector(&x), vector(&[5.0, 6.0, 7.0, 8.0]), vector(&[1.0; 4])];
    let outputs = evaluate(&derived.graph, &inputs).expect("inputs fit");
    assert_eq!(derived.derivatives[0], None);
    let carried = outputs[derived.derivatives[1].expect("is connected")].to_vec::<f64>().expect("f64");
    assert_eq!(carried, [1.0, 1000.0, 10.0, 100.0]);
    let top = |b: &mut Builder, x: Value| {
        let y = b.top_k(x, 2usize, 0usize)?[0];
        let weights = b.literal(Literal::new([2], &[1.0, 10.0]).expect("two"));
        b.mul(y, weights)
    };
    check_one(&x, top, &[1.0, 0.0, 10.0, 0.0]);
}

#[test]
fn empty_axes_and_broadcasts() {
    check(&[tensor([0, 2], &[])], |b, x| b.reduce(x[0], ReduceKind::Prod, [0]), &[&[]]);
    check(&[tensor([2, 0], &[])], |b, x| b.softmax(x[0], 1usize), &[&[]]);
    check(&[tensor([0], &[])], |b, x| b.sort(&[x[0]], 0usize, 1usize, false).map(|y| y[0]), &[&[]]);
    check(
        &[tensor([1, 2], &[1.0, 2.0])],
        |b, x| b.broadcast_in_dim(x[0], [3, 2, 4], [0, 1]),
        &[&[12.0, 12.0]],
    );
    check(&[tensor([1], &[1.0])], |b, x| b.broadcast_in_dim(x[0], [0], [0]), &[&[0.0]]);
    let strided = |b: &mut Builder, x: Value| b.slice(x, [4], [-1], [-2]);
    check_one(&[1.0, 2.0, 3.0, 4.0, 5.0], strided, &[1.0, 0.0, 1.0, 0.0, 1.0]);
    let pad = |b: &mut Builder, x: &[Value]| b.pad(x[0], x[1], [-1], [2], [1]);
    // Of [1 . 2 . 3] the first goes, then come two more.
    check(&[vector(&[1.0, 2.0, 3.0]), tensor([], &[9.0])], pad, &[&[0.0, 1.0, 1.0], &[4.0]]);
}

#[test]
fn half_precision_derivatives_keep_their_dtype() {
    for dtype in [DType::F16, DType::BF16, DType::F32] {
        let mut b = Builder::new("f");
        let x = b.input(TensorType::new(dtype, [4]));
        let y = b.log_softmax(x, 0usize).expect("floats");
        let y = b.mul(y, x).expect("same types");
        let derived = vjp(&b.finish(&[y]), &[0]).expect("has a derivative");
        let types = derived.graph.output_types();
        assert_eq!(types, vec![TensorType::new(dtype, [4]); 2]);
    }
    let narrowed = |b: &mut Builder, x: &[Value]| b.cast(x[0], DType::BF16);
    let graph = graph(&[vector(&[1.0])], narrowed);
    assert_eq!(gradients(&graph, &[vector(&[1.0])]), [[1.0]]);
    // Products added up in a wider dtype.
    let mut b = Builder::new("f");
    let (x, y) = (b.input(TensorType::new(DType::BF16, [2, 3])), b.input(TensorType::new(DType::BF16, [3])));
    let dot = b.dot_general(x, y, [], [], [1], [0], DType::F32).expect("widens");
    let derived = vjp(&b.finish(&[dot]), &[0, 1]).expect("has a derivative");
    let types = derived.graph.output_types();
    assert_eq!(types[1..], [TensorType::new(DType::BF16, [2, 3]), TensorType::new(DType::BF16, [3])]);
}
