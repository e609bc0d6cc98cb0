//! Opens what is in a file, a folder or a dataset of the library, whatever it is.

mod arrays;
mod folder;
mod format;

use std::path::{Path, PathBuf};

use crate::error::{DataError, ErrorKind, Result};
use crate::file::{Compression, CsvSniff, ImageOptions, TableOptions, described_records};
use crate::pipeline::Dataset;
use crate::sets::{self, Registry};

pub use format::Format;

/// What was found in a file, a folder or the library.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What it is.
    pub format: Format,
    /// Its elements.
    pub dataset: Dataset,
    /// Names of the components of an element, in order.
    pub names: Vec<String>,
    /// What else is known: titles, and what there is to say.
    pub notes: Vec<(String, String)>,
}

/// How files are opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    rows: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions { rows: 1000 }
    }
}

impl OpenOptions {
    /// The first 1000 elements tell what columns of tables and features of records hold.
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    /// So many elements tell it; `u64::MAX` for all.
    pub fn inference_rows(self, rows: u64) -> OpenOptions {
        OpenOptions { rows }
    }
}

/// Opens a file, a folder or, where there is none of this name, a dataset of the library: `iris`, or a part of it, `digits/train[:10%]`.
///
/// Endings of names tell formats, else the first bytes. Arrays of as many rows are read row by row; arrays that have different numbers of rows are one element.
/// Columns of tables in which numbers are missing are floats, in which NaN stands for these. Records that are `tf.train.Example` messages are taken apart.
///
/// # Errors
/// When there is nothing of this name, it cannot be read, or is of no known format.
///
/// ```
/// # use tensorwright::data::{Format, OpenOptions, open};
/// let path = std::env::temp_dir().join(format!("opened-{}.csv", std::process::id()));
/// std::fs::write(&path, "x,name\n1.5,one\n,two\n")?;
/// let opened = open(&path, &OpenOptions::new())?;
/// assert_eq!((opened.format, opened.names), (Format::Csv, vec!["name".to_owned(), "x".to_owned()]));
/// assert_eq!(open("iris/train[:10]", &OpenOptions::new())?.dataset.iter()?.count(), 10);
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Opened> {
    let path = path.as_ref();
    let opened = match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() => folder::open(path, options),
        Ok(_) => files(Format::of_file(path)?, vec![path.to_owned()], options),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => set(path),
        Err(error) => Err(DataError::io(path, &error)),
    }?;
    opened.dataset.clone().ok()?;
    Ok(opened)
}

impl Opened {
    fn new(format: Format, dataset: Dataset, names: &[&str]) -> Opened {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Opened { format, dataset, names, notes: Vec::new() }
    }

    /// Components have the names that they have in the elements: of entries, and numbers of parts.
    fn named(format: Format, dataset: Dataset) -> Opened {
        let names = dataset.spec().map(|spec| spec.component_names()).unwrap_or_default();
        Opened { format, dataset, names, notes: Vec::new() }
    }

    fn note(mut self, title: &str, text: impl Into<String>) -> Opened {
        self.notes.push((title.to_owned(), text.into()));
        self
    }
}

/// Files of one format, one behind the other.
fn files(format: Format, paths: Vec<PathBuf>, options: &OpenOptions) -> Result<Opened> {
    Ok(match format {
        Format::Npy | Format::Npz | Format::Safetensors | Format::Idx => arrays::open(format, &paths)?,
        Format::Csv => table(&paths, options)?,
        Format::TfRecord => records(&paths, options)?,
        Format::Cifar { labels } => Opened::new(format, sets::cifar(paths, labels), &["image", "label"]),
        Format::Image => Opened::new(format, Dataset::image_files(paths, ImageOptions::new()), &["image"]),
        Format::Wav => Opened::new(format, Dataset::wav_files(paths), &["samples", "rate"]),
        Format::Text => {
            let compression = paths.first().map_or(Compression::None, |path| Compression::of(path));
            Opened::new(format, Dataset::text_lines(paths, compression), &["line"])
        }
        Format::TextFolders | Format::ImageFolders | Format::Saved | Format::Set => {
            return Err(DataError::invalid(format!("{format} is no format of files")));
        }
    })
}

fn table(paths: &[PathBuf], options: &OpenOptions) -> Result<Opened> {
    let first = paths.first().ok_or_else(|| DataError::invalid("a table has at least one file"))?;
    let rows = usize::try_from(options.rows).unwrap_or(usize::MAX);
    let found = CsvSniff::of(first)?;
    let mut table = TableOptions::new().delimiter(found.delimiter).inference_rows(rows).missing_is_nan();
    if !found.has_header {
        table = table.no_header().names((0..found.columns).map(|i| format!("column_{i}")));
    }
    let opened = Opened::named(Format::Csv, Dataset::table(paths, &table));
    Ok(if found.has_header { opened } else { opened.note("header", "none: columns are numbered") })
}

fn records(paths: &[PathBuf], options: &OpenOptions) -> Result<Opened> {
    let compression = paths.first().map_or(Compression::None, |path| Compression::of(path));
    let records = Dataset::tfrecords(paths, compression);
    match described_records(records.iter()?.take(usize::try_from(options.rows).unwrap_or(usize::MAX)))? {
        None => Ok(Opened::new(Format::TfRecord, records, &["record"])
            .note("records", "no tf.train.Example messages: bytes as they are")),
        Some(parser) => {
            let spec = parser.spec();
            let parsed = records.map_items(spec, move |record| match &record {
                crate::Item::Text(bytes) => parser.parse(bytes),
                _ => Err(DataError::invalid("a record is wanted")),
            });
            Ok(Opened::named(Format::TfRecord, parsed).note("records", "tf.train.Example messages"))
        }
    }
}

/// A dataset of the library, or a part of it.
fn set(path: &Path) -> Result<Opened> {
    let registry = Registry::builtin();
    let text = path.to_string_lossy();
    let (name, split) = text.split_once('/').map_or((&*text, None), |(name, split)| (name, Some(split)));
    let Ok(info) = registry.info(name) else {
        let names: Vec<&str> = registry.names().collect();
        let message = format!(
            "there is no such file or folder, and no dataset of this name; there are {}",
            names.join(", ")
        );
        return Err(DataError::new(ErrorKind::NotFound, message).in_file(path));
    };
    let all: Vec<&str> = info.splits.iter().map(|split| &*split.name).collect();
    let dataset = registry.load(name, split.unwrap_or(&all.join("+")))?;
    let opened = Opened { names: info.components.clone(), ..Opened::named(Format::Set, dataset) };
    let opened =
        opened.note("name", format!("{} {}", info.name, info.version)).note("about", info.description);
    let splits = info.splits.iter().map(|split| format!("{} {}", split.name, split.count));
    Ok(opened
        .note("source", info.source)
        .note("licence", info.licence)
        .note("splits", splits.collect::<Vec<_>>().join(", ")))
}
