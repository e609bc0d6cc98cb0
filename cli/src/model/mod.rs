//! Trained models: what is in a file, runs, and times.

mod inspect;
mod job;
mod source;

use std::path::Path;

pub(crate) use inspect::{InspectArgs, inspect};
pub(crate) use job::{BenchArgs, Job, bench, save, save_each};
use tensorwright::onnx::{Error, Model};

use crate::fault::Fault;

/// Reads a model.
fn load(path: &Path) -> Result<Model, Fault> {
    Model::load(path).map_err(|error| match error {
        Error::File { .. } => Fault::input(format!("cannot read {error}")),
        error => Fault::input(format!("{}: {error}", path.display())),
    })
}
