//! Comma-separated values under a line of names: dicts, with dtypes that are found from the first rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tensorwright::{DType, Scalar};

use super::csv::{CsvColumn, CsvLines, CsvOptions, Syntax, parse};
use crate::error::{DataError, Result};
use crate::item::{Dict, Item};
use crate::pipeline::Dataset;
use crate::spec::{ElementKind, Spec};

/// How a table is read: what is not said is found in the files.
#[derive(Clone, Debug)]
pub struct TableOptions {
    names: Option<Vec<String>>,
    columns: Option<Vec<CsvColumn>>,
    select: Option<Vec<String>>,
    delimiter: u8,
    missing: String,
    has_header: bool,
    /// So many rows are looked at to find dtypes.
    rows: usize,
}

impl Default for TableOptions {
    fn default() -> TableOptions {
        TableOptions {
            names: None,
            columns: None,
            select: None,
            delimiter: b',',
            missing: String::new(),
            has_header: true,
            rows: 100,
        }
    }
}

impl TableOptions {
    /// A line of names, then rows.
    pub fn new() -> TableOptions {
        TableOptions::default()
    }

    /// Columns have these names.
    pub fn names(self, names: impl IntoIterator<Item = impl Into<String>>) -> TableOptions {
        TableOptions { names: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// There is no line of names.
    pub fn no_header(self) -> TableOptions {
        TableOptions { has_header: false, ..self }
    }

    /// What columns hold: of those that are read.
    pub fn columns(self, columns: impl Into<Vec<CsvColumn>>) -> TableOptions {
        TableOptions { columns: Some(columns.into()), ..self }
    }

    /// Only the columns of these names are read.
    pub fn select(self, names: impl IntoIterator<Item = impl Into<String>>) -> TableOptions {
        TableOptions { select: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Between other letters than commas.
    pub fn delimiter(self, delimiter: u8) -> TableOptions {
        TableOptions { delimiter, ..self }
    }

    /// This text stands for a missing field, like the empty one.
    pub fn missing(self, text: &str) -> TableOptions {
        TableOptions { missing: text.to_owned(), ..self }
    }

    /// So many rows of the first file are looked at to find dtypes.
    pub fn inference_rows(self, rows: usize) -> TableOptions {
        TableOptions { rows, ..self }
    }

    fn syntax(&self) -> Syntax {
        Syntax { delimiter: self.delimiter, quotes: true, missing: self.missing.as_bytes().to_vec() }
    }

    /// The names of the columns, and whether the first line has them.
    fn all_names(&self, paths: &[PathBuf]) -> Result<Vec<String>> {
        let names = match &self.names {
            Some(names) => names.clone(),
            None if self.has_header => self.header(first(paths)?)?,
            None => return Err(DataError::invalid("without a header, names of columns must be given")),
        };
        let mut sorted = names.clone();
        sorted.sort();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(DataError::invalid(format!("two columns have the name {}", pair[0]))),
            None => Ok(names),
        }
    }

    fn header(&self, path: &Path) -> Result<Vec<String>> {
        let mut lines = CsvLines::open(path, &self.syntax(), super::Compression::of(path), None)?;
        lines.next_fields().map_err(|error| error.in_file(path))?;
        let fields = &lines.fields;
        Ok((0..fields.len()).map(|field| String::from_utf8_lossy(fields.get(field)).into_owned()).collect())
    }

    /// The numbers of the columns that are read, which rise.
    fn selected(&self, names: &[String]) -> Result<Vec<usize>> {
        let Some(select) = &self.select else { return Ok((0..names.len()).collect()) };
        let place = |name: &String| names.iter().position(|own| own == name);
        let places = select.iter().map(|name| place(name).ok_or_else(|| no_column(name, names)));
        let mut places = places.collect::<Result<Vec<usize>>>()?;
        places.sort_unstable();
        Ok(places)
    }

    /// What columns hold, as far as the first rows tell: the first of `i32`, `i64`, `f32`, `f64` and text that all their fields are.
    fn found(&self, path: &Path, selected: &[usize]) -> Result<Vec<CsvColumn>> {
        let mut lines = CsvLines::open(path, &self.syntax(), super::Compression::of(path), None)?;
        if self.has_header {
            lines.next_fields()?;
        }
        let mut kinds = vec![None; selected.len()];
        for _ in 0..self.rows {
            match lines.next_fields() {
                Ok(false) => break,
                Ok(true) => {
                    for (kind, place) in kinds.iter_mut().zip(selected) {
                        let field = if *place < lines.fields.len() { lines.fields.get(*place) } else { b"" };
                        if !field.is_empty() && field != self.missing.as_bytes() {
                            *kind = (*kind).max(Some(first_kind(field)));
                        }
                    }
                }
                Err(_) => {}
            }
        }
        Ok(kinds.into_iter().map(|kind| default_column(KINDS[kind.unwrap_or(KINDS.len() - 1)])).collect())
    }
}

const KINDS: [ElementKind; 5] = [
    ElementKind::Number(DType::I32),
    ElementKind::Number(DType::I64),
    ElementKind::Number(DType::F32),
    ElementKind::Number(DType::F64),
    ElementKind::Text,
];

/// The number of the first kind that a field is.
fn first_kind(field: &[u8]) -> usize {
    let fits = |kind: &ElementKind| match kind {
        ElementKind::Text => true,
        ElementKind::Number(dtype) => {
            parse(field, *dtype).is_some_and(|number| *dtype != DType::F32 || is_f32(number, field))
        }
    };
    KINDS.iter().position(fits).unwrap_or(KINDS.len() - 1)
}

/// Whether a number is not too large for f32.
fn is_f32(number: Scalar, field: &[u8]) -> bool {
    let exact = parse(field, DType::F64).map_or(0.0, Scalar::to_f64);
    number.to_f64().is_finite() == exact.is_finite()
}

/// A column whose missing fields are 0 or empty.
fn default_column(kind: ElementKind) -> CsvColumn {
    match kind {
        ElementKind::Text => CsvColumn::text(""),
        ElementKind::Number(dtype) => CsvColumn::number(Scalar::zero(dtype)),
    }
}

fn no_column(name: &str, names: &[String]) -> DataError {
    DataError::invalid(format!("there is no column {name} among {}", names.join(", ")))
}

fn first(paths: &[PathBuf]) -> Result<&PathBuf> {
    paths.first().ok_or_else(|| DataError::invalid("a table has at least one file"))
}

/// Tuples of columns as dicts.
fn as_dicts(rows: &Dataset, names: &[String], kinds: &[ElementKind]) -> Dataset {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|place| &names[*place]);
    let sorted: Arc<[Arc<str>]> = order.iter().map(|place| Arc::from(&*names[*place])).collect();
    let spec = Spec::Dict(
        order.iter().map(|place| (Arc::from(&*names[*place]), Spec::scalar(kinds[*place]))).collect(),
    );
    rows.map_items(spec, move |row| {
        let parts = row.parts().ok_or_else(crate::state::damaged)?;
        let parts = order.iter().map(|place| parts[*place].clone()).collect();
        Ok(Item::Dict(Box::new(Dict::sorted(Arc::clone(&sorted), parts))))
    })
}

impl Dataset {
    /// The rows of files of comma-separated values with named columns: dicts of numbers and texts. Names come from the first line of the first file, and dtypes are the
    /// first of `i32`, `i64`, `f32`, `f64` and text that fit its first rows; missing fields are then 0 or empty. Files whose names end in `.gz` are compressed.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, TableOptions};
    /// # let path = std::env::temp_dir().join(format!("table-{}.csv", std::process::id()));
    /// std::fs::write(&path, "x,name\n1.5,one\n2,two\n")?;
    /// let rows = Dataset::table([&path], &TableOptions::new());
    /// assert_eq!(rows.spec()?.to_string(), "{name: text[], x: f32[]}");
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias("make_csv_dataset", "read_csv"))]
    #[track_caller]
    pub fn table(paths: impl IntoIterator<Item = impl AsRef<Path>>, options: &TableOptions) -> Dataset {
        let paths: Vec<PathBuf> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
        match table(&paths, options) {
            Ok(dataset) => dataset,
            Err(error) => Dataset::failed(error),
        }
    }
}

fn table(paths: &[PathBuf], options: &TableOptions) -> Result<Dataset> {
    let names = options.all_names(paths)?;
    let selected = options.selected(&names)?;
    let columns = match &options.columns {
        Some(columns) => columns.clone(),
        None => options.found(first(paths)?, &selected)?,
    };
    if columns.len() != selected.len() {
        return Err(DataError::invalid(format!(
            "{} columns are described, and {} read",
            columns.len(),
            selected.len()
        )));
    }
    let kinds: Vec<ElementKind> = columns.iter().map(CsvColumn::kind).collect();
    let mut csv = CsvOptions::new(columns).delimiter(options.delimiter).missing(&options.missing);
    csv = csv.compression(super::Compression::of(first(paths)?));
    if options.has_header {
        csv = csv.header();
    }
    if options.select.is_some() {
        csv = csv.select(selected.clone());
    }
    let names: Vec<String> = selected.iter().map(|place| names[*place].clone()).collect();
    Ok(as_dicts(&Dataset::csv(paths, csv), &names, &kinds))
}
