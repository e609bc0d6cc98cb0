//! Pipelines: what a dataset is, and what reads it.

mod ahead;
mod cardinality;
mod dataset;
mod iter;
mod pass;
mod position;
mod profile;
mod stage;

pub(crate) use ahead::Places;
pub use cardinality::Cardinality;
pub use dataset::Dataset;
pub(crate) use dataset::{Input, Plan, not_a};
pub use iter::{Iter, IterAs};
pub(crate) use pass::Pass;
pub use position::Position;
pub(crate) use profile::Row;
pub use profile::{Profile, StageProfile};
pub(crate) use stage::{BoxCursor, Cursor, Outcome, Replay, Stage, Supply};
