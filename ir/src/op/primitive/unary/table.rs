//! The table of functions of one operand: a row has all that is known about one, and a forgotten column does not compile.

use std::f64::consts::{FRAC_2_SQRT_PI, LOG2_E};

use super::Evaluation::{Additive, Bits, Count, Float, Inexact, Magnitude, Same, Signed, Test};
use super::Row;
use super::Slope::{By, Zero};
use super::derivative::{
    bell, circle, exp2_slope, hump, one_minus_square, one_plus_square, over_distance, over_one_plus_square,
    sign_of,
};
use super::{Parts, complex, float};
use crate::DTypeClass;
use crate::op::derivative::Partial;
use crate::op::primitive::columns::Accuracy::{Exact, Ulps};
use crate::op::primitive::columns::Cost;
use crate::op::primitive::columns::CostClass::{self, Simple, Slow, VectorMath};

/// Calls `$callback!` with the table of unary functions: `method => Variant { columns };`, each with its documentation. The
/// columns mean something in `ir` only.
#[macro_export]
macro_rules! for_each_unary {
    ($callback:path) => {
        $callback! {
            /// `-x`; integers wrap.
            #[doc(alias = "negative")]
            neg => Neg {
                evaluation: Additive { float: |x| -x, int: |x| -x, complex: |x| -x },
                derivative: By(|_, _, _| Ok(Partial::MinusOne)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// `|x|`; integers wrap. Of complex numbers the distance from 0, a real number.
            #[doc(alias("absolute", "fabs"))]
            abs => Abs {
                evaluation: Magnitude { float: f64::abs, int: i128::abs },
                derivative: By(|b, x, _| sign_of(b, x)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// -1, 0 or 1; floats keep the sign of zero, NaN stays NaN.
            #[doc(alias("signum", "sgn"))]
            sign => Sign {
                evaluation: Signed { float: float::sign, int: i128::signum },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Square root.
            sqrt => Sqrt {
                evaluation: Inexact { float: f64::sqrt, complex: complex::sqrt },
                derivative: By(|b, _, y| {
                    // The root of -0 is -0, where the slope is infinity as on the other side.
                    let twice = b.mul_number(y, 2.0)?;
                    b.add_number(twice, 0.0).map(Partial::Over)
                }),
                smooth: (0.25, 2.0),
                cost: Cost::same(Slow),
                accuracy: Exact,
            };
            /// `1 / sqrt(x)`.
            rsqrt => Rsqrt {
                evaluation: Inexact { float: |x| 1.0 / x.sqrt(), complex: complex::rsqrt },
                derivative: By(|b, x, y| {
                    let half = b.mul_number(y, -0.5)?;
                    b.div(half, x).map(Partial::Times)
                }),
                smooth: (0.25, 2.0),
                cost: Cost::same(Slow),
                accuracy: Ulps(2),
            };
            /// Cube root; of a complex number the principal one, whose angle is a third.
            cbrt => Cbrt {
                evaluation: Inexact { float: f64::cbrt, complex: complex::cbrt },
                derivative: By(|b, _, y| {
                    let square = b.mul(y, y)?;
                    b.mul_number(square, 3.0).map(Partial::Over)
                }),
                smooth: (0.25, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// The largest integer not above `x`.
            floor => Floor {
                evaluation: Float(f64::floor),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// The smallest integer not below `x`.
            ceil => Ceil {
                evaluation: Float(f64::ceil),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// The nearest integer, ties to even.
            #[doc(alias("round_ties_even", "rint", "roundeven"))]
            round_even => RoundEven {
                evaluation: Float(f64::round_ties_even),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// The nearest integer, ties away from zero.
            round_half_away => RoundHalfAway {
                evaluation: Float(f64::round),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// `x` without its fraction.
            #[doc(alias = "fix")]
            trunc => Trunc {
                evaluation: Float(f64::trunc),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Whether `x` is neither infinite nor NaN.
            #[doc(alias = "isfinite")]
            is_finite => IsFinite {
                evaluation: Test { part: f64::is_finite, parts: Parts::All },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Whether `x` is NaN.
            #[doc(alias = "isnan")]
            is_nan => IsNan {
                evaluation: Test { part: f64::is_nan, parts: Parts::Any },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Whether `x` is infinite.
            #[doc(alias("isinf", "is_infinite", "isneginf", "isposinf"))]
            is_inf => IsInf {
                evaluation: Test { part: f64::is_infinite, parts: Parts::Any },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// `e^x`.
            exp => Exp {
                evaluation: Inexact { float: f64::exp, complex: complex::exp },
                derivative: By(|_, _, y| Ok(Partial::Times(y))),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// `e^x - 1`, accurate near 0.
            #[doc(alias = "exp_m1")]
            expm1 => Expm1 {
                evaluation: Inexact { float: f64::exp_m1, complex: complex::expm1 },
                derivative: By(|b, x, _| b.exp(x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// Natural logarithm.
            log => Log {
                evaluation: Inexact { float: f64::ln, complex: complex::log },
                derivative: By(|_, x, _| Ok(Partial::Over(x))),
                smooth: (0.25, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// `log(1 + x)`, accurate near 0.
            #[doc(alias = "ln_1p")]
            log1p => Log1p {
                evaluation: Inexact { float: f64::ln_1p, complex: complex::log1p },
                derivative: By(|b, x, _| b.add_number(x, 1.0).map(Partial::Over)),
                smooth: (-0.5, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// `2^x`.
            exp2 => Exp2 {
                evaluation: Inexact { float: f64::exp2, complex: complex::exp2 },
                derivative: By(|b, x, _| exp2_slope(b, x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// Logarithm to base 2.
            log2 => Log2 {
                evaluation: Inexact { float: f64::log2, complex: complex::log2 },
                derivative: By(|b, x, _| {
                    let scale = b.full_like(LOG2_E, x)?;
                    b.div(scale, x).map(Partial::Times)
                }),
                smooth: (0.25, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// `1 / (1 + e^-x)`.
            #[doc(alias = "expit")]
            logistic => Logistic {
                evaluation: Float(float::logistic),
                derivative: By(|b, x, _| hump(b, x, 1.0).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(3),
            };
            /// Sine of an angle in radians.
            sin => Sin {
                evaluation: Inexact { float: f64::sin, complex: complex::sin },
                derivative: By(|b, x, _| b.cos(x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// Cosine of an angle in radians.
            cos => Cos {
                evaluation: Inexact { float: f64::cos, complex: complex::cos },
                derivative: By(|b, x, _| {
                    let sin = b.sin(x)?;
                    b.neg(sin).map(Partial::Times)
                }),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// Tangent of an angle in radians.
            tan => Tan {
                evaluation: Inexact { float: f64::tan, complex: complex::tan },
                derivative: By(|b, _, y| one_plus_square(b, y).map(Partial::Times)),
                smooth: (-1.25, 1.25),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Hyperbolic tangent.
            tanh => Tanh {
                evaluation: Inexact { float: f64::tanh, complex: complex::tanh },
                derivative: By(|b, x, y| {
                    if b.tensor(x).dtype.is_complex() {
                        return one_minus_square(b, y).map(Partial::Times);
                    }
                    let quarter = hump(b, x, 2.0)?;
                    b.mul_number(quarter, 4.0).map(Partial::Times)
                }),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// Arc sine, in radians.
            #[doc(alias = "arcsin")]
            asin => Asin {
                evaluation: Inexact { float: f64::asin, complex: complex::asin },
                derivative: By(|b, x, _| circle(b, x).map(Partial::Over)),
                smooth: (-0.9, 0.9),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Arc cosine, in radians.
            #[doc(alias = "arccos")]
            acos => Acos {
                evaluation: Inexact { float: f64::acos, complex: complex::acos },
                derivative: By(|b, x, _| {
                    let root = circle(b, x)?;
                    b.neg(root).map(Partial::Over)
                }),
                smooth: (-0.9, 0.9),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Arc tangent, in radians.
            #[doc(alias = "arctan")]
            atan => Atan {
                evaluation: Inexact { float: f64::atan, complex: complex::atan },
                derivative: By(|b, x, _| over_one_plus_square(b, x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Hyperbolic sine.
            sinh => Sinh {
                evaluation: Inexact { float: f64::sinh, complex: complex::sinh },
                derivative: By(|b, x, _| b.cosh(x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Hyperbolic cosine.
            cosh => Cosh {
                evaluation: Inexact { float: f64::cosh, complex: complex::cosh },
                derivative: By(|b, x, _| b.sinh(x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Inverse hyperbolic sine.
            #[doc(alias = "arcsinh")]
            asinh => Asinh {
                evaluation: Inexact { float: libm::asinh, complex: complex::asinh },
                derivative: By(|b, x, _| over_distance(b, x).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Inverse hyperbolic cosine.
            #[doc(alias = "arccosh")]
            acosh => Acosh {
                evaluation: Inexact { float: float::acosh, complex: complex::acosh },
                derivative: By(|b, x, _| {
                    let (less, more) = (b.add_number(x, -1.0)?, b.add_number(x, 1.0)?);
                    let (less, more) = (b.sqrt(less)?, b.sqrt(more)?);
                    b.mul(less, more).map(Partial::Over)
                }),
                smooth: (1.25, 3.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Inverse hyperbolic tangent.
            #[doc(alias = "arctanh")]
            atanh => Atanh {
                evaluation: Inexact { float: libm::atanh, complex: complex::atanh },
                derivative: By(|b, x, _| one_minus_square(b, x).map(Partial::Over)),
                smooth: (-0.9, 0.9),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// The error function.
            erf => Erf {
                evaluation: Float(libm::erf),
                derivative: By(|b, x, _| bell(b, x, FRAC_2_SQRT_PI).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(2),
            };
            /// `1 - erf(x)`, accurate for large `x`.
            erfc => Erfc {
                evaluation: Float(libm::erfc),
                derivative: By(|b, x, _| bell(b, x, -FRAC_2_SQRT_PI).map(Partial::Times)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                accuracy: Ulps(4),
            };
            /// Logical or bitwise complement.
            #[doc(alias("logical_not", "bitwise_not", "invert"))]
            not => Not {
                evaluation: Bits { int: |x| !x, bool: |x| !x },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Number of one bits.
            #[doc(alias("count_ones", "population_count"))]
            popcount => Popcount {
                evaluation: Count(|bits, _| bits.count_ones()),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
            /// Number of leading zero bits.
            #[doc(alias = "leading_zeros")]
            clz => Clz {
                evaluation: Count(|bits, width| bits.leading_zeros() - (64 - width)),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Slow),
                accuracy: Exact,
            };
            /// The operand itself, behind which the optimiser does not look: what it is made of is neither folded into what uses it, nor reordered with that, nor
            /// rounded together with it. To differentiation it is the identity.
            #[doc(alias("opaque", "black_box"))]
            optimization_barrier => OptimizationBarrier {
                evaluation: Same,
                derivative: By(|_, _, _| Ok(Partial::One)),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                accuracy: Exact,
            };
        }
    };
}

macro_rules! define_unary {
    ($($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)*) => {
        /// An element-wise function of one operand.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum UnaryFn { $($(#[$meta])* $variant),* }

        static ROWS: &[Row] = &[$(Row $row),*];

        impl UnaryFn {
            /// Every function, in the order of the table.
            pub const ALL: &'static [UnaryFn] = &[$(UnaryFn::$variant),*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self { $(UnaryFn::$variant => stringify!($name)),* }
            }
        }

        /// One method per element-wise function of one operand. Each fails if the dtype is not accepted.
        impl crate::Builder {
            $($(#[$meta])*
            pub fn $name(&mut self, x: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(UnaryFn::$variant, &[x])
            })*
        }
    };
}
for_each_unary!(define_unary);

impl UnaryFn {
    pub(super) const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Dtypes that it takes.
    pub const fn class(self) -> DTypeClass {
        match self.row().evaluation {
            Same => DTypeClass::Any,
            Float(_) => DTypeClass::Float,
            Inexact { .. } | Test { .. } => DTypeClass::Inexact,
            Signed { .. } => DTypeClass::Signed,
            Additive { .. } | Magnitude { .. } => DTypeClass::Additive,
            Bits { .. } => DTypeClass::Bits,
            Count(_) => DTypeClass::Int,
        }
    }

    /// Whether the result is bool and not of the operand's dtype.
    pub const fn is_predicate(self) -> bool {
        matches!(self.row().evaluation, Test { .. })
    }

    /// Class of the work of one element of `dtype`.
    pub const fn work(self, dtype: crate::DType) -> CostClass {
        self.row().cost.of(dtype)
    }

    /// Units in the last place that a compiled f32 or f64 result may be off, for tests; 0 means the same bits.
    pub const fn ulps(self) -> u32 {
        self.row().accuracy.ulps()
    }
}
