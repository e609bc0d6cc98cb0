//! Checkpoints of TensorFlow of one file of elements, and the index.
//!
//! The elements are in their place before the index is: whoever finds a new index finds its elements. Who replaces a checkpoint has the old index with new elements between the two, which the
//! checksums tell.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::super::checkpoint::{IndexWriter, WrittenEntry, strings};
use super::super::error::WeightsError;
use super::whole::Whole;
use super::{Content, Give, Item, ItemKind};

/// The name of a checkpoint's files without their endings: `model` of `model.index`, and `model.ckpt` as it is.
fn prefix(path: &Path) -> OsString {
    match path.extension() {
        Some(extension) if extension == "index" => path.with_extension("").into_os_string(),
        _ => path.as_os_str().to_owned(),
    }
}

/// Writes the items.
pub(super) fn write(path: &Path, items: &[Item], give: Give<'_>) -> Result<(), WeightsError> {
    let with = |ending: &str| {
        let mut name = prefix(path);
        name.push(ending);
        PathBuf::from(name)
    };
    let failed = |error: std::io::Error| WeightsError::io(path, error);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&a, &b| items[a].name.as_bytes().cmp(items[b].name.as_bytes()));
    if let Some(item) = items.iter().find(|item| item.name.is_empty() || item.name.starts_with('\0')) {
        return Err(WeightsError::entry(path, &item.name, "a checkpoint has no place for this name"));
    }
    let mut data = Whole::create(&with(".data-00000-of-00001"))?;
    let (mut index, mut start) = (IndexWriter::new(), 0);
    for at in order {
        let item = &items[at];
        let entry = match (give(at)?, &item.kind) {
            (Content::Numbers(tensor), ItemKind::Numbers(ty)) => {
                let bytes =
                    tensor.as_bytes().map_err(|error| WeightsError::entry(path, &item.name, error))?;
                data.write_all(bytes).map_err(failed)?;
                WrittenEntry::of_numbers(ty, start, bytes)
            }
            (Content::Strings(words), ItemKind::Strings(shape)) => {
                let (bytes, crc) = strings::encoded(&words);
                data.write_all(&bytes).map_err(failed)?;
                WrittenEntry::of_strings(shape, start, bytes.len(), crc)
            }
            _ => return Err(WeightsError::entry(path, &item.name, "it is not what it was said to be")),
        };
        start = entry.end();
        index.put(&item.name, entry);
    }
    data.finish()?;
    let mut file = Whole::create(&with(".index"))?;
    file.write_all(&index.finish()).map_err(failed)?;
    file.finish()
}
