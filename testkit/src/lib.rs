//! Raw material of tests: random well-typed graphs and tensors with special values.
//!
//! - [`graphs`]: graphs drawn from sequences of choices.
//! - [`literals`]: tensors.

pub mod graphs;
pub mod literals;
