//! Tensors by name as an `.npz` file of NumPy: a zip archive with an `.npy` file for each.

use std::io::{Cursor, Write};

use half::f16;
use npyz::WriterBuilder;
use num_complex::Complex;
use tensorwright::{DType, Element, Tensor};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, Result};

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Model(error.to_string())
}

/// A tensor as an `.npy` file.
fn array<T: Element + npyz::AutoSerialize>(tensor: &Tensor) -> Result<Vec<u8>> {
    let shape: Vec<u64> = tensor.shape()?.sizes().iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::<T>::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut bytes).begin_nd().map_err(failed)?;
    writer.extend(tensor.to_vec::<T>()?).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

fn encoded(path: &str, tensor: &Tensor) -> Result<Vec<u8>> {
    match tensor.dtype()? {
        DType::Bool => array::<bool>(tensor),
        DType::I8 => array::<i8>(tensor),
        DType::I16 => array::<i16>(tensor),
        DType::I32 => array::<i32>(tensor),
        DType::I64 => array::<i64>(tensor),
        DType::U8 => array::<u8>(tensor),
        DType::U16 => array::<u16>(tensor),
        DType::U32 => array::<u32>(tensor),
        DType::U64 => array::<u64>(tensor),
        DType::F16 => array::<f16>(tensor),
        DType::F32 => array::<f32>(tensor),
        DType::F64 => array::<f64>(tensor),
        DType::C64 => array::<Complex<f32>>(tensor),
        DType::C128 => array::<Complex<f64>>(tensor),
        DType::BF16 => {
            let ty = tensor.ty()?;
            Err(Error::Model(format!("`{path}` is {ty}, which NumPy does not have: cast it")))
        }
    }
}

/// The tensors as a file.
///
/// # Errors
/// When a tensor has no value, or a dtype that NumPy does not have.
pub(super) fn write(tensors: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (path, tensor) in tensors {
        let bytes = encoded(path, tensor)?;
        zip.start_file(format!("{path}.npy"), options).map_err(failed)?;
        zip.write_all(&bytes).map_err(failed)?;
    }
    Ok(zip.finish().map_err(failed)?.into_inner())
}
