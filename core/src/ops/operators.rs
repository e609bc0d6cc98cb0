//! `+ - * / % & | ^ << >> ! -` for tensors, variables, references to them and Rust numbers, in all combinations.
//!
//! On the left of an operator numbers are `i32` or `f64`, which is what literals are by themselves: with more
//! types to choose from, Rust could not tell what `2.0 * &x` is, and `(2.0 * &x).exp()` would not compile. A
//! variable of another type goes to the right, or through [`Tensor::scalar`].

use std::borrow::Borrow;
use std::ops;

use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};

use super::operand::{Operand, adopted};
use crate::error::caller;
use crate::interpret::{one, read};
use crate::state::Variable;
use crate::tensor::Tensor;

/// The function of `>>`: sign-filling for signed integers, zero-filling for unsigned ones, as in Rust.
fn shift_right(lhs: &Tensor) -> BinaryFn {
    match lhs.known_type() {
        Ok(ty) if ty.dtype.is_unsigned_int() => BinaryFn::ShrLogic,
        _ => BinaryFn::ShrArith,
    }
}

macro_rules! binary_operators {
    ($($trait:ident $method:ident $function:expr;)*) => {$(
        impl<R: Operand> ops::$trait<R> for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: R) -> Tensor {
                let (function, at): (fn(&Tensor) -> BinaryFn, _) = ($function, caller());
                let function = function(self);
                one(function, &[self, rhs.hold(self, function.name(), at).borrow()], at)
            }
        }

        impl<R: Operand> ops::$trait<R> for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: R) -> Tensor {
                ops::$trait::$method(&self, rhs)
            }
        }

        binary_operators!(@variables $trait $method; Variable &Variable);
        binary_operators!(@numbers $trait $method $function; i32 f64);
    )*};
    (@variables $trait:ident $method:ident; $($variable:ty)*) => {$(
        impl<R: Operand> ops::$trait<R> for $variable {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: R) -> Tensor {
                ops::$trait::$method(&read(&self, caller()), rhs)
            }
        }
    )*};
    (@numbers $trait:ident $method:ident $function:expr; $($native:ty)*) => {$(
        impl ops::$trait<&Tensor> for $native {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: &Tensor) -> Tensor {
                let (function, at): (fn(&Tensor) -> BinaryFn, _) = ($function, caller());
                let function = function(rhs);
                one(function, &[&adopted(self.into(), rhs, function.name(), at), rhs], at)
            }
        }

        impl ops::$trait<Tensor> for $native {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: Tensor) -> Tensor {
                ops::$trait::$method(self, &rhs)
            }
        }

        binary_operators!(@number_and_variable $trait $method $native; Variable &Variable);
    )*};
    (@number_and_variable $trait:ident $method:ident $native:ty; $($variable:ty)*) => {$(
        impl ops::$trait<$variable> for $native {
            type Output = Tensor;

            #[track_caller]
            fn $method(self, rhs: $variable) -> Tensor {
                ops::$trait::$method(self, &read(&rhs, caller()))
            }
        }
    )*};
}

binary_operators! {
    Add add |_| BinaryFn::Add;
    Sub sub |_| BinaryFn::Sub;
    Mul mul |_| BinaryFn::Mul;
    Div div |_| BinaryFn::Div;
    Rem rem |_| BinaryFn::Rem;
    BitAnd bitand |_| BinaryFn::And;
    BitOr bitor |_| BinaryFn::Or;
    BitXor bitxor |_| BinaryFn::Xor;
    Shl shl |_| BinaryFn::Shl;
    Shr shr shift_right;
}

macro_rules! unary_operators {
    ($($trait:ident $method:ident $function:expr;)*) => {$(
        impl ops::$trait for &Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self) -> Tensor {
                one($function, &[self], caller())
            }
        }

        impl ops::$trait for Tensor {
            type Output = Tensor;

            #[track_caller]
            fn $method(self) -> Tensor {
                one($function, &[&self], caller())
            }
        }

        unary_operators!(@variables $trait $method $function; Variable &Variable);
    )*};
    (@variables $trait:ident $method:ident $function:expr; $($variable:ty)*) => {$(
        impl ops::$trait for $variable {
            type Output = Tensor;

            #[track_caller]
            fn $method(self) -> Tensor {
                one($function, &[&read(&self, caller())], caller())
            }
        }
    )*};
}

unary_operators! {
    Neg neg UnaryFn::Neg;
    Not not UnaryFn::Not;
}

macro_rules! assigning_operators {
    ($($trait:ident $method:ident $op:tt;)*) => {$(
        impl<R: Operand> ops::$trait<R> for Tensor {
            #[track_caller]
            fn $method(&mut self, rhs: R) {
                *self = &*self $op rhs;
            }
        }
    )*};
}

assigning_operators! {
    AddAssign add_assign +;
    SubAssign sub_assign -;
    MulAssign mul_assign *;
    DivAssign div_assign /;
    RemAssign rem_assign %;
    BitAndAssign bitand_assign &;
    BitOrAssign bitor_assign |;
    BitXorAssign bitxor_assign ^;
    ShlAssign shl_assign <<;
    ShrAssign shr_assign >>;
}
