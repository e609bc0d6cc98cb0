//! New tensors.
//!
//! Outside a trace they hold their elements. Inside a trace, scalars, small tensors and regular patterns
//! become constants of the graph; larger data is captured, like any tensor from outside.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::composite::{Eye, Linspace, Range};
use tensorwright_ir::op::primitive::{BroadcastInDim, Constant, Iota};
use tensorwright_ir::{DType, Element, Literal, Scalar, Shape, TensorType};

use crate::error::{CallSite, Error, caller};
use crate::interpret::one;
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;

/// The most bytes of data that a trace takes into its graph as a constant.
const SMALL: usize = 4096;

impl Tensor {
    /// A scalar.
    #[track_caller]
    pub fn scalar(value: impl Into<Scalar>) -> Tensor {
        Tensor::scalar_at(value.into(), caller())
    }

    /// A tensor of `shape` with these elements, row major. Fails if their number is wrong.
    #[track_caller]
    pub fn from_slice<T: Element>(elements: &[T], shape: impl Into<Shape>) -> Tensor {
        let (ty, at) = (TensorType::new(T::DTYPE, shape), caller());
        if ty.elements() != elements.len() || !ty.shape.check() {
            let found = elements.len();
            return Tensor::failed(Error::ElementCount { at: at.into(), shape: ty.shape, found });
        }
        Tensor::filled(ty, at, |bytes| write_elements(elements, bytes))
    }

    /// A tensor out of raw little-endian elements, row major. Fails if their number is wrong, or a bool is
    /// neither 0 nor 1.
    #[track_caller]
    pub fn from_bytes(bytes: &[u8], ty: TensorType) -> Tensor {
        let at = caller();
        let bools_fine = ty.dtype != DType::Bool || bytes.iter().all(|&b| b <= 1);
        if !ty.shape.check() || bytes.len() != ty.bytes() || !bools_fine {
            let found = bytes.len() / ty.dtype.size();
            return Tensor::failed(Error::ElementCount { at: at.into(), shape: ty.shape, found });
        }
        Tensor::filled(ty, at, |to| to.copy_from_slice(bytes))
    }

    /// The element `value` everywhere.
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: impl Into<Scalar>) -> Tensor {
        Tensor::full_at(shape.into(), value.into(), caller())
    }

    /// Zeros (`false` for bool).
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Tensor {
        Tensor::full_at(shape.into(), Scalar::zero(dtype), caller())
    }

    /// Ones (`true` for bool).
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Tensor {
        Tensor::full_at(shape.into(), Scalar::one(dtype), caller())
    }

    /// The element `value`, which adopts the tensor's dtype, everywhere in its shape.
    #[track_caller]
    pub fn full_like(&self, value: impl Into<Scalar>) -> Tensor {
        let at = caller();
        let filled = super::operand::adopted(value.into(), self, "full_like", at);
        match self.known_type() {
            Ok(ty) => filled.broadcast_at(&ty.shape, at),
            Err(failure) => Tensor::failed(failure.clone()),
        }
    }

    /// Zeros of the tensor's type.
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        self.splat_like(Scalar::zero, caller())
    }

    /// Ones of the tensor's type.
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        self.splat_like(Scalar::one, caller())
    }

    /// The numbers 0, 1, 2.. up to `count`, exclusive.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::arange(3, DType::F32).to_vec::<f32>()?, [0.0, 1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn arange(count: usize, dtype: DType) -> Tensor {
        one(Iota { dtype, shape: [count].into(), axis: 0 }, &[], caller())
    }

    /// The numbers `start, start + step, ..` before `end`; `step` may be negative, and not 0.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::range(5i32, -1, -2).to_vec::<i32>()?, [5, 3, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn range<T: Element>(start: T, end: T, step: T) -> Tensor {
        let at = caller();
        let [from, to, by] = [start, end, step].map(|x| -> Scalar { x.into() });
        let Some(count) = range_count(from, to, by) else {
            let message = format!("no range goes from {from} to {to} by {by}");
            return Tensor::failed(Error::refused(at, "range", vec![], TypeError::Other(message)));
        };
        let [start, step] = [from, by].map(|x| Tensor::scalar_at(x, at));
        one(Range { count }, &[&start, &step], at)
    }

    /// `count` numbers from `start` to `end`, both included, evenly spaced.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::linspace(0.0f32, 1.0, 3).to_vec::<f32>()?, [0.0, 0.5, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn linspace<T: Element>(start: T, end: T, count: usize) -> Tensor {
        let at = caller();
        let [start, end] = [start, end].map(|x| Tensor::scalar_at(x.into(), at));
        one(Linspace { count }, &[&start, &end], at)
    }

    /// The identity matrix with `size` rows.
    #[track_caller]
    pub fn eye(size: usize, dtype: DType) -> Tensor {
        one(Eye { dtype, rows: size, columns: size, diagonal: 0 }, &[], caller())
    }

    pub(crate) fn scalar_at(value: Scalar, at: CallSite) -> Tensor {
        let width = value.dtype().size();
        Tensor::filled(TensorType::scalar(value.dtype()), at, |bytes| {
            bytes.copy_from_slice(&value.bits().to_le_bytes()[..width]);
        })
    }

    pub(crate) fn from_literal_at(literal: &Literal, at: CallSite) -> Tensor {
        Tensor::filled(literal.ty().clone(), at, |bytes| bytes.copy_from_slice(literal.bytes()))
    }

    fn full_at(shape: Shape, value: Scalar, at: CallSite) -> Tensor {
        if !shape.check() {
            return Tensor::failed(Error::refused(at, "full", vec![], TypeError::TooLarge { shape }));
        }
        if is_tracing() {
            return Tensor::scalar_at(value, at).broadcast_at(&shape, at);
        }
        let width = value.dtype().size();
        let pattern = &value.bits().to_le_bytes()[..width];
        Tensor::filled(TensorType::new(value.dtype(), shape), at, |bytes| {
            bytes.chunks_exact_mut(width).for_each(|element| element.copy_from_slice(pattern));
        })
    }

    fn splat_like(&self, element: fn(DType) -> Scalar, at: CallSite) -> Tensor {
        match self.known_type() {
            Ok(ty) => Tensor::full_at(ty.shape.clone(), element(ty.dtype), at),
            Err(failure) => Tensor::failed(failure.clone()),
        }
    }

    /// Broadcast to `shape` by NumPy's rule.
    pub(crate) fn broadcast_at(&self, shape: &Shape, at: CallSite) -> Tensor {
        let Ok(ty) = self.known_type() else { return self.clone() };
        if ty.shape == *shape {
            return self.clone();
        }
        let offset = shape.rank().saturating_sub(ty.rank());
        let axes = (0..ty.rank()).map(|axis| axis + offset).collect();
        one(BroadcastInDim { shape: shape.clone(), axes }, &[self], at)
    }

    /// A tensor of a checked type whose bytes `write` writes, all of them.
    pub(crate) fn filled(ty: TensorType, at: CallSite, write: impl FnOnce(&mut [u8])) -> Tensor {
        if is_tracing() && ty.bytes() <= SMALL {
            let mut bytes = vec![0; ty.bytes()];
            write(&mut bytes);
            return constant(ty, bytes, at);
        }
        Tensor::in_memory(ty, at, write)
    }
}

impl From<&Literal> for Tensor {
    #[track_caller]
    fn from(literal: &Literal) -> Tensor {
        Tensor::from_literal_at(literal, caller())
    }
}

fn constant(ty: TensorType, bytes: Vec<u8>, at: CallSite) -> Tensor {
    match Literal::from_bytes(ty.clone(), bytes) {
        Some(literal) => one(Constant { value: literal.into() }, &[], at),
        None => Tensor::failed(Error::ElementCount { at: at.into(), found: 0, shape: ty.shape }),
    }
}

/// Elements as little-endian bytes.
pub(crate) fn write_elements<T: Element>(elements: &[T], bytes: &mut [u8]) {
    let width = T::DTYPE.size();
    for (element, to) in elements.iter().zip(bytes.chunks_exact_mut(width)) {
        let scalar: Scalar = (*element).into();
        to.copy_from_slice(&scalar.bits().to_le_bytes()[..width]);
    }
}

/// How many numbers there are from `from` before `to` by steps of `by`; `None` if that is no number, or too large for a tensor.
fn range_count(from: Scalar, to: Scalar, by: Scalar) -> Option<usize> {
    let count = if from.dtype().is_int() {
        let [from, to, by] = [from, to, by].map(Scalar::to_i128);
        let (distance, step) = if by < 0 { (from - to, -by) } else { (to - from, by) };
        // The quotient, rounded up: a distance of the other sign is no step.
        (step != 0).then(|| (distance.max(0) + step - 1) / step)?
    } else {
        let count = ((to.to_f64() - from.to_f64()) / by.to_f64()).ceil();
        count.is_finite().then_some(count.max(0.0) as i128)?
    };
    usize::try_from(count).ok().filter(|&count| count <= Shape::MAX_ELEMENTS)
}
