//! Derivatives of batched ops: those of the op, at each example.

use tensorwright_compiler::batch::batch;
use tensorwright_compiler::differentiate::{Derived, jvp, vjp};
use tensorwright_ir::eval::evaluate;
use tensorwright_ir::op::composite::{Dims, LossReduction, Norm, NormOrder, SigmoidCrossEntropy};
use tensorwright_ir::op::{Batching, Derivative, Draw, OpKind, Operand, Sample, Tolerance};
use tensorwright_ir::{BuildError, Builder, DType, Graph, Literal, Op, Scalar, TensorType, Value};
use tensorwright_testkit::graphs::GraphOptions;
use tensorwright_testkit::literals::{Random, smooth_literal};
use tensorwright_testkit::tolerance::first_difference;

use super::{check, slice, wide};

const EXAMPLES: usize = 3;

/// Samples of each kind.
const SAMPLES: u64 = 3;

/// Numbers at which functions have kinks, poles and ties.
const KINKS: [f64; 8] = [0.0, 1.0, -1.0, -0.0, 6.0, 3.0, -3.0, 0.5];

/// Where operands are drawn from.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// Where the op is smooth.
    Smooth,
    /// At kinks; one example is 0 everywhere.
    Kinks,
}

fn draw(kind: &OpKind, random: &mut Random, dtype: DType) -> Sample<Op> {
    let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
    let rank = random.below(3);
    let shape: Vec<usize> = (0..rank).map(|_| [2, 1, 3][random.below(3)]).collect();
    kind.sample(&mut Draw::new(&choices), &TensorType::new(dtype, shape).into())
}

/// The graph of one op.
fn graph_of(sample: &Sample<Op>) -> Graph {
    let mut b = Builder::new("sample");
    let inputs: Vec<_> = sample.operands.iter().map(|operand| b.input(operand.ty.clone())).collect();
    let results = b.push(sample.op.clone(), &inputs).expect("a sample is accepted");
    b.finish(&results)
}

/// Values of an operand, or of one for many examples.
fn values(random: &mut Random, sample: &Sample<Op>, operand: usize, own: bool, place: Place) -> Literal {
    let Operand { ty, values } = &sample.operands[operand];
    let ty = ty.tensor();
    let ty = if own { wide(ty, EXAMPLES) } else { ty.clone() };
    if let (Place::Kinks, true) = (place, ty.dtype.is_float()) {
        let zeros = if own { ty.elements() / EXAMPLES } else { 0 };
        return Literal::from_fn(ty.clone(), |i| {
            let number = if i < zeros { 0.0 } else { KINKS[random.below(KINKS.len())] };
            Scalar::from_f64(ty.dtype, number)
        });
    }
    smooth_literal(random, &Operand::new(ty, *values), sample.smooth)
}

fn floats(types: &[TensorType]) -> Vec<usize> {
    (0..types.len()).filter(|&i| types[i].dtype.is_float()).collect()
}

fn zeros(ty: &TensorType) -> Literal {
    Literal::from_fn(ty.clone(), |_| Scalar::zero(ty.dtype))
}

/// The derivatives at these inputs; those that are zero by structure as zeros of these types.
fn derivatives(derived: &Derived, inputs: &[Literal], types: &[TensorType]) -> Vec<Literal> {
    let outputs = evaluate(&derived.graph, inputs).expect("inputs fit");
    let found = derived.derivatives.iter().zip(types);
    found.map(|(d, ty)| d.map_or_else(|| zeros(ty), |i| outputs[i].clone())).collect()
}

fn input_types(graph: &Graph) -> Vec<TensorType> {
    graph.inputs().iter().map(|&v| graph.tensor(v).clone()).collect()
}

fn output_types(graph: &Graph) -> Vec<TensorType> {
    graph.outputs().iter().map(|&v| graph.tensor(v).clone()).collect()
}

fn sum(parts: &[Literal]) -> Literal {
    let ty = parts[0].ty().clone();
    let total = |i: usize| parts.iter().map(|part| part.get(i).to_f64()).sum();
    Literal::from_fn(ty.clone(), |i| Scalar::from_f64(ty.dtype, total(i)))
}

/// An op of which some operands are batched, at a point.
struct Case<'a> {
    graph: &'a Graph,
    mask: &'a [bool],
    inputs: &'a [Literal],
}

impl Case<'_> {
    /// The inputs of one example.
    fn example(&self, index: usize) -> Vec<Literal> {
        let inputs = self.inputs.iter().zip(self.mask);
        inputs.map(|(x, &own)| if own { slice(x, index) } else { x.clone() }).collect()
    }

    /// The batched graph; `None` if the examples share results, which then do not depend on what differs.
    fn batched(&self) -> Option<Graph> {
        let batched =
            batch(self.graph, EXAMPLES, self.mask).unwrap_or_else(|e| panic!("{e}\n{}", self.graph));
        batched.per_example.iter().all(|own| *own).then_some(batched.graph)
    }

    fn same(&self, mode: &str, expected: &Literal, found: &Literal) {
        let operands: Vec<&Literal> = self.inputs.iter().collect();
        if let Some(difference) = first_difference(expected, found, Tolerance::Epsilons(512), &operands) {
            panic!("{mode}, {difference}\n{}of {:?}\nexamples {:?}", self.graph, self.inputs, self.mask);
        }
    }

    /// Cotangents of the batched graph against those of each example, added up where the examples share an operand.
    fn reverse(&self, batched: &Graph, random: &mut Random) {
        let types = input_types(self.graph);
        let wrt = floats(&types);
        let one = vjp(self.graph, &wrt).expect("has a derivative");
        let many = vjp(batched, &wrt).expect("has a derivative");
        let outputs = output_types(self.graph);
        let cotangents: Vec<Literal> =
            floats(&outputs).iter().map(|&i| tangent(random, &wide(&outputs[i], EXAMPLES))).collect();
        let inputs: Vec<Literal> = self.inputs.iter().chain(&cotangents).cloned().collect();
        let mask: Vec<bool> = self.mask.iter().copied().chain(cotangents.iter().map(|_| true)).collect();
        check(&one.graph, EXAMPLES, &mask, &inputs);
        let wanted: Vec<TensorType> = wrt.iter().map(|&i| types[i].clone()).collect();
        let given: Vec<TensorType> = wrt.iter().map(|&i| self.inputs[i].ty().clone()).collect();
        let found = derivatives(&many, &inputs, &given);
        let each: Vec<Vec<Literal>> = (0..EXAMPLES)
            .map(|k| {
                let own = self.example(k).into_iter().chain(cotangents.iter().map(|c| slice(c, k)));
                derivatives(&one, &own.collect::<Vec<_>>(), &wanted)
            })
            .collect();
        for (place, &operand) in wrt.iter().enumerate() {
            let parts: Vec<Literal> = each.iter().map(|all| all[place].clone()).collect();
            match self.mask[operand] {
                true => parts.iter().enumerate().for_each(|(k, part)| {
                    self.same("reverse mode", part, &slice(&found[place], k));
                }),
                false => self.same("reverse mode, shared", &sum(&parts), &found[place]),
            }
        }
    }

    /// Tangents of the batched graph against those of each example.
    fn forward(&self, batched: &Graph, random: &mut Random) {
        let wrt = floats(&input_types(self.graph));
        let one = jvp(self.graph, &wrt).expect("has a derivative");
        let many = jvp(batched, &wrt).expect("has a derivative");
        let tangents: Vec<Literal> = wrt.iter().map(|&i| tangent(random, self.inputs[i].ty())).collect();
        let inputs: Vec<Literal> = self.inputs.iter().chain(&tangents).cloned().collect();
        let outputs = output_types(self.graph);
        let given: Vec<TensorType> = outputs.iter().map(|ty| wide(ty, EXAMPLES)).collect();
        let found = derivatives(&many, &inputs, &given);
        for k in 0..EXAMPLES {
            let own = tangents.iter().zip(&wrt);
            let own = own.map(|(t, &i)| if self.mask[i] { slice(t, k) } else { t.clone() });
            let inputs: Vec<Literal> = self.example(k).into_iter().chain(own).collect();
            for (expected, found) in derivatives(&one, &inputs, &outputs).iter().zip(&found) {
                if expected.ty().dtype.is_float() {
                    self.same("forward mode", expected, &slice(found, k));
                }
            }
        }
    }
}

fn tangent(random: &mut Random, ty: &TensorType) -> Literal {
    Literal::from_fn(ty.clone(), |_| Scalar::from_f64(ty.dtype, random.unit() * 2.0 - 1.0))
}

/// Every choice of batched operands; those from the third on go together.
fn masks(operands: usize) -> impl Iterator<Item = Vec<bool>> {
    (1..1usize << operands.min(3))
        .map(move |choice| (0..operands).map(|i| choice >> i.min(2) & 1 == 1).collect())
}

fn check_sample(sample: &Sample<Op>, random: &mut Random) -> bool {
    let graph = graph_of(sample);
    let small = graph.values().map(|v| graph.ty(v).elements()).sum::<usize>() <= 256;
    if !small || floats(&input_types(&graph)).is_empty() || floats(&output_types(&graph)).is_empty() {
        return false;
    }
    for mask in masks(sample.operands.len()) {
        for place in [Place::Smooth, Place::Kinks] {
            let inputs = mask.iter().enumerate().map(|(i, &own)| values(random, sample, i, own, place));
            let inputs: Vec<Literal> = inputs.collect();
            let case = Case { graph: &graph, mask: &mask, inputs: &inputs };
            if let Some(batched) = case.batched() {
                case.reverse(&batched, random);
                case.forward(&batched, random);
            }
        }
    }
    true
}

#[test]
fn every_op_has_the_derivatives_of_its_examples() {
    let kinds = GraphOptions::default().kinds;
    let failed: Vec<&str> = kinds
        .iter()
        .filter(|kind| {
            let check = || {
                let mut random = Random::new(17);
                for sample in 0..SAMPLES {
                    let dtype = if sample == 0 { DType::F32 } else { DType::F64 };
                    check_sample(&draw(kind, &mut random, dtype), &mut random);
                }
            };
            std::panic::catch_unwind(check).is_err()
        })
        .map(|kind| kind.name)
        .collect();
    assert!(failed.is_empty(), "derivatives of {failed:?}");
}

/// What a definition's derivative would lose, batching it as its definition would lose too.
#[test]
fn only_ops_that_are_differentiated_as_their_definition_are_batched_as_it() {
    let mut random = Random::new(3);
    for kind in &GraphOptions::default().kinds {
        for _ in 0..20 {
            let op = draw(kind, &mut random, DType::F64).op;
            let expands = matches!(op.batching(EXAMPLES), Batching::Expansion);
            let own = !matches!(op.derivative(), Derivative::Expansion);
            assert!(!(expands && own), "{} would lose its derivative", kind.name);
        }
    }
}

/// Gradients of the sum of all results, for examples along axis 0.
fn gradients(x: &Literal, build: impl FnOnce(&mut Builder, Value) -> Result<Value, BuildError>) -> Vec<f64> {
    let mut b = Builder::new("f");
    let one = x.ty().with_shape(x.ty().shape.without(&[0]));
    let input = b.input(one);
    let y = build(&mut b, input).expect("operands are accepted");
    let many = batch(&b.finish(&[y]), x.ty().shape.size(0), &[true]).expect("is batched").graph;
    let derived = vjp(&many, &[0]).expect("has a derivative");
    let ty = output_types(&many)[0].clone();
    let ones = Literal::from_fn(ty.clone(), |_| Scalar::one(ty.dtype));
    let outputs = evaluate(&derived.graph, &[x.clone(), ones]).expect("inputs fit");
    outputs[derived.derivatives[0].expect("is connected")].iter().map(Scalar::to_f64).collect()
}

#[test]
fn rows_of_zeros_have_derivatives() {
    let x = Literal::new([2, 2], &[0.0, 0.0, 3.0, 4.0]).expect("four");
    let norm = Norm { order: NormOrder::L2, axes: [0].into_iter().collect(), dims: Dims::Drop };
    assert_eq!(gradients(&x, |b, x| b.push_one(norm, &[x])), [0.0, 0.0, 0.6, 0.8]);
    let equal = Literal::new([2, 2], &[1.0, 1.0, 0.0, 2.0]).expect("four");
    assert_eq!(gradients(&equal, |b, x| b.std(x, [0], 0usize, Dims::Drop)), [0.0, 0.0, -0.5, 0.5]);
}

/// The loss of each example is still that op, so far out the derivative by a logit keeps its digits.
#[test]
fn the_batched_cross_entropy_is_still_one() {
    for reduction in LossReduction::ALL {
        let mut b = Builder::new("f");
        let (x, z) = (b.input(TensorType::new(DType::F64, [2])), b.input(TensorType::new(DType::F64, [2])));
        let y = b.push_one(SigmoidCrossEntropy { reduction: *reduction }, &[x, z]).expect("floats");
        let graph = b.finish(&[y]);
        for mask in [[true, false], [false, true], [true, true]] {
            let batched = batch(&graph, 2, &mask).expect("is batched").graph.to_string();
            assert!(batched.contains("sigmoid_cross_entropy("), "{batched}");
        }
    }
}
