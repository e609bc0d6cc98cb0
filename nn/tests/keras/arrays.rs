//! Arrays of a `.npz` file as tensors.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use npyz::NpyFile;
use tensorwright::{DType, Element, Tensor};

/// Arrays by name.
pub(crate) type Arrays = HashMap<String, Tensor>;

/// The arrays of the file.
pub(crate) fn read(bytes: &[u8]) -> Arrays {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).expect("a zip file");
    (0..archive.len())
        .map(|i| {
            let mut entry = archive.by_index(i).expect("an entry");
            let name = entry.name().trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("bytes");
            (name, tensor(&bytes))
        })
        .collect()
}

fn tensor(bytes: &[u8]) -> Tensor {
    let file = NpyFile::new(bytes).expect("an array");
    let shape: Vec<usize> = file.shape().iter().map(|&extent| extent as usize).collect();
    let kind = file.dtype().descr();
    macro_rules! read {
        ($($name:literal => $ty:ty),*) => {
            match kind.trim_matches('\'') {
                $($name => elements::<$ty>(file, &shape),)*
                other => panic!("an array of {other}"),
            }
        };
    }
    read!("<f4" => f32, "<f8" => f64, "<i4" => i32, "<i8" => i64, "|b1" => bool, "|i1" => i8, "|u1" => u8)
}

fn elements<T: Element + npyz::Deserialize>(file: NpyFile<&[u8]>, shape: &[usize]) -> Tensor {
    let elements: Vec<T> = file.into_vec().expect("elements");
    Tensor::from_slice(&elements, shape)
}

/// The dtype of Keras's name.
pub(crate) fn dtype(name: &str) -> DType {
    match name {
        "float32" => DType::F32,
        "float64" => DType::F64,
        "bfloat16" => DType::BF16,
        "float16" => DType::F16,
        "int8" => DType::I8,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "uint8" => DType::U8,
        "bool" => DType::Bool,
        other => panic!("dtype {other}"),
    }
}
