//! What `for` goes over: slices of a tensor, numbers of a range of tensors, or whatever Rust goes over.

use tensorwright_ir::TensorType;
use tensorwright_ir::op::TypeError;

use super::range::Range;
use super::repeat::Loop;
use super::trip::Trip;
use crate::Tensor;
use crate::error::{CallSite, Error, Result, caller};
use crate::tensor::traced::is_tracing;

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
    at: CallSite,
}

impl Slices {
    fn ty(&self) -> Result<(usize, TensorType)> {
        let ty = self.xs.ty()?;
        if ty.rank() == 0 {
            let source = TypeError::Other("`for` goes over axis 0, and a scalar has no axis".to_owned());
            return Err(Error::refused(self.at, "for", [ty.into()], source));
        }
        Ok((ty.shape.size(0), ty.with_shape(ty.shape.without(&[0]))))
    }
}

impl Source for Slices {
    type Item = Tensor;

    fn trip(&self) -> Result<Option<Trip>> {
        let (length, slice) = self.ty()?;
        let xs = self.xs.clone();
        // A body that never runs is not traced: it could not even have a slice.
        let is_traced = is_tracing() && length > 0;
        Ok(is_traced.then_some(Trip::Slices { xs, slice, length, jumps: false }))
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
        self.checked()?;
        let is_traced = is_tracing() && !self.is_empty;
        Ok(is_traced.then(|| Trip::Count(self.clone())))
    }

    fn next(&mut self, driver: &Loop) -> Result<Option<Tensor>> {
        match driver.item() {
            Some(item) => item.map(Some),
            None => self.advance(),
        }
    }
}
