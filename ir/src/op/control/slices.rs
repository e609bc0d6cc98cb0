//! Slices of tensors along axis 0, and stacks of them.

use crate::{Literal, TensorType};

/// The slice at `index`.
pub(super) fn slice(x: &Literal, index: usize) -> Literal {
    let ty = x.ty().with_shape(x.ty().shape.without(&[0]));
    let size = ty.bytes();
    let bytes = x.bytes()[index * size..(index + 1) * size].to_vec();
    Literal::from_bytes(ty, bytes).expect("a part of a tensor")
}

/// A stack under construction: slices are put in any order.
pub(super) struct StackBuilder {
    ty: TensorType,
    bytes: Vec<u8>,
}

impl StackBuilder {
    pub(super) fn new(ty: &TensorType) -> StackBuilder {
        StackBuilder { ty: ty.clone(), bytes: vec![0; ty.bytes()] }
    }

    pub(super) fn put(&mut self, index: usize, slice: &Literal) {
        let size = slice.bytes().len();
        self.bytes[index * size..(index + 1) * size].copy_from_slice(slice.bytes());
    }

    pub(super) fn finish(self) -> Literal {
        Literal::from_bytes(self.ty, self.bytes).expect("slices of one type")
    }
}
