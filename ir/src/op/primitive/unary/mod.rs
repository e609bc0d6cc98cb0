//! Element-wise functions of one operand.

pub(in crate::op) mod complex;
mod derivative;
mod float;
mod table;

use num_complex::Complex;
use smallvec::smallvec;

use super::columns::{Accuracy, Cost};
use crate::builder::BuildError;
use crate::op::derivative::{Differentiable, Partial, Partials};
use crate::op::sample::Operand;
use crate::op::{
    Arity, AttrMap, AttrValue, AttributeError, Attributes, Batching, Derivative, Derivatives, Draw, Lowering,
    OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, Literal, Scalar, TensorType, Value};

pub(super) use derivative::exp_minus_square;
pub use table::UnaryFn;

/// The columns of the table.
struct Row {
    evaluation: Evaluation,
    derivative: Slope,
    /// A range of operands without poles and kinks, for tests.
    smooth: (f64, f64),
    cost: Cost,
    accuracy: Accuracy,
}

/// The value of one element, and with it the dtypes that the function takes. Floats are computed in double precision, which is enough
/// for exactly rounded narrow results.
enum Evaluation {
    /// All dtypes, the element itself.
    Same,
    /// Floats.
    Float(fn(f64) -> f64),
    /// Floats and complex numbers.
    Inexact { float: fn(f64) -> f64, complex: fn(Complex<f64>) -> Complex<f64> },
    /// Floats, to bool, and complex numbers by what holds of their parts.
    Test { part: fn(f64) -> bool, parts: Parts },
    /// Floats and signed integers, whose results wrap.
    Signed { float: fn(f64) -> f64, int: fn(i128) -> i128 },
    /// Floats, signed integers and complex numbers.
    Additive { float: fn(f64) -> f64, int: fn(i128) -> i128, complex: fn(Complex<f64>) -> Complex<f64> },
    /// As `Signed`, and complex numbers, to a real number: their distance from 0.
    Magnitude { float: fn(f64) -> f64, int: fn(i128) -> i128 },
    /// Integers and bool.
    Bits { int: fn(i128) -> i128, bool: fn(bool) -> bool },
    /// Integers, as their bits and the width in bits.
    Count(fn(u64, u32) -> u32),
}

/// Of which parts of a complex number something must hold.
#[derive(Clone, Copy)]
enum Parts {
    All,
    Any,
}

/// The derivative.
enum Slope {
    /// 0, but for jumps.
    Zero,
    /// By the operand and the result, which saves a transcendental function in places. At a pole it is infinite or NaN; `abs` has the
    /// derivative 0 at 0.
    By(fn(&mut Builder, Value, Value) -> Result<Partial, BuildError>),
}

impl UnaryFn {
    /// The function of one element, of a dtype that the function takes.
    pub fn eval(self, x: Scalar) -> Scalar {
        let dtype = x.dtype();
        match self.row().evaluation {
            Evaluation::Same => x,
            Evaluation::Test { part, parts } => {
                let mut found = x.parts().into_iter().map(|x| part(x.to_f64()));
                Scalar::Bool(match parts {
                    Parts::All => found.all(|holds| holds),
                    Parts::Any => found.any(|holds| holds),
                })
            }
            Evaluation::Inexact { complex, .. } | Evaluation::Additive { complex, .. }
                if dtype.is_complex() =>
            {
                Scalar::from_c128(dtype, complex(x.to_c128()))
            }
            Evaluation::Magnitude { .. } if dtype.is_complex() => {
                let z = x.to_c128();
                Scalar::from_f64(dtype.part(), z.re.hypot(z.im))
            }
            Evaluation::Inexact { float: f, .. } => Scalar::from_f64(dtype, f(x.to_f64())),
            Evaluation::Float(f) => Scalar::from_f64(dtype, f(x.to_f64())),
            Evaluation::Signed { float, .. }
            | Evaluation::Additive { float, .. }
            | Evaluation::Magnitude { float, .. }
                if dtype.is_float() =>
            {
                Scalar::from_f64(dtype, float(x.to_f64()))
            }
            Evaluation::Bits { bool, .. } if dtype == DType::Bool => Scalar::Bool(bool(x.is_truthy())),
            Evaluation::Signed { int, .. }
            | Evaluation::Additive { int, .. }
            | Evaluation::Magnitude { int, .. }
            | Evaluation::Bits { int, .. } => Scalar::from_i128(dtype, int(x.to_i128())),
            Evaluation::Count(f) => Scalar::from_i128(dtype, f(x.bits(), dtype.bits()).into()),
        }
    }
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

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, self.class())?;
        let result = match self.row().evaluation {
            Evaluation::Test { .. } => DType::Bool,
            Evaluation::Magnitude { .. } => dtype.part(),
            _ => dtype,
        };
        rule::one(result, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        vec![Literal::from_scalars(results[0].clone(), operands[0].iter().map(|x| (*self).eval(x)))]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.row().derivative {
            Slope::Zero => Derivative::Zero,
            Slope::By(_) if *self == UnaryFn::Abs => Derivative::both(self),
            Slope::By(_) => Derivative::partials(self),
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<UnaryFn> {
        let function = *UnaryFn::ALL.iter().find(|f| f.name() == name).expect("a name of the family");
        let ty = draw.like(hint, function.class(), 0);
        let (low, high) = function.row().smooth;
        if ty.dtype.is_complex() {
            return Sample::epsilons(function, 64, [Operand::moderate(ty)]).smooth_within(low, high);
        }
        Sample::ulps(function, function.ulps(), [Operand::any(ty)]).smooth_within(low, high)
    }
}

impl Partials for UnaryFn {
    fn partial(&self, primal: &mut Primal<'_>, _operand: usize) -> Result<Partial, BuildError> {
        match self.row().derivative {
            Slope::Zero => Ok(Partial::Zero),
            Slope::By(slope) => slope(primal.b, primal.operands[0], primal.results[0]),
        }
    }
}

/// The magnitude, which is no function of complex numbers that has a partial derivative: with `u = z / |z|`, and 0 at 0, its tangent is
/// `Re(conj(u) z')`.
impl Differentiable for UnaryFn {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        if !primal.operand_type(0).dtype.is_complex() {
            return Ok(smallvec![self.partial(primal, 0)?.apply(primal.b, tangent)?]);
        }
        let back = derivative::back_to_real(primal)?;
        let along = primal.b.mul(back, tangent)?;
        Ok(smallvec![Some(primal.b.real(along)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let dtype = primal.operand_type(0).dtype;
        if !dtype.is_complex() {
            return Ok(smallvec![self.partial(primal, 0)?.apply(primal.b, cotangent)?]);
        }
        let back = derivative::back_to_real(primal)?;
        let cotangent = primal.b.cast(cotangent, dtype)?;
        Ok(smallvec![Some(primal.b.mul(cotangent, back)?)])
    }
}
