//! Sources in memory: ranges, elements, rows of tensors, windows.

use std::sync::Arc;

use tensorwright::{DType, Element, Scalar};

use super::indexed;
use crate::error::{DataError, Result};
use crate::item::{IntoItem, Item, Window};
use crate::pipeline::{BoxCursor, Cardinality, Dataset, Outcome, Pass, Plan, Stage};
use crate::spec::Spec;

/// A source of elements with numbers.
pub(crate) struct Numbered<F> {
    pub(crate) len: u64,
    pub(crate) get: Arc<F>,
}

impl<F: Fn(u64) -> Outcome + Send + Sync + 'static> Stage for Numbered<F> {
    fn open(&self, _: &Pass) -> BoxCursor {
        let get = Arc::clone(&self.get);
        indexed(self.len, move |i| get(i))
    }
}

/// A source of elements with numbers.
pub(crate) fn numbered(
    name: &'static str,
    spec: Spec,
    len: u64,
    get: impl Fn(u64) -> Outcome + Send + Sync + 'static,
) -> Plan {
    let cardinality = if len == u64::MAX { Cardinality::Infinite } else { Cardinality::Known(len) };
    Plan::source(name, spec, cardinality, Numbered { len, get: Arc::new(get) })
}

/// How many numbers there are from `start` on, `step` apart, before `stop`.
fn steps(start: i128, stop: i128, step: i128) -> u64 {
    let distance = if step > 0 { stop - start } else { start - stop };
    let count = (distance + step.abs() - 1).div_euclid(step.abs());
    u64::try_from(count.max(0)).unwrap_or(u64::MAX - 1)
}

impl Dataset {
    /// The numbers 0, 1, .. below `stop`: `i64`.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(3).iter_as::<i64>()?.count(), 3);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn range(stop: i64) -> Dataset {
        Dataset::build(Ok(numbered("range", Spec::scalar(DType::I64), stop.max(0) as u64, |i| {
            Ok(Item::Number(Scalar::I64(i as i64)))
        })))
    }

    /// The numbers from `start` on, `step` apart, up to but without `stop`, of any dtype.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let down: Result<Vec<f32>, _> = Dataset::range_by(5.0f32, 0.0, -2.0).iter_as()?.collect();
    /// assert_eq!(down?, [5.0, 3.0, 1.0]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn range_by<T: Element>(start: T, stop: T, step: T) -> Dataset {
        Dataset::build(range_by(T::DTYPE, start.into(), stop.into(), step.into()))
    }

    /// The numbers `start`, `start + step` and so on without an end; integers wrap.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let numbers: Result<Vec<i64>, _> = Dataset::count_from(1i64, 2).take(3).iter_as()?.collect();
    /// assert_eq!(numbers?, [1, 3, 5]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("counter"))]
    #[track_caller]
    pub fn count_from<T: Element>(start: T, step: T) -> Dataset {
        let (start, step): (Scalar, Scalar) = (start.into(), step.into());
        let number = move |i: u64| Ok(Item::Number(at_step(T::DTYPE, start, step, i)));
        Dataset::build(Ok(numbered("count_from", Spec::scalar(T::DTYPE), u64::MAX, number)))
    }

    /// One element: a tensor, a tuple of them, or any other value that becomes an element.
    ///
    /// ```
    /// # use tensorwright::data::{Cardinality, Dataset};
    /// let one = Dataset::from_element((1.5f32, "text"));
    /// assert_eq!(one.cardinality()?, Cardinality::Known(1));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("from_tensors"))]
    #[track_caller]
    pub fn from_element(element: impl IntoItem) -> Dataset {
        Dataset::build(element.into_item().and_then(|item| {
            let spec = item.spec();
            refuse_empty(&spec)?;
            Ok(numbered("from_element", spec, 1, move |_| Ok(item.clone())))
        }))
    }

    /// The rows along the first axis of tensors: an element is a row of each. Nothing is copied.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::data::Dataset;
    /// let rows = Dataset::from_slices((Tensor::from([[1, 2], [3, 4]]), Tensor::from([true, false])));
    /// assert_eq!(rows.spec()?.to_string(), "(i32[2], bool[])");
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("from_tensor_slices"))]
    #[track_caller]
    pub fn from_slices(tensors: impl IntoItem) -> Dataset {
        Dataset::build(tensors.into_item().and_then(slices))
    }

    /// Elements that are at hand.
    ///
    /// # Errors
    /// At the elements that the spec does not allow.
    #[track_caller]
    pub fn from_items(spec: Spec, items: Vec<Item>) -> Dataset {
        let (own, len) = (spec.clone(), items.len() as u64);
        Dataset::build(Ok(numbered("from_items", spec, len, move |i| {
            items[i as usize].clone().fitting(&own)
        })))
    }

    /// The elements of a window.
    #[track_caller]
    pub fn from_window(window: &Arc<Window>) -> Dataset {
        let own = Arc::clone(window);
        let len = window.items.len() as u64;
        Dataset::build(Ok(numbered("window", window.spec.clone(), len, move |i| {
            Ok(own.items[i as usize].clone())
        })))
    }
}

/// The rows of an element.
fn slices(item: Item) -> Result<Plan> {
    let rows = item.common_rows()?;
    let spec = item.spec().row().ok_or_else(|| DataError::invalid("a scalar has no rows"))?;
    Ok(numbered("from_slices", spec, rows as u64, move |i| item.row(i as usize)))
}

fn range_by(dtype: DType, start: Scalar, stop: Scalar, step: Scalar) -> Result<Plan> {
    let is_float = dtype.is_float();
    let len = match is_float {
        true if step.to_f64() == 0.0 || step.to_f64().is_nan() => None,
        true => Some(((stop.to_f64() - start.to_f64()) / step.to_f64()).ceil().max(0.0) as u64),
        false if step.to_i128() == 0 => None,
        false => Some(steps(start.to_i128(), stop.to_i128(), step.to_i128())),
    };
    let len = len.ok_or_else(|| DataError::invalid("the step of a range is not 0"))?;
    Ok(numbered("range", Spec::scalar(dtype), len, move |i| Ok(Item::Number(at_step(dtype, start, step, i)))))
}

/// The number after `i` steps.
fn at_step(dtype: DType, start: Scalar, step: Scalar, i: u64) -> Scalar {
    match dtype.is_float() {
        true => Scalar::from_f64(dtype, start.to_f64() + step.to_f64() * i as f64),
        false => {
            Scalar::from_i128(dtype, start.to_i128().wrapping_add(step.to_i128().wrapping_mul(i128::from(i))))
        }
    }
}

/// An element without components is refused where elements are made.
pub(crate) fn refuse_empty(spec: &Spec) -> Result<()> {
    match spec.components().is_empty() {
        true => Err(DataError::invalid("an element has at least one component")),
        false => Ok(()),
    }
}
