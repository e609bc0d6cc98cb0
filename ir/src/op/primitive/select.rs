//! Element-wise choice.

use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Lowering, OpDef, Sample, TypeError, Types, rule};
use crate::{DType, DTypeClass, Literal, Type, attributes};

attributes! {
    /// Element-wise `if predicate { on_true } else { on_false }`: `bool[s], T[s], T[s] -> T[s]`.
    pub struct Select {}
}

impl OpDef for Select {
    const NAME: &'static str = "select";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        rule::require_class(operands, 0, DTypeClass::Bool)?;
        let dtype = rule::same_dtype(operands, 1, 2)?;
        rule::same_shape(operands, 0, 1)?;
        rule::one(dtype, rule::same_shape(operands, 1, 2)?.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let choose = |i| operands[if operands[0].get(i).is_truthy() { 1 } else { 2 }].get(i);
        vec![Literal::from_fn(results[0].clone(), choose)]
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<Select> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let predicate = Operand::any(ty.with_dtype(DType::Bool));
        Sample::exact(Select {}, [predicate, Operand::any(ty.clone()), Operand::any(ty)])
    }
}
