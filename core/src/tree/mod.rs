//! Nested containers of tensors and plain values: what functions take and give.
//!
//! A [`Tree`] is a tensor, a plain value, or a container of trees: tuples, arrays, `Vec`, `Option`, `Box`,
//! maps, and structs and enums that derive [`macro@Tree`]. A container that only *stands for* a tree, such as
//! a tuple of references, is [`TreeLike`]. An [`Argument`] is what `call` accepts: it is made tree-like
//! first, so that numbers and arrays can stand for tensors.

mod argument;
mod containers;
mod definition;
mod derived;
pub(crate) mod erased;
mod fixed;
mod leaf;
mod maps;
mod spec;
pub(crate) mod tensors;
mod tuples;
mod visit;

pub use argument::Argument;
pub use definition::{Tree, TreeLike};
pub use derived::{assert_static, assert_tree, rebuild_tree, visit_static, visit_tree};
pub use fixed::StaticValue;
pub use leaf::Static;
pub use spec::TensorSpec;
pub use tensorwright_macros::Tree;
pub use visit::{LeafRef, Segment, Visitor};
