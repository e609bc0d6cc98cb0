//! What an op takes besides the tensor that it is called on: tensors, and Rust numbers, which adopt the
//! tensor's dtype.

use std::borrow::Borrow;

use half::{bf16, f16};
use tensorwright_ir::{DType, Element, Scalar};

use crate::error::{CallSite, Error};
use crate::tensor::Tensor;

/// A tensor, a reference to one, or a Rust number or bool.
///
/// A number adopts the dtype of the tensor that the method or operator is called on, if it is a value of that
/// dtype: `x * 2` and `x * 0.5` are fine for `f32`; `x * 0.5` for `i32` or `x + 300` for `u8` is an error.
/// Floats may round, but not overflow.
pub trait Operand {
    /// What is held while the op is applied.
    type Held: Borrow<Tensor>;

    /// Whether it is a tensor, or of which dtype the number is.
    fn kind(&self) -> OperandKind<'_>;

    /// The operand next to `like`, in op `op` at line `at`.
    fn hold(self, like: &Tensor, op: &'static str, at: &'static std::panic::Location<'static>) -> Self::Held;
}

/// What an [`Operand`] is.
#[derive(Clone, Copy)]
pub enum OperandKind<'t> {
    /// A tensor.
    Tensor(&'t Tensor),
    /// A number or bool of this Rust type.
    Number(DType),
}

impl Operand for Tensor {
    type Held = Tensor;

    fn kind(&self) -> OperandKind<'_> {
        OperandKind::Tensor(self)
    }

    fn hold(self, _: &Tensor, _: &'static str, _: CallSite) -> Tensor {
        self
    }
}

impl<'t> Operand for &'t Tensor {
    type Held = &'t Tensor;

    fn kind(&self) -> OperandKind<'_> {
        OperandKind::Tensor(self)
    }

    fn hold(self, _: &Tensor, _: &'static str, _: CallSite) -> &'t Tensor {
        self
    }
}

macro_rules! scalar_operands {
    ($($native:ty)*) => {$(
        impl Operand for $native {
            type Held = Tensor;

            fn kind(&self) -> OperandKind<'_> {
                OperandKind::Number(<$native as Element>::DTYPE)
            }

            fn hold(self, like: &Tensor, op: &'static str, at: CallSite) -> Tensor {
                adopted(self.into(), like, op, at)
            }
        }
    )*};
}
scalar_operands!(bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64);

/// A scalar tensor of the dtype of `like`.
pub(crate) fn adopted(literal: Scalar, like: &Tensor, op: &'static str, at: CallSite) -> Tensor {
    match like.known_type() {
        Err(failure) => Tensor::failed(failure.clone()),
        Ok(ty) => match fit(literal, ty.dtype) {
            Some(scalar) => Tensor::scalar_at(scalar, at),
            None => Tensor::failed(Error::Literal { at: at.into(), op, literal, dtype: ty.dtype }),
        },
    }
}

/// The literal as a value of `dtype`, if it is one. Floats may round, but not overflow.
pub(crate) fn fit(literal: Scalar, dtype: DType) -> Option<Scalar> {
    let from = literal.dtype();
    if from == dtype {
        return Some(literal);
    }
    if from == DType::Bool || dtype == DType::Bool {
        return None;
    }
    let cast = literal.cast(dtype);
    let fits = match (from.is_float(), dtype.is_float()) {
        (_, true) => cast.to_f64().is_finite() || (from.is_float() && !literal.to_f64().is_finite()),
        (true, false) => literal.to_f64().fract() == 0.0 && cast.to_i128() == literal.to_i128(),
        (false, false) => cast.to_i128() == literal.to_i128(),
    };
    fits.then_some(cast)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_fit_if_they_are_values_of_the_dtype() {
        let fits = |literal: Scalar, dtype| fit(literal, dtype).is_some();
        assert!(fits(2i32.into(), DType::F32) && fits(0.1f64.into(), DType::F32));
        assert!(fits(2.0f64.into(), DType::I32) && !fits(1.5f64.into(), DType::I32));
        assert!(fits(255i32.into(), DType::U8) && !fits(256i32.into(), DType::U8));
        assert!(!fits((-1i32).into(), DType::U64) && !fits(1e300f64.into(), DType::F32));
        assert!(fits(f64::NAN.into(), DType::F16) && !fits(f64::NAN.into(), DType::I8));
        assert!(!fits(true.into(), DType::I32) && !fits(1i32.into(), DType::Bool));
        assert!(!fits(9.3e18f64.into(), DType::I64) && !fits(70000i32.into(), DType::F16));
    }
}
