//! Every op of the registry, on operands drawn from where it is smooth.

use tensorwright_compiler::complex::real_literal;
use tensorwright_ir::op::{Draw, Lowering, OpKind, Operand, Sample};
use tensorwright_ir::{Builder, DType, Literal, Op, TensorType, Value};
use tensorwright_testkit::literals::{Random, smooth_literal};

use super::numeric::{Case, Rigour, is_double};

/// Samples of each kind that are checked, and how many are drawn to find them.
const CHECKED: usize = 6;
const DRAWN: usize = 240;

/// Elements of all operands and results of a sample.
const MOST_ELEMENTS: usize = 60;

fn is_suitable(sample: &Sample<Op>) -> bool {
    let operands: Vec<TensorType> = sample.operands.iter().map(|o| o.ty.tensor().clone()).collect();
    let results =
        sample.op.infer_tensors(&operands.iter().collect::<Vec<_>>()).expect("a sample is accepted");
    let types: Vec<TensorType> = operands.iter().chain(&results).cloned().collect();
    let elements: usize = types.iter().map(TensorType::elements).sum();
    let double = |ty: &TensorType| matches!(ty.dtype, DType::F64 | DType::C128);
    operands.iter().any(double)
        && results.iter().any(double)
        && is_double(&types)
        && elements <= MOST_ELEMENTS
}

fn draw(kind: &OpKind, random: &mut Random, dtype: DType) -> Sample<Op> {
    let choices: Vec<u32> = (0..40).map(|_| random.bits() as u32).collect();
    let rank = random.below(4);
    let shape: Vec<usize> =
        (0..rank).map(|_| [2, 1, 3, 4, 0][random.below(if rank > 2 { 3 } else { 5 })]).collect();
    kind.sample(&mut Draw::new(&choices), &TensorType::new(dtype, shape).into())
}

fn is_complex(ty: &TensorType) -> bool {
    ty.dtype.is_complex()
}

/// An operand as differences are taken of it: of a complex one pairs of real numbers.
fn in_pairs(operand: &Operand) -> Operand {
    let ty = operand.ty.tensor();
    let pairs = |ty: &TensorType| ty.shape.dims().iter().copied().chain([2.into()]).collect();
    match is_complex(ty) {
        true => {
            Operand { ty: TensorType { dtype: ty.dtype.part(), shape: pairs(ty) }.into(), ..operand.clone() }
        }
        false => operand.clone(),
    }
}

fn check(sample: &Sample<Op>, random: &mut Random) {
    let mut b = Builder::new("sample");
    let operands: Vec<Operand> = sample.operands.iter().map(in_pairs).collect();
    let inputs: Vec<Value> = operands.iter().map(|o| b.input(o.ty.clone())).collect();
    let given =
        inputs.iter().zip(&sample.operands).map(|(&x, operand)| match is_complex(operand.ty.tensor()) {
            true => b.as_complex(x).expect("pairs"),
            false => x,
        });
    let given: Vec<Value> = given.collect();
    let mut results = b.push(sample.op.clone(), &given).expect("a sample is accepted");
    for result in &mut results {
        if is_complex(b.tensor(*result)) {
            *result = b.as_real(*result).expect("a complex value");
        }
    }
    let graph = b.finish(&results);
    let draw = |o: &Operand| real_literal(&smooth_literal(random, o, sample.smooth));
    let values: Vec<Literal> = sample.operands.iter().map(draw).collect();
    let wrt: Vec<usize> = (0..values.len()).filter(|&i| values[i].ty().dtype.is_float()).collect();
    let name = || format!("{graph}of {values:?}");
    Case { graph: &graph, inputs: &values, wrt: &wrt, name: &name }.check(random, 2, Rigour::Strict);
}

/// Bits are not numbers: that those of an f64 happen to be read as an f64 again gives a bit cast no derivative. And what
/// `stop_gradient` is for is to have none. Those of roundings to steps and to fewer bits are that of the identity, and that of a draw
/// is of the quantile that it is, on purpose.
pub(super) const EXCEPTIONS: &[&str] =
    &["bitcast", "stop_gradient", "fake_quantize", "reduce_precision", "log_gamma_draw"];

#[test]
fn derivatives_of_every_op_agree_with_differences() {
    check_every_kind(DType::F64);
}

/// By real and by imaginary part.
#[test]
fn derivatives_of_complex_numbers_agree_with_differences() {
    check_every_kind(DType::C128);
}

fn check_every_kind(dtype: DType) {
    // Control flow differentiates its regions, and effects have no results to differentiate.
    let plain = |kind: &OpKind| {
        use Lowering::{Effect, Host, List, Region, Token};
        !matches!(kind.lowering, Region | Effect | List | Token | Host)
    };
    let kinds = Op::kinds().into_iter().filter(|kind| plain(kind) && !EXCEPTIONS.contains(&kind.name));
    let failed: Vec<&str> = kinds
        .filter(|kind| std::panic::catch_unwind(|| check_kind(kind, dtype)).is_err())
        .map(|kind| kind.name)
        .collect();
    assert!(failed.is_empty(), "derivatives of {failed:?} in {dtype}");
}

fn check_kind(kind: &OpKind, dtype: DType) {
    let mut random = Random::new(1);
    let mut checked = 0;
    for _ in 0..DRAWN {
        let sample = draw(kind, &mut random, dtype);
        if is_suitable(&sample) {
            check(&sample, &mut random);
            checked += 1;
        }
        if checked == CHECKED {
            return;
        }
    }
    assert!(
        checked > 0 || !takes_and_gives_doubles(kind, &mut random, dtype),
        "no sample of {} was checked",
        kind.name
    );
}

/// Whether an op of this kind can have an f64 operand and an f64 result.
fn takes_and_gives_doubles(kind: &OpKind, random: &mut Random, dtype: DType) -> bool {
    let double = |ty: &TensorType| ty.dtype == dtype;
    (0..DRAWN).any(|_| {
        let sample = draw(kind, random, dtype);
        let types: Vec<&TensorType> = sample.operands.iter().map(|o| o.ty.tensor()).collect();
        let results = sample.op.infer_tensors(&types).expect("a sample is accepted");
        types.iter().any(|ty| double(ty)) && results.iter().any(double)
    })
}
