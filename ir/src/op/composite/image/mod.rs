//! Images: other sizes, elements at computed places, regions, patches, and pools whose windows are not all alike.
//!
//! - [`resize`]: a weighted sum of known elements for each result, axis by axis;
//! - [`sampling`]: elements at computed places and between them, with [`grid`] and [`region`], which use it;
//! - [`patches`]: what windows see as an axis, and back;
//! - [`border`]: axes that go on beyond their ends; [`pools`]: adaptive pools, medians, and what belongs to indices of maxima.

mod border;
mod grid;
mod patches;
mod pools;
mod region;
mod resize;
mod sampling;

pub use border::*;
pub use grid::*;
pub use patches::*;
pub use pools::*;
pub use region::*;
pub use resize::*;
pub use sampling::Corners;

use super::blocks::ImageLayout;
use super::indexing::take;
use crate::op::TypeError;
use crate::op::attribute::{Axes, Offsets};
use crate::{Builder, DType, Literal, Scalar, Shape, TensorType, Value};

/// A constant of whole numbers.
fn numbers(b: &mut Builder, numbers: &[usize], shape: impl Into<Shape>) -> Value {
    let ty = TensorType { dtype: DType::I64, shape: shape.into() };
    b.literal(Literal::from_fn(ty, |i| Scalar::I64(numbers[i] as i64)))
}

/// Zeros of a type, as a function of the operands, none of whose elements it has: there is nothing to see, or nobody who sees.
fn nothing_of(b: &mut Builder, operands: &[Value], dtype: DType, shape: &Shape) -> Result<Value, TypeError> {
    let mut sum = None;
    for &x in operands {
        let flat = b.reshape(x, [b.shape(x).elements()])?;
        let none = b.section(flat, 0, 0, 0)?;
        let none = b.convert(none, dtype)?;
        let zero = b.scalar(Scalar::zero(dtype));
        let count = i64::try_from(shape.elements()).unwrap_or(i64::MAX);
        let zeros = b.pad(none, zero, [0], [count], [0])?;
        let zeros = b.reshape(zeros, shape.clone())?;
        sum = Some(sum.map_or(Ok(zeros), |sum| b.add(sum, zeros))?);
    }
    sum.ok_or_else(|| TypeError::Other("nothing is a function of no operands".to_owned()))
}

/// The elements of an axis at known places, in their order. Regular ones are an index map: a section, or a repetition.
fn reread(b: &mut Builder, x: Value, axis: usize, places: &[usize]) -> Result<Value, TypeError> {
    let shape = b.shape(x);
    let extent = shape.size(axis);
    if places.iter().copied().eq(0..extent) {
        return Ok(x);
    }
    if let Some((first, step)) = progression(places) {
        let mut starts = Offsets::from_elem(0, shape.rank());
        let mut limits: Offsets = shape.sizes().iter().map(|&n| n as i64).collect();
        let mut strides = Offsets::from_elem(1, shape.rank());
        starts[axis] = first as i64;
        limits[axis] = (first + (places.len() - 1) * step + 1) as i64;
        strides[axis] = step as i64;
        return Ok(b.slice(x, starts, limits, strides)?);
    }
    let times = places.len() / extent.max(1);
    if places.len() == times * extent && places.iter().enumerate().all(|(i, &place)| place == i / times) {
        return Ok(b.repeat(x, [times], axis)?);
    }
    let places = numbers(b, places, [places.len()]);
    take(b, x, places, axis)
}

/// First number and step of numbers that ascend by equal steps.
fn progression(places: &[usize]) -> Option<(usize, usize)> {
    let (&first, &second) = (places.first()?, places.get(1)?);
    let step = second.checked_sub(first).filter(|&step| step > 0)?;
    places.iter().enumerate().all(|(i, &place)| place == first + i * step).then_some((first, step))
}

/// Axes of images: the batch is the first.
struct Image {
    spatial: Axes,
    channel: usize,
}

impl Image {
    /// Axes of images of that rank with at least one spatial axis, if `spatial` does not say how many.
    fn of(x: &TensorType, layout: ImageLayout, spatial: Option<usize>) -> Result<Image, TypeError> {
        let rank = x.rank();
        if spatial.is_some_and(|spatial| rank != spatial + 2) || rank < 3 {
            let count = spatial.map_or("".to_owned(), |spatial| format!("{spatial} "));
            let message = format!("operand 0 must be images with {count}spatial axes, found {x}");
            return Err(TypeError::Other(message));
        }
        Ok(match layout {
            ImageLayout::Nhwc => Image { spatial: (1..rank - 1).collect(), channel: rank - 1 },
            ImageLayout::Nchw => Image { spatial: (2..rank).collect(), channel: 1 },
        })
    }
}
