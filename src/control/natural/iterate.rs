//! What `for` goes over: slices of a tensor, numbers below a tensor, or whatever Rust goes over.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Scalar, Type};

use super::repeat::Loop;
use crate::error::{Error, Place, Result, caller};
use crate::{Tensor, trace};

/// The integers from 0 to `end`, exclusive, for a `for` loop in a [`#[function]`](macro@crate::function): `end` is an integer scalar, the
/// items have its dtype, and the body is traced once, however long the loop is.
///
/// ```
/// use tensorwright::prelude::*;
///
/// #[function]
/// fn power(x: Tensor, n: Tensor) -> Tensor {
///     let mut y = x.ones_like();
///     for _ in range(&n) {
///         y *= &x;
///     }
///     y
/// }
/// assert_eq!(power(Tensor::from(2.0f32), Tensor::from(10)).item::<f32>()?, 1024.0);
/// # Ok::<(), tensorwright::Error>(())
/// ```
#[track_caller]
pub fn range(end: impl RangeEnd) -> Range {
    Range { end: end.end(), next: 0, at: caller() }
}

/// Where a [`range()`] ends.
pub trait RangeEnd {
    #[doc(hidden)]
    fn end(self) -> Tensor;
}

impl RangeEnd for &Tensor {
    fn end(self) -> Tensor {
        self.clone()
    }
}

impl<T: Into<Tensor>> RangeEnd for T {
    #[track_caller]
    fn end(self) -> Tensor {
        self.into()
    }
}

/// The integers below a scalar; see [`range()`].
#[derive(Clone, Debug)]
pub struct Range {
    end: Tensor,
    next: i128,
    at: Place,
}

impl Range {
    fn checked(&self) -> Result<DType> {
        let ty = self.end.ty()?;
        if ty.rank() == 0 && ty.dtype.is_int() {
            return Ok(ty.dtype);
        }
        let message = format!("a range ends at an integer scalar, found {ty}");
        Err(Error::refused(self.at, "range", vec![ty.clone()], TypeError::Other(message)))
    }
}

/// What decides how often a loop runs.
pub enum Trip {
    /// Its condition.
    While,
    /// Jumps.
    Forever,
    /// The slices of a tensor along axis 0.
    Slices {
        /// The tensor.
        xs: Tensor,
        /// The type of a slice.
        slice: Type,
        /// How many there are.
        length: usize,
        /// Whether the loop may end earlier.
        jumps: bool,
    },
    /// A number.
    Count {
        /// How often.
        limit: Tensor,
        /// The dtype of the counter.
        dtype: DType,
    },
}

impl Trip {
    pub(super) fn with_jumps(self, may_jump: bool) -> Trip {
        match self {
            Trip::Slices { xs, slice, length, .. } => Trip::Slices { xs, slice, length, jumps: may_jump },
            other => other,
        }
    }

    /// The dtype of the counter, if there is one.
    pub(super) fn counter(&self) -> Option<DType> {
        match self {
            Trip::Count { dtype, .. } => Some(*dtype),
            Trip::Slices { jumps: true, .. } => Some(DType::I64),
            _ => None,
        }
    }

    /// Where the counter ends.
    pub(super) fn limit(&self, at: Place) -> Tensor {
        match self {
            Trip::Count { limit, .. } => limit.clone(),
            Trip::Slices { length, .. } => Tensor::scalar_at(Scalar::from(*length as i64), at),
            Trip::While | Trip::Forever => unreachable!("there is no counter"),
        }
    }
}

/// What may stand behind `in`.
pub trait Iterate {
    /// What gives the items.
    type Source: Source;

    /// Begins.
    fn source(self) -> Self::Source;
}

/// Items one by one, or one for all of them.
pub trait Source {
    /// What the pattern is bound to.
    type Item;

    /// How the loop runs if it is traced.
    ///
    /// # Errors
    /// When there is nothing to go over.
    fn trip(&self) -> Result<Option<Trip>>;

    /// The next item.
    ///
    /// # Errors
    /// As [`Source::trip`].
    fn next(&mut self, driver: &Loop) -> Result<Option<Self::Item>>;
}

impl<I: IntoIterator> Iterate for I {
    type Source = Plain<I::IntoIter>;

    fn source(self) -> Plain<I::IntoIter> {
        Plain(self.into_iter())
    }
}

/// Rust's own iteration.
pub struct Plain<I>(I);

impl<I: Iterator> Source for Plain<I> {
    type Item = I::Item;

    fn trip(&self) -> Result<Option<Trip>> {
        Ok(None)
    }

    fn next(&mut self, _: &Loop) -> Result<Option<I::Item>> {
        Ok(self.0.next())
    }
}

impl Iterate for Tensor {
    type Source = Slices;

    #[track_caller]
    fn source(self) -> Slices {
        Slices { xs: self, next: 0, at: caller() }
    }
}

impl Iterate for &Tensor {
    type Source = Slices;

    #[track_caller]
    fn source(self) -> Slices {
        Slices { xs: self.clone(), next: 0, at: caller() }
    }
}

/// The slices of a tensor along axis 0.
pub struct Slices {
    xs: Tensor,
    next: usize,
    at: Place,
}

impl Slices {
    fn ty(&self) -> Result<(usize, Type)> {
        let ty = self.xs.ty()?;
        if ty.rank() == 0 {
            let source = TypeError::Other("`for` goes over axis 0, and a scalar has no axis".to_owned());
            return Err(Error::refused(self.at, "for", vec![ty.clone()], source));
        }
        Ok((ty.shape.size(0), Type { dtype: ty.dtype, shape: ty.shape.without(&[0]) }))
    }
}

impl Source for Slices {
    type Item = Tensor;

    fn trip(&self) -> Result<Option<Trip>> {
        let (length, slice) = self.ty()?;
        let xs = self.xs.clone();
        Ok(trace::is_active().then_some(Trip::Slices { xs, slice, length, jumps: false }))
    }

    fn next(&mut self, driver: &Loop) -> Result<Option<Tensor>> {
        if let Some(item) = driver.item() {
            return item.map(Some);
        }
        let index = self.next;
        self.next += 1;
        if index < self.ty()?.0 { self.xs.i_at(index as i64, self.at).ok().map(Some) } else { Ok(None) }
    }
}

impl Iterate for Range {
    type Source = Range;

    fn source(self) -> Range {
        self
    }
}

impl Source for Range {
    type Item = Tensor;

    fn trip(&self) -> Result<Option<Trip>> {
        let dtype = self.checked()?;
        let limit = self.end.clone();
        Ok(trace::is_active().then_some(Trip::Count { limit, dtype }))
    }

    fn next(&mut self, driver: &Loop) -> Result<Option<Tensor>> {
        if let Some(item) = driver.item() {
            return item.map(Some);
        }
        let (dtype, now) = (self.checked()?, self.next);
        let end = self.end.scalar_value(self.at)?.to_i128();
        self.next += 1;
        let item = || Tensor::scalar_at(Scalar::from(now as i64).cast(dtype), self.at);
        Ok((now < end).then(item))
    }
}
