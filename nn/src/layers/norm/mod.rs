//! Normalisation.
//!
//! - [`batch`]: over examples, with statistics that are kept; [`features`]: over each example; [`group`]: over parts of its channels;
//! - [`spectral`] and [`weight`]: of kernels.

mod batch;
mod features;
mod group;
mod spectral;
mod weight;

pub use batch::BatchNormalization;
pub use features::{LayerNormalization, RMSNormalization, UnitNormalization};
pub use group::GroupNormalization;
pub use spectral::SpectralNormalization;
pub use weight::WeightNormalization;

use tensorwright::{DType, Result, Tensor};

/// The tensor in at least 32 bits: sums of squares overflow or lose digits in fewer.
fn widened(x: Tensor) -> Result<Tensor> {
    Ok(match x.dtype()? {
        DType::F16 | DType::BF16 => x.cast(DType::F32),
        _ => x,
    })
}
