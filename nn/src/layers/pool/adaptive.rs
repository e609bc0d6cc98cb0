//! Folds over parts of images that are given by how many there are.

use tensorwright::Result;

use super::check_rank;
use crate::{DataFormat, Inputs, Layer, Outputs, Scope, Sizes, layer};

/// Declares adaptive pools, which differ in the fold and in how many axes there are.
macro_rules! adaptive {
    ($($(#[$doc:meta])* $name:ident: $fold:ident, $rank:literal;)*) => {$(
        layer! {
            $(#[$doc])*
            pub struct $name(
                /// How many results there are along each axis.
                output_size: Sizes,
            ) {
                /// Where channels are.
                data_format: DataFormat = DataFormat::ChannelsLast,
            }
        }

        impl Layer for $name {
            fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
                let x = inputs.tensor()?;
                check_rank(&x, $rank, scope)?;
                Ok(x.$fold(self.output_size.clone(), self.data_format.layout()).into())
            }
        }
    )*};
}

adaptive! {
    /// The means of parts of sequences.
    AdaptiveAveragePooling1D: adaptive_avg_pool, 1;
    /// The means of parts of images.
    AdaptiveAveragePooling2D: adaptive_avg_pool, 2;
    /// The means of parts of volumes.
    AdaptiveAveragePooling3D: adaptive_avg_pool, 3;
    /// The greatest numbers of parts of sequences.
    AdaptiveMaxPooling1D: adaptive_max_pool, 1;
    /// The greatest numbers of parts of images.
    AdaptiveMaxPooling2D: adaptive_max_pool, 2;
    /// The greatest numbers of parts of volumes.
    AdaptiveMaxPooling3D: adaptive_max_pool, 3;
}
