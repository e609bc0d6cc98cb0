//! Leaves: tensors, and plain values, which are part of the signature.

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::ops::Deref;

use half::{bf16, f16};
use num_complex::Complex;
use tensorwright_ir::{DType, Scalar, Shape};
use tensorwright_runtime::cache::KeyWriter;

use super::argument::argument_of_itself;
use super::definition::{Tree, TreeLike};
use super::fixed::StaticValue;
use super::spec::TensorSpec;
use super::visit::{LeafRef, Visitor};
use crate::state::Variable;
use crate::tensor::Tensor;

impl TreeLike<Tensor> for Tensor {
    #[inline]
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.tensor(LeafRef::Tensor(self));
    }

    #[inline]
    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Tensor {
        tensor(LeafRef::Tensor(self))
    }
}

impl Tree for Tensor {}

impl TreeLike<Tensor> for TensorSpec {
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        visitor.tensor(LeafRef::Spec(self));
    }

    fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, tensor: &mut F) -> Tensor {
        tensor(LeafRef::Spec(self))
    }
}

/// Makes a type a tree of one static leaf.
macro_rules! static_trees {
    ($([$($generics:tt)*] $ty:ty),* $(,)?) => {$(
        impl<$($generics)*> TreeLike<$ty> for $ty {
            #[inline]
            fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
                visitor.fixed(self);
            }

            #[inline]
            fn rebuild<F: FnMut(LeafRef<'_>) -> Tensor>(&self, _: &mut F) -> $ty {
                self.clone()
            }
        }

        impl<$($generics)*> Tree for $ty {}

        argument_of_itself!([$($generics)*] $ty);
    )*};
}

macro_rules! static_scalars {
    ($($native:ty)*) => {$(
        impl StaticValue for $native {
            fn write(&self, key: &mut KeyWriter) {
                key.scalar((*self).into());
            }

            fn type_name(&self) -> &'static str {
                stringify!($native)
            }

            fn text(&self) -> String {
                format!("{self:?}")
            }
        }

        static_trees!([] $native);
    )*};
}
static_scalars!(bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64 Complex<f32> Complex<f64>);

/// Static values whose type has an honest `Hash`: what it feeds to a hasher is the key.
macro_rules! static_hashable {
    ($($ty:ty),*) => {$(
        impl StaticValue for $ty {
            fn write(&self, key: &mut KeyWriter) {
                key.hashable(self);
            }

            fn type_name(&self) -> &'static str {
                stringify!($ty)
            }

            fn text(&self) -> String {
                format!("{self:?}")
            }
        }

        static_trees!([] $ty);
    )*};
}
static_hashable!(usize, isize, u128, i128, char, String, &'static str, DType, Shape, Variable);

impl StaticValue for Scalar {
    fn write(&self, key: &mut KeyWriter) {
        key.scalar(*self);
    }

    fn type_name(&self) -> &'static str {
        self.dtype().name()
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

static_trees!([] Scalar);

/// Any hashable value as a static argument.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let reduce = function(|(x, axes): (Tensor, Static<Vec<usize>>)| x.sum(&axes[..]));
/// let x = Tensor::ones([2, 3], DType::F32);
/// assert_eq!(reduce.call((&x, Static(vec![1])))?.to_vec::<f32>()?, [3.0, 3.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Static<T>(pub T);

impl<T> Deref for Static<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for Static<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Hash + Debug> StaticValue for Static<T> {
    fn write(&self, key: &mut KeyWriter) {
        key.hashable(&self.0);
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }

    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}

static_trees!([T: Hash + Eq + Clone + Debug + Send + Sync + 'static] Static<T>);

/// A borrowed hashable value as a static leaf.
pub(super) struct StaticRef<'v, T>(pub(super) &'v T);

impl<T: Hash + Debug> StaticValue for StaticRef<'_, T> {
    fn write(&self, key: &mut KeyWriter) {
        key.hashable(self.0);
    }

    fn type_name(&self) -> &'static str {
        std::any::type_name::<T>()
    }

    fn text(&self) -> String {
        format!("{:?}", self.0)
    }
}
