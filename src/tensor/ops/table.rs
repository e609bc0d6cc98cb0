//! Methods made of the registry's lines: the first operand is `self`, the others are anything that is an
//! [`Operand`], attributes anything that is [`IntoAttribute`]. Ops without operands, and those of a list, are associated functions.

use std::borrow::Borrow;

use tensorwright_ir::op::attribute::{Axes, Offsets};
#[expect(unused_imports, reason = "the registry names whichever it needs")]
use tensorwright_ir::op::{composite::*, primitive::*};
use tensorwright_ir::{DType, Scalar, Shape};

use super::super::attribute::IntoAttribute;
use super::super::operand::Operand;
use super::one_with_rank;
use crate::Tensor;
use crate::error::Place;

macro_rules! table_methods {
    ($($(#[$meta:meta])* $method:ident [$($operands:tt)*] { $($field:ident : $ty:ty),* } $results:tt => $variant:ident,)*) => {
        /// Ops of the registry.
        impl Tensor {
            $(table_methods! { @method $method; [$(#[$meta])*] [$($operands)*] { $($field : $ty),* } $results => $variant })*
        }
    };

    // Written by hand, in the other files of this folder and in `create`.
    (@method reduce; $($rest:tt)*) => {};
    (@method reduce_keep_dims; $($rest:tt)*) => {};
    (@method reshape; $($rest:tt)*) => {};
    (@method transpose; $($rest:tt)*) => {};
    (@method select; $($rest:tt)*) => {};

    (@method $method:ident; [$($meta:tt)*] [] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method($($field: impl IntoAttribute<$ty>),*) -> Tensor {
            one_with_rank(stringify!($method), &[], Place::caller(), |rank| {
                Ok($variant { $($field: $field.into_attribute(stringify!($field), rank)?),* }.into())
            })
        }
    };
    (@method $method:ident; [$($meta:tt)*] [$xs:ident ..] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method<T: AsRef<Tensor>>($xs: &[T] $(, $field: impl IntoAttribute<$ty>)*) -> Tensor {
            let operands: Vec<&Tensor> = $xs.iter().map(AsRef::as_ref).collect();
            one_with_rank(stringify!($method), &operands, Place::caller(), |rank| {
                let _ = rank;
                Ok($variant { $($field: $field.into_attribute(stringify!($field), rank)?),* }.into())
            })
        }
    };
    (@method $method:ident; [$($meta:tt)*] [$x:ident $(, $y:ident)*] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method(&self $(, $y: impl Operand)* $(, $field: impl IntoAttribute<$ty>)*) -> Tensor {
            let at = Place::caller();
            $(let $y = $y.hold(self, stringify!($method), at);)*
            one_with_rank(stringify!($method), &[self $(, $y.borrow())*], at, |rank| {
                let _ = rank;
                Ok($variant { $($field: $field.into_attribute(stringify!($field), rank)?),* }.into())
            })
        }
    };
}
tensorwright_ir::for_each_op!(table_methods);
