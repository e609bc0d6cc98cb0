//! Safetensors files: tensors by their names. The length of a header as 8 bytes, the header as JSON, and the elements, little-endian and row-major.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tensorwright::{DType, Shape, Tensor, TensorType};

use super::entry::TensorEntry;
use crate::error::{DataError, Result};
use crate::pipeline::Dataset;

/// The header is at most so long; what says more is damaged.
const MOST: u64 = 100 << 20;

const DTYPES: [(DType, &str); 14] = [
    (DType::Bool, "BOOL"),
    (DType::I8, "I8"),
    (DType::I16, "I16"),
    (DType::I32, "I32"),
    (DType::I64, "I64"),
    (DType::U8, "U8"),
    (DType::U16, "U16"),
    (DType::U32, "U32"),
    (DType::U64, "U64"),
    (DType::F16, "F16"),
    (DType::BF16, "BF16"),
    (DType::F32, "F32"),
    (DType::F64, "F64"),
    (DType::C64, "C64"),
];

/// A safetensors file, or a part of one, of which the table is read at once, and a tensor when it is asked for.
///
/// ```
/// use std::io::Cursor;
/// use tensorwright::prelude::*;
/// use tensorwright::data::{Safetensors, write_safetensors};
///
/// let bytes = write_safetensors(&[("kernel".to_owned(), Tensor::from([1.0f32, 2.0])), ("bias".to_owned(), Tensor::from(3i64))])?;
/// let file = Safetensors::new(Cursor::new(bytes))?;
/// assert_eq!(file.names().collect::<Vec<_>>(), ["bias", "kernel"]);
/// assert_eq!(file.ty("kernel").unwrap().to_string(), "f32[2]");
/// assert_eq!(file.read("bias")?.item::<i64>()?, 3);
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
pub struct Safetensors<R = File> {
    source: Mutex<R>,
    /// Sorted by their names.
    table: Vec<TensorEntry>,
    /// Where their bytes are in the source.
    places: Vec<Range<u64>>,
    /// What the file says of itself.
    metadata: Vec<(String, String)>,
}

impl Safetensors {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Safetensors> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|error| DataError::io(path, &error))?;
        Safetensors::new(file).map_err(|error| error.in_file(path))
    }
}

impl<R: Read + Seek> Safetensors<R> {
    /// The tensors from where the source stands to its end.
    ///
    /// # Errors
    /// When it cannot be read, or is damaged.
    pub fn new(mut source: R) -> Result<Safetensors<R>> {
        let cut = || DataError::data_loss("the file ends within its header");
        let start = source.stream_position().map_err(DataError::data_loss)?;
        let end = source.seek(SeekFrom::End(0)).map_err(DataError::data_loss)?;
        source.seek(SeekFrom::Start(start)).map_err(DataError::data_loss)?;
        let mut length = [0; 8];
        source.read_exact(&mut length).map_err(|_| cut())?;
        let length = u64::from_le_bytes(length);
        let data = start.saturating_add(8).saturating_add(length);
        if length > MOST || data > end {
            return Err(cut());
        }
        let mut header = vec![0; length as usize];
        source.read_exact(&mut header).map_err(|_| cut())?;
        let header: Map<String, Value> = serde_json::from_slice(&header).map_err(DataError::data_loss)?;
        let mut found = Vec::new();
        for (name, own) in header.iter().filter(|(name, _)| *name != "__metadata__") {
            let (entry, place) = entry(name, own, end - data)?;
            found.push((entry, data + place.start..data + place.end));
        }
        apart(&mut found)?;
        found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let (table, places) = found.into_iter().unzip();
        Ok(Safetensors { source: Mutex::new(source), table, places, metadata: metadata(&header) })
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.table.iter().map(|entry| entry.name.as_str())
    }

    /// What there is, sorted by names.
    pub fn entries(&self) -> &[TensorEntry] {
        &self.table
    }

    /// What the file says of itself, by names.
    pub fn metadata(&self) -> &[(String, String)] {
        &self.metadata
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.table.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()
    }

    /// Where the bytes of the tensor of a name are in the source, if there is one.
    pub fn place(&self, name: &str) -> Option<Range<u64>> {
        self.find(name).map(|at| self.places[at].clone())
    }

    /// The type of the tensor of a name, if there is one.
    pub fn ty(&self, name: &str) -> Option<&TensorType> {
        self.table[self.find(name)?].ty.as_ref()
    }

    /// The tensor of a name.
    ///
    /// # Errors
    /// When there is none, its dtype is not read, or the source cannot be read.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        let at = self.find(name);
        let at =
            at.ok_or_else(|| DataError::new(crate::ErrorKind::NotFound, format!("there is no `{name}`")))?;
        let (entry, place) = (&self.table[at], &self.places[at]);
        let Some(ty) = &entry.ty else {
            return Err(DataError::invalid(format!("`{name}`: tensors of {} are not read", entry.word)));
        };
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = vec![0; (place.end - place.start) as usize];
        source
            .seek(SeekFrom::Start(place.start))
            .and_then(|_| source.read_exact(&mut bytes))
            .map_err(DataError::data_loss)?;
        Ok(Tensor::from_bytes(&bytes, ty.clone()).ok()?)
    }

    /// All tensors with their names.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub fn read_all(&self) -> Result<Vec<(String, Tensor)>> {
        self.names().map(|name| Ok((name.to_owned(), self.read(name)?))).collect()
    }
}

/// What an entry of the header describes, and its bytes behind the header.
fn entry(name: &str, entry: &Value, data: u64) -> Result<(TensorEntry, Range<u64>)> {
    let wrong = |what: &str| DataError::data_loss(format!("{what} of `{name}` is damaged: {entry}"));
    let word = entry["dtype"].as_str().ok_or_else(|| wrong("the dtype"))?;
    let dtype = DTYPES.iter().find(|(_, own)| *own == word).map(|(dtype, _)| *dtype);
    let numbers = |field: &str| -> Option<Vec<usize>> {
        let list = entry[field].as_array()?;
        list.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
    };
    let shape: Shape = numbers("shape").ok_or_else(|| wrong("the shape"))?.into_iter().collect();
    if !shape.check() {
        return Err(wrong("the shape"));
    }
    let offsets = numbers("data_offsets").ok_or_else(|| wrong("the place"))?;
    let [from, to] = offsets[..] else { return Err(wrong("the place")) };
    let expected = dtype.map(|dtype| shape.elements().checked_mul(dtype.size()));
    if from > to || to as u64 > data || expected.is_some_and(|bytes| bytes != Some(to - from)) {
        return Err(wrong("the place"));
    }
    let ty = dtype.map(|dtype| TensorType { dtype, shape: shape.clone() });
    let (name, word, bytes) = (name.to_owned(), word.to_owned(), (to - from) as u64);
    Ok((TensorEntry { name, word, shape, ty, bytes }, from as u64..to as u64))
}

/// No bytes belong to two tensors.
fn apart(found: &mut [(TensorEntry, Range<u64>)]) -> Result<()> {
    found.sort_by_key(|(_, place)| (place.start, place.end));
    match found.array_windows().find(|[(_, one), (_, other)]| other.start < one.end) {
        Some([(one, _), (other, _)]) => {
            Err(DataError::data_loss(format!("`{}` and `{}` have the same bytes", one.name, other.name)))
        }
        None => Ok(()),
    }
}

/// The texts of a header that are of no tensor.
fn metadata(header: &Map<String, Value>) -> Vec<(String, String)> {
    let texts = header.get("__metadata__").and_then(Value::as_object).into_iter().flatten();
    texts.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
}

/// What stands in a safetensors file before the elements of tensors of these names and types, which follow each other in this order.
///
/// # Errors
/// When a tensor has a dtype that such files do not have.
pub fn safetensors_header(tensors: &[(String, TensorType)]) -> Result<Vec<u8>> {
    let (mut header, mut start) = (Map::new(), 0);
    for (name, ty) in tensors {
        let dtype = DTYPES.iter().find(|(dtype, _)| *dtype == ty.dtype);
        let dtype =
            dtype.ok_or_else(|| DataError::invalid(format!("`{name}` is {ty}, which files do not have")))?.1;
        let shape = ty.shape.sizes().to_vec();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, start + ty.bytes()]});
        header.insert(name.clone(), entry);
        start += ty.bytes();
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // Elements begin at a multiple of 8.
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok([&(header.len() as u64).to_le_bytes()[..], &header].concat())
}

/// The tensors as the bytes of a safetensors file.
///
/// # Errors
/// When a tensor has no value, or a dtype that such files do not have.
pub fn write_safetensors(tensors: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let typed = tensors.iter().map(|(name, tensor)| Ok((name.clone(), tensor.ty()?.clone())));
    let mut file = safetensors_header(&typed.collect::<Result<Vec<_>>>()?)?;
    for (_, tensor) in tensors {
        file.extend_from_slice(tensor.as_bytes()?);
    }
    Ok(file)
}

/// The tensors of a safetensors file, by their names.
///
/// # Errors
/// When the file cannot be read or is damaged, or has tensors of dtypes that are not there.
pub fn safetensors(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let path = path.as_ref();
    let tensors = Safetensors::open(path)?.read_all().map_err(|error| error.in_file(path))?;
    Ok(tensors.into_iter().collect())
}

impl Dataset {
    /// The rows of the tensors of a safetensors file: dicts by the names of tensors, which have as many rows.
    #[track_caller]
    pub fn from_safetensors(path: impl AsRef<Path>) -> Dataset {
        match safetensors(path) {
            Ok(tensors) => Dataset::from_slices(tensors),
            Err(error) => Dataset::failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tensorwright::{DType, Tensor};

    use super::{Dataset, Result, Safetensors, safetensors, write_safetensors};

    #[test]
    fn tensors_are_read() {
        let path = std::env::temp_dir().join(format!("tensorwright-{}.safetensors", std::process::id()));
        let header = br#"{"__metadata__":{"a":"b"},"x":{"dtype":"I16","shape":[2,1],"data_offsets":[0,4]},"y":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#;
        let file = [&(header.len() as u64).to_le_bytes()[..], header, &[1, 0, 2, 0, 7, 8]].concat();
        std::fs::write(&path, &file).expect("written");
        assert_eq!(safetensors(&path).expect("tensors")["x"].to_vec::<i16>().expect("values"), [1, 2]);
        assert_eq!(
            Dataset::from_safetensors(&path).spec().expect("rows").to_string(),
            "{x: i16[1], y: u8[]}"
        );
        for cut in 0..file.len() {
            std::fs::write(&path, &file[..cut]).expect("written");
            assert!(safetensors(&path).is_err(), "{cut}");
        }
        std::fs::remove_file(path).expect("removed");
    }

    fn read(bytes: &[u8]) -> Result<Vec<(String, Tensor)>> {
        Safetensors::new(Cursor::new(bytes))?.read_all()
    }

    #[test]
    fn what_is_written_is_read() -> Result<()> {
        let tensors = [
            ("a.b".to_owned(), Tensor::from([[1.5f32, f32::NAN], [0.0, -0.0]])),
            ("n".to_owned(), Tensor::from(7i64)),
            ("none".to_owned(), Tensor::zeros((0, 3), DType::Bool)),
        ];
        let bytes = write_safetensors(&tensors)?;
        // Also from the middle of a file on.
        let mut later = Cursor::new([&b"before"[..], &bytes].concat());
        later.set_position(6);
        for read in [read(&bytes)?, Safetensors::new(later)?.read_all()?] {
            assert_eq!(read.len(), 3);
            for (name, tensor) in &tensors {
                let own = &read.iter().find(|(own, _)| own == name).expect("it is there").1;
                assert_eq!((own.ty()?, own.as_bytes()?), (tensor.ty()?, tensor.as_bytes()?));
            }
        }
        Ok(())
    }

    #[test]
    fn damaged_files_are_errors() -> Result<()> {
        let whole = write_safetensors(&[("x".to_owned(), Tensor::from([1.0f32, 2.0]))])?;
        for at in 0..whole.len() {
            assert!(read(&whole[..at]).is_err(), "{at} bytes");
            let mut other = whole.clone();
            other[at] = other[at].wrapping_add(1);
            // Whatever it says, it does not panic.
            let _ = read(&other);
        }
        for header in [
            r#"{"x":{"dtype":"F32","shape":[18446744073709551615,4],"data_offsets":[0,8]}}"#,
            "[]",
            "{\"x\":3}",
        ] {
            let mut file = (header.len() as u64).to_le_bytes().to_vec();
            file.extend(header.bytes());
            file.extend([0; 8]);
            assert!(read(&file).is_err(), "{header}");
        }
        Ok(())
    }
}
