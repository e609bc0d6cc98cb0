//! The table of functions of two operands: a row has all that is known about one, and a forgotten column does not compile.

use super::Evaluation::{Any, Bits, Field, Float, Int, Real};
use super::Slopes::{By, Zero};
use super::derivative::{minus_quotient, over_square_distance, power_by_base, power_by_exponent, share};
use super::{Commutes, Row, complex, number};
use crate::op::derivative::Partial;
use crate::op::primitive::columns::Accuracy::{Exact, Ulps};
use crate::op::primitive::columns::Cost;
use crate::op::primitive::columns::CostClass::{self, ByElement, Simple, Slow, VectorMath};
use crate::{DType, DTypeClass};

/// Vectors of floats are divided by one instruction, integers one by one.
const DIVISION: Cost = Cost { float: Slow, other: ByElement };

/// Calls `$callback!` with the table of binary functions: `method => Variant { columns };`, each with its documentation. The
/// columns mean something in `ir` only.
#[macro_export]
macro_rules! for_each_binary {
    ($callback:path) => {
        $callback! {
            /// `lhs + rhs`; integers wrap.
            add => Add {
                evaluation: Field { float: |_, x, y| x + y, int: |_, x, y| x + y, complex: |x, y| x + y },
                derivative: By([|_, _, _, _| Ok(Partial::One), |_, _, _, _| Ok(Partial::One)]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// `lhs - rhs`; integers wrap.
            #[doc(alias = "subtract")]
            sub => Sub {
                evaluation: Field { float: |_, x, y| x - y, int: |_, x, y| x - y, complex: |x, y| x - y },
                derivative: By([|_, _, _, _| Ok(Partial::One), |_, _, _, _| Ok(Partial::MinusOne)]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// `lhs * rhs`; integers wrap.
            #[doc(alias = "multiply")]
            mul => Mul {
                evaluation: Field { float: |_, x, y| x * y, int: |_, x, y| x.wrapping_mul(y), complex: |x, y| x * y },
                derivative: By([|_, _, y, _| Ok(Partial::Times(y)), |_, x, _, _| Ok(Partial::Times(x))]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// `lhs / rhs`; integers truncate towards zero, and `x / 0` is 0.
            #[doc(alias("divide", "true_divide"))]
            div => Div {
                evaluation: Field { float: |_, x, y| x / y, int: |_, x, y| number::div(x, y), complex: complex::div },
                derivative: By([
                    |_, _, y, _| Ok(Partial::Over(y)),
                    |b, _, y, z| {
                        let quotient = b.div(z, y)?;
                        b.neg(quotient).map(Partial::Times)
                    },
                ]),
                smooth: (0.5, 2.0),
                cost: DIVISION,
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// `floor(lhs / rhs)` with the quotient rounded first, to f32 for narrower floats; for integers `x / 0` is 0.
            #[doc(alias("floor_divide", "div_euclid"))]
            floordiv => Floordiv {
                evaluation: Real { float: number::float_floordiv, int: |_, x, y| number::floordiv(x, y) },
                derivative: Zero,
                smooth: (0.5, 2.0),
                cost: DIVISION,
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// What is left by truncated division, with the sign of `lhs`; for integers `x rem 0` is `x`.
            #[doc(alias = "fmod")]
            rem => Rem {
                evaluation: Real { float: |_, x, y| x % y, int: |_, x, y| number::rem(x, y) },
                derivative: By([
                    |_, _, _, _| Ok(Partial::One),
                    |b, x, y, z| minus_quotient(b, x, y, z).map(Partial::Times),
                ]),
                smooth: (0.5, 2.0),
                cost: Cost::same(ByElement),
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// What is left by floored division, with the sign of `rhs` (a zero has that of `lhs`); for integers `x mod 0` is `x`.
            #[doc(alias("mod", "remainder", "rem_euclid"))]
            floor_mod => FloorMod {
                evaluation: Real { float: |_, x, y| number::float_mod(x, y), int: |_, x, y| number::floor_mod(x, y) },
                derivative: By([
                    |_, _, _, _| Ok(Partial::One),
                    |b, x, y, z| minus_quotient(b, x, y, z).map(Partial::Times),
                ]),
                smooth: (0.5, 2.0),
                cost: Cost::same(ByElement),
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// `lhs` to the power `rhs`; integers wrap, and negative powers of integers truncate towards zero.
            #[doc(alias = "power")]
            pow => Pow {
                evaluation: Field { float: |_, x, y| number::pow(x, y), int: number::int_pow, complex: complex::pow },
                derivative: By([
                    |b, x, y, z| power_by_base(b, x, y, z).map(Partial::Times),
                    |b, x, _, z| power_by_exponent(b, x, z).map(Partial::Times),
                ]),
                smooth: (0.5, 2.0),
                cost: Cost { float: VectorMath, other: ByElement },
                commutes: Commutes::No,
                accuracy: Ulps(4),
            };
            /// The greater, with `-0 < +0`; NaN if one operand is NaN.
            maximum => Maximum {
                evaluation: Any { float: |_, x, y| number::maximum(x, y), int: |_, x, y| x.max(y), bool: |x, y| x | y },
                derivative: By([
                    |b, x, y, _| share(b, x, y),
                    |b, x, y, _| share(b, y, x),
                ]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// The lesser, with `-0 < +0`; NaN if one operand is NaN.
            minimum => Minimum {
                evaluation: Any { float: |_, x, y| -number::maximum(-x, -y), int: |_, x, y| x.min(y), bool: |x, y| x & y },
                derivative: By([
                    |b, x, y, _| share(b, y, x),
                    |b, x, y, _| share(b, x, y),
                ]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// The angle of the point `(rhs, lhs)`, in radians from -pi to pi.
            #[doc(alias = "arctan2")]
            atan2 => Atan2 {
                evaluation: Float(|_, x, y| x.atan2(y)),
                derivative: By([
                    |b, x, y, _| over_square_distance(b, y, x, y).map(Partial::Times),
                    |b, x, y, _| {
                        let sine = over_square_distance(b, x, x, y)?;
                        b.neg(sine).map(Partial::Times)
                    },
                ]),
                smooth: (-2.0, 2.0),
                cost: Cost::same(VectorMath),
                commutes: Commutes::No,
                accuracy: Ulps(4),
            };
            /// Logical or bitwise and.
            #[doc(alias("logical_and", "bitwise_and"))]
            and => And {
                evaluation: Bits { int: |_, x, y| x & y, bool: |x, y| x & y },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// Logical or bitwise or.
            #[doc(alias("logical_or", "bitwise_or"))]
            or => Or {
                evaluation: Bits { int: |_, x, y| x | y, bool: |x, y| x | y },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// Logical or bitwise exclusive or.
            #[doc(alias("logical_xor", "bitwise_xor"))]
            xor => Xor {
                evaluation: Bits { int: |_, x, y| x ^ y, bool: |x, y| x ^ y },
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::Yes,
                accuracy: Exact,
            };
            /// Shift left; 0 if `rhs` is negative or not below the width.
            #[doc(alias = "left_shift")]
            shl => Shl {
                evaluation: Int(number::shl),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// Shift right, filling with zeros; 0 if `rhs` is negative or not below the width.
            #[doc(alias = "shift_right_logical")]
            shr_logic => ShrLogic {
                evaluation: Int(number::shr_logic),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::No,
                accuracy: Exact,
            };
            /// Shift right, filling with the top bit; all top bits if `rhs` is negative or not below the width.
            #[doc(alias("right_shift", "shift_right_arithmetic"))]
            shr_arith => ShrArith {
                evaluation: Int(number::shr_arith),
                derivative: Zero,
                smooth: (-2.0, 2.0),
                cost: Cost::same(Simple),
                commutes: Commutes::No,
                accuracy: Exact,
            };
        }
    };
}

macro_rules! define_binary {
    ($($(#[$meta:meta])* $name:ident => $variant:ident $row:tt;)*) => {
        /// An element-wise function of two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BinaryFn { $($(#[$meta])* $variant),* }

        static ROWS: &[Row] = &[$(Row $row),*];

        impl BinaryFn {
            /// Every function, in the order of the table.
            pub const ALL: &'static [BinaryFn] = &[$(BinaryFn::$variant),*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self { $(BinaryFn::$variant => stringify!($name)),* }
            }
        }

        /// One method per element-wise function of two operands. Each fails unless both operands have the same type, of an
        /// accepted dtype.
        impl crate::Builder {
            $($(#[$meta])*
            pub fn $name(&mut self, lhs: crate::Value, rhs: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(BinaryFn::$variant, &[lhs, rhs])
            })*
        }
    };
}
for_each_binary!(define_binary);

impl BinaryFn {
    pub(super) const fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Dtypes that it takes.
    pub const fn class(self) -> DTypeClass {
        match self.row().evaluation {
            Field { .. } => DTypeClass::Number,
            Real { .. } => DTypeClass::Real,
            Any { .. } => DTypeClass::Ordered,
            Float(_) => DTypeClass::Float,
            Bits { .. } => DTypeClass::Bits,
            Int(_) => DTypeClass::Int,
        }
    }

    /// Class of the work of one element of `dtype`.
    pub const fn work(self, dtype: DType) -> CostClass {
        self.row().cost.of(dtype)
    }

    /// Whether the function gives the same bits when its operands trade places.
    pub const fn commutes(self) -> bool {
        matches!(self.row().commutes, Commutes::Yes)
    }

    /// Units in the last place that a compiled f32 or f64 result may be off, for tests; 0 means the same bits.
    pub const fn ulps(self) -> u32 {
        self.row().accuracy.ulps()
    }
}
