//! Tensors by name as bytes, in the format of safetensors: the length of a header as 8 bytes, the header as JSON, and the elements,
//! little-endian and row-major.

use std::io::Read;
use std::ops::Range;

use serde_json::{Map, Value, json};
use tensorwright::{DType, Tensor, TensorType};

use crate::error::{Error, Result};

/// The longest header that is read.
const MAX_HEADER: u64 = 100 << 20;

const DTYPES: [(DType, &str); 13] = [
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
];

fn broken(reason: impl Into<String>) -> Error {
    Error::Model(format!("the file of weights is broken: {}", reason.into()))
}

/// The tensors as a file.
///
/// # Errors
/// When a tensor has no value, or a dtype that files do not have.
pub(super) fn write(tensors: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, tensor) in tensors {
        let ty = tensor.ty()?;
        let dtype = DTYPES.iter().find(|(dtype, _)| *dtype == ty.dtype);
        let dtype =
            dtype.ok_or_else(|| Error::Model(format!("`{name}` is {ty}, which files do not have")))?.1;
        let start = data.len();
        data.extend_from_slice(tensor.as_bytes()?);
        let shape = ty.shape.sizes().to_vec();
        let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name.clone(), entry);
    }
    let mut header = Value::Object(header).to_string().into_bytes();
    // Elements begin at a multiple of 8.
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    Ok(file)
}

/// What is known of a tensor before it is read: its type, and its bytes behind the header.
pub(super) struct Entry {
    pub(super) ty: TensorType,
    pub(super) place: Range<usize>,
}

/// Tensors with what is known of them, and how many bytes the header takes, of a file that has so many bytes.
///
/// # Errors
/// When it is no such file, or is broken.
pub(super) fn table(file: &mut impl Read, size: u64) -> Result<(Vec<(String, Entry)>, u64)> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| broken("it is too short"))?;
    let length = u64::from_le_bytes(length);
    let data = size.checked_sub(8).and_then(|rest| rest.checked_sub(length));
    let Some(data) = data.filter(|_| length <= MAX_HEADER) else {
        return Err(broken(format!("a header of {length} bytes")));
    };
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header).map_err(|error| broken(error.to_string()))?;
    let header: Map<String, Value> =
        serde_json::from_slice(&header).map_err(|error| broken(error.to_string()))?;
    let entries = header.iter().filter(|(name, _)| *name != "__metadata__");
    let entries = entries.map(|(name, own)| Ok((name.clone(), entry(name, own, data)?)));
    Ok((entries.collect::<Result<_>>()?, 8 + length))
}

fn entry(name: &str, entry: &Value, data: u64) -> Result<Entry> {
    let wrong = |what: &str| broken(format!("{what} of `{name}`: {entry}"));
    let dtype = DTYPES.iter().find(|(_, word)| entry["dtype"] == **word).ok_or_else(|| wrong("the dtype"))?.0;
    let numbers = |field: &str| -> Option<Vec<usize>> {
        let list = entry[field].as_array()?;
        list.iter().map(|number| usize::try_from(number.as_u64()?).ok()).collect()
    };
    let shape = numbers("shape").ok_or_else(|| wrong("the shape"))?;
    let elements = shape.iter().try_fold(1usize, |product, &extent| product.checked_mul(extent));
    let bytes =
        elements.and_then(|elements| elements.checked_mul(dtype.size())).ok_or_else(|| wrong("the shape"))?;
    let offsets = numbers("data_offsets").ok_or_else(|| wrong("the place"))?;
    let place = match offsets[..] {
        [start, end] if start <= end && end - start == bytes && end as u64 <= data => start..end,
        _ => return Err(wrong("the place")),
    };
    Ok(Entry { ty: TensorType::new(dtype, &shape[..]), place })
}

/// The tensors of a file in memory.
///
/// # Errors
/// As [`table`].
pub(super) fn read(file: &[u8]) -> Result<Vec<(String, Tensor)>> {
    let (table, header) = table(&mut &file[..], file.len() as u64)?;
    let data = &file[header as usize..];
    let tensor = |entry: Entry| Tensor::from_bytes(&data[entry.place], entry.ty).ok();
    table.into_iter().map(|(name, entry)| Ok((name, tensor(entry)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_written_and_read() -> Result<()> {
        let tensors = [
            ("a.b".to_owned(), Tensor::from([[1.5f32, f32::NAN], [0.0, -0.0]])),
            ("n".to_owned(), Tensor::from(7i64)),
            ("none".to_owned(), Tensor::zeros((0, 3), DType::Bool)),
        ];
        let read = read(&write(&tensors)?)?;
        assert_eq!(read.len(), 3);
        for (name, tensor) in &tensors {
            let own = &read.iter().find(|(own, _)| own == name).expect("it is there").1;
            assert_eq!((own.ty()?, own.as_bytes()?), (tensor.ty()?, tensor.as_bytes()?));
        }
        Ok(())
    }

    #[test]
    fn broken_files_are_errors() -> Result<()> {
        let whole = write(&[("x".to_owned(), Tensor::from([1.0f32, 2.0]))])?;
        for cut in 0..whole.len() {
            assert!(read(&whole[..cut]).is_err(), "{cut} bytes");
        }
        for at in 0..whole.len() {
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
