//! Files of safetensors, mapped into memory.

use std::io::Cursor;
use std::path::Path;

use tensorwright::{Tensor, TensorType};
use tensorwright_data::{Safetensors, TensorEntry};

use super::elements;
use super::error::{Read, WeightsError, damaged};
use super::source::{Contents, MetadataValue, Source};
use super::spec::{WeightDtype, WeightSpec};
use crate::mapped::Mapped;

/// An open file.
struct File {
    bytes: Mapped,
    /// Where the elements of each tensor are, and its type, or the dtype that is not read.
    places: Vec<(std::ops::Range<usize>, Result<TensorType, String>)>,
}

/// What a table of tensors that are read by `tensorwright-data` says.
pub(super) fn spec(entry: &TensorEntry) -> WeightSpec {
    let dtype = match &entry.ty {
        Some(ty) => WeightDtype::Plain(ty.dtype),
        None => WeightDtype::Other(entry.word.clone()),
    };
    WeightSpec { dtype, shape: entry.shape.clone(), bytes: entry.bytes }
}

/// Opens a file whose table begins at a byte: that of safetensors in an archive.
pub(super) fn open(path: &Path, bytes: Mapped, start: u64) -> Result<Contents, WeightsError> {
    let mut cursor = Cursor::new(bytes.clone());
    cursor.set_position(start);
    let file = Safetensors::new(cursor).map_err(|error| WeightsError::format(path, error.message()))?;
    let place = |entry: &TensorEntry| {
        let place = file.place(&entry.name).unwrap_or_default();
        let ty = entry.ty.clone().ok_or_else(|| entry.word.clone());
        (place.start as usize..place.end as usize, ty)
    };
    let places = file.entries().iter().map(place).collect();
    let table = file.entries().iter().map(|entry| (entry.name.clone(), spec(entry))).collect();
    let metadata = file.metadata().iter();
    let metadata = metadata.map(|(name, text)| (name.clone(), MetadataValue::Text(text.clone()))).collect();
    Ok(Contents { table, metadata, source: Box::new(File { bytes, places }) })
}

impl Source for File {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        let (place, ty) = &self.places[at];
        let ty = match ty {
            Ok(ty) => ty,
            Err(word) => return damaged(format!("tensors of {word} are not read")),
        };
        let own = self.bytes.part(place.clone())?;
        let tensor = elements::tensor(own, ty);
        self.bytes.forget(own);
        tensor
    }
}
