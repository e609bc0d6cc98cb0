//! One application of an operator: its inputs and attributes, as operators ask for them.

use std::sync::Arc;

use tensorwright::{DType, Shape, Tensor};

use super::dtype;
use super::error::Reason;
use super::graph::{Attribute, Graph, Node};
use super::run::Scope;
use super::value::{Strings, Value};

/// What an operator is given.
pub(crate) struct Call<'c> {
    pub(crate) node: &'c Node,
    pub(crate) inputs: &'c [Option<Value>],
    pub(crate) scope: &'c Scope<'c>,
}

/// What an operator gives.
pub(crate) type Results = Result<Vec<Value>, Reason>;

/// A single tensor as results.
pub(crate) fn one(tensor: Tensor) -> Results {
    Ok(vec![tensor.into()])
}

impl<'c> Call<'c> {
    /// The version of the operators of its domain.
    pub(crate) fn version(&self) -> i64 {
        self.node.version
    }

    /// How many inputs there are, those that are left out too.
    pub(crate) fn count(&self) -> usize {
        self.inputs.len()
    }

    /// How many outputs are wanted.
    pub(crate) fn wanted(&self, position: usize) -> bool {
        self.node.outputs.get(position).is_some_and(|name| !name.is_empty())
    }

    /// An input, whatever it is.
    pub(crate) fn value(&self, position: usize) -> Result<&'c Value, Reason> {
        self.maybe_value(position).ok_or(Reason::MissingInput(position))
    }

    /// An input that may be left out.
    pub(crate) fn maybe_value(&self, position: usize) -> Option<&'c Value> {
        self.inputs.get(position).and_then(Option::as_ref)
    }

    /// ONNX's number of the dtype of an input's elements, as far as the file says it, if no dtype of ours has such.
    pub(crate) fn narrow(&self, position: usize) -> Option<i32> {
        self.node.narrow.iter().find(|(at, _)| *at == position).map(|(_, number)| *number)
    }

    /// An input, a tensor.
    pub(crate) fn tensor(&self, position: usize) -> Result<&'c Tensor, Reason> {
        as_tensor(self.value(position)?, position)
    }

    /// An input, a tensor, that may be left out.
    pub(crate) fn maybe(&self, position: usize) -> Result<Option<&'c Tensor>, Reason> {
        self.maybe_value(position).map(|value| as_tensor(value, position)).transpose()
    }

    /// All inputs, tensors.
    pub(crate) fn tensors(&self) -> Result<Vec<&'c Tensor>, Reason> {
        (0..self.count()).map(|position| self.tensor(position)).collect()
    }

    /// An input, strings.
    pub(crate) fn strings(&self, position: usize) -> Result<&'c Strings, Reason> {
        match self.value(position)? {
            Value::Strings(strings) => Ok(&strings.0),
            other => Err(Reason::Kind { position, found: other.kind(), expected: "a tensor of strings" }),
        }
    }

    /// An input, a sequence.
    pub(crate) fn sequence(&self, position: usize) -> Result<&'c [Value], Reason> {
        match self.value(position)? {
            Value::Sequence(values) => Ok(values),
            Value::Optional(Some(value)) => match &**value {
                Value::Sequence(values) => Ok(values),
                other => Err(Reason::Kind { position, found: other.kind(), expected: "a sequence" }),
            },
            other => Err(Reason::Kind { position, found: other.kind(), expected: "a sequence" }),
        }
    }

    /// The integers of an input that must have values now; where they are computed from inputs of the model, the graph is cut.
    pub(crate) fn numbers(&self, position: usize) -> Result<Vec<i64>, Reason> {
        integers(self.tensor(position)?)
    }

    /// The integers of an input that may be left out.
    pub(crate) fn maybe_numbers(&self, position: usize) -> Result<Option<Vec<i64>>, Reason> {
        self.maybe(position)?.map(integers).transpose()
    }

    /// The one integer of an input.
    pub(crate) fn number(&self, position: usize) -> Result<i64, Reason> {
        let numbers = self.numbers(position)?;
        let found = numbers.len();
        match numbers.as_slice() {
            [number] => Ok(*number),
            _ => Err(Reason::other(format!("input {position} must be one number, it has {found}"))),
        }
    }

    /// The numbers of an input that must have values now.
    pub(crate) fn floats(&self, position: usize) -> Result<Vec<f64>, Reason> {
        floats(self.tensor(position)?)
    }

    /// Integers that an input has in new versions, an attribute in old ones.
    pub(crate) fn list(&self, position: usize, attribute: &str) -> Result<Option<Vec<i64>>, Reason> {
        match self.maybe_numbers(position)? {
            Some(numbers) => Ok(Some(numbers)),
            None => self.ints(attribute),
        }
    }

    fn attribute(&self, name: &str) -> Option<&'c Attribute> {
        self.node.attributes.get(name)
    }

    /// Whether an attribute is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// An integer attribute that may be left out.
    pub(crate) fn maybe_int(&self, name: &str) -> Result<Option<i64>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Int(number)) => Ok(Some(*number)),
            Some(_) => Err(Reason::attribute(name, "must be an integer")),
        }
    }

    /// An integer attribute.
    pub(crate) fn int(&self, name: &str, default: i64) -> Result<i64, Reason> {
        Ok(self.maybe_int(name)?.unwrap_or(default))
    }

    /// An integer attribute that is a flag.
    pub(crate) fn flag(&self, name: &str, default: bool) -> Result<bool, Reason> {
        Ok(self.int(name, i64::from(default))? != 0)
    }

    /// An integer attribute that must be there.
    pub(crate) fn required_int(&self, name: &str) -> Result<i64, Reason> {
        self.maybe_int(name)?.ok_or_else(|| Reason::attribute(name, "is missing"))
    }

    /// Integers of an attribute that may be left out.
    pub(crate) fn ints(&self, name: &str) -> Result<Option<Vec<i64>>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Ints(numbers)) => Ok(Some(numbers.clone())),
            Some(_) => Err(Reason::attribute(name, "must be integers")),
        }
    }

    /// A number of an attribute that may be left out.
    pub(crate) fn maybe_float(&self, name: &str) -> Result<Option<f64>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Float(number)) => Ok(Some(f64::from(*number))),
            Some(_) => Err(Reason::attribute(name, "must be a number")),
        }
    }

    /// A number of an attribute.
    pub(crate) fn float(&self, name: &str, default: f64) -> Result<f64, Reason> {
        Ok(self.maybe_float(name)?.unwrap_or(default))
    }

    /// Numbers of an attribute that may be left out.
    pub(crate) fn float_list(&self, name: &str) -> Result<Option<Vec<f32>>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Floats(numbers)) => Ok(Some(numbers.clone())),
            Some(_) => Err(Reason::attribute(name, "must be numbers")),
        }
    }

    /// A word of an attribute.
    pub(crate) fn word(&self, name: &str, default: &'c str) -> Result<&'c str, Reason> {
        match self.attribute(name) {
            None => Ok(default),
            Some(Attribute::Text(text)) => {
                std::str::from_utf8(text).map_err(|_| Reason::attribute(name, "is no text"))
            }
            Some(_) => Err(Reason::attribute(name, "must be a string")),
        }
    }

    /// Words of an attribute that may be left out.
    pub(crate) fn words(&self, name: &str) -> Result<Option<Vec<String>>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Texts(texts)) => {
                Ok(Some(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()))
            }
            Some(_) => Err(Reason::attribute(name, "must be strings")),
        }
    }

    /// A tensor of an attribute that may be left out.
    pub(crate) fn constant(&self, name: &str) -> Result<Option<&'c Value>, Reason> {
        match self.attribute(name) {
            None => Ok(None),
            Some(Attribute::Value(value)) => Ok(Some(value)),
            Some(_) => Err(Reason::attribute(name, "must be a tensor")),
        }
    }

    /// A graph of an attribute.
    pub(crate) fn graph(&self, name: &str) -> Result<&'c Arc<Graph>, Reason> {
        match self.attribute(name) {
            Some(Attribute::Graph(graph)) => Ok(graph),
            _ => Err(Reason::attribute(name, "must be a graph")),
        }
    }

    /// A dtype of an attribute that may be left out.
    pub(crate) fn dtype(&self, name: &str) -> Result<Option<DType>, Reason> {
        match self.maybe_int(name)? {
            None | Some(0) => Ok(None),
            Some(number) => dtype::dtype(i32::try_from(number).unwrap_or(0)).map(Some),
        }
    }

    /// An error about a word of an attribute.
    pub(crate) fn unknown_word(&self, name: &str, word: &str) -> Reason {
        Reason::attribute(name, format!("is `{word}`, which is unknown"))
    }
}

fn as_tensor(value: &Value, position: usize) -> Result<&Tensor, Reason> {
    match value {
        Value::Tensor(tensor) => Ok(tensor),
        Value::Optional(Some(inner)) => as_tensor(inner, position),
        other => Err(Reason::Kind { position, found: other.kind(), expected: "a tensor" }),
    }
}

/// How far numbers are moved so that they are sizes.
const SHIFT: i64 = 1 << 40;

/// The integers of a tensor. One that has no value yet is asked for by cutting the graph.
pub(crate) fn integers(tensor: &Tensor) -> Result<Vec<i64>, Reason> {
    let wide = || tensor.cast(DType::I64);
    if !tensor.is_traced() {
        return Ok(tensorwright::eagerly(wide).to_vec::<i64>()?);
    }
    let shifted = (wide() + SHIFT).reshape([-1]);
    let count = shifted.elements()?;
    let number = |at: usize| Ok(shifted.i(at).to_size()? as i64 - SHIFT);
    (0..count).map(number).collect()
}

/// The numbers of a tensor. For one that has no value yet the graph is cut, by their bits.
pub(crate) fn floats(tensor: &Tensor) -> Result<Vec<f64>, Reason> {
    if tensor.is_traced() {
        let bits = tensor.cast(DType::F64).bitcast(DType::U64).reshape([-1, 1]);
        let halves = Tensor::concat(&[bits.clone() >> 32, bits & 0xffff_ffff_u64], 1).cast(DType::I64);
        let number = |half: &[i64]| f64::from_bits((half[0] as u64) << 32 | half[1] as u64);
        return Ok(integers(&halves)?.chunks_exact(2).map(number).collect());
    }
    Ok(tensorwright::eagerly(|| tensor.cast(DType::F64)).to_vec::<f64>()?)
}

/// A place counted from the end if it is negative.
pub(crate) fn axis(axis: i64, rank: usize) -> Result<usize, Reason> {
    let found = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    match found.and_then(|found| usize::try_from(found).ok()).filter(|&found| found < rank) {
        Some(found) => Ok(found),
        None => Err(Reason::other(format!("axis {axis} is outside of a tensor of rank {rank}"))),
    }
}

/// Places counted from the end if they are negative.
pub(crate) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, Reason> {
    axes.iter().map(|&at| axis(at, rank)).collect()
}

/// Extents of a tensor.
pub(crate) fn sizes(tensor: &Tensor) -> Result<Vec<usize>, Reason> {
    Ok(tensor.shape()?.sizes().to_vec())
}

/// The extents, if they may be those of a tensor.
pub(crate) fn extents(numbers: &[i64]) -> Result<Shape, Reason> {
    super::tensor::shape(numbers)
}

/// A number that must not be negative, nor larger than the extent of any tensor.
pub(crate) fn natural(name: &str, number: i64) -> Result<usize, Reason> {
    let found = u32::try_from(number).ok().and_then(|number| usize::try_from(number).ok());
    found.ok_or_else(|| Reason::attribute(name, format!("is {number}, and must be from 0 to {}", u32::MAX)))
}

/// Refuses a tensor of another rank than is wanted.
pub(crate) fn expect_rank(what: &str, found: usize, expected: usize) -> Result<(), Reason> {
    match found == expected {
        true => Ok(()),
        false => Err(Reason::other(format!("{what} must have rank {expected}, found rank {found}"))),
    }
}

/// Numbers that must not be negative.
pub(crate) fn naturals(name: &str, numbers: &[i64]) -> Result<Vec<usize>, Reason> {
    numbers.iter().map(|&number| natural(name, number)).collect()
}
