//! Examples of TensorFlow: lists of values by name (`example.proto`, `feature.proto`, `input.proto`).

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::{Message, Oneof};

/// Strings.
#[derive(Clone, PartialEq, Message)]
pub struct BytesList {
    /// The strings.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub value: Vec<Bytes>,
}

/// Numbers.
#[derive(Clone, PartialEq, Message)]
pub struct FloatList {
    /// The numbers.
    #[prost(float, repeated, tag = "1")]
    pub value: Vec<f32>,
}

/// Integers.
#[derive(Clone, PartialEq, Message)]
pub struct Int64List {
    /// The integers.
    #[prost(int64, repeated, tag = "1")]
    pub value: Vec<i64>,
}

/// A list of one kind.
#[derive(Clone, PartialEq, Oneof)]
pub enum FeatureKind {
    /// Strings.
    #[prost(message, tag = "1")]
    BytesList(BytesList),
    /// Numbers.
    #[prost(message, tag = "2")]
    FloatList(FloatList),
    /// Integers.
    #[prost(message, tag = "3")]
    Int64List(Int64List),
}

/// A list, if there is one.
#[derive(Clone, PartialEq, Message)]
pub struct Feature {
    /// The list.
    #[prost(oneof = "FeatureKind", tags = "1, 2, 3")]
    pub kind: Option<FeatureKind>,
}

/// Lists by name.
#[derive(Clone, PartialEq, Message)]
pub struct Features {
    /// The lists.
    #[prost(btree_map = "string, message", tag = "1")]
    pub feature: BTreeMap<String, Feature>,
}

/// One example.
#[derive(Clone, PartialEq, Message)]
pub struct Example {
    /// Its lists.
    #[prost(message, optional, tag = "1")]
    pub features: Option<Features>,
}

/// Examples.
#[derive(Clone, PartialEq, Message)]
pub struct ExampleList {
    /// The examples.
    #[prost(message, repeated, tag = "1")]
    pub examples: Vec<Example>,
}

/// Examples that have some lists in common.
#[derive(Clone, PartialEq, Message)]
pub struct ExampleListWithContext {
    /// The examples.
    #[prost(message, repeated, tag = "1")]
    pub examples: Vec<Example>,
    /// What they have in common.
    #[prost(message, optional, tag = "2")]
    pub context: Option<Example>,
}

/// Examples in one of the two forms.
#[derive(Clone, PartialEq, Oneof)]
pub enum InputKind {
    /// Examples.
    #[prost(message, tag = "1")]
    ExampleList(ExampleList),
    /// Examples that have some lists in common.
    #[prost(message, tag = "2")]
    ExampleListWithContext(ExampleListWithContext),
}

/// What classification and regression take.
#[derive(Clone, PartialEq, Message)]
pub struct Input {
    /// The examples.
    #[prost(oneof = "InputKind", tags = "1, 2")]
    pub kind: Option<InputKind>,
}
