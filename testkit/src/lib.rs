//! Material for tests: random tensors, random well-typed graphs that shrink, the comparison of results, and corpus files.

pub mod corpus;
pub mod damage;
pub mod graphs;
pub mod literals;
#[cfg(feature = "proptest")]
pub mod properties;
pub mod tolerance;
