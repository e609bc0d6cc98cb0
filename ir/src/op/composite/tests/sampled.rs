//! Properties of every composite, on drawn operands.

use crate::op::sample::{Draw, Operand, Random, Values};
use crate::op::{AttrMap, Lowering, Op};
use crate::{Builder, DType, Literal, Scalar, TensorType, Value};

/// Literals of random elements.
struct Numbers(Random);

impl Numbers {
    fn literal(&mut self, operand: &Operand) -> Literal {
        let ty = operand.ty.tensor();
        let dtype = ty.dtype;
        Literal::from_fn(ty.clone(), |flat| match operand.values {
            Values::Any | Values::Rows(_) if dtype.is_complex() => {
                let [re, im] = [(); 2].map(|()| Scalar::from_bits(dtype.part(), self.0.bits()));
                Scalar::complex(re, im)
            }
            Values::Any | Values::Rows(_) => Scalar::from_bits(dtype, self.0.bits()),
            Values::Moderate => Scalar::from_f64(dtype, self.0.unit() * 8.0 - 4.0),
            Values::Range(low, high) => Scalar::from_f64(dtype, low + self.0.unit() * (high - low)),
            Values::Dominant(_) => {
                let off = (self.0.unit() * 2.0 - 1.0) * Values::SLIGHT;
                Scalar::from_f64(dtype, operand.values.about(&ty.shape, flat) + off)
            }
            Values::Index(bound) => {
                Scalar::from_i128(dtype, i128::from(self.0.bits()) % (bound as i128 + 3) - 1)
            }
        })
    }
}

/// Calls `check` with many samples of every composite.
fn for_each_sample(check: impl Fn(&Op, &[Literal])) {
    let mut numbers = Numbers(Random::new(7));
    for kind in Op::kinds().into_iter().filter(|k| k.lowering == Lowering::Expand) {
        for _ in 0..40 {
            let choices = numbers.0.choices(24);
            let mut draw = Draw::new(&choices);
            let hint = draw.ty(crate::DTypeClass::Any, 4);
            let sample = kind.sample(&mut draw, &hint.into());
            if sample.operands.iter().map(|o| o.ty.tensor().elements()).sum::<usize>() > 4096 {
                continue;
            }
            let operands: Vec<Literal> = sample.operands.iter().map(|o| numbers.literal(o)).collect();
            check(&sample.op, &operands);
        }
    }
}

#[test]
fn samples_are_accepted_and_evaluate_to_the_inferred_types() {
    for_each_sample(|op, operands| {
        let operands: Vec<&Literal> = operands.iter().collect();
        let types: Vec<&TensorType> = operands.iter().map(|l| l.ty()).collect();
        let results = op.infer_tensors(&types).unwrap_or_else(|e| panic!("{op:?} {types:?}: {e}"));
        let values = op.eval(&operands, &results).expect("an ordinary op");
        assert_eq!(values.iter().map(|v| v.ty().clone()).collect::<Vec<_>>(), results.to_vec(), "{op:?}");
    });
}

#[test]
fn attributes_survive_the_textual_form() {
    for_each_sample(|op, _| {
        let mut attrs = AttrMap::default();
        for (name, value) in op.attributes() {
            attrs.insert(name.to_owned(), value).unwrap();
        }
        let parsed = Op::parse(op.name(), &mut attrs).expect("a known op").expect("its own attributes");
        assert_eq!(&parsed, op);
        assert_eq!(attrs.finish(), Ok(()));
    });
}

/// Whatever the operands are, an op says yes or no.
#[test]
fn wrong_operands_give_errors() {
    let mut numbers = Numbers(Random::new(11));
    let mut types: Vec<TensorType> =
        vec![TensorType::new(DType::I32, [usize::MAX >> 8, 2]), TensorType::new(DType::Bool, [0, 3])];
    for _ in 0..20 {
        let choices = numbers.0.choices(8);
        types.push(Draw::new(&choices).ty(crate::DTypeClass::Any, 3));
    }
    for_each_sample(|op, operands| {
        for shift in 0..types.len() {
            let mut b = Builder::new("wrong");
            let wrong: Vec<Value> =
                (0..operands.len()).map(|i| b.input(types[(shift + i) % types.len()].clone())).collect();
            let _ = b.push(op.clone(), &wrong);
            let mixed: Vec<Value> = operands
                .iter()
                .enumerate()
                .map(|(i, l)| {
                    b.input(if i == shift % operands.len() { types[shift].clone() } else { l.ty().clone() })
                })
                .collect();
            let _ = b.push(op.clone(), &mixed);
        }
    });
}
