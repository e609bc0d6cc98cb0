//! Tensors from nested Rust arrays, slices and vectors.

use half::{bf16, f16};
use num_complex::Complex;
use tensorwright_ir::{DType, Element, Scalar, Shape, TensorType};

use crate::error::{CallSite, Error, caller};
use crate::tensor::Tensor;
use crate::tensor::access::scalars;

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
                bytes.extend_from_slice(&scalar.le_bytes());
                extents.is_empty()
            }
        }
    )*};
}
nested_elements!(bool i8 i16 i32 i64 u8 u16 u32 u64 f16 bf16 f32 f64 Complex<f32> Complex<f64>);

macro_rules! nested_sizes {
    ($($native:ident as $same:ident)*) => {$(
        /// As the 64-bit number that it is.
        impl Nested for $native {
            const ELEMENT: DType = <$same as Element>::DTYPE;

            fn extents(&self, _extents: &mut Vec<usize>) {}

            fn flatten(&self, extents: &[usize], bytes: &mut Vec<u8>) -> bool {
                (*self as $same).flatten(extents, bytes)
            }
        }
    )*};
}
nested_sizes!(usize as u64 isize as i64);

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
    Elements::of(nested).tensor(at)
}

/// The elements of nested arrays, slices or vectors, row major.
pub(super) struct Elements {
    dtype: DType,
    extents: Vec<usize>,
    bytes: Vec<u8>,
    /// Whether inner vectors have different lengths.
    is_ragged: bool,
}

impl Elements {
    pub(super) fn of<T: Nested + ?Sized>(nested: &T) -> Elements {
        let (mut extents, mut bytes) = (Vec::new(), Vec::new());
        nested.extents(&mut extents);
        let is_ragged = !nested.flatten(&extents, &mut bytes);
        Elements { dtype: T::ELEMENT, extents, bytes, is_ragged }
    }

    /// The elements as `convert` makes them values of `dtype`, or the first of which it does not.
    pub(super) fn converted(
        mut self,
        dtype: DType,
        convert: fn(Scalar, DType) -> Option<Scalar>,
    ) -> Result<Elements, Scalar> {
        if self.dtype != dtype {
            let mut bytes = Vec::with_capacity(self.bytes.len() / self.dtype.size() * dtype.size());
            for element in scalars(self.dtype, &self.bytes) {
                let element = convert(element, dtype).ok_or(element)?;
                bytes.extend_from_slice(&element.le_bytes());
            }
            (self.dtype, self.bytes) = (dtype, bytes);
        }
        Ok(self)
    }

    pub(super) fn tensor(self, at: CallSite) -> Tensor {
        if self.is_ragged {
            return Tensor::failed(Error::Ragged { at: at.into() });
        }
        let ty = TensorType::new(self.dtype, Shape::from(self.extents));
        Tensor::filled(ty, at, |to| to.copy_from_slice(&self.bytes))
    }
}
