//! What becomes one kernel: the clusters that users count on.

use tensorwright_compiler::program::{Product, Program, Step, TileSize, Tiled};
use tensorwright_compiler::{CompileOptions, Target, compile};
use tensorwright_ir::{Builder, DType, Graph, Scalar, TensorType, Value};

struct Tiles;

impl Target for Tiles {
    fn tile(&self, _routine: &Tiled) -> Option<TileSize> {
        Some(TileSize::from_slice(&[64, 64]))
    }

    fn partial_sums(&self, _product: &Product) -> Option<usize> {
        None
    }

    fn packed_bytes(&self, _routine: &Tiled, _operand: usize) -> Option<usize> {
        None
    }
}

fn program(build: impl FnOnce(&mut Builder) -> Vec<Value>) -> Program {
    let mut b = Builder::new("f");
    let outputs = build(&mut b);
    let graph: Graph = b.finish(&outputs);
    let program = compile(&graph, &CompileOptions::default(), &Tiles).expect("compiles");
    assert_eq!(program.to_string().parse::<Program>().expect("parses"), program);
    program
}

/// One letter per step: k kernel, m matmul, e matmul with epilogue, P packing, r routine, c control flow, p effect.
fn steps(program: &Program) -> String {
    let letter = |step: &Step| match step {
        Step::Kernel(_) => 'k',
        Step::Tiled(call) if call.epilogue.is_none() => 'm',
        Step::Tiled(_) => 'e',
        Step::Pack { .. } => 'P',
        Step::Routine { .. } => 'r',
        Step::List { .. } => 'l',
        Step::Control(_) => 'c',
        Step::Effect { .. } => 'p',
    };
    program.steps.iter().map(letter).collect()
}

fn f32(shape: impl Into<tensorwright_ir::Shape>) -> TensorType {
    TensorType::new(DType::F32, shape)
}

#[test]
fn softmax_is_one_kernel() {
    let p = program(|b| {
        let x = b.input(f32([1024, 1024]));
        vec![b.softmax(x, 1usize).unwrap()]
    });
    assert_eq!(steps(&p), "k");
    assert_eq!(p.arena_bytes, 0);
}

#[test]
fn layer_norm_is_one_kernel() {
    let p = program(|b| {
        let x = b.input(f32([512, 768]));
        let gain = b.input(f32([768]));
        let bias = b.input(f32([768]));
        vec![b.layer_norm(x, gain, bias, 1usize, Scalar::F32(1e-5)).unwrap()]
    });
    assert_eq!(steps(&p), "k");
}

#[test]
fn gelu_of_a_product_and_a_sum_is_one_kernel() {
    let p = program(|b| {
        let [x, w, c] = [0; 3].map(|_| b.input(f32([1 << 20])));
        let y = b.mul(x, w).unwrap();
        let y = b.add(y, c).unwrap();
        let t = b.tanh(y).unwrap();
        let y = b.mul(t, y).unwrap();
        vec![y]
    });
    assert_eq!(steps(&p), "k");
    assert_eq!(p.kernels[0].stages.len(), 3, "{:#?}", p.kernels[0]);
}

#[test]
fn several_outputs_of_one_chain_share_a_kernel() {
    let p = program(|b| {
        let x = b.input(f32([4096]));
        let y = b.exp(x).unwrap();
        let z = b.neg(y).unwrap();
        vec![y, z]
    });
    assert_eq!(steps(&p), "k");
}

#[test]
fn a_network_is_a_matmul_with_epilogue_per_layer() {
    let p = program(|b| {
        let mut h = b.input(f32([32, 784]));
        for (rows, columns) in [(784, 512), (512, 512), (512, 10)] {
            let w = b.input(f32([rows, columns]));
            let bias = b.input(f32([columns]));
            let y = b.matmul(h, w).unwrap();
            let shape = b.tensor(y).shape.clone();
            let bias = b.broadcast_to(bias, &shape).unwrap();
            let y = b.add(y, bias).unwrap();
            h = b.relu(y).unwrap();
        }
        vec![h]
    });
    assert_eq!(steps(&p), "eee");
}

#[test]
fn small_graphs_are_one_kernel() {
    let p = program(|b| {
        let x = b.input(f32([4, 4]));
        let s = b.reduce(x, tensorwright_ir::op::primitive::ReduceKind::Sum, [0]).unwrap();
        let m = b.reduce(s, tensorwright_ir::op::primitive::ReduceKind::Max, [0]).unwrap();
        let t = b.transpose(x, [1, 0]).unwrap();
        let u = b.add(x, t).unwrap();
        vec![m, u]
    });
    assert_eq!(steps(&p), "k");
}

#[test]
fn a_diamond_through_a_matmul_makes_no_cycle() {
    let p = program(|b| {
        let x = b.input(f32([64, 64]));
        let y = b.exp(x).unwrap();
        let m = b.matmul(y, y).unwrap();
        vec![b.add(m, y).unwrap()]
    });
    assert_eq!(steps(&p), "ke");
}

#[test]
fn concatenation_computes_its_parts_in_place() {
    let p = program(|b| {
        let x = b.input(f32([64, 64]));
        let y = b.exp(x).unwrap();
        let z = b.neg(x).unwrap();
        vec![b.concat(&[y, z], 1usize).unwrap()]
    });
    assert_eq!(steps(&p), "kk");
    assert_eq!(p.arena_bytes, 0);
}

#[test]
fn a_long_sum_is_cut_and_its_followers_join_the_second_kernel() {
    let p = program(|b| {
        let x = b.input(f32([1 << 20]));
        let y = b.exp(x).unwrap();
        let sum = b.reduce(y, tensorwright_ir::op::primitive::ReduceKind::Sum, [0]).unwrap();
        vec![b.log(sum).unwrap()]
    });
    assert_eq!(steps(&p), "kk");
    assert_eq!(p.kernels[0].tiles(), 256);
    assert_eq!(p.arena_bytes, 256 * 4);
}

#[test]
fn a_rest_is_summed_by_the_second_kernel() {
    let p = program(|b| {
        let x = b.input(f32([(1 << 20) + 1]));
        vec![b.reduce(x, tensorwright_ir::op::primitive::ReduceKind::Sum, [0]).unwrap()]
    });
    assert_eq!(steps(&p), "kk");
}

#[test]
fn rows_of_softmax_longer_than_scratch_are_cut() {
    let p = program(|b| {
        let x = b.input(f32([1 << 20]));
        vec![b.softmax(x, 0usize).unwrap()]
    });
    assert_eq!(steps(&p), "kkkkk");
}
