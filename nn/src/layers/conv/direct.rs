//! Convolutions of sequences, images and volumes.

use tensorwright::{ConvOptions, Result};

use super::declare::convolution;
use super::{biased, channels, layout};
use crate::{
    Activation, Constraint, DataFormat, Initializer, Inputs, Layer, Outputs, PaddingMode, Regularizer, Scope,
    Setting, Sizes, initializers,
};

/// Declares convolutions, which differ in how many axes slide.
macro_rules! convolutions {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        convolution! {
            $(#[$doc])*
            $name(
                /// How many channels come out.
                filters: usize,
            ) {
                /// Parts of the channels that are convolved by themselves.
                groups: usize = 1,
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
                if self.groups == 0 || channels % self.groups != 0 {
                    return Err(scope.refuse(format!("{channels} channels are not {} groups", self.groups)));
                }
                let mut shape = self.kernel_size.of($rank)?;
                shape.extend([channels / self.groups, self.filters]);
                let kernel = self.kernel_initializer.spec(&self.kernel_regularizer, &self.kernel_constraint);
                let options = ConvOptions::new()
                    .strides(self.strides.clone())
                    .padding(self.padding)
                    .dilation(self.dilation_rate.clone())
                    .groups(self.groups)
                    .layout(layout(self.data_format, $rank));
                let mut y = x.conv(scope.weight("kernel", shape, kernel)?, options);
                if self.use_bias {
                    let bias = self.bias_initializer.spec(&self.bias_regularizer, &self.bias_constraint);
                    y = biased(y, scope.weight("bias", [self.filters], bias)?, self.data_format)?;
                }
                let y = self.activation.call(&y);
                scope.regularize(&self.activity_regularizer, &y)?;
                Ok(y.into())
            }

            fn low_rank(&self) -> &'static [&'static str] {
                &["kernel"]
            }
        }
    )*};
}

convolutions! {
    /// Kernels that slide along sequences: `T[n, steps, c] -> T[n, steps', filters]`.
    Conv1D: 1;
    /// Kernels that slide along images: `T[n, h, w, c] -> T[n, h', w', filters]`.
    Conv2D: 2;
    /// Kernels that slide along volumes: `T[n, d, h, w, c] -> T[n, d', h', w', filters]`.
    Conv3D: 3;
}
