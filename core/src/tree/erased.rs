//! Trees without their types.
//!
//! Doors are generic: a closure comes in with its argument and its result. What is behind a door is not, so that it is compiled once, and not for each
//! closure of each program (docs/decisions/025): it sees rows of tensors, and trees as [`AnyTree`].

use std::any::Any;

use super::definition::Tree;
use super::tensors::{tensors, with_tensors};
use super::visit::Visitor;
use crate::tensor::Tensor;

/// A tree whose type only the door knows that it came in by.
pub(crate) trait AnyTree: Any + Send + Sync {
    /// Its tensors, in order.
    fn tensors(&self) -> Vec<Tensor>;

    /// The tree with other tensors.
    fn with(&self, tensors: Vec<Tensor>) -> Erased;

    /// Shows its leaves.
    fn show<'t>(&'t self, visitor: &mut dyn Visitor<'t>);
}

impl<T: Tree> AnyTree for T {
    fn tensors(&self) -> Vec<Tensor> {
        tensors(self)
    }

    fn with(&self, tensors: Vec<Tensor>) -> Erased {
        Box::new(with_tensors(self, tensors))
    }

    fn show<'t>(&'t self, mut visitor: &mut dyn Visitor<'t>) {
        self.visit(&mut visitor);
    }
}

/// What a closure gave, behind a door.
pub(crate) type Erased = Box<dyn AnyTree>;

/// The tree that came in by a door as an `R`.
pub(crate) fn typed<R: Tree>(tree: Erased) -> R {
    let tree: Box<dyn Any> = tree;
    *tree.downcast().expect("a door gives out what came in by it")
}
