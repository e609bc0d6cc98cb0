//! Activations that bend towards a bound.

use super::super::elementwise::ElementWise;
use super::{draw_scalar, exp_below_zero, expm1_below_zero, positive_or, slope_of_two_halves};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::Draw;
use crate::op::{Derivative, Primal, TypeError};
use crate::{Builder, Scalar, Value, attributes};

attributes! {
    /// `x` where it is positive, else `alpha * (e^x - 1)` (Clevert et al. 2015).
    pub struct Elu {
        /// Minus the limit at minus infinity, often 1.
        pub alpha: Scalar,
    }
}

impl ElementWise for Elu {
    const NAME: &'static str = "elu";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let curve = expm1_below_zero(b, x[0])?;
        let curve = b.mul_number(curve, self.alpha.to_f64())?;
        positive_or(b, x[0], curve)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(draw: &mut Draw<'_>) -> Elu {
        Elu { alpha: draw_scalar(draw) }
    }
}

/// `alpha e^x` where `x` is not positive: the result, which is near `-alpha` far out, would not do.
impl Partials for Elu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let slope = exp_below_zero(primal, 1.0)?;
        let slope = primal.b.mul_number(slope, self.alpha.to_f64())?;
        slope_of_two_halves(primal, 1.0, slope)
    }
}

attributes! {
    /// `scale * elu(x, alpha)` with the two constants that keep mean 0 and variance 1 (Klambauer et al. 2017).
    pub struct Selu {}
}

/// The fixed point of Klambauer et al.
const SELU_ALPHA: f64 = 1.6732632423543772;
const SELU_SCALE: f64 = 1.0507009873554805;

impl ElementWise for Selu {
    const NAME: &'static str = "selu";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let curve = expm1_below_zero(b, x[0])?;
        let curve = b.mul_number(curve, SELU_ALPHA * SELU_SCALE)?;
        let line = b.mul_number(x[0], SELU_SCALE)?;
        let positive = b.is_positive(x[0])?;
        b.select(positive, line, curve)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Selu {
        Selu {}
    }
}

/// As that of [`Elu`].
impl Partials for Selu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let slope = exp_below_zero(primal, 1.0)?;
        let slope = primal.b.mul_number(slope, SELU_ALPHA * SELU_SCALE)?;
        slope_of_two_halves(primal, SELU_SCALE, slope)
    }
}

attributes! {
    /// `x` where it is positive, else `alpha * (e^(x / alpha) - 1)` (Barron 2017).
    pub struct Celu {
        /// Minus the limit at minus infinity, not 0.
        pub alpha: Scalar,
    }
}

impl ElementWise for Celu {
    const NAME: &'static str = "celu";

    fn check(&self) -> Result<(), TypeError> {
        if self.alpha.to_f64() == 0.0 { Err(TypeError::attribute("alpha", "must not be 0")) } else { Ok(()) }
    }

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let alpha = self.alpha.to_f64();
        let negative = b.at_most(x[0], 0.0)?;
        let scaled = b.div_number(negative, alpha)?;
        let curve = b.expm1(scaled)?;
        let curve = b.mul_number(curve, alpha)?;
        positive_or(b, x[0], curve)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(draw: &mut Draw<'_>) -> Celu {
        Celu { alpha: draw_scalar(draw) }
    }
}

/// `e^(x / alpha)` where `x` is not positive.
impl Partials for Celu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let slope = exp_below_zero(primal, self.alpha.to_f64())?;
        slope_of_two_halves(primal, 1.0, slope)
    }
}

attributes! {
    /// `x / (1 + |x|)`.
    pub struct Softsign {}
}

impl ElementWise for Softsign {
    const NAME: &'static str = "softsign";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let magnitude = b.abs(x[0])?;
        let divisor = b.add_number(magnitude, 1.0)?;
        b.div(x[0], divisor)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Softsign {
        Softsign {}
    }
}

/// `1 / (1 + |x|)^2`, where the quotient rule would take a difference of almost equal numbers.
impl Partials for Softsign {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let x = primal.b.widen(primal.operands[0])?;
        let magnitude = primal.b.abs(x)?;
        let divisor = primal.b.add_number(magnitude, 1.0)?;
        let root = primal.b.reciprocal(divisor)?;
        Ok(Partial::Times(primal.b.mul(root, root)?))
    }
}
