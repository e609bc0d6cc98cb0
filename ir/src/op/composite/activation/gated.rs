//! Activations that are an operand times a gate.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use smallvec::smallvec;

use super::super::elementwise::ElementWise;
use super::limited;
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Derivative, Primal, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Scalar, TensorType, Value, attributes, word_attribute};

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
    /// the same reason. Far in its tail it loses as many digits as `u` has before the point, where it is no longer near the exact form.
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
        Derivative::partials(self)
    }

    fn draw(draw: &mut Draw<'_>) -> Gelu {
        Gelu { approximate: draw.choose(GeluForm::ALL) }
    }
}

fn gelu_erf(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let twice = twice_normal(b, x)?;
    let half = b.mul_number(x, 0.5)?;
    b.mul(half, twice)
}

/// Twice the normal distribution function, `erfc(-x / sqrt(2))`.
///
/// The tail blows up what is rounded off the quotient `z`. That is known, `r`, and `erfc(z + r)` is `erfc(z) (1 - 2 z r)` nearly: to as many
/// digits as matter, because `z r` is small where the logarithmic derivative of `erfc` is not `-2 z`.
fn twice_normal(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let scaled = b.mul_number(x, -FRAC_1_SQRT_2)?;
    let tail = b.erfc(scaled)?;
    let near = limited(b, x, -GELU_STEEP, 0.0)?;
    let off = rounded_off(b, near)?;
    // It makes no difference to the function, so its derivative is not asked for.
    let off = b.stop_gradient(off)?;
    let change = b.mul(tail, off)?;
    b.sub(tail, change)
}

/// `2 z r`, where `z` is `-x / sqrt(2)` as it is computed and `r` what was rounded off.
fn rounded_off(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    let head = Scalar::from_f64(dtype, -FRAC_1_SQRT_2).to_f64();
    // Of 1 / sqrt(2) what f64 rounds off, too.
    let tail = (-FRAC_1_SQRT_2 - head) + 4.833_646_656_726_457e-17;
    let z = b.mul_number(x, head)?;
    let (below, head, tail) = (b.neg(z)?, b.full_like(head, x)?, b.full_like(tail, x)?);
    let rest = b.fma(x, head, below)?;
    let rest = b.fma(x, tail, rest)?;
    let twice = b.mul_number(z, 2.0)?;
    b.mul(twice, rest)
}

/// The density of the normal distribution. Of the square what is rounded off is known, too.
fn normal_density(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    let below = b.neg(square)?;
    let rest = b.fma(x, x, below)?;
    let half = b.mul_number(square, -0.5)?;
    let exp = b.exp(half)?;
    let factor = b.mul_number(rest, -0.5)?;
    let factor = b.add_number(factor, 1.0)?;
    let exp = b.mul(exp, factor)?;
    b.mul_number(exp, FRAC_1_SQRT_2 / PI.sqrt())
}

/// The distribution function, and `x` times the density.
fn gelu_erf_slope(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let twice = twice_normal(b, x)?;
    let half = b.mul_number(twice, 0.5)?;
    let near = limited(b, x, -GELU_STEEP, GELU_STEEP)?;
    let density = normal_density(b, near)?;
    let change = b.mul(near, density)?;
    b.add(half, change)
}

fn gelu_tanh(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let linear = 2.0 * (2.0 / PI).sqrt();
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
        if self.approximate == GeluForm::Erf {
            return gelu_erf_slope(b, x).map(Partial::Times);
        }
        let linear = 2.0 * (2.0 / PI).sqrt();
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

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Mish {
        Mish {}
    }
}

/// `n / (n + 2) + x 4 e^x (e^x + 1) / (n + 2)^2`: the slope of the gate has no difference in it.
impl Partials for Mish {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        let near = limited(b, x, -GATE_CLOSED, MISH_LINEAR)?;
        let exp = b.exp(near)?;
        let sum = b.add_number(exp, 2.0)?;
        let n = b.mul(exp, sum)?;
        let divisor = b.add_number(n, 2.0)?;
        let gate = b.div(n, divisor)?;
        let more = b.add_number(exp, 1.0)?;
        let four = b.mul_number(exp, 4.0)?;
        let (left, right) = (b.div(four, divisor)?, b.div(more, divisor)?);
        let steepness = b.mul(left, right)?;
        let change = b.mul(near, steepness)?;
        Ok(Partial::Times(b.add(gate, change)?))
    }
}

/// Below the negative of this, gates with an exponential in them are 0 in every dtype.
const GATE_CLOSED: f64 = 1000.0;

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

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Swiglu {
        Swiglu {}
    }
}

/// By the operand the unit, by the gate the operand times the unit's slope, `s + x s (1 - s)`, neither of which overflows by itself.
impl Partials for Swiglu {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let [gate, x] = [b.widen(primal.operands[0])?, b.widen(primal.operands[1])?];
        let open = b.logistic(gate)?;
        if operand == 1 {
            return Ok(Partial::Times(b.mul(gate, open)?));
        }
        let below = b.neg(gate)?;
        let closed = b.logistic(below)?;
        let near = limited(b, gate, -GATE_CLOSED, GATE_CLOSED)?;
        let steepness = b.mul(open, closed)?;
        let change = b.mul(near, steepness)?;
        let slope = b.add(open, change)?;
        Ok(Partial::Times(b.mul(slope, x)?))
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
