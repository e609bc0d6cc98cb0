//! Conversions between dtypes.

use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Lowering, OpDef, Sample, TypeError, Types, rule};
use crate::{DType, DTypeClass, Literal, Type, attributes};

attributes! {
    /// Each element converted to `dtype`: floats to integers saturate and truncate, NaN becomes 0; integers wrap; to bool
    /// is `x != 0`.
    pub struct Cast {
        /// Dtype of the result.
        pub dtype: DType,
    }
}

impl OpDef for Cast {
    const NAME: &'static str = "cast";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        rule::one(self.dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        vec![Literal::from_scalars(results[0].clone(), operands[0].iter())]
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<Cast> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        Sample::exact(Cast { dtype: draw.choose(&DType::ALL) }, [Operand::any(ty)])
    }
}
