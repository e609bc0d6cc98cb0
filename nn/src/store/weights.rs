//! Files of weights, of which the table is read at once, and a tensor when it is asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tensorwright::{Tensor, TensorType};
use tensorwright_data::Safetensors;
use zip::{CompressionMethod, ZipArchive};

use super::archive::{WEIGHTS, failed};
use super::hdf5;
use crate::error::{Error, Result};

/// A file of weights: of safetensors, a saved model, an `.npz` file, or weights of Keras 3 (`.weights.h5`, `.keras`).
///
/// Opening it reads what there is; a tensor is read when it is asked for. Of NumPy's and Keras's files all tensors are read at once.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::{WeightsFile, write_weights};
///
/// let path = std::env::temp_dir().join(format!("weights-{}.safetensors", std::process::id()));
/// write_weights(&path, &[("kernel".to_owned(), Tensor::from([1.0f32, 2.0])), ("bias".to_owned(), Tensor::from(3.0f32))])?;
/// let file = WeightsFile::open(&path)?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["bias", "kernel"]);
/// assert_eq!(file.ty("kernel").unwrap().to_string(), "f32[2]");
/// assert_eq!(file.read("bias")?.item::<f32>()?, 3.0);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
pub struct WeightsFile {
    path: PathBuf,
    source: Source,
}

/// The file of weights in an archive of Keras.
const KERAS_WEIGHTS: &str = "model.weights.h5";

/// The most bytes of weights that are read of an archive of Keras, which may be compressed.
const MAX_KERAS: u64 = 64 << 30;

/// Where tensors are.
enum Source {
    /// In a file.
    File(Safetensors),
    /// In memory, with their names, sorted, and their types.
    Memory(Vec<(String, TensorType, Tensor)>),
}

impl WeightsFile {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, is broken, or is no file of weights.
    pub fn open(path: impl AsRef<Path>) -> Result<WeightsFile> {
        let path = path.as_ref();
        let mut file = File::open(path).map_err(|error| failed(path, error))?;
        let mut magic = [0; 4];
        // A file that is too short is found to be broken by whoever reads it.
        let _ = file.read_exact(&mut magic);
        match &magic {
            [b'P', b'K', ..] => WeightsFile::of_archive(path, file),
            b"\x89HDF" => {
                WeightsFile::of_hdf5(path, std::fs::read(path).map_err(|error| failed(path, error))?)
            }
            _ => WeightsFile::of_slices(path, file, 0),
        }
    }

    fn of_hdf5(path: &Path, bytes: Vec<u8>) -> Result<WeightsFile> {
        let tensors = hdf5::read(bytes).map_err(|error| failed(path, error))?;
        WeightsFile::of_tensors(path, tensors.into_iter().collect())
    }

    /// The weights of a saved model, of one that Keras saved, or those of an `.npz` file.
    fn of_archive(path: &Path, file: File) -> Result<WeightsFile> {
        let mut zip = ZipArchive::new(file).map_err(|error| failed(path, error))?;
        if let Some(at) = zip.index_for_name(KERAS_WEIGHTS) {
            let mut bytes = Vec::new();
            let entry = zip.by_index(at).map_err(|error| failed(path, error))?;
            entry.take(MAX_KERAS).read_to_end(&mut bytes).map_err(|error| failed(path, error))?;
            return WeightsFile::of_hdf5(path, bytes);
        }
        let Some(at) = zip.index_for_name(WEIGHTS) else {
            return WeightsFile::of_tensors(path, tensorwright_data::npz(path)?.into_iter().collect());
        };
        let entry = zip.by_index(at).map_err(|error| failed(path, error))?;
        if entry.compression() != CompressionMethod::Stored {
            return Err(failed(path, format!("{WEIGHTS} is compressed")));
        }
        let start = entry.data_start();
        drop(entry);
        WeightsFile::of_slices(path, zip.into_inner(), start)
    }

    fn of_slices(path: &Path, mut file: File, start: u64) -> Result<WeightsFile> {
        file.seek(SeekFrom::Start(start)).map_err(|error| failed(path, error))?;
        let tensors = Safetensors::new(file).map_err(|error| failed(path, error))?;
        Ok(WeightsFile { path: path.to_owned(), source: Source::File(tensors) })
    }

    fn of_tensors(path: &Path, mut named: Vec<(String, Tensor)>) -> Result<WeightsFile> {
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let typed = |(name, tensor): (String, Tensor)| Ok((name, tensor.ty()?.clone(), tensor));
        let source = Source::Memory(named.into_iter().map(typed).collect::<Result<_>>()?);
        Ok(WeightsFile { path: path.to_owned(), source })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let (file, memory) = match &self.source {
            Source::File(file) => (Some(file.names()), None),
            Source::Memory(tensors) => (None, Some(tensors.iter().map(|(name, ..)| name.as_str()))),
        };
        file.into_iter().flatten().chain(memory.into_iter().flatten())
    }

    /// The type of the tensor of a name, if there is one.
    pub fn ty(&self, name: &str) -> Option<&TensorType> {
        match &self.source {
            Source::File(file) => file.ty(name),
            Source::Memory(tensors) => {
                let at = tensors.binary_search_by(|(own, ..)| own.as_str().cmp(name)).ok()?;
                Some(&tensors[at].1)
            }
        }
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        match &self.source {
            Source::File(file) => file.read(name).map_err(|error| failed(&self.path, error)),
            Source::Memory(tensors) => {
                let at = tensors.binary_search_by(|(own, ..)| own.as_str().cmp(name));
                let at = at.map_err(|_| failed(&self.path, format!("there is no `{name}`")))?;
                Ok(tensors[at].2.clone())
            }
        }
    }

    /// All tensors with their names.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read_all(&self) -> Result<Vec<(String, Tensor)>> {
        self.names().map(|name| Ok((name.to_owned(), self.read(name)?))).collect()
    }
}

/// Tensors by name that are read, as a file is.
pub(crate) trait NamedTensors {
    /// The type of one, if it is there.
    fn type_of(&self, name: &str) -> Result<Option<TensorType>>;

    /// One of them.
    fn tensor(&self, name: &str) -> Result<Tensor>;

    /// All names.
    fn all(&self) -> Vec<String>;
}

impl NamedTensors for WeightsFile {
    fn type_of(&self, name: &str) -> Result<Option<TensorType>> {
        Ok(self.ty(name).cloned())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.read(name)
    }

    fn all(&self) -> Vec<String> {
        self.names().map(str::to_owned).collect()
    }
}

impl NamedTensors for std::collections::BTreeMap<String, Tensor> {
    fn type_of(&self, name: &str) -> Result<Option<TensorType>> {
        Ok(self.get(name).map(Tensor::ty).transpose()?.cloned())
    }

    fn tensor(&self, name: &str) -> Result<Tensor> {
        self.get(name).cloned().ok_or_else(|| Error::Model(format!("there is no `{name}`")))
    }

    fn all(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}
