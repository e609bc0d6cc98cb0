//! Records that all have one length.

use std::path::Path;

use super::records::{Records, files};
use super::{Bytes, Compression};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::{Dataset, Outcome};
use crate::spec::{ElementKind, Spec};
use crate::state::{Reader, Writer};

/// How records lie in a file.
#[derive(Clone, Copy, Debug)]
pub struct FixedOptions {
    record: usize,
    header: usize,
    footer: usize,
    compression: Compression,
}

impl FixedOptions {
    /// Records of so many bytes.
    pub fn new(record: usize) -> FixedOptions {
        FixedOptions { record, header: 0, footer: 0, compression: Compression::None }
    }

    /// Behind so many bytes.
    pub fn header(self, header: usize) -> FixedOptions {
        FixedOptions { header, ..self }
    }

    /// Before so many bytes.
    pub fn footer(self, footer: usize) -> FixedOptions {
        FixedOptions { footer, ..self }
    }

    /// In files that are compressed.
    pub fn compression(self, compression: Compression) -> FixedOptions {
        FixedOptions { compression, ..self }
    }

    /// Where records end, in a file of which the size is known.
    fn end(self, path: &Path) -> Result<Option<u64>> {
        if self.compression != Compression::None {
            return Ok(None);
        }
        let size = std::fs::metadata(path).map_err(|error| DataError::io(path, &error))?.len();
        let around = (self.header + self.footer) as u64;
        match size.checked_sub(around) {
            Some(own) if own.is_multiple_of(self.record as u64) => Ok(Some(self.header as u64 + own)),
            _ => Err(DataError::invalid(format!(
                "{size} bytes are not a header of {}, records of {} and a footer of {}",
                self.header, self.record, self.footer
            ))),
        }
    }
}

struct Fixed {
    bytes: Bytes,
    options: FixedOptions,
    end: Option<u64>,
    /// What was read of a compressed file and may be its footer.
    ahead: Vec<u8>,
    number: u64,
}

impl Fixed {
    fn open(path: &Path, options: FixedOptions, from: Option<&mut Reader<'_>>) -> Result<Box<dyn Records>> {
        if options.record == 0 {
            return Err(DataError::invalid("a record has at least 1 byte"));
        }
        let number = from.map_or(Ok(0), |from| from.u64())?;
        let end = match options.end(path) {
            Ok(end) => end,
            Err(error) if error.kind() == crate::ErrorKind::InvalidArgument => {
                return Ok(Box::new(Misfit(error)));
            }
            Err(error) => return Err(error),
        };
        let at = options.header as u64 + number * options.record as u64;
        Ok(Box::new(Fixed {
            bytes: Bytes::open(path, options.compression, at)?,
            options,
            end,
            ahead: Vec::new(),
            number,
        }))
    }

    /// The next record and the bytes of the footer behind it; fewer at the end.
    fn read(&mut self) -> Result<Option<Item>> {
        let (record, footer) =
            (self.options.record, if self.end.is_none() { self.options.footer } else { 0 });
        let before = self.ahead.len();
        self.ahead.resize(record + footer, 0);
        let count = before + self.bytes.read(&mut self.ahead[before..])?;
        self.ahead.truncate(count);
        if count < record + footer {
            return match count == footer || count == 0 {
                true => Ok(None),
                false => {
                    Err(DataError::data_loss(format!("the file ends within record {}", self.number + 1)))
                }
            };
        }
        let item = Item::text(&self.ahead[..record]);
        self.ahead.drain(..record);
        Ok(Some(item))
    }
}

impl Records for Fixed {
    fn next(&mut self) -> Option<Outcome> {
        if self.end.is_some_and(|end| self.bytes.at() >= end) {
            return None;
        }
        let record = self.read();
        self.number += 1;
        if record.is_err() {
            // Nothing can be read behind it.
            self.end = Some(0);
        }
        record.map_err(|error| error.at_line(self.number)).transpose()
    }

    fn save(&self, to: &mut Writer) {
        to.u64(self.number);
    }
}

/// A file whose size does not fit: it says so again and again.
struct Misfit(DataError);

impl Records for Misfit {
    fn next(&mut self) -> Option<Outcome> {
        Some(Err(self.0.clone()))
    }

    fn save(&self, to: &mut Writer) {
        to.u64(0);
    }
}

impl Dataset {
    /// The records of files in which all have one length: texts of bytes.
    ///
    /// A file whose size does not fit is an error, and nothing behind it is read.
    #[doc(alias("FixedLengthRecordDataset"))]
    #[track_caller]
    pub fn fixed_length_records(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        options: FixedOptions,
    ) -> Dataset {
        let spec = Spec::scalar(ElementKind::Text);
        Dataset::build(Ok(files("fixed_length_records", spec, paths, move |path, from| {
            Fixed::open(path, options, from)
        })))
    }
}
