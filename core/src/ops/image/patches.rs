//! Patches of images as vectors, and images of patches.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::composite::{Col2im, Im2col, ImageLayout};
use tensorwright_ir::op::primitive::{Reshape, Transpose, WindowAxes};
use tensorwright_ir::{Shape, TensorType};

use crate::error::{CallSite, Failure, caller};
use crate::interpret::apply;
use crate::ops::convolve::{ImageAxes, PerAxis};
use crate::ops::pool::PoolOptions;
use crate::ops::refusal::{refused, renamed};
use crate::tensor::Tensor;

/// Patches.
impl Tensor {
    /// The patches that a sliding window sees, as vectors in the place of channels.
    ///
    /// `T[n, s.., c] -> T[n, s'.., k.. * c]`, any dtype: taps row-major, and the channels of each, as TensorFlow's `extract_patches` has them; with channels first
    /// `T[n, c, s..] -> T[n, c * k.., s'..]`, the taps of each channel, as PyTorch's `unfold` has them (but for its merged axes). Padding is zeros. Without more the window moves by its own size.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::arange(8, DType::I32).reshape((1, 2, 4, 1));
    /// let patches = x.im2col(2, PoolOptions::new());
    /// assert_eq!(patches.shape()?, &[1, 1, 2, 4].into());
    /// assert_eq!(patches.to_vec::<i32>()?, [0, 1, 4, 5, 2, 3, 6, 7]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("unfold", "extract_patches", "sliding_window"))]
    #[track_caller]
    pub fn im2col(&self, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        let (size, at) = (size.into(), caller());
        let run = || -> Result<Tensor, Failure> {
            let x = self.known_type()?;
            let slide = Slide::of(&options, x, &size).map_err(|e| refused("im2col", &[self], at, e))?;
            let op = Im2col { axes: slide.axes.spatial.clone(), window: slide.window.clone() };
            let seen = one(op.into(), self, "im2col", at)?;
            let apart = one(Transpose { permutation: slide.order() }.into(), &seen, "im2col", at)?;
            let shape = slide.patches(&seen.known_type()?.shape);
            one(Reshape { shape }.into(), &apart, "im2col", at)
        };
        run().unwrap_or_else(Tensor::failed)
    }

    /// Images of patches, each element the sum of all that stand for it: the transposed map of [`Tensor::im2col`] of images whose spatial extents are `sizes`.
    ///
    /// `T[n, s'.., k.. * c] -> T[n, sizes.., c]`, numbers; with channels first `T[n, c * k.., s'..] -> T[n, c, sizes..]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::ones((1, 4, 1), DType::F32);
    /// let options = PoolOptions::new().strides(1);
    /// let counts = x.im2col(2, options.clone()).col2im(4, 2, options);
    /// assert_eq!(counts.to_vec::<f32>()?, [1.0, 2.0, 2.0, 1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("fold", "overlap_add"))]
    #[track_caller]
    pub fn col2im(
        &self,
        sizes: impl Into<PerAxis>,
        size: impl Into<PerAxis>,
        options: PoolOptions,
    ) -> Tensor {
        let (sizes, size, at) = (sizes.into(), size.into(), caller());
        let run = || -> Result<Tensor, Failure> {
            let refuse = |source| refused("col2im", &[self], at, source);
            let patches = self.known_type()?;
            let image = options.unfolded(patches, &sizes, &size).map_err(refuse)?;
            let slide = Slide::of(&options, &image, &size).map_err(refuse)?;
            let split = slide.split(patches, &image);
            let apart = one(Reshape { shape: split }.into(), self, "col2im", at)?;
            let mut back = Axes::from_elem(0, slide.order().len());
            slide.order().iter().enumerate().for_each(|(to, &from)| back[from] = to);
            let seen = one(Transpose { permutation: back }.into(), &apart, "col2im", at)?;
            let axes = slide.axes.spatial.clone();
            let sizes = axes.iter().map(|&axis| image.shape.size(axis)).collect();
            one(Col2im { axes, sizes, window: slide.window }.into(), &seen, "col2im", at)
        };
        run().unwrap_or_else(Tensor::failed)
    }
}

fn one(op: tensorwright_ir::Op, x: &Tensor, name: &'static str, at: CallSite) -> Result<Tensor, Failure> {
    Ok(apply(op, &[x], at).map_err(|failure| renamed(failure, name))?.remove(0))
}

/// A window that slides along the spatial axes of an image.
struct Slide {
    axes: ImageAxes,
    layout: ImageLayout,
    rank: usize,
    window: WindowAxes,
}

impl Slide {
    fn of(options: &PoolOptions, x: &TensorType, size: &PerAxis) -> Result<Slide, TypeError> {
        let pool = options.pool(x, size)?;
        let axes = ImageAxes::of(options.image_layout(), x.rank());
        let window = axes.spatial.iter().map(|&axis| pool.window[axis]).collect();
        Ok(Slide { axes, layout: options.image_layout(), rank: x.rank(), window })
    }

    /// Axes of patches, of which taps come last.
    fn order(&self) -> Axes {
        let taps = self.rank..self.rank + self.window.len();
        let spatial = self.axes.spatial.iter().copied();
        match self.layout {
            ImageLayout::Nhwc => {
                [0].into_iter().chain(spatial).chain(taps).chain([self.axes.channel]).collect()
            }
            ImageLayout::Nchw => [0, self.axes.channel].into_iter().chain(taps).chain(spatial).collect(),
        }
    }

    /// The shape of images of taps with these taken for channels.
    fn patches(&self, seen: &Shape) -> Shape {
        let taps: usize = self.window.iter().map(|along| along.taps).product();
        let mut sizes: Axes = seen.sizes()[..self.rank].into();
        sizes[self.axes.channel] *= taps;
        sizes.into_iter().collect()
    }

    /// The shape of patches with channels and taps apart, in the order of [`Slide::order`].
    fn split(&self, patches: &TensorType, image: &TensorType) -> Shape {
        let channels = image.shape.size(self.axes.channel);
        let size = |axis: usize| match axis {
            axis if axis >= self.rank => self.window[axis - self.rank].taps,
            axis if axis == self.axes.channel => channels,
            axis => patches.shape.size(axis),
        };
        self.order().into_iter().map(size).collect()
    }
}

impl PoolOptions {
    /// The type of images of which such patches are made.
    fn unfolded(
        &self,
        patches: &TensorType,
        sizes: &PerAxis,
        size: &PerAxis,
    ) -> Result<TensorType, TypeError> {
        if patches.rank() < 2 {
            let message = format!("patches have images and channels, found rank {}", patches.rank());
            return Err(TypeError::Other(message));
        }
        let axes = ImageAxes::of(self.image_layout(), patches.rank());
        let count = axes.spatial.len();
        let taps = size.positive("size", count)?.iter().try_fold(1usize, |taps, &n| taps.checked_mul(n));
        let channels = patches.shape.size(axes.channel);
        let Some(taps) = taps.filter(|&taps| channels.is_multiple_of(taps)) else {
            let reason = format!("does not divide the {channels} numbers of a patch into channels");
            return Err(TypeError::attribute("size", reason));
        };
        let mut extents = patches.shape.sizes();
        extents[axes.channel] = channels / taps;
        for (&axis, size) in axes.spatial.iter().zip(sizes.numbers("sizes", count)?) {
            extents[axis] = size;
        }
        Ok(TensorType { dtype: patches.dtype, shape: extents.into_iter().collect() })
    }
}
