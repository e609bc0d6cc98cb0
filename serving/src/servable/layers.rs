//! Saved models of layers, and those of Keras.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{PoisonError, RwLock};

use serde_json::Value as Json;
use tensorwright::{DType, Function, Tensor, TensorType, function, run_graph};
use tensorwright_nn::{Argument, Context, Model};
use zip::ZipArchive;

use super::{DEFAULT_SIGNATURE, Port, Servable, Signature, refused};
use crate::error::{Error, Result};
use crate::value::{ElementType, Value};

type Compiled = Function<Vec<Tensor>, Vec<Tensor>>;

/// Weights of so many bytes become constants of the compiled graphs, each of which packs them for itself.
const MAX_CONSTANT_BYTES: usize = 64 << 20;

/// So many sizes of inputs have a graph with weights as constants.
const MAX_CONSTANT_GRAPHS: usize = 16;

/// The most bytes of a configuration.
const MAX_CONFIG: u64 = 256 << 20;

/// A model of layers.
struct LayersServable {
    platform: &'static str,
    signatures: BTreeMap<String, Signature>,
    /// Reads weights from their variables.
    reading: Compiled,
    /// Graphs with weights as constants, by the shapes of inputs; none for large weights.
    constant: Option<RwLock<HashMap<Vec<usize>, Compiled>>>,
}

/// Reads a file of `Model::save`.
pub(super) fn load(path: &Path) -> Result<Box<dyn Servable>> {
    let model = Model::load(path).map_err(Error::internal)?;
    let config = Json::Object(model.layer().config());
    servable(&model, "tensorwright_layers", &config)
}

/// Reads a file of Keras.
pub(super) fn load_keras(path: &Path) -> Result<Box<dyn Servable>> {
    let model = Model::load_keras(path).map_err(Error::internal)?;
    let broken = |error: &dyn std::fmt::Display| Error::internal(error);
    let file = File::open(path).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let entry = zip.by_name("config.json").map_err(|error| broken(&error))?;
    let config: Json = serde_json::from_reader(entry.take(MAX_CONFIG)).map_err(|error| broken(&error))?;
    servable(&model, "keras", &config["config"])
}

fn servable(model: &Model, platform: &'static str, config: &Json) -> Result<Box<dyn Servable>> {
    let inputs = inputs(model, config)?;
    let layer = model.layer().clone();
    let reading = function(move |inputs: Vec<Tensor>| -> tensorwright::Result<Vec<Tensor>> {
        let argument = match <[Tensor; 1]>::try_from(inputs) {
            Ok([input]) => Argument::from(input),
            Err(inputs) => Argument::from(inputs),
        };
        Ok(layer.call(argument, &Context::inference())?.tensors())
    })
    .with_name("predict");
    let outputs = outputs(model, &reading, &inputs);
    let bytes: usize = model.layer().variables().iter().map(|(_, variable)| variable.ty().bytes()).sum();
    Ok(Box::new(LayersServable {
        platform,
        signatures: [(DEFAULT_SIGNATURE.to_owned(), Signature::new(inputs, outputs))].into(),
        reading,
        constant: (bytes <= MAX_CONSTANT_BYTES).then(RwLock::default),
    }))
}

/// The inputs: of a graph of layers by its own description, else as the weights were made for, with any first extent.
fn inputs(model: &Model, config: &Json) -> Result<Vec<Port>> {
    let types = model.input_types().map_err(Error::internal)?;
    let rows: Vec<&Json> = config["layers"].as_array().into_iter().flatten().collect();
    let described: Vec<&Json> =
        rows.iter().filter(|row| row["class_name"] == "InputLayer").map(|row| &row["config"]).collect();
    let names = model.input_names();
    let port = |(i, ty): (usize, &TensorType)| {
        let own = match names.get(i) {
            Some(name) => described.iter().find(|row| row["name"] == **name),
            None => described.get(i),
        };
        let said = own.and_then(|row| extents(&row["batch_shape"])).filter(|said| said.len() == ty.rank());
        let known =
            || ty.shape.sizes().iter().enumerate().map(|(axis, n)| (axis > 0).then_some(*n)).collect();
        let own_name = own.and_then(|row| row["name"].as_str()).map(str::to_owned);
        Port {
            name: names.get(i).cloned().or(own_name).unwrap_or_else(|| format!("input_{i}")),
            ty: ElementType::Number(ty.dtype),
            shape: Some(said.unwrap_or_else(known)),
        }
    };
    Ok(types.iter().enumerate().map(port).collect())
}

fn extents(shape: &Json) -> Option<Vec<Option<usize>>> {
    let extent = |extent: &Json| match extent {
        Json::Null => Some(None),
        number => usize::try_from(number.as_u64()?).ok().map(Some),
    };
    shape.as_array()?.iter().map(extent).collect()
}

/// The outputs: extents that are others for inputs of other sizes are not known.
fn outputs(model: &Model, reading: &Compiled, inputs: &[Port]) -> Vec<Port> {
    let names = model.output_names();
    let types = [2, 3].map(|size| types_for(reading, inputs, size));
    let [Some(first), Some(second)] = types else {
        let name = names.first().cloned().unwrap_or_else(|| "output_0".to_owned());
        return vec![Port { name, ty: ElementType::Number(DType::F32), shape: None }];
    };
    let port = |(i, (one, other)): (usize, (&TensorType, &TensorType))| Port {
        name: names.get(i).cloned().unwrap_or_else(|| format!("output_{i}")),
        ty: ElementType::Number(one.dtype),
        shape: Some(
            one.shape.sizes().iter().zip(other.shape.sizes()).map(|(a, b)| (*a == b).then_some(*a)).collect(),
        ),
    };
    first.iter().zip(&second).enumerate().map(port).collect()
}

/// The types of the outputs for inputs with so many rows; extents inside that are not known are tried in turn.
fn types_for(reading: &Compiled, inputs: &[Port], rows: usize) -> Option<Vec<TensorType>> {
    [16, 64, 256].into_iter().find_map(|unknown| {
        let zeros: Vec<Tensor> = inputs.iter().map(|port| zeros(port, rows, unknown + rows)).collect();
        let concrete = reading.concrete(&zeros).ok()?;
        Some(concrete.output_types().to_vec())
    })
}

fn zeros(port: &Port, rows: usize, unknown: usize) -> Tensor {
    let ElementType::Number(dtype) = port.ty else { return Tensor::zeros([0], DType::F32) };
    let shape = port.shape.iter().flatten().enumerate();
    let extent =
        |(axis, extent): (usize, &Option<usize>)| extent.unwrap_or(if axis == 0 { rows } else { unknown });
    Tensor::zeros(shape.map(extent).collect::<Vec<usize>>(), dtype)
}

impl Servable for LayersServable {
    fn platform(&self) -> &str {
        self.platform
    }

    fn signatures(&self) -> &BTreeMap<String, Signature> {
        &self.signatures
    }

    fn call(&self, _signature: &str, inputs: &[Value]) -> Result<Vec<Value>> {
        let tensors: Vec<Tensor> = inputs.iter().map(Value::tensor).collect::<Result<_>>()?;
        let found = match self.constant(inputs, &tensors)? {
            Some(compiled) => compiled.call(&tensors),
            None => self.reading.call(&tensors),
        };
        found.map_err(refused)?.iter().map(Value::of_tensor).collect()
    }
}

impl LayersServable {
    /// The graph with weights as constants for inputs of these shapes, if it has one or can have one.
    fn constant(&self, inputs: &[Value], tensors: &Vec<Tensor>) -> Result<Option<Compiled>> {
        let Some(graphs) = &self.constant else { return Ok(None) };
        let key: Vec<usize> = inputs.iter().flat_map(|input| input.shape().iter().copied()).collect();
        {
            let graphs = graphs.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = graphs.get(&key) {
                return Ok(Some(found.clone()));
            }
            if graphs.len() >= MAX_CONSTANT_GRAPHS {
                return Ok(None);
            }
        }
        let Ok(graph) = self.reading.concrete(tensors).map_err(refused)?.frozen_graph() else {
            return Ok(None);
        };
        let compiled = function(move |inputs: Vec<Tensor>| run_graph(&graph, &inputs)).with_name("predict");
        let mut graphs = graphs.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(graphs.entry(key).or_insert(compiled).clone()))
    }
}
