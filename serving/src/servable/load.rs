//! Finds out what a path holds, and reads it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use tensorwright_bundle::Bundle;
use zip::ZipArchive;

use super::{Servable, bundle, layers, onnx};
use crate::error::{Code, Error, Result};

/// Reads the model at a path: an ONNX file, the folder of a graph that `save_tw` wrote, a file of `Model::save`, a `.keras` file, a bundle, or a folder that holds just one of
/// these.
///
/// # Errors
/// When there is no such model, or it cannot be read.
pub fn load(path: impl AsRef<Path>) -> Result<Box<dyn Servable>> {
    let path = path.as_ref();
    let failed = |error: Error| Error::new(error.code(), format!("{}: {error}", path.display()));
    match kind(path)? {
        (Kind::Onnx, file) => onnx::load(&file).map_err(failed),
        (Kind::Layers, file) => layers::load(&file).map_err(failed),
        (Kind::Keras, file) => layers::load_keras(&file).map_err(failed),
        (Kind::Bundle, file) => bundle::load(&file).map_err(failed),
    }
}

/// Formats of models.
#[derive(Clone, Copy)]
enum Kind {
    /// An ONNX file, or the folder of a saved graph.
    Onnx,
    /// A file of `Model::save`.
    Layers,
    /// A file of Keras.
    Keras,
    /// A bundle, as an archive or a folder.
    Bundle,
}

fn kind(path: &Path) -> Result<(Kind, PathBuf)> {
    let unknown = || Error::not_found(format!("{}: no model was found there", path.display()));
    if !path.is_dir() {
        return of_file(path).map(|kind| (kind, path.to_owned())).ok_or_else(unknown);
    }
    if path.join("model.tw").is_file() && path.join("model.tww").is_file() {
        return Ok((Kind::Onnx, path.to_owned()));
    }
    if Bundle::is_at(path) {
        return Ok((Kind::Bundle, path.to_owned()));
    }
    if path.join("saved_model.pb").is_file() {
        let message = format!("{}: models in TensorFlow's format are not read", path.display());
        return Err(Error::new(Code::Unimplemented, message));
    }
    let entries =
        fs::read_dir(path).map_err(|error| Error::not_found(format!("{}: {error}", path.display())))?;
    let mut found: Vec<(Kind, PathBuf)> = Vec::new();
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        found.extend(of_file(&entry.path()).map(|kind| (kind, entry.path())));
    }
    match found.len() {
        0 => Err(unknown()),
        1 => Ok(found.remove(0)),
        count => Err(Error::invalid(format!("{}: there are {count} models, not one", path.display()))),
    }
}

/// The format of a file, if it is a model.
fn of_file(path: &Path) -> Option<Kind> {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx")) {
        return path.is_file().then_some(Kind::Onnx);
    }
    if Bundle::is_at(path) {
        return Some(Kind::Bundle);
    }
    let archive = ZipArchive::new(File::open(path).ok()?).ok()?;
    let has = |name: &str| archive.index_for_name(name).is_some();
    let kinds = [("model.json", Kind::Layers), ("config.json", Kind::Keras)];
    kinds.into_iter().find(|(name, _)| has(name)).map(|(_, kind)| kind)
}
