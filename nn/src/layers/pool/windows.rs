//! Folds over windows that slide.

use tensorwright::{PoolOptions, Result};

use super::check_rank;
use crate::{DataFormat, Inputs, Layer, Outputs, PaddingMode, Scope, Setting, Sizes, layer};

/// Declares pools, which differ in the fold and in how many axes slide.
macro_rules! pools {
    ($($(#[$doc:meta])* $name:ident: $fold:ident, $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name() {
                /// How many pixels a window covers along each axis.
                pool_size: Sizes = Setting::<Sizes>::setting(2),
                /// How far it is from one window to the next: the size of a window if nothing is said.
                strides: Option<Sizes> = None,
                /// What is around the image; it never counts.
                padding: PaddingMode = PaddingMode::Valid,
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                check_rank(&x, $rank, scope)?;
                let strides = self.strides.clone().unwrap_or_else(|| self.pool_size.clone());
                let options =
                    PoolOptions::new().strides(strides).padding(self.padding).layout(self.data_format.layout());
                Ok(x.$fold(self.pool_size.clone(), options).into())
            }
        }
    )*};
}

pools! {
    /// The greatest number of each window of sequences.
    MaxPooling1D: max_pool, 1;
    /// The greatest number of each window of images.
    MaxPooling2D: max_pool, 2;
    /// The greatest number of each window of volumes.
    MaxPooling3D: max_pool, 3;
    /// The mean of each window of sequences.
    AveragePooling1D: avg_pool, 1;
    /// The mean of each window of images.
    AveragePooling2D: avg_pool, 2;
    /// The mean of each window of volumes.
    AveragePooling3D: avg_pool, 3;
}
