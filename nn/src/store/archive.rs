//! The files of a model: a zip archive without compression, written beside its place and then moved there, so that a reader finds all of it
//! or nothing.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;

use serde_json::Value;
use tensorwright::Tensor;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::safetensors;
use crate::error::{Error, Result};

/// Tensors by their paths.
type Named = Vec<(String, Tensor)>;

/// What a model is in a file.
pub(crate) struct Archive {
    /// The configuration.
    pub(crate) model: Value,
    /// Weights by path.
    pub(crate) weights: Named,
    /// The state of the optimiser by path.
    pub(crate) optimizer: Named,
}

fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
    Error::Model(format!("{}: {error}", path.display()))
}

/// Writes a file whole or not at all.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path.file_name().ok_or_else(|| failed(path, "a file name is wanted"))?;
    let beside = path.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    let write = || -> std::io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(path, error)
    })
}

pub(crate) fn write_archive(path: &Path, archive: &Archive) -> Result<()> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let files = [
        ("model.json", serde_json::to_vec_pretty(&archive.model).map_err(|error| failed(path, error))?),
        ("weights.safetensors", safetensors::write(&archive.weights)?),
        ("optimizer.safetensors", safetensors::write(&archive.optimizer)?),
    ];
    for (name, bytes) in files {
        zip.start_file(name, options).map_err(|error| failed(path, error))?;
        zip.write_all(&bytes).map_err(|error| failed(path, error))?;
    }
    let bytes = zip.finish().map_err(|error| failed(path, error))?.into_inner();
    write_whole(path, &bytes)
}

pub(crate) fn read_archive(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(|error| failed(path, error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| failed(path, error))?;
    let mut part = |name: &str| -> Result<Vec<u8>> {
        let mut entry = zip.by_name(name).map_err(|error| failed(path, format!("{name}: {error}")))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
        Ok(bytes)
    };
    let model = serde_json::from_slice(&part("model.json")?).map_err(|error| failed(path, error))?;
    let (weights, optimizer) = (part("weights.safetensors")?, part("optimizer.safetensors")?);
    Ok(Archive { model, weights: safetensors::read(&weights)?, optimizer: safetensors::read(&optimizer)? })
}

/// Writes tensors by name to a file of safetensors, whole or not at all.
///
/// # Errors
/// When the file cannot be written, or a tensor has no value.
pub fn write_weights(path: impl AsRef<Path>, weights: &[(String, Tensor)]) -> Result<()> {
    write_whole(path.as_ref(), &safetensors::write(weights)?)
}

/// The tensors of a file of safetensors, or the weights of a saved model.
///
/// # Errors
/// When the file cannot be read, or is broken.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>> {
    let path = path.as_ref();
    let bytes = fs::read(path).map_err(|error| failed(path, error))?;
    match bytes.starts_with(b"PK") {
        true => Ok(read_archive(path)?.weights),
        false => safetensors::read(&bytes),
    }
}
