//! Images at the points of a grid, and grids of affine maps.

use smallvec::smallvec;

use super::nothing_of;
use super::sampling::{Corners, Rows, Tap, clipped, count_along, cubic_taps, linear_taps, sum_of};
use crate::op::composite::blocks::ImageLayout;
use crate::op::composite::build::wide_dtype;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// What a point of a grid is made of.
    pub enum GridKernel {
        /// Its neighbours along each axis, with weights that grow linearly.
        Linear = "linear",
        /// The nearest element, the even one if it is halfway.
        Nearest = "nearest",
        /// Four neighbours along each axis, by a cubic polynomial with the coefficient -0.75.
        Cubic = "cubic",
    }
}

word_attribute! {
    /// What is outside an image that a grid samples.
    pub enum GridBorder {
        /// Zeros.
        Zeros = "zeros",
        /// The elements at the border.
        Border = "border",
        /// The image in a mirror, again and again: at the borders of pixels, or with [`Corners::Middle`] at their middles.
        Reflection = "reflection",
    }
}

attributes! {
    /// Images at the points of a grid: `T[n, s.., c], G[n, g.., k] -> T[n, g.., c]`, floats, with `k` spatial axes, and channels second with that layout. The last axis of the
    /// grid has the coordinates of a point, those of the last spatial axis first, from -1 to 1.
    pub struct GridSample {
        /// Weights of elements.
        pub kernel: GridKernel,
        /// What is outside.
        pub border: GridBorder,
        /// What -1 and 1 are.
        pub corners: Corners,
        /// Order of axes.
        pub layout: ImageLayout,
    }
}

impl CompositeDef for GridSample {
    const NAME: &'static str = "grid_sample";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types = [b.type_of(operands[0]), b.type_of(operands[1])];
        let [x, grid] = &types;
        for operand in 0..2 {
            rule::require_class(&[x, grid], operand, DTypeClass::Float)?;
        }
        let fits = x.rank() > 2
            && grid.rank() == x.rank()
            && grid.shape[grid.rank() - 1] == Dim::known(x.rank() - 2);
        if !fits || x.shape[0] != grid.shape[0] {
            let message = format!(
                "a grid for {x} has a vector of {} for each point, found {grid}",
                x.rank().saturating_sub(2)
            );
            return Err(TypeError::Other(message));
        }
        let (points, vector) = (grid.shape.without(&[grid.rank() - 1]), grid.rank() - 1);
        if points.elements() == 0 {
            return self.nothing(b, operands, &points);
        }
        let rows = Rows::of(b, operands[0], self.layout, x)?;
        let places = b.widen(operands[1])?;
        let mut axes = Vec::new();
        for (axis, &extent) in rows.spatial().to_vec().iter().enumerate() {
            let at = rows.spatial().len() - 1 - axis;
            let along = b.section(places, vector, at, at + 1)?;
            let along = b.reshape(along, points.clone())?;
            axes.push(self.taps(b, along, extent)?);
        }
        let image = count_along(b, rows.index(), &points, 0)?;
        let seen = rows.seen(b, image, &axes)?;
        let sum = sum_of(b, &seen)?;
        Ok(smallvec![rows.in_layout(b, sum, self.layout, 1)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<GridSample> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let spatial = draw.choose(&[1usize, 2, 2, 3]);
        let extents: Vec<usize> = (0..spatial).map(|_| draw.choose(&[2, 1, 3, 4])).collect();
        let (n, c) = (draw.choose(&[1usize, 2]), draw.choose(&[1usize, 2, 0]));
        let layout = draw.choose(ImageLayout::ALL);
        let points = (0..spatial).map(|_| draw.choose(&[1, 2, 0, 3]));
        let grid: Vec<usize> = [n].into_iter().chain(points).chain([spatial]).collect();
        let op = GridSample {
            kernel: draw.choose(GridKernel::ALL),
            border: draw.choose(GridBorder::ALL),
            corners: draw.choose(Corners::ALL),
            layout,
        };
        let image =
            Operand::new(TensorType::new(dtype, images(layout, n, &extents, c)), Values::Range(-1.0, 1.0));
        Sample::epsilons(
            op,
            256,
            [image, Operand::new(TensorType::new(DType::F64, grid), Values::Range(-1.5, 1.5))],
        )
    }
}

/// The shape of images.
pub(super) fn images(layout: ImageLayout, n: usize, spatial: &[usize], c: usize) -> Vec<usize> {
    match layout {
        ImageLayout::Nhwc => [n].into_iter().chain(spatial.iter().copied()).chain([c]).collect(),
        ImageLayout::Nchw => [n, c].into_iter().chain(spatial.iter().copied()).collect(),
    }
}

impl GridSample {
    /// The result for no points.
    fn nothing(&self, b: &mut Builder, operands: &[Value], points: &Shape) -> Result<Results, TypeError> {
        let x = b.type_of(operands[0]);
        let channel = if self.layout == ImageLayout::Nchw { 1 } else { x.rank() - 1 };
        let shape = images(self.layout, points.size(0), &points.sizes()[1..], x.shape.size(channel));
        Ok(smallvec![nothing_of(b, operands, x.dtype, &shape.into())?])
    }

    /// What points see along an axis, whose coordinates are from -1 to 1.
    fn taps(&self, b: &mut Builder, x: Value, extent: usize) -> Result<Vec<Tap>, TypeError> {
        let x = self.place(b, x, extent)?;
        match self.kernel {
            GridKernel::Cubic => {
                let taps = cubic_taps(b, x, -0.75)?;
                let inside = |tap: Tap| Ok(Tap { place: self.brought_in(b, tap.place, extent)?, ..tap });
                taps.into_iter().map(inside).collect()
            }
            GridKernel::Linear => {
                let x = self.brought_in(b, x, extent)?;
                linear_taps(b, x)
            }
            GridKernel::Nearest => {
                let x = self.brought_in(b, x, extent)?;
                Ok(vec![Tap { place: b.round_even(x)?, weight: None }])
            }
        }
    }

    /// A place among the elements.
    fn place(&self, b: &mut Builder, x: Value, extent: usize) -> Result<Value, TypeError> {
        let n = extent as f64;
        let from_begin = b.add_number(x, 1.0)?;
        Ok(match self.corners {
            Corners::Middle => b.mul_number(from_begin, (n - 1.0) / 2.0)?,
            Corners::Outer => {
                let doubled = b.mul_number(from_begin, n)?;
                let doubled = b.add_number(doubled, -1.0)?;
                b.mul_number(doubled, 0.5)?
            }
        })
    }

    /// A place inside for one outside, but for zeros.
    fn brought_in(&self, b: &mut Builder, x: Value, extent: usize) -> Result<Value, TypeError> {
        let last = extent as f64 - 1.0;
        match self.border {
            GridBorder::Zeros => Ok(x),
            GridBorder::Border => clipped(b, x, last),
            GridBorder::Reflection => {
                let (low, span) = match self.corners {
                    Corners::Middle => (0.0, last),
                    Corners::Outer => (-0.5, extent as f64),
                };
                let x = if span == 0.0 { b.full_like(0.0, x)? } else { reflected(b, x, low, span)? };
                clipped(b, x, last)
            }
        }
    }
}

/// `x` in mirrors at `low` and `low + span`.
fn reflected(b: &mut Builder, x: Value, low: f64, span: f64) -> Result<Value, TypeError> {
    let from_low = b.add_number(x, -low)?;
    let distance = b.abs(from_low)?;
    let spans = b.div_number(distance, span)?;
    let flips = b.floor(spans)?;
    let whole = b.mul_number(flips, span)?;
    let extra = b.sub(distance, whole)?;
    let half = b.mul_number(flips, 0.5)?;
    let pairs = b.floor(half)?;
    let is_even = b.eq(half, pairs)?;
    let forth = b.add_number(extra, low)?;
    let back = b.number_minus(span + low, extra)?;
    Ok(b.select(is_even, forth, back)?)
}

attributes! {
    /// The grid of an affine map for each image: `T[n, k, k + 1] -> T[n, s.., k]`, floats: the matrix times a point and 1, for the points of images of those extents, with the
    /// coordinates of [`GridSample`].
    pub struct AffineGrid {
        /// Extents of the images.
        pub sizes: Shape,
        /// What -1 and 1 are.
        pub corners: Corners,
    }
}

impl CompositeDef for AffineGrid {
    const NAME: &'static str = "affine_grid";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (ty, k) = (b.type_of(operands[0]), self.sizes.rank());
        rule::require_class(&[&ty], 0, DTypeClass::Float)?;
        if ty.rank() != 3 || k == 0 || ty.shape.sizes()[1..] != [k, k + 1] {
            let message = format!("operand 0 must be matrices of {k} and {} numbers, found {ty}", k + 1);
            return Err(TypeError::Other(message));
        }
        let dtype = wide_dtype(ty.dtype);
        rule::one(dtype, self.sizes.iter().copied().chain([ty.shape[0], Dim::known(k + 1)]).collect())?;
        let mut columns = Vec::new();
        for axis in (0..k).rev() {
            let line = self.line(b, dtype, self.sizes.size(axis))?;
            let column = b.broadcast_in_dim(line, self.sizes.clone(), [axis])?;
            columns.push(column);
        }
        columns.push(b.full(Scalar::one(dtype), &self.sizes)?);
        let points = b.stack(&columns, k)?;
        let theta = b.widen(operands[0])?;
        // [n, k, s..]
        let grid = b.dot_general(theta, points, [], [], [2], [k], dtype)?;
        let order: Vec<usize> = [0].into_iter().chain(2..2 + k).chain([1]).collect();
        let grid = b.transpose(grid, order)?;
        Ok(smallvec![b.convert(grid, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AffineGrid> {
        let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
        let k = draw.choose(&[2usize, 1, 3]);
        let sizes: Shape = (0..k).map(|_| draw.choose(&[2, 1, 3, 0])).collect();
        let theta = TensorType::new(dtype, [draw.choose(&[1, 2, 0]), k, k + 1]);
        let op = AffineGrid { sizes, corners: draw.choose(Corners::ALL) };
        Sample::epsilons(op, 64, [Operand::new(theta, Values::Range(-1.0, 1.0))])
    }
}

impl AffineGrid {
    /// Coordinates of the pixels along an axis.
    fn line(&self, b: &mut Builder, dtype: DType, extent: usize) -> Result<Value, TypeError> {
        let n = extent as f64;
        let (first, step) = match self.corners {
            Corners::Outer => (1.0 / n - 1.0, 2.0 / n),
            Corners::Middle if extent > 1 => (-1.0, 2.0 / (n - 1.0)),
            // As in PyTorch, one pixel is in the middle.
            Corners::Middle => (0.0, 0.0),
        };
        let number = count_along(b, dtype, &[extent].into(), 0)?;
        let along = b.mul_number(number, step)?;
        Ok(b.add_number(along, first)?)
    }
}
