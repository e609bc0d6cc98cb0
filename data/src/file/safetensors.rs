//! Safetensors files: tensors by their names.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tensorwright::{DType, Tensor, TensorType};

use super::{Bytes, Compression};
use crate::error::{DataError, Result};
use crate::pipeline::Dataset;

/// The header is at most so long; what says more is damaged.
const MOST: u64 = 100 << 20;

fn dtype(name: &str) -> Result<DType> {
    Ok(match name {
        "BOOL" => DType::Bool,
        "I8" => DType::I8,
        "I16" => DType::I16,
        "I32" => DType::I32,
        "I64" => DType::I64,
        "U8" => DType::U8,
        "U16" => DType::U16,
        "U32" => DType::U32,
        "U64" => DType::U64,
        "F16" => DType::F16,
        "BF16" => DType::BF16,
        "F32" => DType::F32,
        "F64" => DType::F64,
        other => return Err(DataError::invalid(format!("tensors of {other} are not read"))),
    })
}

fn numbers(value: &Value) -> Option<Vec<usize>> {
    value.as_array()?.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
}

/// The tensor that an entry of the header describes.
fn tensor(name: &str, entry: &Value, data: &[u8]) -> Result<Tensor> {
    let wrong = || DataError::data_loss(format!("the entry of {name} is damaged"));
    let dtype = dtype(entry["dtype"].as_str().ok_or_else(wrong)?)?;
    let shape = numbers(&entry["shape"]).ok_or_else(wrong)?;
    let offsets = numbers(&entry["data_offsets"]).ok_or_else(wrong)?;
    let &[from, to] = offsets.as_slice() else { return Err(wrong()) };
    let count = shape.iter().try_fold(dtype.size(), |all, size| all.checked_mul(*size));
    let bytes = data.get(from..to).filter(|bytes| Some(bytes.len()) == count).ok_or_else(wrong)?;
    Ok(Tensor::from_bytes(bytes, TensorType::new(dtype, shape)).ok()?)
}

fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    let mut bytes = Bytes::open(path, Compression::None, 0)?;
    let cut = || DataError::data_loss("the file ends within its header");
    let mut length = [0; 8];
    if bytes.read(&mut length)? < 8 {
        return Err(cut());
    }
    let length = Some(u64::from_le_bytes(length)).filter(|length| *length <= MOST).ok_or_else(cut)?;
    let size = std::fs::metadata(path).map_err(|error| DataError::io(path, &error))?.len();
    if length > size {
        return Err(cut());
    }
    let mut header = vec![0; length as usize];
    bytes.read(&mut header)?;
    let header: Value = serde_json::from_slice(&header).map_err(DataError::data_loss)?;
    let mut data = vec![0; (size - 8).saturating_sub(length) as usize];
    let count = bytes.read(&mut data)?;
    let entries = header.as_object().ok_or_else(|| DataError::data_loss("the header is no table"))?;
    let entries = entries.iter().filter(|(name, _)| *name != "__metadata__");
    entries.map(|(name, entry)| Ok((name.clone(), tensor(name, entry, &data[..count])?))).collect()
}

/// The tensors of a safetensors file, by their names.
///
/// # Errors
/// When the file cannot be read or is damaged, or has tensors of dtypes that are not there.
pub fn safetensors(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let path = path.as_ref();
    read(path).map_err(|error| error.in_file(path))
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
    use super::{Dataset, safetensors};

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
}
