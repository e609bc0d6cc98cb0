//! Primitive ops, one file per family: `elementwise` functions, creation, conversion, movement, reduction, contraction,
//! gather/scatter, sort, scans, random bits, linear algebra.

mod arg_reduce;
mod attention;
mod binary;
mod columns;
mod compare;
mod complex;
mod concat;
mod conv;
mod convert;
mod create;
mod dot;
mod dynamic;
mod fourier;
mod gather;
mod linalg;
mod mark;
mod movement;
mod pad;
mod products;
mod random;
mod reduce;
mod scan;
mod scatter;
mod select;
mod slice;
mod slide;
mod sort;
mod special;
mod ternary;
mod unary;
mod window;

#[cfg(test)]
mod tests;

pub use arg_reduce::*;
pub use attention::*;
pub use binary::*;
pub use columns::*;
pub use compare::*;
pub use complex::*;
pub use concat::*;
pub use conv::*;
pub use convert::*;
pub use create::*;
pub use dot::*;
pub use dynamic::*;
pub use fourier::*;
pub use gather::*;
pub use linalg::*;
pub use mark::*;
pub use movement::*;
pub use pad::*;
pub use random::*;
pub use reduce::*;
pub use scan::*;
pub use scatter::*;
pub use select::*;
pub use slice::*;
pub use sort::*;
pub use special::*;
pub use ternary::*;
pub use unary::*;
pub use window::*;

/// Elements of a tensor of this type with its empty axes left out: what a sample may still multiply.
fn bulk(ty: &crate::TensorType) -> usize {
    ty.shape.iter().map(|d| d.size().max(1)).product()
}
