//! Ranges whose bounds are tensors.

use std::ops;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::primitive::{BinaryFn, Cast};
use tensorwright_ir::{DType, Scalar};

use crate::Tensor;
use crate::error::{CallSite, Error, Result, caller};
use crate::interpret::one;

/// The integers from 0 to `end`, exclusive, for a `for` loop in a [`#[function]`](macro@crate::function): `end` is an integer scalar, the
/// items have its dtype, and the body is traced once, however long the loop is.
///
/// With a tensor among its bounds, `for i in a..b` is such a loop too, as `for i in range(a..b)` is; plain `0..10` is unrolled, and
/// `range(0..10)` is not.
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
///
/// #[function]
/// fn horner(coefficients: &Tensor, x: &Tensor) -> Result<Tensor> {
///     let mut y = x.zeros_like();
///     for i in range(0..coefficients.extent(0)?).rev() {
///         y = y * x + coefficients.i(&i);
///     }
///     Ok(y)
/// }
/// assert_eq!(horner(&Tensor::from([1.0f32, 2.0, 3.0]), &Tensor::from(2.0f32))?.item::<f32>()?, 17.0);
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn range(bounds: impl RangeBounds) -> Range {
    bounds.range(caller())
}

/// What a [`range()`] goes over: the numbers below one, or between two.
pub trait RangeBounds {
    #[doc(hidden)]
    fn range(self, at: &'static std::panic::Location<'static>) -> Range;
}

/// A bound of a range: an integer scalar, or a plain integer.
pub trait RangeBound {
    /// The scalar, of the dtype of `like` if it is a plain number.
    #[doc(hidden)]
    fn bound(self, like: Option<DType>, at: &'static std::panic::Location<'static>) -> Tensor;

    /// The dtype of a tensor.
    #[doc(hidden)]
    fn dtype(&self) -> Option<DType> {
        None
    }

    /// A number that is known.
    #[doc(hidden)]
    fn known(&self) -> Option<i128> {
        None
    }
}

impl RangeBound for Tensor {
    fn bound(self, _: Option<DType>, _: CallSite) -> Tensor {
        self
    }

    fn dtype(&self) -> Option<DType> {
        self.ty().ok().map(|ty| ty.dtype)
    }
}

impl RangeBound for &Tensor {
    fn bound(self, _: Option<DType>, _: CallSite) -> Tensor {
        self.clone()
    }

    fn dtype(&self) -> Option<DType> {
        self.ty().ok().map(|ty| ty.dtype)
    }
}

macro_rules! plain_bounds {
    ($($native:ty)*) => {$(
        impl RangeBound for $native {
            fn bound(self, like: Option<DType>, at: CallSite) -> Tensor {
                let number = Scalar::from(self);
                match like.filter(|dtype| dtype.is_int()) {
                    Some(dtype) => crate::ops::fit(number, dtype).map_or_else(
                        || Tensor::failed(Error::Literal { at: at.into(), op: "range", literal: number, dtype }),
                        |fitting| Tensor::scalar_at(fitting, at),
                    ),
                    None => Tensor::scalar_at(number, at),
                }
            }

            fn known(&self) -> Option<i128> {
                Some(Scalar::from(*self).to_i128())
            }
        }

        impl RangeBounds for $native {
            fn range(self, at: CallSite) -> Range {
                let is_empty = self <= 0;
                Range { is_empty, ..Range::below(self.bound(None, at), at) }
            }
        }
    )*};
}
plain_bounds!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

impl RangeBounds for Tensor {
    fn range(self, at: CallSite) -> Range {
        Range::below(self, at)
    }
}

impl RangeBounds for &Tensor {
    fn range(self, at: CallSite) -> Range {
        Range::below(self.clone(), at)
    }
}

/// A range stays what it is.
impl RangeBounds for Range {
    fn range(self, _: CallSite) -> Range {
        self
    }
}

impl<B: RangeBound> RangeBounds for ops::Range<B> {
    fn range(self, at: CallSite) -> Range {
        Range::between(self.start, self.end, false, at)
    }
}

impl<B: RangeBound> RangeBounds for ops::RangeInclusive<B> {
    fn range(self, at: CallSite) -> Range {
        let (start, end) = self.into_inner();
        Range::between(start, end, true, at)
    }
}

/// Integers at equal distances; see [`range()`].
#[derive(Clone, Debug)]
pub struct Range {
    numbers: Numbers,
    next: i64,
    /// Whether it is known already that there are no numbers in it.
    pub(super) is_empty: bool,
    at: CallSite,
}

#[derive(Clone, Debug)]
enum Numbers {
    /// From 0 to this one, exclusive.
    Below(Tensor),
    /// So many from a first one, in `i64`.
    Spaced { first: Tensor, count: Tensor, stride: i64, dtype: DType },
    /// No integers.
    Failed(Error),
}

impl Range {
    fn below(end: Tensor, at: CallSite) -> Range {
        let numbers = match integer(&end, at) {
            Ok(_) => Numbers::Below(end),
            Err(error) => Numbers::Failed(error),
        };
        Range { numbers, next: 0, is_empty: false, at }
    }

    pub(super) fn between(
        start: impl RangeBound,
        end: impl RangeBound,
        inclusive: bool,
        at: CallSite,
    ) -> Range {
        let like = start.dtype().or(end.dtype());
        let length = end.known().zip(start.known()).map(|(end, start)| end - start + i128::from(inclusive));
        let is_empty = length.is_some_and(|length| length <= 0);
        let (start, end) = (start.bound(like, at), end.bound(like, at));
        let numbers = spaced(&start, &end, inclusive, at).unwrap_or_else(Numbers::Failed);
        Range { numbers, next: 0, is_empty, at }
    }

    /// The same numbers, the last one first.
    #[must_use]
    pub fn rev(self) -> Range {
        let at = self.at;
        self.map(|first, count, stride| {
            let last = one(BinaryFn::Sub, &[count, &number(1, at)], at);
            let way = one(BinaryFn::Mul, &[&last, &number(stride, at)], at);
            (one(BinaryFn::Add, &[first, &way], at), count.clone(), stride.wrapping_neg())
        })
    }

    /// The first number, and each `step`-th after it.
    ///
    /// # Panics
    /// For a step of 0, as Rust's own.
    #[must_use]
    pub fn step_by(self, step: usize) -> Range {
        assert!(step != 0, "a range has steps of 1 or more");
        let (at, step) = (self.at, i64::try_from(step).unwrap_or(i64::MAX).min(i64::MAX / 2));
        self.map(|first, count, stride| {
            // The count is never negative, and far from the largest number.
            let up = one(BinaryFn::Add, &[count, &number(step - 1, at)], at);
            let count = one(BinaryFn::Div, &[&up, &number(step, at)], at);
            (first.clone(), count, stride.wrapping_mul(step))
        })
    }

    fn map(self, new: impl FnOnce(&Tensor, &Tensor, i64) -> (Tensor, Tensor, i64)) -> Range {
        let at = self.at;
        let numbers = match self.numbers {
            Numbers::Below(end) => integer(&end, at)
                .and_then(|dtype| spaced(&Tensor::scalar_at(Scalar::zero(dtype), at), &end, false, at)),
            other => Ok(other),
        };
        let numbers = match numbers.unwrap_or_else(Numbers::Failed) {
            Numbers::Spaced { first, count, stride, dtype } => {
                let (first, count, stride) = new(&first, &count, stride);
                Numbers::Spaced { first, count, stride, dtype }
            }
            other => other,
        };
        Range { numbers, next: self.next, is_empty: self.is_empty, at }
    }

    /// The dtype of the counter of a traced loop.
    pub(super) fn counter(&self) -> Option<DType> {
        match &self.numbers {
            Numbers::Below(end) => end.ty().ok().map(|ty| ty.dtype),
            _ => Some(DType::I64),
        }
    }

    /// Where the counter of a traced loop ends. There is one in every range that a loop goes over.
    pub(super) fn count(&self) -> Tensor {
        match &self.numbers {
            Numbers::Below(end) => end.clone(),
            Numbers::Spaced { count, .. } => count.clone(),
            Numbers::Failed(error) => Tensor::failed(error.clone()),
        }
    }

    /// The item at a counter's place.
    pub(super) fn item(&self, counter: &Tensor) -> Tensor {
        match &self.numbers {
            Numbers::Spaced { first, stride, dtype, .. } => {
                let way = one(BinaryFn::Mul, &[counter, &number(*stride, self.at)], self.at);
                cast(&one(BinaryFn::Add, &[first, &way], self.at), *dtype, self.at)
            }
            _ => counter.clone(),
        }
    }

    /// The next item of a loop that runs in Rust.
    pub(super) fn advance(&mut self) -> Result<Option<Tensor>> {
        self.checked()?;
        if self.is_empty {
            return Ok(None);
        }
        let (now, at) = (self.next, self.at);
        if i128::from(now) >= self.count().scalar_value(at)?.to_i128() {
            return Ok(None);
        }
        self.next += 1;
        let counter = Tensor::scalar_at(Scalar::I64(now).cast(self.counter().unwrap_or(DType::I64)), at);
        self.item(&counter).ok().map(Some)
    }

    /// Fails if there was something wrong with the bounds.
    pub(super) fn checked(&self) -> Result<()> {
        match &self.numbers {
            Numbers::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

fn number(value: i64, at: CallSite) -> Tensor {
    Tensor::scalar_at(Scalar::I64(value), at)
}

fn cast(x: &Tensor, dtype: DType, at: CallSite) -> Tensor {
    one(Cast { dtype }, &[x], at)
}

/// The dtype of a bound.
fn integer(bound: &Tensor, at: CallSite) -> Result<DType> {
    let ty = bound.ty()?;
    if ty.rank() == 0 && ty.dtype.is_int() {
        return Ok(ty.dtype);
    }
    let message = format!("a range goes over integers, between scalars of one dtype, found {ty}");
    Err(Error::refused(at, "range", [ty.into()], TypeError::Other(message)))
}

fn spaced(start: &Tensor, end: &Tensor, inclusive: bool, at: CallSite) -> Result<Numbers> {
    let dtype = integer(start, at)?;
    if integer(end, at)? != dtype {
        let types = [start, end].map(|bound| bound.ty().cloned());
        let [start, end] = [types[0].clone()?, types[1].clone()?];
        let message = format!("the bounds of a range have the same dtype, found {start} and {end}");
        return Err(Error::refused(at, "range", [start.into(), end.into()], TypeError::Other(message)));
    }
    let [first, end] = [start, end].map(|bound| cast(bound, DType::I64, at));
    let mut count = one(BinaryFn::Sub, &[&end, &first], at);
    if inclusive {
        count = one(BinaryFn::Add, &[&count, &number(1, at)], at);
    }
    let count = one(BinaryFn::Maximum, &[&count, &number(0, at)], at);
    Ok(Numbers::Spaced { first, count, stride: 1, dtype })
}
