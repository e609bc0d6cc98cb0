//! Attention.
//!
//! - [`scores`]: `Attention` and `AdditiveAttention`, without projections; [`heads`]: heads of queries, keys and values, with projections;
//! - [`masks`]: who may look at whom; [`memory`]: keys and values of steps before; [`places`]: where tokens are.

mod heads;
mod masks;
mod memory;
mod places;
mod scores;

pub use heads::{GroupedQueryAttention, MultiHeadAttention};
pub use scores::{AdditiveAttention, Attention};
