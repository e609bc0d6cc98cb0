//! Trees, and what stands for them.

use super::visit::{LeafRef, Visitor};

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
