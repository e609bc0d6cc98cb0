//! Element-wise choice.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{DType, DTypeClass, Literal, TensorType, Value, attributes};

attributes! {
    /// Element-wise `if predicate { on_true } else { on_false }`: `bool[s], T[s], T[s] -> T[s]`.
    pub struct Select {}
}

impl OpDef for Select {
    const NAME: &'static str = "select";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, DTypeClass::Bool)?;
        let dtype = rule::same_dtype(operands, 1, 2)?;
        rule::same_shape(operands, 0, 1)?;
        rule::one(dtype, rule::same_shape(operands, 1, 2)?.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let choose = |i| operands[if operands[0].get(i).is_truthy() { 1 } else { 2 }].get(i);
        vec![Literal::from_fn(results[0].clone(), choose)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Select> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let predicate = Operand::any(ty.with_dtype(DType::Bool));
        Sample::exact(Select {}, [predicate, Operand::any(ty.clone()), Operand::any(ty)])
    }
}

impl LinearOp for Select {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let predicate = primal.operands[0];
        let on_true = primal.when_wanted(1, |b| b.zero_unless(predicate, cotangent))?;
        let on_false = primal.when_wanted(2, |b| b.number_where(predicate, 0.0, cotangent))?;
        Ok(smallvec![None, on_true, on_false])
    }
}
