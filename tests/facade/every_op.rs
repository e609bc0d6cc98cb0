//! The gradient of every op in all forms: compiled, here and now, and with a tape.

use std::sync::Arc;

use tensorwright::prelude::*;
use tensorwright_ir::op::{Draw, Lowering, OpKind, Sample};
use tensorwright_ir::{Op, TensorType};
use tensorwright_testkit::literals::{Random, smooth_literal};

/// Samples drawn to find one with a gradient, of each kind.
const DRAWN: usize = 30;

/// An op on values, of which some are differentiated by.
struct Case {
    op: Op,
    operands: Vec<Tensor>,
    /// The operands that are floats.
    wrt: Vec<usize>,
}

impl Case {
    fn draw(kind: &OpKind, random: &mut Random) -> Case {
        let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
        let shape: Vec<usize> = (0..random.below(3)).map(|_| 2 + random.below(3)).collect();
        let sample: Sample<Op> =
            kind.sample(&mut Draw::new(&choices), &TensorType::new(DType::F64, shape).into());
        let operand = |o| {
            let literal = smooth_literal(random, o, sample.smooth);
            Tensor::from_bytes(literal.bytes(), literal.ty().clone())
        };
        let operands = sample.operands.iter().map(operand).collect();
        let is_float = |i: &usize| sample.operands[*i].ty.is_differentiable();
        let wrt = (0..sample.operands.len()).filter(is_float).collect();
        Case { op: sample.op, operands, wrt }
    }

    /// The sum of the float results, each element with a weight of its own.
    fn value(&self, floats: Vec<Tensor>) -> tensorwright::Result<Tensor> {
        let mut operands = self.operands.clone();
        self.wrt.iter().zip(floats).for_each(|(&i, x)| operands[i] = x);
        let mut sum = Tensor::from(0.0f64);
        for result in Tensor::apply(self.op.clone(), &operands.iter().collect::<Vec<_>>())? {
            let ty = result.ty()?.clone();
            if ty.dtype.is_differentiable() {
                let weights = Tensor::linspace(0.5f64, 1.5, ty.elements()).reshape(ty.shape);
                sum += (result.cast(DType::F64) * weights).sum(..);
            }
        }
        Ok(sum)
    }

    fn floats(&self) -> Vec<Tensor> {
        self.wrt.iter().map(|&i| self.operands[i].clone()).collect()
    }
}

fn numbers(gradients: &[Tensor]) -> Vec<Vec<f64>> {
    gradients.iter().map(|g| g.cast(DType::F64).to_vec().unwrap()).collect()
}

fn assert_close(op: &Op, form: &str, expected: &[Vec<f64>], found: &[Vec<f64>]) {
    let scale = expected.iter().flatten().filter(|x| x.is_finite()).fold(1.0, |m: f64, x| m.max(x.abs()));
    for (e, f) in expected.iter().flatten().zip(found.iter().flatten()) {
        let same = e == f || (e.is_nan() && f.is_nan()) || (e - f).abs() <= 1e-9 * scale;
        assert!(same, "{}: {form} gives {f}, compiled {e}", op.name());
    }
}

/// Whether the kind has a gradient that could be compared.
fn check(kind: &OpKind) -> bool {
    let mut random = Random::new(11);
    for _ in 0..DRAWN {
        let case = Arc::new(Case::draw(kind, &mut random));
        let small = case.operands.iter().all(|x| x.ty().unwrap().elements() <= 500);
        if case.wrt.is_empty() || !small {
            continue;
        }
        let traced = case.clone();
        let compiled = grad(move |floats: Vec<Tensor>| traced.value(floats)).call(case.floats());
        let Ok(compiled) = compiled.map(|g| numbers(&g)) else { continue };

        let (_, pull_back) = vjp(|floats: Vec<Tensor>| case.value(floats), case.floats()).unwrap();
        let now = pull_back.call(&Tensor::from(1.0f64)).unwrap();
        assert_close(&case.op, "here and now", &compiled, &numbers(&now));

        let (tape, floats) = (GradientTape::new(), case.floats());
        floats.iter().for_each(|x| tape.watch(x));
        let value = case.value(floats.clone()).unwrap();
        let taped = tape.gradient_or_zero(&value, &floats.iter().collect::<Vec<_>>()).unwrap();
        assert_close(&case.op, "a tape", &compiled, &numbers(&taped));
        return true;
    }
    false
}

#[test]
fn gradients_of_every_op_agree_in_all_forms() {
    let plain = |kind: &OpKind| {
        !matches!(kind.lowering, Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Host)
    };
    let kinds: Vec<OpKind> = Op::kinds().into_iter().filter(plain).collect();
    let checked = kinds.iter().filter(|kind| check(kind)).count();
    // The others work on integers, bools and bits, or are flat everywhere.
    assert!(checked > kinds.len() / 2, "only {checked} of {} kinds were compared", kinds.len());
}

/// The tensor of shape `[2, 3]` as a row, which broadcasts to it.
fn row(x: &Tensor) -> Tensor {
    x.i(1i64)
}

#[test]
fn operands_of_every_element_wise_op_broadcast() {
    let mut random = Random::new(5);
    let mut checked = Vec::new();
    for kind in Op::kinds() {
        let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
        let sample = kind.sample(&mut Draw::new(&choices), &TensorType::new(DType::F64, [2, 3]).into());
        if !sample.op.is_elementwise() || sample.operands.len() < 2 {
            continue;
        }
        let operand = |o| {
            let literal = smooth_literal(&mut random, o, sample.smooth);
            Tensor::from_bytes(literal.bytes(), literal.ty().clone())
        };
        let mut operands: Vec<Tensor> = sample.operands.iter().map(operand).collect();
        let last = operands.len() - 1;
        operands[last] = row(&operands[last]);
        let found = Tensor::apply(sample.op.clone(), &operands.iter().collect::<Vec<_>>());
        let found = found.unwrap_or_else(|e| panic!("{}: {e}", kind.name));
        operands[last] = operands[last].broadcast_to([2, 3]);
        let expected = Tensor::apply(sample.op, &operands.iter().collect::<Vec<_>>()).unwrap();
        assert_eq!(numbers(&found), numbers(&expected), "{}", kind.name);
        checked.push(kind.name);
    }
    assert!(checked.contains(&"log_add_exp") && checked.contains(&"fma"), "{checked:?}");
}
