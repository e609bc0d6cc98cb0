//! Regions of images in one size: what detectors look at.

use smallvec::smallvec;

use super::sampling::{Rows, Tap, clipped, count_along, images, linear_taps, sum_of};
use super::{grid, nothing_of};
use crate::op::attribute::Axes;
use crate::op::composite::blocks::ImageLayout;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// How the samples of a part of a region become one number.
    pub enum RegionFold {
        /// Their mean.
        Mean = "mean",
        /// The greatest of them, where a sample is the greatest of the weighted elements around it.
        Max = "max",
    }
}

word_attribute! {
    /// Where regions begin.
    pub enum RegionOrigin {
        /// At the border of the first pixel: half a pixel before its middle.
        Border = "border",
        /// At its middle. Regions have at least the size of a pixel.
        Middle = "middle",
    }
}

word_attribute! {
    /// How many samples a part of a region has along an axis.
    pub enum RegionSamples {
        /// Just so many.
        Exact = "exact",
        /// As many as it has pixels, rounded up, but no more.
        AtMost = "at_most",
    }
}

attributes! {
    /// Regions of images, each divided into as many parts along each axis, and for each part a fold of samples of the image: `T[n, h, w, c], G[k, 4], I[k] -> T[k, h', w', c]`, with
    /// channels second with that layout (He et al. 2017). Regions are `x1, y1, x2, y2`; behind them stand the numbers of their images.
    pub struct RoiAlign {
        /// Parts along height and width.
        pub sizes: Axes,
        /// Pixels for each unit of a region.
        pub scale: Scalar,
        /// Samples of a part along each axis.
        pub samples: usize,
        /// Whether parts have fewer.
        pub count: RegionSamples,
        /// Where regions begin.
        pub origin: RegionOrigin,
        /// What is made of samples.
        pub fold: RegionFold,
        /// Order of axes.
        pub layout: ImageLayout,
    }
}

/// Images, regions of four numbers, and the numbers of their images; the result has one image for each.
fn check(b: &Builder, operands: &[Value], sizes: &[usize]) -> Result<[TensorType; 3], TypeError> {
    let types = [0, 1, 2].map(|i| b.type_of(operands[i]));
    let all = [&types[0], &types[1], &types[2]];
    rule::require_class(&all, 0, DTypeClass::Float)?;
    rule::require_class(&all, 1, DTypeClass::Float)?;
    rule::require_class(&all, 2, DTypeClass::Int)?;
    let [x, regions, images] = all;
    if x.rank() != 4 {
        return Err(TypeError::Other(format!("operand 0 must be images with 2 spatial axes, found {x}")));
    }
    if sizes.len() != 2 {
        return Err(TypeError::attribute("sizes", format!("needs 2 numbers, found {}", sizes.len())));
    }
    if regions.rank() != 2
        || regions.shape.size(1) != 4
        || images.shape != regions.shape[..1].iter().copied().collect()
    {
        let message = format!("regions have 4 numbers and an image each, found {regions} and {images}");
        return Err(TypeError::Other(message));
    }
    Ok(types)
}

/// One of the four numbers of each region.
fn column(b: &mut Builder, regions: Value, i: usize) -> Result<Value, TypeError> {
    let count = b.shape(regions).size(0);
    let column = b.section(regions, 1, i, i + 1)?;
    Ok(b.reshape(column, [count])?)
}

/// The result for nothing.
fn empty(
    b: &mut Builder,
    operands: &[Value],
    sizes: &[usize],
    layout: ImageLayout,
) -> Result<Results, TypeError> {
    let (x, k) = (b.type_of(operands[0]), b.shape(operands[1]).size(0));
    let channels = x.shape.size(if layout == ImageLayout::Nchw { 1 } else { 3 });
    let shape: Shape = grid::images(layout, k, sizes, channels).into();
    rule::one(x.dtype, shape.clone())?;
    Ok(smallvec![nothing_of(b, &operands[..2], x.dtype, &shape)?])
}

impl CompositeDef for RoiAlign {
    const NAME: &'static str = "roi_align";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let [x, regions, _] = check(b, operands, &self.sizes)?;
        let (k, s) = (regions.shape.size(0), self.samples);
        let points = Shape::from([k, self.sizes[0], s, self.sizes[1], s]);
        rule::one(x.dtype, points.clone())?;
        if points.elements() == 0 {
            return empty(b, operands, &self.sizes, self.layout);
        }
        let rows = Rows::of(b, operands[0], self.layout, &x)?;
        let boxes = b.widen(operands[1])?;
        let (mut taps, mut used) = (Vec::new(), Vec::new());
        for axis in 0..2 {
            let [start, end] = [1 - axis, 3 - axis].map(|i| column(b, boxes, i));
            let along = self.samples_along(b, start?, end?, self.sizes[axis])?;
            let spread = |b: &mut Builder, x: Value| {
                b.broadcast_in_dim(x, points.clone(), [0, 1 + 2 * axis, 2 + 2 * axis])
            };
            taps.push(along.taps(b, rows.spatial()[axis], spread)?);
            used.push((spread(b, along.is_used)?, along.count));
        }
        let image = images(b, &rows, operands[2], &points)?;
        let seen = rows.seen(b, image, &taps)?;
        let is_used = b.and(used[0].0, used[1].0)?;
        let count = b.mul(used[0].1, used[1].1)?;
        let folded = self.folded(b, &seen, is_used, count)?;
        Ok(smallvec![rows.in_layout(b, folded, self.layout, 1)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RoiAlign> {
        let (layout, operands) = drawn(draw, hint, Values::Range(-1.0, 3.5));
        let op = RoiAlign {
            sizes: [draw.choose(&[1, 2, 3]), draw.choose(&[1, 2, 0])].into_iter().collect(),
            scale: draw.choose(&[Scalar::F64(1.0), Scalar::F64(0.5)]),
            samples: draw.choose(&[1, 2]),
            count: draw.choose(RegionSamples::ALL),
            origin: draw.choose(RegionOrigin::ALL),
            fold: draw.choose(RegionFold::ALL),
            layout,
        };
        Sample::epsilons(op, 256, operands)
    }
}

/// Small images, and regions of them.
fn drawn(draw: &mut Draw<'_>, hint: &TensorType, values: Values) -> (ImageLayout, [Operand; 3]) {
    let dtype = draw.dtype(hint.dtype, DTypeClass::Float);
    let layout = draw.choose(ImageLayout::ALL);
    let (n, c, k) = (draw.choose(&[1, 2]), draw.choose(&[1, 2, 0]), draw.choose(&[1, 2, 0]));
    let extents = [draw.choose(&[3, 1, 2, 4]), draw.choose(&[2, 1, 4])];
    let image = TensorType::new(dtype, grid::images(layout, n, &extents, c));
    let operands = [
        Operand::new(image, Values::Range(-1.0, 1.0)),
        Operand::new(TensorType::new(DType::F64, [k, 4]), values),
        Operand::new(TensorType::new(DType::I32, [k]), Values::Index(n)),
    ];
    (layout, operands)
}

/// The samples of regions along an axis, `[k, parts, samples]`.
struct Samples {
    places: Value,
    /// Whether it is one of the part's.
    is_used: Value,
    /// `[k]`: how many a part has.
    count: Value,
}

impl Samples {
    /// What they see: nothing of what is more than a pixel outside.
    fn taps(
        &self,
        b: &mut Builder,
        extent: usize,
        spread: impl Fn(&mut Builder, Value) -> Result<Value, crate::builder::BuildError>,
    ) -> Result<Vec<Tap>, TypeError> {
        let low = b.full_like(-1.0, self.places)?;
        let high = b.full_like(extent as f64, self.places)?;
        let (above, below) = (b.ge(self.places, low)?, b.le(self.places, high)?);
        let inside = b.and(above, below)?;
        let inside = b.and(inside, self.is_used)?;
        let clipped = clipped(b, self.places, extent as f64 - 1.0)?;
        let mut taps = Vec::new();
        for tap in linear_taps(b, clipped)? {
            let weight = tap.weight.map(|weight| b.zero_unless(inside, weight)).transpose()?;
            let weight = weight.map(|weight| spread(b, weight)).transpose()?;
            taps.push(Tap { place: spread(b, tap.place)?, weight });
        }
        Ok(taps)
    }
}

impl RoiAlign {
    fn samples_along(
        &self,
        b: &mut Builder,
        start: Value,
        end: Value,
        parts: usize,
    ) -> Result<Samples, TypeError> {
        let scale = self.scale.to_f64();
        let (start, end) = (b.mul_number(start, scale)?, b.mul_number(end, scale)?);
        let extent = b.sub(end, start)?;
        let (start, extent) = match self.origin {
            RegionOrigin::Border => (b.add_number(start, -0.5)?, extent),
            RegionOrigin::Middle => (start, b.at_least(extent, 1.0)?),
        };
        let part = b.div_number(extent, parts as f64)?;
        let count = match self.count {
            RegionSamples::Exact => b.full_like(self.samples as f64, part)?,
            RegionSamples::AtMost => {
                let pixels = b.ceil(part)?;
                let pixels = b.at_least(pixels, 0.0)?;
                b.at_most(pixels, self.samples as f64)?
            }
        };
        let dtype = b.tensor(part).dtype;
        let shape = Shape::from_iter([b.shape(part)[0], Dim::known(parts), Dim::known(self.samples)]);
        let divisor = b.at_least(count, 1.0)?;
        let step = b.div(part, divisor)?;
        let spread = |b: &mut Builder, x: Value| b.broadcast_in_dim(x, shape.clone(), [0]);
        let (number, sample) = (count_along(b, dtype, &shape, 1)?, count_along(b, dtype, &shape, 2)?);
        let counted = spread(b, count)?;
        let is_used = b.lt(sample, counted)?;
        let (start, part, step) = (spread(b, start)?, spread(b, part)?, spread(b, step)?);
        let parts = b.mul(number, part)?;
        let middle = b.add_number(sample, 0.5)?;
        let within = b.mul(middle, step)?;
        let places = b.add(start, parts)?;
        Ok(Samples { places: b.add(places, within)?, is_used, count })
    }

    /// `[k, h', s, w', s, c]` to `[k, h', w', c]`. `count` is how many samples of a part are used.
    fn folded(
        &self,
        b: &mut Builder,
        seen: &[Value],
        is_used: Value,
        count: Value,
    ) -> Result<Value, TypeError> {
        match self.fold {
            RegionFold::Mean => {
                let sum = sum_of(b, seen)?;
                let sum = b.sum_over(sum, &[2, 4])?;
                let shape = b.shape(sum);
                let count = b.at_least(count, 1.0)?;
                let count = b.convert(count, b.tensor(sum).dtype)?;
                let count = b.broadcast_in_dim(count, shape, [0])?;
                Ok(b.div(sum, count)?)
            }
            RegionFold::Max => {
                let mut greatest = seen[0];
                for &other in &seen[1..] {
                    greatest = b.maximum(greatest, other)?;
                }
                let ty = b.type_of(greatest);
                let is_used = b.spread(is_used, &[5], &ty.shape)?;
                let lowest = b.full(Scalar::lowest(ty.dtype), &ty.shape)?;
                let used = b.select(is_used, greatest, lowest)?;
                let greatest = b.reduce(used, ReduceKind::Max, [2, 4])?;
                let shape = b.shape(greatest);
                let any = b.is_positive(count)?;
                let any = b.broadcast_in_dim(any, shape, [0])?;
                Ok(b.zero_unless(any, greatest)?)
            }
        }
    }
}

word_attribute! {
    /// What a pixel of a region is made of.
    pub enum CropKernel {
        /// Its neighbours along both axes, with weights that grow linearly.
        Linear = "linear",
        /// The nearest element, that after it if it is halfway.
        Nearest = "nearest",
    }
}

attributes! {
    /// Regions of images, each resized: `T[n, h, w, c], G[k, 4], I[k] -> T[k, h', w', c]`, with channels second with that layout (TensorFlow's `crop_and_resize`). Regions are
    /// `y1, x1, y2, x2` in parts of the image, from the middle of the first pixel to that of the last one, and may be beyond the image.
    pub struct CropAndResize {
        /// Height and width of the results.
        pub sizes: Axes,
        /// Weights of elements.
        pub kernel: CropKernel,
        /// What is outside the image.
        pub fill: Scalar,
        /// Order of axes.
        pub layout: ImageLayout,
    }
}

impl CompositeDef for CropAndResize {
    const NAME: &'static str = "crop_and_resize";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let [x, regions, _] = check(b, operands, &self.sizes)?;
        let k = regions.shape.size(0);
        let points = Shape::from([k, self.sizes[0], self.sizes[1]]);
        rule::one(x.dtype, points.clone())?;
        if points.elements() == 0 {
            return empty(b, operands, &self.sizes, self.layout);
        }
        let rows = Rows::of(b, operands[0], self.layout, &x)?;
        let boxes = b.widen(operands[1])?;
        let (mut taps, mut inside) = (Vec::new(), Vec::new());
        for axis in 0..2 {
            let [start, end] = [axis, axis + 2].map(|i| column(b, boxes, i));
            let extent = rows.spatial()[axis];
            let places = places(b, start?, end?, extent, self.sizes[axis])?;
            let places = b.broadcast_in_dim(places, points.clone(), [0, 1 + axis])?;
            let clipped = clipped(b, places, extent as f64 - 1.0)?;
            inside.push(b.eq(clipped, places)?);
            taps.push(self.taps(b, clipped)?);
        }
        let image = images(b, &rows, operands[2], &points)?;
        let seen = rows.seen(b, image, &taps)?;
        let sum = sum_of(b, &seen)?;
        let shape = b.shape(sum);
        let inside = b.and(inside[0], inside[1])?;
        let inside = b.spread(inside, &[3], &shape)?;
        let fill = b.full_like(self.fill.to_f64(), sum)?;
        let filled = b.select(inside, sum, fill)?;
        Ok(smallvec![rows.in_layout(b, filled, self.layout, 1)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CropAndResize> {
        let (layout, operands) = drawn(draw, hint, Values::Range(-0.25, 1.25));
        let op = CropAndResize {
            sizes: [draw.choose(&[2, 1, 3]), draw.choose(&[1, 2, 0])].into_iter().collect(),
            kernel: draw.choose(CropKernel::ALL),
            fill: Scalar::F64(0.5),
            layout,
        };
        Sample::epsilons(op, 256, operands)
    }
}

impl CropAndResize {
    fn taps(&self, b: &mut Builder, places: Value) -> Result<Vec<Tap>, TypeError> {
        match self.kernel {
            CropKernel::Linear => linear_taps(b, places),
            CropKernel::Nearest => {
                let moved = b.add_number(places, 0.5)?;
                Ok(vec![Tap { place: b.floor(moved)?, weight: None }])
            }
        }
    }
}

/// Places of `results` pixels between two ends of an axis, `[k, results]`.
fn places(
    b: &mut Builder,
    start: Value,
    end: Value,
    extent: usize,
    results: usize,
) -> Result<Value, TypeError> {
    let last = extent as f64 - 1.0;
    let shape = Shape::from_iter([b.shape(start)[0], Dim::known(results)]);
    let spread = |b: &mut Builder, x: Value| b.broadcast_in_dim(x, shape.clone(), [0]);
    if results == 1 {
        let sum = b.add(start, end)?;
        let middle = b.mul_number(sum, 0.5 * last)?;
        return Ok(spread(b, middle)?);
    }
    let span = b.sub(end, start)?;
    let step = b.mul_number(span, last)?;
    let step = b.div_number(step, results as f64 - 1.0)?;
    let first = b.mul_number(start, last)?;
    let dtype = b.tensor(first).dtype;
    let number = count_along(b, dtype, &shape, 1)?;
    let (step, first) = (spread(b, step)?, spread(b, first)?);
    let along = b.mul(number, step)?;
    Ok(b.add(first, along)?)
}
