//! Ops without operands.

use crate::op::sample::Draw;
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Sample, TensorTypes, TypeError, rule};
use crate::{DType, DTypeClass, Literal, LiteralRef, Scalar, Shape, TensorType, attributes};

attributes! {
    /// A tensor known when the graph is built.
    pub struct Constant {
        /// The tensor.
        pub value: LiteralRef,
    }
}

impl OpDef for Constant {
    const NAME: &'static str = "constant";
    const ARITY: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, _operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let TensorType { dtype, shape } = self.value.ty().clone();
        rule::one(dtype, shape)
    }

    fn eval(&self, _operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        vec![self.value.literal().clone()]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Shared
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, _hint: &TensorType) -> Sample<Constant> {
        let ty = draw.ty(DTypeClass::Any, 3);
        let value =
            Literal::from_fn(ty.clone(), |_| Scalar::from_i128(ty.dtype, i128::from(draw.between(-3, 3))));
        Sample::exact(Constant { value: value.into() }, [])
    }
}

attributes! {
    /// The integers 0, 1, 2.. along one axis; integer dtypes wrap, floats round.
    pub struct Iota {
        /// Dtype of the result, an integer or float.
        pub dtype: DType,
        /// Shape of the result.
        pub shape: Shape,
        /// The axis along which numbers grow.
        pub axis: usize,
    }
}

impl OpDef for Iota {
    const NAME: &'static str = "iota";
    const ARITY: Arity = Arity::Exact(0);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, _operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        if !DTypeClass::Real.contains(self.dtype) {
            let reason = format!("must be {}, found {}", DTypeClass::Real.describe(), self.dtype);
            return Err(TypeError::attribute("dtype", reason));
        }
        rule::check_axis(self.axis, self.shape.rank())?;
        rule::one(self.dtype, self.shape.clone())
    }

    fn eval(&self, _operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let at = |flat| rule::unravel(flat, &self.shape)[self.axis] as i128;
        vec![Literal::from_fn(results[0].clone(), |flat| Scalar::from_i128(self.dtype, at(flat)))]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Shared
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Iota> {
        let TensorType { dtype, shape } = draw.like(hint, DTypeClass::Real, 1);
        let axis = draw.axis(shape.rank());
        Sample::exact(Iota { dtype, shape, axis }, [])
    }
}
