//! What a checkpoint is for: the gradient of a deep function in less memory.

use tensorwright_compiler::CompileOptions;
use tensorwright_compiler::differentiate::vjp;
use tensorwright_ir::op::control::{Checkpoint, CheckpointRun, Scan};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, TensorType, Value};
use tensorwright_runtime::Executable;
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};

const ROWS: usize = 64;
const LAYERS: usize = 8;

/// Three products with something in between, so that there is much to save.
fn layer(b: &mut Builder, x: Value, w: Value) -> Result<Value, BuildError> {
    let mut x = x;
    for _ in 0..3 {
        let y = b.matmul(x, w)?;
        let y = b.softmax(y, 1usize)?;
        x = b.tanh(y)?;
    }
    Ok(x)
}

fn maybe_again(b: &mut Builder, x: Value, w: Value, again: bool) -> Result<Value, BuildError> {
    if !again {
        return layer(b, x, w);
    }
    let types = [b.ty(x).clone(), b.ty(w).clone()];
    let region = b.region("layer", &types, |b, x| Ok([layer(b, x[0], x[1])?]))?;
    let op = Checkpoint { name: "layer".to_owned(), again: CheckpointRun::First };
    Ok(b.push_with_regions(op, &[x, w], vec![region])?[0])
}

fn matrix() -> TensorType {
    TensorType::new(DType::F32, [ROWS, ROWS])
}

fn chain(again: bool) -> Graph {
    let mut b = Builder::new("chain");
    let (mut x, w) = (b.input(matrix()), b.input(matrix()));
    for _ in 0..LAYERS {
        x = maybe_again(&mut b, x, w, again).expect("types fit");
    }
    b.finish(&[x])
}

fn looped(again: bool) -> Graph {
    let mut b = Builder::new("looped");
    let (x, w) = (b.input(matrix()), b.input(matrix()));
    let scan = Scan { carried: 1, scanned: 0, length: LAYERS, reverse: false };
    let last = b.scan(scan, &[x, w], |b, x| Ok([maybe_again(b, x[0], x[1], again)?])).expect("types fit");
    b.finish(&[last[0]])
}

/// Results of the gradient, and the memory that it takes.
fn gradient(graph: &Graph) -> (Vec<f32>, usize) {
    let reverse = vjp(graph, &[0, 1]).expect("has a derivative").graph;
    let executable = Executable::compile(&reverse, &CompileOptions::default()).expect("compiles");
    let buffer = |i: usize| {
        let values: Vec<f32> =
            (0..ROWS * ROWS).map(|k| ((k * 7 + i * 13) % 31) as f32 / 31.0 - 0.4).collect();
        let literal = Literal::new([ROWS, ROWS], &values).expect("as many");
        BufferPool::global().copy_of(literal.bytes()).expect("memory")
    };
    let inputs: Vec<SharedBuffer> = (0..3).map(buffer).collect();
    let found = executable.run(&inputs.iter().collect::<Vec<_>>(), 1).expect("runs");
    let floats = |bytes: &[u8]| {
        bytes.chunks(4).map(|x| f32::from_le_bytes(x.try_into().expect("4 bytes"))).collect::<Vec<f32>>()
    };
    (found.iter().flat_map(|buffer| floats(buffer.as_bytes())).collect(), executable.peak_bytes())
}

fn check(graph: impl Fn(bool) -> Graph) {
    let (expected, much) = gradient(&graph(false));
    let (found, less) = gradient(&graph(true));
    // What goes back to the weights is added up in another order.
    for (f, e) in found.iter().zip(&expected) {
        assert!((f - e).abs() <= 1e-5 * e.abs() + 1e-12, "{f}, not {e}");
    }
    assert!(2 * less < much, "{less} bytes, {much} without checkpoints");
}

#[test]
fn a_chain_takes_less_than_half() {
    check(chain);
}

#[test]
fn a_loop_takes_less_than_half() {
    check(looped);
}
