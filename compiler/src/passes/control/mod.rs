//! Passes over control flow. The [driver](super::run_pipeline) runs every pass inside regions too; these are about the borders.
//!
//! - [`Inline`]: control flow that is decided goes.
//! - [`Localise`]: constants move into regions.
//! - [`Forward`]: what a region hands through goes around it.
//! - [`Prune`]: what nobody needs goes.
//! - [`Hoist`]: what is the same each time moves out of loops.
//! - [`Share`]: what is known outside is not computed again inside.
//! - [`Batch`]: products of slices with invariants become one, before the loop.
//!
//! Constants live inside the regions that use them: `localise` puts them there, and `hoist` leaves them there. They share their
//! elements, so a copy is free.

mod batch;
mod forward;
mod hoist;
mod inline;
mod localise;
mod plan;
mod prune;
mod share;

pub use batch::Batch;
pub use forward::Forward;
pub use hoist::Hoist;
pub use inline::Inline;
pub use localise::Localise;
pub use prune::Prune;
pub use share::Share;

#[cfg(test)]
mod tests;
