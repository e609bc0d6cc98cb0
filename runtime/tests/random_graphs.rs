//! Compiled random graphs against the reference evaluator: ops whose results are defined bit for bit, so that no tolerance hides
//! a mistake of fusion, scheduling, planning or code generation.

use tensorwright_compiler::CompileOptions;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::op::{Draw, OpKind};
use tensorwright_ir::{Literal, Scalar, eval};
use tensorwright_runtime::Executable;
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};
use tensorwright_testkit::graphs::{GraphOptions, RandomGraph, random_graph};

/// Ops besides element-wise functions that are exact on all dtypes.
const EXACT: &[&str] = &[
    "select",
    "clamp",
    "cast",
    "iota",
    "constant",
    "broadcast_in_dim",
    "reshape",
    "transpose",
    "slice",
    "concat",
    "pad",
    "reverse",
    "gather",
    "dynamic_slice",
    "dynamic_update_slice",
    "sort",
    "top_k",
    "arg_reduce",
];

fn is_exact(kind: &OpKind) -> bool {
    EXACT.contains(&kind.name)
        || UnaryFn::ALL.iter().any(|f| f.name() == kind.name && f.ulps() == 0)
        || BinaryFn::ALL.iter().any(|f| f.name() == kind.name && f.ulps() == 0)
        || CompareFn::ALL.iter().any(|f| f.name() == kind.name)
}

/// A sequence of choices that looks random.
fn choices(seed: u64) -> Vec<u32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let length = 8 + seed as usize % 150;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    (0..length).map(|_| next()).collect()
}

/// Same bits, or both NaN.
fn same(x: Scalar, y: Scalar) -> bool {
    x == y || (x.dtype().is_float() && x.to_f64().is_nan() && y.to_f64().is_nan())
}

fn check(seed: u64, options: &GraphOptions) {
    let choices = choices(seed);
    let RandomGraph { graph, inputs } = random_graph(&mut Draw::new(&choices), options);
    let expected = eval::evaluate(&graph, &inputs).expect("inputs fit");
    let executable = Executable::compile(&graph, &CompileOptions::default())
        .unwrap_or_else(|e| panic!("seed {seed}: {e}\n{graph}"));
    let buffers: Vec<SharedBuffer> =
        inputs.iter().map(|l| BufferPool::global().copy_of(l.bytes()).expect("memory")).collect();
    let buffers: Vec<&SharedBuffer> = buffers.iter().collect();
    let found = executable.run(&buffers, 2).expect("memory");
    for (position, (e, f)) in expected.iter().zip(&found).enumerate() {
        let f = Literal::from_bytes(e.ty().clone(), f.as_bytes().to_vec())
            .unwrap_or_else(|| panic!("seed {seed}: output {position} is no {}\n{graph}", e.ty()));
        for (i, (x, y)) in e.iter().zip(f.iter()).enumerate() {
            assert!(
                same(x, y),
                "seed {seed}: output {position}, element {i}: expected {x:?}, found {y:?}\n{graph}"
            );
        }
    }
}

#[test]
fn exact_graphs_keep_their_bits() {
    let options = GraphOptions::of(is_exact);
    (0..150).for_each(|seed| check(seed, &options));
}

/// `cargo test --release -p tensorwright-runtime --test random_graphs -- --ignored`
#[test]
#[ignore = "takes minutes"]
fn ten_thousand_exact_graphs_keep_their_bits() {
    let options = GraphOptions::of(is_exact);
    (150..10_150).for_each(|seed| check(seed, &options));
}
