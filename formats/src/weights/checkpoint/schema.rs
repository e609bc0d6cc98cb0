//! The messages in the index of a checkpoint, as `tensor_bundle.proto` and the files that it names number their fields.

use prost::Message;

/// What is known of all shards.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BundleHeaderProto {
    /// How many files hold the elements.
    #[prost(int32, tag = "1")]
    pub(super) num_shards: i32,
    /// 0 for little-endian elements, 1 for big-endian ones.
    #[prost(int32, tag = "2")]
    pub(super) endianness: i32,
    /// Who can read this.
    #[prost(message, optional, tag = "3")]
    pub(super) version: Option<VersionDef>,
}

/// The version of a format.
#[derive(Clone, PartialEq, Message)]
pub(super) struct VersionDef {
    /// That of the writer.
    #[prost(int32, tag = "1")]
    pub(super) producer: i32,
    /// The least one of a reader.
    #[prost(int32, tag = "2")]
    pub(super) min_consumer: i32,
}

/// A tensor, or a slice of one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct BundleEntryProto {
    /// The number of its dtype.
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    /// Its shape.
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<TensorShapeProto>,
    /// Which file has it.
    #[prost(int32, tag = "3")]
    pub(super) shard_id: i32,
    /// Where its bytes begin.
    #[prost(int64, tag = "4")]
    pub(super) offset: i64,
    /// How many there are.
    #[prost(int64, tag = "5")]
    pub(super) size: i64,
    /// Their masked checksum.
    #[prost(fixed32, tag = "6")]
    pub(super) crc32c: u32,
    /// Slices that are entries of their own and make up the tensor; its own bytes, if there are none.
    #[prost(message, repeated, tag = "7")]
    pub(super) slices: Vec<TensorSliceProto>,
}

/// The shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorShapeProto {
    /// Its extents.
    #[prost(message, repeated, tag = "2")]
    pub(super) dim: Vec<Dim>,
    /// Whether nothing is known of it.
    #[prost(bool, tag = "3")]
    pub(super) unknown_rank: bool,
}

/// An extent.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    /// Its size.
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

/// A part of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorSliceProto {
    /// A part of each axis.
    #[prost(message, repeated, tag = "1")]
    pub(super) extent: Vec<Extent>,
}

/// A part of an axis; all of it, if it says no length.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Extent {
    /// Where it begins.
    #[prost(int64, tag = "1")]
    pub(super) start: i64,
    /// How long it is.
    #[prost(int64, optional, tag = "2")]
    pub(super) length: Option<i64>,
}
