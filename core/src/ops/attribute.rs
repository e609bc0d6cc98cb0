//! What methods take for the attributes of ops: axes may be negative, counted from the end, and of any
//! integer type.

use std::ops::RangeFull;

use half::{bf16, f16};
use num_complex::Complex;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::primitive::{WindowAxes, WindowAxis};
use tensorwright_ir::op::{Attribute, TypeError};
use tensorwright_ir::{Scalar, Shape};

/// A Rust value that stands for an attribute of type `T`.
pub trait IntoAttribute<T> {
    /// The attribute `name` of an op whose first operand has `rank` axes.
    ///
    /// # Errors
    /// When the value is not possible, such as an axis out of range.
    fn into_attribute(self, name: &'static str, rank: usize) -> Result<T, TypeError>;
}

impl<T: Attribute> IntoAttribute<T> for T {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<T, TypeError> {
        Ok(self)
    }
}

/// An integer that can name an axis or give an extent.
pub trait AxisNumber: Copy {
    /// Its value, saturated.
    fn number(self) -> i64;
}

macro_rules! axis_numbers {
    ($($native:ty)*) => {$(
        impl AxisNumber for $native {
            fn number(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        }
    )*};
}
axis_numbers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

macro_rules! single_numbers {
    ($target:ty: $($native:ty)*) => {$(
        impl IntoAttribute<$target> for $native {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<$target, TypeError> {
                let number = position(self.number(), name, rank)?;
                <$target>::try_from(number).map_err(|_| TypeError::attribute(name, "does not fit"))
            }
        }
    )*};
}
single_numbers!(usize: i32 i64 isize u32 u64);
single_numbers!(u64: i32 i64 isize u32 usize);

impl<const N: usize> IntoAttribute<WindowAxes> for [WindowAxis; N] {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<WindowAxes, TypeError> {
        Ok(self.into_iter().collect())
    }
}

impl IntoAttribute<i64> for i32 {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<i64, TypeError> {
        Ok(i64::from(self))
    }
}

macro_rules! number_lists {
    ($([$($generics:tt)*] $list:ty),* $(,)?) => {$(
        impl<I: AxisNumber, $($generics)*> IntoAttribute<Axes> for $list {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<Axes, TypeError> {
                self.iter().map(|i| position(i.number(), name, rank)).collect()
            }
        }

        impl<I: AxisNumber, $($generics)*> IntoAttribute<Offsets> for $list {
            fn into_attribute(self, _: &'static str, _: usize) -> Result<Offsets, TypeError> {
                Ok(self.iter().map(|i| i.number()).collect())
            }
        }

        impl<I: AxisNumber, $($generics)*> IntoAttribute<Shape> for $list {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<Shape, TypeError> {
                self.iter().map(|i| position(i.number(), name, rank)).collect()
            }
        }
    )*};
}
number_lists!([const N: usize] [I; N], [const N: usize] &[I; N], [] &[I], [] Vec<I>, [] &Vec<I>);

macro_rules! number_tuples {
    ($($target:ty: $(($($name:ident $position:tt),*))*;)*) => {$($(
        impl<$($name: AxisNumber),*> IntoAttribute<$target> for ($($name,)*) {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<$target, TypeError> {
                [$(self.$position.number()),*].into_attribute(name, rank)
            }
        }
    )*)*};
}
number_tuples! {
    Axes: (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5);
    Offsets: (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5);
    Shape: (A 0) (A 0, B 1) (A 0, B 1, C 2) (A 0, B 1, C 2, D 3) (A 0, B 1, C 2, D 3, E 4) (A 0, B 1, C 2, D 3, E 4, F 5);
}

impl IntoAttribute<Shape> for () {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<Shape, TypeError> {
        Ok(Shape::scalar())
    }
}

macro_rules! single_axes {
    ($($native:ty)*) => {$(
        impl IntoAttribute<Axes> for $native {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<Axes, TypeError> {
                [self].into_attribute(name, rank)
            }
        }

        impl IntoAttribute<Offsets> for $native {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<Offsets, TypeError> {
                [self].into_attribute(name, rank)
            }
        }

        impl IntoAttribute<Shape> for $native {
            fn into_attribute(self, name: &'static str, rank: usize) -> Result<Shape, TypeError> {
                [self].into_attribute(name, rank)
            }
        }
    )*};
}
single_axes!(i32 i64 isize u32 u64 usize);

/// No axes.
impl IntoAttribute<Axes> for () {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<Axes, TypeError> {
        Ok(Axes::new())
    }
}

/// All axes.
impl IntoAttribute<Axes> for RangeFull {
    fn into_attribute(self, _: &'static str, rank: usize) -> Result<Axes, TypeError> {
        Ok((0..rank).collect())
    }
}

macro_rules! scalar_attributes {
    ($($native:ty)*) => {$(
        impl IntoAttribute<Scalar> for $native {
            fn into_attribute(self, _: &'static str, _: usize) -> Result<Scalar, TypeError> {
                Ok(self.into())
            }
        }

        impl IntoAttribute<Option<Scalar>> for $native {
            fn into_attribute(self, _: &'static str, _: usize) -> Result<Option<Scalar>, TypeError> {
                Ok(Some(self.into()))
            }
        }
    )*};
}
scalar_attributes!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f16 bf16 f32 f64 Complex<f32> Complex<f64>);

impl IntoAttribute<String> for &str {
    fn into_attribute(self, _: &'static str, _: usize) -> Result<String, TypeError> {
        Ok(self.to_owned())
    }
}

/// Attributes that list axes of an operand. Those of `offset_axes` are the result's, whose rank is not known here.
const AXES: [&str; 12] = [
    "axes",
    "lhs_axes",
    "rhs_axes",
    "permutation",
    "batch",
    "index_batch",
    "collapsed",
    "indexed",
    "lhs_batch",
    "rhs_batch",
    "lhs_contract",
    "rhs_contract",
];

/// A number that is not negative; axes that are count from the end.
pub(crate) fn position(number: i64, name: &'static str, rank: usize) -> Result<usize, TypeError> {
    let is_axis = name.ends_with("axis") || AXES.contains(&name);
    let from_end = if is_axis && number < 0 { number.saturating_add(rank as i64) } else { number };
    usize::try_from(from_end).map_err(|_| {
        let range = if is_axis { format!("for a tensor of rank {rank}") } else { "here".to_owned() };
        TypeError::attribute(name, format!("{number} is out of range {range}"))
    })
}

/// The axes of a reduction, and what becomes of them.
#[derive(Clone, Debug)]
pub struct Reduced {
    /// The axes.
    pub axes: Axes,
    /// Whether the axes stay, with extent 1, or disappear.
    pub keep: bool,
}

/// What reductions take: one axis, several, `..` for all, or one of these in [`keep`].
pub trait IntoReduced {
    /// The axes, for a tensor of `rank` axes.
    ///
    /// # Errors
    /// When an axis is out of range.
    fn into_reduced(self, rank: usize) -> Result<Reduced, TypeError>;
}

macro_rules! reduced {
    ($([$($generics:tt)*] $axes:ty),* $(,)?) => {$(
        impl<$($generics)*> IntoReduced for $axes {
            fn into_reduced(self, rank: usize) -> Result<Reduced, TypeError> {
                Ok(Reduced { axes: self.into_attribute("axes", rank)?, keep: false })
            }
        }
    )*};
}
reduced!([] (), [] i32, [] i64, [] isize, [] u32, [] u64, [] usize, [] RangeFull, [] Axes);
reduced!([I: AxisNumber, const N: usize] [I; N], [I: AxisNumber, const N: usize] &[I; N]);
reduced!([I: AxisNumber] &[I], [I: AxisNumber] Vec<I>, [I: AxisNumber] &Vec<I>);
reduced!([A: AxisNumber, B: AxisNumber] (A, B), [A: AxisNumber, B: AxisNumber, C: AxisNumber] (A, B, C));

/// Axes that stay, with extent 1; see [`keep`].
#[derive(Clone, Copy, Debug)]
pub struct Keep<A>(A);

/// Lets a reduction keep its axes, with extent 1, so that the result broadcasts against the operand.
///
/// ```
/// # use tensorwright::prelude::*;
/// let x = Tensor::from([[1.0f32, 2.0], [3.0, 5.0]]);
/// let shares = &x / x.sum(keep(-1));
/// assert_eq!(shares.shape()?, &[2, 2].into());
/// # Ok::<(), Error>(())
/// ```
pub fn keep<A: IntoReduced>(axes: A) -> Keep<A> {
    Keep(axes)
}

impl<A: IntoReduced> IntoReduced for Keep<A> {
    fn into_reduced(self, rank: usize) -> Result<Reduced, TypeError> {
        Ok(Reduced { keep: true, ..self.0.into_reduced(rank)? })
    }
}
