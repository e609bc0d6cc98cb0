//! Composite ops, defined by their expansion, one file per group.

mod activation;
mod arithmetic;
mod batch_norm;
mod blocks;
mod bounded;
mod build;
mod contraction;
mod create;
mod draws;
mod einsum;
mod elementwise;
mod image;
mod indexing;
mod linalg;
mod loss;
mod movement;
mod norm;
mod normalisation;
mod quantile;
mod random;
mod reduction;
mod scan;
mod search;
mod segment;
mod sort;
mod special;
mod triangular;

#[cfg(test)]
mod tests;

pub use activation::*;
pub use arithmetic::*;
pub use batch_norm::*;
pub use blocks::*;
pub use bounded::*;
pub use build::*;
pub use contraction::*;
pub use create::*;
pub use draws::*;
pub use einsum::*;
pub use elementwise::*;
pub use image::*;
pub use indexing::*;
pub use linalg::*;
pub use loss::*;
pub use movement::*;
pub use norm::*;
pub use normalisation::*;
pub use random::*;
pub use reduction::*;
pub use scan::*;
pub use search::*;
pub use segment::*;
pub use sort::*;
pub use special::*;
pub use triangular::*;
