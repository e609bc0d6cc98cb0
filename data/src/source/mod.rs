//! Sources: where elements come from.

mod generated;
mod indexed;
mod memory;

pub use generated::Passes;

pub(crate) use indexed::indexed;
pub(crate) use memory::{numbered, refuse_empty};
