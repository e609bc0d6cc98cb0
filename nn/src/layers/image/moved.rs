//! Images that training moves and stretches, axis by axis: a product with the weights of pixels along each axis.

use tensorwright::{Result, Tensor};

use super::color::Range;
use super::size::pixel_axes;
use crate::settings::keyword;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, layer};

keyword! {
    /// What is outside an image.
    pub enum FillMode {
        /// One number.
        Constant = "constant",
        /// The image in a mirror at its border.
        Reflect = "reflect",
        /// The image again.
        Wrap = "wrap",
        /// The outermost pixels.
        Nearest = "nearest",
    }
}

keyword! {
    /// What is between pixels.
    pub enum PixelMethod {
        /// The nearest pixel.
        Nearest = "nearest",
        /// Lines between pixels.
        Bilinear = "bilinear",
    }
}

/// How pixels are found.
#[derive(Clone, Copy)]
struct Sampling {
    fill_mode: FillMode,
    method: PixelMethod,
    fill_value: f64,
}

impl Sampling {
    /// Places along an axis, brought into the image as the mode says.
    fn inside(self, places: &Tensor, extent: usize) -> Tensor {
        let n = extent as f64;
        let whole = |x: Tensor| x.floor();
        let found = match self.fill_mode {
            FillMode::Constant => return places.clone(),
            FillMode::Nearest => places.clone(),
            FillMode::Reflect => {
                // -1 is the first pixel again, and n the last one.
                let place = places - whole(places / (2.0 * n)) * (2.0 * n);
                place.ge(n).select(2.0 * n - 1.0 - &place, &place)
            }
            FillMode::Wrap => {
                let last = (n - 1.0).max(1.0);
                let before = places + (whole(-places / last) + 1.0) * n;
                let behind = places - whole(places / last) * n;
                places.lt(0.0).select(before, places.gt(n - 1.0).select(behind, places))
            }
        };
        found.clamp(0.0, n - 1.0)
    }

    /// The image at places `T[b, m]` along an axis.
    fn sampled(self, x: &Tensor, axis: usize, places: &Tensor) -> Result<Tensor> {
        let extent = x.extent(axis as i64)?;
        let places = self.inside(places, extent);
        let places = if self.method == PixelMethod::Nearest { (places + 0.5).floor() } else { places };
        let pixels = Tensor::arange(extent, x.dtype()?).reshape([1, 1, extent]);
        let weights = (1.0 - (places.expand_dims(2) - pixels).abs()).maximum(0.0);
        let outside = 1.0 - weights.sum(2);
        // [b, .., extent] by [b, m, extent] becomes [b, .., m].
        let lines = x.move_axis(axis, -1);
        let sizes = lines.shape()?.sizes().to_vec();
        let flat = lines.reshape([sizes[0], sizes[1] * sizes[2], extent]);
        let found = flat.matmul(weights.swap_axes(1, 2)) + outside.expand_dims(1) * self.fill_value;
        let results = places.extent(1)?;
        Ok(found.reshape([sizes[0], sizes[1], sizes[2], results]).move_axis(-1, axis))
    }
}

/// The places `0, 1, ..` of an axis, `T[1, extent]`.
fn places(x: &Tensor, axis: usize) -> Result<Tensor> {
    let extent = x.extent(axis as i64)?;
    Ok(Tensor::arange(extent, x.dtype()?).reshape([1, extent]))
}

/// Declares layers that move images in training alone.
macro_rules! moved {
    ($($(#[$doc:meta])* $name:ident { $($settings:tt)* } ($this:ident, $x:ident, $axes:ident, $scope:ident) => $places:expr;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name(
                $($settings)*
            ) {
                /// What is outside an image.
                fill_mode: FillMode = FillMode::Reflect,
                /// What is between pixels.
                interpolation: PixelMethod = PixelMethod::Bilinear,
                /// The number of what is outside.
                fill_value: f64 = 0.0,
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, $scope: &Scope<'_>) -> Result<Outputs> {
                let given = inputs.tensor()?.cast($scope.dtype());
                if !$scope.is_training() {
                    return Ok(given.into());
                }
                let single = given.rank()? == 3;
                let $x = if single { given.expand_dims(0) } else { given };
                let $axes = pixel_axes(&$x, self.data_format, $scope)?;
                let sampling = Sampling { fill_mode: self.fill_mode, method: self.interpolation, fill_value: self.fill_value };
                let $this = self;
                let [rows, columns]: [Tensor; 2] = $places;
                let y = sampling.sampled(&$x, $axes[0], &rows)?;
                let y = sampling.sampled(&y, $axes[1], &columns)?;
                Ok(if single { y.squeeze([0]) } else { y }.into())
            }
        }
    )*};
}

moved! {
    /// In training, images moved by parts of their sides.
    RandomTranslation {
        /// By which part of the height downwards.
        height_factor: Range,
        /// By which part of the width to the right.
        width_factor: Range,
    } (this, x, axes, scope) => {
        let place = |factor: Range, axis: usize| -> Result<Tensor> {
            let shift = factor.draw(&x, scope)?.reshape([-1, 1]) * x.extent(axis as i64)? as f64;
            Ok(places(&x, axis)? - shift)
        };
        [place(this.height_factor, axes[0])?, place(this.width_factor, axes[1])?]
    };
    /// In training, images that are nearer or farther.
    RandomZoom {
        /// By which part higher images seem farther away.
        height_factor: Range,
        /// By which part wider: as the height if nothing is said.
        width_factor: Option<Range>,
    } (this, x, axes, scope) => {
        let rows = this.height_factor.draw(&x, scope)?.reshape([-1, 1]) + 1.0;
        let columns = match this.width_factor {
            Some(factor) => factor.draw(&x, scope)?.reshape([-1, 1]) + 1.0,
            None => rows.clone(),
        };
        let place = |zoom: &Tensor, axis: usize| -> Result<Tensor> {
            let middle = (x.extent(axis as i64)? as f64 - 1.0) / 2.0;
            Ok((places(&x, axis)? - middle) * zoom + middle)
        };
        [place(&rows, axes[0])?, place(&columns, axes[1])?]
    };
}
