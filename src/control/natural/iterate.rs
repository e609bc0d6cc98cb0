//! What `for` goes over: slices of a tensor, numbers of a range of tensors, or whatever Rust goes over.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Scalar, Type};

use super::range::Range;
use super::repeat::Loop;
use crate::error::{Error, Place, Result, caller};
use crate::{Tensor, trace};

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
    /// The numbers of a range.
    Count(Range),
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
            Trip::Count(range) => range.counter(),
            Trip::Slices { jumps: true, .. } => Some(DType::I64),
            _ => None,
        }
    }

    /// Where the counter ends.
    pub(super) fn limit(&self, at: Place) -> Tensor {
        match self {
            Trip::Count(range) => range.count().clone(),
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
