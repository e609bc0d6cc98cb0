//! The messages of the file format, as `onnx.proto` of the `onnx` package 1.22 numbers their fields. What an importer has no use for is left out, and
//! skipped in files.

use bytes::Bytes;
use prost::{Message, Oneof};

/// One attribute of a node.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct AttributeProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// In a function, the attribute of the call that it stands for.
    #[prost(string, tag = "21")]
    pub(crate) ref_attr_name: String,
    /// Which of the fields is in use.
    #[prost(int32, tag = "20")]
    pub(crate) r#type: i32,
    /// A number.
    #[prost(float, tag = "2")]
    pub(crate) f: f32,
    /// An integer.
    #[prost(int64, tag = "3")]
    pub(crate) i: i64,
    /// A string.
    #[prost(bytes = "bytes", tag = "4")]
    pub(crate) s: Bytes,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub(crate) t: Option<TensorProto>,
    /// A graph.
    #[prost(message, optional, tag = "6")]
    pub(crate) g: Option<GraphProto>,
    /// A sparse tensor.
    #[prost(message, optional, tag = "22")]
    pub(crate) sparse_tensor: Option<SparseTensorProto>,
    /// A type.
    #[prost(message, optional, tag = "14")]
    pub(crate) tp: Option<TypeProto>,
    /// Numbers.
    #[prost(float, repeated, tag = "7")]
    pub(crate) floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub(crate) ints: Vec<i64>,
    /// Strings.
    #[prost(bytes = "bytes", repeated, tag = "9")]
    pub(crate) strings: Vec<Bytes>,
    /// Tensors.
    #[prost(message, repeated, tag = "10")]
    pub(crate) tensors: Vec<TensorProto>,
    /// Graphs.
    #[prost(message, repeated, tag = "11")]
    pub(crate) graphs: Vec<GraphProto>,
}

/// A value's name and type.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ValueInfoProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Its type.
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<TypeProto>,
}

/// One application of an operator.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct NodeProto {
    /// Names of what it takes; an empty one stands for what is left out.
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    /// Names of what it gives; an empty one stands for what nobody wants.
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    /// Its own name, if it has one.
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    /// The operator.
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    /// Whose operator it is; empty for the standard's.
    #[prost(string, tag = "7")]
    pub(crate) domain: String,
    /// Which of the functions of one name.
    #[prost(string, tag = "8")]
    pub(crate) overload: String,
    /// Attributes.
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<AttributeProto>,
}

/// A file.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ModelProto {
    /// The version of this format.
    #[prost(int64, tag = "1")]
    pub(crate) ir_version: i64,
    /// Versions of operators.
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSetIdProto>,
    /// The program that wrote the file.
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    /// Its version.
    #[prost(string, tag = "3")]
    pub(crate) producer_version: String,
    /// A name space for the model.
    #[prost(string, tag = "4")]
    pub(crate) domain: String,
    /// The model's version.
    #[prost(int64, tag = "5")]
    pub(crate) model_version: i64,
    /// What its author says.
    #[prost(string, tag = "6")]
    pub(crate) doc_string: String,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<GraphProto>,
    /// Anything else.
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<StringPairProto>,
    /// Operators that are graphs.
    #[prost(message, repeated, tag = "25")]
    pub(crate) functions: Vec<FunctionProto>,
}

/// An entry of a map.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StringPairProto {
    /// Its key.
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    /// Its value.
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// Nodes in the order in which they can run.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphProto {
    /// The nodes.
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<NodeProto>,
    /// The graph's name.
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    /// Weights.
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<TensorProto>,
    /// Sparse weights.
    #[prost(message, repeated, tag = "15")]
    pub(crate) sparse_initializer: Vec<SparseTensorProto>,
    /// What it takes.
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfoProto>,
    /// What it gives.
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfoProto>,
    /// Types of what is computed on the way.
    #[prost(message, repeated, tag = "13")]
    pub(crate) value_info: Vec<ValueInfoProto>,
}

/// A tensor's elements.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorProto {
    /// Its extents.
    #[prost(int64, repeated, tag = "1")]
    pub(crate) dims: Vec<i64>,
    /// The dtype.
    #[prost(int32, tag = "2")]
    pub(crate) data_type: i32,
    /// Elements of f32, and parts of c64.
    #[prost(float, repeated, tag = "4")]
    pub(crate) float_data: Vec<f32>,
    /// Elements of narrow dtypes, one each.
    #[prost(int32, repeated, tag = "5")]
    pub(crate) int32_data: Vec<i32>,
    /// Strings.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub(crate) string_data: Vec<Bytes>,
    /// Elements of i64.
    #[prost(int64, repeated, tag = "7")]
    pub(crate) int64_data: Vec<i64>,
    /// Its name.
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// All elements, little-endian.
    #[prost(bytes = "bytes", tag = "9")]
    pub(crate) raw_data: Bytes,
    /// Elements of f64, and parts of c128.
    #[prost(double, repeated, tag = "10")]
    pub(crate) double_data: Vec<f64>,
    /// Elements of u32 and u64.
    #[prost(uint64, repeated, tag = "11")]
    pub(crate) uint64_data: Vec<u64>,
    /// The file that has the elements.
    #[prost(message, repeated, tag = "13")]
    pub(crate) external_data: Vec<StringPairProto>,
    /// Whether they are in a file of their own.
    #[prost(int32, tag = "14")]
    pub(crate) data_location: i32,
}

/// A sparse tensor, by its elements that are not zero.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SparseTensorProto {
    /// These elements.
    #[prost(message, optional, tag = "1")]
    pub(crate) values: Option<TensorProto>,
    /// Where they are, as flat places or as rows of indices.
    #[prost(message, optional, tag = "2")]
    pub(crate) indices: Option<TensorProto>,
    /// The extents.
    #[prost(int64, repeated, tag = "3")]
    pub(crate) dims: Vec<i64>,
}

/// Extents.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ShapeProto {
    /// One for each axis.
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<DimensionProto>,
}

/// An operator that is a graph.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FunctionProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Names of what it takes.
    #[prost(string, repeated, tag = "4")]
    pub(crate) input: Vec<String>,
    /// Names of what it gives.
    #[prost(string, repeated, tag = "5")]
    pub(crate) output: Vec<String>,
    /// Attributes that a call must give.
    #[prost(string, repeated, tag = "6")]
    pub(crate) attribute: Vec<String>,
    /// Attributes with what they are if a call does not say.
    #[prost(message, repeated, tag = "11")]
    pub(crate) attribute_proto: Vec<AttributeProto>,
    /// The nodes.
    #[prost(message, repeated, tag = "7")]
    pub(crate) node: Vec<NodeProto>,
    /// Versions of operators.
    #[prost(message, repeated, tag = "9")]
    pub(crate) opset_import: Vec<OperatorSetIdProto>,
    /// Whose operator it is.
    #[prost(string, tag = "10")]
    pub(crate) domain: String,
    /// Which of those of one name.
    #[prost(string, tag = "13")]
    pub(crate) overload: String,
}

/// A version of a domain's operators.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OperatorSetIdProto {
    /// The domain.
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    /// The version.
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
}

/// The type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorTypeProto {
    /// The dtype.
    #[prost(int32, tag = "1")]
    pub(crate) elem_type: i32,
    /// The extents, if they are said.
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<ShapeProto>,
}

/// The type of a sequence or an optional value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ElementTypeProto {
    /// That of what is in it.
    #[prost(message, optional, boxed, tag = "1")]
    pub(crate) elem_type: Option<Box<TypeProto>>,
}

/// The type of a map.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MapTypeProto {
    /// The dtype of keys.
    #[prost(int32, tag = "1")]
    pub(crate) key_type: i32,
    /// The type of values.
    #[prost(message, optional, boxed, tag = "2")]
    pub(crate) value_type: Option<Box<TypeProto>>,
}

/// A file of a sequence.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SequenceProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Which of the fields is in use.
    #[prost(int32, tag = "2")]
    pub(crate) elem_type: i32,
    /// Tensors.
    #[prost(message, repeated, tag = "3")]
    pub(crate) tensor_values: Vec<TensorProto>,
    /// Sparse tensors.
    #[prost(message, repeated, tag = "4")]
    pub(crate) sparse_tensor_values: Vec<SparseTensorProto>,
    /// Sequences.
    #[prost(message, repeated, tag = "5")]
    pub(crate) sequence_values: Vec<SequenceProto>,
    /// Maps.
    #[prost(message, repeated, tag = "6")]
    pub(crate) map_values: Vec<MapProto>,
    /// Optional values.
    #[prost(message, repeated, tag = "7")]
    pub(crate) optional_values: Vec<OptionalProto>,
}

/// A file of a map.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MapProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// The dtype of keys.
    #[prost(int32, tag = "2")]
    pub(crate) key_type: i32,
    /// Keys that are numbers.
    #[prost(int64, repeated, tag = "3")]
    pub(crate) keys: Vec<i64>,
    /// Keys that are words.
    #[prost(bytes = "bytes", repeated, tag = "4")]
    pub(crate) string_keys: Vec<bytes::Bytes>,
    /// As many values.
    #[prost(message, optional, boxed, tag = "5")]
    pub(crate) values: Option<Box<SequenceProto>>,
}

/// A file of an optional value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OptionalProto {
    /// Its name.
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    /// Which of the fields is in use, 0 if there is nothing.
    #[prost(int32, tag = "2")]
    pub(crate) elem_type: i32,
    /// A tensor.
    #[prost(message, optional, tag = "3")]
    pub(crate) tensor_value: Option<TensorProto>,
    /// A sequence.
    #[prost(message, optional, boxed, tag = "5")]
    pub(crate) sequence_value: Option<Box<SequenceProto>>,
    /// An optional value.
    #[prost(message, optional, boxed, tag = "7")]
    pub(crate) optional_value: Option<Box<OptionalProto>>,
}

/// One extent.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DimensionProto {
    /// A number or a name, if anything is said.
    #[prost(oneof = "ExtentProto", tags = "1, 2")]
    pub(crate) value: Option<ExtentProto>,
}

/// What is said of an extent.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum ExtentProto {
    /// The extent.
    #[prost(int64, tag = "1")]
    Size(i64),
    /// A name for it, which may occur again.
    #[prost(string, tag = "2")]
    Name(String),
}

/// The type of a value.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypeProto {
    /// What kind of value.
    #[prost(oneof = "KindProto", tags = "1, 4, 5, 9, 8")]
    pub(crate) kind: Option<KindProto>,
}

/// A kind of values.
#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum KindProto {
    /// A tensor.
    #[prost(message, tag = "1")]
    Tensor(TensorTypeProto),
    /// A sequence.
    #[prost(message, tag = "4")]
    Sequence(Box<ElementTypeProto>),
    /// A map.
    #[prost(message, tag = "5")]
    Map(Box<MapTypeProto>),
    /// An optional value.
    #[prost(message, tag = "9")]
    Optional(Box<ElementTypeProto>),
    /// A sparse tensor.
    #[prost(message, tag = "8")]
    SparseTensor(TensorTypeProto),
}
