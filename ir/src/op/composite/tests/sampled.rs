//! Properties of every composite, on drawn operands.

use crate::op::sample::{Draw, Operand, Values};
use crate::op::{AttrMap, Lowering, Op};
use crate::{Builder, DType, Literal, Scalar, Type, Value};

/// A generator of 32-bit numbers (the low half of SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as u32
    }

    fn unit(&mut self) -> f64 {
        f64::from(self.next()) / f64::from(u32::MAX)
    }

    fn literal(&mut self, operand: &Operand) -> Literal {
        let dtype = operand.ty.dtype;
        Literal::from_fn(operand.ty.clone(), |_| match operand.values {
            Values::Any | Values::Rows(_) => {
                Scalar::from_bits(dtype, u64::from(self.next()) << 32 | u64::from(self.next()))
            }
            Values::Moderate => Scalar::from_f64(dtype, self.unit() * 8.0 - 4.0),
            Values::Range(low, high) => Scalar::from_f64(dtype, low + self.unit() * (high - low)),
            Values::Index(bound) => {
                Scalar::from_i128(dtype, i128::from(self.next()) % (bound as i128 + 3) - 1)
            }
        })
    }
}

/// Calls `check` with many samples of every composite.
fn for_each_sample(check: impl Fn(&Op, &[Literal])) {
    let mut numbers = Numbers(7);
    for kind in Op::kinds().into_iter().filter(|k| k.lowering == Lowering::Expand) {
        for _ in 0..40 {
            let choices: Vec<u32> = (0..24).map(|_| numbers.next()).collect();
            let mut draw = Draw::new(&choices);
            let hint = draw.ty(crate::DTypeClass::Any, 4);
            let sample = kind.sample(&mut draw, &hint);
            if sample.operands.iter().map(|o| o.ty.elements()).sum::<usize>() > 4096 {
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
        let types: Vec<&Type> = operands.iter().map(|l| l.ty()).collect();
        let results = op.infer(&types, &[]).unwrap_or_else(|e| panic!("{op:?} {types:?}: {e}"));
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
    let mut numbers = Numbers(11);
    let mut types: Vec<Type> =
        vec![Type::new(DType::I32, [usize::MAX >> 8, 2]), Type::new(DType::Bool, [0, 3])];
    for _ in 0..20 {
        let choices: Vec<u32> = (0..8).map(|_| numbers.next()).collect();
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
