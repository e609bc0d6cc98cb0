//! Models that Keras 3 has saved, `.keras`: a zip archive with the configuration as JSON, and weights as HDF5.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};
use tensorwright::TensorType;
use zip::ZipArchive;

use super::{Model, Plan};
use crate::error::{Error, Result};
use crate::layer::dtype_named;
use crate::layer_from_json;

/// The most bytes of a configuration.
const MAX_CONFIG: u64 = 256 << 20;

impl Model {
    /// The model that Keras 3 has saved in a `.keras` file: layers, weights, and, as far as they are known here, optimiser, losses and metrics. The optimiser starts anew.
    ///
    /// # Errors
    /// When the file cannot be read or is broken, it has layers or settings that are not there, or its weights are not those of its layers.
    pub fn load_keras(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        load(path).map_err(|error| Error::Model(format!("{}: {error}", path.display())))
    }
}

fn load(path: &Path) -> Result<Model> {
    let mut config = config(path)?;
    clean(&mut config, &nothing());
    let model = Model::new(layer_from_json(&config)?);
    let inputs = inputs(&config)?;
    model.build_for(inputs)?;
    model.load_weights(path)?.complete()?;
    if let Some(plan) = plan(&config["compile_config"]) {
        model.compile_with(plan);
    }
    Ok(model)
}

fn config(path: &Path) -> Result<Value> {
    let broken = |error: &dyn std::fmt::Display| Error::Model(error.to_string());
    let file = File::open(path).map_err(|error| broken(&error))?;
    let mut zip = ZipArchive::new(file).map_err(|error| broken(&error))?;
    let entry = zip.by_name("config.json").map_err(|error| broken(&error))?;
    serde_json::from_reader(entry.take(MAX_CONFIG)).map_err(|error| broken(&error))
}

/// Settings of Keras that say something only where they are not this: without them the layers here are the same.
fn nothing() -> [(&'static str, Value); 9] {
    [
        ("quantization_config", Value::Null),
        ("synchronized", json!(false)),
        ("renorm", json!(false)),
        ("renorm_clipping", Value::Null),
        ("renorm_momentum", json!(0.99)),
        ("input_axes", Value::Null),
        ("output_axes", Value::Null),
        ("use_cudnn", json!("auto")),
        ("zero_output_for_mask", json!(false)),
    ]
}

/// Leaves out such settings, wherever they are.
fn clean(value: &mut Value, nothing: &[(&str, Value)]) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| clean(item, nothing)),
        Value::Object(fields) => {
            fields.retain(|name, value| !nothing.iter().any(|(own, said)| own == name && said == value));
            fields.values_mut().for_each(|value| clean(value, nothing));
        }
        _ => {}
    }
}

/// The types of the inputs, with a batch of 1.
fn inputs(config: &Value) -> Result<Vec<TensorType>> {
    let rows = config["config"]["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let is_input = |row: &&Value| row["class_name"] == "InputLayer";
    let order: Vec<&str> = super::names::Names::listed(&config["config"]["input_layers"]);
    let mut found: Vec<(usize, TensorType)> = Vec::new();
    for row in rows.iter().filter(is_input) {
        let name = row["config"]["name"].as_str().unwrap_or_default();
        let place = order.iter().position(|own| *own == name).unwrap_or(found.len());
        found.push((place, input(&row["config"])?));
    }
    if found.is_empty() {
        let shape = &config["build_config"]["input_shape"];
        return Ok(vec![input(&json!({"batch_shape": shape, "dtype": "float32"}))?]);
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, ty)| ty).collect())
}

fn input(config: &Value) -> Result<TensorType> {
    let wrong = || Error::Model(format!("an input is {config}"));
    let shape = config["batch_shape"].as_array().ok_or_else(wrong)?;
    let extent = |extent: &Value| match extent {
        Value::Null => Some(1),
        number => usize::try_from(number.as_u64()?).ok(),
    };
    let shape: Option<Vec<usize>> = shape.iter().map(extent).collect();
    let dtype = config["dtype"].as_str().and_then(dtype_named).ok_or_else(wrong)?;
    Ok(TensorType::new(dtype, shape.ok_or_else(wrong)?))
}

/// What the model is trained with, if all of it is known here: a loss for one output, metrics by their names.
fn plan(compiled: &Value) -> Option<Plan> {
    let metrics: Vec<Value> = compiled["metrics"].as_array().cloned().unwrap_or_default();
    let metrics = metrics.iter().map(|metric| Some(json!({"name": metric.as_str()?, "metric": metric})));
    let row: Map<String, Value> = Map::from_iter([
        ("optimizer".to_owned(), compiled["optimizer"].clone()),
        ("losses".to_owned(), json!([{"loss": compiled["loss"]}])),
        ("metrics".to_owned(), metrics.collect::<Option<Vec<Value>>>()?.into()),
    ]);
    Plan::read(&row.into()).ok()
}
