//! Folds over all pixels.

use tensorwright::{DType, Result, Tensor, keep};

use super::check_rank;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, layer};

/// The axes of pixels.
fn pixels(format: DataFormat, rank: usize) -> Vec<usize> {
    let first = format.first_pixel_axis();
    (first..first + rank).collect()
}

/// Declares global pools, which differ in the fold and in how many axes there are.
macro_rules! global {
    ($($(#[$doc:meta])* $name:ident: $fold:ident, $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
                /// Whether the axes stay, with extent 1.
                keepdims: bool = false,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                check_rank(&x, $rank, scope)?;
                let axes = pixels(self.data_format, $rank);
                let folded = match masked(inputs, self.data_format, stringify!($fold)) {
                    Some(mask) => masked_mean(&x, &mask, axes[0])?,
                    None => x.$fold(keep(&axes)),
                };
                Ok(if self.keepdims { folded } else { folded.squeeze(axes) }.into())
            }
        }
    )*};
}

/// The mask of steps, in the shape that broadcasts, for means of sequences.
fn masked(inputs: &Inputs, format: DataFormat, fold: &str) -> Option<Tensor> {
    let axis = match format {
        DataFormat::ChannelsLast => 2,
        DataFormat::ChannelsFirst => 1,
    };
    inputs.mask().filter(|_| fold == "mean").map(|mask| mask.cast(DType::Bool).expand_dims(axis))
}

fn masked_mean(x: &Tensor, mask: &Tensor, axis: usize) -> Result<Tensor> {
    let sum = mask.select(x, 0.0).sum(keep(axis));
    Ok(sum / mask.cast(x.dtype()?).sum(keep(axis)))
}

global! {
    /// The mean of all steps of sequences, of those that a mask leaves.
    GlobalAveragePooling1D: mean, 1;
    /// The mean of all pixels of images.
    GlobalAveragePooling2D: mean, 2;
    /// The mean of all pixels of volumes.
    GlobalAveragePooling3D: mean, 3;
    /// The greatest number of all steps of sequences.
    GlobalMaxPooling1D: max, 1;
    /// The greatest number of all pixels of images.
    GlobalMaxPooling2D: max, 2;
    /// The greatest number of all pixels of volumes.
    GlobalMaxPooling3D: max, 3;
}
