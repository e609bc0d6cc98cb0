//! Methods made of the registry's lines: the first operand is `self`, the others are anything that is an
//! [`Operand`], attributes anything that is [`IntoAttribute`]. Lines `by hand` make none. Ops without operands, and those of a list, are
//! associated functions.

use std::borrow::Borrow;

use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::{composite::*, primitive::*};
use tensorwright_ir::{DType, Scalar, Shape};

use super::attribute::IntoAttribute;
use super::docs::table::op_doc;
use super::operand::{Operand, beside};
use super::ranked::{all_with_ranks, one_with_ranks};
use crate::error::caller;
use crate::tensor::Tensor;

macro_rules! table_methods {
    ($($(#[$meta:meta])* $method:ident [$($operands:tt)*] { $($field:ident : $ty:ty),* } $results:tt => $variant:ident $(by $form:ident)?,)*) => {
        /// Ops of the registry.
        impl Tensor {
            $(table_methods! { @method [$($form)?] $method; [$(#[$meta])* #[doc = op_doc!($method)]] [$($operands)*] { $($field : $ty),* } $results => $variant })*
        }
    };

    // Written by hand, in the other files of this folder and in `create`.
    (@method [hand] $($rest:tt)*) => {};
    (@method [] $method:ident; [$($meta:tt)*] [] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method($($field: impl IntoAttribute<$ty>),*) -> Tensor {
            one_with_ranks(stringify!($method), &[], caller(), |ranks| {
                Ok($variant { $($field: $field.into_attribute(stringify!($field), ranks.of(stringify!($field)))?),* }.into())
            })
        }
    };
    (@method [] $method:ident; [$($meta:tt)*] [$xs:ident ..] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method<T: AsRef<Tensor>>($xs: &[T] $(, $field: impl IntoAttribute<$ty>)*) -> Tensor {
            let operands: Vec<&Tensor> = $xs.iter().map(AsRef::as_ref).collect();
            one_with_ranks(stringify!($method), &operands, caller(), |_ranks| {
                Ok($variant { $($field: $field.into_attribute(stringify!($field), _ranks.of(stringify!($field)))?),* }.into())
            })
        }
    };
    (@method [] $method:ident; [$($meta:tt)*] [$x:ident $(, $y:ident)*] { $($field:ident : $ty:ty),* } 1 => $variant:ident) => {
        $($meta)*
        #[track_caller]
        pub fn $method(&self $(, $y: impl Operand)* $(, $field: impl IntoAttribute<$ty>)*) -> Tensor {
            let at = caller();
            $(let $y = $y.hold(&beside(self, stringify!($y), at), stringify!($method), at);)*
            one_with_ranks(stringify!($method), &[self $(, $y.borrow())*], at, |_ranks| {
                Ok($variant { $($field: $field.into_attribute(stringify!($field), _ranks.of(stringify!($field)))?),* }.into())
            })
        }
    };
    (@method [] $method:ident; [$($meta:tt)*] [$x:ident $(, $y:ident)*] { $($field:ident : $ty:ty),* } many => $variant:ident) => {
        $($meta)*
        ///
        /// If the op does not accept its operands, the result is one tensor, which carries the error.
        #[track_caller]
        pub fn $method(&self $(, $y: impl Operand)* $(, $field: impl IntoAttribute<$ty>)*) -> Vec<Tensor> {
            let at = caller();
            $(let $y = $y.hold(&beside(self, stringify!($y), at), stringify!($method), at);)*
            all_with_ranks(stringify!($method), &[self $(, $y.borrow())*], 1, at, |_ranks| {
                Ok($variant { $($field: $field.into_attribute(stringify!($field), _ranks.of(stringify!($field)))?),* }.into())
            })
        }
    };
}
tensorwright_ir::for_each_op!(table_methods);
