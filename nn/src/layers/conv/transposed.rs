//! Transposed convolutions.

use tensorwright::{ConvOptions, Padding, Result};

use super::declare::convolution;
use super::{biased, channels, layout};
use crate::{
    Activation, Constraint, DataFormat, Initializer, Inputs, Layer, Outputs, PaddingMode, Regularizer, Scope,
    Setting, Sizes, initializers,
};

/// One axis that grows.
struct Axis {
    elements: usize,
    taps: usize,
    stride: usize,
    dilation: usize,
    output_padding: Option<usize>,
}

impl Axis {
    /// How many pixels a kernel spans.
    fn span(&self) -> usize {
        (self.taps - 1) * self.dilation + 1
    }

    /// How many results there are.
    fn results(&self, padding: PaddingMode) -> usize {
        let (n, stride, span) = (self.elements, self.stride, self.span());
        match (padding, self.output_padding) {
            (PaddingMode::Same, None) => n * stride,
            (PaddingMode::Same, Some(more)) => {
                ((n - 1) * stride + span + more).saturating_sub(2 * (span / 2))
            }
            (_, None) => n * stride + span.saturating_sub(stride),
            (_, Some(more)) => (n - 1) * stride + span + more,
        }
    }

    /// How many results are cut off before and behind, and how many zeros are added behind.
    fn cuts(&self, padding: PaddingMode) -> ((i64, i64), usize) {
        let (results, whole) = (self.results(padding), (self.elements - 1) * self.stride + self.span());
        let low = match padding {
            PaddingMode::Same => {
                let needed = (results.div_ceil(self.stride).saturating_sub(1)) * self.stride + self.span();
                needed.saturating_sub(results) / 2
            }
            _ => 0,
        };
        let high = whole as i64 - low as i64 - results as i64;
        ((low as i64, high.max(0)), (-high).max(0) as usize)
    }
}

/// Declares transposed convolutions, which differ in how many axes slide.
macro_rules! transposed {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        convolution! {
            $(#[$doc])*
            $name(
                /// How many channels come out.
                filters: usize,
            ) {
                /// How many results there are besides, behind the others.
                output_padding: Option<Sizes> = None,
                /// The kernel before training.
                kernel_initializer: Initializer = Initializer::default(),
                /// What the kernel adds to the loss.
                kernel_regularizer: Option<Regularizer> = None,
                /// What is done to the kernel after each step.
                kernel_constraint: Option<Constraint> = None,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                let channels = channels(&x, self.data_format, $rank, scope)?;
                let mut shape = self.kernel_size.of($rank)?;
                let (paddings, more): (Vec<_>, Vec<_>) = {
                    let (strides, dilations) = (self.strides.of($rank)?, self.dilation_rate.of($rank)?);
                    let more = self.output_padding.as_ref().map(|more| more.of($rank)).transpose()?;
                    let first = self.data_format.first_pixel_axis();
                    let axis = |i: usize| -> Result<_> {
                        let axis = Axis {
                            elements: x.extent(first + i)?,
                            taps: shape[i],
                            stride: strides[i],
                            dilation: dilations[i],
                            output_padding: more.as_ref().map(|more| more[i]),
                        };
                        if axis.elements == 0 || axis.taps == 0 {
                            return Err(scope.refuse("there are no pixels, or the kernel covers none"));
                        }
                        Ok(axis.cuts(self.padding))
                    };
                    (0..$rank).map(axis).collect::<Result<Vec<_>>>()?.into_iter().unzip()
                };
                shape.extend([self.filters, channels]);
                let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
                let options = ConvOptions::new()
                    .strides(self.strides.clone())
                    .padding(Padding::Explicit(paddings))
                    .output_padding(more)
                    .dilation(self.dilation_rate.clone())
                    .layout(layout(self.data_format, $rank));
                let mut y = x.conv_transpose(scope.weight("kernel", shape, kernel)?, options);
                if self.use_bias {
                    let bias = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                    y = biased(y, scope.weight("bias", [self.filters], bias)?, self.data_format)?;
                }
                let y = self.activation.call(&y);
                scope.regularize(&self.activity_regularizer, &y)?;
                Ok(y.into())
            }
        }
    )*};
}

transposed! {
    /// The transpose of [`Conv1D`](super::Conv1D): sequences grow.
    Conv1DTranspose: 1;
    /// The transpose of [`Conv2D`](super::Conv2D): images grow.
    Conv2DTranspose: 2;
    /// The transpose of [`Conv3D`](super::Conv3D): volumes grow.
    Conv3DTranspose: 3;
}
