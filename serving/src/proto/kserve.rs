//! The open inference protocol, version 2, which KServe and Triton speak (`grpc_service.proto`).

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};

/// Asks whether the server answers.
#[derive(Clone, PartialEq, Message)]
pub struct ServerLiveRequest {}

/// Whether it does.
#[derive(Clone, PartialEq, Message)]
pub struct ServerLiveResponse {
    /// Whether it does.
    #[prost(bool, tag = "1")]
    pub live: bool,
}

/// Asks whether all models are ready.
#[derive(Clone, PartialEq, Message)]
pub struct ServerReadyRequest {}

/// Whether they are.
#[derive(Clone, PartialEq, Message)]
pub struct ServerReadyResponse {
    /// Whether they are.
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

/// Asks whether a model is ready.
#[derive(Clone, PartialEq, Message)]
pub struct ModelReadyRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version; empty for the newest.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// Whether it is.
#[derive(Clone, PartialEq, Message)]
pub struct ModelReadyResponse {
    /// Whether it is.
    #[prost(bool, tag = "1")]
    pub ready: bool,
}

/// Asks who the server is.
#[derive(Clone, PartialEq, Message)]
pub struct ServerMetadataRequest {}

/// Who the server is.
#[derive(Clone, PartialEq, Message)]
pub struct ServerMetadataResponse {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its version.
    #[prost(string, tag = "2")]
    pub version: String,
    /// Extensions of the protocol that it speaks.
    #[prost(string, repeated, tag = "3")]
    pub extensions: Vec<String>,
}

/// Asks what a model takes and gives.
#[derive(Clone, PartialEq, Message)]
pub struct ModelMetadataRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The version; empty for the newest.
    #[prost(string, tag = "2")]
    pub version: String,
}

/// An input or an output.
#[derive(Clone, PartialEq, Message)]
pub struct TensorMetadata {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The dtype: `FP32`, ...
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// Extents, -1 where they are not known.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
}

/// What a model takes and gives.
#[derive(Clone, PartialEq, Message)]
pub struct ModelMetadataResponse {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Versions that are there.
    #[prost(string, repeated, tag = "2")]
    pub versions: Vec<String>,
    /// What it was made with.
    #[prost(string, tag = "3")]
    pub platform: String,
    /// What it takes.
    #[prost(message, repeated, tag = "4")]
    pub inputs: Vec<TensorMetadata>,
    /// What it gives.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<TensorMetadata>,
}

/// A parameter of one kind.
#[derive(Clone, PartialEq, Oneof)]
pub enum InferParameterChoice {
    /// Yes or no.
    #[prost(bool, tag = "1")]
    Bool(bool),
    /// An integer.
    #[prost(int64, tag = "2")]
    Int64(i64),
    /// A string.
    #[prost(string, tag = "3")]
    String(String),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// An integer without a sign.
    #[prost(uint64, tag = "5")]
    Uint64(u64),
}

/// A parameter.
#[derive(Clone, PartialEq, Message)]
pub struct InferParameter {
    /// What it is.
    #[prost(oneof = "InferParameterChoice", tags = "1, 2, 3, 4, 5")]
    pub choice: Option<InferParameterChoice>,
}

/// Elements one by one, in the list of the tensor's dtype.
#[derive(Clone, PartialEq, Message)]
pub struct InferTensorContents {
    /// BOOL.
    #[prost(bool, repeated, tag = "1")]
    pub bool_contents: Vec<bool>,
    /// INT8, INT16, INT32.
    #[prost(int32, repeated, tag = "2")]
    pub int_contents: Vec<i32>,
    /// INT64.
    #[prost(int64, repeated, tag = "3")]
    pub int64_contents: Vec<i64>,
    /// UINT8, UINT16, UINT32.
    #[prost(uint32, repeated, tag = "4")]
    pub uint_contents: Vec<u32>,
    /// UINT64.
    #[prost(uint64, repeated, tag = "5")]
    pub uint64_contents: Vec<u64>,
    /// FP32.
    #[prost(float, repeated, tag = "6")]
    pub fp32_contents: Vec<f32>,
    /// FP64.
    #[prost(double, repeated, tag = "7")]
    pub fp64_contents: Vec<f64>,
    /// BYTES.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub bytes_contents: Vec<Bytes>,
}

/// A tensor of a request or of an answer.
#[derive(Clone, PartialEq, Message)]
pub struct InferTensor {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The dtype: `FP32`, ...
    #[prost(string, tag = "2")]
    pub datatype: String,
    /// Its extents.
    #[prost(int64, repeated, tag = "3")]
    pub shape: Vec<i64>,
    /// Parameters.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, InferParameter>,
    /// Elements, unless they are among the raw contents.
    #[prost(message, optional, tag = "5")]
    pub contents: Option<InferTensorContents>,
}

/// An output that is asked for.
#[derive(Clone, PartialEq, Message)]
pub struct InferRequestedOutputTensor {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Parameters.
    #[prost(btree_map = "string, message", tag = "2")]
    pub parameters: BTreeMap<String, InferParameter>,
}

/// Asks a model.
#[derive(Clone, PartialEq, Message)]
pub struct ModelInferRequest {
    /// Its name.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// The version; empty for the newest.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// What the answer repeats.
    #[prost(string, tag = "3")]
    pub id: String,
    /// Parameters.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, InferParameter>,
    /// What it is given.
    #[prost(message, repeated, tag = "5")]
    pub inputs: Vec<InferTensor>,
    /// Outputs that are asked for; all if there are none.
    #[prost(message, repeated, tag = "6")]
    pub outputs: Vec<InferRequestedOutputTensor>,
    /// Elements of inputs as bytes, in their order.
    #[prost(bytes = "bytes", repeated, tag = "7")]
    pub raw_input_contents: Vec<Bytes>,
}

/// A model's answer.
#[derive(Clone, PartialEq, Message)]
pub struct ModelInferResponse {
    /// The model's name.
    #[prost(string, tag = "1")]
    pub model_name: String,
    /// The version that answered.
    #[prost(string, tag = "2")]
    pub model_version: String,
    /// That of the request.
    #[prost(string, tag = "3")]
    pub id: String,
    /// Parameters.
    #[prost(btree_map = "string, message", tag = "4")]
    pub parameters: BTreeMap<String, InferParameter>,
    /// What it gives.
    #[prost(message, repeated, tag = "5")]
    pub outputs: Vec<InferTensor>,
    /// Elements of outputs as bytes, in their order.
    #[prost(bytes = "bytes", repeated, tag = "6")]
    pub raw_output_contents: Vec<Bytes>,
}
