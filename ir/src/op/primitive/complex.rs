//! Complex numbers and their parts.
//!
//! Cotangents of complex numbers are `g` such that the value changes by `Re(g z')`, without a conjugate: so the rules of functions that are
//! differentiable in the complex sense are the same as for real numbers, and the transposed maps here follow. What users see is the
//! conjugate; docs/decisions/031 says why.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{DType, DTypeClass, Literal, Scalar, TensorType, Value, attributes};

attributes! {
    /// The real parts: `c64[s] -> f32[s]`, `c128[s] -> f64[s]`.
    pub struct RealPart {}
}

attributes! {
    /// The imaginary parts: `c64[s] -> f32[s]`, `c128[s] -> f64[s]`.
    pub struct ImagPart {}
}

attributes! {
    /// The complex conjugates: `C[s] -> C[s]`.
    pub struct Conj {}
}

attributes! {
    /// Complex numbers out of real and imaginary parts: `f32[s], f32[s] -> c64[s]`, `f64[s], f64[s] -> c128[s]`.
    pub struct ComplexOf {}
}

/// The complex dtype whose parts have this dtype.
fn complex_of(dtype: DType) -> Option<DType> {
    [DType::C64, DType::C128].into_iter().find(|complex| complex.part() == dtype)
}

/// What the four ops have in common: they are element-wise and linear.
macro_rules! linear_op {
    ($op:ident, $name:literal, $arity:literal) => {
        impl OpDef for $op {
            const NAME: &'static str = $name;
            const ARITY: Arity = Arity::Exact($arity);
            const LOWERING: Lowering = Lowering::Map;

            fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
                self.types(operands)
            }

            fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
                let of = |flat| $op::of(operands.iter().map(|x| x.get(flat)).collect::<Vec<_>>());
                vec![Literal::from_fn(results[0].clone(), of)]
            }

            fn derivative(&self) -> Derivative<'_> {
                Derivative::linear(self)
            }

            fn batching(&self, _examples: usize) -> Batching<'_> {
                Batching::ElementWise
            }

            fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<$op> {
                let ty = $op::operand(draw, hint);
                Sample::exact($op {}, vec![Operand::any(ty); $arity])
            }
        }
    };
}
linear_op!(RealPart, "real", 1);
linear_op!(ImagPart, "imag", 1);
linear_op!(Conj, "conj", 1);
linear_op!(ComplexOf, "complex", 2);

fn drawn_complex(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
    draw.like(hint, DTypeClass::Complex, 0)
}

fn part_type(operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
    let dtype = rule::require_class(operands, 0, DTypeClass::Complex)?;
    rule::one(dtype.part(), operands[0].shape.clone())
}

impl RealPart {
    fn types(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        part_type(operands)
    }

    fn of(x: Vec<Scalar>) -> Scalar {
        x[0].parts()[0]
    }

    fn operand(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
        drawn_complex(draw, hint)
    }
}

impl ImagPart {
    fn types(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        part_type(operands)
    }

    fn of(x: Vec<Scalar>) -> Scalar {
        x[0].parts()[1]
    }

    fn operand(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
        drawn_complex(draw, hint)
    }
}

impl Conj {
    fn types(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, DTypeClass::Complex)?;
        rule::one(dtype, operands[0].shape.clone())
    }

    fn of(x: Vec<Scalar>) -> Scalar {
        Scalar::from_c128(x[0].dtype(), x[0].to_c128().conj())
    }

    fn operand(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
        drawn_complex(draw, hint)
    }
}

impl ComplexOf {
    fn types(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::same_dtype(operands, 0, 1)?;
        let shape = rule::same_shape(operands, 0, 1)?.clone();
        match complex_of(dtype) {
            Some(dtype) => rule::one(dtype, shape),
            None => Err(TypeError::Other(format!("parts must be f32 or f64, found {dtype}; cast them"))),
        }
    }

    fn of(x: Vec<Scalar>) -> Scalar {
        Scalar::complex(x[0], x[1])
    }

    fn operand(draw: &mut Draw<'_>, hint: &TensorType) -> TensorType {
        match hint.dtype {
            DType::F32 | DType::F64 => hint.clone(),
            _ => hint.with_dtype(draw.choose(&[DType::F64, DType::F32])),
        }
    }
}

/// `Re(g z')` for a real `g` that goes with the real part.
impl LinearOp for RealPart {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let dtype = primal.operand_type(0).dtype;
        Ok(smallvec![primal.when_wanted(0, |b| b.cast(cotangent, dtype))?])
    }
}

/// `g Im(z')` is `Re(-i g z')`.
impl LinearOp for ImagPart {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let turned = primal.when_wanted(0, |b| {
            let (zero, negated) = (b.full_like(0.0, cotangent)?, b.neg(cotangent)?);
            b.complex(zero, negated)
        })?;
        Ok(smallvec![turned])
    }
}

/// `Re(g conj(z'))` is `Re(conj(g) z')`.
impl LinearOp for Conj {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        Ok(smallvec![primal.when_wanted(0, |b| b.conj(cotangent))?])
    }
}

/// `Re(g (x' + i y'))` is `Re(g) x' - Im(g) y'`.
impl LinearOp for ComplexOf {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let re = primal.when_wanted(0, |b| b.real(cotangent))?;
        let im = primal.when_wanted(1, |b| {
            let im = b.imag(cotangent)?;
            b.neg(im)
        })?;
        Ok(smallvec![re, im])
    }
}
