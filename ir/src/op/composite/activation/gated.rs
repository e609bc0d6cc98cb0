//! Activations that are an operand times a gate.

use smallvec::smallvec;

use super::super::elementwise::ElementWise;
use super::limited;
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Derivative, Primal, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// How the normal distribution function in [`Gelu`] is computed.
    pub enum GeluForm {
        /// Exactly, by the error function.
        Erf = "erf",
        /// By the approximation with a hyperbolic tangent.
        Tanh = "tanh",
    }
}

attributes! {
    /// `x * P(X <= x)` for a standard normal `X` (Hendrycks and Gimpel 2016).
    ///
    /// The exact form is `x/2 * erfc(-x / sqrt(2))`: with `1 + erf` the negative tail would lose its digits. The other is
    /// `x/2 * (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`, computed by the identity `(1 + tanh u) / 2 = logistic(2 u)` for
    /// the same reason.
    pub struct Gelu {
        /// Which form.
        pub approximate: GeluForm,
    }
}

impl ElementWise for Gelu {
    const NAME: &'static str = "gelu";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        match self.approximate {
            GeluForm::Erf => gelu_erf(b, x[0]),
            GeluForm::Tanh => gelu_tanh(b, x[0]),
        }
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.approximate {
            GeluForm::Erf => Derivative::Expansion,
            GeluForm::Tanh => Derivative::partials(self),
        }
    }

    fn draw(draw: &mut Draw<'_>) -> Gelu {
        Gelu { approximate: draw.choose(GeluForm::ALL) }
    }
}

fn gelu_erf(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let scaled = b.mul_number(x, -std::f64::consts::FRAC_1_SQRT_2)?;
    let tail = b.erfc(scaled)?;
    let half = b.mul_number(x, 0.5)?;
    b.mul(half, tail)
}

fn gelu_tanh(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let linear = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
    let square = b.mul(x, x)?;
    let cubic = b.mul_number(square, linear * 0.044715)?;
    let factor = b.add_number(cubic, linear)?;
    let argument = b.mul(x, factor)?;
    let gate = b.logistic(argument)?;
    b.mul(x, gate)
}

/// The form with a hyperbolic tangent: `gate + x gate (1 - gate) u'` with the argument `u = c x + d x^3`. Far out the gate is
/// 0 or 1, and `u'` is taken at a bounded place, lest its infinity spoil the 0 before it.
impl Partials for Gelu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        let linear = 2.0 * (2.0 / std::f64::consts::PI).sqrt();
        let bounded = limited(b, x, -GELU_STEEP, GELU_STEEP)?;
        let square = b.mul(bounded, bounded)?;
        let cubic = b.mul_number(square, linear * 0.044715)?;
        let factor = b.add_number(cubic, linear)?;
        let argument = b.mul(bounded, factor)?;
        let gate = b.logistic(argument)?;
        let cubic = b.mul_number(square, 3.0 * linear * 0.044715)?;
        let slope = b.add_number(cubic, linear)?;
        let rest = b.number_minus(1.0, gate)?;
        let steepness = b.mul(gate, rest)?;
        let steepness = b.mul(steepness, slope)?;
        let change = b.mul(bounded, steepness)?;
        Ok(Partial::Times(b.add(gate, change)?))
    }
}

/// Beyond, the gate of [`Gelu`] is 0 or 1 in every dtype.
const GELU_STEEP: f64 = 64.0;

attributes! {
    /// `x * logistic(x)`, also called swish.
    pub struct Silu {}
}

impl ElementWise for Silu {
    const NAME: &'static str = "silu";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let gate = b.logistic(x[0])?;
        b.mul(x[0], gate)
    }

    fn draw(_draw: &mut Draw<'_>) -> Silu {
        Silu {}
    }
}

attributes! {
    /// `x * tanh(softplus(x))` (Misra 2019), as `x * n / (n + 2)` with `n = e^x (e^x + 2)`: one exponential instead of
    /// four transcendental functions, and no cancellation anywhere.
    pub struct Mish {}
}

/// Above, the factor of [`Mish`] is 1 in every dtype, and `n` does not overflow yet.
const MISH_LINEAR: f64 = 40.0;

impl ElementWise for Mish {
    const NAME: &'static str = "mish";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let bounded = b.at_most(x[0], MISH_LINEAR)?;
        let exp = b.exp(bounded)?;
        let sum = b.add_number(exp, 2.0)?;
        let n = b.mul(exp, sum)?;
        let divisor = b.add_number(n, 2.0)?;
        let gate = b.div(n, divisor)?;
        b.mul(x[0], gate)
    }

    fn draw(_draw: &mut Draw<'_>) -> Mish {
        Mish {}
    }
}

attributes! {
    /// `silu(gate) * x`: the gated unit of transformers (Shazeer 2020), on the two projections.
    pub struct Swiglu {}
}

impl ElementWise for Swiglu {
    const NAME: &'static str = "swiglu";
    const OPERANDS: usize = 2;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let logistic = b.logistic(x[0])?;
        let gate = b.mul(x[0], logistic)?;
        b.mul(gate, x[1])
    }

    fn draw(_draw: &mut Draw<'_>) -> Swiglu {
        Swiglu {}
    }
}

attributes! {
    /// The first half along `axis` times the logistic function of the second: `T[.., 2 n, ..] -> T[.., n, ..]`
    /// (Dauphin et al. 2016).
    pub struct Glu {
        /// The axis that is halved.
        pub axis: usize,
    }
}

impl CompositeDef for Glu {
    const NAME: &'static str = "glu";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Float)?;
        rule::check_axis(self.axis, ty.rank())?;
        let extent = ty.shape[self.axis];
        let half = extent.quotient(2).ok_or_else(|| {
            TypeError::attribute("axis", format!("axis {} has the odd extent {extent}", self.axis))
        })?;
        let wide = b.widen(x[0])?;
        let value = b.section(wide, self.axis, 0, half.size())?;
        let gate = b.section(wide, self.axis, half.size(), extent.size())?;
        let gate = b.logistic(gate)?;
        let result = b.mul(value, gate)?;
        Ok(smallvec![b.convert(result, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Glu> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let even = Dim::known(ty.shape.size(axis) / 2 * 2);
        let ty = ty.with_shape(ty.shape.with_dim(axis, even));
        Sample::epsilons(Glu { axis }, 32, [Operand::moderate(ty)])
    }
}
