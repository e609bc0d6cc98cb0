//! Files of weights, of which the table is read at once, and a tensor when it is asked for.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tensorwright::{Tensor, TensorType};
use zip::{CompressionMethod, ZipArchive};

use super::archive::{WEIGHTS, failed};
use super::hdf5;
use super::safetensors::{self, Entry};
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
    /// Names, sorted, with what is known of them.
    table: Vec<(String, Entry)>,
    source: Source,
}

/// The file of weights in an archive of Keras.
const KERAS_WEIGHTS: &str = "model.weights.h5";

/// The most bytes of weights that are read of an archive of Keras, which may be compressed.
const MAX_KERAS: u64 = 64 << 30;

/// Where tensors are.
enum Source {
    /// In a file, from this byte on.
    Slices { file: Mutex<File>, start: u64 },
    /// In memory, in the order of the table.
    Tensors(Vec<Tensor>),
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
        let end = file.metadata().map_err(|error| failed(path, error))?.len();
        file.seek(SeekFrom::Start(start)).map_err(|error| failed(path, error))?;
        let (mut table, header) =
            safetensors::table(&mut file, end.saturating_sub(start)).map_err(|error| failed(path, error))?;
        table.sort_by(|(a, _), (b, _)| a.cmp(b));
        let source = Source::Slices { file: Mutex::new(file), start: start + header };
        Ok(WeightsFile { path: path.to_owned(), table, source })
    }

    fn of_tensors(path: &Path, mut named: Vec<(String, Tensor)>) -> Result<WeightsFile> {
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let entry = |(name, tensor): &(String, Tensor)| {
            Ok((name.clone(), Entry { ty: tensor.ty()?.clone(), place: 0..0 }))
        };
        let table = named.iter().map(entry).collect::<Result<_>>()?;
        let tensors = named.into_iter().map(|(_, tensor)| tensor).collect();
        Ok(WeightsFile { path: path.to_owned(), table, source: Source::Tensors(tensors) })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.iter().map(|(name, _)| name.as_str())
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.table.binary_search_by(|(own, _)| own.as_str().cmp(name)).ok()
    }

    /// The type of the tensor of a name, if there is one.
    pub fn ty(&self, name: &str) -> Option<&TensorType> {
        Some(&self.table[self.place(name)?].1.ty)
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// When there is none, or the file cannot be read.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let at = self.place(name).ok_or_else(|| failed(&self.path, format!("there is no `{name}`")))?;
        match &self.source {
            Source::Tensors(tensors) => Ok(tensors[at].clone()),
            Source::Slices { file, start } => {
                let Entry { ty, place } = &self.table[at].1;
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                let mut bytes = vec![0; place.len()];
                file.seek(SeekFrom::Start(start + place.start as u64))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|error| failed(&self.path, error))?;
                Ok(Tensor::from_bytes(&bytes, ty.clone()).ok()?)
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
