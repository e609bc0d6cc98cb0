//! TFRecord files: the length of each record, its bytes, and checksums of both.

use std::io::Write;
use std::path::{Path, PathBuf};

use crc32c::crc32c;

use super::records::{Records, files};
use super::{Bytes, Compression, writer};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::{Dataset, Outcome};
use crate::spec::{ElementKind, Spec};
use crate::state::{Reader, Writer};

/// Records larger than this are read piece by piece: a length that is damaged asks for no memory.
const PIECE: usize = 1 << 20;

/// What reads framed records.
pub(crate) struct Framed {
    bytes: Bytes,
    number: u64,
    is_damaged: bool,
}

impl Framed {
    pub(crate) fn open(
        path: &Path,
        compression: Compression,
        from: Option<&mut Reader<'_>>,
    ) -> Result<Framed> {
        let (at, number) = match from {
            Some(from) => (from.u64()?, from.u64()?),
            None => (0, 0),
        };
        Ok(Framed { bytes: Bytes::open(path, compression, at)?, number, is_damaged: false })
    }

    pub(crate) fn save(&self, to: &mut Writer) {
        to.u64(self.bytes.at());
        to.u64(self.number);
    }

    /// The next record. A damaged file is left at the damage.
    pub(crate) fn next_record(&mut self) -> Option<Result<Vec<u8>>> {
        if self.is_damaged {
            return None;
        }
        let record = self.read();
        self.number += 1;
        self.is_damaged = record.is_err();
        record.map_err(|error| error.at_line(self.number)).transpose()
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let start = self.bytes.at();
        let mut header = [0; 12];
        match self.bytes.read(&mut header)? {
            0 => return Ok(None),
            12 => {}
            _ => {
                return Err(DataError::data_loss(format!(
                    "the file ends within the header of a record, at byte {start}"
                )));
            }
        }
        let (length, crc) = header.split_at(8);
        if masked(length).to_le_bytes() != crc {
            let hint = if start == 0 { ": is this a TFRecord file?" } else { "" };
            return Err(DataError::data_loss(format!(
                "the length of the record at byte {start} is damaged{hint}"
            )));
        }
        let length = u64::from_le_bytes(length.try_into().unwrap_or_default());
        let record = self.read_bytes(length, start)?;
        let mut crc = [0; 4];
        if self.bytes.read(&mut crc)? < 4 {
            return Err(cut(start));
        }
        match masked(&record).to_le_bytes() == crc {
            true => Ok(Some(record)),
            false => Err(DataError::data_loss(format!("the record at byte {start} is damaged"))),
        }
    }

    fn read_bytes(&mut self, length: u64, start: u64) -> Result<Vec<u8>> {
        let length = usize::try_from(length).map_err(|_| cut(start))?;
        let mut record = Vec::new();
        while record.len() < length {
            let before = record.len();
            record.resize(length.min(before + PIECE), 0);
            if self.bytes.read(&mut record[before..])? < record.len() - before {
                return Err(cut(start));
            }
        }
        Ok(record)
    }
}

fn cut(start: u64) -> DataError {
    DataError::data_loss(format!("the file ends within the record at byte {start}"))
}

/// Whether bytes begin as such a file does: with a length, and its checksum.
pub(crate) fn is_framed(start: &[u8]) -> bool {
    matches!(start.split_at_checked(8), Some((length, rest)) if rest.starts_with(&masked(length).to_le_bytes()))
}

impl Records for Framed {
    fn next(&mut self) -> Option<Outcome> {
        Some(self.next_record()?.map(Item::text))
    }

    fn save(&self, to: &mut Writer) {
        Framed::save(self, to);
    }
}

/// The CRC-32C of bytes, turned, so that checksums of what holds checksums stay good.
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Writes a record with its frame.
fn write_frame(record: &[u8], to: &mut dyn Write) -> std::io::Result<()> {
    let length = (record.len() as u64).to_le_bytes();
    to.write_all(&length)?;
    to.write_all(&masked(&length).to_le_bytes())?;
    to.write_all(record)?;
    to.write_all(&masked(record).to_le_bytes())
}

/// Writes a TFRecord file.
///
/// ```
/// # use tensorwright::data::{Compression, Dataset, TfRecordWriter};
/// # let path = std::env::temp_dir().join(format!("records-{}", std::process::id()));
/// let mut writer = TfRecordWriter::create(&path, Compression::Gzip)?;
/// writer.write(b"one")?;
/// writer.finish()?;
/// assert_eq!(Dataset::tfrecords([&path], Compression::Gzip).iter_as::<String>()?.last().unwrap()?, "one");
/// # std::fs::remove_file(path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TfRecordWriter {
    path: PathBuf,
    to: Box<dyn Write + Send>,
}

impl TfRecordWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: impl AsRef<Path>, compression: Compression) -> Result<TfRecordWriter> {
        let path = path.as_ref();
        Ok(TfRecordWriter { path: path.to_owned(), to: writer(path, compression)? })
    }

    /// Appends a record.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, record: &[u8]) -> Result<()> {
        write_frame(record, &mut *self.to).map_err(|error| DataError::io(&self.path, &error))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<()> {
        self.to.flush().map_err(|error| DataError::io(&self.path, &error))
    }
}

impl Dataset {
    /// The records of TFRecord files: texts of bytes, which [`ExampleParser`](crate::ExampleParser) takes apart. A damaged file is left at the damage, and the next one read.
    #[doc(alias("TFRecordDataset"))]
    #[track_caller]
    pub fn tfrecords(paths: impl IntoIterator<Item = impl AsRef<Path>>, compression: Compression) -> Dataset {
        Dataset::build(Ok(files("tfrecords", Spec::scalar(ElementKind::Text), paths, move |path, from| {
            Ok(Box::new(Framed::open(path, compression, from)?))
        })))
    }
}
