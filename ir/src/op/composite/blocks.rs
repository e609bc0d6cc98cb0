//! Rearranging blocks of pixels: between space and channels, and between space and batch.

use smallvec::smallvec;

use super::movement::{then_others, times};
use crate::op::attribute::{Axes, Offsets};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// Order of the axes of images.
    pub enum ImageLayout {
        /// Batch, height, width, channel.
        Nhwc = "nhwc",
        /// Batch, channel, height, width.
        Nchw = "nchw",
    }
}

word_attribute! {
    /// How a channel number is made of a place in the block and a channel of the image with more pixels.
    pub enum DepthOrder {
        /// `(row, column, channel)`, as in TensorFlow and ONNX `DCR`.
        Dcr = "dcr",
        /// `(channel, row, column)`, as in PyTorch's `pixel_shuffle` and ONNX `CRD`.
        Crd = "crd",
    }
}

attributes! {
    /// Moves channels into blocks of pixels: `T[n, h, w, c * b * b] -> T[n, h * b, w * b, c]`, or the same with channels first.
    pub struct DepthToSpace {
        /// Side of a block, `b`.
        pub block: usize,
        /// Order of axes.
        pub layout: ImageLayout,
        /// Order of channels.
        pub order: DepthOrder,
    }
}

impl CompositeDef for DepthToSpace {
    const NAME: &'static str = "depth_to_space";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let [n, h, w, c] = image(b, x[0], self.layout)?;
        let block = Dim::known(self.block);
        let area = block.times(block).map_or(0, Dim::size);
        let channels = c.quotient(area).ok_or_else(|| {
            let reason = format!("the square of {} does not divide the {c} channels", self.block);
            TypeError::attribute("block", reason)
        })?;
        let (split, order): ([Dim; 6], [usize; 6]) = match (self.layout, self.order) {
            (ImageLayout::Nhwc, DepthOrder::Dcr) => ([n, h, w, block, block, channels], [0, 1, 3, 2, 4, 5]),
            (ImageLayout::Nhwc, DepthOrder::Crd) => ([n, h, w, channels, block, block], [0, 1, 4, 2, 5, 3]),
            (ImageLayout::Nchw, DepthOrder::Dcr) => ([n, block, block, channels, h, w], [0, 3, 4, 1, 5, 2]),
            (ImageLayout::Nchw, DepthOrder::Crd) => ([n, channels, block, block, h, w], [0, 1, 4, 2, 5, 3]),
        };
        let result = self.layout.shape([n, times(h, self.block), times(w, self.block), channels]);
        rearrange(b, x[0], split, order, result)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<DepthToSpace> {
        let (block, layout, order) = draw_image(draw);
        let [n, h, w, c] = [(); 4].map(|()| Dim::known(draw.extent().min(3)));
        let ty = TensorType::new(hint.dtype, layout.shape([n, h, w, times(c, block * block)]));
        Sample::exact(DepthToSpace { block, layout, order }, [Operand::any(ty)])
    }
}

attributes! {
    /// Moves blocks of pixels into channels: `T[n, h * b, w * b, c] -> T[n, h, w, c * b * b]`, or the same with channels first.
    pub struct SpaceToDepth {
        /// Side of a block, `b`.
        pub block: usize,
        /// Order of axes.
        pub layout: ImageLayout,
        /// Order of channels.
        pub order: DepthOrder,
    }
}

impl CompositeDef for SpaceToDepth {
    const NAME: &'static str = "space_to_depth";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let [n, h, w, c] = image(b, x[0], self.layout)?;
        let block = Dim::known(self.block);
        let (Some(rows), Some(columns)) = (h.quotient(self.block), w.quotient(self.block)) else {
            let reason = format!("{} does not divide the height {h} and the width {w}", self.block);
            return Err(TypeError::attribute("block", reason));
        };
        let split = match self.layout {
            ImageLayout::Nhwc => [n, rows, block, columns, block, c],
            ImageLayout::Nchw => [n, c, rows, block, columns, block],
        };
        let order = match (self.layout, self.order) {
            (ImageLayout::Nhwc, DepthOrder::Dcr) => [0, 1, 3, 2, 4, 5],
            (ImageLayout::Nhwc, DepthOrder::Crd) => [0, 1, 3, 5, 2, 4],
            (ImageLayout::Nchw, DepthOrder::Dcr) => [0, 3, 5, 1, 2, 4],
            (ImageLayout::Nchw, DepthOrder::Crd) => [0, 1, 3, 5, 2, 4],
        };
        let channels = times(times(c, self.block), self.block);
        rearrange(b, x[0], split, order, self.layout.shape([n, rows, columns, channels]))
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SpaceToDepth> {
        let (block, layout, order) = draw_image(draw);
        let [n, h, w, c] = [(); 4].map(|()| Dim::known(draw.extent().min(3)));
        let ty = TensorType::new(hint.dtype, layout.shape([n, times(h, block), times(w, block), c]));
        Sample::exact(SpaceToDepth { block, layout, order }, [Operand::any(ty)])
    }
}

attributes! {
    /// Pads the axes after the first with zeros, and moves blocks of them into the first: with one block axis,
    /// `T[n, s, ..] -> T[b * n, (low + s + high) / b, ..]`, where result batch entry `i * n + j` holds the elements
    /// `i, i + b, ..` of entry `j` (TensorFlow's `space_to_batch_nd`).
    pub struct SpaceToBatch {
        /// Extents of a block, for the axes from 1 on.
        pub block: Axes,
        /// Zeros before the first element of these axes.
        pub low: Axes,
        /// Zeros after the last element of these axes.
        pub high: Axes,
    }
}

impl CompositeDef for SpaceToBatch {
    const NAME: &'static str = "space_to_batch";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let count = check_blocks(b.tensor(x[0]), &self.block, [("low", &self.low), ("high", &self.high)])?;
        let padded = self.padded(b, x[0])?;
        let shape = b.shape(padded);
        let mut split = vec![shape[0]];
        let mut result = vec![times(shape[0], count)];
        for (i, &block) in self.block.iter().enumerate() {
            let part = shape[i + 1].quotient(block).ok_or_else(|| {
                let reason =
                    format!("{block} does not divide {}, the padded extent of axis {}", shape[i + 1], i + 1);
                TypeError::attribute("block", reason)
            })?;
            split.extend([part, Dim::known(block)]);
            result.push(part);
        }
        let rest = &shape[1 + self.block.len()..];
        split.extend(rest);
        result.extend(rest);
        let blocks: Axes = (1..=self.block.len()).map(|i| 2 * i).collect();
        let order = then_others(&blocks, split.len());
        rearrange(b, padded, split, order, Shape::from_iter(result))
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<SpaceToBatch> {
        let (block, mut sizes) = draw_blocks(draw);
        let (mut low, mut high) = (Axes::new(), Axes::new());
        for (size, &b) in sizes[1..].iter_mut().zip(&block) {
            low.push(draw.below(b.min(*size) + 1));
            high.push(*size * b - low[low.len() - 1] - *size * (b - 1));
            *size *= b - 1;
        }
        let ty = TensorType::new(hint.dtype, sizes);
        Sample::exact(SpaceToBatch { block, low, high }, [Operand::any(ty)])
    }
}

impl SpaceToBatch {
    fn padded(&self, b: &mut Builder, x: Value) -> Result<Value, TypeError> {
        if self.low.iter().chain(&self.high).all(|&n| n == 0) {
            return Ok(x);
        }
        let ty = b.type_of(x);
        let amounts = |per_block: &Axes| -> Offsets {
            let inner = per_block.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX));
            [0].into_iter().chain(inner).chain(std::iter::repeat(0)).take(ty.rank()).collect()
        };
        let zero = b.scalar(Scalar::zero(ty.dtype));
        Ok(b.pad(x, zero, amounts(&self.low), amounts(&self.high), Axes::from_elem(0, ty.rank()))?)
    }
}

attributes! {
    /// The opposite of [`SpaceToBatch`]: moves the first axis into blocks of the next, then cuts elements off:
    /// `T[b * n, s, ..] -> T[n, s * b - low - high, ..]` (TensorFlow's `batch_to_space`).
    pub struct BatchToSpace {
        /// Extents of a block, for the axes from 1 on.
        pub block: Axes,
        /// Elements cut off before the first of these axes.
        pub low: Axes,
        /// Elements cut off after the last of these axes.
        pub high: Axes,
    }
}

impl CompositeDef for BatchToSpace {
    const NAME: &'static str = "batch_to_space";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let count = check_blocks(b.tensor(x[0]), &self.block, [("low", &self.low), ("high", &self.high)])?;
        let (shape, blocks) = (b.shape(x[0]), self.block.len());
        let batch = shape[0].quotient(count).ok_or_else(|| {
            let reason = format!("blocks of {count} do not divide the {} batch entries", shape[0]);
            TypeError::attribute("block", reason)
        })?;
        let split: Vec<Dim> = self
            .block
            .iter()
            .map(|&n| Dim::known(n))
            .chain([batch])
            .chain(shape[1..].iter().copied())
            .collect();
        let pairs = (0..blocks).flat_map(|i| [blocks + 1 + i, i]);
        let order = then_others(&[blocks].into_iter().chain(pairs).collect::<Axes>(), split.len());
        let spatial = shape[1..=blocks].iter().zip(&self.block).map(|(&dim, &block)| times(dim, block));
        let rest = shape[1 + blocks..].iter().copied();
        let result: Shape = [batch].into_iter().chain(spatial).chain(rest).collect();
        let mut result = rearrange(b, x[0], split, order, result)?;
        for (i, (&low, &high)) in self.low.iter().zip(&self.high).enumerate() {
            let extent = b.tensor(result[0]).shape.size(i + 1);
            let limit = extent.checked_sub(high).filter(|&limit| low <= limit).ok_or_else(|| {
                let reason =
                    format!("{low} and {high} are more than the {extent} elements of axis {}", i + 1);
                TypeError::attribute("low", reason)
            })?;
            result[0] = b.section(result[0], i + 1, low, limit)?;
        }
        Ok(result)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BatchToSpace> {
        let (block, mut sizes) = draw_blocks(draw);
        sizes[0] *= block.iter().product::<usize>();
        let (mut low, mut high) = (Axes::new(), Axes::new());
        for (&size, &block) in sizes[1..].iter().zip(&block) {
            low.push(draw.below((size * block).min(1) + 1));
            high.push(draw.below((size * block - low[low.len() - 1]).min(1) + 1));
        }
        let ty = TensorType::new(hint.dtype, sizes);
        Sample::exact(BatchToSpace { block, low, high }, [Operand::any(ty)])
    }
}

/// The operand under the shape `split`, its axes then permuted, and merged again into `result`.
fn rearrange(
    b: &mut Builder,
    x: Value,
    split: impl IntoIterator<Item = Dim>,
    order: impl IntoIterator<Item = usize>,
    result: Shape,
) -> Result<Results, TypeError> {
    let split = b.reshape(x, Shape::from_iter(split))?;
    let moved = b.transpose(split, Axes::from_iter(order))?;
    Ok(smallvec![b.reshape(moved, result)?])
}

impl ImageLayout {
    /// The shape of images given as batch, height, width, channels.
    fn shape(self, [n, h, w, c]: [Dim; 4]) -> Shape {
        Shape::from_iter(match self {
            ImageLayout::Nhwc => [n, h, w, c],
            ImageLayout::Nchw => [n, c, h, w],
        })
    }
}

/// Batch, height, width and channels of an operand that must be images.
fn image(b: &Builder, x: Value, layout: ImageLayout) -> Result<[Dim; 4], TypeError> {
    match (layout, b.tensor(x).shape.dims()) {
        (ImageLayout::Nhwc, &[n, h, w, c]) | (ImageLayout::Nchw, &[n, c, h, w]) => Ok([n, h, w, c]),
        _ => Err(TypeError::Other(format!("operand 0 must have 4 axes, found {}", b.tensor(x)))),
    }
}

/// The blocks must fit the operand; returns the number of elements of a block.
fn check_blocks(
    ty: &TensorType,
    block: &Axes,
    per_block: [(&'static str, &Axes); 2],
) -> Result<usize, TypeError> {
    if block.len() >= ty.rank() {
        let reason =
            format!("{} extents for the {} axes after the first", block.len(), ty.rank().saturating_sub(1));
        return Err(TypeError::attribute("block", reason));
    }
    for (name, list) in per_block {
        if list.len() != block.len() {
            let reason = format!("{} entries for {} axes of blocks", list.len(), block.len());
            return Err(TypeError::attribute(name, reason));
        }
    }
    let dims: Vec<Dim> = block.iter().map(|&n| Dim::known(n)).collect();
    match rule::product(&dims) {
        Some(count) if count.size() != 0 => Ok(count.size()),
        _ => Err(TypeError::attribute("block", "must be of extents above 0 that fit in memory")),
    }
}

fn draw_image(draw: &mut Draw<'_>) -> (usize, ImageLayout, DepthOrder) {
    (draw.choose(&[2, 1, 3]), draw.choose(ImageLayout::ALL), draw.choose(DepthOrder::ALL))
}

/// Extents of blocks, and small extents of a tensor with as many axes after the first, and one more.
fn draw_blocks(draw: &mut Draw<'_>) -> (Axes, Vec<usize>) {
    let block: Axes = (0..1 + draw.below(2)).map(|_| draw.choose(&[2, 1, 3])).collect();
    let sizes = (0..block.len() + 2).map(|_| draw.extent().min(4)).collect();
    (block, sizes)
}
