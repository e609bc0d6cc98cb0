//! Lines of text.

use std::path::Path;

use super::records::{Records, files};
use super::{Bytes, Compression};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::{Dataset, Outcome};
use crate::spec::{ElementKind, Spec};
use crate::state::{Reader, Writer};

/// What reads a file line by line.
pub(crate) struct Lines {
    bytes: Bytes,
    /// The number of the next line, from 1.
    line: u64,
    /// What reading has said; nothing can be read behind it.
    failed: Option<DataError>,
}

impl Lines {
    pub(crate) fn open(
        path: &Path,
        compression: Compression,
        from: Option<&mut Reader<'_>>,
    ) -> Result<Lines> {
        let (at, line) = match from {
            Some(from) => (from.u64()?, from.u64()?),
            None => (0, 1),
        };
        Ok(Lines { bytes: Bytes::open(path, compression, at)?, line, failed: None })
    }

    /// The number of the line read last, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.line - 1
    }

    /// Appends the next line with its end; whether there was one. A file that cannot even be begun, since it is not compressed as it should be, says so again and again.
    pub(crate) fn append(&mut self, to: &mut Vec<u8>) -> Result<bool> {
        if let Some(error) = &self.failed {
            return if self.bytes.at() == 0 { Err(error.clone()) } else { Ok(false) };
        }
        match self.bytes.read_until(b'\n', to) {
            Ok(0) => Ok(false),
            Ok(_) => {
                self.line += 1;
                Ok(true)
            }
            Err(error) => {
                self.failed = Some(error.clone().at_line(self.line));
                Err(error.at_line(self.line))
            }
        }
    }

    pub(crate) fn save(&self, to: &mut Writer) {
        to.u64(self.bytes.at());
        to.u64(self.line);
    }
}

/// A line without its end: `\n` or `\r\n`.
pub(crate) fn without_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

struct TextLines {
    lines: Lines,
    buffer: Vec<u8>,
}

impl Records for TextLines {
    fn next(&mut self) -> Option<Outcome> {
        self.buffer.clear();
        match self.lines.append(&mut self.buffer) {
            Ok(true) => Some(Ok(Item::text(without_end(&self.buffer)))),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn save(&self, to: &mut Writer) {
        self.lines.save(to);
    }
}

impl Dataset {
    /// The lines of files, without `\n` or `\r\n`: texts.
    ///
    /// ```
    /// # use tensorwright::data::{Compression, Dataset};
    /// # let path = std::env::temp_dir().join(format!("lines-{}.txt", std::process::id()));
    /// std::fs::write(&path, "one\ntwo\n")?;
    /// let lines = Dataset::text_lines([&path], Compression::None);
    /// assert_eq!(lines.iter_as::<String>()?.collect::<Result<Vec<_>, _>>()?, ["one", "two"]);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn text_lines(
        paths: impl IntoIterator<Item = impl AsRef<Path>>,
        compression: Compression,
    ) -> Dataset {
        Dataset::build(Ok(files("text_lines", Spec::scalar(ElementKind::Text), paths, move |path, from| {
            Ok(Box::new(TextLines { lines: Lines::open(path, compression, from)?, buffer: Vec::new() }))
        })))
    }
}
