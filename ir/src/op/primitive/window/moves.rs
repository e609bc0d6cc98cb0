//! What windows see at given taps, and bringing it back.

use smallvec::smallvec;

use super::{WindowAxes, check_taps, results, sample, seen, with_examples};
use crate::builder::BuildError;
use crate::op::batching::with_examples as with_leading;
use crate::op::derivative::LinearOp;
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// What each window sees at the tap whose number stands for it: `T[s], i32[s'] -> T[s']`, numbers; 0 where the tap sees nothing, or there is no such tap.
    pub struct GatherWindow {
        /// How the window slides along each axis.
        pub window: WindowAxes,
    }
}

attributes! {
    /// Adds up for each element what stands for windows that see it at the tap whose number stands beside it: `T[s'], i32[s'] -> T[s]`, numbers; what is at taps that see nothing, or at no tap, is
    /// left out. Integers wrap; floats are added in unspecified order, those of f16 and bf16 in f32 and rounded once.
    pub struct ScatterWindow {
        /// The shape of the elements.
        pub shape: Shape,
        /// How the window slides along each axis.
        pub window: WindowAxes,
    }
}

/// The second operand must be numbers of taps, one for each window.
fn check_numbers(window: &WindowAxes, operands: &[&TensorType], of: &Shape) -> Result<(), TypeError> {
    let windows = results(window, of)?;
    check_taps(window)?;
    if operands[1].dtype != DType::I32 || operands[1].shape != windows {
        let found = operands[1];
        return Err(TypeError::Other(format!(
            "operand 1 must be i32{windows} for these windows, found {found}"
        )));
    }
    Ok(())
}

impl OpDef for GatherWindow {
    const NAME: &'static str = "gather_window";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, DTypeClass::Real)?;
        check_numbers(&self.window, operands, &operands[0].shape)?;
        rule::one(dtype, operands[1].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let TensorType { dtype, shape } = &results[0];
        let element = |flat| {
            let result = rule::unravel(flat, shape);
            let wanted = operands[1].get(flat).to_i128();
            let seen = seen(&self.window, &operands[0].ty().shape, &result);
            let found = seen.into_iter().find(|&(tap, _)| tap as i128 == wanted);
            found.map_or(Scalar::zero(*dtype), |(_, at)| operands[0].get(at))
        };
        vec![Literal::from_fn(results[0].clone(), element)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(GatherWindow { window: with_examples(&self.window) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GatherWindow> {
        sample::gather(draw, hint)
    }
}

impl LinearOp for GatherWindow {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (shape, taps) = (primal.operand_type(0).shape, primal.operands[1]);
        let op = ScatterWindow { shape, window: self.window.clone() };
        let back = |b: &mut Builder| b.push_one(op, &[cotangent, taps]);
        Ok(smallvec![primal.when_wanted(0, back)?, None])
    }
}

impl OpDef for ScatterWindow {
    const NAME: &'static str = "scatter_window";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, DTypeClass::Real)?;
        check_numbers(&self.window, operands, &self.shape)?;
        if operands[0].shape != operands[1].shape {
            rule::same_shape(operands, 0, 1)?;
        }
        rule::one(dtype, self.shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let TensorType { dtype, shape } = &results[0];
        let wide = dtype.widest();
        let mut sums = vec![Scalar::zero(wide); shape.elements()];
        for flat in 0..operands[0].ty().elements() {
            let result = rule::unravel(flat, &operands[0].ty().shape);
            let wanted = operands[1].get(flat).to_i128();
            let seen = seen(&self.window, shape, &result);
            if let Some((_, at)) = seen.into_iter().find(|&(tap, _)| tap as i128 == wanted) {
                sums[at] =
                    crate::op::primitive::BinaryFn::Add.eval(sums[at], operands[0].get(flat).cast(wide));
            }
        }
        vec![Literal::from_scalars(results[0].clone(), sums)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, examples: usize) -> Batching<'_> {
        let shape = with_leading(&self.shape, examples);
        Batching::moved(ScatterWindow { shape, window: with_examples(&self.window) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ScatterWindow> {
        sample::scatter(draw, hint)
    }
}

impl LinearOp for ScatterWindow {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let taps = primal.operands[1];
        let op = GatherWindow { window: self.window.clone() };
        let back = |b: &mut Builder| b.push_one(op, &[cotangent, taps]);
        Ok(smallvec![primal.when_wanted(0, back)?, None])
    }
}
