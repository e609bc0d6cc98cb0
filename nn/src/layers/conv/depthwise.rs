//! Convolutions of each channel by itself, and of channels that are mixed afterwards.

use tensorwright::{ConvOptions, Result, Tensor};

use super::declare::convolution;
use super::{channels, with_channels_last};
use crate::{
    Activation, Constraint, DataFormat, Initializer, Inputs, Layer, Outputs, PaddingMode, Regularizer, Scope,
    Setting, Sizes, initializers,
};

/// How kernels slide, over images with channels last.
fn sliding(strides: &Sizes, padding: PaddingMode, dilation: &Sizes) -> ConvOptions {
    ConvOptions::new().strides(strides.clone()).padding(padding).dilation(dilation.clone())
}

/// Declares depthwise convolutions, which differ in how many axes slide.
macro_rules! depthwise {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        convolution! {
            $(#[$doc])*
            $name(
            ) {
                /// How many results there are for each channel.
                depth_multiplier: usize = 1,
                /// The kernels before training.
                depthwise_initializer: Initializer = Initializer::default(),
                /// What the kernels add to the loss.
                depthwise_regularizer: Option<Regularizer> = None,
                /// What is done to the kernels after each step.
                depthwise_constraint: Option<Constraint> = None,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                let channels = channels(&x, self.data_format, $rank, scope)?;
                let mut shape = self.kernel_size.of($rank)?;
                shape.extend([channels, self.depth_multiplier]);
                let spec = self.depthwise_initializer.spec(&self.depthwise_regularizer, &self.depthwise_constraint);
                let kernel = scope.weight("kernel", shape, spec)?;
                let y = with_channels_last(x, self.data_format, |x| {
                    let y = x.depthwise_conv(kernel, sliding(&self.strides, self.padding, &self.dilation_rate));
                    if !self.use_bias {
                        return Ok(y);
                    }
                    let bias = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                    Ok(y + scope.weight("bias", [channels * self.depth_multiplier], bias)?)
                })?;
                let y = self.activation.call(&y);
                scope.regularize(&self.activity_regularizer, &y)?;
                Ok(y.into())
            }
        }
    )*};
}

depthwise! {
    /// Kernels for each channel of sequences: `T[n, steps, c] -> T[n, steps', c * depth_multiplier]`.
    DepthwiseConv1D: 1;
    /// Kernels for each channel of images: `T[n, h, w, c] -> T[n, h', w', c * depth_multiplier]`.
    DepthwiseConv2D: 2;
}

/// Declares separable convolutions, which differ in how many axes slide.
macro_rules! separable {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        convolution! {
            $(#[$doc])*
            $name(
                /// How many channels come out.
                filters: usize,
            ) {
                /// How many results there are for each channel before they are mixed.
                depth_multiplier: usize = 1,
                /// The kernels of channels before training.
                depthwise_initializer: Initializer = Initializer::default(),
                /// The kernel that mixes before training.
                pointwise_initializer: Initializer = Initializer::default(),
                /// What the kernels of channels add to the loss.
                depthwise_regularizer: Option<Regularizer> = None,
                /// What the kernel that mixes adds to the loss.
                pointwise_regularizer: Option<Regularizer> = None,
                /// What is done to the kernels of channels after each step.
                depthwise_constraint: Option<Constraint> = None,
                /// What is done to the kernel that mixes after each step.
                pointwise_constraint: Option<Constraint> = None,
            }
        }

        impl $name {
            fn kernels(&self, channels: usize, scope: &Scope<'_>) -> Result<[Tensor; 2]> {
                let mut shape = self.kernel_size.of($rank)?;
                shape.extend([channels, self.depth_multiplier]);
                let spec = self.depthwise_initializer.spec(&self.depthwise_regularizer, &self.depthwise_constraint);
                let depthwise = scope.weight("depthwise_kernel", shape, spec)?;
                let mut shape = vec![1; $rank];
                shape.extend([channels * self.depth_multiplier, self.filters]);
                let spec = self.pointwise_initializer.spec(&self.pointwise_regularizer, &self.pointwise_constraint);
                Ok([depthwise, scope.weight("pointwise_kernel", shape, spec)?])
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                let channels = channels(&x, self.data_format, $rank, scope)?;
                let [depthwise, pointwise] = self.kernels(channels, scope)?;
                let y = with_channels_last(x, self.data_format, |x| {
                    let sliding = sliding(&self.strides, self.padding, &self.dilation_rate);
                    let y = x.depthwise_conv(depthwise, sliding).conv(pointwise, ConvOptions::new());
                    if !self.use_bias {
                        return Ok(y);
                    }
                    let bias = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                    Ok(y + scope.weight("bias", [self.filters], bias)?)
                })?;
                let y = self.activation.call(&y);
                scope.regularize(&self.activity_regularizer, &y)?;
                Ok(y.into())
            }
        }
    )*};
}

separable! {
    /// A [`DepthwiseConv1D`] whose channels are then mixed: `T[n, steps, c] -> T[n, steps', filters]`.
    SeparableConv1D: 1;
    /// A [`DepthwiseConv2D`] whose channels are then mixed: `T[n, h, w, c] -> T[n, h', w', filters]`.
    SeparableConv2D: 2;
}
