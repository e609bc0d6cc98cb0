//! Arrays of NumPy: archives of them, or one.

use std::io::Cursor;
use std::path::Path;

use tensorwright::Tensor;
use tensorwright_data::Npz;

use super::error::{Damage, Read, WeightsError};
use super::safetensors::spec;
use super::source::{Contents, Source};
use crate::mapped::Mapped;

/// An open file.
struct File {
    bytes: Mapped,
    arrays: Npz<Cursor<Mapped>>,
}

/// Opens a file.
pub(super) fn open(path: &Path, bytes: Mapped) -> Result<Contents, WeightsError> {
    let arrays = Npz::new(Cursor::new(bytes.clone()));
    let arrays = arrays.map_err(|error| WeightsError::format(path, error.message()))?;
    let table = arrays.entries().iter().map(|entry| (entry.name.clone(), spec(entry))).collect();
    Ok(Contents { table, metadata: Vec::new(), source: Box::new(File { bytes, arrays }) })
}

impl Source for File {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        self.bytes.check()?;
        let name = &self.arrays.entries()[at].name;
        // Whoever has the table says the name.
        let reason = |message: &str| message.trim_start_matches(&format!("`{name}`: ")).to_owned();
        self.arrays.read(name).map_err(|error| Damage::new(reason(error.message())))
    }
}
