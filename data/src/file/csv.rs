//! Comma-separated values with typed columns.
//!
//! A field is bare, or in quotes, where two quotes stand for one and delimiters and line ends are text. A record that is not as it should be is an error in its
//! place, and the next line begins the next one.

use std::path::Path;

use tensorwright::{DType, Scalar};

use super::Compression;
use super::lines::{Lines, without_end};
use super::records::{Records, files, wrong_line};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::{Dataset, Outcome};
use crate::spec::{ElementKind, Spec};
use crate::state::{Reader, Writer};

/// What a column holds, and what stands for a field that is missing.
#[derive(Clone, Debug)]
pub struct CsvColumn {
    kind: ElementKind,
    default: Option<Item>,
}

impl CsvColumn {
    /// A column in which no field may be missing.
    pub fn required(kind: impl Into<ElementKind>) -> CsvColumn {
        CsvColumn { kind: kind.into(), default: None }
    }

    /// A column of numbers, one of which stands for missing fields.
    pub fn number(default: impl Into<Scalar>) -> CsvColumn {
        let default = default.into();
        CsvColumn { kind: default.dtype().into(), default: Some(Item::Number(default)) }
    }

    /// A column of texts, one of which stands for missing fields.
    pub fn text(default: &str) -> CsvColumn {
        CsvColumn { kind: ElementKind::Text, default: Some(Item::text(default)) }
    }

    /// What the column holds.
    pub(crate) fn kind(&self) -> ElementKind {
        self.kind
    }
}

/// How files of values are written.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    pub(super) columns: Vec<CsvColumn>,
    pub(super) syntax: Syntax,
    select: Option<Vec<usize>>,
    has_header: bool,
    pub(super) compression: Compression,
}

/// What tells fields apart.
#[derive(Clone, Debug)]
pub(super) struct Syntax {
    pub(super) delimiter: u8,
    pub(super) quotes: bool,
    /// What stands for a missing field, apart from nothing.
    pub(super) missing: Vec<u8>,
}

impl CsvOptions {
    /// These columns, between commas.
    pub fn new(columns: impl Into<Vec<CsvColumn>>) -> CsvOptions {
        CsvOptions {
            columns: columns.into(),
            syntax: Syntax { delimiter: b',', quotes: true, missing: Vec::new() },
            select: None,
            has_header: false,
            compression: Compression::None,
        }
    }

    /// Behind a line of names.
    pub fn header(self) -> CsvOptions {
        CsvOptions { has_header: true, ..self }
    }

    /// Between other letters than commas.
    pub fn delimiter(mut self, delimiter: u8) -> CsvOptions {
        self.syntax.delimiter = delimiter;
        self
    }

    /// Quotes are letters like others.
    pub fn no_quotes(mut self) -> CsvOptions {
        self.syntax.quotes = false;
        self
    }

    /// This text stands for a missing field, like the empty one.
    pub fn missing(mut self, text: &str) -> CsvOptions {
        self.syntax.missing = text.as_bytes().to_vec();
        self
    }

    /// Only the columns with these numbers, which rise, are read.
    pub fn select(self, columns: impl Into<Vec<usize>>) -> CsvOptions {
        CsvOptions { select: Some(columns.into()), ..self }
    }

    /// In files that are compressed.
    pub fn compression(self, compression: Compression) -> CsvOptions {
        CsvOptions { compression, ..self }
    }

    fn check(&self) -> Result<()> {
        if self.columns.is_empty() {
            return Err(DataError::invalid("a record has at least one column"));
        }
        if let Some(column) = self.columns.iter().find(|column| !is_readable(column.kind)) {
            return Err(DataError::invalid(format!(
                "columns are integers, floats or texts, not {}",
                column.kind
            )));
        }
        match &self.select {
            Some(select) if !select.is_sorted_by(|a, b| a < b) => {
                Err(DataError::invalid("the numbers of selected columns rise"))
            }
            Some(select) if select.len() != self.columns.len() => Err(DataError::invalid(format!(
                "{} columns are selected, and {} described",
                select.len(),
                self.columns.len()
            ))),
            _ => Ok(()),
        }
    }

    pub(super) fn spec(&self) -> Spec {
        Spec::Tuple(self.columns.iter().map(|column| Spec::scalar(column.kind)).collect())
    }
}

fn is_readable(kind: ElementKind) -> bool {
    match kind {
        ElementKind::Text => true,
        ElementKind::Number(dtype) => dtype.is_int() || dtype.is_float(),
    }
}

/// The bytes of a record, with where its fields end in them, without quotes.
#[derive(Default)]
pub(super) struct Fields {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Fields {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, field: usize) -> &[u8] {
        let start = if field == 0 { 0 } else { self.ends[field - 1] };
        &self.text[start..self.ends[field]]
    }

    fn end(&mut self) {
        self.ends.push(self.text.len());
    }
}

/// Why a record has no fields.
pub(super) enum Unreadable {
    /// A quoted field goes on in the next line.
    Open,
    /// It is written wrongly.
    Wrong(&'static str),
}

/// Takes a record apart.
pub(super) fn split(line: &[u8], syntax: &Syntax, fields: &mut Fields) -> Result<(), Unreadable> {
    fields.text.clear();
    fields.ends.clear();
    let mut rest = line;
    loop {
        rest = match rest.first() {
            Some(b'"') if syntax.quotes => quoted(&rest[1..], fields)?,
            _ => bare(rest, syntax, fields)?,
        };
        fields.end();
        match rest.split_first() {
            None => return Ok(()),
            Some((delimiter, next)) if *delimiter == syntax.delimiter => rest = next,
            Some(_) => return Err(Unreadable::Wrong("behind the quotes of a field comes a delimiter")),
        }
    }
}

/// A bare field; what is behind it.
fn bare<'l>(rest: &'l [u8], syntax: &Syntax, fields: &mut Fields) -> Result<&'l [u8], Unreadable> {
    let end = rest.iter().position(|byte| *byte == syntax.delimiter).unwrap_or(rest.len());
    let (field, rest) = rest.split_at(end);
    if syntax.quotes && field.contains(&b'"') {
        return Err(Unreadable::Wrong("a bare field has no quotes inside"));
    }
    fields.text.extend_from_slice(field);
    Ok(rest)
}

/// A quoted field, behind its first quote; what is behind it.
fn quoted<'l>(mut rest: &'l [u8], fields: &mut Fields) -> Result<&'l [u8], Unreadable> {
    loop {
        let end = rest.iter().position(|byte| *byte == b'"').ok_or(Unreadable::Open)?;
        fields.text.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.first() {
            Some(b'"') => {
                fields.text.push(b'"');
                rest = &rest[1..];
            }
            _ => return Ok(rest),
        }
    }
}

/// A field as a value of its column.
fn value(number: usize, field: &[u8], column: &CsvColumn, syntax: &Syntax) -> Result<Item> {
    if field.is_empty() || field == syntax.missing {
        return column
            .default
            .clone()
            .ok_or_else(|| DataError::invalid(format!("field {number} is missing, and has no default")));
    }
    match column.kind {
        ElementKind::Text => Ok(Item::text(field)),
        ElementKind::Number(dtype) => parse(field, dtype).map(Item::Number).ok_or_else(|| {
            DataError::invalid(format!("field {number} is no {dtype}: `{}`", String::from_utf8_lossy(field)))
        }),
    }
}

/// A number, with spaces around it or not.
pub(super) fn parse(field: &[u8], dtype: DType) -> Option<Scalar> {
    let text = std::str::from_utf8(field).ok()?.trim();
    Some(match dtype {
        DType::I8 => Scalar::I8(text.parse().ok()?),
        DType::I16 => Scalar::I16(text.parse().ok()?),
        DType::I32 => Scalar::I32(text.parse().ok()?),
        DType::I64 => Scalar::I64(text.parse().ok()?),
        DType::U8 => Scalar::U8(text.parse().ok()?),
        DType::U16 => Scalar::U16(text.parse().ok()?),
        DType::U32 => Scalar::U32(text.parse().ok()?),
        DType::U64 => Scalar::U64(text.parse().ok()?),
        DType::F32 => Scalar::F32(text.parse().ok()?),
        DType::F64 => Scalar::F64(text.parse().ok()?),
        DType::F16 | DType::BF16 => Scalar::from_f64(dtype, text.parse().ok()?),
        DType::Bool | DType::C64 | DType::C128 => return None,
    })
}

/// The fields of a record as values of columns.
fn values(fields: &Fields, options: &CsvOptions) -> Result<Item> {
    let count = options.columns.len();
    let place = |column: usize| options.select.as_ref().map_or(column, |select| select[column]);
    let parts = options.columns.iter().enumerate().map(|(number, column)| {
        let place = place(number);
        if place >= fields.len() {
            return Err(DataError::invalid(format!(
                "{count} fields are expected, and there are {}",
                fields.len()
            )));
        }
        value(place, fields.get(place), column, &options.syntax)
    });
    let parts = parts.collect::<Result<Box<[Item]>>>()?;
    match options.select.is_none() && fields.len() > count {
        true => {
            Err(DataError::invalid(format!("{count} fields are expected, and there are {}", fields.len())))
        }
        false => Ok(Item::Tuple(parts)),
    }
}

/// Reads a file record by record.
pub(super) struct CsvLines {
    lines: Lines,
    line: Vec<u8>,
    pub(super) fields: Fields,
    syntax: Syntax,
}

impl CsvLines {
    pub(super) fn open(
        path: &Path,
        syntax: &Syntax,
        compression: Compression,
        from: Option<&mut Reader<'_>>,
    ) -> Result<CsvLines> {
        let lines = Lines::open(path, compression, from)?;
        Ok(CsvLines { lines, line: Vec::new(), fields: Fields::default(), syntax: syntax.clone() })
    }

    /// Reads the next record's fields; whether there was one. Its errors have their line.
    pub(super) fn next_fields(&mut self) -> Result<bool> {
        self.line.clear();
        if !self.lines.append(&mut self.line)? {
            return Ok(false);
        }
        let first = self.lines.line();
        loop {
            match split(without_end(&self.line), &self.syntax, &mut self.fields) {
                Ok(()) => return Ok(true),
                Err(Unreadable::Wrong(what)) => return Err(wrong_line(first, what)),
                Err(Unreadable::Open) => {
                    if !self.lines.append(&mut self.line)? {
                        return Err(wrong_line(first, "the file ends within the quotes of a field"));
                    }
                }
            }
        }
    }

    pub(super) fn line(&self) -> u64 {
        self.lines.line()
    }

    pub(super) fn save(&self, to: &mut Writer) {
        self.lines.save(to);
    }
}

struct CsvRecords {
    lines: CsvLines,
    options: CsvOptions,
}

impl Records for CsvRecords {
    fn next(&mut self) -> Option<Outcome> {
        match self.lines.next_fields() {
            Ok(true) => {
                let line = self.lines.line();
                Some(values(&self.lines.fields, &self.options).map_err(|error| error.at_line(line)))
            }
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn save(&self, to: &mut Writer) {
        self.lines.save(to);
    }
}

fn open(path: &Path, options: &CsvOptions, from: Option<&mut Reader<'_>>) -> Result<Box<dyn Records>> {
    let is_new = from.is_none();
    let mut lines = CsvLines::open(path, &options.syntax, options.compression, from)?;
    if is_new && options.has_header {
        lines.next_fields()?;
    }
    Ok(Box::new(CsvRecords { lines, options: options.clone() }))
}

/// One line as values of columns: what a `map` makes of lines of text.
///
/// # Errors
/// When the line is written wrongly, or a field is missing or no value of its column.
///
/// ```
/// # use tensorwright::data::{CsvColumn, CsvOptions, parse_csv_line};
/// let options = CsvOptions::new([CsvColumn::number(7i32), CsvColumn::text("")]);
/// let record = parse_csv_line(b",\"a,b\"", &options)?;
/// assert_eq!(record.spec().to_string(), "(i32[], text[])");
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
pub fn parse_csv_line(line: &[u8], options: &CsvOptions) -> Result<Item> {
    options.check()?;
    let mut fields = Fields::default();
    match split(line, &options.syntax, &mut fields) {
        Ok(()) => values(&fields, options),
        Err(Unreadable::Wrong(what)) => Err(DataError::invalid(what)),
        Err(Unreadable::Open) => Err(DataError::invalid("the quotes of a field are not closed")),
    }
}

impl Dataset {
    /// The records of files of comma-separated values: tuples of numbers and texts, by columns. A record that is not as the columns say is an error with
    /// its file and line, and the next line begins the next one.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::data::{CsvColumn, CsvOptions, Dataset, ElementKind};
    /// # let path = std::env::temp_dir().join(format!("values-{}.csv", std::process::id()));
    /// std::fs::write(&path, "x,name\n1.5,one\n,two\nthree,3\n")?;
    /// let columns = [CsvColumn::number(0.0f32), CsvColumn::required(ElementKind::Text)];
    /// let rows: Vec<_> = Dataset::csv([&path], CsvOptions::new(columns).header()).iter_as::<(f32, String)>()?.collect();
    /// assert_eq!(rows[1].as_ref().ok(), Some(&(0.0, "two".to_owned())));
    /// assert_eq!(rows[2].as_ref().unwrap_err().line(), Some(4));
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn csv(paths: impl IntoIterator<Item = impl AsRef<Path>>, options: CsvOptions) -> Dataset {
        Dataset::build(
            options
                .check()
                .map(|()| files("csv", options.spec(), paths, move |path, from| open(path, &options, from))),
        )
    }
}
