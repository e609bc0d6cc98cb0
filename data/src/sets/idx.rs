//! Files in the format `idx`: MNIST, Fashion-MNIST and their kin.

use std::path::Path;

use tensorwright::{DType, Tensor, TensorType};

use crate::error::{DataError, Result};
use crate::file::{Bytes, Compression};
use crate::pipeline::Dataset;

/// The array in a file of format `idx`, compressed if its name ends in `.gz`.
///
/// # Errors
/// When the file cannot be read, is not of the format, or is cut short.
pub fn idx(path: impl AsRef<Path>) -> Result<Tensor> {
    let path = path.as_ref();
    read(path).map_err(|error| error.in_file(path))
}

fn read(path: &Path) -> Result<Tensor> {
    let mut bytes = Bytes::open(path, Compression::of(path), 0)?;
    let [zero, other, kind, rank] = take::<4>(&mut bytes)?;
    let dtype = match kind {
        0x08 => DType::U8,
        0x09 => DType::I8,
        0x0b => DType::I16,
        0x0c => DType::I32,
        0x0d => DType::F32,
        0x0e => DType::F64,
        _ => return Err(DataError::data_loss(format!("{kind:#04x} is no type of idx files"))),
    };
    if [zero, other] != [0, 0] {
        return Err(DataError::data_loss("an idx file begins with two zeros"));
    }
    let sizes = (0..rank)
        .map(|_| Ok(u32::from_be_bytes(take::<4>(&mut bytes)?) as usize))
        .collect::<Result<Vec<_>>>()?;
    let count = sizes.iter().try_fold(dtype.size(), |all, size| all.checked_mul(*size));
    let mut elements = rest(&mut bytes, count.ok_or_else(|| DataError::data_loss("the sizes are damaged"))?)?;
    if bytes.read(&mut [0])? > 0 {
        return Err(DataError::data_loss("the file has more elements than its sizes say"));
    }
    elements.chunks_exact_mut(dtype.size()).for_each(<[u8]>::reverse);
    Ok(Tensor::from_bytes(&elements, TensorType::new(dtype, sizes)).ok()?)
}

fn take<const N: usize>(bytes: &mut Bytes) -> Result<[u8; N]> {
    let mut taken = [0; N];
    match bytes.read(&mut taken)? {
        count if count == N => Ok(taken),
        _ => Err(DataError::data_loss("the file ends within its header")),
    }
}

/// So many bytes, read piece by piece: sizes that are damaged ask for no memory.
fn rest(bytes: &mut Bytes, count: usize) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while all.len() < count {
        let before = all.len();
        all.resize(count.min(before + (1 << 20)), 0);
        if bytes.read(&mut all[before..])? < all.len() - before {
            return Err(DataError::data_loss(format!("the file ends before its {count} bytes")));
        }
    }
    Ok(all)
}

/// Images and labels of two `idx` files side by side, as MNIST and Fashion-MNIST have them: `(u8[28,28], u8[])`.
#[track_caller]
pub fn idx_pairs(images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Dataset {
    match idx(images).and_then(|images| Ok((images, idx(labels)?))) {
        Ok(pair) => Dataset::from_slices(pair),
        Err(error) => Dataset::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::{idx, idx_pairs};

    #[test]
    fn arrays_are_read() {
        let folder = std::env::temp_dir().join(format!("tensorwright-idx-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let (images, labels) = (folder.join("images"), folder.join("labels"));
        std::fs::write(
            &images,
            [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2][..], &[1, 2, 3, 4]].concat(),
        )
        .expect("written");
        std::fs::write(&labels, [0, 0, 0x0b, 1, 0, 0, 0, 2, 1, 0, 0, 7]).expect("written");
        assert_eq!(idx(&labels).expect("an array").to_vec::<i16>().expect("values"), [256, 7]);
        let pairs = idx_pairs(&images, &labels);
        assert_eq!(pairs.spec().expect("pairs").to_string(), "(u8[1,2], i16[])");
        std::fs::write(
            &images,
            [0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        )
        .expect("written");
        assert!(idx(&images).is_err());
        std::fs::remove_dir_all(folder).expect("removed");
    }
}
