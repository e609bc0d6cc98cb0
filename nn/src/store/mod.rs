//! Models in files: one zip archive with the configuration as JSON and tensors as safetensors.
//!
//! - [`npz`]: tensors by name as bytes; [`archive`]: the files of a model;
//! - [`hdf5`], [`keras`], [`keras_write`], [`keras_order`]: weights as Keras reads and writes them;
//! - [`weights`]: files of weights that are read tensor by tensor; [`report`]: what became of weights that were read.

mod archive;
mod hdf5;
mod keras;
mod keras_order;
mod keras_write;
mod npz;
mod report;
mod weights;

pub(crate) use archive::{Archive, read_archive, write_archive, write_whole};
pub use archive::{read_weights, write_weights};
pub(crate) use keras::{is_keras, names as keras_names};
pub(crate) use keras_order::order as keras_order;
pub(crate) use keras_write::{copies as keras_copies, write as keras_weights};
pub use report::LoadReport;
pub(crate) use report::{assign, assign_all};
pub use weights::WeightsFile;
