//! Every kind of op keeps its promises on drawn samples: `infer` accepts them, and `eval` gives results of the inferred
//! types. Spoilt samples are rejected or keep the same promise, but nothing panics.

mod numbers;
mod ports;

use numbers::Numbers;
use tensorwright_ir::eval::{Datum, Evaluator};
use tensorwright_ir::op::{AttrMap, AttrValue, Draw, Lowering, Random, Sample};
use tensorwright_ir::{Builder, DType, DTypeClass, Op, TensorType, Type, Value};

fn is_possible(ty: &Type) -> bool {
    match ty {
        Type::Tensor(ty) | Type::List(ty) => ty.shape.check(),
        Type::Token => true,
    }
}

/// `infer` accepts the sample, and `eval` gives what it says; effects and loops without end may fail.
fn check(name: &str, sample: &Sample<Op>, may_fail: bool, numbers: &mut Numbers) {
    let types: Vec<&Type> = sample.operands.iter().map(|operand| &operand.ty).collect();
    let context = || format!("{name}: {:?} of {types:?}", sample.op);
    assert_eq!(sample.op.name(), name, "{}", context());
    let inferred = sample.op.infer(&types, &sample.regions).unwrap_or_else(|e| panic!("{}: {e}", context()));
    let elements: usize = inferred.iter().map(Type::elements).sum();
    assert!(elements <= 1 << 17, "{} is too large a sample: {inferred:?}", context());
    let operands: Vec<Datum> = sample.operands.iter().map(|operand| numbers.datum(operand)).collect();
    let mut b = Builder::new("f");
    let inputs: Vec<Value> = types.iter().map(|&ty| b.input(ty.clone())).collect();
    let results = b.push_with_regions(sample.op.clone(), &inputs, sample.regions.clone());
    let graph = b.finish(&results.unwrap_or_else(|e| panic!("{}: {e}", context())));
    match Evaluator::new().with_budget(1 << 24).evaluate_data(&graph, operands) {
        Ok(results) => assert!(results.iter().map(Datum::ty).eq(inferred), "{}", context()),
        Err(error) => assert!(may_fail, "{}: {error}", context()),
    }
}

#[test]
fn samples_are_accepted_and_evaluated_to_the_inferred_types() {
    let mut numbers = Numbers(Random::new(1));
    for kind in Op::kinds() {
        for round in 0..80 {
            // The simplest draws first: a sequence that is used up gives zeros.
            let choices = numbers.0.choices(round.min(40));
            let hint_choices = numbers.0.choices(if round < 5 { 0 } else { 10 });
            let hint = Draw::new(&hint_choices).ty(DTypeClass::Any, 6);
            let sample = kind.sample(&mut Draw::new(&choices), &hint.into());
            check(kind.name, &sample, false, &mut numbers);
        }
    }
}

/// An attribute changed in one place: another number, item, or word.
fn spoil(value: &mut AttrValue, numbers: &mut Numbers) {
    const EXTREMES: [i128; 12] = [
        0,
        1,
        -1,
        2,
        5,
        -3,
        40,
        i64::MAX as i128,
        i64::MIN as i128,
        u64::MAX as i128,
        1 << 31,
        isize::MAX as i128 / 8,
    ];
    match value {
        AttrValue::Int(n) if numbers.0.below(2) == 0 => *n += numbers.0.below(5) as i128 - 2,
        AttrValue::Int(n) => *n = EXTREMES[numbers.0.below(EXTREMES.len())],
        AttrValue::Word(word) => {
            const WORDS: [&str; 9] = ["true", "false", "sum", "max", "any", "bool", "i8", "f64", "none"];
            *word = WORDS[numbers.0.below(WORDS.len())].to_owned();
        }
        AttrValue::List(items) => match numbers.0.below(4) {
            0 => drop(items.pop()),
            1 => items.push(AttrValue::Int(EXTREMES[numbers.0.below(EXTREMES.len())])),
            _ if items.is_empty() => {}
            _ => {
                let at = numbers.0.below(items.len());
                spoil(&mut items[at], numbers);
            }
        },
        AttrValue::Scalar(_) | AttrValue::Text(_) | AttrValue::Type(_) | AttrValue::Literal(_) => {}
    }
}

/// The op with one attribute changed, if that can still be parsed.
fn spoilt_op(op: &Op, numbers: &mut Numbers) -> Option<Op> {
    let mut attributes = op.attributes();
    if !attributes.is_empty() {
        let at = numbers.0.below(attributes.len());
        spoil(&mut attributes[at].1, numbers);
    }
    let mut map = AttrMap::default();
    for (name, value) in attributes {
        map.insert(name.to_owned(), value).expect("names are distinct");
    }
    Op::parse(op.name(), &mut map).expect("the name is known").ok()
}

/// The type with one axis or the dtype changed; of a list a tensor like its rows.
fn spoil_type(spoilt: &mut Type, numbers: &mut Numbers) {
    let (Type::Tensor(ty) | Type::List(ty)) = spoilt else {
        *spoilt = TensorType::new(DType::Bool, [0]).into();
        return;
    };
    let mut sizes = ty.shape.sizes();
    match numbers.0.below(4) {
        0 => ty.dtype = DType::REAL[numbers.0.below(DType::REAL.len())],
        1 => drop(sizes.pop()),
        2 => sizes.push(numbers.0.below(4)),
        _ if sizes.is_empty() => {}
        _ => {
            let at = numbers.0.below(sizes.len());
            sizes[at] = [0, 1, 2, 3, 1 << 20][numbers.0.below(5)];
        }
    }
    let shape = sizes.into_iter().collect();
    *spoilt = TensorType { dtype: ty.dtype, shape }.into();
}

#[test]
fn spoilt_samples_are_rejected_or_evaluated() {
    let mut numbers = Numbers(Random::new(2));
    for kind in Op::kinds() {
        for _ in 0..100 {
            let choices = numbers.0.choices(40);
            let hint = Draw::new(&numbers.0.choices(10)).ty(DTypeClass::Any, 4);
            let mut sample = kind.sample(&mut Draw::new(&choices), &hint.into());
            if numbers.0.below(3) == 0 && !sample.operands.is_empty() {
                let at = numbers.0.below(sample.operands.len());
                spoil_type(&mut sample.operands[at].ty, &mut numbers);
            } else if let Some(op) = spoilt_op(&sample.op, &mut numbers) {
                sample.op = op;
            }
            let types: Vec<&Type> = sample.operands.iter().map(|operand| &operand.ty).collect();
            let Ok(inferred) = sample.op.infer(&types, &sample.regions) else { continue };
            assert!(inferred.iter().all(is_possible), "{:?} gives {inferred:?}", sample.op);
            // A composite may have large values inside that its type does not show.
            let small = types.iter().copied().chain(&inferred).all(|ty| ty.elements() <= 4096);
            if small && kind.lowering != Lowering::Expand {
                let may_fail = matches!(
                    kind.lowering,
                    Lowering::Region | Lowering::Effect | Lowering::List | Lowering::Host
                );
                check(kind.name, &sample, may_fail, &mut numbers);
            }
        }
    }
}
