//! Marks: names for points of a run.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
};
use crate::{Literal, TensorType, Value, attributes};

attributes! {
    /// Gives its operand, and says that a run has come to a point that has this name: dumps and profiles show it.
    pub struct TraceMark {
        /// The name.
        pub name: String,
    }
}

impl OpDef for TraceMark {
    const NAME: &'static str = "trace_mark";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Mark;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        Ok(smallvec![operands[0].clone()])
    }

    fn eval(&self, operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        vec![operands[0].clone()]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(self.clone())
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<TraceMark> {
        let name = draw.choose(&["here", "", "\"é\"\n"]).to_owned();
        Sample::exact(TraceMark { name }, [Operand::any(hint.clone())])
    }
}

/// The way back has no mark.
impl LinearOp for TraceMark {
    fn transpose(&self, _primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        Ok(smallvec![Some(cotangent)])
    }
}
