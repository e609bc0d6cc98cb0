//! Tensors by name as an `.npz` file of NumPy: a zip archive with an `.npy` file for each.

use std::io::{Cursor, Write};

use tensorwright::{DType, Tensor, TensorType};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, Result};

/// What NumPy calls a dtype; nothing for those that it does not have.
fn name(dtype: DType) -> Option<&'static str> {
    Some(match dtype {
        DType::Bool => "|b1",
        DType::I8 => "|i1",
        DType::I16 => "<i2",
        DType::I32 => "<i4",
        DType::I64 => "<i8",
        DType::U8 => "|u1",
        DType::U16 => "<u2",
        DType::U32 => "<u4",
        DType::U64 => "<u8",
        DType::F16 => "<f2",
        DType::F32 => "<f4",
        DType::F64 => "<f8",
        DType::C64 => "<c8",
        DType::C128 => "<c16",
        _ => return None,
    })
}

/// The header of an `.npy` file of version 1, whose length is a multiple of 64.
fn header(ty: &TensorType, dtype: &str) -> Vec<u8> {
    let sizes: String = ty.shape.sizes().iter().map(|size| format!("{size}, ")).collect();
    let text = format!("{{'descr': '{dtype}', 'fortran_order': False, 'shape': ({}), }}", sizes.trim_end());
    let start = b"\x93NUMPY\x01\x00";
    let length = (start.len() + 2 + text.len() + 1).next_multiple_of(64) - start.len() - 2;
    let mut header = start.to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(format!("{text:<width$}\n", width = length - 1).bytes());
    header
}

/// The tensors as a file.
///
/// # Errors
/// When a tensor has no value, or a dtype that NumPy does not have.
pub(super) fn write(tensors: &[(String, Tensor)]) -> Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let failed = |error: &dyn std::fmt::Display| Error::Model(error.to_string());
    for (path, tensor) in tensors {
        let ty = tensor.ty()?;
        let dtype = name(ty.dtype)
            .ok_or_else(|| Error::Model(format!("`{path}` is {ty}, which NumPy does not have: cast it")))?;
        zip.start_file(format!("{path}.npy"), options).map_err(|error| failed(&error))?;
        let bytes = tensor.as_bytes()?;
        let written = zip.write_all(&header(ty, dtype)).and_then(|()| zip.write_all(bytes));
        written.map_err(|error| failed(&error))?;
    }
    Ok(zip.finish().map_err(|error| failed(&error))?.into_inner())
}
