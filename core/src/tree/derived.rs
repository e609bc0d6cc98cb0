//! What derived code calls.

use std::fmt::Debug;
use std::hash::Hash;

use super::definition::Tree;
use super::leaf::StaticRef;
use super::visit::{LeafRef, Visitor};
use crate::tensor::Tensor;

/// What the derive writes for a field.
#[doc(hidden)]
#[inline]
pub fn visit_tree<'t, T: Tree, V: Visitor<'t>>(field: &'t T, visitor: &mut V) {
    field.visit(visitor);
}

/// What the derive writes for a field.
#[doc(hidden)]
#[inline]
pub fn rebuild_tree<T: Tree, F: FnMut(LeafRef<'_>) -> Tensor>(field: &T, tensor: &mut F) -> T {
    field.rebuild(tensor)
}

/// What the derive writes for a static field.
#[doc(hidden)]
pub fn visit_static<'t, T: Hash + Debug, V: Visitor<'t>>(field: &'t T, visitor: &mut V) {
    visitor.fixed(&StaticRef(field));
}

/// Names the type of a field that is no tree.
#[doc(hidden)]
pub fn assert_tree<T: Tree>() {}

/// Names the type of a static field that cannot be one.
#[doc(hidden)]
pub fn assert_static<T: Clone + Debug + Eq + Hash + Send + Sync + 'static>() {}
