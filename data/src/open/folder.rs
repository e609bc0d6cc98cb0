//! Folders: saved datasets, files in folders that are named by labels, and files of one format.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Format, OpenOptions, Opened, files};
use crate::error::{DataError, Result};
use crate::file::ImageOptions;
use crate::pipeline::Dataset;
use crate::sets::{image_folders, sorted, text_folders};

pub(super) fn open(folder: &Path, options: &OpenOptions) -> Result<Opened> {
    if folder.join("dataset").is_file() {
        return Ok(Opened::named(Format::Saved, Dataset::load(folder)));
    }
    let (folders, own): (Vec<PathBuf>, Vec<PathBuf>) =
        sorted(folder)?.into_iter().partition(|path| path.is_dir());
    let inner = folders.iter().map(|folder| sorted(folder)).collect::<Result<Vec<_>>>()?.concat();
    match inner.iter().find(|path| path.is_file()) {
        Some(first) => labelled(folder, first, &folders),
        None => files(one_format(folder, &own)?, own, options),
    }
}

/// Files in folders of labels.
fn labelled(folder: &Path, first: &Path, folders: &[PathBuf]) -> Result<Opened> {
    let names = folders.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy());
    let labels: Vec<String> = names.enumerate().map(|(label, name)| format!("{label} {name}")).collect();
    let opened = match Format::of_file(first)? {
        Format::Image => {
            Opened::new(Format::ImageFolders, image_folders(folder, ImageOptions::new()), &["image", "label"])
        }
        Format::Text => Opened::new(Format::TextFolders, text_folders(folder), &["text", "label"]),
        other => {
            let message = format!("folders of labels hold images or texts, and this is {other}");
            return Err(DataError::invalid(message).in_file(first));
        }
    };
    Ok(opened.note("labels", labels.join(", ")))
}

/// The format that all files have.
fn one_format(folder: &Path, paths: &[PathBuf]) -> Result<Format> {
    let mut found = BTreeMap::new();
    for path in paths {
        let format = Format::of_file(path)?;
        found.entry(format.to_string()).or_insert((format, path));
    }
    match found.values().collect::<Vec<_>>()[..] {
        [] => Err(DataError::invalid("there are no files in the folder").in_file(folder)),
        [(format, _)] => Ok(*format),
        [(one, first), (other, second), ..] => {
            let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let message = format!(
                "files are of several formats: {} is {one}, {} is {other}",
                name(first),
                name(second)
            );
            Err(DataError::invalid(message).in_file(folder))
        }
    }
}
