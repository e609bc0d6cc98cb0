//! Trees as rows of tensors.

use std::sync::Arc;

use tensorwright_ir::Type;

use super::definition::{Tree, TreeLike};
use super::fixed::StaticValue;
use super::visit::{LeafRef, Visitor};
use crate::error::Error;
use crate::tensor::Tensor;

/// The tensors of a tree, in order.
pub(crate) fn tensors<S: Tree>(tree: &S) -> Vec<Tensor> {
    let mut row = Row(Vec::new());
    tree.visit(&mut row);
    row.0
}

struct Row(Vec<Tensor>);

impl<'t> Visitor<'t> for Row {
    fn length(&mut self, _: usize) {}

    fn variant(&mut self, _: usize, _: &'static str) {}

    fn tensor(&mut self, leaf: LeafRef<'t>) {
        if let LeafRef::Tensor(tensor) = leaf {
            self.0.push(tensor.clone());
        }
    }

    fn fixed(&mut self, _: &dyn StaticValue) {}
}

/// The tree with other tensors.
pub(crate) fn with_tensors<S: Tree>(tree: &S, tensors: Vec<Tensor>) -> S {
    rebuilt(tree, tensors)
}

/// The tree that this one stands for, with other tensors.
pub(crate) fn rebuilt<A, H: TreeLike<A>>(like: &H, tensors: Vec<Tensor>) -> A {
    like.rebuild(&mut one_by_one(tensors))
}

/// A function of its own, so that the closure's type is the same for all trees.
fn one_by_one(tensors: Vec<Tensor>) -> impl FnMut(LeafRef<'_>) -> Tensor {
    let mut tensors = tensors.into_iter();
    move |_| tensors.next().expect("one tensor for each leaf")
}

/// The first error that a tensor of the tree carries.
pub(crate) fn first_error<S: Tree>(tree: &S) -> Option<&Error> {
    let mut first = FirstError(None);
    tree.visit(&mut first);
    first.0
}

struct FirstError<'t>(Option<&'t Error>);

impl<'t> Visitor<'t> for FirstError<'t> {
    fn length(&mut self, _: usize) {}

    fn variant(&mut self, _: usize, _: &'static str) {}

    fn tensor(&mut self, leaf: LeafRef<'t>) {
        if let (LeafRef::Tensor(tensor), None) = (leaf, self.0) {
            self.0 = tensor.error();
        }
    }

    fn fixed(&mut self, _: &dyn StaticValue) {}
}

/// The types of tensors, or the first error that one of them carries.
pub(crate) fn types_of(tensors: &[Tensor]) -> Result<Vec<Type>, Error> {
    tensors.iter().map(type_of).collect()
}

/// The type of what the tensor is, which may be a list, or the error that it carries.
pub(crate) fn type_of(tensor: &Tensor) -> Result<Type, Error> {
    tensor.value_type().map_err(Arc::unwrap_or_clone)
}
