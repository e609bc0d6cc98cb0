//! What an index is made of.

use std::borrow::Borrow;
use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use tensorwright_ir::Scalar;
use tensorwright_ir::op::TypeError;

use super::super::attribute::AxisNumber;
use super::super::nested::nested_at;
use super::super::operand::Operand;
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

/// What an index says of one axis.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Index {
    /// One element; the axis disappears.
    At(i64),
    /// A range.
    Range(Bounds),
    /// The elements that a tensor of integers names; or, of bool, those where it is true, along as many axes as it has.
    Tensor(Tensor),
    /// The elements that these numbers name.
    List(Vec<i64>),
    /// A range of computed start.
    Window(Window),
    /// As many whole axes as are left.
    Ellipsis,
    /// A new axis of extent 1.
    NewAxis,
}

/// In an index: as many whole axes as are left.
#[derive(Clone, Copy, Debug)]
pub struct Ellipsis;

/// In an index: a new axis of extent 1.
#[derive(Clone, Copy, Debug)]
pub struct NewAxis;

/// In an index: as many elements as one likes, from a computed one on; see [`window`].
#[derive(Clone, Debug)]
pub struct Window {
    pub(super) start: Tensor,
    pub(super) len: usize,
}

/// In an index: `len` elements, of which the first is at `start`, an integer scalar that is known only when the program runs. A negative
/// start counts from the end.
///
/// Read, a window that reaches beyond the axis is moved until it lies inside; written, it is left out.
///
/// ```
/// # use tensorwright::prelude::*;
/// let x = Tensor::from([1, 2, 3, 4, 5]);
/// let start = Tensor::from(1);
/// assert_eq!(x.i(window(&start, 2)).to_vec::<i32>()?, [2, 3]);
/// assert_eq!(x.set(window(&start, 2), [8, 9]).to_vec::<i32>()?, [1, 8, 9, 4, 5]);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn window(start: impl Operand, len: usize) -> Window {
    let at = caller();
    let start = start.hold(&Tensor::scalar_at(Scalar::I64(0), at), "window", at);
    Window { start: start.borrow().clone(), len }
}

/// A range with steps; open ends are those of the axis, negative numbers count from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    start: Option<i64>,
    end: Option<i64>,
    end_is_included: bool,
    step: i64,
}

/// Elements `start, start + stride, ..` before `limit`, as the `slice` op has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) limit: i64,
    pub(super) stride: i64,
}

impl Span {
    pub(super) fn one(at: i64) -> Span {
        Span { start: at, limit: at + 1, stride: 1 }
    }

    pub(super) fn all(extent: usize) -> Span {
        Span { start: 0, limit: extent as i64, stride: 1 }
    }

    pub(super) fn len(&self) -> usize {
        ((self.limit - self.start) * self.stride.signum()).unsigned_abs().div_ceil(self.stride.unsigned_abs())
            as usize
    }

    /// The least range of neighbours that holds all elements.
    pub(super) fn hull(&self) -> (i64, usize) {
        match self.len() {
            0 => (self.start.min(self.limit).max(0), 0),
            len => {
                let reach = (len as i64 - 1) * self.stride;
                (self.start + reach.min(0), reach.unsigned_abs() as usize + 1)
            }
        }
    }

    /// The elements within their hull.
    pub(super) fn in_hull(&self) -> Span {
        let (_, size) = self.hull();
        match self.stride {
            _ if self.len() == 0 => Span::all(0),
            1.. => Span { start: 0, limit: size as i64, stride: self.stride },
            _ => Span { start: size as i64 - 1, limit: -1, stride: self.stride },
        }
    }
}

impl Bounds {
    pub(super) const ALL: Bounds = Bounds { start: None, end: None, end_is_included: false, step: 1 };

    /// The elements of an axis, cut where the axis ends.
    pub(super) fn resolve(&self, axis: usize, extent: usize) -> Result<Span, TypeError> {
        if self.step == 0 {
            return Err(TypeError::Other(format!("the step of axis {axis} is 0")));
        }
        let extent = extent as i64;
        // Steps backwards begin at the last element and end before the first.
        let (lowest, highest) = if self.step > 0 { (0, extent) } else { (-1, extent - 1) };
        let (first, last) = if self.step > 0 { (lowest, highest) } else { (highest, lowest) };
        let from_start = |number: i64| if number < 0 { number.saturating_add(extent) } else { number };
        let end = |number: i64| match self.end_is_included {
            true => from_start(number).saturating_add(self.step.signum()),
            false => from_start(number),
        };
        let start = self.start.map_or(first, |n| from_start(n).clamp(lowest, highest));
        let limit = self.end.map_or(last, |n| end(n).clamp(lowest, highest));
        let limit = if self.step > 0 { limit.max(start) } else { limit.min(start) };
        Ok(Span { start, limit, stride: self.step })
    }
}

/// What may stand for one axis in an index.
pub trait IntoIndex {
    /// What it says of the axis, in an index at line `at`.
    fn into_index(self, at: &'static std::panic::Location<'static>) -> Index;
}

impl IntoIndex for Index {
    fn into_index(self, _: CallSite) -> Index {
        self
    }
}

impl IntoIndex for Ellipsis {
    fn into_index(self, _: CallSite) -> Index {
        Index::Ellipsis
    }
}

impl IntoIndex for NewAxis {
    fn into_index(self, _: CallSite) -> Index {
        Index::NewAxis
    }
}

impl IntoIndex for Window {
    fn into_index(self, _: CallSite) -> Index {
        Index::Window(self)
    }
}

impl IntoIndex for Tensor {
    fn into_index(self, _: CallSite) -> Index {
        Index::Tensor(self)
    }
}

impl IntoIndex for &Tensor {
    fn into_index(self, _: CallSite) -> Index {
        Index::Tensor(self.clone())
    }
}

macro_rules! number_indices {
    ($($native:ty)*) => {$(
        impl IntoIndex for $native {
            fn into_index(self, _: CallSite) -> Index {
                Index::At(self.number())
            }
        }
    )*};
}
number_indices!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// What lists in an index are of: numbers, which name elements, or bools, which say of each element whether it is meant.
pub trait Listed: Copy {
    #[doc(hidden)]
    fn listed(list: &[Self], at: &'static std::panic::Location<'static>) -> Index;
}

impl<I: AxisNumber> Listed for I {
    fn listed(list: &[I], _: CallSite) -> Index {
        Index::List(list.iter().map(|i| i.number()).collect())
    }
}

impl Listed for bool {
    fn listed(list: &[bool], at: CallSite) -> Index {
        Index::Tensor(nested_at(list, at))
    }
}

macro_rules! list_indices {
    ($([$($generics:tt)*] $list:ty),* $(,)?) => {$(
        impl<I: Listed, $($generics)*> IntoIndex for $list {
            fn into_index(self, at: CallSite) -> Index {
                I::listed(&self[..], at)
            }
        }
    )*};
}
list_indices!([const N: usize] [I; N], [const N: usize] &[I; N], [] &[I], [] Vec<I>, [] &Vec<I>);

/// A range of an axis.
pub trait By: Sized {
    /// The range as bounds with step 1.
    fn bounds(self) -> Bounds;

    /// Every `step`-th element of the range; backwards if it is negative.
    fn by(self, step: i64) -> Stepped {
        Stepped(Bounds { step, ..self.bounds() })
    }
}

/// A range with steps, made by [`By::by`].
#[derive(Clone, Copy, Debug)]
pub struct Stepped(Bounds);

impl IntoIndex for Stepped {
    fn into_index(self, _: CallSite) -> Index {
        Index::Range(self.0)
    }
}

macro_rules! ranges {
    ($([$($generics:tt)*] $range:ty, |$r:pat_param| $start:expr, $end:expr, $included:literal;)*) => {$(
        impl<$($generics)*> By for $range {
            fn bounds(self) -> Bounds {
                let $r = self;
                Bounds { start: $start, end: $end, end_is_included: $included, step: 1 }
            }
        }

        impl<$($generics)*> IntoIndex for $range {
            fn into_index(self, _: CallSite) -> Index {
                Index::Range(self.bounds())
            }
        }
    )*};
}

ranges! {
    [I: AxisNumber] Range<I>, |r| Some(r.start.number()), Some(r.end.number()), false;
    [I: AxisNumber] RangeFrom<I>, |r| Some(r.start.number()), None, false;
    [I: AxisNumber] RangeTo<I>, |r| None, Some(r.end.number()), false;
    [I: AxisNumber] RangeInclusive<I>, |r| Some(r.start().number()), Some(r.end().number()), true;
    [I: AxisNumber] RangeToInclusive<I>, |r| None, Some(r.end.number()), true;
    [] RangeFull, |_| None, None, false;
}

/// What [`Tensor::i`] takes: one index, a tuple of them, or a vector of [`Index`].
pub trait IntoIndices {
    /// The indices in order.
    fn into_indices(self, at: &'static std::panic::Location<'static>) -> Vec<Index>;
}

impl<T: IntoIndex> IntoIndices for T {
    fn into_indices(self, at: CallSite) -> Vec<Index> {
        vec![self.into_index(at)]
    }
}

impl IntoIndices for Vec<Index> {
    fn into_indices(self, _: CallSite) -> Vec<Index> {
        self
    }
}

macro_rules! index_tuples {
    ($(($($name:ident $position:tt),*);)*) => {$(
        impl<$($name: IntoIndex),*> IntoIndices for ($($name,)*) {
            fn into_indices(self, at: CallSite) -> Vec<Index> {
                let _ = at;
                vec![$(self.$position.into_index(at)),*]
            }
        }
    )*};
}

index_tuples! {
    ();
    (A 0);
    (A 0, B 1);
    (A 0, B 1, C 2);
    (A 0, B 1, C 2, D 3);
    (A 0, B 1, C 2, D 3, E 4);
    (A 0, B 1, C 2, D 3, E 4, F 5);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6);
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
}

#[cfg(test)]
#[expect(clippy::reversed_empty_ranges, reason = "what they mean is what is tested")]
mod tests {
    use super::*;

    fn elements(bounds: Bounds, extent: usize) -> Vec<i64> {
        let span = bounds.resolve(0, extent).unwrap();
        (0..span.len() as i64).map(|i| span.start + i * span.stride).collect()
    }

    #[test]
    fn ranges_are_those_of_numpy() {
        assert_eq!(elements((1..3).bounds(), 5), [1, 2]);
        assert_eq!(elements((-2..).bounds(), 5), [3, 4]);
        assert_eq!(elements((..-1).bounds(), 3), [0, 1]);
        assert_eq!(elements((..=-1).bounds(), 3), [0, 1, 2]);
        assert_eq!(elements((1..100).bounds(), 3), [1, 2]);
        assert_eq!(elements((3..1).bounds(), 5), [0; 0]);
        assert_eq!(elements((..).by(2).0, 5), [0, 2, 4]);
        assert_eq!(elements((..).by(-2).0, 5), [4, 2, 0]);
        assert_eq!(elements((3..0).by(-1).0, 5), [3, 2, 1]);
        assert_eq!(elements((3..=0).by(-1).0, 5), [3, 2, 1, 0]);
        assert_eq!(elements((..).by(-1).0, 0), [0; 0]);
        assert!((..).by(0).0.resolve(0, 3).is_err());
    }
}
