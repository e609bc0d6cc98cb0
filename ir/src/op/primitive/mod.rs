//! Primitive ops, one file per family: `elementwise` functions, creation, conversion, movement, reduction, contraction,
//! gather/scatter, sort, scans, random bits.

mod binary;
mod compare;
mod convert;
mod create;
mod movement;
mod reduce;
mod select;
mod unary;

pub use binary::BinaryFn;
pub use compare::CompareFn;
pub use convert::Cast;
pub use create::{Constant, Iota};
pub use movement::{BroadcastInDim, Reshape, Transpose};
pub use reduce::{Reduce, ReduceKind};
pub use select::Select;
pub use unary::UnaryFn;
