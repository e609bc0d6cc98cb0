//! Trees as rows of tensors.

use std::sync::Arc;

use tensorwright_ir::Type;

use super::definition::Tree;
use super::visit::LeafRef;
use crate::error::Error;
use crate::tensor::Tensor;

/// The tensors of a tree, in order.
pub(crate) fn tensors<S: Tree>(tree: &S) -> Vec<Tensor> {
    let mut found = Vec::new();
    // Rebuilding visits the tensor leaves in the same order, and gives them away.
    let _: S = tree.rebuild(&mut |leaf| match leaf {
        LeafRef::Tensor(tensor) => {
            found.push(tensor.clone());
            tensor.clone()
        }
        LeafRef::Spec(_) => unreachable!("trees of values hold no specs"),
    });
    found
}

/// The tree with other tensors.
pub(crate) fn with_tensors<S: Tree>(tree: &S, tensors: impl IntoIterator<Item = Tensor>) -> S {
    let mut tensors = tensors.into_iter();
    tree.rebuild(&mut |_| tensors.next().expect("one tensor for each leaf"))
}

/// The types of tensors, or the first error that one of them carries.
pub(crate) fn types_of(tensors: &[Tensor]) -> Result<Vec<Type>, Error> {
    tensors.iter().map(type_of).collect()
}

/// The type of what the tensor is, which may be a list, or the error that it carries.
pub(crate) fn type_of(tensor: &Tensor) -> Result<Type, Error> {
    tensor.value_type().map_err(Arc::unwrap_or_clone)
}
