//! Attention.
//!
//! - [`scores`]: `Attention` and `AdditiveAttention`, without projections; [`heads`]: heads of queries, keys and values, with projections;
//! - [`masks`]: who may look at whom; [`places`]: what tells a network where a token is.

mod heads;
mod masks;
mod scores;

pub use heads::{GroupedQueryAttention, MultiHeadAttention};
pub use scores::{AdditiveAttention, Attention};
