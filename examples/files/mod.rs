//! Files below a folder, for the examples.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The files below a folder, sorted; hidden folders and what is built are left out.
pub(crate) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_file() {
            found.push(path);
        } else if path.is_dir() && !name.starts_with('.') && name != "target" {
            found.extend(below(&path)?);
        }
    }
    found.sort();
    Ok(found)
}
