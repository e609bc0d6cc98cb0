//! What an op takes besides the tensor that it is called on: tensors, variables, and Rust numbers, which adopt the
//! tensor's dtype.

use std::borrow::{Borrow, Cow};

use half::{bf16, f16};
use num_complex::Complex;
use tensorwright_ir::{DType, Element, Scalar};

use super::nested::{Elements, Nested};
use crate::error::{CallSite, Error};
use crate::interpret;
use crate::state::Variable;
use crate::tensor::Tensor;

/// A tensor or a variable, a reference to one, a Rust number or bool, or arrays, slices and vectors of such.
///
/// A variable stands for its value at this place of the program.
///
/// A number adopts the dtype of the tensor that the method or operator is called on, if it is a value of that
/// dtype: `x * 2` and `x * 0.5` are fine for `f32`; `x * 0.5` for `i32` or `x + 300` for `u8` is an error.
/// Floats may round, but not overflow. Numbers in a list do the same: `x + [0.5, 1.0]`, `x * &weights` with a `Vec`.
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
    /// A variable of this dtype.
    Variable(DType),
    /// A number or bool of this Rust type, or a list of such.
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

macro_rules! variable_operands {
    ($($variable:ty)*) => {$(
        impl Operand for $variable {
            type Held = Tensor;

            fn kind(&self) -> OperandKind<'_> {
                OperandKind::Variable(self.ty().dtype)
            }

            fn hold(self, _: &Tensor, _: &'static str, at: CallSite) -> Tensor {
                interpret::read(&self, at)
            }
        }
    )*};
}
variable_operands!(Variable & Variable);

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
scalar_operands!(bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64 Complex<f32> Complex<f64>);

macro_rules! size_operands {
    ($($native:ident as $same:ident)*) => {$(
        /// As the 64-bit number that it is.
        impl Operand for $native {
            type Held = Tensor;

            fn kind(&self) -> OperandKind<'_> {
                OperandKind::Number(<$same as Element>::DTYPE)
            }

            fn hold(self, like: &Tensor, op: &'static str, at: CallSite) -> Tensor {
                adopted((self as $same).into(), like, op, at)
            }
        }
    )*};
}
size_operands!(usize as u64 isize as i64);

macro_rules! list_operands {
    ($([$($generics:tt)*] $list:ty),* $(,)?) => {$(
        impl<T: Nested, $($generics)*> Operand for $list {
            type Held = Tensor;

            fn kind(&self) -> OperandKind<'_> {
                OperandKind::Number(T::ELEMENT)
            }

            fn hold(self, like: &Tensor, op: &'static str, at: CallSite) -> Tensor {
                adopted_list(Elements::of(&self), like, op, at)
            }
        }
    )*};
}
list_operands!([const N: usize] [T; N], [const N: usize] &[T; N], [] &[T], [] Vec<T>, [] &Vec<T>);

/// A list of numbers as a tensor of the dtype of `like`.
fn adopted_list(list: Elements, like: &Tensor, op: &'static str, at: CallSite) -> Tensor {
    let dtype = match like.known_type() {
        Err(failure) => return Tensor::failed(failure.clone()),
        Ok(ty) => ty.dtype,
    };
    match list.converted(dtype, fit) {
        Ok(list) => list.tensor(at),
        Err(literal) => Tensor::failed(Error::Literal { at: at.into(), op, literal, dtype }),
    }
}

/// What a number that is given for the operand `name` adopts the dtype of: those that count or name things are integers, whatever the tensor
/// is.
pub(super) fn beside<'t>(x: &'t Tensor, name: &str, at: CallSite) -> Cow<'t, Tensor> {
    match name {
        "indices" | "targets" | "number" => Cow::Owned(integer_like(at)),
        _ => Cow::Borrowed(x),
    }
}

/// What an operand by itself adopts the dtype of: its own.
pub(crate) fn own_like(operand: &impl Operand, at: CallSite) -> Tensor {
    match operand.kind() {
        OperandKind::Tensor(tensor) => tensor.clone(),
        OperandKind::Variable(dtype) | OperandKind::Number(dtype) => {
            Tensor::scalar_at(Scalar::zero(dtype), at)
        }
    }
}

/// An operand of which nothing else says the dtype.
pub(crate) fn alone<O: Operand>(operand: O, op: &'static str, at: CallSite) -> O::Held {
    let like = own_like(&operand, at);
    operand.hold(&like, op, at)
}

/// As [`alone`], a tensor of its own.
pub(crate) fn owned(operand: impl Operand, op: &'static str, at: CallSite) -> Tensor {
    let held = alone(operand, op, at);
    let tensor: &Tensor = held.borrow();
    tensor.clone()
}

/// What numbers that are indices adopt the dtype of.
pub(super) fn integer_like(at: CallSite) -> Tensor {
    Tensor::scalar_at(Scalar::I64(0), at)
}

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
    if from.is_complex() || dtype.is_complex() {
        let (parts, cast_parts) = (literal.parts(), cast.parts());
        let lossless = parts[1].to_f64() == 0.0 || dtype.is_complex();
        let fits = |i: usize| fit(parts[i], cast_parts[i].dtype()).is_some();
        return (lossless && fits(0) && fits(1)).then_some(cast);
    }
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
