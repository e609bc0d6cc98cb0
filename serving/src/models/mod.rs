//! The models that are served: which versions there are, which of them answer, and how they come and go.
//!
//! - [`config`]: what is to be served; [`folders`]: which versions are there; [`loader`]: loads and unloads them;
//! - [`registry`]: what requests see of it; [`status`]: states of versions as messages and JSON.

pub(crate) mod config;
mod folders;
pub(crate) mod loader;
pub(crate) mod registry;
pub(crate) mod status;
