//! The tensor: a value at hand, a value being traced, or an error on its way to whoever asks.
//!
//! - [`create`]: constructors, [`nested`]: from nested Rust arrays and vectors, [`random`]: from keys;
//! - [`access`]: types and elements out, [`display`]: as text;
//! - [`ops`]: every op as a method, [`operators`]: `+ - * /` and the like, [`index`]: `x.i(..)`;
//! - [`operand`] and [`attribute`]: what ops take as operands and attributes;
//! - [`broadcast`]: NumPy's rule for element-wise ops.

mod access;
mod attribute;
pub(crate) mod broadcast;
mod create;
mod display;
mod index;
#[cfg(feature = "ndarray")]
mod interop;
mod nested;
mod operand;
mod operators;
mod ops;

use std::sync::Arc;

use smallvec::SmallVec;
use tensorwright_ir::{Op, Type};
use tensorwright_runtime::buffer::SharedBuffer;

pub use attribute::{AxisNumber, IntoAttribute, IntoReduced, Keep, Reduced, keep};
pub use index::{Bounds, By, Ellipsis, Index, IntoIndex, IntoIndices, NewAxis, Stepped};
pub use nested::Nested;
pub(crate) use nested::nested_at;
pub(crate) use operand::fit;
pub use operand::{Operand, OperandKind};
pub use ops::IntoExtents;

use crate::control::list::Rows;
use crate::error::{Error, Failure, Place, caller};
use crate::gradient::tape;
use crate::trace::Traced;
use crate::{eager, trace};

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
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor(Repr);

#[derive(Clone)]
pub(crate) enum Repr {
    Concrete(Type, SharedBuffer),
    Traced(Traced),
    /// What a [`TensorList`](crate::TensorList) holds.
    List(Rows),
    Failed(Failure),
}

/// Results of an op.
pub(crate) type Results = SmallVec<[Tensor; 1]>;

impl Tensor {
    #[inline]
    pub(crate) fn concrete(ty: Type, buffer: SharedBuffer) -> Tensor {
        debug_assert_eq!(ty.bytes(), buffer.len(), "a buffer of {ty}");
        Tensor(Repr::Concrete(ty, buffer))
    }

    pub(crate) fn traced(traced: Traced) -> Tensor {
        Tensor(Repr::Traced(traced))
    }

    pub(crate) fn rows(rows: Rows) -> Tensor {
        Tensor(Repr::List(rows))
    }

    pub(crate) fn failed(failure: impl Into<Failure>) -> Tensor {
        Tensor(Repr::Failed(failure.into()))
    }

    #[inline]
    pub(crate) fn repr(&self) -> &Repr {
        &self.0
    }

    /// The type, or the error that the tensor carries.
    #[inline]
    pub(crate) fn known_type(&self) -> Result<&Type, &Failure> {
        match &self.0 {
            Repr::Concrete(ty, _) => Ok(ty),
            Repr::Traced(traced) => Ok(&traced.ty),
            Repr::List(rows) => Ok(rows.ty()),
            Repr::Failed(failure) => Err(failure),
        }
    }
}

impl AsRef<Tensor> for Tensor {
    fn as_ref(&self) -> &Tensor {
        self
    }
}

impl Tensor {
    /// Applies an op: for programs that know it only when they run, such as importers. Element-wise ops
    /// broadcast their operands.
    ///
    /// # Errors
    /// When the op does not accept the operands, or one of them carries an error.
    #[track_caller]
    pub fn apply(op: impl Into<Op>, operands: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
        match apply(op.into(), operands, caller()) {
            Ok(results) => Ok(results.into_vec()),
            Err(failure) => Err(Arc::unwrap_or_clone(failure)),
        }
    }
}

/// Records or runs an op.
pub(crate) fn apply(op: Op, operands: &[&Tensor], at: Place) -> Result<Results, Failure> {
    if !tape::is_active() {
        return if trace::is_active() {
            trace::record(op, operands, at)
        } else {
            eager::run(op, operands, at)
        };
    }
    let noted = op.clone();
    let results =
        if trace::is_active() { trace::record(op, operands, at) } else { eager::run(op, operands, at) }?;
    tape::note(&noted, &[], operands, &results, at);
    Ok(results)
}

/// The result of an op that has one; a failure is a failed tensor.
pub(crate) fn one(op: impl Into<Op>, operands: &[&Tensor], at: Place) -> Tensor {
    match apply(op.into(), operands, at) {
        Ok(mut results) => results.remove(0),
        Err(failure) => Tensor::failed(failure),
    }
}
