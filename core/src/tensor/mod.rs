//! The tensor as plain data: a value at hand, a value being traced, a list, or an error on its way to whoever asks.
//!
//! Nothing here applies an op. Ops go down the stack of [`interpret`](crate::interpret), which makes tensors of these parts; the
//! methods that users call are in [`ops`](crate::ops).
//!
//! - [`traced`]: values of traces; [`rows`]: lists with values; [`id`]: which tensor it is; [`identity`]: which tensors are the same value;
//! - [`access`]: types and elements out; [`display`]: tensors as text.

pub(crate) mod access;
mod display;
pub(crate) mod id;
pub(crate) mod identity;
pub(crate) mod rows;
pub(crate) mod traced;

use smallvec::SmallVec;
use tensorwright_ir::{Literal, Scalar, TensorType, Type};
use tensorwright_runtime::buffer::{BufferPool, SharedBuffer};

use crate::error::{CallSite, Error, Failure, caller};
use id::TensorId;
use rows::{Rows, no_tensor};
use traced::Traced;

/// An n-dimensional array of one dtype, immutable, cheap to clone.
///
/// Outside a traced function ops run at once; inside, the same ops record. An op never panics: if it does not
/// accept its operands, its result carries the error, with the line that wrote it, to where a value is asked
/// for.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]);
/// let y = (&x * 2 + 1).sum(-1);
/// assert_eq!(y.to_vec::<f32>()?, [8.0, 16.0]);
///
/// let wrong = &x + Tensor::from([1.0f32, 2.0, 3.0]);
/// assert!(wrong.to_vec::<f32>().unwrap_err().to_string().contains("do not broadcast"));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    repr: Repr,
    id: TensorId,
}

#[derive(Clone)]
pub(crate) enum Repr {
    Concrete(TensorType, SharedBuffer),
    Traced(Traced),
    /// What a [`TensorList`](crate::TensorList) holds.
    List(Rows<Tensor>),
    Failed(Failure),
}

/// Results of an op.
pub(crate) type Results = SmallVec<[Tensor; 1]>;

impl Tensor {
    #[inline]
    fn new(repr: Repr) -> Tensor {
        Tensor { repr, id: TensorId::fresh() }
    }

    /// What tells the tensor from all others but its clones.
    #[inline]
    pub(crate) fn id(&self) -> TensorId {
        self.id
    }

    /// The same value as the tensor of another number.
    pub(crate) fn with_id(self, id: TensorId) -> Tensor {
        Tensor { id, ..self }
    }

    #[inline]
    pub(crate) fn concrete(ty: TensorType, buffer: SharedBuffer) -> Tensor {
        debug_assert_eq!(ty.bytes(), buffer.len(), "a buffer of {ty}");
        Tensor::new(Repr::Concrete(ty, buffer))
    }

    pub(crate) fn traced(traced: Traced) -> Tensor {
        Tensor::new(Repr::Traced(traced))
    }

    pub(crate) fn rows(rows: Rows<Tensor>) -> Tensor {
        Tensor::new(Repr::List(rows))
    }

    pub(crate) fn failed(failure: impl Into<Failure>) -> Tensor {
        Tensor::new(Repr::Failed(failure.into()))
    }

    /// A tensor with a value, of a checked type: `write` is given its bytes, which are zero.
    pub(crate) fn in_memory(ty: TensorType, at: CallSite, write: impl FnOnce(&mut [u8])) -> Tensor {
        match BufferPool::global().zeroed(ty.bytes()) {
            Ok(mut buffer) => {
                write(buffer.get_mut().expect("a new buffer has one handle"));
                Tensor::concrete(ty, buffer)
            }
            Err(error) => Tensor::failed(Error::OutOfMemory { at: at.into(), bytes: error.bytes }),
        }
    }

    /// The scalar as a tensor with a value.
    pub(crate) fn scalar_in_memory(value: Scalar, at: CallSite) -> Tensor {
        Tensor::in_memory(TensorType::scalar(value.dtype()), at, |bytes| {
            bytes.copy_from_slice(&value.le_bytes());
        })
    }

    /// The literal as a tensor with a value.
    pub(crate) fn literal_in_memory(literal: &Literal, at: CallSite) -> Tensor {
        Tensor::in_memory(literal.ty().clone(), at, |bytes| bytes.copy_from_slice(literal.bytes()))
    }

    #[inline]
    pub(crate) fn repr(&self) -> &Repr {
        &self.repr
    }

    /// The type of a tensor. Fails with the error that it carries, and if it is what a list holds.
    #[inline]
    #[track_caller]
    pub(crate) fn known_type(&self) -> Result<&TensorType, Failure> {
        match &self.repr {
            Repr::Concrete(ty, _) | Repr::Traced(Traced { ty: Type::Tensor(ty), .. }) => Ok(ty),
            Repr::Traced(traced) => Err(no_tensor(&traced.ty, caller()).into()),
            Repr::List(rows) => Err(no_tensor(&rows.ty(), caller()).into()),
            Repr::Failed(failure) => Err(failure.clone()),
        }
    }

    /// The type of the value, that of a list too, or the error that the tensor carries.
    pub(crate) fn value_type(&self) -> Result<Type, Failure> {
        match &self.repr {
            Repr::Concrete(ty, _) => Ok(ty.into()),
            Repr::Traced(traced) => Ok(traced.ty.clone()),
            Repr::List(rows) => Ok(rows.ty()),
            Repr::Failed(failure) => Err(failure.clone()),
        }
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}
