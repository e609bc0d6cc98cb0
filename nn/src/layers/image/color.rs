//! What training does to the colours of images, so that a network does not rely on them.

use serde_json::Value;
use tensorwright::{ConvOptions, Padding, Result, Tensor, keep};

use crate::{DataFormat, Field, Inputs, Layer, Outputs, Scope, Setting, layer};

/// Where a random number lies: from the first to the second, or, of one number, around 0 or up to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range(f64, f64);

impl Setting<Range> for (f64, f64) {
    fn setting(self) -> Range {
        Range(self.0, self.1)
    }
}

impl Field for Range {
    fn to_json(&self) -> Value {
        vec![self.0, self.1].into()
    }

    fn from_json(value: &Value) -> Result<Range, String> {
        let number =
            |value: &Value| value.as_f64().ok_or_else(|| format!("two numbers are wanted, found {value}"));
        match value.as_array().map(Vec::as_slice) {
            Some([low, high]) => Ok(Range(number(low)?, number(high)?)),
            Some(_) => Err(format!("two numbers are wanted, found {value}")),
            None => Ok(Range(0.0, number(value)?)),
        }
    }
}

impl Range {
    /// One number of the range for each image.
    pub(super) fn draw(self, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let mut shape = vec![1; x.rank()?];
        if shape.len() == 4 {
            shape[0] = x.extent(0)?;
        }
        let part = scope.key()?.uniform(shape, 0.0f32, 1.0).cast(x.dtype()?);
        Ok(part * (self.1 - self.0) + self.0)
    }

    fn length(self) -> f64 {
        self.1 - self.0
    }
}

/// The mean brightness of each pixel, as people see it.
fn gray(x: &Tensor, format: DataFormat) -> Result<Tensor> {
    let rank = x.rank()?;
    let axis = match format {
        DataFormat::ChannelsLast => rank - 1,
        DataFormat::ChannelsFirst => rank - 3,
    };
    let mut shape = vec![1; rank];
    shape[axis] = 3;
    let weights = Tensor::from_slice(&[0.2989, 0.5870, 0.1140], shape).cast(x.dtype()?);
    Ok((x * weights).sum(keep(axis)))
}

/// Declares layers that change images in training alone.
macro_rules! colors {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $default:expr,)* }
        ($this:ident, $x:ident, $scope:ident) => $change:expr;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {
                $($(#[$field_doc])* $field: $ty = $default,)*
                /// The least and the greatest number of a pixel.
                value_range: Range = Range(0.0, 255.0),
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, $scope: &Scope<'_>) -> Result<Outputs> {
                let $x = inputs.tensor()?.cast($scope.dtype());
                if !$scope.is_training() {
                    return Ok($x.into());
                }
                let $this = self;
                let changed: Tensor = $change;
                Ok(changed.into())
            }
        }
    )*};
}

colors! {
    /// In training, images brighter or darker by a part of the range.
    RandomBrightness {
        /// By which part.
        factor: Range = Range(-1.0, 1.0),
    } (this, x, scope) => {
        let more = this.factor.draw(&x, scope)? * this.value_range.length();
        (x + more).clamp(this.value_range.0, this.value_range.1)
    };
    /// In training, colours nearer to gray.
    RandomColorDegeneration {
        /// How near: 0 is as it was, 1 gray.
        factor: Range = Range(0.0, 1.0),
    } (this, x, scope) => {
        let factor = this.factor.draw(&x, scope)?;
        let gray = gray(&x, this.data_format)?;
        (&x + factor * (gray - &x)).clamp(this.value_range.0, this.value_range.1)
    };
    /// In training, the distance of pixels from the mean of their channel times a factor.
    RandomContrast {
        /// How far below and above 1 the factor lies.
        factor: Range = Range(0.0, 1.0),
    } (this, x, scope) => {
        let factor = Range(1.0 - this.factor.0, 1.0 + this.factor.1).draw(&x, scope)?;
        let rank = x.rank()?;
        let axes = match this.data_format {
            DataFormat::ChannelsLast => [rank - 3, rank - 2],
            DataFormat::ChannelsFirst => [rank - 2, rank - 1],
        };
        let mean = x.mean(keep(&axes[..]));
        ((&x - &mean) * factor + mean).clamp(this.value_range.0, this.value_range.1)
    };
    /// In training, some images with their colours turned round.
    RandomInvert {
        /// How probable it is.
        factor: Range = Range(0.0, 1.0),
    } (this, x, scope) => {
        let (probability, number) = (this.factor.draw(&x, scope)?, Range(0.0, 1.0).draw(&x, scope)?);
        number.lt(probability).select(this.value_range.1 - &x, &x)
    };
    /// In training, colours of fewer bits.
    RandomPosterization {
        /// How many bits, of 8.
        factor: Range = Range(4.0, 4.0),
    } (this, x, scope) => {
        let bits = match this.factor.length() {
            0.0 => this.factor.draw(&x, scope)?,
            _ => this.factor.draw(&x, scope)?.floor().minimum(this.factor.1 - 1.0),
        };
        // The lower bits are a remainder.
        let step = (8.0 - bits).exp2().round();
        let scale = 255.0 / this.value_range.length();
        let whole = ((&x - this.value_range.0) * scale).floor();
        (&whole / &step).floor() * step / scale + this.value_range.0
    };
    /// In training, images sharper or smoother.
    RandomSharpness {
        /// How sharp: 0.5 is as it was, 0 smooth.
        factor: Range = Range(0.0, 1.0),
    } (this, x, scope) => {
        let factor = this.factor.draw(&x, scope)? * 2.0;
        let last = this.data_format == DataFormat::ChannelsLast;
        let images = if last { x.clone() } else { x.move_axis(-3, -1) };
        let channels = images.extent(-1)?;
        let (a, b) = (1.0 / 13.0, 5.0 / 13.0);
        let kernel = Tensor::from_slice(&[a, a, a, a, b, a, a, a, a], [3, 3, 1, 1]).cast(x.dtype()?);
        let kernel = kernel.broadcast_to([3, 3, channels, 1]);
        let smooth = images.depthwise_conv(kernel, ConvOptions::new().padding(Padding::Same));
        let smooth = if last { smooth } else { smooth.move_axis(-1, -3) };
        (&x + (1.0 - factor) * (smooth - &x)).clamp(this.value_range.0, this.value_range.1)
    };
}

layer! {
    /// In training, some images without colours.
    pub struct RandomGrayscale() {
        /// How probable it is.
        factor: f64 = 0.5,
        /// Where channels are.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

impl Layer for RandomGrayscale {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        let x = inputs.tensor()?.cast(scope.dtype());
        if !scope.is_training() {
            return Ok(x.into());
        }
        let number = Range(0.0, 1.0).draw(&x, scope)?;
        let gray = gray(&x, self.data_format)?.broadcast_to(x.shape()?.clone());
        Ok(number.lt(self.factor).select(gray, &x).into())
    }
}
