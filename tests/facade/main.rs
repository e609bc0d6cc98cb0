//! The facade as its users see it.

mod cache;
mod concurrency;
mod control;
mod create;
mod errors;
mod index;
mod modes;
mod operators;
mod random;
mod signatures;
mod trees;

use tensorwright::prelude::*;

/// `x * 2 + 1` as users write it.
fn affine() -> Function<Tensor, Tensor> {
    function(|x: Tensor| x * 2 + 1)
}
