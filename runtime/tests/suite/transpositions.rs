//! Element-wise functions of transposed memory, against the reference evaluator: whole and partial blocks, every dtype.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::op::primitive::Transpose;
use tensorwright_ir::{Builder, DType, Graph, Literal, Scalar, Shape, TensorType, Value, eval};
use tensorwright_runtime::Executable;

fn graph(build: impl FnOnce(&mut Builder) -> Vec<Value>) -> Graph {
    let mut b = Builder::new("f");
    let outputs = build(&mut b);
    b.finish(&outputs)
}

fn run(graph: &Graph, inputs: &[Literal], threads: usize) -> Vec<Literal> {
    let executable = Executable::compile(graph, &CompileOptions::default()).expect("compiles");
    executable.run_literals(inputs, threads).expect("memory")
}

/// Elements that tell places apart: their bits are their numbers, but for bools, and for floats that could be NaN.
fn numbered(ty: &TensorType) -> Literal {
    let element = |i: usize| match ty.dtype {
        DType::Bool => Scalar::Bool((i * i).is_multiple_of(3)),
        dtype => Scalar::from_bits(dtype, (i as u64).wrapping_mul(0x9e37) & 0x3b3b_3b3b),
    };
    Literal::from_fn(ty.clone(), element)
}

fn check(graph: &Graph, what: &str) {
    let inputs: Vec<Literal> = graph.input_types().iter().map(|ty| numbered(ty.tensor())).collect();
    let expected = eval::evaluate(graph, &inputs).expect("inputs fit");
    for threads in [1, 2] {
        for (e, f) in expected.iter().zip(&run(graph, &inputs, threads)) {
            assert_eq!(e.bytes(), f.bytes(), "{what} on {threads} threads");
        }
    }
}

fn transposed(ty: &TensorType, permutation: &[usize]) -> Graph {
    graph(|b| {
        let x = b.input(ty.clone());
        vec![b.push_one(Transpose { permutation: permutation.into() }, &[x]).expect("a transposition")]
    })
}

#[test]
fn every_dtype() {
    for dtype in DType::REAL {
        for (rows, columns) in [(64usize, 64usize), (128, 192), (65, 67), (130, 33), (200, 79)] {
            let ty = TensorType::new(dtype, [rows, columns]);
            check(&transposed(&ty, &[1, 0]), &ty.to_string());
        }
    }
}

#[test]
fn any_axes() {
    let cases: [(&[usize], &[usize]); 8] = [
        (&[3, 70, 65], &[0, 2, 1]),
        (&[70, 3, 65], &[2, 1, 0]),
        (&[2, 40, 7, 50], &[0, 2, 3, 1]),
        (&[2, 7, 50, 40], &[0, 3, 1, 2]),
        (&[65, 2, 66], &[1, 2, 0]),
        (&[33, 34, 35], &[2, 0, 1]),
        (&[1, 100, 1, 100], &[3, 2, 1, 0]),
        (&[5, 4, 3, 2, 60, 61], &[0, 1, 2, 3, 5, 4]),
    ];
    for (shape, permutation) in cases {
        let ty = TensorType::new(DType::F32, shape);
        check(&transposed(&ty, permutation), &format!("{ty} to {permutation:?}"));
    }
}

#[test]
fn several_reads_across_and_along_in_one_kernel() {
    for n in [64usize, 100, 257] {
        let ty = TensorType::new(DType::F32, [n, n]);
        let graph = graph(|b| {
            let [x, y] = [0; 2].map(|_| b.input(ty.clone()));
            let [s, t] = [x, y].map(|v| b.transpose(v, [1, 0]).expect("a transposition"));
            let sum = b.add(x, s).expect("a sum");
            let part = b.slice(t, [1, 2], [n as i64, n as i64 - 3], [1, 1]).expect("a part");
            let other = b.slice(sum, [0, 5], [n as i64 - 1, n as i64], [1, 1]).expect("a part");
            let product = b.mul(part, other).expect("a product");
            let root = b.sqrt(t).expect("a root");
            vec![sum, product, root]
        });
        check(&graph, &n.to_string());
    }
}

#[test]
fn a_transposition_before_a_math_function() {
    let shape = Shape::from([100, 130]);
    let ty = TensorType::new(DType::F32, shape.clone());
    let transposed = graph(|b| {
        let x = b.input(ty.clone());
        let t = b.transpose(x, [1, 0]).expect("a transposition");
        let e = b.exp(t).expect("powers");
        vec![b.add(e, t).expect("a sum")]
    });
    let plain = graph(|b| {
        let t = b.input(TensorType::new(DType::F32, [130, 100]));
        let e = b.exp(t).expect("powers");
        vec![b.add(e, t).expect("a sum")]
    });
    let x = Literal::from_fn(ty, |i| Scalar::F32((i % 97) as f32 / 10.0 - 4.0));
    let exchanged =
        Literal::from_fn(TensorType::new(DType::F32, [130, 100]), |i| x.get(i % 100 * 130 + i / 100));
    assert_eq!(run(&transposed, &[x], 2), run(&plain, &[exchanged], 2));
}
