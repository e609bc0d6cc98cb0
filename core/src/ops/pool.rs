//! Pools: folds over windows that slide along the spatial axes of images.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::composite::ImageLayout;
use tensorwright_ir::op::primitive::{ArgKind, ArgWindow, ReduceKind, ReduceWindow, WindowAxes, WindowAxis};
use tensorwright_ir::{Op, Scalar, TensorType};

use super::convolve::{ImageAxes, Padding, PerAxis, Sliding};
use super::ranked::one_with_ranks;
use super::refusal::refused;
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

/// Whether results are counted whose window is partly outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PoolRounding {
    /// Only windows that are inside, padding included.
    #[default]
    Floor,
    /// One more if it begins inside, or in the padding before.
    Ceil,
}

/// Whether padding is among what an average is taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PaddingCount {
    /// It is not: averages are of what is inside.
    #[default]
    Excluded,
    /// It is, as zeros.
    Included,
}

/// How a pool's window slides: strides, padding, dilation, rounding, and the order of axes.
///
/// Without more the window moves by its own size, there is no padding, and channels are last.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{Padding, PoolOptions};
/// let x = Tensor::ones((1, 7, 7, 3), DType::F32);
/// let options = PoolOptions::new().strides(2).padding(Padding::Same);
/// assert_eq!(x.max_pool(3, options).shape()?, &[1, 4, 4, 3].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    strides: Option<PerAxis>,
    padding: Padding,
    dilation: PerAxis,
    rounding: PoolRounding,
    count: PaddingCount,
    layout: ImageLayout,
}

impl Default for PoolOptions {
    fn default() -> PoolOptions {
        PoolOptions {
            strides: None,
            padding: Padding::Valid,
            dilation: 1.into(),
            rounding: PoolRounding::Floor,
            count: PaddingCount::Excluded,
            layout: ImageLayout::Nhwc,
        }
    }
}

impl PoolOptions {
    /// Strides as large as the window, no padding, channels last.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([1, 5, 2, 3]).reshape((1, 4, 1));
    /// assert_eq!(x.max_pool(2, PoolOptions::new()).to_vec::<i32>()?, [5, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new() -> PoolOptions {
        PoolOptions::default()
    }

    /// How far the window moves from one result to the next.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([1, 5, 2, 3]).reshape((1, 4, 1));
    /// assert_eq!(x.max_pool(2, PoolOptions::new().strides(1)).to_vec::<i32>()?, [5, 5, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn strides(self, strides: impl Into<PerAxis>) -> PoolOptions {
        PoolOptions { strides: Some(strides.into()), ..self }
    }

    /// What is around the image, nothing if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([-1, -5, -2, -3]).reshape((1, 4, 1));
    /// assert_eq!(x.max_pool(2, PoolOptions::new().padding(1)).to_vec::<i32>()?, [-1, -2, -3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn padding(self, padding: impl Into<Padding>) -> PoolOptions {
        PoolOptions { padding: padding.into(), ..self }
    }

    /// The distance of what a window sees, 1 if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([1, 5, 2, 3]).reshape((1, 4, 1));
    /// assert_eq!(x.max_pool(2, PoolOptions::new().dilation(2).strides(1)).to_vec::<i32>()?, [2, 5]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> PoolOptions {
        PoolOptions { dilation: dilation.into(), ..self }
    }

    /// Whether a last window counts that is partly outside; if nothing is said, it does not.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{PoolOptions, PoolRounding};
    /// let x = Tensor::from([1, 5, 2]).reshape((1, 3, 1));
    /// assert_eq!(x.max_pool(2, PoolOptions::new().rounding(PoolRounding::Ceil)).to_vec::<i32>()?, [5, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "ceil_mode")]
    pub fn rounding(self, rounding: PoolRounding) -> PoolOptions {
        PoolOptions { rounding, ..self }
    }

    /// Whether averages are taken of padding too; if nothing is said, they are not.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{PaddingCount, PoolOptions};
    /// let x = Tensor::ones((1, 2, 1), DType::F32);
    /// let options = PoolOptions::new().padding(1).count(PaddingCount::Included);
    /// assert_eq!(x.avg_pool(2, options).to_vec::<f32>()?, [0.5, 0.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "count_include_pad")]
    pub fn count(self, count: PaddingCount) -> PoolOptions {
        PoolOptions { count, ..self }
    }

    /// The order of axes, channels last if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ImageLayout, PoolOptions};
    /// let x = Tensor::ones((1, 3, 8, 8), DType::F32);
    /// let y = x.max_pool(2, PoolOptions::new().layout(ImageLayout::Nchw));
    /// assert_eq!(y.shape()?, &[1, 3, 4, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layout(self, layout: ImageLayout) -> PoolOptions {
        PoolOptions { layout, ..self }
    }
}

/// Pools.
impl Tensor {
    /// The greatest element that each window sees; a NaN if it sees one. Of equal ones the first has the derivative.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c]`, numbers, with the axes in the order of [`PoolOptions::layout`]. Padding is nothing: it is never the greatest.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// assert_eq!(x.max_pool((2, 2), PoolOptions::new()).to_vec::<f32>()?, [5.0, 7.0, 13.0, 15.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("max_pool2d", "max_pooling", "maxpool"))]
    #[track_caller]
    pub fn max_pool(&self, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        pooled(self, "max_pool", ReduceKind::Max, &size.into(), &options, caller())
    }

    /// The least element that each window sees, as [`Tensor::max_pool`].
    ///
    /// `T[n, s.., c] -> T[n, s'.., c]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::arange(16, DType::F32).reshape((1, 4, 4, 1));
    /// assert_eq!(x.min_pool(2, PoolOptions::new()).to_vec::<f32>()?, [0.0, 2.0, 8.0, 10.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn min_pool(&self, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        pooled(self, "min_pool", ReduceKind::Min, &size.into(), &options, caller())
    }

    /// The sum of what each window sees.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::arange(4, DType::F32).reshape((1, 4, 1));
    /// assert_eq!(x.sum_pool(2, PoolOptions::new().strides(1)).to_vec::<f32>()?, [1.0, 3.0, 5.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn sum_pool(&self, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        pooled(self, "sum_pool", ReduceKind::Sum, &size.into(), &options, caller())
    }

    /// The mean of what each window sees. Whether padding is seen is [`PoolOptions::count`]; what a window that is rounded up has outside of padding never is.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{Padding, PoolOptions};
    /// let x = Tensor::from([1.0f32, 3.0, 5.0]).reshape((1, 3, 1));
    /// let options = PoolOptions::new().strides(1).padding(Padding::Same);
    /// assert_eq!(x.avg_pool(2, options).to_vec::<f32>()?, [2.0, 4.0, 5.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("avg_pool2d", "average_pool", "mean_pool"))]
    #[track_caller]
    pub fn avg_pool(&self, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        let (size, at) = (size.into(), caller());
        let sum = pooled(self, "avg_pool", ReduceKind::Sum, &size, &options, at);
        match self.known_type().map(|ty| options.pool(ty, &size)) {
            Ok(Ok(pool)) => sum / pool.counts(self, &options, at),
            _ => sum,
        }
    }

    /// `(sum |x|^p)^(1/p)` of what each window sees.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([3.0f32, -4.0]).reshape((1, 2, 1));
    /// assert_eq!(x.lp_pool(2.0, 2, PoolOptions::new()).to_vec::<f32>()?, [5.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn lp_pool(&self, p: f64, size: impl Into<PerAxis>, options: PoolOptions) -> Tensor {
        let powers = if p == 2.0 { self * self } else { self.abs().pow(p) };
        let sum = pooled(&powers, "lp_pool", ReduceKind::Sum, &size.into(), &options, caller());
        if p == 2.0 { sum.sqrt() } else { sum.pow(1.0 / p) }
    }

    /// As [`Tensor::max_pool`], with the number of the tap that sees the greatest element, the first of equal ones: taps are counted in row-major order of the window.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c], i32[n, s'.., c]`, numbers. A window that sees nothing has the number -1.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::PoolOptions;
    /// let x = Tensor::from([1, 5, 2, 2]).reshape((1, 4, 1));
    /// let (greatest, taps) = x.max_pool_with_taps(2, PoolOptions::new());
    /// assert_eq!((greatest.to_vec::<i32>()?, taps.to_vec::<i32>()?), (vec![5, 2], vec![1, 0]));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("max_pool_with_argmax", "max_pool_with_indices"))]
    #[track_caller]
    pub fn max_pool_with_taps(&self, size: impl Into<PerAxis>, options: PoolOptions) -> (Tensor, Tensor) {
        self.max_pool_with_taps_at(&size.into(), &options, caller())
    }

    pub(super) fn max_pool_with_taps_at(
        &self,
        size: &PerAxis,
        options: &PoolOptions,
        at: CallSite,
    ) -> (Tensor, Tensor) {
        let greatest = pooled(self, "max_pool", ReduceKind::Max, size, options, at);
        let arg = |window| ArgWindow { kind: ArgKind::Max, window }.into();
        (greatest, windowed(self, "max_pool", size, options, at, arg))
    }

    /// The mean over all spatial axes, which stay with extent 1.
    ///
    /// `T[n, s.., c] -> T[n, 1.., c]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ImageLayout;
    /// let x = Tensor::arange(4, DType::F32).reshape((1, 2, 2, 1));
    /// assert_eq!(x.global_avg_pool(ImageLayout::Nhwc).to_vec::<f32>()?, [1.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn global_avg_pool(&self, layout: ImageLayout) -> Tensor {
        self.mean(super::keep(spatial_axes(self, layout)))
    }

    /// The greatest element over all spatial axes, which stay with extent 1.
    ///
    /// `T[n, s.., c] -> T[n, 1.., c]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ImageLayout;
    /// let x = Tensor::arange(4, DType::F32).reshape((1, 2, 2, 1));
    /// assert_eq!(x.global_max_pool(ImageLayout::Nhwc).to_vec::<f32>()?, [3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn global_max_pool(&self, layout: ImageLayout) -> Tensor {
        self.max(super::keep(spatial_axes(self, layout)))
    }
}

/// The spatial axes of an image; none of a tensor that is none.
fn spatial_axes(x: &Tensor, layout: ImageLayout) -> Vec<usize> {
    match x.known_type() {
        Ok(ty) if ty.rank() >= 2 => ImageAxes::of(layout, ty.rank()).spatial.to_vec(),
        _ => Vec::new(),
    }
}

fn pooled(
    x: &Tensor,
    name: &'static str,
    kind: ReduceKind,
    size: &PerAxis,
    options: &PoolOptions,
    at: CallSite,
) -> Tensor {
    windowed(x, name, size, options, at, |window| ReduceWindow { kind, window }.into())
}

/// An op with a window for each axis.
fn windowed(
    x: &Tensor,
    name: &'static str,
    size: &PerAxis,
    options: &PoolOptions,
    at: CallSite,
    op: impl FnOnce(WindowAxes) -> Op,
) -> Tensor {
    let pool = match x.known_type() {
        Ok(ty) => options.pool(ty, size),
        Err(failure) => return Tensor::failed(failure.clone()),
    };
    match pool {
        Ok(pool) => one_with_ranks(name, &[x], at, |_| Ok(op(pool.window))),
        Err(source) => Tensor::failed(refused(name, &[x], at, source)),
    }
}

/// How a window slides over an image.
pub(super) struct Pool {
    pub(super) window: WindowAxes,
    spatial: Axes,
    /// Padding, without what rounding up adds.
    padding: Vec<(i64, i64)>,
}

impl PoolOptions {
    /// The order of axes.
    pub(super) fn image_layout(&self) -> ImageLayout {
        self.layout
    }

    pub(super) fn pool(&self, x: &TensorType, size: &PerAxis) -> Result<Pool, TypeError> {
        if x.rank() < 2 {
            return Err(TypeError::Other(format!(
                "an image has images and channels, found rank {}",
                x.rank()
            )));
        }
        let spatial = ImageAxes::of(self.layout, x.rank()).spatial;
        let taps = size.positive("size", spatial.len())?;
        let strides = self.strides.as_ref().unwrap_or(size).positive("strides", spatial.len())?;
        let dilation = self.dilation.positive("dilation", spatial.len())?;
        let axis = |i: usize| Sliding {
            elements: x.shape.size(spatial[i]),
            taps: taps[i],
            stride: strides[i],
            dilation: dilation[i],
        };
        let sliding: Vec<Sliding> = (0..spatial.len()).map(axis).collect();
        let padding = self.padding.of(&sliding)?;
        let mut window = WindowAxes::from_elem(WindowAxis::ONE, x.rank());
        for ((&at, axis), &(low, high)) in spatial.iter().zip(&sliding).zip(&padding) {
            let more = if self.rounding == PoolRounding::Ceil { axis.rounded_up(low, high) } else { 0 };
            window[at] = WindowAxis {
                taps: axis.taps,
                stride: axis.stride,
                low,
                high: high.saturating_add(more),
                dilation: 1,
                window_dilation: axis.dilation,
            };
        }
        Ok(Pool { window, spatial, padding })
    }
}

impl Sliding {
    /// What has to come after the padding for one more result, if its window begins inside or in the padding before.
    fn rounded_up(&self, low: i64, high: i64) -> i64 {
        let (n, stride) = (self.elements as i128, self.stride as i128);
        let room = n + i128::from(low) + i128::from(high) - self.span() as i128;
        let (rest, next) = (room.rem_euclid(stride), room.div_euclid(stride) + 1);
        let begins = next * stride < n + i128::from(low);
        if room >= 0 && rest != 0 && begins { (stride - rest) as i64 } else { 0 }
    }
}

impl Pool {
    /// Of how many elements each average is: a number, or one for each place.
    fn counts(&self, x: &Tensor, options: &PoolOptions, at: CallSite) -> Tensor {
        let Ok(ty) = x.known_type() else { return x.clone() };
        let mut sizes = vec![1; ty.rank()];
        let mut window = self.window.clone();
        for (&axis, &(low, high)) in self.spatial.iter().zip(&self.padding) {
            let size = ty.shape.size(axis) as i64;
            let padded = if options.count == PaddingCount::Included {
                size.saturating_add(low).saturating_add(high)
            } else {
                size
            };
            if options.count == PaddingCount::Included {
                window[axis].low = 0;
                window[axis].high = window[axis].high.saturating_sub(high);
            }
            sizes[axis] = padded.max(0) as usize;
        }
        let everywhere = window.iter().all(|along| along.low <= 0 && along.high <= 0);
        if everywhere {
            let taps: f64 = window.iter().map(|along| along.taps as f64).product();
            return Tensor::full((), Scalar::from_f64(ty.dtype, taps));
        }
        let ones = Tensor::ones(&sizes[..], ty.dtype);
        one_with_ranks(
            "avg_pool",
            &[&ones],
            at,
            |_| Ok(ReduceWindow { kind: ReduceKind::Sum, window }.into()),
        )
    }
}
