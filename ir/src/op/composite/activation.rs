//! Activation functions, element by element. Half-precision operands are computed in f32 and rounded once.
//!
//! Functions of the form `x * g(x)` with `g(-inf) = 0` (gelu, silu, mish, hard_swish) give NaN at minus infinity, as they do
//! in JAX and PyTorch.

use smallvec::smallvec;

use super::elementwise::{ElementWise, Precision};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Derivative, Primal, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Scalar, Type, Value, attributes, word_attribute};

attributes! {
    /// `max(x, 0)`; NaN stays NaN.
    pub struct Relu {}
}

impl ElementWise for Relu {
    const NAME: &'static str = "relu";
    const CLASS: DTypeClass = DTypeClass::Number;
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
    const CLASS: DTypeClass = DTypeClass::Number;
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
        let types = [b.ty(operands[0]), b.ty(operands[1])];
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

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Prelu> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        let axes = draw.axes(ty.rank(), 0);
        let slope = ty.with_shape(ty.shape.with_ones_at(&axes));
        Sample::epsilons(Prelu {}, 32, [Operand::moderate(ty), Operand::moderate(slope)])
    }
}

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

/// By the result where `x` is not positive: `alpha e^x = y + alpha`.
impl Partials for Elu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let slope = primal.b.add_number(primal.results[0], self.alpha.to_f64())?;
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
        let slope = primal.b.add_number(primal.results[0], SELU_ALPHA * SELU_SCALE)?;
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

/// By the result where `x` is not positive: `e^(x / alpha) = y / alpha + 1`.
impl Partials for Celu {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let scaled = primal.b.div_number(primal.results[0], self.alpha.to_f64())?;
        let slope = primal.b.add_number(scaled, 1.0)?;
        slope_of_two_halves(primal, 1.0, slope)
    }
}

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
        let inside = strictly_between(primal.b, primal.operands[0], -3.0, 3.0)?;
        let slope = primal.b.full_like(1.0 / 6.0, primal.operands[0])?;
        Ok(Partial::Times(primal.b.zero_unless(inside, slope)?))
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
        let inside = strictly_between(b, x, -3.0, 3.0)?;
        let positive = b.is_positive(x)?;
        let beyond = b.full_like(1.0, x)?;
        let beyond = b.zero_unless(positive, beyond)?;
        Ok(Partial::Times(b.select(inside, slope, beyond)?))
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

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Glu> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        let even = Dim::known(ty.shape.size(axis) / 2 * 2);
        let ty = ty.with_shape(ty.shape.with_dim(axis, even));
        Sample::epsilons(Glu { axis }, 32, [Operand::moderate(ty)])
    }
}

/// `low < x < high`.
fn strictly_between(b: &mut Builder, x: Value, low: f64, high: f64) -> Result<Value, BuildError> {
    let (low, high) = (b.full_like(low, x)?, b.full_like(high, x)?);
    let (above, below) = (b.gt(x, low)?, b.lt(x, high)?);
    b.and(above, below)
}

/// `positive` where the operand is, else `other`.
fn slope_of_two_halves(primal: &mut Primal<'_>, positive: f64, other: Value) -> Result<Partial, BuildError> {
    let half = primal.b.is_positive(primal.operands[0])?;
    Ok(Partial::Times(primal.b.number_where(half, positive, other)?))
}

/// `min(max(x, low), high)`.
fn limited(b: &mut Builder, x: Value, low: f64, high: f64) -> Result<Value, BuildError> {
    let above = b.at_least(x, low)?;
    b.at_most(above, high)
}

fn hard_sigmoid(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let shifted = b.add_number(x, 3.0)?;
    let bounded = limited(b, shifted, 0.0, 6.0)?;
    b.div_number(bounded, 6.0)
}

/// `x` where it is positive, else `other`.
fn positive_or(b: &mut Builder, x: Value, other: Value) -> Result<Value, BuildError> {
    let positive = b.is_positive(x)?;
    b.select(positive, x, other)
}

/// `e^min(x, 0) - 1`: bounded where it is not used, so that derivatives stay finite.
fn expm1_below_zero(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let negative = b.at_most(x, 0.0)?;
    b.expm1(negative)
}

fn draw_scalar(draw: &mut Draw<'_>) -> Scalar {
    draw.choose(&[Scalar::F32(1.0), Scalar::F64(0.1), Scalar::F32(0.25), Scalar::F64(2.0)])
}
