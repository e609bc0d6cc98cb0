//! Element-wise functions of two operands of the same type.

mod complex;
mod derivative;
mod number;
mod table;

use num_complex::Complex;

use super::columns::{Accuracy, Cost};
use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::sample::Operand;
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Draw, Lowering, OpDef,
    Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, Literal, Scalar, TensorType, Value};

pub use table::BinaryFn;

/// The columns of the table.
struct Row {
    evaluation: Evaluation,
    derivative: Slopes,
    /// A range of operands without poles and kinks, for tests.
    smooth: (f64, f64),
    cost: Cost,
    commutes: Commutes,
    accuracy: Accuracy,
}

/// The value of one element, and with it the dtypes that the function takes.
enum Evaluation {
    /// Floats, integers and complex numbers.
    Field { float: FloatFn, int: IntFn, complex: ComplexFn },
    /// Floats and integers.
    Real { float: FloatFn, int: IntFn },
    /// All dtypes but complex ones.
    Any { float: FloatFn, int: IntFn, bool: fn(bool, bool) -> bool },
    /// Floats.
    Float(FloatFn),
    /// Integers and bool.
    Bits { int: IntFn, bool: fn(bool, bool) -> bool },
    /// Integers.
    Int(IntFn),
}

/// Of floats of a dtype in double precision, rounded afterwards. For sums, products and quotients of narrower floats that is the correctly rounded
/// result, because double precision has more than twice their digits.
type FloatFn = fn(DType, f64, f64) -> f64;

/// Of integers of a dtype as they are; results wrap afterwards.
type IntFn = fn(DType, i128, i128) -> i128;

/// Of complex numbers in double precision, rounded afterwards.
type ComplexFn = fn(Complex<f64>, Complex<f64>) -> Complex<f64>;

/// The partial derivatives by both operands.
enum Slopes {
    /// 0, but for jumps.
    Zero,
    /// By the operands and the result. Equal operands of `maximum` and `minimum` share the derivative equally. `pow` has no derivative
    /// by its exponent where the base is not positive, which counts as 0; so a constant integer exponent does no harm. `atan2` has the
    /// derivatives 0 at the origin. The quotients inside `rem` and `floor_mod` are constant between jumps.
    By([SlopeFn; 2]),
}

/// A partial derivative out of both operands and the result.
type SlopeFn = fn(&mut Builder, Value, Value, Value) -> Result<Partial, BuildError>;

/// Whether operands may trade places.
enum Commutes {
    /// The result has the same bits then.
    Yes,
    /// It may differ.
    No,
}

impl BinaryFn {
    /// The function of two elements of the same dtype, one that the function takes.
    pub fn eval(self, lhs: Scalar, rhs: Scalar) -> Scalar {
        let dtype = lhs.dtype();
        let floats = |f: FloatFn| Scalar::from_f64(dtype, f(dtype, lhs.to_f64(), rhs.to_f64()));
        let ints = |f: IntFn| Scalar::from_i128(dtype, f(dtype, lhs.to_i128(), rhs.to_i128()));
        match self.row().evaluation {
            Evaluation::Float(f) => floats(f),
            Evaluation::Field { complex, .. } if dtype.is_complex() => {
                Scalar::from_c128(dtype, complex(lhs.to_c128(), rhs.to_c128()))
            }
            Evaluation::Field { float, .. }
            | Evaluation::Real { float, .. }
            | Evaluation::Any { float, .. }
                if dtype.is_float() =>
            {
                floats(float)
            }
            Evaluation::Any { bool, .. } | Evaluation::Bits { bool, .. } if dtype == DType::Bool => {
                Scalar::Bool(bool(lhs.is_truthy(), rhs.is_truthy()))
            }
            Evaluation::Field { int, .. }
            | Evaluation::Real { int, .. }
            | Evaluation::Any { int, .. }
            | Evaluation::Bits { int, .. }
            | Evaluation::Int(int) => ints(int),
        }
    }
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

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, self.class())?;
        let dtype = rule::same_dtype(operands, 0, 1)?;
        rule::one(dtype, rule::same_shape(operands, 0, 1)?.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let pairs = operands[0].iter().zip(operands[1].iter());
        vec![Literal::from_scalars(results[0].clone(), pairs.map(|(x, y)| (*self).eval(x, y)))]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.row().derivative {
            Slopes::Zero => Derivative::Zero,
            Slopes::By(_) => Derivative::partials(self),
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BinaryFn> {
        let function = *BinaryFn::ALL.iter().find(|f| f.name() == name).expect("a name of the family");
        let ty = draw.like(hint, function.class(), 0);
        let (low, high) = function.row().smooth;
        if ty.dtype.is_complex() {
            let operand = Operand::moderate(ty);
            return Sample::epsilons(function, 64, [operand.clone(), operand]).smooth_within(low, high);
        }
        Sample::ulps(function, function.ulps(), [Operand::any(ty.clone()), Operand::any(ty)])
            .smooth_within(low, high)
    }
}

impl Partials for BinaryFn {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        match self.row().derivative {
            Slopes::Zero => Ok(Partial::Zero),
            Slopes::By(slopes) => {
                slopes[operand](primal.b, primal.operands[0], primal.operands[1], primal.results[0])
            }
        }
    }
}
