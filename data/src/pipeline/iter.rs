//! Iterators over datasets.

use std::marker::PhantomData;
use std::sync::Arc;

use super::dataset::Input;
use super::pass::Pass;
use super::position::Position;
use super::profile::Sheet;
use super::stage::{BoxCursor, Outcome};
use crate::error::{DataError, Result};
use crate::item::FromItem;
use crate::state::{Reader, Writer, damaged};

/// An iterator over the elements of a dataset: each is an element, or the error in its place.
pub struct Iter {
    input: Input,
    /// The number of the pass, and what takes the place of seeds.
    pass: (u64, u64),
    cursor: BoxCursor,
    has_ended: bool,
    /// Where its time is noted.
    sheet: Option<Arc<Sheet>>,
}

impl Iter {
    pub(super) fn new(input: Input) -> Iter {
        let pass = input.begin();
        Iter::of_pass(input, pass, None)
    }

    pub(super) fn profiled(input: Input, sheet: Arc<Sheet>) -> Iter {
        let pass = input.begin();
        Iter::of_pass(input, pass, Some(sheet))
    }

    fn of_pass(input: Input, pass: (u64, u64), sheet: Option<Arc<Sheet>>) -> Iter {
        let root = Pass::root(pass.0, pass.1);
        let root = match &sheet {
            Some(sheet) => root.noted(Arc::clone(sheet)),
            None => root,
        };
        let cursor = input.open(&root);
        Iter { input, pass, cursor, has_ended: false, sheet }
    }

    /// Where the iterator stands. Neither elements that were computed ahead nor half-filled buffers are lost.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, Position};
    /// let dataset = Dataset::range(100).shuffle((20, 1)).map(|x: i64| x * 2).batch(5);
    /// let mut iter = dataset.iter()?;
    /// iter.by_ref().take(7).for_each(drop);
    /// let position = iter.save()?;
    /// assert!(position.as_bytes().len() < 100);
    /// let mut other = dataset.iter()?;
    /// other.restore(&Position::from_bytes(position.as_bytes())?)?;
    /// let sums = |iter: tensorwright::data::Iter| iter.map(|batch| batch.unwrap().to_tensor().unwrap().sum(..).item::<i64>().unwrap());
    /// assert!(sums(iter).eq(sums(other)));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// When an element that must be kept has no values.
    #[doc(alias("checkpoint", "state_dict"))]
    pub fn save(&mut self) -> Result<Position> {
        let mut to = Writer::new();
        to.raw(&Position::HEADER);
        to.raw(&self.input.fingerprint().to_le_bytes());
        to.u64(self.pass.0);
        to.raw(&self.pass.1.to_le_bytes());
        to.flag(self.has_ended);
        if !self.has_ended {
            self.cursor.save(&mut to)?;
        }
        Ok(Position::new(to.into_bytes()))
    }

    /// Goes on where a position was saved, by an iterator over the same pipeline, in this process or another one.
    ///
    /// # Errors
    /// When it was saved by a pipeline of other stages, or is damaged; the iterator then stands where it stood.
    #[doc(alias("load_state_dict"))]
    pub fn restore(&mut self, position: &Position) -> Result<()> {
        let mut from = Reader::new(position.as_bytes());
        let header = from.raw(Position::HEADER.len())?;
        if header != Position::HEADER || from.raw(8)? != self.input.fingerprint().to_le_bytes() {
            return Err(DataError::invalid("the position was saved by a pipeline of other stages"));
        }
        let number = from.u64()?;
        let entropy = from.raw(8)?.try_into().map(u64::from_le_bytes).map_err(|_| damaged())?;
        let mut iter = Iter::of_pass(self.input.clone(), (number, entropy), self.sheet.clone());
        iter.has_ended = from.flag()?;
        if !iter.has_ended {
            iter.cursor.restore(&mut from)?;
        }
        if !from.is_at_end() {
            return Err(damaged());
        }
        self.input.has_begun(number);
        *self = iter;
        Ok(())
    }
}

impl Iterator for Iter {
    type Item = Outcome;

    fn next(&mut self) -> Option<Outcome> {
        if self.has_ended {
            return None;
        }
        let outcome = self.cursor.next();
        self.has_ended = outcome.is_none();
        outcome
    }
}

/// An iterator over the elements of a dataset as values of a type.
pub struct IterAs<T> {
    iter: Iter,
    ty: PhantomData<fn() -> T>,
}

impl<T> IterAs<T> {
    pub(super) fn new(iter: Iter) -> IterAs<T> {
        IterAs { iter, ty: PhantomData }
    }

    /// As [`Iter::save`].
    ///
    /// # Errors
    /// As [`Iter::save`].
    pub fn save(&mut self) -> Result<Position> {
        self.iter.save()
    }

    /// As [`Iter::restore`].
    ///
    /// # Errors
    /// As [`Iter::restore`].
    pub fn restore(&mut self, position: &Position) -> Result<()> {
        self.iter.restore(position)
    }
}

impl<T: FromItem> Iterator for IterAs<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        Some(self.iter.next()?.and_then(T::from_item))
    }
}
