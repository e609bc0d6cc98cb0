//! Elements of images at computed places, and between them: weighted sums of the nearest ones along each axis.
//!
//! A *point* is a place in an image; all points are one tensor of any shape, with a number for each spatial axis. Along an axis a point has *taps*: elements, with weights. Results are sums over all
//! combinations of taps.

use super::Image;
use crate::op::TypeError;
use crate::op::composite::blocks::ImageLayout;
use crate::op::composite::build::index_dtype;
use crate::op::composite::indexing::take;
use crate::{Builder, DType, Dim, Scalar, Shape, TensorType, Value, word_attribute};

word_attribute! {
    /// Which places of an image have the coordinates -1 and 1.
    pub enum Corners {
        /// The borders of the first and the last pixel.
        Outer = "outer",
        /// The middles of the first and the last pixel.
        Middle = "middle",
    }
}

/// What a point sees along one axis.
pub(super) struct Tap {
    /// The element's number, a float of the points' shape, which may be out of range.
    pub(super) place: Value,
    /// Its weight; 1 if there is none.
    pub(super) weight: Option<Value>,
}

/// Images as rows of channels.
pub(super) struct Rows {
    rows: Value,
    spatial: Vec<usize>,
    ty: TensorType,
}

impl Rows {
    /// Images of known layout, in the dtype that is computed in.
    pub(super) fn of(
        b: &mut Builder,
        x: Value,
        layout: ImageLayout,
        ty: &TensorType,
    ) -> Result<Rows, TypeError> {
        let axes = Image::of(ty, layout, None)?;
        let spatial: Vec<usize> = axes.spatial.iter().map(|&axis| ty.shape.size(axis)).collect();
        if spatial.contains(&0) || ty.shape.size(0) == 0 {
            return Err(TypeError::Other(format!("operand 0 has no elements to read: {ty}")));
        }
        let order: Vec<usize> =
            [0].into_iter().chain(axes.spatial.iter().copied()).chain([axes.channel]).collect();
        let last = b.transpose(x, order)?;
        let channels = ty.shape[axes.channel];
        let count = ty.shape.size(0) * spatial.iter().product::<usize>();
        let rows = b.reshape(last, Shape::from_iter([Dim::known(count), channels]))?;
        Ok(Rows { rows: b.widen(rows)?, spatial, ty: ty.clone() })
    }

    /// The dtype in which rows are summed up.
    pub(super) fn dtype(&self, b: &Builder) -> DType {
        b.tensor(self.rows).dtype
    }

    /// Extents of the spatial axes.
    pub(super) fn spatial(&self) -> &[usize] {
        &self.spatial
    }

    /// The dtype of numbers of rows.
    pub(super) fn index(&self) -> DType {
        index_dtype(self.ty.shape.size(0) * self.spatial.iter().product::<usize>())
    }

    /// The rows of all combinations of taps, times their weights, 0 for those outside: `[points.., c]` each. `image` is the number of a point's image, in range.
    pub(super) fn seen(
        &self,
        b: &mut Builder,
        image: Value,
        axes: &[Vec<Tap>],
    ) -> Result<Vec<Value>, TypeError> {
        let mut seen = vec![Corner { row: image, weight: None, inside: None }];
        for (taps, &extent) in axes.iter().zip(&self.spatial) {
            let along: Vec<Corner> =
                taps.iter().map(|tap| self.corner(b, tap, extent)).collect::<Result<_, _>>()?;
            let mut next = Vec::new();
            for corner in &seen {
                for tap in &along {
                    next.push(corner.with(b, tap, extent)?);
                }
            }
            seen = next;
        }
        seen.into_iter().map(|corner| self.weighted(b, corner)).collect()
    }

    /// A tap as a combination of one axis.
    fn corner(&self, b: &mut Builder, tap: &Tap, extent: usize) -> Result<Corner, TypeError> {
        let last = extent as f64 - 1.0;
        let place = b.at_least(tap.place, 0.0)?;
        let place = b.at_most(place, last)?;
        let inside = b.eq(place, tap.place)?;
        let weight = tap.weight.map(|weight| b.convert(weight, self.dtype(b))).transpose()?;
        Ok(Corner { row: b.cast(place, self.index())?, weight, inside: Some(inside) })
    }

    fn weighted(&self, b: &mut Builder, corner: Corner) -> Result<Value, TypeError> {
        let seen = take(b, self.rows, corner.row, 0)?;
        let shape = b.shape(seen);
        let channel = shape.rank() - 1;
        let seen = match corner.weight {
            Some(weight) => {
                let weight = b.spread(weight, &[channel], &shape)?;
                b.mul(seen, weight)?
            }
            None => seen,
        };
        let Some(inside) = corner.inside else { return Ok(seen) };
        let inside = b.spread(inside, &[channel], &shape)?;
        Ok(b.zero_unless(inside, seen)?)
    }

    /// `[points.., c]` in the order of axes and the dtype of the images; `batch` axes of the points are as the batch.
    pub(super) fn in_layout(
        &self,
        b: &mut Builder,
        x: Value,
        layout: ImageLayout,
        batch: usize,
    ) -> Result<Value, TypeError> {
        let rank = b.shape(x).rank();
        let x = match layout {
            ImageLayout::Nhwc => x,
            ImageLayout::Nchw => {
                let order: Vec<usize> = (0..batch).chain([rank - 1]).chain(batch..rank - 1).collect();
                b.transpose(x, order)?
            }
        };
        Ok(b.convert(x, self.ty.dtype)?)
    }
}

/// A combination of taps of some axes.
struct Corner {
    row: Value,
    weight: Option<Value>,
    inside: Option<Value>,
}

impl Corner {
    /// With a tap of one more axis.
    fn with(&self, b: &mut Builder, tap: &Corner, extent: usize) -> Result<Corner, TypeError> {
        let along = b.mul_number(self.row, extent as f64)?;
        let both = |one: Option<Value>, other: Option<Value>| match (one, other) {
            (Some(one), Some(other)) => Some((one, other)),
            _ => None,
        };
        let weight = match both(self.weight, tap.weight) {
            Some((one, other)) => Some(b.mul(one, other)?),
            None => self.weight.or(tap.weight),
        };
        let inside = match both(self.inside, tap.inside) {
            Some((one, other)) => Some(b.and(one, other)?),
            None => self.inside.or(tap.inside),
        };
        Ok(Corner { row: b.add(along, tap.row)?, weight, inside })
    }
}

/// The two neighbours of a place, with weights that grow linearly.
pub(super) fn linear_taps(b: &mut Builder, x: Value) -> Result<Vec<Tap>, TypeError> {
    let before = b.floor(x)?;
    let part = b.sub(x, before)?;
    let rest = b.number_minus(1.0, part)?;
    let after = b.add_number(before, 1.0)?;
    Ok(vec![Tap { place: before, weight: Some(rest) }, Tap { place: after, weight: Some(part) }])
}

/// The four neighbours of a place, with the weights of a cubic polynomial (Keys 1981).
pub(super) fn cubic_taps(b: &mut Builder, x: Value, coefficient: f64) -> Result<Vec<Tap>, TypeError> {
    let a = coefficient;
    let before = b.floor(x)?;
    let part = b.sub(x, before)?;
    let rest = b.number_minus(1.0, part)?;
    let mut taps = Vec::new();
    // Far ones are `((a d - 5 a) d + 8 a) d - 4 a`, near ones `((a + 2) d - (a + 3)) d^2 + 1` at the distance d.
    for (offset, near, is_far) in
        [(-1.0, part, true), (0.0, part, false), (1.0, rest, false), (2.0, rest, true)]
    {
        let weight = if is_far {
            let distance = b.add_number(near, 1.0)?;
            polynomial(b, distance, &[a, -5.0 * a, 8.0 * a, -4.0 * a])?
        } else {
            polynomial(b, near, &[a + 2.0, -(a + 3.0), 0.0, 1.0])?
        };
        taps.push(Tap { place: b.add_number(before, offset)?, weight: Some(weight) });
    }
    Ok(taps)
}

/// A polynomial by Horner's rule, the highest coefficient first.
fn polynomial(b: &mut Builder, x: Value, coefficients: &[f64]) -> Result<Value, TypeError> {
    let mut sum = b.full_like(coefficients[0], x)?;
    for &coefficient in &coefficients[1..] {
        let times = b.mul(sum, x)?;
        sum = if coefficient == 0.0 { times } else { b.add_number(times, coefficient)? };
    }
    Ok(sum)
}

/// `x` in `0..=last`; a NaN is what it is.
pub(super) fn clipped(b: &mut Builder, x: Value, last: f64) -> Result<Value, TypeError> {
    let x = b.at_least(x, 0.0)?;
    Ok(b.at_most(x, last)?)
}

/// The numbers `0..extent` along an axis of a shape.
pub(super) fn count_along(
    b: &mut Builder,
    dtype: DType,
    shape: &Shape,
    axis: usize,
) -> Result<Value, TypeError> {
    let numbers = b.iota(DType::I64, shape.clone(), axis)?;
    Ok(b.convert(numbers, dtype)?)
}

/// The sum of all values.
pub(super) fn sum_of(b: &mut Builder, values: &[Value]) -> Result<Value, TypeError> {
    let mut sum = values[0];
    for &value in &values[1..] {
        sum = b.add(sum, value)?;
    }
    Ok(sum)
}

/// Numbers of images, clamped into range, as numbers of a row's dtype.
pub(super) fn images(b: &mut Builder, rows: &Rows, images: Value, shape: &Shape) -> Result<Value, TypeError> {
    let ty = b.type_of(images);
    let last = rows.ty.shape.size(0) as i64 - 1;
    let low = b.full(Scalar::I64(0), &ty.shape)?;
    let high = b.full(Scalar::I64(last), &ty.shape)?;
    let wide = b.convert(images, DType::I64)?;
    let inside = b.clamp(low, wide, high)?;
    let inside = b.convert(inside, rows.index())?;
    Ok(b.broadcast_in_dim(inside, shape.clone(), [0])?)
}
