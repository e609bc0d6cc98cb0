//! Long reductions, which are cut into pieces, against the reference evaluator. Sums are of small integers, so that they are
//! exact in any order; the same bits on one and two threads, and op by op as fused, are asked for with any numbers.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::op::Random;
use tensorwright_ir::op::primitive::{BroadcastInDim, ReduceKind};
use tensorwright_ir::{Builder, Copier, DType, Graph, Literal, Scalar, Shape, TensorType, Value, eval};
use tensorwright_runtime::Executable;

const KINDS: [ReduceKind; 6] =
    [ReduceKind::Sum, ReduceKind::Prod, ReduceKind::Max, ReduceKind::Min, ReduceKind::Any, ReduceKind::All];

fn graph(build: impl FnOnce(&mut Builder) -> Vec<Value>) -> Graph {
    let mut b = Builder::new("f");
    let outputs = build(&mut b);
    b.finish(&outputs)
}

fn compiled(graph: &Graph) -> Executable {
    Executable::compile(graph, &CompileOptions::default()).expect("compiles")
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Vec<Literal> {
    let executable = compiled(graph);
    executable.run_literals(inputs, threads).expect("memory")
}

/// Numbers that look random, below 2^24.
fn numbers(seed: u64) -> impl FnMut() -> u64 {
    let mut random = Random::new(seed);
    move || random.bits() >> 40
}

/// Elements of which every sum and product is exact: small integers for sums, ones of either sign for products.
fn exact(ty: TensorType, kind: ReduceKind) -> Literal {
    let mut next = numbers(7);
    let signed = |x: u64| if ty.dtype.is_unsigned_int() { x as f64 } else { x as f64 - 1.0 };
    let element = |x: u64| match kind {
        ReduceKind::Prod => 1.0 - 2.0 * f64::from(u8::from(x.is_multiple_of(3) && signed(0) < 0.0)),
        ReduceKind::Any => f64::from(u8::from(x == 0)),
        ReduceKind::All => f64::from(u8::from(x != 0)),
        _ => signed(x % 3),
    };
    Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, element(next())))
}

/// Floats between -2 and 2.
fn floats(shape: impl Into<Shape>, seed: u64) -> Literal {
    let mut next = numbers(seed);
    Literal::from_fn(TensorType::new(DType::F32, shape), |_| {
        Scalar::F32((next() as f64 / f64::from(1 << 22) - 2.0) as f32)
    })
}

fn reduction(ty: &TensorType, kind: ReduceKind, axes: &[usize]) -> Graph {
    graph(|b| {
        let x = b.input(ty.clone());
        vec![b.reduce(x, kind, axes.to_vec()).expect("a reduction")]
    })
}

/// Same bits, or both NaN.
fn assert_same(expected: &Literal, found: &Literal, what: &str) {
    assert_eq!(expected.ty(), found.ty(), "{what}");
    for (i, (x, y)) in expected.iter().zip(found.iter()).enumerate() {
        let nans = x.dtype().is_float() && x.to_f64().is_nan() && y.to_f64().is_nan();
        assert!(nans || x.bits() == y.bits(), "{what}: element {i}: expected {x}, found {y}");
    }
}

fn check(graph: &Graph, inputs: &[Literal], what: &str) {
    let expected = eval::evaluate(graph, inputs).expect("inputs fit");
    let found = run(graph, inputs, 1);
    assert_eq!(
        found.iter().map(Literal::bytes).collect::<Vec<_>>(),
        run(graph, inputs, 2).iter().map(Literal::bytes).collect::<Vec<_>>(),
        "{what}: the same bits on two threads"
    );
    expected.iter().zip(&found).for_each(|(e, f)| assert_same(e, f, what));
}

fn is_cut(graph: &Graph) -> bool {
    compiled(graph).program().steps.len() > 1
}

#[test]
fn every_dtype_and_kind_along_inner_and_outer_axes() {
    for dtype in DType::REAL {
        for kind in KINDS.into_iter().filter(|kind| kind.class().contains(dtype)) {
            for (shape, axis) in [(&[70_001][..], 0), (&[44_100, 3], 0)] {
                let ty = TensorType::new(dtype, shape);
                let graph = reduction(&ty, kind, &[axis]);
                assert!(is_cut(&graph), "{ty}");
                check(&graph, &[exact(ty.clone(), kind)], &format!("{kind:?} of {ty}"));
            }
        }
    }
}

#[test]
fn any_shape_and_axes() {
    let cases: [(&[usize], &[usize]); 16] = [
        (&[1 << 17], &[0]),
        (&[100_003], &[0]),
        (&[1, 70_000, 1], &[1]),
        (&[1, 70_000, 1], &[0, 1, 2]),
        (&[3, 70_001], &[1]),
        (&[3, 70_001], &[0, 1]),
        (&[70_001, 3], &[0, 1]),
        (&[400, 3, 300], &[0, 2]),
        (&[2, 300, 3, 500], &[1, 3]),
        (&[5, 70_001, 2], &[1]),
        (&[70_001, 1], &[0]),
        (&[1031, 257], &[0]),
        (&[260, 1100], &[0]),
        (&[40, 41, 42, 6], &[0, 1, 2]),
        (&[2, 30_011, 65], &[1]),
        (&[40, 33, 5, 101], &[0, 2]),
    ];
    for (shape, axes) in cases {
        let ty = TensorType::new(DType::F32, shape);
        let graph = reduction(&ty, ReduceKind::Sum, axes);
        assert!(is_cut(&graph), "{ty} along {axes:?}");
        check(&graph, &[exact(ty.clone(), ReduceKind::Sum)], &format!("{ty} along {axes:?}"));
    }
}

#[test]
fn empty_axes_give_identities() {
    for (shape, axes) in [
        (&[0][..], &[0][..]),
        (&[1 << 20, 0], &[0]),
        (&[0, 1 << 20], &[0, 1]),
        (&[0, 3], &[0]),
        (&[70, 1], &[0]),
    ] {
        for kind in [ReduceKind::Sum, ReduceKind::Max] {
            let ty = TensorType::new(DType::F32, shape);
            check(&reduction(&ty, kind, axes), &[Literal::full(shape, 0.0f32)], &format!("{ty}"));
        }
    }
}

#[test]
fn extremes_of_nans_and_signed_zeros() {
    let places = [0, 1, 4095, 4096, 50_000, 69_999, 70_000];
    for (shape, axis) in [(&[70_001][..], 0), (&[70_001, 2], 0)] {
        let ty = TensorType::new(DType::F32, shape);
        for kind in [ReduceKind::Max, ReduceKind::Min] {
            let graph = reduction(&ty, kind, &[axis]);
            let width = ty.elements() / 70_001;
            for at in places {
                for (special, others) in [(f32::NAN, 1.0), (0.0, -0.0), (-0.0, 0.0f32), (f32::INFINITY, 2.0)]
                {
                    let element = |i: usize| if i / width == at { special } else { others };
                    let input = Literal::from_fn(ty.clone(), |i| Scalar::F32(element(i)));
                    check(&graph, &[input], &format!("{kind:?} of {others} with {special} at {at}"));
                }
            }
        }
    }
}

/// Each op compiled alone, one after the other.
fn op_by_op(graph: &Graph, inputs: &[Literal]) -> Vec<Literal> {
    let mut values = Copier::with_inputs(graph, inputs);
    for node in graph.nodes() {
        let mut b = Builder::new("one");
        let operands: Vec<Value> = node.operands.iter().map(|&v| b.input(graph.ty(v).clone())).collect();
        let results = b.copy_node(node, &operands).expect("a copy");
        let one = b.finish(&results);
        values.set_all(&node.results, &run(&one, &values.values(&node.operands), 2));
    }
    values.values(graph.outputs()).into_vec()
}

fn check_fused(graph: &Graph, inputs: &[Literal]) {
    let fused = run(graph, inputs, 2);
    for (k, (e, f)) in op_by_op(graph, inputs).iter().zip(&fused).enumerate() {
        assert_same(e, f, &format!("output {k}"));
    }
    for (one, two) in run(graph, inputs, 1).iter().zip(&fused) {
        assert_eq!(one.bytes(), two.bytes());
    }
}

#[test]
fn fused_sums_are_those_of_single_ops() {
    for (shape, axes) in [
        (&[100_003][..], &[0][..]),
        (&[3, 90_000], &[1]),
        (&[900, 768], &[0, 1]),
        (&[50_000, 5], &[0]),
        (&[2000, 300], &[0]),
    ] {
        let graph = graph(|b| {
            let x = b.input(TensorType::new(DType::F32, shape));
            let y = b.input(TensorType::new(DType::F32, shape));
            let product = b.mul(x, y).expect("a product");
            let sum = b.reduce(product, ReduceKind::Sum, axes.to_vec()).expect("a sum");
            let greatest = b.reduce(product, ReduceKind::Max, axes.to_vec()).expect("a maximum");
            let both = b.div(sum, greatest).expect("a quotient");
            let root = b.sqrt(both).expect("a root");
            vec![both, root, product]
        });
        check_fused(&graph, &[floats(shape, 1), floats(shape, 2)]);
    }
}

#[test]
fn variance_and_softmax_of_one_long_row() {
    let n = 150_000usize;
    let graph = graph(|b| {
        let x = b.input(TensorType::new(DType::F32, [n]));
        let whole = Shape::from([n]);
        let sum = b.reduce(x, ReduceKind::Sum, [0]).expect("a sum");
        let count = b.full_like(n as f64, sum).expect("a number");
        let mean = b.div(sum, count).expect("a mean");
        let spread = b.broadcast_to(mean, &whole).expect("a broadcast");
        let centred = b.sub(x, spread).expect("a difference");
        let square = b.mul(centred, centred).expect("a square");
        let sum = b.reduce(square, ReduceKind::Sum, [0]).expect("a sum");
        let variance = b.div(sum, count).expect("a variance");
        let top = b.reduce(x, ReduceKind::Max, [0]).expect("a maximum");
        let top = b.broadcast_to(top, &whole).expect("a broadcast");
        let below = b.sub(x, top).expect("a difference");
        let power = b.exp(below).expect("powers");
        let total = b.reduce(power, ReduceKind::Sum, [0]).expect("a sum");
        let total = b.broadcast_to(total, &whole).expect("a broadcast");
        vec![variance, b.div(power, total).expect("a softmax")]
    });
    check_fused(&graph, &[floats([n], 3)]);
}

#[test]
fn rows_folded_side_by_side() {
    for dtype in [DType::F32, DType::F64, DType::I8, DType::I32, DType::F16] {
        for (rows, columns) in [(64usize, 2048usize), (37, 513), (32, 520), (48, 16_384), (200, 1000)] {
            let ty = TensorType::new(dtype, [rows, columns]);
            for kind in [ReduceKind::Sum, ReduceKind::Prod, ReduceKind::Max] {
                check(&reduction(&ty, kind, &[1]), &[exact(ty.clone(), kind)], &format!("{kind:?} of {ty}"));
            }
        }
    }
    let graph = graph(|b| {
        let x = b.input(TensorType::new(DType::F32, [64, 2048]));
        let y = b.input(TensorType::new(DType::F32, [64]));
        let shape = Shape::from([64, 2048]);
        let each =
            b.push_one(BroadcastInDim { shape, axes: [0usize][..].into() }, &[y]).expect("a broadcast");
        let difference = b.sub(x, each).expect("a difference");
        let square = b.mul(difference, difference).expect("a square");
        vec![b.reduce(square, ReduceKind::Sum, [1]).expect("a sum")]
    });
    check_fused(&graph, &[floats([64, 2048], 5), floats([64], 6)]);
}
