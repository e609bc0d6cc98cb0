//! The index of a checkpoint that is written.

use crc32c::crc32c;
use prost::Message;
use tensorwright::{DType, Shape, TensorType};

use super::schema::{BundleEntryProto, BundleHeaderProto, Dim, TensorShapeProto, VersionDef};
use super::table::{Writer, masked};
use super::{STRING, VERSION};

/// What the index says of a tensor.
pub(in crate::weights) struct WrittenEntry(BundleEntryProto);

impl WrittenEntry {
    fn new(dtype: i32, shape: &Shape, start: usize, size: usize, crc32c: u32) -> WrittenEntry {
        let dim = shape.sizes().iter().map(|&size| Dim { size: size as i64 }).collect();
        let shape = Some(TensorShapeProto { dim, unknown_rank: false });
        let (offset, size, slices) = (start as i64, size as i64, Vec::new());
        WrittenEntry(BundleEntryProto { dtype, shape, shard_id: 0, offset, size, crc32c, slices })
    }

    /// A tensor whose bytes begin at a place.
    pub(in crate::weights) fn of_numbers(ty: &TensorType, start: usize, bytes: &[u8]) -> WrittenEntry {
        WrittenEntry::new(number(ty.dtype), &ty.shape, start, bytes.len(), masked(crc32c(bytes)))
    }

    /// Strings, whose bytes and their checksum are known.
    pub(in crate::weights) fn of_strings(shape: &Shape, start: usize, size: usize, crc: u32) -> WrittenEntry {
        WrittenEntry::new(STRING, shape, start, size, crc)
    }

    /// Where its bytes end.
    pub(in crate::weights) fn end(&self) -> usize {
        (self.0.offset + self.0.size) as usize
    }
}

/// TensorFlow's number of a dtype.
fn number(dtype: DType) -> i32 {
    match dtype {
        DType::F32 => 1,
        DType::F64 => 2,
        DType::I32 => 3,
        DType::U8 => 4,
        DType::I16 => 5,
        DType::I8 => 6,
        DType::C64 => 8,
        DType::I64 => 9,
        DType::Bool => 10,
        DType::BF16 => 14,
        DType::U16 => 17,
        DType::C128 => 18,
        DType::F16 => 19,
        DType::U32 => 22,
        DType::U64 => 23,
    }
}

/// An index that is written, of names in order.
pub(in crate::weights) struct IndexWriter(Writer);

impl IndexWriter {
    /// An index of a checkpoint with one file of elements.
    pub(in crate::weights) fn new() -> IndexWriter {
        let version = Some(VersionDef { producer: VERSION, min_consumer: 0 });
        let header = BundleHeaderProto { num_shards: 1, endianness: 0, version };
        let mut writer = Writer::default();
        writer.put(b"", &header.encode_to_vec());
        IndexWriter(writer)
    }

    /// Adds a tensor, whose name comes after those before it.
    pub(in crate::weights) fn put(&mut self, name: &str, entry: WrittenEntry) {
        self.0.put(name.as_bytes(), &entry.0.encode_to_vec());
    }

    /// The bytes of the file.
    pub(in crate::weights) fn finish(self) -> Vec<u8> {
        self.0.finish()
    }
}
