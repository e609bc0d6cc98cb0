//! Element-wise arithmetic of three operands of the same type.

use half::{bf16, f16};

use crate::builder::BuildError;
use crate::op::derivative::{Partial, Partials};
use crate::op::primitive::BinaryFn;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule};
use crate::{DTypeClass, Literal, Scalar, TensorType, attributes};

attributes! {
    /// Element-wise `minimum(maximum(x, low), high)`: `T[s], T[s], T[s] -> T[s]` for every number dtype `T`.
    ///
    /// NaN if one of the three is NaN; `high` if `low > high`. The operands are `low, x, high`.
    pub struct Clamp {}
}

impl OpDef for Clamp {
    const NAME: &'static str = "clamp";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        same_type_of_three(operands, DTypeClass::Real)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        eval_elements(operands, results, |low, x, high| {
            BinaryFn::Minimum.eval(BinaryFn::Maximum.eval(x, low), high)
        })
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Clamp> {
        let ty = draw.like(hint, DTypeClass::Real, 0);
        Sample::exact(Clamp {}, std::iter::repeat_n(Operand::any(ty), 3))
    }
}

attributes! {
    /// Element-wise fused multiply-add `a * b + c`, rounded once: `T[s], T[s], T[s] -> T[s]` for every float dtype `T`.
    ///
    /// f16 and bf16 are computed by a fused multiply-add of f32 whose result is then rounded to `T`.
    pub struct Fma {}
}

impl OpDef for Fma {
    const NAME: &'static str = "fma";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Map;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        same_type_of_three(operands, DTypeClass::Float)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        eval_elements(operands, results, fma)
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::partials(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::ElementWise
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Fma> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        Sample::exact(Fma {}, std::iter::repeat_n(Operand::any(ty), 3))
    }
}

/// Double precision is no shortcut for f32: rounding the sum to f64 and again to f32 is not the same as rounding it once.
fn fma(a: Scalar, b: Scalar, c: Scalar) -> Scalar {
    let narrow = |s: Scalar| s.to_f64() as f32;
    match (a, b, c) {
        (Scalar::F64(a), Scalar::F64(b), Scalar::F64(c)) => Scalar::F64(a.mul_add(b, c)),
        (Scalar::F16(_), ..) => Scalar::F16(f16::from_f32(narrow(a).mul_add(narrow(b), narrow(c)))),
        (Scalar::BF16(_), ..) => Scalar::BF16(bf16::from_f32(narrow(a).mul_add(narrow(b), narrow(c)))),
        _ => Scalar::F32(narrow(a).mul_add(narrow(b), narrow(c))),
    }
}

fn same_type_of_three(operands: &[&TensorType], class: DTypeClass) -> Result<TensorTypes, TypeError> {
    let dtype = rule::require_class(operands, 0, class)?;
    for other in [1, 2] {
        rule::same_dtype(operands, 0, other)?;
        rule::same_shape(operands, 0, other)?;
    }
    rule::one(dtype, operands[0].shape.clone())
}

fn eval_elements(
    operands: &[&Literal],
    results: &[TensorType],
    f: impl Fn(Scalar, Scalar, Scalar) -> Scalar,
) -> Vec<Literal> {
    let at = |i| f(operands[0].get(i), operands[1].get(i), operands[2].get(i));
    vec![Literal::from_fn(results[0].clone(), at)]
}

/// What lies within its bounds, at them too, gets the derivative (as in TensorFlow and PyTorch); else the bound does that is hit.
/// Derivatives by all three add up to 1 everywhere, so that clamping a value by itself is the identity to differentiation, too.
impl Partials for Clamp {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        let &[low, x, high] = primal.operands else { return Ok(Partial::Zero) };
        let b = &mut *primal.b;
        let (left, right) = match operand {
            0 => (b.gt(low, x)?, b.le(low, high)?),
            1 => (b.ge(x, low)?, b.le(x, high)?),
            _ => (b.gt(x, high)?, b.gt(low, high)?),
        };
        Ok(Partial::Where(if operand == 2 { b.or(left, right)? } else { b.and(left, right)? }))
    }
}

impl Partials for Fma {
    fn partial(&self, primal: &mut Primal<'_>, operand: usize) -> Result<Partial, BuildError> {
        Ok(match operand {
            0 => Partial::Times(primal.operands[1]),
            1 => Partial::Times(primal.operands[0]),
            _ => Partial::One,
        })
    }
}
