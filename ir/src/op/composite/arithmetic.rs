//! Arithmetic: short formulas that have a name.

use smallvec::smallvec;

use super::build::wide_dtype;
use super::elementwise::{ElementWise, Precision, same_types};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, Batching, CompositeDef, Derivative, OwnRules, Primal, Results, Sample, TypeError};
use crate::{Builder, DType, DTypeClass, Scalar, TensorType, Value, attributes};

attributes! {
    /// `x * x`; integers wrap.
    pub struct Square {}
}

impl ElementWise for Square {
    const NAME: &'static str = "square";
    const CLASS: DTypeClass = DTypeClass::Number;
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        b.mul(x[0], x[0])
    }

    fn draw(_draw: &mut Draw<'_>) -> Square {
        Square {}
    }
}

attributes! {
    /// `1 / x`.
    pub struct Reciprocal {}
}

impl ElementWise for Reciprocal {
    const NAME: &'static str = "reciprocal";
    const CLASS: DTypeClass = DTypeClass::Inexact;
    const PRECISION: Precision = Precision::Own;
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let one = b.full_like(1.0, x[0])?;
        b.div(one, x[0])
    }

    fn draw(_draw: &mut Draw<'_>) -> Reciprocal {
        Reciprocal {}
    }
}

attributes! {
    /// `log(1 + e^x)`, as `max(x, 0) + log1p(exp(-|x|))`: never overflows, and keeps all digits for very negative `x`.
    pub struct Softplus {}
}

impl ElementWise for Softplus {
    const NAME: &'static str = "softplus";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let positive = b.at_least(x[0], 0.0)?;
        let rest = b.log1p_exp_neg_abs(x[0])?;
        b.add(positive, rest)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Softplus {
        Softplus {}
    }
}

impl Partials for Softplus {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        Ok(Partial::Times(primal.b.logistic(primal.operands[0])?))
    }
}

attributes! {
    /// `log(1 / (1 + e^-x))`, as `min(x, 0) - log1p(exp(-|x|))`.
    pub struct LogSigmoid {}
}

impl ElementWise for LogSigmoid {
    const NAME: &'static str = "log_sigmoid";

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let negative = b.at_most(x[0], 0.0)?;
        let rest = b.log1p_exp_neg_abs(x[0])?;
        b.sub(negative, rest)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> LogSigmoid {
        LogSigmoid {}
    }
}

impl Partials for LogSigmoid {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let negated = primal.b.neg(primal.operands[0])?;
        Ok(Partial::Times(primal.b.logistic(negated)?))
    }
}

attributes! {
    /// `(lhs - rhs)^2`; integers wrap.
    pub struct SquaredDifference {}
}

impl ElementWise for SquaredDifference {
    const NAME: &'static str = "squared_difference";
    const OPERANDS: usize = 2;
    const CLASS: DTypeClass = DTypeClass::Number;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let difference = b.sub(x[0], x[1])?;
        b.mul(difference, difference)
    }

    fn draw(_draw: &mut Draw<'_>) -> SquaredDifference {
        SquaredDifference {}
    }
}

attributes! {
    /// `lhs / rhs`, and 0 where `rhs` is 0 (whatever `lhs` is, as in TensorFlow).
    pub struct DivideNoNan {}
}

impl ElementWise for DivideNoNan {
    const NAME: &'static str = "divide_no_nan";
    const OPERANDS: usize = 2;
    const PRECISION: Precision = Precision::Own;
    const VALUES: Values = Values::Range(0.25, 8.0);

    /// The divisor is replaced before the division, so that no infinity arises that a derivative could turn into NaN.
    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let zero = b.equals(x[1], 0.0)?;
        let divisor = b.number_where(zero, 1.0, x[1])?;
        let quotient = b.div(x[0], divisor)?;
        b.number_where(zero, 0.0, quotient)
    }

    fn draw(_draw: &mut Draw<'_>) -> DivideNoNan {
        DivideNoNan {}
    }
}

attributes! {
    /// `lhs * log(rhs)`, and 0 where `lhs` is 0, unless `rhs` is NaN (as SciPy and PyTorch define it).
    pub struct Xlogy {}
}

impl ElementWise for Xlogy {
    const NAME: &'static str = "xlogy";
    const OPERANDS: usize = 2;
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        xlogy(b, x[0], x[1])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Xlogy {
        Xlogy {}
    }
}

/// By `lhs` it is `log(rhs)`, also where `lhs` is 0; by `rhs` it is `lhs / rhs`, and 0 where `lhs` is 0.
impl Partials for Xlogy {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let (x, y, b) = (primal.operands[0], primal.operands[1], &mut *primal.b);
        if operand == 0 {
            return Ok(Partial::Times(b.log(y)?));
        }
        let zero = b.equals(x, 0.0)?;
        let divisor = b.number_where(zero, 1.0, y)?;
        Ok(Partial::Times(b.div(x, divisor)?))
    }
}

/// The definition of [`Xlogy`]. The logarithm is of 1 where it does not count, for the derivative's sake.
pub(super) fn xlogy(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let zero = b.equals(x, 0.0)?;
    let number = b.eq(y, y)?;
    let zero = b.and(zero, number)?;
    let safe = b.number_where(zero, 1.0, y)?;
    let log = b.log(safe)?;
    let product = b.mul(x, log)?;
    b.number_where(zero, 0.0, product)
}

attributes! {
    /// `sqrt(lhs^2 + rhs^2)` without overflow or underflow of the squares; infinity if an operand is infinite, even if
    /// the other is NaN (IEEE 754).
    pub struct Hypot {}
}

/// The cosine and the sine of the angle; 0 at the origin. They are those of the legs divided by the longer one: its length may overflow.
impl Partials for Hypot {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let legs = b.widen_all(primal.operands)?;
        let legs = [b.bounded_by_finite(legs[0])?, b.bounded_by_finite(legs[1])?];
        let (left, right) = (b.abs(legs[0])?, b.abs(legs[1])?);
        let longer = b.maximum(left, right)?;
        let longer = b.stop_gradient(longer)?;
        let legs = [b.divide_no_nan(legs[0], longer)?, b.divide_no_nan(legs[1], longer)?];
        let squares = (b.mul(legs[0], legs[0])?, b.mul(legs[1], legs[1])?);
        let sum = b.add(squares.0, squares.1)?;
        let zero = b.equals(sum, 0.0)?;
        let sum = b.number_where(zero, 1.0, sum)?;
        let root = b.sqrt(sum)?;
        Ok(Partial::Times(b.div(legs[operand], root)?))
    }
}

impl ElementWise for Hypot {
    const NAME: &'static str = "hypot";
    const OPERANDS: usize = 2;

    /// `big * sqrt(1 + (small / big)^2)`.
    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let (left, right) = (b.abs(x[0])?, b.abs(x[1])?);
        let (big, small) = (b.maximum(left, right)?, b.minimum(left, right)?);
        let zero = b.equals(big, 0.0)?;
        let divisor = b.number_where(zero, 1.0, big)?;
        let ratio = b.div(small, divisor)?;
        let square = b.mul(ratio, ratio)?;
        let sum = b.add_number(square, 1.0)?;
        let root = b.sqrt(sum)?;
        let length = b.mul(big, root)?;
        let infinite = (b.is_inf(left)?, b.is_inf(right)?);
        let infinite = b.or(infinite.0, infinite.1)?;
        b.number_where(infinite, f64::INFINITY, length)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> Hypot {
        Hypot {}
    }
}

attributes! {
    /// `log(e^lhs + e^rhs)`, as `max + log1p(exp(-|lhs - rhs|))`; infinities do what limits say.
    pub struct LogAddExp {}
}

impl ElementWise for LogAddExp {
    const NAME: &'static str = "log_add_exp";
    const OPERANDS: usize = 2;

    /// Equal operands, infinite ones among them, differ by 0.
    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let equal = b.eq(x[0], x[1])?;
        let difference = b.sub(x[0], x[1])?;
        let difference = b.number_where(equal, 0.0, difference)?;
        let rest = b.log1p_exp_neg_abs(difference)?;
        let max = b.maximum(x[0], x[1])?;
        b.add(max, rest)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn draw(_draw: &mut Draw<'_>) -> LogAddExp {
        LogAddExp {}
    }
}

/// The share of the operand in the sum, which depends on the difference alone: a large result is rounded. 0 if the result is infinite.
impl Partials for LogAddExp {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let b = &mut *primal.b;
        let x = b.widen_all(primal.operands)?;
        let infinite = b.is_inf(primal.results[0])?;
        let difference = b.sub(x[operand], x[1 - operand])?;
        let difference = b.number_where(infinite, f64::NEG_INFINITY, difference)?;
        Ok(Partial::Times(b.logistic(difference)?))
    }
}

attributes! {
    /// `x`, as a constant to differentiation: it has no derivative.
    pub struct StopGradient {}
}

impl ElementWise for StopGradient {
    const NAME: &'static str = "stop_gradient";
    const CLASS: DTypeClass = DTypeClass::Any;
    const PRECISION: Precision = Precision::Own;

    fn compute(&self, _b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        Ok(x[0])
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn draw(_draw: &mut Draw<'_>) -> StopGradient {
        StopGradient {}
    }
}

attributes! {
    /// The logarithm to base 10.
    pub struct Log10 {}
}

impl ElementWise for Log10 {
    const NAME: &'static str = "log10";
    const VALUES: Values = Values::Range(0.25, 8.0);

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let log = b.log(x[0])?;
        b.div_number(log, std::f64::consts::LN_10)
    }

    fn draw(_draw: &mut Draw<'_>) -> Log10 {
        Log10 {}
    }
}

attributes! {
    /// `x` with 0 for NaN, and the greatest and least finite numbers for infinities.
    pub struct NanToNum {}
}

impl ElementWise for NanToNum {
    const NAME: &'static str = "nan_to_num";
    const PRECISION: Precision = Precision::Own;
    const VALUES: Values = Values::Any;

    fn compute(&self, b: &mut Builder, x: &[Value]) -> Result<Value, BuildError> {
        let greatest = greatest_finite(b.tensor(x[0]).dtype);
        let nan = b.is_nan(x[0])?;
        let number = b.number_where(nan, 0.0, x[0])?;
        let number = b.at_most(number, greatest)?;
        b.at_least(number, -greatest)
    }

    fn draw(_draw: &mut Draw<'_>) -> NanToNum {
        NanToNum {}
    }
}

/// The greatest finite number of a float dtype.
fn greatest_finite(dtype: DType) -> f64 {
    match dtype {
        DType::F16 => 65504.0,
        DType::BF16 => f64::from(f32::from_bits(0x7f7f_0000)),
        DType::F32 => f64::from(f32::MAX),
        _ => f64::MAX,
    }
}

attributes! {
    /// Whether two numbers are about equal: `|lhs - rhs| <= atol + rtol * |rhs|`, `T[s], T[s] -> bool[s]`. Equal infinities are, NaN never is.
    pub struct Isclose {
        /// The difference that is allowed, as a share of `rhs`.
        pub rtol: Scalar,
        /// The difference that is allowed, as a number.
        pub atol: Scalar,
    }
}

impl CompositeDef for Isclose {
    const NAME: &'static str = "isclose";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let dtype = same_types(b, operands, DTypeClass::Number)?.dtype;
        let wide = if dtype.is_differentiable() { wide_dtype(dtype) } else { DType::F64 };
        let (lhs, rhs) = (b.convert(operands[0], wide)?, b.convert(operands[1], wide)?);
        let difference = b.sub(lhs, rhs)?;
        let difference = b.abs(difference)?;
        let magnitude = b.abs(rhs)?;
        let share = b.mul_number(magnitude, self.rtol.to_f64())?;
        let bound = b.add_number(share, self.atol.to_f64())?;
        let near = b.le(difference, bound)?;
        let finite = b.is_finite(rhs)?;
        let near = b.and(near, finite)?;
        let equal = b.eq(operands[0], operands[1])?;
        Ok(smallvec![b.or(near, equal)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Isclose> {
        let ty = draw.like(hint, DTypeClass::Number, 0);
        let (rtol, atol) = draw.choose(&[(1e-5, 1e-8), (0.5, 0.0)]);
        let op = Isclose { rtol: Scalar::F64(rtol), atol: Scalar::F64(atol) };
        Sample::exact(op, [Operand::any(ty.clone()), Operand::any(ty)])
    }
}

impl OwnRules for Isclose {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }
}
