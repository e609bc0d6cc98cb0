//! Convolutions of sequences, images and volumes.

use tensorwright::{ConvOptions, Result};

use super::{biased, channels, layout};
use crate::{
    Activation, Constraint, DataFormat, Initializer, Inputs, Layer, Outputs, PaddingMode, Regularizer, Scope,
    Setting, Sizes, initializers, layer,
};

/// Declares convolutions, which differ in how many axes slide.
macro_rules! convolutions {
    ($($(#[$doc:meta])* $name:ident: $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name(
                /// How many channels come out.
                filters: usize,
                /// How many pixels a kernel covers along each axis.
                kernel_size: Sizes,
            ) {
                /// How far it is from one result to the next.
                strides: Sizes = Setting::<Sizes>::setting(1),
                /// What is around the image.
                padding: PaddingMode = PaddingMode::Valid,
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// How far it is from one pixel of a kernel to the next.
                dilation_rate: Sizes = Setting::<Sizes>::setting(1),
                /// Parts of the channels that are convolved by themselves.
                groups: usize = 1,
                /// What is done to the numbers at last.
                activation: Activation = Activation::Linear,
                /// Whether a bias is added.
                use_bias: bool = true,
                /// The kernel before training.
                kernel_initializer: Initializer = Initializer::default(),
                /// The bias before training.
                bias_initializer: Initializer = initializers::Zeros.into(),
                /// What the kernel adds to the loss.
                kernel_regularizer: Option<Regularizer> = None,
                /// What the bias adds to the loss.
                bias_regularizer: Option<Regularizer> = None,
                /// What the results add to the loss.
                activity_regularizer: Option<Regularizer> = None,
                /// What is done to the kernel after each step.
                kernel_constraint: Option<Constraint> = None,
                /// What is done to the bias after each step.
                bias_constraint: Option<Constraint> = None,
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
