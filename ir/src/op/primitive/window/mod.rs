//! Folds over windows, and their derivatives.
//!
//! A window slides along every axis: [`WindowAxis`] says how along one. [`ReduceWindow`] folds what it sees. The derivative of a
//! greatest element goes to that element alone, the first one of equal ones: [`ArgWindow`] says which tap of the window it is, [`GatherWindow`] takes
//! what is at that tap, and [`ScatterWindow`] brings it back, each the transposed map of the other.

mod arg;
mod moves;
mod reduce;
mod sample;

use smallvec::SmallVec;

pub use arg::*;
pub use moves::*;
pub use reduce::*;

use super::ReduceKind;
use super::slide::Slide;
use crate::op::attribute::{AttrValue, Attribute};
use crate::op::{TypeError, rule};
use crate::{DTypeClass, Dim, Shape};

/// How a window slides along one axis. In the text form `[taps, stride, low, high, dilation, window_dilation]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WindowAxis {
    /// Elements that the window sees.
    pub taps: usize,
    /// How far the window moves from one result to the next.
    pub stride: usize,
    /// Places before the first element, where there is nothing; negative to cut off.
    pub low: i64,
    /// Places after the last element.
    pub high: i64,
    /// The distance of elements: there is nothing in between.
    pub dilation: usize,
    /// The distance of taps.
    pub window_dilation: usize,
}

/// Dtypes that windows fold: those of the monoid but complex ones.
fn real_class(kind: ReduceKind) -> DTypeClass {
    match kind.class() {
        DTypeClass::Bool => DTypeClass::Bool,
        _ => DTypeClass::Real,
    }
}

impl WindowAxis {
    /// A window that sees one element after the other.
    pub const ONE: WindowAxis =
        WindowAxis { taps: 1, stride: 1, low: 0, high: 0, dilation: 1, window_dilation: 1 };

    fn slide(&self) -> Slide {
        Slide {
            stride: self.stride,
            low: self.low,
            high: self.high,
            element_places: self.dilation,
            tap_places: self.window_dilation,
        }
    }

    /// The element that a tap of a result meets, of so many elements.
    pub fn source(&self, result: usize, tap: usize, elements: usize) -> Option<usize> {
        self.slide().source(result, tap, elements)
    }
}

/// How a window slides along each axis.
pub type WindowAxes = SmallVec<[WindowAxis; 4]>;

impl Attribute for WindowAxis {
    const EXPECTED: &'static str = "[taps, stride, low, high, dilation, window_dilation]";

    fn to_value(&self) -> AttrValue {
        let WindowAxis { taps, stride, low, high, dilation, window_dilation } = *self;
        let numbers = [taps as i128, stride as i128, low.into(), high.into()];
        let dilations = [dilation as i128, window_dilation as i128];
        AttrValue::List(numbers.into_iter().chain(dilations).map(AttrValue::Int).collect())
    }

    fn from_value(value: &AttrValue) -> Option<WindowAxis> {
        let AttrValue::List(items) = value else { return None };
        let [taps, stride, low, high, dilation, window_dilation] = &items[..] else { return None };
        Some(WindowAxis {
            taps: usize::from_value(taps)?,
            stride: usize::from_value(stride)?,
            low: i64::from_value(low)?,
            high: i64::from_value(high)?,
            dilation: usize::from_value(dilation)?,
            window_dilation: usize::from_value(window_dilation)?,
        })
    }
}

/// The shape of the results of a window over such elements.
fn results(window: &[WindowAxis], shape: &Shape) -> Result<Shape, TypeError> {
    rule::check_per_axis("window", window.len(), shape.rank())?;
    let extent = |(axis, (along, elements)): (usize, (&WindowAxis, &Dim))| {
        if along.taps == 0 || along.stride == 0 || along.dilation == 0 || along.window_dilation == 0 {
            let reason = format!("taps, stride and dilations must be at least 1 along axis {axis}");
            return Err(TypeError::attribute("window", reason));
        }
        let results = along.slide().results(elements.size(), along.taps).ok_or_else(|| {
            TypeError::attribute("window", format!("axis {axis} would get an extent that is too large"))
        })?;
        Ok(Dim::known(results))
    };
    window.iter().zip(shape.dims()).enumerate().map(extent).collect()
}

/// Taps of the whole window, which must be numbers of an i32.
fn check_taps(window: &[WindowAxis]) -> Result<(), TypeError> {
    let taps = window.iter().try_fold(1usize, |taps, axis| taps.checked_mul(axis.taps));
    match taps.is_some_and(|taps| i32::try_from(taps).is_ok()) {
        true => Ok(()),
        false => Err(TypeError::attribute("window", "has more taps than an i32 can count")),
    }
}

/// What the window of a result sees: numbers of taps and of elements, in ascending order.
fn seen(window: &[WindowAxis], shape: &Shape, result: &[usize]) -> Vec<(usize, usize)> {
    let mut seen = vec![(0, 0)];
    for (axis, along) in window.iter().enumerate() {
        let elements = shape.size(axis);
        let met = along.slide().met(result[axis], elements, along.taps);
        let next = |&(taps, flat): &(usize, usize)| {
            let of = |&(tap, element): &(usize, usize)| {
                (taps.wrapping_mul(along.taps).wrapping_add(tap), flat * elements + element)
            };
            met.iter().map(of).collect::<Vec<_>>()
        };
        seen = seen.iter().flat_map(next).collect();
    }
    seen
}

/// The window from results back to elements: taps are counted from the last one on.
fn transposed(window: &[WindowAxis], elements: &Shape, results: &Shape) -> WindowAxes {
    let back = |(axis, along): (usize, &WindowAxis)| {
        let slide = along.slide().transposed(elements.size(axis), along.taps, results.size(axis));
        WindowAxis {
            taps: along.taps,
            stride: slide.stride,
            low: slide.low,
            high: slide.high,
            dilation: slide.element_places,
            window_dilation: slide.tap_places,
        }
    };
    window.iter().enumerate().map(back).collect()
}

/// The window with a new axis 0.
fn with_examples(window: &[WindowAxis]) -> WindowAxes {
    [WindowAxis::ONE].into_iter().chain(window.iter().copied()).collect()
}
