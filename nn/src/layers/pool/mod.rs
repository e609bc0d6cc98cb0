//! Pools: folds over windows, over all pixels, or over parts of them.

mod adaptive;
mod global;
mod windows;

pub use adaptive::{
    AdaptiveAveragePooling1D, AdaptiveAveragePooling2D, AdaptiveAveragePooling3D, AdaptiveMaxPooling1D,
    AdaptiveMaxPooling2D, AdaptiveMaxPooling3D,
};
pub use global::{
    GlobalAveragePooling1D, GlobalAveragePooling2D, GlobalAveragePooling3D, GlobalMaxPooling1D,
    GlobalMaxPooling2D, GlobalMaxPooling3D,
};
pub use windows::{
    AveragePooling1D, AveragePooling2D, AveragePooling3D, MaxPooling1D, MaxPooling2D, MaxPooling3D,
};

use tensorwright::{Result, Tensor};

use crate::Scope;

/// Refuses what has not so many axes of pixels.
fn check_rank(x: &Tensor, rank: usize, scope: &Scope<'_>) -> Result<()> {
    match x.rank()? == rank + 2 {
        true => Ok(()),
        false => Err(scope.refuse(format!("images with {} axes are wanted, found {}", rank + 2, x.ty()?))),
    }
}
