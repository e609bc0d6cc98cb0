//! Primitive ops, one file per family: `elementwise` functions, creation, conversion, movement, reduction, contraction,
//! gather/scatter, sort, scans, random bits.

mod arg_reduce;
mod binary;
mod columns;
mod compare;
mod concat;
mod convert;
mod create;
mod dot;
mod dynamic;
mod gather;
mod movement;
mod pad;
mod random;
mod reduce;
mod scan;
mod scatter;
mod select;
mod slice;
mod sort;
mod ternary;
mod unary;

#[cfg(test)]
mod tests;

pub use arg_reduce::{ArgKind, ArgReduce};
pub use binary::BinaryFn;
pub use columns::Work;
pub use compare::CompareFn;
pub use concat::Concat;
pub use convert::{Bitcast, Cast};
pub use create::{Constant, Iota};
pub use dot::DotGeneral;
pub use dynamic::{DynamicSlice, DynamicUpdateSlice};
pub use gather::{Gather, GatherAxes};
pub use movement::{BroadcastInDim, Reshape, Transpose};
pub use pad::Pad;
pub use random::{RngAlgorithm, RngBits};
pub use reduce::{Reduce, ReduceKind};
pub use scan::Cumulative;
pub use scatter::{Scatter, ScatterKind};
pub use select::Select;
pub use slice::{Reverse, Slice};
pub use sort::{Sort, TopK};
pub use ternary::{Clamp, Fma};
pub use unary::UnaryFn;

/// Elements of a tensor of this type with its empty axes left out: what a sample may still multiply.
fn bulk(ty: &crate::TensorType) -> usize {
    ty.shape.iter().map(|d| d.size().max(1)).product()
}
