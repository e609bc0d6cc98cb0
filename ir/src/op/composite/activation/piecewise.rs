//! Activations of straight pieces.

use smallvec::smallvec;

use super::super::elementwise::{ElementWise, Precision};
use super::{draw_scalar, hard_sigmoid, limited, positive_or, strictly_between};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Derivative, Primal, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Scalar, TensorType, Value, attributes};

attributes! {
    /// `max(x, 0)`; NaN stays NaN.
    pub struct Relu {}
}

impl ElementWise for Relu {
    const NAME: &'static str = "relu";
    const CLASS: DTypeClass = DTypeClass::Real;
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        b.at_least(x[0], 0.0)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Relu {
        Relu {}
    }
}

/// 0 at 0, as in JAX and TensorFlow. By the result, so that the operand need not be kept.
impl Partials for Relu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        Ok(Partial::Where(primal.b.is_positive(primal.results[0])?))
    }
}

attributes! {
    /// `min(max(x, 0), 6)`; NaN stays NaN.
    pub struct Relu6 {}
}

impl ElementWise for Relu6 {
    const NAME: &'static str = "relu6";
    const CLASS: DTypeClass = DTypeClass::Real;
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        limited(b, x[0], 0.0, 6.0)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Relu6 {
        Relu6 {}
    }
}

/// 0 at both kinks, as in JAX and TensorFlow. By the result, as that of [`Relu`].
impl Partials for Relu6 {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        Ok(Partial::Where(strictly_between(primal.b, primal.results[0], 0.0, 6.0)?))
    }
}

attributes! {
    /// `x` where it is positive, else `slope * x`.
    pub struct LeakyRelu {
        /// Slope of the negative half, often 0.01 or 0.2.
        pub slope: Scalar,
    }
}

impl ElementWise for LeakyRelu {
    const NAME: &'static str = "leaky_relu";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let scaled = b.mul_number(x[0], self.slope.to_f64())?;
        positive_or(b, x[0], scaled)
    }

    fn draw(draw: &mut Draw<'_>) -> LeakyRelu {
        LeakyRelu { slope: draw_scalar(draw) }
    }
}

attributes! {
    /// `x` where it is positive, else `slope * x` with a learned slope: `T[s], T[t] -> T[s]`, where `t` broadcasts to `s`
    /// by NumPy's rule.
    pub struct Prelu {}
}

impl CompositeDef for Prelu {
    const NAME: &'static str = "prelu";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types = [b.tensor(operands[0]), b.tensor(operands[1])];
        let dtype = rule::require_class(&types, 0, DTypeClass::Float)?;
        rule::same_dtype(&types, 0, 1)?;
        let (shape, slope) = (types[0].shape.clone(), types[1].shape.clone());
        if shape.broadcast(&slope).as_ref() != Some(&shape) {
            let what = "the slope's shape and the shape it is broadcast to".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: slope, right: shape });
        }
        let (x, slope) = (b.widen(operands[0])?, b.widen(operands[1])?);
        let slope = b.broadcast_to(slope, &shape)?;
        let scaled = b.mul(x, slope)?;
        let result = positive_or(b, x, scaled)?;
        Ok(smallvec![b.convert(result, dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Prelu> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        let axes = draw.axes(ty.rank(), 0);
        let slope = ty.with_shape(ty.shape.with_ones_at(&axes));
        Sample::epsilons(Prelu {}, 32, [Operand::moderate(ty), Operand::moderate(slope)])
    }
}

attributes! {
    /// `relu6(x + 3) / 6`, as in JAX, PyTorch and Keras 3.
    pub struct HardSigmoid {}
}

impl ElementWise for HardSigmoid {
    const NAME: &'static str = "hard_sigmoid";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        hard_sigmoid(b, x[0])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> HardSigmoid {
        HardSigmoid {}
    }
}

/// 0 at both kinks, as that of [`Relu6`].
impl Partials for HardSigmoid {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let mask = strictly_between(primal.b, primal.operands[0], -3.0, 3.0)?;
        Ok(Partial::Masked { mask, factor: primal.b.full_like(1.0 / 6.0, primal.operands[0])? })
    }
}

attributes! {
    /// `x * relu6(x + 3) / 6`.
    pub struct HardSwish {}
}

impl ElementWise for HardSwish {
    const NAME: &'static str = "hard_swish";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let gate = hard_sigmoid(b, x[0])?;
        b.mul(x[0], gate)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> HardSwish {
        HardSwish {}
    }
}

/// `x / 3 + 1/2` between the kinks; at these and beyond 0 or 1.
impl Partials for HardSwish {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        let third = b.div_number(x, 3.0)?;
        let slope = b.add_number(third, 0.5)?;
        let (low, high) = (b.full_like(-3.0, x)?, b.full_like(3.0, x)?);
        let (mask, inside, whole) = (b.gt(x, low)?, b.lt(x, high)?, b.full_like(1.0, x)?);
        Ok(Partial::Masked { mask, factor: b.select(inside, slope, whole)? })
    }
}

attributes! {
    /// `min(max(x, -1), 1)`; NaN stays NaN.
    pub struct HardTanh {}
}

impl ElementWise for HardTanh {
    const NAME: &'static str = "hard_tanh";
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        limited(b, x[0], -1.0, 1.0)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> HardTanh {
        HardTanh {}
    }
}

/// 1 at both kinks, as in JAX.
impl Partials for HardTanh {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let magnitude = primal.b.abs(primal.operands[0])?;
        let one = primal.b.full_like(1.0, magnitude)?;
        Ok(Partial::Where(primal.b.le(magnitude, one)?))
    }
}
