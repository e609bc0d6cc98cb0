//! Tensors and signatures of TensorFlow (`tensor.proto`, `tensor_shape.proto`, `types.proto`, `meta_graph.proto`).

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Enumeration, Message};

/// The dtype of elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Enumeration)]
#[repr(i32)]
pub enum DataType {
    /// None.
    Invalid = 0,
    /// f32.
    Float = 1,
    /// f64.
    Double = 2,
    /// i32.
    Int32 = 3,
    /// u8.
    Uint8 = 4,
    /// i16.
    Int16 = 5,
    /// i8.
    Int8 = 6,
    /// Bytes.
    String = 7,
    /// Two f32.
    Complex64 = 8,
    /// i64.
    Int64 = 9,
    /// bool.
    Bool = 10,
    /// bf16.
    Bfloat16 = 14,
    /// u16.
    Uint16 = 17,
    /// Two f64.
    Complex128 = 18,
    /// f16.
    Half = 19,
    /// u32.
    Uint32 = 22,
    /// u64.
    Uint64 = 23,
}

/// One extent.
#[derive(Clone, PartialEq, Message)]
pub struct DimProto {
    /// The extent; -1 if it is not known.
    #[prost(int64, tag = "1")]
    pub size: i64,
    /// A name for it.
    #[prost(string, tag = "2")]
    pub name: String,
}

/// Extents.
#[derive(Clone, PartialEq, Message)]
pub struct TensorShapeProto {
    /// One for each axis.
    #[prost(message, repeated, tag = "2")]
    pub dim: Vec<DimProto>,
    /// Whether even their number is not known.
    #[prost(bool, tag = "3")]
    pub unknown_rank: bool,
}

/// A tensor's elements: all of them as bytes, or one by one in the list of its dtype, of which the last counts for those that are missing.
#[derive(Clone, PartialEq, Message)]
pub struct TensorProto {
    /// The dtype, a [`DataType`].
    #[prost(enumeration = "DataType", tag = "1")]
    pub dtype: i32,
    /// Its extents.
    #[prost(message, optional, tag = "2")]
    pub tensor_shape: Option<TensorShapeProto>,
    /// The version of the format.
    #[prost(int32, tag = "3")]
    pub version_number: i32,
    /// All elements, little-endian.
    #[prost(bytes = "bytes", tag = "4")]
    pub tensor_content: Bytes,
    /// Elements of f16 and bf16, by their bits.
    #[prost(int32, repeated, tag = "13")]
    pub half_val: Vec<i32>,
    /// Elements of f32.
    #[prost(float, repeated, tag = "5")]
    pub float_val: Vec<f32>,
    /// Elements of f64.
    #[prost(double, repeated, tag = "6")]
    pub double_val: Vec<f64>,
    /// Elements of integers up to i32.
    #[prost(int32, repeated, tag = "7")]
    pub int_val: Vec<i32>,
    /// Strings.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub string_val: Vec<Bytes>,
    /// Parts of c64.
    #[prost(float, repeated, tag = "9")]
    pub scomplex_val: Vec<f32>,
    /// Elements of i64.
    #[prost(int64, repeated, tag = "10")]
    pub int64_val: Vec<i64>,
    /// Elements of bool.
    #[prost(bool, repeated, tag = "11")]
    pub bool_val: Vec<bool>,
    /// Parts of c128.
    #[prost(double, repeated, tag = "12")]
    pub dcomplex_val: Vec<f64>,
    /// Elements of u32.
    #[prost(uint32, repeated, tag = "16")]
    pub uint32_val: Vec<u32>,
    /// Elements of u64.
    #[prost(uint64, repeated, tag = "17")]
    pub uint64_val: Vec<u64>,
}

/// What is known of an input or an output.
#[derive(Clone, PartialEq, Message)]
pub struct TensorInfo {
    /// Its name in the graph.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The dtype.
    #[prost(enumeration = "DataType", tag = "2")]
    pub dtype: i32,
    /// The extents.
    #[prost(message, optional, tag = "3")]
    pub tensor_shape: Option<TensorShapeProto>,
}

/// What a signature takes and gives, by name.
#[derive(Clone, PartialEq, Message)]
pub struct SignatureDef {
    /// What it takes.
    #[prost(btree_map = "string, message", tag = "1")]
    pub inputs: BTreeMap<String, TensorInfo>,
    /// What it gives.
    #[prost(btree_map = "string, message", tag = "2")]
    pub outputs: BTreeMap<String, TensorInfo>,
    /// Which interface it serves: `tensorflow/serving/predict`, ...
    #[prost(string, tag = "3")]
    pub method_name: String,
}
