//! Files: bytes of files that may be compressed, and records in them. What a format is, is one file each.

mod bytes;
mod checksum;
mod csv;
mod example;
mod fixed;
mod glob;
mod lines;
mod messages;
mod npz;
mod records;
mod safetensors;
mod table;
mod tfrecord;
mod wav;

pub use bytes::Compression;
pub(crate) use bytes::{Bytes, writer};
pub(crate) use checksum::crc32c;
pub use csv::{CsvColumn, CsvOptions, parse_csv_line};
pub use example::{ExampleParser, Feature, SequenceParser};
pub use fixed::FixedOptions;
pub use npz::npz;
pub(crate) use records::{Records, files};
pub use safetensors::safetensors;
pub use table::TableOptions;
pub(crate) use tfrecord::Framed;
pub use tfrecord::TfRecordWriter;
