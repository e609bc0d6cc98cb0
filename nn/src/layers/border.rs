//! Layers that make images larger or smaller at their borders, or by whole numbers.

use tensorwright::{Antialias, ResizeKernel, ResizeOptions, Result, Tensor};

use crate::settings::keyword;
use crate::{DataFormat, Inputs, Layer, Outputs, Pairs, Scope, Setting, Sizes, layer};

/// The amounts for each axis of a tensor, 0 for all but those of pixels.
fn amounts(
    pairs: &Pairs,
    x: &Tensor,
    format: DataFormat,
    rank: usize,
    scope: &Scope<'_>,
) -> Result<[Vec<i64>; 2]> {
    let found = x.rank()?;
    if found != rank + 2 {
        return Err(scope.refuse(format!("images with {} axes are wanted, found {}", rank + 2, x.ty()?)));
    }
    let (mut low, mut high) = (vec![0; found], vec![0; found]);
    for (axis, (before, after)) in (format.first_pixel_axis()..).zip(pairs.of(rank)?) {
        (low[axis], high[axis]) = (before as i64, after as i64);
    }
    Ok([low, high])
}

/// Adds zeros around an image, or takes pixels away.
fn bordered(x: &Tensor, [low, high]: [Vec<i64>; 2]) -> Result<Tensor> {
    let between = vec![0usize; low.len()];
    let zero = Tensor::scalar(0.0f32).cast(x.dtype()?);
    Ok(x.pad(zero, low, high, between))
}

macro_rules! paddings {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {
                /// How many before and behind, along each axis.
                padding: Pairs = Setting::<Pairs>::setting(1),
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                let amounts = amounts(&self.padding, &x, self.data_format, $rank, scope)?;
                Ok(bordered(&x, amounts)?.into())
            }
        }
    )*};
}

paddings! {
    /// Zeros before and behind sequences.
    ZeroPadding1D: 1;
    /// Zeros around images.
    ZeroPadding2D: 2;
    /// Zeros around volumes.
    ZeroPadding3D: 3;
}

/// What is left of pixels that are cut off at both ends.
fn cropped(x: &Tensor, amounts: [Vec<i64>; 2], scope: &Scope<'_>) -> Result<Outputs> {
    let sizes = x.shape()?.sizes();
    let [low, high] = &amounts;
    if sizes
        .iter()
        .zip(low.iter().zip(high))
        .any(|(&size, (low, high))| size as i64 <= low + high && low + high > 0)
    {
        return Err(scope.refuse(format!("nothing would be left of {}", x.ty()?)));
    }
    Ok(bordered(x, amounts.map(|side| side.into_iter().map(|n| -n).collect()))?.into())
}

macro_rules! croppings {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {
                /// How many before and behind, along each axis.
                cropping: Pairs = Setting::<Pairs>::setting(1),
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                let amounts = amounts(&self.cropping, &x, self.data_format, $rank, scope)?;
                cropped(&x, amounts, scope)
            }
        }
    )*};
}

croppings! {
    /// Sequences without their first and last steps.
    Cropping1D: 1;
    /// Images without their borders.
    Cropping2D: 2;
    /// Volumes without their borders.
    Cropping3D: 3;
}

/// Each pixel so many times along each axis.
fn repeated(x: Tensor, sizes: &[usize], format: DataFormat) -> Tensor {
    let axes = format.first_pixel_axis()..;
    axes.zip(sizes).fold(x, |x, (axis, &size)| if size == 1 { x } else { x.repeat([size], axis) })
}

layer! {
    /// Each step of sequences several times.
    pub struct UpSampling1D() {
        /// How often.
        size: Sizes = Setting::<Sizes>::setting(2),
    }
}

impl Layer for UpSampling1D {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        Ok(repeated(inputs.tensor()?, &self.size.of(1)?, DataFormat::ChannelsLast).into())
    }
}

keyword! {
    /// How images get other sizes.
    pub enum ResizeMethod {
        /// The nearest pixel.
        Nearest = "nearest",
        /// Lines between pixels.
        Bilinear = "bilinear",
        /// Cubic polynomials through pixels.
        Bicubic = "bicubic",
        /// Lanczos' window, six pixels wide.
        Lanczos3 = "lanczos3",
        /// Lanczos' window, ten pixels wide.
        Lanczos5 = "lanczos5",
        /// Means of what a pixel covers.
        Area = "area",
    }
}

impl ResizeMethod {
    /// As `keras.ops.image.resize` does it; no options for means of areas.
    pub(crate) fn options(self, antialias: Antialias) -> Option<ResizeOptions> {
        let kernel = match self {
            ResizeMethod::Nearest => return Some(ResizeOptions::nearest()),
            ResizeMethod::Bilinear => ResizeKernel::Linear,
            ResizeMethod::Bicubic => ResizeKernel::Cubic,
            ResizeMethod::Lanczos3 => ResizeKernel::Lanczos3,
            ResizeMethod::Lanczos5 => ResizeKernel::Lanczos5,
            ResizeMethod::Area => return None,
        };
        let border = tensorwright::ResizeBorder::Exclude;
        Some(ResizeOptions::new(kernel).coefficient(-0.5).border(border).antialias(antialias))
    }
}

layer! {
    /// Images whose sides are whole numbers longer.
    pub struct UpSampling2D() {
        /// How much longer.
        size: Sizes = Setting::<Sizes>::setting(2),
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
        /// What is between the pixels.
        interpolation: ResizeMethod = ResizeMethod::Nearest,
    }
}

impl Layer for UpSampling2D {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let (x, size) = (inputs.tensor()?, self.size.of(2)?);
        if self.interpolation == ResizeMethod::Nearest {
            return Ok(repeated(x, &size, self.data_format).into());
        }
        let first = self.data_format.first_pixel_axis();
        let sizes = [x.extent(first)? * size[0], x.extent(first + 1)? * size[1]];
        let options = self.interpolation.options(Antialias::Off);
        let options = options.ok_or_else(|| scope.refuse("images do not grow by means of areas"))?;
        Ok(x.resize(sizes, options.layout(self.data_format.layout())).into())
    }
}

layer! {
    /// Each pixel of volumes several times along each axis.
    pub struct UpSampling3D() {
        /// How often.
        size: Sizes = Setting::<Sizes>::setting(2),
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for UpSampling3D {
    fn call(&self, inputs: &Inputs, _scope: &Scope<'_>) -> Result<Outputs> {
        Ok(repeated(inputs.tensor()?, &self.size.of(3)?, self.data_format).into())
    }
}
