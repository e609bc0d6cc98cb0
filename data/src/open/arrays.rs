//! Files of whole arrays: read row by row if these have as many rows, else as one element.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tensorwright::Tensor;

use super::{Format, Opened};
use crate::error::{DataError, Result};
use crate::file::{npz, safetensors};
use crate::pipeline::Dataset;
use crate::sets::idx;

type Arrays = BTreeMap<String, Tensor>;

fn read(format: Format, path: &Path) -> Result<Arrays> {
    match format {
        Format::Idx => Ok(BTreeMap::from([("array".to_owned(), idx(path)?)])),
        Format::Safetensors => safetensors(path),
        _ => npz(path),
    }
}

/// How many rows all arrays have.
fn rows(arrays: &Arrays) -> Result<Option<usize>> {
    let mut common = None;
    for array in arrays.values() {
        let shape = array.shape()?;
        let Some(rows) = shape.sizes().first().copied() else { return Ok(None) };
        if *common.get_or_insert(rows) != rows {
            return Ok(None);
        }
    }
    Ok(common)
}

fn dataset(format: Format, path: &Path) -> Result<(Dataset, bool)> {
    let arrays = read(format, path)?;
    if arrays.is_empty() {
        return Err(DataError::invalid("there are no arrays").in_file(path));
    }
    let has_rows = rows(&arrays)?.is_some();
    let dataset = if has_rows { Dataset::from_slices(arrays) } else { Dataset::from_element(arrays) };
    Ok((dataset.ok()?, has_rows))
}

pub(super) fn open(format: Format, paths: &[PathBuf]) -> Result<Opened> {
    let mut all: Option<(Dataset, bool)> = None;
    for path in paths {
        let (more, has_rows) = dataset(format, path)?;
        all = Some(match all {
            None => (more, has_rows),
            Some((before, had_rows)) => (before.concatenate(&more), had_rows && has_rows),
        });
    }
    let (dataset, has_rows) = all.ok_or_else(|| DataError::invalid("there are no files"))?;
    let opened = Opened::named(format, dataset);
    Ok(if has_rows {
        opened
    } else {
        opened.note("rows", "arrays have different numbers of rows: one element is all of them")
    })
}
