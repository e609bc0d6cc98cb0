//! Material for property tests: random tensors, random well-typed graphs that shrink, and the comparison of results.

pub mod graphs;
pub mod literals;
pub mod properties;
pub mod tolerance;
