//! Compiled graphs against the reference evaluator.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::op::Random;
use tensorwright_ir::op::primitive::ReduceKind;
use tensorwright_ir::{Builder, DType, Graph, Literal, Scalar, Shape, TensorType, Value, eval};
use tensorwright_runtime::Executable;

fn graph(build: impl FnOnce(&mut Builder) -> Vec<Value>) -> Graph {
    let mut b = Builder::new("f");
    let outputs = build(&mut b);
    b.finish(&outputs)
}

fn f32(shape: impl Into<Shape>) -> TensorType {
    TensorType::new(DType::F32, shape)
}

/// Numbers between -2 and 2 that look random.
fn inputs(graph: &Graph) -> Vec<Literal> {
    let mut random = Random::new(1);
    graph
        .input_types()
        .into_iter()
        .map(|ty| {
            Literal::from_fn(ty.tensor().clone(), |_| {
                Scalar::from_f64(ty.tensor().dtype, random.symmetric() * 2.0)
            })
        })
        .collect()
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Vec<Literal> {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
    executable.run_literals(inputs, threads).expect("memory")
}

/// The compiled graph gives what the evaluator gives, up to `tolerance` relative to the largest result, and the same bits on two threads.
fn check(graph: &Graph, tolerance: f64) {
    let inputs = inputs(graph);
    let expected = eval::evaluate(graph, &inputs).expect("inputs fit");
    let found = run(graph, &inputs, 1);
    assert_eq!(found, run(graph, &inputs, 2), "the same bits on two threads");
    for (e, f) in expected.iter().zip(&found) {
        assert_eq!(e.ty(), f.ty());
        let scale = e.iter().map(|x| x.to_f64().abs()).fold(1e-30, f64::max);
        for (i, (x, y)) in e.iter().zip(f.iter()).enumerate() {
            let error = (x.to_f64() - y.to_f64()).abs() / scale;
            assert!(error <= tolerance, "element {i} of {}: expected {x}, found {y}", e.ty());
        }
    }
}

#[test]
fn arithmetic_is_exact() {
    for n in [1usize, 3, 4, 17, 1000, 100_000] {
        check(
            &graph(|b| {
                let x = b.input(f32([n]));
                let two = b.full_like(2.0, x).unwrap();
                let one = b.full_like(1.0, x).unwrap();
                let y = b.mul(x, two).unwrap();
                vec![b.add(y, one).unwrap()]
            }),
            0.0,
        );
    }
}

#[test]
fn gelu_runs() {
    check(
        &graph(|b| {
            let [x, w, c] = [0; 3].map(|_| b.input(f32([10_000])));
            let y = b.mul(x, w).unwrap();
            let y = b.add(y, c).unwrap();
            let t = b.tanh(y).unwrap();
            vec![b.mul(t, y).unwrap()]
        }),
        1e-6,
    );
}

#[test]
fn softmax_and_layer_norm_run() {
    for (rows, columns) in [(1usize, 1usize), (3, 5), (64, 100), (2, 5000)] {
        check(
            &graph(|b| {
                let x = b.input(f32([rows, columns]));
                let gain = b.input(f32([columns]));
                let bias = b.input(f32([columns]));
                let s = b.softmax(x, 1usize).unwrap();
                vec![s, b.layer_norm(x, gain, bias, 1usize, Scalar::F32(1e-5)).unwrap()]
            }),
            1e-5,
        );
    }
}

#[test]
fn reductions_along_any_axes_run() {
    for axes in [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2], vec![0, 1, 2]] {
        check(
            &graph(|b| {
                let x = b.input(f32([7, 20, 33]));
                let e = b.exp(x).unwrap();
                let s = b.reduce(e, ReduceKind::Sum, axes.clone()).unwrap();
                let m = b.reduce(x, ReduceKind::Max, axes).unwrap();
                let d = b.sub(s, m).unwrap();
                vec![d, s]
            }),
            1e-5,
        );
    }
}

#[test]
fn matmul_with_bias_and_relu_runs() {
    for (m, k, n) in [(1usize, 64usize, 10usize), (32, 100, 50), (450, 64, 128), (3, 0, 4)] {
        check(
            &graph(|b| {
                let x = b.input(f32([m, k]));
                let w = b.input(f32([k, n]));
                let bias = b.input(f32([n]));
                let y = b.matmul(x, w).unwrap();
                let shape = b.tensor(y).shape.clone();
                let bias = b.broadcast_to(bias, &shape).unwrap();
                let y = b.add(y, bias).unwrap();
                vec![b.relu(y).unwrap()]
            }),
            1e-5,
        );
    }
}

#[test]
fn transposes_concatenations_and_paddings_run() {
    check(
        &graph(|b| {
            let x = b.input(f32([70, 90]));
            let t = b.transpose(x, [1, 0]).unwrap();
            let t = b.exp(t).unwrap();
            let u = b.reshape(t, [70, 90]).unwrap();
            let c = b.concat(&[u, x], 0usize).unwrap();
            let two = b.full_like(2.0, c).unwrap();
            vec![b.mul(c, two).unwrap()]
        }),
        1e-6,
    );
}

#[test]
fn outputs_may_be_inputs_and_constants() {
    check(
        &graph(|b| {
            let x = b.input(f32([3, 4]));
            let y = b.reshape(x, [4, 3]).unwrap();
            let c = b.literal(Literal::new([2], &[1.0f32, 2.0]).unwrap());
            let s = b.scalar(3.0f32);
            vec![x, y, c, s, x]
        }),
        0.0,
    );
}

/// Every pair of special values, in vectors and in the rest that fills none.
#[test]
fn nans_are_equal_in_the_total_order() {
    let specials = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1.0];
    let n = specials.len();
    for dtype in [DType::F16, DType::BF16, DType::F32, DType::F64] {
        let ty = TensorType::new(dtype, [n * n]);
        let graph = graph(|b| {
            let (x, y) = (b.input(ty.clone()), b.input(ty.clone()));
            vec![b.lt_total(x, y).unwrap(), b.le_total(x, y).unwrap()]
        });
        let pick = |i: usize| Scalar::from_f64(dtype, specials[i]);
        let inputs =
            [Literal::from_fn(ty.clone(), |i| pick(i / n)), Literal::from_fn(ty.clone(), |i| pick(i % n))];
        assert_eq!(run(&graph, &inputs, 1), eval::evaluate(&graph, &inputs).expect("inputs fit"), "{dtype}");
    }
}
