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
    missing_is_nan: bool,
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
            missing_is_nan: false,
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

    /// Columns of numbers in which fields are missing are floats, in which NaN stands for these. In columns where none of the rows that are looked at lacks
    /// its number, none may.
    pub fn missing_is_nan(self) -> TableOptions {
        TableOptions { missing_is_nan: true, ..self }
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
        let name = |field: usize| String::from_utf8_lossy(fields.get(field)).into_owned();
        let mut names: Vec<String> = (0..fields.len()).map(name).collect();
        // Some programs begin texts with a mark of their encoding.
        names.iter_mut().take(1).for_each(|name| *name = name.trim_start_matches('\u{feff}').to_owned());
        Ok(names)
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
        let mut found = vec![Found::default(); selected.len()];
        for _ in 0..self.rows {
            match lines.next_fields() {
                Ok(false) => break,
                Ok(true) => {
                    for (column, place) in found.iter_mut().zip(selected) {
                        let field = if *place < lines.fields.len() { lines.fields.get(*place) } else { b"" };
                        column.note(
                            Some(field)
                                .filter(|field| !field.is_empty() && *field != self.missing.as_bytes()),
                        );
                    }
                }
                Err(_) => {}
            }
        }
        Ok(found.into_iter().map(|column| column.column(self.missing_is_nan)).collect())
    }
}

/// What the fields of a column are.
#[derive(Clone, Default)]
struct Found {
    /// The place in [`KINDS`] of the first one that they all are.
    kind: Option<usize>,
    lacks_some: bool,
}

impl Found {
    /// One more field, or a missing one.
    fn note(&mut self, field: Option<&[u8]>) {
        match field {
            // What is text stays text.
            Some(_) if self.kind == Some(KINDS.len() - 1) => {}
            Some(field) => self.kind = self.kind.max(Some(first_kind(field))),
            None => self.lacks_some = true,
        }
    }

    fn column(&self, missing_is_nan: bool) -> CsvColumn {
        let kind = KINDS[self.kind.unwrap_or(KINDS.len() - 1)];
        match kind {
            ElementKind::Number(DType::F32) if missing_is_nan && self.lacks_some => {
                CsvColumn::number(f32::NAN)
            }
            ElementKind::Number(_) if missing_is_nan && self.lacks_some => CsvColumn::number(f64::NAN),
            ElementKind::Number(_) if missing_is_nan => CsvColumn::required(kind),
            kind => default_column(kind),
        }
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

/// How a table is written, as far as its first line tells.
pub(crate) struct CsvSniff {
    pub(crate) delimiter: u8,
    pub(crate) has_header: bool,
    pub(crate) columns: usize,
}

impl CsvSniff {
    /// Of delimiters, the one that is there most often; a line of which no field is a number is one of names.
    ///
    /// # Errors
    /// When the file cannot be read, is empty, or its first line is written wrongly.
    pub(crate) fn of(path: &Path) -> Result<CsvSniff> {
        CsvSniff::read(path).map_err(|error| error.in_file(path))
    }

    fn read(path: &Path) -> Result<CsvSniff> {
        let compression = super::Compression::of(path);
        let mut line = Vec::new();
        super::Bytes::open(path, compression, 0)?.read_until(b'\n', &mut line)?;
        let count = |delimiter: &u8| line.iter().filter(|byte| *byte == delimiter).count();
        // Of several that are there as often, the last one is taken.
        let delimiter = *b"\t;,".iter().max_by_key(|delimiter| count(delimiter)).unwrap_or(&b',');
        let syntax = TableOptions::new().delimiter(delimiter).syntax();
        let mut lines = CsvLines::open(path, &syntax, compression, None)?;
        if !lines.next_fields()? {
            return Err(DataError::invalid("the file is empty"));
        }
        let fields = &lines.fields;
        let has_header = (0..fields.len()).all(|field| parse(fields.get(field), DType::F64).is_none());
        Ok(CsvSniff { delimiter, has_header, columns: fields.len() })
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
