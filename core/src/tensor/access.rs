//! What a tensor is, and its elements.

use tensorwright_ir::{DType, Element, Literal, Scalar, Shape, TensorType};
use tensorwright_runtime::buffer::SharedBuffer;

use super::traced::is_tracing;
use super::{Repr, Tensor, rows};
use crate::error::{CallSite, Error, Result, caller};

impl Tensor {
    /// Dtype and shape; known while tracing too.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!(x.ty()?.to_string(), "f32[2,3]");
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn ty(&self) -> Result<&TensorType> {
        self.known_type().map_err(|failure| (*failure).clone())
    }

    /// The element type.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!(x.dtype()?, DType::F32);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dtype(&self) -> Result<DType> {
        Ok(self.ty()?.dtype)
    }

    /// The extents.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!(x.shape()?, &[2, 3].into());
    /// assert_eq!(x.shape()?.size(0), 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("dims", "size"))]
    pub fn shape(&self) -> Result<&Shape> {
        Ok(&self.ty()?.shape)
    }

    /// The number of axes.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!(x.rank()?, 2);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("ndim", "dim"))]
    pub fn rank(&self) -> Result<usize> {
        Ok(self.ty()?.rank())
    }

    /// The number of elements.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!(x.elements()?, 6);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("numel", "len", "size", "elem_count"))]
    pub fn elements(&self) -> Result<usize> {
        Ok(self.ty()?.elements())
    }

    /// The error that the tensor carries instead of a value, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let wrong = Tensor::from([1, 2]) + Tensor::from([1, 2, 3]);
    /// assert!(wrong.error().is_some());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn error(&self) -> Option<&Error> {
        match self.repr() {
            Repr::Failed(failure) => Some(failure),
            _ => None,
        }
    }

    /// Whether the tensor belongs to a trace, so that its value is not known yet.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let f = function(|x: Tensor| {
    ///     assert!(x.is_traced());
    ///     x
    /// });
    /// assert!(!f.call(1.0f32)?.is_traced());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_traced(&self) -> bool {
        matches!(self.repr(), Repr::Traced(_))
    }

    /// The tensor itself, or the error that it carries.
    ///
    /// # Errors
    /// The error that the tensor carries, if it does.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1, 2]);
    /// assert!((&x + 1).ok().is_ok() && x.reshape(3).ok().is_err());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn ok(self) -> Result<Tensor> {
        match self.error() {
            Some(error) => Err(error.clone()),
            None => Ok(self),
        }
    }

    /// The elements, row major.
    ///
    /// # Errors
    /// The error that the tensor carries; if it has another dtype than `T`; if it is being traced.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).to_vec::<i32>()?, [1, 2, 3, 4]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("tolist", "numpy", "to_vec1", "into_vec", "as_slice"))]
    #[track_caller]
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>> {
        let at = caller();
        let (ty, buffer) = self.value(at)?;
        if ty.dtype != T::DTYPE {
            return Err(Error::DType { at: at.into(), expected: T::DTYPE, found: ty.dtype });
        }
        Ok(scalars(ty.dtype, buffer.as_bytes()).map(T::from_scalar).collect())
    }

    /// The only element.
    ///
    /// # Errors
    /// As [`Tensor::to_vec`], and if there is not just one element.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, 2.0]).sum(..).item::<f32>()?, 3.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("to_scalar", "to_vec0"))]
    #[track_caller]
    pub fn item<T: Element>(&self) -> Result<T> {
        let at = caller();
        let scalar = self.scalar_value(at)?;
        if scalar.dtype() == T::DTYPE {
            Ok(T::from_scalar(scalar))
        } else {
            Err(Error::DType { at: at.into(), expected: T::DTYPE, found: scalar.dtype() })
        }
    }

    /// The only element, with its dtype.
    ///
    /// # Errors
    /// The error that the tensor carries; if there is not just one element; if the tensor is being traced.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from(3).to_scalar()?.to_f64(), 3.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn to_scalar(&self) -> Result<Scalar> {
        self.scalar_value(caller())
    }

    /// The raw little-endian elements, row major.
    ///
    /// # Errors
    /// The error that the tensor carries; if it is being traced.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1u16, 2]).as_bytes()?, [1, 0, 2, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn as_bytes(&self) -> Result<&[u8]> {
        Ok(self.value(caller())?.1.as_bytes())
    }

    /// The tensor as the plain value that graphs and the reference evaluator know.
    ///
    /// # Errors
    /// The error that the tensor carries; if it is being traced.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1, 2]).to_literal()?.ty().to_string(), "i32[2]");
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn to_literal(&self) -> Result<Literal> {
        let (ty, buffer) = self.value(caller())?;
        Ok(Literal::from_scalars(ty.clone(), scalars(ty.dtype, buffer.as_bytes())))
    }

    pub(crate) fn scalar_value(&self, at: CallSite) -> Result<Scalar> {
        let (ty, buffer) = self.value(at)?;
        match (ty.elements(), scalars(ty.dtype, buffer.as_bytes()).next()) {
            (1, Some(scalar)) => Ok(scalar),
            _ => Err(Error::NotOneElement { at: at.into(), found: ty.clone() }),
        }
    }

    pub(crate) fn value(&self, at: CallSite) -> Result<(&TensorType, &SharedBuffer)> {
        match self.repr() {
            Repr::Concrete(ty, buffer) => Ok((ty, buffer)),
            Repr::Traced(traced) if is_tracing() => {
                Err(Error::NoValue { made: traced.made.into(), used: at.into() })
            }
            Repr::Traced(traced) => Err(Error::Escaped { made: traced.made.into(), used: at.into() }),
            Repr::List(list) => Err(rows::no_tensor(&list.ty(), at)),
            Repr::Failed(failure) => Err((**failure).clone()),
        }
    }
}

/// Elements out of little-endian bytes.
pub(crate) fn scalars(dtype: DType, bytes: &[u8]) -> impl ExactSizeIterator<Item = Scalar> + '_ {
    bytes.chunks_exact(dtype.size()).map(move |element| Scalar::from_le_bytes(dtype, element))
}

impl TryFrom<&Tensor> for Literal {
    type Error = Error;

    #[track_caller]
    fn try_from(tensor: &Tensor) -> Result<Literal> {
        tensor.to_literal()
    }
}
