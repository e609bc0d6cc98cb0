//! ONNX files, and graphs that were saved for one signature.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use tensorwright::Static;
use tensorwright_formats::onnx::{Extent, Model, Spec, Strings, Value as OnnxValue};

use super::{DEFAULT_SIGNATURE, Port, Servable, Signature, refused};
use crate::error::{Error, Result};
use crate::value::{ElementType, Elements, Value};

/// A model of an ONNX file.
struct OnnxServable {
    model: Model,
    platform: &'static str,
    signatures: BTreeMap<String, Signature>,
    /// Where the inputs of the signature are among those of the model.
    places: Vec<usize>,
    inputs: usize,
}

/// Reads an ONNX file, or the folder of a saved graph.
pub(super) fn load(path: &Path) -> Result<Box<dyn Servable>> {
    let model = Model::load(path).map_err(Error::internal)?;
    if !model.unsupported().is_empty() {
        let names: Vec<&str> = model.unsupported().iter().map(|(name, _)| name.as_str()).collect();
        return Err(Error::new(
            crate::Code::Unimplemented,
            format!("operators that are not supported: {}", names.join(", ")),
        ));
    }
    // What has a value in the file already is no input for requests.
    let places: Vec<usize> = (0..model.inputs().len()).filter(|at| !model.is_optional(*at)).collect();
    let inputs = places.iter().map(|at| port(&model.inputs()[*at])).collect::<Result<_>>()?;
    let outputs = model.outputs().iter().map(port).collect::<Result<_>>()?;
    let signatures = [(DEFAULT_SIGNATURE.to_owned(), Signature::new(inputs, outputs))].into();
    let platform = if path.is_dir() { "tensorwright_graph" } else { "onnx" };
    let inputs = model.inputs().len();
    Ok(Box::new(OnnxServable { model, platform, signatures, places, inputs }))
}

fn port(spec: &Spec) -> Result<Port> {
    let ty = match spec.dtype {
        Some(dtype) => ElementType::Number(dtype),
        None if spec.kind == "string" => ElementType::Bytes,
        None => {
            let message = format!("`{}` is {}, which cannot be served", spec.name, spec.kind);
            return Err(Error::new(crate::Code::Unimplemented, message));
        }
    };
    let extent = |extent: &Extent| match extent {
        Extent::Size(size) => Some(*size),
        Extent::Any(_) => None,
    };
    let shape = spec.shape.as_ref().map(|shape| shape.iter().map(extent).collect());
    Ok(Port { name: spec.name.clone(), ty, shape })
}

impl Servable for OnnxServable {
    fn platform(&self) -> &str {
        self.platform
    }

    fn signatures(&self) -> &BTreeMap<String, Signature> {
        &self.signatures
    }

    fn call(&self, _signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        let mut values: Vec<Option<OnnxValue>> = vec![None; self.inputs];
        for (&at, input) in self.places.iter().zip(inputs) {
            values[at] = Some(given(input)?);
        }
        let found = self.model.function().call(&values).map_err(refused)?;
        found.into_iter().map(taken).collect()
    }
}

fn given(value: &Value) -> Result<OnnxValue> {
    let Elements::Strings(strings) = value.elements() else {
        return Ok(value.tensor()?.into());
    };
    let text = |bytes: &Bytes| {
        String::from_utf8(bytes.to_vec()).map_err(|_| Error::invalid("a string is not UTF-8"))
    };
    let elements = strings.iter().map(text).collect::<Result<_>>()?;
    Ok(OnnxValue::Strings(Static(Strings { shape: value.shape().to_vec().into(), elements })))
}

fn taken(value: OnnxValue) -> Result<Value> {
    match value {
        OnnxValue::Tensor(tensor) => Value::of_tensor(&tensor),
        OnnxValue::Strings(Static(Strings { shape, elements })) => {
            let strings = elements.into_iter().map(Bytes::from).collect();
            Value::new(shape.sizes().to_vec(), Elements::Strings(strings))
        }
        _ => Err(Error::internal("the model gives what is no tensor")),
    }
}
