//! New tensors.
//!
//! Outside a trace they hold their elements. Inside a trace, scalars, small tensors and regular patterns
//! become constants of the graph; larger data is captured, like any tensor from outside.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::composite::{Eye, Linspace, Range};
use tensorwright_ir::op::primitive::{BroadcastInDim, Constant, Iota};
use tensorwright_ir::{DType, Element, Literal, Scalar, Shape, TensorType};

use crate::error::{CallSite, Error, Failure, caller};
use crate::interpret::one;
use crate::tensor::Tensor;
use crate::tensor::traced::is_tracing;

/// The most bytes of data that a trace takes into its graph as a constant.
const SMALL: usize = 4096;

impl Tensor {
    /// A scalar.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::scalar(2.5f32).item::<f32>()?, 2.5);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "tensor")]
    #[track_caller]
    pub fn scalar(value: impl Into<Scalar>) -> Tensor {
        Tensor::scalar_at(value.into(), caller())
    }

    /// A tensor of `shape` with these elements, row major. Fails if their number is wrong.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from_slice(&[1, 2, 3, 4], (2, 2));
    /// assert_eq!(x.i((1, 0)).item::<i32>()?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("from_vec", "from_shape_vec", "array", "asarray"))]
    #[doc(alias("as_tensor", "convert_to_tensor", "constant"))]
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
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::TensorType;
    /// let x = Tensor::from_bytes(&[1, 0, 2, 0], TensorType::new(DType::U16, [2]));
    /// assert_eq!(x.to_vec::<u16>()?, [1, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("frombuffer", "from_buffer"))]
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
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::full((2, 2), 7).to_vec::<i32>()?, [7; 4]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("fill", "from_elem"))]
    #[track_caller]
    pub fn full(shape: impl Into<Shape>, value: impl Into<Scalar>) -> Tensor {
        Tensor::full_at(shape.into(), value.into(), caller())
    }

    /// Zeros (`false` for bool).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::zeros((2, 2), DType::F32).to_vec::<f32>()?, [0.0; 4]);
    /// assert_eq!(Tensor::zeros(3, DType::Bool).to_vec::<bool>()?, [false; 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "empty")]
    #[track_caller]
    pub fn zeros(shape: impl Into<Shape>, dtype: DType) -> Tensor {
        Tensor::full_at(shape.into(), Scalar::zero(dtype), caller())
    }

    /// Ones (`true` for bool).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::ones([3], DType::I32).to_vec::<i32>()?, [1; 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn ones(shape: impl Into<Shape>, dtype: DType) -> Tensor {
        Tensor::full_at(shape.into(), Scalar::one(dtype), caller())
    }

    /// The element `value`, which adopts the tensor's dtype, everywhere in its shape.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.5f32, 2.5]);
    /// assert_eq!(x.full_like(7).to_vec::<f32>()?, [7.0, 7.0]);
    /// # Ok::<(), Error>(())
    /// ```
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
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.5f32, 2.5]);
    /// assert_eq!(x.zeros_like().to_vec::<f32>()?, [0.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "empty_like")]
    #[track_caller]
    pub fn zeros_like(&self) -> Tensor {
        self.splat_like(Scalar::zero, caller())
    }

    /// Ones of the tensor's type.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.5f32, 2.5]);
    /// assert_eq!(x.ones_like().to_vec::<f32>()?, [1.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn ones_like(&self) -> Tensor {
        self.splat_like(Scalar::one, caller())
    }

    /// The numbers 0, 1, 2.. up to `count`, exclusive. Fails if an integer dtype does not have them all.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::arange(3, DType::F32).to_vec::<f32>()?, [0.0, 1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn arange(count: usize, dtype: DType) -> Tensor {
        let at = caller();
        match last_number(dtype, count) {
            Ok(()) => one(Iota { dtype, shape: [count].into(), axis: 0 }, &[], at),
            Err(source) => Tensor::failed(Error::refused(at, "arange", vec![], source)),
        }
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

    /// Coordinates of a grid: for vectors of `m`, `n`, .. numbers one tensor each, of shape `[m, n, ..]`, whose elements change along that
    /// vector's axis (`indexing="ij"` of NumPy; its default swaps the first two axes). A scalar is a vector of one.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let grid = Tensor::meshgrid(&[Tensor::from([1, 2]), Tensor::from([5, 6, 7])]);
    /// assert_eq!(grid[0].to_vec::<i32>()?, [1, 1, 1, 2, 2, 2]);
    /// assert_eq!(grid[1].to_vec::<i32>()?, [5, 6, 7, 5, 6, 7]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("mgrid", "indices"))]
    #[track_caller]
    pub fn meshgrid<T: AsRef<Tensor>>(vectors: &[T]) -> Vec<Tensor> {
        let vectors: Vec<&Tensor> = vectors.iter().map(AsRef::as_ref).collect();
        grid(&vectors, caller())
    }

    /// The identity matrix with `size` rows.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::eye(2, DType::I32).to_vec::<i32>()?, [1, 0, 0, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "identity")]
    #[track_caller]
    pub fn eye(size: usize, dtype: DType) -> Tensor {
        one(Eye { dtype, rows: size, columns: size, diagonal: 0 }, &[], caller())
    }

    pub(crate) fn scalar_at(value: Scalar, at: CallSite) -> Tensor {
        Tensor::filled(TensorType::scalar(value.dtype()), at, |bytes| {
            bytes.copy_from_slice(&value.le_bytes());
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
        let pattern = &value.le_bytes();
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

/// The coordinates of a grid, as [`Tensor::meshgrid`] gives them.
fn grid(vectors: &[&Tensor], at: CallSite) -> Vec<Tensor> {
    let extent = |x: &&Tensor| match x.known_type() {
        Ok(ty) if ty.rank() > 1 => {
            let message = format!("a grid is of vectors, found {ty}");
            Err(super::refusal::refused("meshgrid", &[x], at, TypeError::Other(message)))
        }
        Ok(ty) => Ok(ty.elements()),
        Err(failure) => Err(failure),
    };
    let shape: Result<Shape, Failure> =
        vectors.iter().map(extent).collect::<Result<Vec<usize>, _>>().map(Shape::from);
    let coordinates = |(axis, x): (usize, &&Tensor)| match &shape {
        Ok(shape) => {
            let axes = if x.known_type().is_ok_and(|ty| ty.rank() == 0) { vec![] } else { vec![axis] };
            one(BroadcastInDim { shape: shape.clone(), axes: axes.into_iter().collect() }, &[x], at)
        }
        Err(failure) => Tensor::failed(failure.clone()),
    };
    vectors.iter().enumerate().map(coordinates).collect()
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

/// Elements as little-endian bytes: the size of one is known when this is compiled.
pub(crate) fn write_elements<T: Element>(elements: &[T], bytes: &mut [u8]) {
    let width = T::DTYPE.size();
    for (element, to) in elements.iter().zip(bytes.chunks_exact_mut(width)) {
        let scalar: Scalar = (*element).into();
        match T::DTYPE.is_complex() {
            true => to.copy_from_slice(&scalar.le_bytes()),
            false => to.copy_from_slice(&scalar.bits().to_le_bytes()[..width]),
        }
    }
}

/// Fails if the integers below `count` are not all values of the dtype, which is one of integers.
pub(super) fn last_number(dtype: DType, count: usize) -> Result<(), TypeError> {
    let last = Scalar::U64(count.saturating_sub(1) as u64);
    match !dtype.is_int() || super::fit(last, dtype).is_some() {
        true => Ok(()),
        false => Err(TypeError::Other(format!("{last} is no {dtype}"))),
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

#[cfg(test)]
mod tests {
    use half::{bf16, f16};
    use num_complex::Complex;
    use tensorwright_ir::Element;

    use crate::Tensor;

    fn check<T: Element>(elements: &[T]) {
        let bytes: Vec<u8> = elements.iter().flat_map(|&element| element.into().le_bytes()).collect();
        let tensor = Tensor::from_slice(elements, [elements.len()]);
        assert_eq!(tensor.as_bytes().expect("values"), bytes, "{}", T::DTYPE);
    }

    #[test]
    fn elements_of_all_dtypes_are_little_endian() {
        check(&[true, false]);
        check(&[i8::MIN, -1, 0, i8::MAX]);
        check(&[i16::MIN, -1, 0, i16::MAX]);
        check(&[i32::MIN, -1, 0, i32::MAX]);
        check(&[i64::MIN, -1, 0, i64::MAX]);
        check(&[0, u8::MAX]);
        check(&[0, u16::MAX]);
        check(&[0, u32::MAX]);
        check(&[0, u64::MAX]);
        check(&[f16::NEG_ZERO, f16::NAN, f16::MIN_POSITIVE_SUBNORMAL]);
        check(&[bf16::NEG_ZERO, bf16::NAN, bf16::MAX]);
        check(&[-0.0, f32::NAN, f32::MIN_POSITIVE, f32::NEG_INFINITY]);
        check(&[-0.0, f64::NAN, f64::MIN_POSITIVE, f64::NEG_INFINITY]);
        check(&[Complex::new(1.5f32, -0.0), Complex::new(f32::NAN, 2.0)]);
        check(&[Complex::new(1.5f64, -0.0), Complex::new(f64::NAN, 2.0)]);
    }
}
