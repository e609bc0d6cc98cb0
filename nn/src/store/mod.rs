//! Models in files: one zip archive with the configuration as JSON and tensors as safetensors.
//!
//! - [`safetensors`]: tensors by name as bytes; [`archive`]: the files of a model; [`report`]: what became of weights that were read.

mod archive;
mod report;
mod safetensors;

pub(crate) use archive::{Archive, read_archive, write_archive};
pub use archive::{read_weights, write_weights};
pub use report::LoadReport;
pub(crate) use report::assign;
