//! Random graphs of all ops.

use tensorwright_compiler::batch::{BatchError, batch};
use tensorwright_ir::op::{Draw, OpKind, Operand};
use tensorwright_ir::{Builder, DType, Literal, Op, TensorType, Type};
use tensorwright_testkit::graphs::{GraphOptions, random_graph};
use tensorwright_testkit::literals::{Random, random_literal};

use super::{check, wide};

const GRAPHS: usize = 300;

/// For each example the values of the input, turned by its number.
fn examples(x: &Literal, size: usize) -> Literal {
    let numbers = x.ty().elements().max(1);
    Literal::from_fn(wide(x.ty(), size), |i| x.get((i + i / numbers) % numbers))
}

fn options() -> GraphOptions {
    GraphOptions { max_ops: 8, max_elements: 64, ..GraphOptions::default() }
}

#[test]
fn random_graphs_agree_with_their_examples() {
    let mut random = Random::new(3);
    for number in 0..GRAPHS {
        let choices: Vec<u32> = (0..20 + number / 2).map(|_| random.bits() as u32).collect();
        let drawn = random_graph(&mut Draw::new(&choices), &options());
        let size = [3, 1, 2][number % 3];
        let mask: Vec<bool> = drawn.inputs.iter().map(|_| random.below(3) > 0).collect();
        let inputs = drawn.inputs.iter().zip(&mask);
        let inputs: Vec<Literal> =
            inputs.map(|(x, &own)| if own { examples(x, size) } else { x.clone() }).collect();
        check(&drawn.graph, size, &mask, &inputs);
    }
}

/// Control flow that has no effects.
const CONTROL: [&str; 8] = ["if", "case", "call", "map", "scan", "while", "checkpoint", "custom_gradient"];

#[test]
fn random_control_flow_agrees_with_its_examples() {
    let mut options = options();
    let control: Vec<OpKind> = Op::kinds().into_iter().filter(|kind| CONTROL.contains(&kind.name)).collect();
    let copies = options.kinds.len() / control.len();
    options.kinds.extend(std::iter::repeat_n(control, copies).flatten());
    let (mut random, mut checked) = (Random::new(5), 0);
    for number in 0..GRAPHS {
        let choices: Vec<u32> = (0..20 + number / 2).map(|_| random.bits() as u32).collect();
        let drawn = random_graph(&mut Draw::new(&choices), &options);
        let mask: Vec<bool> = drawn.inputs.iter().map(|_| random.below(3) > 0).collect();
        let inputs = drawn.inputs.iter().zip(&mask);
        let inputs: Vec<Literal> =
            inputs.map(|(x, &own)| if own { examples(x, 2) } else { x.clone() }).collect();
        match batch(&drawn.graph, 2, &mask) {
            Ok(_) => check(&drawn.graph, 2, &mask, &inputs),
            Err(BatchError::List { .. }) => continue,
            Err(error) => panic!("{error}\n{}", drawn.graph),
        }
        checked += 1;
    }
    assert!(checked > GRAPHS / 2, "only {checked} graphs were checked");
}

/// Each op alone, with every choice of operands that differ, so that no rule is left out.
#[test]
fn every_op_has_a_rule() {
    for kind in &GraphOptions::complex().kinds {
        for seed in 0..12 {
            check_kind(kind, seed);
        }
    }
}

fn check_kind(kind: &OpKind, seed: u64) {
    let mut random = Random::new(seed);
    let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
    let rank = random.below(4);
    let shape: Vec<usize> = (0..rank).map(|_| [2, 1, 3][random.below(3)]).collect();
    let sample = kind.sample(&mut Draw::new(&choices), &TensorType::new(DType::F32, shape).into());
    let types: Vec<Type> = sample.operands.iter().map(|operand| operand.ty.clone()).collect();
    let op: Op = sample.op;
    let mut b = Builder::new("sample");
    let inputs: Vec<_> = types.iter().map(|ty| b.input(ty.clone())).collect();
    let results = b.push(op, &inputs).expect("a sample is accepted");
    let graph = b.finish(&results);
    if graph.values().map(|v| graph.tensor(v).elements()).sum::<usize>() > 2048 {
        return;
    }
    for choice in 1..1 << types.len().min(3) {
        let mask: Vec<bool> = (0..types.len()).map(|i| choice >> i.min(2) & 1 == 1).collect();
        let values = sample.operands.iter().zip(&mask).map(|(operand, &own)| {
            let ty = operand.ty.tensor();
            let ty = if own { wide(ty, 2) } else { ty.clone() };
            let choices: Vec<u32> = (0..ty.elements() + 4).map(|_| random.bits() as u32).collect();
            random_literal(&mut Draw::new(&choices), &Operand::new(ty, operand.values))
        });
        let values: Vec<Literal> = values.collect();
        check(&graph, 2, &mask, &values);
        let batched = batch(&graph, 2, &mask).expect("it was batched before").graph.to_string();
        // Random bits of each example's own are drawn one example after the other, those of weights that are dropped too.
        let draws = batched.contains("rng_bits(") || batched.contains("rate = 0.25");
        let has_rule = !batched.contains(" map(") || draws;
        assert!(has_rule, "{} goes example by example", kind.name);
    }
}
