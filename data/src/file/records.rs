//! Datasets of the records of files, one file after the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Outcome, Pass, Plan, Stage};
use crate::spec::Spec;
use crate::state::{Reader, Writer, damaged};

/// The records of one file.
pub(crate) trait Records: Send {
    /// The next record, or the error in its place. `None` at the end, or where what follows cannot be read.
    fn next(&mut self) -> Option<Outcome>;

    /// Writes where the next record is.
    fn save(&self, to: &mut Writer);
}

/// Opens a file: at its beginning, or where [`Records::save`] has written that it was.
pub(crate) type OpenRecords =
    Arc<dyn Fn(&Path, Option<&mut Reader<'_>>) -> Result<Box<dyn Records>> + Send + Sync>;

struct Files {
    paths: Arc<[PathBuf]>,
    open: OpenRecords,
}

impl Stage for Files {
    fn open(&self, _: &Pass) -> BoxCursor {
        Box::new(Reading {
            paths: Arc::clone(&self.paths),
            open: Arc::clone(&self.open),
            at: 0,
            records: None,
        })
    }
}

struct Reading {
    paths: Arc<[PathBuf]>,
    open: OpenRecords,
    /// Which file is read.
    at: usize,
    records: Option<Box<dyn Records>>,
}

impl Cursor for Reading {
    fn next(&mut self) -> Option<Outcome> {
        while let Some(path) = self.paths.get(self.at) {
            if self.records.is_none() {
                match (self.open)(path, None) {
                    Ok(records) => self.records = Some(records),
                    Err(error) => {
                        self.at += 1;
                        return Some(Err(error.in_file(path)));
                    }
                }
            }
            if let Some(outcome) = self.records.as_mut().and_then(|records| records.next()) {
                return Some(outcome.map_err(|error| error.in_file(path)));
            }
            self.records = None;
            self.at += 1;
        }
        None
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.at);
        to.flag(self.records.is_some());
        if let Some(records) = &self.records {
            records.save(to);
        }
        Ok(())
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.usize()?;
        if from.flag()? {
            let path = self.paths.get(self.at).ok_or_else(damaged)?;
            self.records = Some((self.open)(path, Some(from))?);
        }
        Ok(())
    }
}

/// A dataset of the records of files.
pub(crate) fn files(
    name: &'static str,
    spec: Spec,
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    open: impl Fn(&Path, Option<&mut Reader<'_>>) -> Result<Box<dyn Records>> + Send + Sync + 'static,
) -> Plan {
    let paths: Arc<[PathBuf]> = paths.into_iter().map(|path| path.as_ref().to_owned()).collect();
    Plan::source(name, spec, Cardinality::Unknown, Files { paths, open: Arc::new(open) })
}

/// The error of a line that is not what it should be.
pub(crate) fn wrong_line(line: u64, message: impl std::fmt::Display) -> DataError {
    DataError::invalid(message).at_line(line)
}
