//! What builder methods take for attributes: whatever becomes one.

use super::attribute::{Axes, Offsets, ShortAxes, ShortOffsets};
use crate::{Scalar, Shape};

/// What a builder method takes for an attribute of type `Self`.
pub trait Argument<T> {
    /// The attribute.
    fn into_attribute(self) -> T;
}

impl<const N: usize> Argument<Axes> for [usize; N] {
    fn into_attribute(self) -> Axes {
        self.into_iter().collect()
    }
}

impl Argument<Axes> for &[usize] {
    fn into_attribute(self) -> Axes {
        self.into()
    }
}

impl Argument<Axes> for Vec<usize> {
    fn into_attribute(self) -> Axes {
        self.into()
    }
}

impl<const N: usize> Argument<Offsets> for [i64; N] {
    fn into_attribute(self) -> Offsets {
        self.into_iter().collect()
    }
}

impl Argument<Offsets> for &[i64] {
    fn into_attribute(self) -> Offsets {
        self.into()
    }
}

impl Argument<Offsets> for Vec<i64> {
    fn into_attribute(self) -> Offsets {
        self.into()
    }
}

impl<const N: usize> Argument<ShortAxes> for [usize; N] {
    fn into_attribute(self) -> ShortAxes {
        self.into_iter().collect()
    }
}

impl<const N: usize> Argument<ShortOffsets> for [i64; N] {
    fn into_attribute(self) -> ShortOffsets {
        self.into_iter().collect()
    }
}

impl<const N: usize> Argument<Shape> for [usize; N] {
    fn into_attribute(self) -> Shape {
        self.into()
    }
}

impl Argument<Shape> for Vec<usize> {
    fn into_attribute(self) -> Shape {
        self.into()
    }
}

impl Argument<String> for &str {
    fn into_attribute(self) -> String {
        self.to_owned()
    }
}

macro_rules! scalar_arguments {
    ($($native:ty),*) => {$(
        impl Argument<Scalar> for $native {
            fn into_attribute(self) -> Scalar {
                self.into()
            }
        }

        impl Argument<Option<Scalar>> for $native {
            fn into_attribute(self) -> Option<Scalar> {
                Some(self.into())
            }
        }
    )*};
}
scalar_arguments!(bool, i32, i64, u32, u64, f32, f64);

impl<T> Argument<T> for T {
    fn into_attribute(self) -> T {
        self
    }
}
