//! Tensors by name as an `.npz` file of NumPy: a zip archive with an `.npy` file for each.

use std::io::Write;
use std::path::Path;

use half::f16;
use npyz::WriterBuilder;
use num_complex::Complex;
use tensorwright::{DType, Element, Tensor};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::error::{Damage, Read, WeightsError, damaged};
use super::whole::Whole;
use super::{Content, Give, Item, ItemKind};

/// A tensor as an `.npy` file.
fn array<T: Element + npyz::AutoSerialize>(tensor: &Tensor) -> Read<Vec<u8>> {
    let shape: Vec<u64> = tensor.shape()?.sizes().iter().map(|&size| size as u64).collect();
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::<T>::new().default_dtype().shape(&shape);
    let mut writer = options.writer(&mut bytes).begin_nd()?;
    writer.extend(tensor.to_vec::<T>()?)?;
    writer.finish()?;
    Ok(bytes)
}

fn encoded(tensor: &Tensor) -> Read<Vec<u8>> {
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
        DType::BF16 => damaged(format!("it is {}, which NumPy does not have: cast it", tensor.ty()?)),
    }
}

/// Writes the items.
pub(super) fn write(path: &Path, items: &[Item], give: Give<'_>) -> Result<(), WeightsError> {
    /// Entries from here on need numbers of 64 bits.
    const LARGE: usize = u32::MAX as usize;
    let failed = |error: zip::result::ZipError| WeightsError::io(path, error);
    // Nothing is written before it is known that all can be.
    for item in items {
        match &item.kind {
            ItemKind::Numbers(ty) if ty.dtype == DType::BF16 => {
                let reason = format!("it is {ty}, which NumPy does not have: cast it");
                return Err(WeightsError::entry(path, &item.name, reason));
            }
            ItemKind::Numbers(_) => {}
            ItemKind::Strings(_) => {
                return Err(WeightsError::entry(path, &item.name, "strings are not written as arrays"));
            }
        }
    }
    let mut zip = ZipWriter::new(Whole::create(path)?);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (at, item) in items.iter().enumerate() {
        if let Content::Numbers(tensor) = give(at)? {
            let at_item = |damage: Damage| damage.at(&item.name).in_file(path);
            let bytes = encoded(&tensor).map_err(at_item)?;
            let options = options.large_file(bytes.len() >= LARGE);
            zip.start_file(format!("{}.npy", item.name), options).map_err(failed)?;
            zip.write_all(&bytes).map_err(|error| WeightsError::io(path, error))?;
        }
    }
    zip.finish().map_err(failed)?.finish()
}
