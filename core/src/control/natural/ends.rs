//! The bounds of `a..b` behind `in`: with a tensor among them, or Rust's own.

use std::cell::Cell;
use std::ops;

use super::range::{Range, RangeBound};
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

/// The bounds of `a..b` and `a..=b` behind `in`, of whatever type.
pub struct Ends<A, B> {
    start: Cell<Option<A>>,
    end: Cell<Option<B>>,
    inclusive: bool,
    at: CallSite,
}

impl<A, B> Ends<A, B> {
    /// `start..end`.
    #[track_caller]
    pub fn open(start: A, end: B) -> Ends<A, B> {
        Ends { start: Cell::new(Some(start)), end: Cell::new(Some(end)), inclusive: false, at: caller() }
    }

    /// `start..=end`.
    #[track_caller]
    pub fn closed(start: A, end: B) -> Ends<A, B> {
        Ends { inclusive: true, ..Ends::open(start, end) }
    }

    fn parts(&self) -> (A, B) {
        let parts = self.start.take().zip(self.end.take());
        parts.expect("bounds are taken once")
    }
}

/// Bounds with a tensor among them.
pub trait TensorEnds: Sized {
    /// The range.
    fn range(self) -> Range;

    /// What [`range()`](super::range()) takes for `a..b`.
    fn open_bounds(self) -> Range {
        self.range()
    }

    /// What [`range()`](super::range()) takes for `a..=b`.
    fn closed_bounds(self) -> Range {
        self.range()
    }
}

/// All other bounds: found after [`TensorEnds`], because it takes one more reference.
pub trait PlainEnds<T>: Sized {
    /// What iterates.
    fn range(self) -> OpenOrClosed<T>;

    /// The range `a..b` itself.
    fn open_bounds(self) -> ops::Range<T>;

    /// The range `a..=b` itself.
    fn closed_bounds(self) -> ops::RangeInclusive<T>;
}

/// Rust's own ranges.
pub enum OpenOrClosed<T> {
    /// `a..b`.
    Open(ops::Range<T>),
    /// `a..=b`.
    Closed(ops::RangeInclusive<T>),
}

impl<T> PlainEnds<T> for &Ends<T, T> {
    fn range(self) -> OpenOrClosed<T> {
        let (start, end) = self.parts();
        if self.inclusive { OpenOrClosed::Closed(start..=end) } else { OpenOrClosed::Open(start..end) }
    }

    fn open_bounds(self) -> ops::Range<T> {
        let (start, end) = self.parts();
        start..end
    }

    fn closed_bounds(self) -> ops::RangeInclusive<T> {
        let (start, end) = self.parts();
        start..=end
    }
}

impl<T> Iterator for OpenOrClosed<T>
where
    ops::Range<T>: Iterator<Item = T>,
    ops::RangeInclusive<T>: Iterator<Item = T>,
{
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match self {
            OpenOrClosed::Open(range) => range.next(),
            OpenOrClosed::Closed(range) => range.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            OpenOrClosed::Open(range) => range.size_hint(),
            OpenOrClosed::Closed(range) => range.size_hint(),
        }
    }
}

impl<T> DoubleEndedIterator for OpenOrClosed<T>
where
    ops::Range<T>: DoubleEndedIterator<Item = T>,
    ops::RangeInclusive<T>: DoubleEndedIterator<Item = T>,
{
    fn next_back(&mut self) -> Option<T> {
        match self {
            OpenOrClosed::Open(range) => range.next_back(),
            OpenOrClosed::Closed(range) => range.next_back(),
        }
    }
}

impl<T> ExactSizeIterator for OpenOrClosed<T>
where
    ops::Range<T>: ExactSizeIterator<Item = T>,
    ops::RangeInclusive<T>: ExactSizeIterator<Item = T>,
{
}

macro_rules! tensor_ends {
    ($([$($generic:ident)*] $start:ty, $end:ty;)*) => {$(
        impl<$($generic: RangeBound)*> TensorEnds for Ends<$start, $end> {
            fn range(self) -> Range {
                let (start, end) = self.parts();
                Range::between(start, end, self.inclusive, self.at)
            }
        }
    )*};
}
tensor_ends! {
    [B] Tensor, B;
    [B] &Tensor, B;
    [] i8, Tensor; [] i16, Tensor; [] i32, Tensor; [] i64, Tensor;
    [] u8, Tensor; [] u16, Tensor; [] u32, Tensor; [] u64, Tensor;
    [] i8, &Tensor; [] i16, &Tensor; [] i32, &Tensor; [] i64, &Tensor;
    [] u8, &Tensor; [] u16, &Tensor; [] u32, &Tensor; [] u64, &Tensor;
}
