//! What `call` accepts for a tree: the tree itself, references, containers of those, and numbers and arrays
//! for tensors.

use half::{bf16, f16};
use num_complex::Complex;

use super::definition::TreeLike;
use super::spec::TensorSpec;
use crate::error::CallSite;
use crate::ops::{Nested, nested_at};
use crate::tensor::Tensor;

/// A value that `call` accepts where the traced closure takes an `A`.
pub trait Argument<A> {
    /// What is held during the call.
    type Held: TreeLike<A>;

    /// Makes it tree-like, for a call at line `at`.
    fn hold(self, at: &'static std::panic::Location<'static>) -> Self::Held;
}

impl<'t, A, T: TreeLike<A> + ?Sized> Argument<A> for &'t T {
    type Held = &'t T;

    #[inline]
    fn hold(self, _: CallSite) -> &'t T {
        self
    }
}

/// Makes an owned tree an argument for itself.
macro_rules! argument_of_itself {
    ([$($generics:tt)*] $ty:ty) => {
        impl<$($generics)*> crate::tree::argument::Argument<$ty> for $ty {
            type Held = $ty;

            #[inline]
            fn hold(self, _: crate::error::CallSite) -> $ty {
                self
            }
        }
    };
}
pub(super) use argument_of_itself;

argument_of_itself!([] Tensor);

impl Argument<Tensor> for TensorSpec {
    type Held = TensorSpec;

    fn hold(self, _: CallSite) -> TensorSpec {
        self
    }
}

macro_rules! nested_arguments {
    ($([$($generics:tt)*] $ty:ty),* $(,)?) => {$(
        impl<$($generics)*> Argument<Tensor> for $ty {
            type Held = Tensor;

            fn hold(self, at: CallSite) -> Tensor {
                nested_at(&self, at)
            }
        }
    )*};
}
nested_arguments!([] bool, [] i8, [] i16, [] i32, [] i64, [] isize, [] u8, [] u16, [] u32, [] u64, [] usize, [] f16, [] bf16, [] f32, [] f64, [] Complex<f32>, [] Complex<f64>);
nested_arguments!([T: Nested, const N: usize] [T; N], [T: Nested] Vec<T>);
