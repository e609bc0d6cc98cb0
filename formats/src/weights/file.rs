//! One type for files of weights of all formats.

use std::fmt;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};

use tensorwright::{DType, Tensor, TensorType};
use zip::{CompressionMethod, ZipArchive};

use super::error::{Damage, Read, WeightsError};
use super::source::{Contents, MetadataValue, Source};
use super::spec::{WeightDtype, WeightSpec};
use super::{checkpoint, gguf, hdf5, npz, safetensors, sharded, torch};
use crate::mapped::Mapped;

/// The file of weights in the archive of a model that this library saved.
const SAVED: &str = "weights.safetensors";
/// That in the archive of a model that Keras saved.
const KERAS: &str = "model.weights.h5";
/// No byte of a compressed file stands for more bytes.
const MOST_RATIO: u64 = 1032;
/// What weights in a folder are named, if they are no checkpoint of TensorFlow.
const INDICES: [&str; 4] = [
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
];

/// The format of a file of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WeightsFormat {
    /// Safetensors, or a model that this library saved, which has them in an archive.
    Safetensors,
    /// Arrays of NumPy: `.npz`, or one, `.npy`.
    Npz,
    /// A checkpoint of TensorFlow.
    Checkpoint,
    /// A checkpoint of PyTorch, as `torch.save` writes it.
    Torch,
    /// GGUF.
    Gguf,
    /// Weights of Keras 3: `.weights.h5`, or `.keras`.
    Hdf5,
    /// Several files with an index.
    Sharded,
}

impl fmt::Display for WeightsFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            WeightsFormat::Safetensors => "safetensors",
            WeightsFormat::Npz => "arrays of NumPy",
            WeightsFormat::Checkpoint => "checkpoint of TensorFlow",
            WeightsFormat::Torch => "checkpoint of PyTorch",
            WeightsFormat::Gguf => "GGUF",
            WeightsFormat::Hdf5 => "weights of Keras",
            WeightsFormat::Sharded => "several files with an index",
        })
    }
}

/// Weights in a file of any format: names, dtypes and shapes at once, a tensor when it is asked for.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::weights::Weights;
///
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz");
/// let weights = Weights::open(path)?;
/// for (name, spec) in weights.specs() {
///     println!("{name}: {spec}, {} bytes", spec.bytes);
/// }
/// let first = weights.names().next().unwrap();
/// assert_eq!(weights.read(first)?.ty()?, weights.ty(first).unwrap());
/// # Ok::<(), tensorwright::Error>(())
/// ```
pub struct Weights {
    path: PathBuf,
    format: WeightsFormat,
    /// Sorted by their names.
    rows: Vec<Row>,
    metadata: Vec<(String, MetadataValue)>,
    source: Box<dyn Source>,
}

/// A tensor of the table.
struct Row {
    name: String,
    spec: WeightSpec,
    ty: Option<TensorType>,
    /// Its place in the table of the source.
    at: usize,
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} tensors, {}", self.path.display(), self.rows.len(), self.format)
    }
}

impl Weights {
    /// Opens a file, whose content tells the format. A checkpoint of TensorFlow is named by its index, by its name without an ending, or by the folder that it is in.
    ///
    /// # Errors
    /// When the file cannot be read, is of no format that is known, or its table is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Weights, WeightsError> {
        let path = path.as_ref();
        let (format, contents) = contents(path)?;
        let mut rows: Vec<Row> = contents.table.into_iter().enumerate().map(Row::new).collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        if let Some([one, _]) = rows.array_windows().find(|[one, other]| one.name == other.name) {
            return Err(WeightsError::entry(path, &one.name, "there are two of this name"));
        }
        let (metadata, source) = (contents.metadata, contents.source);
        Ok(Weights { path: path.to_owned(), format, rows, metadata, source })
    }

    /// The path that was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format of the file.
    pub fn format(&self) -> WeightsFormat {
        self.format
    }

    /// What the file says of itself, by names.
    pub fn metadata(&self) -> &[(String, MetadataValue)] {
        &self.metadata
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }

    /// What there is, sorted by names.
    pub fn specs(&self) -> impl Iterator<Item = (&str, &WeightSpec)> {
        self.rows.iter().map(|row| (row.name.as_str(), &row.spec))
    }

    /// What is known of the tensor of a name, if there is one.
    pub fn spec(&self, name: &str) -> Option<&WeightSpec> {
        self.row(name).map(|row| &row.spec)
    }

    /// The type of the tensor that [`Weights::read`] gives for a name, if it gives one.
    pub fn ty(&self, name: &str) -> Option<&TensorType> {
        self.row(name)?.ty.as_ref()
    }

    fn row(&self, name: &str) -> Option<&Row> {
        let at = self.rows.binary_search_by(|row| row.name.as_str().cmp(name)).ok()?;
        self.rows.get(at)
    }

    fn with<T>(&self, name: &str, read: impl FnOnce(&Row) -> Read<T>) -> Result<T, WeightsError> {
        let row = self.row(name);
        let row =
            row.ok_or_else(|| WeightsError::entry(&self.path, name, "there is no tensor of this name"))?;
        read(row).map_err(|damage| damage.at(name).in_file(&self.path))
    }

    /// The tensor of a name. Blocks of quantised numbers are bytes.
    ///
    /// # Errors
    /// When there is none, it is of strings or of a dtype that is not read, or the file is damaged there.
    pub fn read(&self, name: &str) -> Result<Tensor, WeightsError> {
        self.with(name, |row| match row.spec.dtype {
            WeightDtype::Strings => Err(Damage::new("it is of strings")),
            _ => self.source.tensor(row.at),
        })
    }

    /// The tensor of a name; if it is of blocks of quantised numbers, these numbers as floats of a dtype.
    ///
    /// # Errors
    /// As [`Weights::read`].
    pub fn dequantized(&self, name: &str, dtype: DType) -> Result<Tensor, WeightsError> {
        let tensor = self.read(name)?;
        self.with(name, |row| match row.spec.dtype {
            WeightDtype::Blocks(layout) => Ok(tensor.dequantize_blocks(layout, dtype).ok()?),
            _ => Ok(tensor),
        })
    }

    /// The strings of a name, row-major.
    ///
    /// # Errors
    /// When there is no tensor of this name, it is of numbers, or the file is damaged there.
    pub fn strings(&self, name: &str) -> Result<Vec<Vec<u8>>, WeightsError> {
        self.with(name, |row| match row.spec.dtype {
            WeightDtype::Strings => self.source.strings(row.at),
            _ => Err(Damage::new(format!("it is {}, not of strings", row.spec))),
        })
    }

    /// All tensors with their names. Strings are left out.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read_all(&self) -> Result<Vec<(String, Tensor)>, WeightsError> {
        let numbers = self.rows.iter().filter(|row| row.spec.dtype != WeightDtype::Strings);
        numbers.map(|row| Ok((row.name.clone(), self.read(&row.name)?))).collect()
    }
}

impl Row {
    fn new((at, (name, spec)): (usize, (String, WeightSpec))) -> Row {
        Row { name, ty: spec.ty(), spec, at }
    }
}

/// The format of a file, and what is in it.
fn contents(path: &Path) -> Result<(WeightsFormat, Contents), WeightsError> {
    if path.is_dir()
        && let Some(own) = INDICES.iter().map(|name| path.join(name)).find(|own| own.is_file())
    {
        return contents(&own);
    }
    if !path.is_file() {
        let index = checkpoint::index_of(path);
        let index = index.ok_or_else(|| match path.exists() {
            true => WeightsError::format(path, "there are no weights in this folder"),
            false => WeightsError::io(path, "there is no such file, and no checkpoint of this name"),
        })?;
        return Ok((WeightsFormat::Checkpoint, checkpoint::open(&index)?));
    }
    let mapped = Mapped::open(path).map_err(|error| WeightsError::io(path, error))?;
    if let [b'{', ..] = mapped.as_ref() {
        let open = |path: &Path| {
            let mapped = Mapped::open(path).map_err(|error| WeightsError::io(path, error))?;
            Ok(of_bytes(path, mapped)?.1)
        };
        return Ok((WeightsFormat::Sharded, sharded::open(path, mapped.as_ref(), &open)?));
    }
    of_bytes(path, mapped)
}

/// The format of a file that is no index of others, and what is in it.
fn of_bytes(path: &Path, mapped: Mapped) -> Result<(WeightsFormat, Contents), WeightsError> {
    Ok(match mapped.as_ref() {
        [b'P', b'K', ..] => return archive(path, mapped),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => (WeightsFormat::Npz, npz::open(path, mapped)?),
        [b'G', b'G', b'U', b'F', ..] => (WeightsFormat::Gguf, gguf::open(path, mapped)?),
        bytes @ [0x89, b'H', b'D', b'F', ..] => {
            let most = (bytes.len() as u64).saturating_mul(MOST_RATIO);
            (WeightsFormat::Hdf5, hdf5::open(path, bytes.to_vec(), most)?)
        }
        bytes if checkpoint::is_index(bytes) => (WeightsFormat::Checkpoint, checkpoint::open(path)?),
        [_, _, _, _, _, _, 0, 0, b'{', ..] => {
            (WeightsFormat::Safetensors, safetensors::open(path, mapped, 0)?)
        }
        [0x80, 2..=5, ..] => {
            let hint =
                "a pickle by itself is not read: write it again with `torch.save`, of PyTorch 1.6 or later";
            return Err(WeightsError::format(path, hint));
        }
        _ => match checkpoint::index_of(path).filter(|index| index != path) {
            Some(index) => (WeightsFormat::Checkpoint, checkpoint::open(&index)?),
            None => {
                return Err(WeightsError::format(path, "the file is of no format of weights that is known"));
            }
        },
    })
}

/// What is in a zip archive.
fn archive(path: &Path, mapped: Mapped) -> Result<(WeightsFormat, Contents), WeightsError> {
    let failed = |error: zip::result::ZipError| WeightsError::format(path, error);
    let mut archive = ZipArchive::new(Cursor::new(mapped.clone())).map_err(failed)?;
    if let Some(pickle) = torch::pickle_of(&archive) {
        return Ok((WeightsFormat::Torch, torch::open(path, mapped, &mut archive, &pickle)?));
    }
    if let Some(at) = archive.index_for_name(KERAS) {
        let entry = archive.by_index(at).map_err(failed)?;
        let most = entry.compressed_size().saturating_mul(MOST_RATIO);
        let mut bytes = Vec::new();
        entry.take(most).read_to_end(&mut bytes).map_err(|error| WeightsError::format(path, error))?;
        let most = (mapped.as_ref().len() as u64).saturating_mul(MOST_RATIO);
        return Ok((WeightsFormat::Hdf5, hdf5::open(path, bytes, most)?));
    }
    let Some(at) = archive.index_for_name(SAVED) else {
        return Ok((WeightsFormat::Npz, npz::open(path, mapped)?));
    };
    let entry = archive.by_index(at).map_err(failed)?;
    if entry.compression() != CompressionMethod::Stored {
        return Err(WeightsError::format(path, format!("{SAVED} is compressed")));
    }
    let start = entry.data_start();
    drop(entry);
    Ok((WeightsFormat::Safetensors, safetensors::open(path, mapped, start)?))
}
