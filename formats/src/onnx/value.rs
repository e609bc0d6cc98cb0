//! What flows along the edges of a model: tensors, and what ONNX has besides.

use std::fmt;

use tensorwright::prelude::*;
use tensorwright::{Shape, Static};

use super::error::Reason;

/// A value of a model.
///
/// Most are tensors. Strings are on the host alone: a compiled model has them as part of its signature.
#[derive(Clone, Debug, Tree)]
pub enum Value {
    /// A tensor.
    Tensor(Tensor),
    /// A tensor of strings.
    Strings(Static<Strings>),
    /// A sequence of values of one type.
    Sequence(Vec<Value>),
    /// A value that may be absent.
    Optional(Option<Box<Value>>),
    /// Entries of numbers or strings by strings or integers.
    Map(Vec<(Static<Key>, Value)>),
}

/// Strings with a shape, row major.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Strings {
    /// The extents.
    pub shape: Shape,
    /// The strings.
    pub elements: Vec<String>,
}

/// A key of a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A number.
    Number(i64),
    /// A word.
    Word(String),
}

impl Value {
    /// The tensor, if it is one.
    pub fn tensor(&self) -> Option<&Tensor> {
        match self {
            Value::Tensor(tensor) => Some(tensor),
            _ => None,
        }
    }

    /// Strings of a shape.
    pub(crate) fn strings(shape: impl Into<Shape>, elements: Vec<String>) -> Value {
        Value::Strings(Static(Strings { shape: shape.into(), elements }))
    }

    /// What kind of value it is, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Tensor(_) => "a tensor",
            Value::Strings(_) => "a tensor of strings",
            Value::Sequence(_) => "a sequence",
            Value::Optional(_) => "an optional value",
            Value::Map(_) => "a map",
        }
    }

    /// Whether elements of it are known only when the model runs.
    pub(crate) fn is_traced(&self) -> bool {
        match self {
            Value::Tensor(tensor) => tensor.is_traced(),
            Value::Strings(_) => false,
            Value::Sequence(values) => values.iter().any(Value::is_traced),
            Value::Optional(value) => value.as_ref().is_some_and(|value| value.is_traced()),
            Value::Map(entries) => entries.iter().any(|(_, value)| value.is_traced()),
        }
    }

    /// The value, or the error that a tensor in it carries.
    pub(crate) fn checked(self) -> Result<Value, Reason> {
        match &self {
            Value::Tensor(tensor) => {
                if let Some(error) = tensor.error() {
                    return Err(error.clone().into());
                }
            }
            Value::Sequence(values) => {
                for value in values {
                    value.clone().checked()?;
                }
            }
            Value::Map(entries) => {
                for (_, value) in entries {
                    value.clone().checked()?;
                }
            }
            _ => {}
        }
        Ok(self)
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Value {
        Value::Tensor(tensor)
    }
}

impl From<&Tensor> for Value {
    fn from(tensor: &Tensor) -> Value {
        Value::Tensor(tensor.clone())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Tensor(tensor) => tensor.fmt(f),
            Value::Strings(strings) => write!(f, "{:?}", strings.elements),
            Value::Sequence(values) => {
                let values: Vec<String> = values.iter().map(Value::to_string).collect();
                write!(f, "[{}]", values.join(", "))
            }
            Value::Optional(None) => f.write_str("nothing"),
            Value::Optional(Some(value)) => value.fmt(f),
            Value::Map(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|(key, x)| format!("{:?}: {x}", **key)).collect();
                write!(f, "{{{}}}", entries.join(", "))
            }
        }
    }
}
