//! Element-wise functions of two operands of the same type.

use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::Operand;
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Draw, Lowering, OpDef,
    Primal, Sample, TypeError, Types, rule,
};
use crate::{Builder, DType, DTypeClass, Literal, Scalar, Type, Value};

/// Calls `$callback!` with the table of binary functions: `method => Variant, accepted dtypes, ULPs that a compiled f32 or
/// f64 result may be off`.
#[macro_export]
macro_rules! for_each_binary {
    ($callback:path) => {
        $callback! {
            /// `lhs + rhs`; integers wrap.
            add => Add, Number, 0;
            /// `lhs - rhs`; integers wrap.
            sub => Sub, Number, 0;
            /// `lhs * rhs`; integers wrap.
            mul => Mul, Number, 0;
            /// `lhs / rhs`; integers truncate towards zero, and `x / 0` is 0.
            div => Div, Number, 0;
            /// `floor(lhs / rhs)` with the quotient rounded first, to f32 for narrower floats; for integers `x / 0` is 0.
            floordiv => Floordiv, Number, 0;
            /// What is left by truncated division, with the sign of `lhs`; for integers `x rem 0` is `x`.
            rem => Rem, Number, 0;
            /// What is left by floored division, with the sign of `rhs` (a zero has that of `lhs`); for integers `x mod 0` is `x`.
            floor_mod => FloorMod, Number, 0;
            /// `lhs` to the power `rhs`; integers wrap, and negative powers of integers truncate towards zero.
            pow => Pow, Number, 4;
            /// The greater, with `-0 < +0`; NaN if one operand is NaN.
            maximum => Maximum, Any, 0;
            /// The lesser, with `-0 < +0`; NaN if one operand is NaN.
            minimum => Minimum, Any, 0;
            /// The angle of the point `(rhs, lhs)`, in radians from -pi to pi.
            atan2 => Atan2, Float, 4;
            /// Logical or bitwise and.
            and => And, Bits, 0;
            /// Logical or bitwise or.
            or => Or, Bits, 0;
            /// Logical or bitwise exclusive or.
            xor => Xor, Bits, 0;
            /// Shift left; 0 if `rhs` is negative or not below the width.
            shl => Shl, Int, 0;
            /// Shift right, filling with zeros; 0 if `rhs` is negative or not below the width.
            shr_logic => ShrLogic, Int, 0;
            /// Shift right, filling with the top bit; all top bits if `rhs` is negative or not below the width.
            shr_arith => ShrArith, Int, 0;
        }
    };
}

macro_rules! define_binary {
    ($($(#[doc = $doc:literal])* $name:ident => $variant:ident, $class:ident, $ulps:literal;)*) => {
        /// An element-wise function of two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum BinaryFn { $($(#[doc = $doc])* $variant),* }

        impl BinaryFn {
            /// Every function, in the order of the table.
            pub const ALL: &'static [BinaryFn] = &[$(BinaryFn::$variant),*];

            /// The mnemonic.
            pub const fn name(self) -> &'static str {
                match self { $(BinaryFn::$variant => stringify!($name)),* }
            }

            /// Dtypes that it takes.
            pub const fn class(self) -> DTypeClass {
                match self { $(BinaryFn::$variant => DTypeClass::$class),* }
            }

            /// Units in the last place that a compiled f32 or f64 result may be off; 0 means the same bits.
            pub const fn ulps(self) -> u32 {
                match self { $(BinaryFn::$variant => $ulps),* }
            }
        }

        /// One method per element-wise function of two operands. Each fails unless both operands have the same type, of an
        /// accepted dtype.
        impl crate::Builder {
            $($(#[doc = $doc])*
            pub fn $name(&mut self, lhs: crate::Value, rhs: crate::Value) -> Result<crate::Value, crate::BuildError> {
                self.push_one(BinaryFn::$variant, &[lhs, rhs])
            })*
        }
    };
}
for_each_binary!(define_binary);

impl BinaryFn {
    /// The function of two elements of the same dtype, one that the function takes.
    pub fn eval(self, lhs: Scalar, rhs: Scalar) -> Scalar {
        let dtype = lhs.dtype();
        if !dtype.is_float() {
            return Scalar::from_i128(dtype, self.eval_int(lhs, rhs));
        }
        let (x, y) = (lhs.to_f64(), rhs.to_f64());
        match self {
            // The quotient is rounded before it is floored, to f32 for narrower floats.
            BinaryFn::Floordiv if dtype == DType::F64 => Scalar::F64((x / y).floor()),
            BinaryFn::Floordiv => Scalar::from_f64(dtype, f64::from(((x / y) as f32).floor())),
            _ => Scalar::from_f64(dtype, self.eval_float(x, y)),
        }
    }

    /// Rounded to the operands' dtype by the caller: for sums, products and quotients of narrower floats that is the
    /// correctly rounded result, because double precision has more than twice their digits.
    fn eval_float(self, x: f64, y: f64) -> f64 {
        match self {
            BinaryFn::Add => x + y,
            BinaryFn::Sub => x - y,
            BinaryFn::Mul => x * y,
            BinaryFn::Div => x / y,
            BinaryFn::Rem => x % y,
            BinaryFn::FloorMod => floor_mod(x, y),
            BinaryFn::Pow => pow(x, y),
            BinaryFn::Maximum => maximum(x, y),
            BinaryFn::Minimum => -maximum(-x, -y),
            BinaryFn::Atan2 => x.atan2(y),
            _ => unreachable!("{} takes no floats here", self.name()),
        }
    }

    /// A range of operands without poles.
    fn smooth(self) -> (f64, f64) {
        match self {
            BinaryFn::Div | BinaryFn::Floordiv | BinaryFn::Rem | BinaryFn::FloorMod | BinaryFn::Pow => {
                (0.5, 2.0)
            }
            _ => (-2.0, 2.0),
        }
    }

    fn eval_int(self, lhs: Scalar, rhs: Scalar) -> i128 {
        let (x, y) = (lhs.to_i128(), rhs.to_i128());
        let width = i128::from(lhs.dtype().bits());
        let in_width = (0..width).contains(&y);
        match self {
            BinaryFn::Add => x + y,
            BinaryFn::Sub => x - y,
            BinaryFn::Mul => x.wrapping_mul(y),
            BinaryFn::Div => {
                if y == 0 {
                    0
                } else {
                    x / y
                }
            }
            BinaryFn::Floordiv => {
                if y == 0 {
                    0
                } else {
                    (x - x.wrapping_rem(y) - correction(x, y)) / y
                }
            }
            BinaryFn::Rem => {
                if y == 0 {
                    x
                } else {
                    x % y
                }
            }
            BinaryFn::FloorMod => {
                if y == 0 {
                    x
                } else {
                    x % y + correction(x, y)
                }
            }
            BinaryFn::Pow => pow_int(lhs, y),
            BinaryFn::Maximum => x.max(y),
            BinaryFn::Minimum => x.min(y),
            BinaryFn::And => x & y,
            BinaryFn::Or => x | y,
            BinaryFn::Xor => x ^ y,
            BinaryFn::Shl => {
                if in_width {
                    x << y
                } else {
                    0
                }
            }
            BinaryFn::ShrLogic => {
                if in_width {
                    (lhs.bits() >> y) as i128
                } else {
                    0
                }
            }
            BinaryFn::ShrArith => sign_extended(lhs) >> if in_width { y } else { width - 1 },
            BinaryFn::Atan2 => unreachable!("atan2 takes no integers"),
        }
    }
}

/// What floored remainder adds to truncated remainder: the divisor, if signs differ and division is not exact.
fn correction(x: i128, y: i128) -> i128 {
    if x % y != 0 && (x < 0) != (y < 0) { y } else { 0 }
}

fn sign_extended(x: Scalar) -> i128 {
    let unused = 128 - x.dtype().bits();
    ((x.bits() as i128) << unused) >> unused
}

fn floor_mod(x: f64, y: f64) -> f64 {
    let r = x % y;
    if r != 0.0 && (r < 0.0) != (y < 0.0) { r + y } else { r }
}

fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        f64::NAN
    } else if x == y {
        if x.is_sign_negative() { y } else { x }
    } else {
        x.max(y)
    }
}

/// Squares are correctly rounded.
fn pow(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else { x.powf(y) }
}

/// By repeated squaring in the dtype's own width.
fn pow_int(base: Scalar, exponent: i128) -> i128 {
    let wrap = |v: i128| Scalar::from_i128(base.dtype(), v).to_i128();
    let base_value = base.to_i128();
    if exponent < 0 {
        return match base_value {
            1 => 1,
            -1 => {
                if exponent % 2 == 0 {
                    1
                } else {
                    -1
                }
            }
            _ => 0,
        };
    }
    let (mut result, mut square, mut left) = (1i128, base_value, exponent);
    while left > 0 {
        if left & 1 == 1 {
            result = wrap(result.wrapping_mul(square));
        }
        square = wrap(square.wrapping_mul(square));
        left >>= 1;
    }
    result
}

impl Attributes for BinaryFn {
    const FIELDS: &'static [&'static str] = &[];

    fn to_attrs(&self) -> Vec<(&'static str, AttrValue)> {
        Vec::new()
    }

    fn from_attrs(_attrs: &mut AttrMap) -> Result<BinaryFn, AttributeError> {
        Err(AttributeError::Missing { name: "function" })
    }
}

impl OpDef for BinaryFn {
    const NAME: &'static str = "binary";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Map;

    fn name(&self) -> &'static str {
        (*self).name()
    }

    fn names() -> Vec<&'static str> {
        BinaryFn::ALL.iter().map(|f| f.name()).collect()
    }

    fn parse(name: &str, _attrs: &mut AttrMap) -> Option<Result<BinaryFn, AttributeError>> {
        BinaryFn::ALL.iter().find(|f| f.name() == name).copied().map(Ok)
    }

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        rule::require_class(operands, 0, self.class())?;
        let dtype = rule::same_dtype(operands, 0, 1)?;
        rule::one(dtype, rule::same_shape(operands, 0, 1)?.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let pairs = operands[0].iter().zip(operands[1].iter());
        vec![Literal::from_scalars(results[0].clone(), pairs.map(|(x, y)| (*self).eval(x, y)))]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self {
            BinaryFn::Floordiv
            | BinaryFn::And
            | BinaryFn::Or
            | BinaryFn::Xor
            | BinaryFn::Shl
            | BinaryFn::ShrLogic
            | BinaryFn::ShrArith => Derivative::Zero,
            _ => Derivative::partials(self),
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<BinaryFn> {
        let function = *BinaryFn::ALL.iter().find(|f| f.name() == name).expect("a name of the family");
        let ty = draw.like(hint, function.class(), 0);
        let (low, high) = function.smooth();
        Sample::ulps(function, function.ulps(), [Operand::any(ty.clone()), Operand::any(ty)])
            .smooth_within(low, high)
    }
}

/// Equal operands of `maximum` and `minimum` share the derivative equally. `pow` has no derivative by its exponent where the
/// base is not positive, which counts as 0; so a constant integer exponent does no harm. `atan2` has the
/// derivatives 0 at the origin. The quotients inside `rem` and
/// `floor_mod` are constant between jumps.
impl Partials for BinaryFn {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let (x, y, result) = (primal.operands[0], primal.operands[1], primal.results[0]);
        let b = &mut *primal.b;
        Ok(match (self, operand) {
            (BinaryFn::Add, _) | (BinaryFn::Sub | BinaryFn::Rem | BinaryFn::FloorMod, 0) => Partial::One,
            (BinaryFn::Sub, _) => Partial::MinusOne,
            (BinaryFn::Mul, 0) => Partial::Times(y),
            (BinaryFn::Mul, _) => Partial::Times(x),
            (BinaryFn::Div, 0) => Partial::Over(y),
            (BinaryFn::Div, _) => {
                let quotient = b.div(result, y)?;
                Partial::Times(b.neg(quotient)?)
            }
            (BinaryFn::Rem | BinaryFn::FloorMod, _) => {
                let multiple = b.sub(result, x)?;
                let quotient = b.div(multiple, y)?;
                Partial::Times(b.round_even(quotient)?)
            }
            (BinaryFn::Pow, 0) => Partial::Times(power_by_base(b, x, y)?),
            (BinaryFn::Pow, _) => Partial::Times(power_by_exponent(b, x, result)?),
            (BinaryFn::Maximum, 0) | (BinaryFn::Minimum, 1) => Partial::Times(share(b, x, y)?),
            (BinaryFn::Maximum, _) | (BinaryFn::Minimum, _) => Partial::Times(share(b, y, x)?),
            (BinaryFn::Atan2, 0) => Partial::Times(over_square_distance(b, y, x, y)?),
            (BinaryFn::Atan2, _) => {
                let sine = over_square_distance(b, x, x, y)?;
                Partial::Times(b.neg(sine)?)
            }
            _ => Partial::Zero,
        })
    }
}

/// `y x^(y - 1)`, and 0 at the origin, where infinity times 0 would be NaN.
fn power_by_base(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let (base, exponent) = (b.equals(x, 0.0)?, b.equals(y, 0.0)?);
    let origin = b.and(base, exponent)?;
    let less = b.add_number(y, -1.0)?;
    let less = b.number_where(origin, 1.0, less)?;
    let power = b.pow(x, less)?;
    b.mul(y, power)
}

/// `x^y log x` where `x` is positive, else 0. The logarithm is of 1 where it does not count.
fn power_by_exponent(b: &mut Builder, x: Value, power: Value) -> Result<Value, BuildError> {
    let zero = b.full_like(0.0, x)?;
    let undefined = b.le(x, zero)?;
    let base = b.number_where(undefined, 1.0, x)?;
    let log = b.log(base)?;
    let product = b.mul(log, power)?;
    b.select(undefined, zero, product)
}

/// 1 where `x` is greater, 1/2 where both are equal, else 0.
fn share(b: &mut Builder, x: Value, y: Value) -> Result<Value, BuildError> {
    let dtype = b.ty(x).dtype;
    let (greater, equal) = (b.gt(x, y)?, b.eq(x, y)?);
    let whole = b.cast(greater, dtype)?;
    b.number_where(equal, 0.5, whole)
}

/// `z / (x^2 + y^2)`, and 0 at the origin.
fn over_square_distance(b: &mut Builder, z: Value, x: Value, y: Value) -> Result<Value, BuildError> {
    let (x, y) = (b.mul(x, x)?, b.mul(y, y)?);
    let sum = b.add(x, y)?;
    b.divide_no_nan(z, sum)
}
