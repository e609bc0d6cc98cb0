//! Regions of images.

use std::borrow::Borrow;
use std::sync::Arc;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::composite::{ImageLayout, RegionFold, RegionOrigin, RegionSamples, RoiAlign};
use tensorwright_ir::{DType, Scalar};

use crate::error::{CallSite, Failure, caller};
use crate::interpret::size::size;
use crate::ops::convolve::PerAxis;
use crate::ops::operand::{Operand, alone, beside};
use crate::ops::ranked::one_with_ranks;
use crate::ops::refusal::refused;
use crate::tensor::Tensor;

/// How [`Tensor::roi_align`] samples regions.
///
/// Without more, a unit of a region is a pixel, 0 is the border of the first one, each part has as many samples as it needs, of which the mean is taken, and channels are last.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{RegionFold, RoiOptions};
/// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
/// let options = RoiOptions::new().samples(2).fold(RegionFold::Max);
/// let y = x.roi_align([[0.0f32, 0.0, 4.0, 4.0]], [0], 2, options);
/// assert_eq!(y.shape()?, &[1, 2, 2, 1].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RoiOptions {
    scale: f64,
    samples: Samples,
    origin: RegionOrigin,
    fold: RegionFold,
    layout: ImageLayout,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Samples {
    /// As many as parts have pixels, however large they are.
    Needed,
    Exact(usize),
    AtMost(usize),
}

impl Default for RoiOptions {
    fn default() -> RoiOptions {
        RoiOptions {
            scale: 1.0,
            samples: Samples::Needed,
            origin: RegionOrigin::Border,
            fold: RegionFold::Mean,
            layout: ImageLayout::Nhwc,
        }
    }
}

impl RoiOptions {
    /// Regions in pixels, from the border of the first one, the mean of as many samples as needed, channels last.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::RoiOptions;
    /// let x = Tensor::ones((1, 4, 4, 1), DType::F32);
    /// let y = x.roi_align([[0.0f32, 0.0, 4.0, 4.0]], [0], 1, RoiOptions::new());
    /// assert_eq!(y.to_vec::<f32>()?, [1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new() -> RoiOptions {
        RoiOptions::default()
    }

    /// Pixels for each unit of a region.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::RoiOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// let small = x.roi_align([[0.0f32, 0.0, 2.0, 2.0]], [0], 2, RoiOptions::new());
    /// let large = x.roi_align([[0.0f32, 0.0, 8.0, 8.0]], [0], 2, RoiOptions::new().scale(0.25));
    /// assert_eq!(small.to_vec::<f32>()?, large.to_vec::<f32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "spatial_scale")]
    pub fn scale(self, scale: f64) -> RoiOptions {
        RoiOptions { scale, ..self }
    }

    /// So many samples of each part along each axis.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::RoiOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// let y = x.roi_align([[0.0f32, 0.0, 4.0, 4.0]], [0], 1, RoiOptions::new().samples(1));
    /// assert_eq!(y.to_vec::<f32>()?, [7.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "sampling_ratio")]
    pub fn samples(self, samples: usize) -> RoiOptions {
        RoiOptions { samples: Samples::Exact(samples), ..self }
    }

    /// As many samples of a part along an axis as it has pixels, but no more than these: for loops, branches and `vmap`, in which no size may depend on data.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::RoiOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// let regions = Tensor::from([[0.0f32, 0.0, 4.0, 2.0]]);
    /// let needed = x.roi_align(&regions, [0], 1, RoiOptions::new());
    /// let bounded = x.roi_align(&regions, [0], 1, RoiOptions::new().samples_at_most(8));
    /// assert_eq!(needed.to_vec::<f32>()?, bounded.to_vec::<f32>()?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn samples_at_most(self, samples: usize) -> RoiOptions {
        RoiOptions { samples: Samples::AtMost(samples), ..self }
    }

    /// Where regions begin, [`RegionOrigin::Border`] if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{RegionOrigin, RoiOptions};
    /// let x = Tensor::arange(4, DType::F32).reshape((1, 1, 4, 1));
    /// let options = RoiOptions::new().samples(1).origin(RegionOrigin::Middle);
    /// assert_eq!(x.roi_align([[1.0f32, 0.0, 2.0, 1.0]], [0], 1, options).to_vec::<f32>()?, [1.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("aligned", "half_pixel"))]
    pub fn origin(self, origin: RegionOrigin) -> RoiOptions {
        RoiOptions { origin, ..self }
    }

    /// What is made of samples, their mean if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{RegionFold, RoiOptions};
    /// let x = Tensor::ones((1, 4, 4, 1), DType::F32);
    /// let options = RoiOptions::new().samples(1).fold(RegionFold::Max);
    /// assert_eq!(x.roi_align([[0.0f32, 0.0, 1.0, 1.0]], [0], 1, options).to_vec::<f32>()?, [1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn fold(self, fold: RegionFold) -> RoiOptions {
        RoiOptions { fold, ..self }
    }

    /// The order of axes, channels last if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ImageLayout, RoiOptions};
    /// let x = Tensor::ones((1, 3, 4, 4), DType::F32);
    /// let options = RoiOptions::new().layout(ImageLayout::Nchw);
    /// assert_eq!(x.roi_align([[0.0f32, 0.0, 4.0, 4.0]], [0], (2, 1), options).shape()?, &[1, 3, 2, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layout(self, layout: ImageLayout) -> RoiOptions {
        RoiOptions { layout, ..self }
    }

    /// How many samples a part of these regions has at most along an axis.
    fn needed(&self, regions: &Tensor, sizes: &[usize], at: CallSite) -> Result<usize, Failure> {
        let ty = regions.known_type()?;
        if ty.rank() != 2 || ty.shape.size(1) != 4 || ty.shape.size(0) == 0 {
            // The op says what is wrong, if something is.
            return Ok(1);
        }
        let regions = regions.cast(DType::F64);
        let (starts, ends) = (regions.i((.., ..2)), regions.i((.., 2..)));
        let extents = (ends - starts) * self.scale;
        let extents = if self.origin == RegionOrigin::Middle { extents.maximum(1.0) } else { extents };
        let parts = Tensor::from([sizes[1] as f64, sizes[0] as f64]);
        let most = (extents / parts).ceil().max(..).maximum(0.0).cast(DType::I64);
        size(&most, at)
    }
}

/// Regions.
impl Tensor {
    /// Regions of images, each divided into as many parts along each axis, and for each part a fold of samples, between whose pixels lies what is sampled.
    ///
    /// `T[n, h, w, c], G[k, 4], I[k] -> T[k, sizes.., c]`, floats, with the axes in the order of [`RoiOptions::layout`]. A region is `x1, y1, x2, y2`; `images` says which image it is one of.
    /// How many samples its parts need is for data to decide, as for [`Tensor::to_size`], if the options say no number.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::RoiOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// let y = x.roi_align([[0.0f32, 0.0, 4.0, 4.0]], [0], 2, RoiOptions::new());
    /// assert_eq!(y.to_vec::<f32>()?, [2.5, 4.5, 10.5, 12.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("roi_pool", "RoIAlign"))]
    #[track_caller]
    pub fn roi_align(
        &self,
        regions: impl Operand,
        images: impl Operand,
        sizes: impl Into<PerAxis>,
        options: RoiOptions,
    ) -> Tensor {
        let at = caller();
        let regions = regions.hold(&beside(self, "regions", at), "roi_align", at);
        let images = alone(images, "roi_align", at);
        let (regions, images): (&Tensor, &Tensor) = (regions.borrow(), images.borrow());
        let run = || -> Result<Tensor, Failure> {
            let refuse = |source: TypeError| refused("roi_align", &[self, regions, images], at, source);
            let sizes = sizes.into().numbers("sizes", 2).map_err(refuse)?;
            let (samples, count) = match options.samples {
                Samples::Exact(samples) => (samples, RegionSamples::Exact),
                Samples::AtMost(samples) => (samples, RegionSamples::AtMost),
                Samples::Needed => (options.needed(regions, &sizes, at)?, RegionSamples::AtMost),
            };
            let op = RoiAlign {
                sizes,
                scale: Scalar::F64(options.scale),
                samples,
                count,
                origin: options.origin,
                fold: options.fold,
                layout: options.layout,
            };
            Ok(one_with_ranks("roi_align", &[self, regions, images], at, |_| Ok(op.into())))
        };
        run().unwrap_or_else(|failure: Arc<_>| Tensor::failed(failure))
    }
}
