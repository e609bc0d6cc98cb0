//! Nested containers of tensors and plain values: what functions take and give.
//!
//! A [`Tree`] is a tensor, a plain value, or a container of trees: tuples, arrays, `Vec`, `Option`, `Box`,
//! maps, and structs and enums that derive [`macro@Tree`]. A container that only *stands for* a tree, such as
//! a tuple of references, is [`TreeLike`]. An [`Argument`] is what `call` accepts: it is made tree-like
//! first, so that numbers and arrays can stand for tensors.

mod argument;
mod containers;
mod leaf;
mod maps;
mod tuples;
mod visit;

use std::fmt::Debug;
use std::hash::Hash;

pub use argument::Argument;
pub use leaf::{Static, StaticValue};
pub use tensorwright_macros::Tree;
pub use visit::{LeafRef, Segment, Visitor};

/// A container that stands for an `A`: its leaves can be visited in order, and an `A` built of it.
pub trait TreeLike<A> {
    /// Visits the leaves, always in the same order.
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V);

    /// An `A` with the tensors that `tensor` gives for the tensor leaves, asked for in the order of
    /// [`TreeLike::visit`], and the same plain values.
    fn rebuild<F: FnMut(LeafRef<'_>) -> crate::Tensor>(&self, tensor: &mut F) -> A;
}

/// A nested container of tensors and plain values, owned.
///
/// Structs and enums derive it:
///
/// ```
/// use tensorwright::prelude::*;
///
/// #[derive(Tree)]
/// struct Layer {
///     weight: Tensor,
///     bias: Option<Tensor>,
///     #[tree(static)] // not a tree: part of the signature by its `Hash`
///     kernel: std::num::NonZeroUsize,
/// }
/// ```
///
/// A field that is no tree, and not marked as static, is an error at its type; so is a static one that cannot
/// be hashed:
///
/// ```compile_fail,E0277
/// # use tensorwright::prelude::*;
/// #[derive(Tree)]
/// struct Wrong {
///     path: std::path::PathBuf,
/// }
/// ```
///
/// ```compile_fail,E0277
/// # use tensorwright::prelude::*;
/// #[derive(Tree)]
/// struct Wrong {
///     #[tree(static)]
///     rate: f32,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no tree of tensors and plain values",
    label = "not a tree",
    note = "derive `Tree` for your own structs and enums, or mark the field with `#[tree(static)]`"
)]
pub trait Tree: TreeLike<Self> + Send + Sync + Sized + 'static {}

impl<A, T: TreeLike<A> + ?Sized> TreeLike<A> for &T {
    #[inline]
    fn visit<'t, V: Visitor<'t>>(&'t self, visitor: &mut V) {
        (**self).visit(visitor);
    }

    #[inline]
    fn rebuild<F: FnMut(LeafRef<'_>) -> crate::Tensor>(&self, tensor: &mut F) -> A {
        (**self).rebuild(tensor)
    }
}

/// What the derive writes for a field.
#[doc(hidden)]
#[inline]
pub fn visit_tree<'t, T: Tree, V: Visitor<'t>>(field: &'t T, visitor: &mut V) {
    field.visit(visitor);
}

/// What the derive writes for a field.
#[doc(hidden)]
#[inline]
pub fn rebuild_tree<T: Tree, F: FnMut(LeafRef<'_>) -> crate::Tensor>(field: &T, tensor: &mut F) -> T {
    field.rebuild(tensor)
}

/// What the derive writes for a static field.
#[doc(hidden)]
pub fn visit_static<'t, T: Hash + Debug, V: Visitor<'t>>(field: &'t T, visitor: &mut V) {
    visitor.fixed(&leaf::StaticRef(field));
}

/// Names the type of a field that is no tree.
#[doc(hidden)]
pub fn assert_tree<T: Tree>() {}

/// Names the type of a static field that cannot be one.
#[doc(hidden)]
pub fn assert_static<T: Clone + Debug + Eq + Hash + Send + Sync + 'static>() {}
