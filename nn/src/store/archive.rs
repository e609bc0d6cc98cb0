//! The files of a model: a zip archive without compression, written beside its place and then moved there, so that a reader finds all of it
//! or nothing.

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::Path;

use serde_json::Value;
use tensorwright::Tensor;
use tensorwright_data::{Safetensors, write_safetensors};
use tensorwright_formats::weights;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::WeightsFile;
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
    /// Where training is, in a backup.
    pub(crate) training: Option<(Value, Named)>,
}

/// The file of weights in an archive.
const WEIGHTS: &str = "weights.safetensors";

pub(super) fn failed(path: &Path, error: impl std::fmt::Display) -> Error {
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
    let json = |value: &Value| serde_json::to_vec_pretty(value).map_err(|error| failed(path, error));
    let mut files = vec![
        ("model.json", json(&archive.model)?),
        (WEIGHTS, write_safetensors(&archive.weights)?),
        ("optimizer.safetensors", write_safetensors(&archive.optimizer)?),
    ];
    if let Some((state, tensors)) = &archive.training {
        files.push(("training.json", json(state)?));
        files.push(("training.safetensors", write_safetensors(tensors)?));
    }
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
    let is_backup = zip.index_for_name("training.json").is_some();
    let mut part = |name: &str| -> Result<Vec<u8>> {
        let mut entry = zip.by_name(name).map_err(|error| failed(path, format!("{name}: {error}")))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
        Ok(bytes)
    };
    let json = |bytes: Vec<u8>| serde_json::from_slice(&bytes).map_err(|error| failed(path, error));
    let model = json(part("model.json")?)?;
    let tensors = |bytes: Vec<u8>| Ok::<_, Error>(Safetensors::new(Cursor::new(bytes))?.read_all()?);
    let weights = tensors(part(WEIGHTS)?)?;
    let optimizer = tensors(part("optimizer.safetensors")?)?;
    let training = match is_backup {
        true => Some((json(part("training.json")?)?, tensors(part("training.safetensors")?)?)),
        false => None,
    };
    Ok(Archive { model, weights, optimizer, training })
}

/// Writes tensors by name to a file, whole or not at all: of NumPy if its name ends with `.npz`, a checkpoint of TensorFlow if it ends with `.index`, else of safetensors.
///
/// # Errors
/// When the file cannot be written, a tensor has no value, or a dtype that such files do not have.
pub fn write_weights(path: impl AsRef<Path>, tensors: &[(String, Tensor)]) -> Result<()> {
    Ok(weights::write(path, tensors)?)
}

/// The tensors of a file by name, of any format that [`WeightsFile`] reads.
///
/// # Errors
/// When the file cannot be read, or is broken.
pub fn read_weights(path: impl AsRef<Path>) -> Result<Vec<(String, Tensor)>> {
    Ok(WeightsFile::open(path)?.read_all()?)
}
