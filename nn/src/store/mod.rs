//! Models in files: one zip archive with the configuration as JSON and tensors as safetensors.
//!
//! - [`archive`]: the files of a model;
//! - [`keras`], [`keras_write`], [`keras_order`]: weights as Keras reads and writes them;
//! - [`weights`]: tensors by name that are read, of files (`tensorwright_formats::weights`) or in memory; [`report`]: what became of weights that were read.

mod archive;
mod keras;
mod keras_order;
mod keras_write;
mod report;
mod weights;

/// A file of weights, of any format.
pub use tensorwright_formats::weights::Weights as WeightsFile;

pub(crate) use archive::{Archive, read_archive, write_archive, write_whole};
pub use archive::{read_weights, write_weights};
pub(crate) use keras::{is_keras, names as keras_names};
pub(crate) use keras_order::order as keras_order;
pub(crate) use keras_write::{copies as keras_copies, write as keras_weights};
pub use report::LoadReport;
pub(crate) use report::{assign, assign_all};
