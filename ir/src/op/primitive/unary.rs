//! Element-wise functions of one operand.

use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::{Operand, Values};
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Draw, Lowering, OpDef,
    Primal, Sample, TypeError, Types, rule,
};
use crate::{Builder, DType, DTypeClass, Literal, Scalar, Type, Value};

/// Calls `$callback!` with the table of unary functions: `method => Variant, accepted dtypes, result dtype, ULPs that a
/// compiled f32 or f64 result may be off`.
#[macro_export]
macro_rules! for_each_unary {
    ($callback:path) => {
        $callback! {
            /// `-x`; integers wrap.
            neg => Neg, Signed, Same, 0;
            /// `|x|`; integers wrap.
            abs => Abs, Signed, Same, 0;
            /// -1, 0 or 1; floats keep the sign of zero, NaN stays NaN.
            sign => Sign, Signed, Same, 0;
            /// Square root.
            sqrt => Sqrt, Float, Same, 0;
            /// `1 / sqrt(x)`.
            rsqrt => Rsqrt, Float, Same, 2;
            /// Cube root.
            cbrt => Cbrt, Float, Same, 2;
            /// The largest integer not above `x`.
            floor => Floor, Float, Same, 0;
            /// The smallest integer not below `x`.
            ceil => Ceil, Float, Same, 0;
            /// The nearest integer, ties to even.
            round_even => RoundEven, Float, Same, 0;
            /// The nearest integer, ties away from zero.
            round_half_away => RoundHalfAway, Float, Same, 0;
            /// `x` without its fraction.
            trunc => Trunc, Float, Same, 0;
            /// Whether `x` is neither infinite nor NaN.
            is_finite => IsFinite, Float, Bool, 0;
            /// Whether `x` is NaN.
            is_nan => IsNan, Float, Bool, 0;
            /// Whether `x` is infinite.
            is_inf => IsInf, Float, Bool, 0;
            /// `e^x`.
            exp => Exp, Float, Same, 2;
            /// `e^x - 1`, accurate near 0.
            expm1 => Expm1, Float, Same, 2;
            /// Natural logarithm.
            log => Log, Float, Same, 2;
            /// `log(1 + x)`, accurate near 0.
            log1p => Log1p, Float, Same, 2;
            /// `2^x`.
            exp2 => Exp2, Float, Same, 2;
            /// Logarithm to base 2.
            log2 => Log2, Float, Same, 2;
            /// `1 / (1 + e^-x)`.
            logistic => Logistic, Float, Same, 3;
            /// Sine of an angle in radians.
            sin => Sin, Float, Same, 2;
            /// Cosine of an angle in radians.
            cos => Cos, Float, Same, 2;
            /// Tangent of an angle in radians.
            tan => Tan, Float, Same, 4;
            /// Hyperbolic tangent.
            tanh => Tanh, Float, Same, 2;
            /// Arc sine, in radians.
            asin => Asin, Float, Same, 4;
            /// Arc cosine, in radians.
            acos => Acos, Float, Same, 4;
            /// Arc tangent, in radians.
            atan => Atan, Float, Same, 4;
            /// Hyperbolic sine.
            sinh => Sinh, Float, Same, 4;
            /// Hyperbolic cosine.
            cosh => Cosh, Float, Same, 4;
            /// Inverse hyperbolic sine.
            asinh => Asinh, Float, Same, 4;
            /// Inverse hyperbolic cosine.
            acosh => Acosh, Float, Same, 4;
            /// Inverse hyperbolic tangent.
            atanh => Atanh, Float, Same, 4;
            /// The error function.
            erf => Erf, Float, Same, 2;
            /// `1 - erf(x)`, accurate for large `x`.
            erfc => Erfc, Float, Same, 4;
            /// Logical or bitwise complement.
            not => Not, Bits, Same, 0;
            /// Number of one bits.
            popcount => Popcount, Int, Same, 0;
            /// Number of leading zero bits.
            clz => Clz, Int, Same, 0;
        }
    };
}

macro_rules! define_unary {
    ($($(#[doc = $doc:literal])* $name:ident => $variant:ident, $class:ident, $result:ident, $ulps:literal;)*) => {
        /// An element-wise function of one operand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum UnaryFn { $($(#[doc = $doc])* $variant),* }

        impl UnaryFn {
            /// Every function, in the order of the table.
            pub const ALL: &'static [UnaryFn] = &[$(UnaryFn::$variant),*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self { $(UnaryFn::$variant => stringify!($name)),* }
            }

            /// Dtypes that it takes.
            pub const fn class(self) -> DTypeClass {
                match self { $(UnaryFn::$variant => DTypeClass::$class),* }
            }

            /// Whether the result is bool and not of the operand's dtype.
            pub const fn is_predicate(self) -> bool {
                match self { $(UnaryFn::$variant => define_unary!(@bool $result)),* }
            }

            /// Units in the last place that a compiled f32 or f64 result may be off; 0 means the same bits.
            pub const fn ulps(self) -> u32 {
                match self { $(UnaryFn::$variant => $ulps),* }
            }
        }

        /// One method per element-wise function of one operand. Each fails if the dtype is not accepted.
        impl crate::Builder {
            $($(#[doc = $doc])*
            pub fn $name(&mut self, x: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(UnaryFn::$variant, &[x])
            })*
        }
    };
    (@bool Bool) => { true };
    (@bool Same) => { false };
}
for_each_unary!(define_unary);

impl UnaryFn {
    /// The function of one element, of a dtype that the function takes.
    pub fn eval(self, x: Scalar) -> Scalar {
        let dtype = x.dtype();
        match self {
            _ if self.is_predicate() => Scalar::Bool(self.test(x.to_f64())),
            _ if dtype.is_float() => Scalar::from_f64(dtype, self.eval_float(x.to_f64())),
            UnaryFn::Not if dtype == DType::Bool => Scalar::Bool(!x.is_truthy()),
            _ => Scalar::from_i128(dtype, self.eval_int(x)),
        }
    }

    /// Rounded to the operand's dtype by the caller; double precision is enough for exactly rounded narrow results.
    fn eval_float(self, x: f64) -> f64 {
        match self {
            UnaryFn::Neg => -x,
            UnaryFn::Abs => x.abs(),
            UnaryFn::Sign => {
                if x == 0.0 || x.is_nan() {
                    x
                } else {
                    x.signum()
                }
            }
            UnaryFn::Sqrt => x.sqrt(),
            UnaryFn::Rsqrt => 1.0 / x.sqrt(),
            UnaryFn::Cbrt => x.cbrt(),
            UnaryFn::Floor => x.floor(),
            UnaryFn::Ceil => x.ceil(),
            UnaryFn::RoundEven => x.round_ties_even(),
            UnaryFn::RoundHalfAway => x.round(),
            UnaryFn::Trunc => x.trunc(),
            UnaryFn::Exp => x.exp(),
            UnaryFn::Expm1 => x.exp_m1(),
            UnaryFn::Log => x.ln(),
            UnaryFn::Log1p => x.ln_1p(),
            UnaryFn::Exp2 => x.exp2(),
            UnaryFn::Log2 => x.log2(),
            UnaryFn::Logistic => logistic(x),
            UnaryFn::Sin => x.sin(),
            UnaryFn::Cos => x.cos(),
            UnaryFn::Tan => x.tan(),
            UnaryFn::Tanh => x.tanh(),
            UnaryFn::Asin => x.asin(),
            UnaryFn::Acos => x.acos(),
            UnaryFn::Atan => x.atan(),
            UnaryFn::Sinh => x.sinh(),
            UnaryFn::Cosh => x.cosh(),
            UnaryFn::Asinh => libm::asinh(x),
            // The library's own is right from 1 on only.
            UnaryFn::Acosh if x < 1.0 => f64::NAN,
            UnaryFn::Acosh => libm::acosh(x),
            UnaryFn::Atanh => libm::atanh(x),
            UnaryFn::Erf => libm::erf(x),
            UnaryFn::Erfc => libm::erfc(x),
            _ => unreachable!("{} takes no floats", self.name()),
        }
    }

    fn eval_int(self, x: Scalar) -> i128 {
        let v = x.to_i128();
        match self {
            UnaryFn::Neg => -v,
            UnaryFn::Abs => v.abs(),
            UnaryFn::Sign => v.signum(),
            UnaryFn::Not => !v,
            UnaryFn::Popcount => i128::from(x.bits().count_ones()),
            UnaryFn::Clz => i128::from(x.bits().leading_zeros() - (64 - x.dtype().bits())),
            _ => unreachable!("{} takes no integers", self.name()),
        }
    }

    fn test(self, x: f64) -> bool {
        match self {
            UnaryFn::IsFinite => x.is_finite(),
            UnaryFn::IsNan => x.is_nan(),
            UnaryFn::IsInf => x.is_infinite(),
            _ => unreachable!("{} is no predicate", self.name()),
        }
    }

    /// Whether it is a series or an iteration and not a few instructions.
    pub const fn is_transcendental(self) -> bool {
        self.ulps() > 0 && !matches!(self, UnaryFn::Rsqrt)
    }

    /// Operand values for which an error of [`UnaryFn::ulps`] is a fair demand.
    fn values(self) -> Values {
        Values::Any
    }

    /// A range without poles.
    fn smooth(self) -> (f64, f64) {
        match self {
            UnaryFn::Sqrt | UnaryFn::Rsqrt | UnaryFn::Cbrt | UnaryFn::Log | UnaryFn::Log2 => (0.25, 2.0),
            UnaryFn::Log1p => (-0.5, 2.0),
            UnaryFn::Asin | UnaryFn::Acos | UnaryFn::Atanh => (-0.9, 0.9),
            UnaryFn::Acosh => (1.25, 3.0),
            UnaryFn::Tan => (-1.25, 1.25),
            _ => (-2.0, 2.0),
        }
    }
}

/// Never overflows: the exponential is of a negative number.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { x.exp() / (1.0 + x.exp()) }
}

impl Attributes for UnaryFn {
    const FIELDS: &'static [&'static str] = &[];

    fn to_attrs(&self) -> Vec<(&'static str, AttrValue)> {
        Vec::new()
    }

    fn from_attrs(_attrs: &mut AttrMap) -> Result<UnaryFn, AttributeError> {
        Err(AttributeError::Missing { name: "function" })
    }
}

impl OpDef for UnaryFn {
    const NAME: &'static str = "unary";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Map;

    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn names() -> Vec<&'static str> {
        UnaryFn::ALL.iter().map(|f| f.name()).collect()
    }

    fn parse(name: &str, _attrs: &mut AttrMap) -> Option<Result<UnaryFn, AttributeError>> {
        UnaryFn::ALL.iter().find(|f| f.name() == name).copied().map(Ok)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let dtype = rule::require_class(operands, 0, self.class())?;
        rule::one(if self.is_predicate() { DType::Bool } else { dtype }, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        vec![Literal::from_scalars(results[0].clone(), operands[0].iter().map(|x| (*self).eval(x)))]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self {
            UnaryFn::Sign
            | UnaryFn::Floor
            | UnaryFn::Ceil
            | UnaryFn::RoundEven
            | UnaryFn::RoundHalfAway
            | UnaryFn::Trunc
            | UnaryFn::IsFinite
            | UnaryFn::IsNan
            | UnaryFn::IsInf
            | UnaryFn::Not
            | UnaryFn::Popcount
            | UnaryFn::Clz => Derivative::Zero,
            _ => Derivative::partials(self),
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<UnaryFn> {
        let function = *UnaryFn::ALL.iter().find(|f| f.name() == name).expect("a name of the family");
        let ty = draw.like(hint, function.class(), 0);
        let (low, high) = function.smooth();
        Sample::ulps(function, function.ulps(), [Operand { ty, values: function.values() }])
            .smooth_within(low, high)
    }
}

/// Expressed by the result where that saves a transcendental function. At a pole the derivative is infinite or NaN; `abs` has
/// the derivative 0 at 0.
impl Partials for UnaryFn {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        let (x, y) = (primal.operands[0], primal.results[0]);
        let b = &mut *primal.b;
        Ok(match self {
            UnaryFn::Neg => Partial::MinusOne,
            UnaryFn::Abs => Partial::Times(b.sign(x)?),
            UnaryFn::Sqrt => Partial::Over(b.mul_number(y, 2.0)?),
            UnaryFn::Rsqrt => {
                let quotient = b.div(y, x)?;
                Partial::Times(b.mul_number(quotient, -0.5)?)
            }
            UnaryFn::Cbrt => {
                let square = b.mul(y, y)?;
                Partial::Over(b.mul_number(square, 3.0)?)
            }
            UnaryFn::Exp => Partial::Times(y),
            UnaryFn::Expm1 => Partial::Times(b.add_number(y, 1.0)?),
            UnaryFn::Log => Partial::Over(x),
            UnaryFn::Log1p => Partial::Over(b.add_number(x, 1.0)?),
            UnaryFn::Exp2 => Partial::Times(b.mul_number(y, std::f64::consts::LN_2)?),
            UnaryFn::Log2 => Partial::Over(b.mul_number(x, std::f64::consts::LN_2)?),
            UnaryFn::Logistic => {
                let rest = b.number_minus(1.0, y)?;
                Partial::Times(b.mul(y, rest)?)
            }
            UnaryFn::Sin => Partial::Times(b.cos(x)?),
            UnaryFn::Cos => {
                let sin = b.sin(x)?;
                Partial::Times(b.neg(sin)?)
            }
            UnaryFn::Tan => Partial::Times(one_plus_square(b, y)?),
            UnaryFn::Tanh => Partial::Times(one_minus_square(b, y)?),
            UnaryFn::Asin => Partial::Over(circle(b, x)?),
            UnaryFn::Acos => {
                let root = circle(b, x)?;
                Partial::Over(b.neg(root)?)
            }
            UnaryFn::Atan => Partial::Over(one_plus_square(b, x)?),
            UnaryFn::Sinh => Partial::Times(b.cosh(x)?),
            UnaryFn::Cosh => Partial::Times(b.sinh(x)?),
            UnaryFn::Asinh => {
                let square = one_plus_square(b, x)?;
                Partial::Over(b.sqrt(square)?)
            }
            UnaryFn::Acosh => {
                let (less, more) = (b.add_number(x, -1.0)?, b.add_number(x, 1.0)?);
                let product = b.mul(less, more)?;
                Partial::Over(b.sqrt(product)?)
            }
            UnaryFn::Atanh => Partial::Over(one_minus_square(b, x)?),
            UnaryFn::Erf => Partial::Times(bell(b, x, std::f64::consts::FRAC_2_SQRT_PI)?),
            UnaryFn::Erfc => Partial::Times(bell(b, x, -std::f64::consts::FRAC_2_SQRT_PI)?),
            _ => Partial::Zero,
        })
    }
}

/// `1 + x^2`.
fn one_plus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    b.add_number(square, 1.0)
}

/// `1 - x^2`, as `(1 - x) (1 + x)`, which keeps its digits near 1.
fn one_minus_square(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let (less, more) = (b.number_minus(1.0, x)?, b.add_number(x, 1.0)?);
    b.mul(less, more)
}

/// `sqrt(1 - x^2)`.
fn circle(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let square = one_minus_square(b, x)?;
    b.sqrt(square)
}

/// `scale * e^(-x^2)`.
fn bell(b: &mut Builder, x: Value, scale: f64) -> Result<Value, BuildError> {
    let square = b.mul(x, x)?;
    let exponent = b.neg(square)?;
    let exp = b.exp(exponent)?;
    b.mul_number(exp, scale)
}
