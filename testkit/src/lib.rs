//! Raw material of tests: random well-typed graphs and tensors with special values.
//!
//! - [`mod@graphs`]: graphs drawn from sequences of choices.
//! - [`mod@literals`]: tensors with special values among ordinary ones.

pub mod graphs;
pub mod literals;
