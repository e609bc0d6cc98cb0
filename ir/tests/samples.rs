//! Every kind of op keeps its promises on drawn samples: `infer` accepts them, and `eval` gives results of the inferred
//! types.

use tensorwright_ir::op::{Draw, Operand, Sample, Values};
use tensorwright_ir::{DType, DTypeClass, Literal, Op, Scalar, Type};

/// A small congruential generator: the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 ^ (self.0 >> 29)
    }

    fn choices(&mut self, count: usize) -> Vec<u32> {
        (0..count).map(|_| (self.next() >> 32) as u32).collect()
    }

    fn literal(&mut self, operand: &Operand) -> Literal {
        Literal::from_fn(operand.ty.clone(), |_| self.scalar(operand.ty.dtype, operand.values))
    }

    fn scalar(&mut self, dtype: DType, values: Values) -> Scalar {
        let unit = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        match values {
            Values::Any => match self.next() % 4 {
                0 if dtype.is_float() => {
                    Scalar::from_f64(dtype, [f64::NAN, f64::INFINITY, -0.0, 1.0][(unit * 4.0) as usize])
                }
                1 => [Scalar::zero(dtype), Scalar::one(dtype), Scalar::lowest(dtype), Scalar::highest(dtype)]
                    [(unit * 4.0) as usize],
                _ => Scalar::from_bits(dtype, self.next()),
            },
            Values::Moderate => Scalar::from_f64(dtype, unit * 8.0 - 4.0),
            Values::Range(low, high) => Scalar::from_f64(dtype, low + unit * (high - low)),
            Values::Index(bound) => Scalar::from_i128(dtype, (unit * (bound as f64 + 4.0)) as i128 - 2),
        }
    }
}

fn check(name: &str, sample: &Sample<Op>, numbers: &mut Numbers) {
    let types: Vec<&Type> = sample.operands.iter().map(|operand| &operand.ty).collect();
    let context = || format!("{name}: {:?} of {types:?}", sample.op);
    assert_eq!(sample.op.name(), name, "{}", context());
    let inferred = sample.op.infer(&types, &[]).unwrap_or_else(|e| panic!("{}: {e}", context()));
    let elements: usize = inferred.iter().map(Type::elements).sum();
    assert!(elements <= 1 << 17, "{} is too large a sample: {inferred:?}", context());
    let operands: Vec<Literal> = sample.operands.iter().map(|operand| numbers.literal(operand)).collect();
    let results = sample.op.eval(&operands.iter().collect::<Vec<_>>(), &inferred);
    assert!(results.iter().map(Literal::ty).eq(&inferred), "{} gives {inferred:?}", context());
}

#[test]
fn samples_are_accepted_and_evaluated_to_the_inferred_types() {
    let mut numbers = Numbers(1);
    for kind in Op::kinds() {
        for round in 0..200 {
            // The simplest draws first: a sequence that is used up gives zeros.
            let choices = numbers.choices(round.min(40));
            let hint_choices = numbers.choices(if round < 5 { 0 } else { 10 });
            let hint = Draw::new(&hint_choices).ty(DTypeClass::Any, 6);
            let sample = kind.sample(&mut Draw::new(&choices), &hint);
            check(kind.name, &sample, &mut numbers);
        }
    }
}
