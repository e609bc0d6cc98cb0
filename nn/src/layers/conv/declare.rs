//! Declares convolutions: settings of their own, and behind them those that all have.

macro_rules! convolution {
    ($(#[$doc:meta])* $name:ident($($required:tt)*) { $($own:tt)* }) => {
        $crate::layer! {
            $(#[$doc])*
            pub struct $name(
                $($required)*
                /// How many pixels a kernel covers along each axis.
                kernel_size: Sizes,
            ) {
                $($own)*
                /// How far it is from one result to the next; of transposed convolutions, how many results there are for each pixel.
                strides: Sizes = Setting::<Sizes>::setting(1),
                /// What is around the image; of transposed convolutions, what would be around the image that the convolution makes of the result.
                padding: PaddingMode = PaddingMode::Valid,
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// How far it is from one pixel of a kernel to the next.
                dilation_rate: Sizes = Setting::<Sizes>::setting(1),
                /// What is done to the numbers at last.
                activation: Activation = Activation::Linear,
                /// Whether a bias is added.
                use_bias: bool = true,
                /// The bias before training.
                bias_initializer: Initializer = initializers::Zeros.into(),
                /// What the bias adds to the loss.
                bias_regularizer: Option<Regularizer> = None,
                /// What the results add to the loss.
                activity_regularizer: Option<Regularizer> = None,
                /// What is done to the bias after each step.
                bias_constraint: Option<Constraint> = None,
            }
        }
    };
}
pub(super) use convolution;
