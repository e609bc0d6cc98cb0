//! Images in other sizes.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, Scalars};
use tensorwright_ir::op::composite::{
    Antialias, ImageLayout, Resize, ResizeBorder, ResizeCoordinates, ResizeKernel,
};
use tensorwright_ir::{Scalar, TensorType};

use crate::error::{CallSite, caller};
use crate::ops::attribute::{AxisNumber, IntoAttribute};
use crate::ops::convolve::{ImageAxes, PerAxis};
use crate::ops::ranked::one_with_ranks;
use crate::ops::refusal::refused;
use crate::tensor::Tensor;

/// Results for each element: one number for all axes that are resized, or one each.
#[derive(Clone, Debug, PartialEq)]
pub struct Scales(Numbers);

#[derive(Clone, Debug, PartialEq)]
enum Numbers {
    All(f64),
    Each(Vec<f64>),
}

impl From<f64> for Scales {
    fn from(scale: f64) -> Scales {
        Scales(Numbers::All(scale))
    }
}

impl<const N: usize> From<[f64; N]> for Scales {
    fn from(scales: [f64; N]) -> Scales {
        Scales(Numbers::Each(scales.into()))
    }
}

impl From<Vec<f64>> for Scales {
    fn from(scales: Vec<f64>) -> Scales {
        Scales(Numbers::Each(scales))
    }
}

impl Scales {
    fn of(&self, axes: usize) -> Result<Vec<f64>, TypeError> {
        match &self.0 {
            Numbers::All(scale) => Ok(vec![*scale; axes]),
            Numbers::Each(scales) if scales.len() == axes => Ok(scales.clone()),
            Numbers::Each(scales) => {
                let reason = format!("{} numbers for {axes} axes", scales.len());
                Err(TypeError::attribute("scales", reason))
            }
        }
    }
}

/// The axes that are resized.
#[derive(Clone, Debug, PartialEq)]
enum Resized {
    Spatial(ImageLayout),
    Axes(Vec<i64>),
}

/// How an image gets another size: the kernel, where results are among the elements, and what is outside.
///
/// Made of a kernel; without more, pixels are squares that share the same area, and outside are the elements at the border.
///
/// | elsewhere | here |
/// |---|---|
/// | PyTorch `nearest-exact`, TensorFlow `nearest`, JAX | [`ResizeOptions::nearest`] |
/// | PyTorch `nearest` | `ResizeOptions::new(ResizeKernel::NearestFloor)` with [`ResizeCoordinates::Asymmetric`] |
/// | PyTorch `bilinear`, `bicubic`, with `align_corners` or without | [`ResizeOptions::linear`], [`ResizeOptions::cubic`], with [`ResizeCoordinates::AlignCorners`] or without |
/// | PyTorch with `antialias` | besides [`Antialias::On`] and [`ResizeBorder::Exclude`], and for `bicubic` the coefficient -0.5 |
/// | TensorFlow `bilinear` | [`ResizeOptions::linear`]; with `antialias` [`Antialias::On`] and [`ResizeBorder::Exclude`] |
/// | TensorFlow `bicubic`, JAX `cubic` | [`ResizeOptions::cubic`] with the coefficient -0.5 and [`ResizeBorder::Exclude`]; JAX has [`Antialias::On`] if nothing is said |
/// | ONNX `Resize` | each attribute is one here |
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::{ResizeCoordinates, ResizeOptions};
/// let x = Tensor::from([0.0, 1.0]).reshape((1, 2, 1));
/// assert_eq!(x.resize(4, ResizeOptions::linear()).to_vec::<f64>()?, [0.0, 0.25, 0.75, 1.0]);
/// let corners = ResizeOptions::linear().coordinates(ResizeCoordinates::AlignCorners);
/// assert_eq!(x.resize(5, corners).to_vec::<f64>()?, [0.0, 0.25, 0.5, 0.75, 1.0]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ResizeOptions {
    kernel: ResizeKernel,
    coefficient: f64,
    coordinates: ResizeCoordinates,
    border: ResizeBorder,
    antialias: Antialias,
    region: Vec<(f64, f64)>,
    fill: f64,
    scales: Option<Scales>,
    axes: Resized,
}

impl ResizeOptions {
    /// With this kernel.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ResizeKernel, ResizeOptions};
    /// let x = Tensor::from([1, 2, 3]).reshape((1, 3, 1));
    /// let y = x.resize(2, ResizeOptions::new(ResizeKernel::NearestCeil));
    /// assert_eq!(y.to_vec::<i32>()?, [2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(kernel: ResizeKernel) -> ResizeOptions {
        ResizeOptions {
            kernel,
            coefficient: -0.75,
            coordinates: ResizeCoordinates::HalfPixel,
            border: ResizeBorder::Extend,
            antialias: Antialias::Off,
            region: Vec::new(),
            fill: 0.0,
            scales: None,
            axes: Resized::Spatial(ImageLayout::Nhwc),
        }
    }

    /// The nearest elements, of any dtype; that after a result if it is halfway.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([1, 2]).reshape((1, 2, 1));
    /// assert_eq!(x.resize(4, ResizeOptions::nearest()).to_vec::<i32>()?, [1, 1, 2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn nearest() -> ResizeOptions {
        ResizeOptions::new(ResizeKernel::NearestHalfUp)
    }

    /// Lines between elements.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([1.0, 2.0]).reshape((1, 2, 1));
    /// assert_eq!(x.resize(4, ResizeOptions::linear()).to_vec::<f64>()?, [1.0, 1.25, 1.75, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("bilinear", "trilinear"))]
    pub fn linear() -> ResizeOptions {
        ResizeOptions::new(ResizeKernel::Linear)
    }

    /// Cubic polynomials through elements, with the coefficient -0.75.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([0.0, 0.0, 1.0, 1.0]).reshape((1, 4, 1));
    /// assert_eq!(x.resize(8, ResizeOptions::cubic()).i((0, 3, 0)).item::<f64>()?, 0.2265625);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "bicubic")]
    pub fn cubic() -> ResizeOptions {
        ResizeOptions::new(ResizeKernel::Cubic)
    }

    /// The coefficient of the cubic kernel, -0.75 if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([0.0, 0.0, 1.0, 1.0]).reshape((1, 4, 1));
    /// let y = x.resize(8, ResizeOptions::cubic().coefficient(-0.5));
    /// assert_eq!(y.i((0, 3, 0)).item::<f64>()?, 0.203125);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn coefficient(self, coefficient: f64) -> ResizeOptions {
        ResizeOptions { coefficient, ..self }
    }

    /// Where results are among the elements, [`ResizeCoordinates::HalfPixel`] if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ResizeCoordinates, ResizeOptions};
    /// let x = Tensor::from([1.0, 2.0]).reshape((1, 2, 1));
    /// let options = ResizeOptions::linear().coordinates(ResizeCoordinates::Asymmetric);
    /// assert_eq!(x.resize(4, options).to_vec::<f64>()?, [1.0, 1.5, 2.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("align_corners", "half_pixel_centers"))]
    pub fn coordinates(self, coordinates: ResizeCoordinates) -> ResizeOptions {
        ResizeOptions { coordinates, ..self }
    }

    /// What a kernel makes of places outside, [`ResizeBorder::Extend`] if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ResizeBorder, ResizeOptions};
    /// let x = Tensor::from([0.0, 1.0, 0.0]).reshape((1, 3, 1));
    /// let options = ResizeOptions::cubic().coefficient(-0.5).border(ResizeBorder::Exclude);
    /// assert!(x.resize(6, options).allclose(x.resize(6, ResizeOptions::cubic()), 0.2, 0.2).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "exclude_outside")]
    pub fn border(self, border: ResizeBorder) -> ResizeOptions {
        ResizeOptions { border, ..self }
    }

    /// Whether the kernel of an axis that shrinks widens, [`Antialias::Off`] if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{Antialias, ResizeOptions};
    /// let x = Tensor::from([0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]).reshape((1, 8, 1));
    /// assert_eq!(x.resize(2, ResizeOptions::linear()).to_vec::<f64>()?, [0.0, 0.0]);
    /// let options = ResizeOptions::linear().antialias(Antialias::On);
    /// assert!(x.resize(2, options).gt(0.0).to_vec::<bool>()?[0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn antialias(self, antialias: Antialias) -> ResizeOptions {
        ResizeOptions { antialias, ..self }
    }

    /// The part of the image that becomes the result: begin and end along each axis, 0 at the middle of the first pixel and 1 at that of the last. What is outside is `fill`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([0.0, 10.0, 20.0]).reshape((1, 3, 1));
    /// let y = x.resize(3, ResizeOptions::linear().region([(0.5, 1.5)], -1.0));
    /// assert_eq!(y.to_vec::<f64>()?, [10.0, 20.0, -1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("roi", "extrapolation_value"))]
    pub fn region(self, region: impl Into<Vec<(f64, f64)>>, fill: f64) -> ResizeOptions {
        ResizeOptions { region: region.into(), fill, coordinates: ResizeCoordinates::Region, ..self }
    }

    /// Results for each element, where these are not what the sizes say.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([0.0, 1.0]).reshape((1, 2, 1));
    /// let y = x.resize(3, ResizeOptions::linear().scales(2.0));
    /// assert_eq!(y.to_vec::<f64>()?, [0.0, 0.25, 0.75]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "scale_factor")]
    pub fn scales(self, scales: impl Into<Scales>) -> ResizeOptions {
        ResizeOptions { scales: Some(scales.into()), ..self }
    }

    /// The order of axes, of which the spatial ones are resized; channels are last if nothing is said.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ImageLayout, ResizeOptions};
    /// let x = Tensor::ones((1, 3, 8, 8), DType::F32);
    /// let y = x.resize((4, 6), ResizeOptions::linear().layout(ImageLayout::Nchw));
    /// assert_eq!(y.shape()?, &[1, 3, 4, 6].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn layout(self, layout: ImageLayout) -> ResizeOptions {
        ResizeOptions { axes: Resized::Spatial(layout), ..self }
    }

    /// The axes that are resized, of a tensor of any rank.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::from([[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.resize(1, ResizeOptions::linear().axes([-1])).to_vec::<f64>()?, [1.5, 3.5]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn axes<I: AxisNumber>(self, axes: impl IntoIterator<Item = I>) -> ResizeOptions {
        ResizeOptions { axes: Resized::Axes(axes.into_iter().map(I::number).collect()), ..self }
    }

    fn resized(&self, x: &TensorType) -> Result<Axes, TypeError> {
        match &self.axes {
            Resized::Axes(axes) => axes.into_attribute("axes", x.rank()),
            Resized::Spatial(_) if x.rank() < 2 => {
                Err(TypeError::Other(format!("an image has images and channels, found rank {}", x.rank())))
            }
            Resized::Spatial(layout) => Ok(ImageAxes::of(*layout, x.rank()).spatial),
        }
    }

    fn op(&self, axes: Axes, sizes: Axes) -> Result<Resize, TypeError> {
        let count = axes.len();
        if self.coordinates == ResizeCoordinates::Region && self.region.len() != count {
            let reason = format!("{} pairs for {count} axes", self.region.len());
            return Err(TypeError::attribute("region", reason));
        }
        let ends = self.region.iter().map(|pair| pair.0).chain(self.region.iter().map(|pair| pair.1));
        let scales = self.scales.as_ref().map(|scales| scales.of(count)).transpose()?;
        Ok(Resize {
            scales: scales.unwrap_or_default().into_iter().map(Scalar::F64).collect(),
            region: match self.coordinates {
                ResizeCoordinates::Region => ends.map(Scalar::F64).collect(),
                _ => Scalars::new(),
            },
            kernel: self.kernel,
            coefficient: Scalar::F64(self.coefficient),
            coordinates: self.coordinates,
            border: self.border,
            antialias: self.antialias,
            fill: Scalar::F64(self.fill),
            axes,
            sizes,
        })
    }
}

/// Other sizes.
impl Tensor {
    /// Images in other sizes: each result is a weighted sum of the elements around its place.
    ///
    /// `T[n, s.., c] -> T[n, sizes.., c]`, floats, or any dtype for nearest elements; [`ResizeOptions::layout`] and [`ResizeOptions::axes`] say which axes are resized.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::arange(4, DType::F32).reshape((1, 2, 2, 1));
    /// assert_eq!(x.resize(1, ResizeOptions::linear()).to_vec::<f32>()?, [1.5]);
    /// assert_eq!(x.resize((2, 4), ResizeOptions::nearest()).to_vec::<f32>()?, [0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("interpolate", "upsample", "imresize", "resize_bilinear", "resize_images"))]
    #[track_caller]
    pub fn resize(&self, sizes: impl Into<PerAxis>, options: ResizeOptions) -> Tensor {
        let sizes = sizes.into();
        resized(self, caller(), |x| {
            let axes = options.resized(x)?;
            let sizes = sizes.numbers("sizes", axes.len())?;
            options.op(axes, sizes)
        })
    }

    /// As [`Tensor::resize`], to the extents times `scales`, rounded down.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ResizeOptions;
    /// let x = Tensor::ones((1, 5, 4, 2), DType::F32);
    /// assert_eq!(x.resize_by(1.5, ResizeOptions::linear()).shape()?, &[1, 7, 6, 2].into());
    /// assert_eq!(x.resize_by([2.0, 0.5], ResizeOptions::cubic()).shape()?, &[1, 10, 2, 2].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("rescale", "zoom"))]
    #[track_caller]
    pub fn resize_by(&self, scales: impl Into<Scales>, options: ResizeOptions) -> Tensor {
        let options = options.scales(scales);
        resized(self, caller(), |x| {
            let axes = options.resized(x)?;
            let scales = options.scales.as_ref().map(|scales| scales.of(axes.len())).transpose()?;
            let size = |(&axis, scale): (&usize, f64)| (x.shape.size(axis) as f64 * scale).floor() as usize;
            let sizes = axes.iter().zip(scales.unwrap_or_default()).map(size).collect();
            options.op(axes, sizes)
        })
    }
}

fn resized(x: &Tensor, at: CallSite, op: impl FnOnce(&TensorType) -> Result<Resize, TypeError>) -> Tensor {
    match x.known_type().map(op) {
        Ok(Ok(op)) => one_with_ranks("resize", &[x], at, |_| Ok(op.into())),
        Ok(Err(source)) => Tensor::failed(refused("resize", &[x], at, source)),
        Err(failure) => Tensor::failed(failure.clone()),
    }
}
