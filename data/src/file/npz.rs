//! Arrays of NumPy: `.npy` files, and `.npz` files, which are zip archives of them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use tensorwright::{DType, Shape, Tensor, TensorType};
use zip::ZipArchive;

use super::entry::{TensorEntry, swap_bytes};
use crate::error::{DataError, Result};
use crate::pipeline::Dataset;

/// The header of an array is at most so long; what says more is damaged.
const MOST_HEADER: usize = 1 << 20;
/// No byte of a compressed file stands for more bytes.
const MOST_RATIO: u64 = 1032;

fn damaged(what: &str) -> DataError {
    DataError::data_loss(format!("the file is damaged: {what}"))
}

/// The value of a key of the header, which is written like a dict of Python.
fn value<'h>(header: &'h str, key: &str) -> Result<&'h str> {
    let (_, rest) =
        header.split_once(&format!("'{key}':")).ok_or_else(|| damaged("the header lacks a key"))?;
    Ok(rest.trim_start())
}

fn dtype(descr: &str) -> Option<DType> {
    Some(match descr.trim_start_matches(['<', '>', '|', '=']) {
        "b1" => DType::Bool,
        "i1" => DType::I8,
        "i2" => DType::I16,
        "i4" => DType::I32,
        "i8" => DType::I64,
        "u1" => DType::U8,
        "u2" => DType::U16,
        "u4" => DType::U32,
        "u8" => DType::U64,
        "f2" => DType::F16,
        "f4" => DType::F32,
        "f8" => DType::F64,
        "c8" => DType::C64,
        "c16" => DType::C128,
        _ => return None,
    })
}

/// What stands before the elements of an array.
struct Header {
    descr: String,
    shape: Shape,
    is_fortran: bool,
    /// Where the elements begin.
    start: u64,
}

impl Header {
    fn read(from: &mut dyn Read) -> Result<Header> {
        let cut = || damaged("it ends too early");
        let mut magic = [0; 8];
        from.read_exact(&mut magic).map_err(|_| cut())?;
        if !magic.starts_with(b"\x93NUMPY") {
            return Err(damaged("it is no array of NumPy"));
        }
        let mut length = [0; 4];
        let own = match magic[6] {
            1 => 2,
            2 | 3 => 4,
            _ => return Err(damaged("it has an unknown version")),
        };
        from.read_exact(&mut length[..own]).map_err(|_| cut())?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MOST_HEADER {
            return Err(damaged("its header is too long"));
        }
        let mut text = vec![0; length];
        from.read_exact(&mut text).map_err(|_| cut())?;
        let start = (magic.len() + own + length) as u64;
        let text = std::str::from_utf8(&text).map_err(|_| damaged("its header is none"))?;
        Header::parse(text, start)
    }

    fn parse(text: &str, start: u64) -> Result<Header> {
        let descr = value(text, "descr")?;
        let descr = match descr.strip_prefix('\'').and_then(|rest| rest.split_once('\'')) {
            Some((word, _)) => word.to_owned(),
            None => "structures".to_owned(),
        };
        let shape = value(text, "shape")?.strip_prefix('(').and_then(|rest| rest.split(')').next());
        let shape = shape.ok_or_else(|| damaged("it has no shape"))?;
        let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
        let sizes = sizes.map(|size| size.parse().map_err(|_| damaged("it has no shape")));
        let shape: Shape = sizes.collect::<Result<Vec<usize>>>()?.into_iter().collect();
        if !shape.check() {
            return Err(damaged("no array has its shape"));
        }
        Ok(Header { descr, shape, is_fortran: value(text, "fortran_order")?.starts_with("True"), start })
    }

    /// What the table says of an array with this header, whose file has so many bytes.
    fn entry(&self, name: &str, size: u64) -> Result<TensorEntry> {
        let ty = dtype(&self.descr).map(|dtype| TensorType { dtype, shape: self.shape.clone() });
        let bytes = size.checked_sub(self.start).ok_or_else(|| damaged("it ends too early"))?;
        if let Some(ty) = &ty {
            let expected = ty.shape.elements().checked_mul(ty.dtype.size());
            if expected.is_none_or(|expected| expected as u64 != bytes) {
                return Err(damaged("it has another number of elements than its shape says"));
            }
        }
        let (name, word, shape) = (name.to_owned(), self.descr.clone(), self.shape.clone());
        Ok(TensorEntry { name, word, shape, ty, bytes })
    }

    /// The array with these elements.
    fn array(&self, mut data: Vec<u8>, ty: &TensorType) -> Result<Tensor> {
        if self.descr.starts_with('>') {
            swap_bytes(ty.dtype, &mut data);
        }
        if ty.dtype == DType::Bool && data.iter().any(|&byte| byte > 1) {
            return Err(damaged("a bool is neither 0 nor 1"));
        }
        if !self.is_fortran {
            return Ok(Tensor::from_bytes(&data, ty.clone()).ok()?);
        }
        let reversed: Vec<usize> = ty.shape.sizes().iter().rev().copied().collect();
        let axes: Vec<usize> = (0..reversed.len()).rev().collect();
        Ok(Tensor::from_bytes(&data, TensorType::new(ty.dtype, reversed)).permute(&axes[..]).ok()?)
    }
}

/// Where arrays are.
enum Place<R> {
    /// In an archive, each with its number there.
    Archive(ZipArchive<R>, Vec<usize>),
    /// The file is the array.
    File(R),
}

/// An `.npz` or `.npy` file, of which the table is read at once, and an array when it is asked for.
///
/// The array of an `.npy` file is named `array`.
///
/// ```
/// use tensorwright::data::Npz;
///
/// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz");
/// let file = Npz::open(path)?;
/// let first = &file.entries()[0];
/// assert_eq!(file.read(&first.name)?.shape()?, &first.shape);
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
pub struct Npz<R = File> {
    place: Mutex<Place<R>>,
    /// Sorted by their names.
    table: Vec<TensorEntry>,
}

impl Npz {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Npz> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| DataError::io(path, &error))?;
        Npz::new(file).map_err(|error| error.in_file(path))
    }
}

/// An error of an array.
fn of(name: &str, error: &DataError) -> DataError {
    DataError::new(error.kind(), format!("`{name}`: {}", error.message()))
}

impl<R: Read + Seek> Npz<R> {
    /// The arrays of a source.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn new(mut source: R) -> Result<Npz<R>> {
        let mut magic = [0; 6];
        let is_array = source.read_exact(&mut magic).is_ok() && magic == *b"\x93NUMPY";
        if is_array {
            source.rewind().map_err(DataError::data_loss)?;
            let header = Header::read(&mut source)?;
            let size = source.seek(SeekFrom::End(0)).map_err(DataError::data_loss)?;
            let table = vec![header.entry("array", size)?];
            return Ok(Npz { place: Mutex::new(Place::File(source)), table });
        }
        let mut archive = ZipArchive::new(source).map_err(DataError::data_loss)?;
        let (mut found, mut places) = (Vec::new(), Vec::new());
        for at in 0..archive.len() {
            let mut file = archive.by_index(at).map_err(DataError::data_loss)?;
            let name = file.name().trim_end_matches(".npy").to_owned();
            let size = file.size();
            places.push((file.data_start(), file.data_start().saturating_add(file.compressed_size())));
            if size > file.compressed_size().saturating_mul(MOST_RATIO).saturating_add(MOST_RATIO) {
                return Err(damaged(&format!("`{name}` says that it is larger than its bytes can tell")));
            }
            let header = Header::read(&mut file).map_err(|error| of(&name, &error))?;
            found.push((header.entry(&name, size).map_err(|error| of(&name, &error))?, at));
        }
        places.sort_unstable();
        if places.array_windows().any(|[one, other]| other.0 < one.1) {
            return Err(damaged("entries of the archive overlap"));
        }
        found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        if let Some([(one, _), _]) =
            found.array_windows().find(|[(one, _), (other, _)]| one.name == other.name)
        {
            return Err(damaged(&format!("`{}` is there twice", one.name)));
        }
        let (table, places) = found.into_iter().unzip();
        Ok(Npz { place: Mutex::new(Place::Archive(archive, places)), table })
    }

    /// What there is, sorted by names.
    pub fn entries(&self) -> &[TensorEntry] {
        &self.table
    }

    /// The array of a name.
    ///
    /// # Errors
    /// When there is none, its dtype is not read, or the source cannot be read or is damaged.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let at = self.table.binary_search_by(|entry| entry.name.as_str().cmp(name));
        let at =
            at.map_err(|_| DataError::new(crate::ErrorKind::NotFound, format!("there is no `{name}`")))?;
        let entry = &self.table[at];
        let Some(ty) = &entry.ty else {
            return Err(DataError::invalid(format!("`{name}`: arrays of {} are not read", entry.word)));
        };
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        let (header, data) = match &mut *place {
            Place::Archive(archive, places) => {
                elements(&mut archive.by_index(places[at]).map_err(DataError::data_loss)?, entry)
            }
            Place::File(source) => {
                source.rewind().map_err(DataError::data_loss)?;
                elements(source, entry)
            }
        }
        .map_err(|error| of(name, &error))?;
        header.array(data, ty).map_err(|error| of(name, &error))
    }

    /// All arrays with their names.
    ///
    /// # Errors
    /// As [`Npz::read`].
    pub fn read_all(&self) -> Result<Vec<(String, Tensor)>> {
        self.table.iter().map(|entry| Ok((entry.name.clone(), self.read(&entry.name)?))).collect()
    }
}

/// The header of an array, and its elements as bytes.
fn elements(from: &mut dyn Read, entry: &TensorEntry) -> Result<(Header, Vec<u8>)> {
    let header = Header::read(from)?;
    let mut data = Vec::new();
    // One byte more, so that the checksum behind the last one is looked at.
    from.take(entry.bytes.saturating_add(1)).read_to_end(&mut data).map_err(DataError::data_loss)?;
    if data.len() as u64 != entry.bytes {
        return Err(damaged("it has another number of elements than its shape says"));
    }
    Ok((header, data))
}

/// The arrays of an `.npz` file by their names; of an `.npy` file, the one that it is, named `array`.
///
/// # Errors
/// When the file cannot be read or is damaged, or has arrays of dtypes that are not there.
pub fn npz(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let path = path.as_ref();
    let arrays = Npz::open(path)?.read_all().map_err(|error| error.in_file(path))?;
    Ok(arrays.into_iter().collect())
}

impl Dataset {
    /// The rows of the arrays of an `.npz` file: dicts by the names of arrays, which have as many rows.
    #[track_caller]
    pub fn from_npz(path: impl AsRef<Path>) -> Dataset {
        match npz(path) {
            Ok(arrays) => Dataset::from_slices(arrays),
            Err(error) => Dataset::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::{Npz, npz};

    #[test]
    fn arrays_of_an_archive_are_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz");
        let arrays = npz(path).expect("arrays");
        assert!(arrays.len() > 3, "{:?}", arrays.keys());
        assert!(arrays.values().all(|array| array.error().is_none()));
    }

    #[test]
    fn damaged_archives_are_errors() {
        let whole =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz")).expect("there");
        for cut in (0..whole.len()).step_by(whole.len() / 50) {
            assert!(Npz::new(Cursor::new(&whole[..cut])).is_err(), "{cut}");
        }
        let mut flipped = whole.clone();
        let at = whole.len() / 2;
        flipped[at] ^= 1;
        let read = Npz::new(Cursor::new(&flipped)).and_then(|file| file.read_all());
        assert!(read.is_err_and(|error| error.to_string().contains('`')), "the checksum tells");
    }

    /// An `.npy` file.
    fn array(descr: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
        [&b"\x93NUMPY\x01\0"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn byte_orders_and_orders_of_axes_are_read() {
        let read = |bytes: Vec<u8>| Npz::new(Cursor::new(bytes)).and_then(|file| file.read("array"));
        let big = read(array("'>i2'", "False", "(2,)", &[0, 1, 1, 0])).expect("an array");
        assert_eq!(big.to_vec::<i16>().expect("numbers"), [1, 256]);
        let turned = read(array("'|u1'", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6])).expect("an array");
        assert_eq!(turned.to_vec::<u8>().expect("numbers"), [1, 2, 3, 4, 5, 6]);
        assert!(read(array("'|b1'", "False", "()", &[2])).is_err());
        let words = Npz::new(Cursor::new(array("'<U2'", "False", "(1,)", &[0; 8]))).expect("a table");
        assert_eq!((words.entries()[0].word.as_str(), words.entries()[0].ty.is_none()), ("<U2", true));
        assert!(words.read("array").is_err_and(|error| error.to_string().contains("<U2")));
        assert!(read(array("'<f8'", "False", "(4294967296, 4294967296)", &[])).is_err());
    }
}
