//! Files: bytes of files that may be compressed, and records in them. What a format is, is one file each.

mod bytes;
mod csv;
mod described;
mod entry;
mod example;
mod fixed;
mod glob;
mod image;
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
pub use csv::{CsvColumn, CsvOptions, parse_csv_line};
pub(crate) use described::described_records;
pub use entry::{TensorEntry, swap_bytes};
pub use example::{ExampleParser, Feature, SequenceParser};
pub use fixed::FixedOptions;
pub use image::{ImageOptions, decode_image};
pub(crate) use image::{image, pictures};
pub use npz::{Npz, npz};
pub(crate) use records::{Records, files};
pub use safetensors::{Safetensors, safetensors, safetensors_header, write_safetensors};
pub(crate) use table::CsvSniff;
pub use table::TableOptions;
pub use tfrecord::TfRecordWriter;
pub(crate) use tfrecord::{Framed, is_framed};
