//! Requests that wait for a model, and run together.
//!
//! - [`options`]: how many; [`queue`]: where they wait; [`run`]: rows of several requests as one, and back.

mod options;
mod queue;
mod run;

pub use options::BatchOptions;
pub(crate) use queue::Queue;
