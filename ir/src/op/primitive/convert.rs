//! Conversions between dtypes, of values and of bits.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{DType, DTypeClass, Literal, TensorType, Value, attributes};

attributes! {
    /// Each element converted to `dtype`: floats to integers saturate and truncate, NaN becomes 0; integers wrap; to bool
    /// is `x != 0`. Complex numbers lose their imaginary parts in a real dtype.
    pub struct Cast {
        /// Dtype of the result.
        pub dtype: DType,
    }
}

impl OpDef for Cast {
    const NAME: &'static str = "cast";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::one(self.dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        vec![Literal::from_scalars(results[0].clone(), operands[0].iter())]
    }

    fn derivative(&self) -> Derivative<'_> {
        if self.dtype.is_differentiable() { Derivative::linear(self) } else { Derivative::Zero }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Cast> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        Sample::exact(Cast { dtype: draw.choose(&DType::REAL) }, [Operand::any(ty)])
    }
}

attributes! {
    /// Reinterprets bits as elements of another integer or float dtype.
    ///
    /// Between dtypes of one size `T[s] -> U[s]`. To a dtype `n` times smaller, `T[s..] -> U[s.., n]`, the lowest bits first; to one
    /// `n` times larger, `T[s.., n] -> U[s..]`. Which bits a NaN has that another op computed is not specified.
    pub struct Bitcast {
        /// Dtype of the result, an integer or float.
        pub dtype: DType,
    }
}

impl OpDef for Bitcast {
    const NAME: &'static str = "bitcast";
    const ARITY: Arity = Arity::Exact(1);
    // Element-wise only where the sizes agree, which the operand decides.
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let from = rule::require_class(operands, 0, DTypeClass::Real)?;
        if !DTypeClass::Real.contains(self.dtype) {
            let reason = format!("must be {}, found {}", DTypeClass::Real.describe(), self.dtype);
            return Err(TypeError::attribute("dtype", reason));
        }
        let mut sizes = operands[0].shape.sizes();
        if self.dtype.size() < from.size() {
            sizes.push(from.size() / self.dtype.size());
        } else if self.dtype.size() > from.size() {
            let parts = self.dtype.size() / from.size();
            if sizes.pop() != Some(parts) {
                let found = &operands[0].shape;
                let reason =
                    format!("{} takes {parts} {from} along the last axis, found shape {found}", self.dtype);
                return Err(TypeError::attribute("dtype", reason));
            }
        }
        rule::one(self.dtype, sizes.into_iter().collect())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let bytes = operands[0].bytes().to_vec();
        vec![Literal::from_bytes(results[0].clone(), bytes).expect("as many bytes, and none of a bool")]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        // Its axis of parts is the last.
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Bitcast> {
        let mut ty = draw.like(hint, DTypeClass::Real, 0);
        let members: Vec<DType> = DTypeClass::Real.members().collect();
        let dtype = draw.choose(&members);
        let parts = dtype.size() / ty.dtype.size();
        if parts > 1 {
            ty.shape = ty.shape.iter().copied().take(5).chain([parts.into()]).collect();
        }
        Sample::exact(Bitcast { dtype }, [Operand::any(ty)])
    }
}

/// Between floats and complex numbers; rounding is ignored. Anything else is not differentiable.
impl LinearOp for Cast {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let dtype = primal.operand_type(0).dtype;
        Ok(smallvec![primal.when_wanted(0, |b| b.cast(cotangent, dtype))?])
    }
}
