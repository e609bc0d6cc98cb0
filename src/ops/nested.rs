//! Tensors from nested Rust arrays, slices and vectors.

use half::{bf16, f16};
use tensorwright_ir::{DType, Element, Scalar, Shape, TensorType};

use crate::error::{CallSite, Error, caller};
use crate::tensor::Tensor;

/// A number or bool, or arrays, slices or vectors of such, nested as deep as you like.
pub trait Nested {
    /// TensorType of the innermost elements.
    const ELEMENT: DType;

    /// The extents along the first elements.
    fn extents(&self, extents: &mut Vec<usize>);

    /// Appends the elements, row major; false if a part has not the extents that `extents` said.
    fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool;
}

macro_rules! nested_elements {
    ($($native:ty)*) => {$(
        impl Nested for $native {
            const ELEMENT: DType = <$native as Element>::DTYPE;

            fn extents(&self, _extents: &mut Vec<usize>) {}

            fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
                let scalar: Scalar = (*self).into();
                bytes.extend_from_slice(&scalar.bits().to_le_bytes()[..Self::ELEMENT.size()]);
                extents.is_empty()
            }
        }
    )*};
}
nested_elements!(bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64);

impl<T: Nested> Nested for [T] {
    const ELEMENT: DType = T::ELEMENT;

    fn extents(&self, extents: &mut Vec<usize>) {
        extents.push(self.len());
        if let Some(first) = self.first() {
            first.extents(extents);
        }
    }

    fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
        let Some((&extent, inner)) = extents.split_first() else { return false };
        self.len() == extent && self.iter().all(|part| part.flatten(inner, bytes))
    }
}

macro_rules! nested_as_slice {
    ($([$($generics:tt)*] $container:ty),* $(,)?) => {$(
        impl<$($generics)*> Nested for $container {
            const ELEMENT: DType = T::ELEMENT;

            fn extents(&self, extents: &mut Vec<usize>) {
                self[..].extents(extents);
            }

            fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
                self[..].flatten(extents, bytes)
            }
        }
    )*};
}
nested_as_slice!([T: Nested, const N: usize] [T; N], [T: Nested] Vec<T>);

impl<T: Nested + ?Sized> Nested for &T {
    const ELEMENT: DType = T::ELEMENT;

    fn extents(&self, extents: &mut Vec<usize>) {
        (**self).extents(extents);
    }

    fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
        (**self).flatten(extents, bytes)
    }
}

impl<T: Nested> From<T> for Tensor {
    /// The elements as a tensor, one axis per level of nesting. Fails if inner vectors have different lengths.
    #[track_caller]
    fn from(nested: T) -> Tensor {
        nested_at(&nested, caller())
    }
}

pub(crate) fn nested_at<T: Nested + ?Sized>(nested: &T, at: CallSite) -> Tensor {
    let (mut extents, mut bytes) = (Vec::new(), Vec::new());
    nested.extents(&mut extents);
    if !nested.flatten(&extents, &mut bytes) {
        return Tensor::failed(Error::Ragged { at: at.into() });
    }
    Tensor::filled(TensorType::new(T::ELEMENT, Shape::from(extents)), at, |to| to.copy_from_slice(&bytes))
}
