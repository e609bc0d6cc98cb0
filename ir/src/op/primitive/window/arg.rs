//! Which of the taps of a window sees an extremum.

use super::{WindowAxes, check_taps, results, sample, seen, with_examples};
use crate::op::primitive::ArgKind;
use crate::op::sample::Draw;
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Sample, TensorTypes, TypeError, rule};
use crate::{DType, DTypeClass, Literal, Scalar, TensorType, attributes};

attributes! {
    /// The number of the tap that sees the first greatest or least element of each window, of the first NaN if there is one, and -1 if the window sees
    /// nothing: `T[s] -> i32[s']`, numbers. Taps are counted in row-major order of the window.
    pub struct ArgWindow {
        /// Greatest or least.
        pub kind: ArgKind,
        /// How the window slides along each axis.
        pub window: WindowAxes,
    }
}

impl OpDef for ArgWindow {
    const NAME: &'static str = "arg_window";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, DTypeClass::Real)?;
        let shape = results(&self.window, &operands[0].shape)?;
        check_taps(&self.window)?;
        rule::one(DType::I32, shape)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let best = |flat| {
            let result = rule::unravel(flat, &results[0].shape);
            let mut best: Option<(usize, Scalar)> = None;
            for (tap, at) in seen(&self.window, &operands[0].ty().shape, &result) {
                let x = operands[0].get(at);
                if best.is_none_or(|(_, best)| self.kind.beats(x, best)) {
                    best = Some((tap, x));
                }
            }
            Scalar::from_i128(DType::I32, best.map_or(-1, |(tap, _)| tap as i128))
        };
        vec![Literal::from_fn(results[0].clone(), best)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(ArgWindow { window: with_examples(&self.window), ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ArgWindow> {
        sample::arg(draw, hint)
    }
}
