//! What can be served: named signatures with inputs and outputs by name, and a way to run them.
//!
//! - [`load()`] finds out what a path holds; [`onnx`]: ONNX files and saved graphs; [`layers`]: saved models of layers, and Keras's; [`bundle`]: traced functions.

mod bundle;
mod layers;
mod load;
mod onnx;

use std::collections::BTreeMap;
use std::fmt;

pub use load::load;

use crate::error::{Error, Result};
use crate::value::{ElementType, Value};

/// The signature that answers a request that names none.
pub const DEFAULT_SIGNATURE: &str = "serving_default";

/// A model that requests can ask.
///
/// ```
/// use std::collections::BTreeMap;
/// use tensorwright_serving::{Port, Result, Servable, Signature, Value};
///
/// struct Doubled(BTreeMap<String, Signature>);
///
/// impl Servable for Doubled {
///     fn platform(&self) -> &str {
///         "example"
///     }
///     fn signatures(&self) -> &BTreeMap<String, Signature> {
///         &self.0
///     }
///     fn call(&self, _signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
///         let twice: Vec<f32> = inputs[0].to_f32()?.iter().map(|x| 2.0 * x).collect();
///         Ok(vec![Value::of_f32(inputs[0].shape().to_vec(), &twice)])
///     }
/// }
///
/// let signature = Signature::new(vec![Port::f32("x", [None])], vec![Port::f32("y", [None])]);
/// let model = Doubled([("serving_default".to_owned(), signature)].into());
/// let outputs = model.call("serving_default", &[Value::of_f32(vec![2], &[1.0, 2.0])])?;
/// assert_eq!(outputs[0].to_f32()?, [2.0, 4.0]);
/// # Ok::<(), tensorwright_serving::Error>(())
/// ```
pub trait Servable: Send + Sync {
    /// What it was made with, in a word.
    fn platform(&self) -> &str;

    /// Its signatures by name.
    fn signatures(&self) -> &BTreeMap<String, Signature>;

    /// Whether a call changes what later ones give, as a step of training does: requests for such a signature run one by one, as they are, and none is made up to warm it up.
    fn changes(&self, signature: &str) -> bool {
        let _ = signature;
        false
    }

    /// Runs a signature. Inputs come, and outputs go, in the order of the signature.
    ///
    /// # Errors
    /// When the model does not take these inputs.
    fn call(&self, signature: &str, inputs: &[Value]) -> Result<Vec<Value>>;
}

/// What a signature takes and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Which interface it is made for: `tensorflow/serving/predict`, ...
    pub method: String,
    /// What it takes, by name.
    pub inputs: Vec<Port>,
    /// What it gives, by name.
    pub outputs: Vec<Port>,
}

/// An input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// Its elements.
    pub ty: ElementType,
    /// Its extents, those that are not known as `None`; nothing if even their number is not known.
    pub shape: Option<Vec<Option<usize>>>,
}

impl Signature {
    /// A signature for prediction.
    pub fn new(inputs: Vec<Port>, outputs: Vec<Port>) -> Signature {
        Signature { method: "tensorflow/serving/predict".to_owned(), inputs, outputs }
    }

    /// Whether requests can be run together, one after the other along the first axis of everything: all first extents are any number.
    pub fn is_batched(&self) -> bool {
        let is_any = |port: &Port| matches!(port.shape.as_deref(), Some([None, ..]));
        !self.inputs.is_empty() && self.inputs.iter().chain(&self.outputs).all(is_any)
    }
}

impl Port {
    /// A port of f32.
    pub fn f32(name: &str, shape: impl Into<Vec<Option<usize>>>) -> Port {
        let ty = ElementType::Number(tensorwright::DType::F32);
        Port { name: name.to_owned(), ty, shape: Some(shape.into()) }
    }

    /// Refuses a value of another type.
    ///
    /// # Errors
    /// When the value's elements or extents are others.
    pub fn check(&self, value: &Value) -> Result<()> {
        let fits = |(extent, size): (&Option<usize>, &usize)| extent.is_none_or(|extent| extent == *size);
        let has_shape = self.shape.as_ref().is_none_or(|shape| {
            shape.len() == value.shape().len() && shape.iter().zip(value.shape()).all(fits)
        });
        if has_shape && self.ty == value.ty() {
            return Ok(());
        }
        let known = value.shape().iter().map(|extent| Some(*extent)).collect();
        let found = Port { name: String::new(), ty: value.ty(), shape: Some(known) };
        Err(Error::invalid(format!("input `{}` must be {self}, found {found}", self.name)))
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ty {
            ElementType::Number(dtype) => write!(f, "{dtype}")?,
            ElementType::Bytes => f.write_str("string")?,
        }
        let Some(shape) = &self.shape else { return f.write_str("[..]") };
        let extent = |extent: &Option<usize>| extent.map_or("?".to_owned(), |extent| extent.to_string());
        write!(f, "[{}]", shape.iter().map(extent).collect::<Vec<_>>().join(","))
    }
}

/// What the function of a model says when it cannot run: a request's fault, as far as is known.
fn refused(error: impl fmt::Display) -> Error {
    Error::invalid(error)
}
