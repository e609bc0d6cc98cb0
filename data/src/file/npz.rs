//! Arrays of NumPy: `.npy` files, and `.npz` files, which are zip archives of them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use tensorwright::{DType, Tensor, TensorType};

use crate::error::{DataError, Result};
use crate::pipeline::Dataset;

fn damaged(what: &str) -> DataError {
    DataError::data_loss(format!("the file is damaged: {what}"))
}

/// A little-endian number at a place.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Result<usize> {
    let own = bytes.get(at..at.saturating_add(N)).ok_or_else(|| damaged("it ends too early"))?;
    let number = own.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).map_err(|_| damaged("a size is too large"))
}

/// The value of a key of the header, which is written like a dict of Python.
fn value<'h>(header: &'h str, key: &str) -> Result<&'h str> {
    let (_, rest) =
        header.split_once(&format!("'{key}':")).ok_or_else(|| damaged("the header lacks a key"))?;
    Ok(rest.trim_start())
}

fn dtype(descr: &str) -> Result<DType> {
    Ok(match descr.trim_start_matches(['<', '|', '=']) {
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
        other => return Err(DataError::invalid(format!("arrays of {other} are not read"))),
    })
}

/// The array in the bytes of an `.npy` file.
fn npy(bytes: &[u8]) -> Result<Tensor> {
    if !bytes.starts_with(b"\x93NUMPY") {
        return Err(damaged("it is no array of NumPy"));
    }
    let (length, start): (usize, usize) = match bytes.get(6) {
        Some(1) => (number::<2>(bytes, 8)?, 10),
        Some(2 | 3) => (number::<4>(bytes, 8)?, 12),
        _ => return Err(damaged("it has an unknown version")),
    };
    let header = bytes.get(start..start.saturating_add(length)).and_then(|own| std::str::from_utf8(own).ok());
    let header = header.ok_or_else(|| damaged("its header is none"))?;
    let descr = value(header, "descr")?.strip_prefix('\'').and_then(|rest| rest.split('\'').next());
    let dtype = dtype(descr.ok_or_else(|| DataError::invalid("arrays of structures are not read"))?)?;
    let shape = value(header, "shape")?.strip_prefix('(').and_then(|rest| rest.split(')').next());
    let sizes = shape
        .ok_or_else(|| damaged("it has no shape"))?
        .split(',')
        .map(str::trim)
        .filter(|size| !size.is_empty());
    let sizes = sizes
        .map(|size| size.parse().map_err(|_| damaged("it has no shape")))
        .collect::<Result<Vec<usize>>>()?;
    let data = &bytes[start + length..];
    let count = sizes.iter().try_fold(dtype.size(), |all, size| all.checked_mul(*size));
    if count != Some(data.len()) {
        return Err(damaged("it has another number of elements than its shape says"));
    }
    match value(header, "fortran_order")?.starts_with("True") {
        false => Ok(Tensor::from_bytes(data, TensorType::new(dtype, sizes)).ok()?),
        true => {
            let reversed: Vec<usize> = sizes.iter().rev().copied().collect();
            let axes: Vec<usize> = (0..sizes.len()).rev().collect();
            Ok(Tensor::from_bytes(data, TensorType::new(dtype, reversed)).permute(&axes[..]).ok()?)
        }
    }
}

/// The entries of a zip archive: names and bytes.
fn entries(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>> {
    let end = archive
        .windows(4)
        .rposition(|own| own == b"PK\x05\x06")
        .ok_or_else(|| damaged("it is no archive"))?;
    let (count, mut at) = (number::<2>(archive, end + 10)?, number::<4>(archive, end + 16)?);
    (0..count)
        .map(|_| {
            let fields = archive
                .get(at..)
                .filter(|rest| rest.starts_with(b"PK\x01\x02"))
                .ok_or_else(|| damaged("its table ends"))?;
            let (method, packed, size) =
                (number::<2>(fields, 10)?, number::<4>(fields, 20)?, number::<4>(fields, 24)?);
            let [name, extra, comment] =
                [number::<2>(fields, 28)?, number::<2>(fields, 30)?, number::<2>(fields, 32)?];
            let local = number::<4>(fields, 42)?;
            let own = fields.get(46..46 + name).ok_or_else(|| damaged("a name is cut"))?;
            at += 46 + name + extra + comment;
            Ok((String::from_utf8_lossy(own).into_owned(), entry(archive, local, method, packed, size)?))
        })
        .collect()
}

/// The bytes of an entry, unpacked.
fn entry(archive: &[u8], local: usize, method: usize, packed: usize, size: usize) -> Result<Vec<u8>> {
    let start = local + 30 + number::<2>(archive, local + 26)? + number::<2>(archive, local + 28)?;
    let own = archive.get(start..start.saturating_add(packed)).ok_or_else(|| damaged("an entry is cut"))?;
    let bytes = match method {
        0 => own.to_vec(),
        8 => {
            let mut bytes = Vec::new();
            let unpacked =
                flate2::read::DeflateDecoder::new(own).take(size as u64 + 1).read_to_end(&mut bytes);
            unpacked.map_err(DataError::data_loss)?;
            bytes
        }
        _ => return Err(DataError::invalid("the archive is packed in a way that is not read")),
    };
    if bytes.len() == size { Ok(bytes) } else { Err(damaged("an entry has another size")) }
}

/// The arrays of an `.npz` file by their names; of an `.npy` file, the one that it is, named `array`.
///
/// # Errors
/// When the file cannot be read or is damaged, or has arrays of dtypes that are not there.
pub fn npz(path: impl AsRef<Path>) -> Result<BTreeMap<String, Tensor>> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(|error| DataError::io(path, &error))?;
    let read = || -> Result<BTreeMap<String, Tensor>> {
        if bytes.starts_with(b"\x93NUMPY") {
            return Ok(BTreeMap::from([("array".to_owned(), npy(&bytes)?)]));
        }
        let entries = entries(&bytes)?.into_iter();
        entries.map(|(name, bytes)| Ok((name.trim_end_matches(".npy").to_owned(), npy(&bytes)?))).collect()
    };
    read().map_err(|error| error.in_file(path))
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
    use super::npz;

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
        let path = std::env::temp_dir().join(format!("tensorwright-{}.npz", std::process::id()));
        for cut in (0..whole.len()).step_by(whole.len() / 50) {
            std::fs::write(&path, &whole[..cut]).expect("written");
            assert!(npz(&path).is_err(), "{cut}");
        }
        std::fs::remove_file(path).expect("removed");
    }
}
