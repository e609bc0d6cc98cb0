//! Models written as Keras 3 saves them, `.keras`: a zip archive with the configuration, which version wrote it, and weights as HDF5.

use std::collections::HashMap;
use std::io::{Cursor, Write};
use std::path::Path;

use serde_json::{Map, Value, json};
use tensorwright::TensorType;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::Model;
use super::plan;
use crate::error::{Error, Result};
use crate::layer::{Policy, dtype_name};
use crate::store::{keras_order, keras_weights, write_whole};
use crate::{Context, Field, LayerRef};

/// The version of Keras whose words are written.
const VERSION: &str = "3.15.1";

/// Layers that Keras does not have.
const OWN: [&str; 6] = [
    "AlibiBias",
    "Lambda",
    "PositionEmbedding",
    "RotaryEmbedding",
    "SinePositionEncoding",
    "WeightNormalization",
];

/// Layers without weights whose classes in Keras do not take the setting `trainable`.
const NOTHING_TRAINED: [&str; 4] =
    ["Discretization", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"];

/// Settings that Keras does not have, and whose absence is null; and those of updates of low rank, which are in the matrices.
const OWN_SETTINGS: [&str; 4] = ["rotary_max_wavelength", "alibi_bias_max", "lora_rank", "lora_alpha"];

impl Model {
    /// Writes the model as Keras 3 saves its own, whole or not at all: layers, weights, and, if it is trained with one loss and all of it has a name, what it is trained with. The state of the optimiser
    /// is not in it. Updates of low rank are added to their matrices. [`Model::load_keras`] reads it back.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Model, Sequential, layers::*};
    ///
    /// let x = Tensor::ones((2, 8, 8, 1), DType::F32);
    /// let model = Model::new(Sequential::new().add(Conv2D::new(4, 3)).add(GlobalAveragePooling2D::new()).add(Dense::new(3)));
    /// model.build(&[x.clone()])?;
    /// let path = std::env::temp_dir().join(format!("saved-{}.keras", std::process::id()));
    /// model.save_keras(&path)?;
    /// assert_eq!(Model::load_keras(&path)?.predict(&x)?.to_vec::<f32>()?, model.predict(&x)?.to_vec::<f32>()?);
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// Before the weights are made, when Keras has no such layer or setting, or the file cannot be written.
    pub fn save_keras(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let inputs = self.written_inputs()?;
        let whole = match self.layer().class_name() {
            "Sequential" | "Functional" => self.layer().clone(),
            _ => crate::Sequential::new().add(self.layer().clone()).layer(),
        };
        let records = self.types(&inputs)?;
        let batch = (!self.layer().states().is_empty()).then(|| first_size(&inputs)).flatten();
        let mut config = Writer { records, batch }.model(&whole, &inputs)?;
        config["compile_config"] = self.compiled().unwrap_or(Value::Null);
        let metadata = json!({"keras_version": VERSION, "written_by": concat!("tensorwright-nn ", env!("CARGO_PKG_VERSION"))});
        let failed = |error: &dyn std::fmt::Display| Error::Model(format!("{}: {error}", path.display()));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let files = [
            ("metadata.json", metadata.to_string().into_bytes()),
            ("config.json", config.to_string().into_bytes()),
            ("model.weights.h5", keras_weights(&whole)?),
        ];
        for (name, bytes) in files {
            zip.start_file(name, options).map_err(|error| failed(&error))?;
            zip.write_all(&bytes).map_err(|error| failed(&error))?;
        }
        write_whole(path, &zip.finish().map_err(|error| failed(&error))?.into_inner())
    }

    /// The types of the inputs, with the batch for which layers keep states, if some do.
    fn written_inputs(&self) -> Result<Vec<TensorType>> {
        let inputs = self.inputs()?;
        let states = self.layer().states();
        let Some(batch) = states.first().and_then(|state| state.ty().shape.sizes().first().copied()) else {
            return Ok(inputs);
        };
        let of_batch = |ty: TensorType| {
            let mut sizes = ty.shape.sizes().to_vec();
            sizes.iter_mut().take(1).for_each(|first| *first = batch);
            TensorType::new(ty.dtype, sizes)
        };
        Ok(inputs.into_iter().map(of_batch).collect())
    }

    /// What each call of a layer gives, in order, for inputs of these types. Layers keep the states that they had.
    fn types(&self, inputs: &[TensorType]) -> Result<Vec<(LayerRef, Vec<TensorType>)>> {
        let context = Context::recording();
        let states: Vec<_> = self.layer().states().into_iter().map(|state| (state.value(), state)).collect();
        self.layer().call(super::model::zeros(inputs), &context)?;
        states.into_iter().try_for_each(|(value, state)| state.assign(value))?;
        Ok(context.records())
    }

    /// What the model is trained with in Keras's words, if that is one loss and metrics with names.
    fn compiled(&self) -> Option<Value> {
        let written = self.written_plan();
        let [loss] = written["losses"].as_array()?.as_slice() else { return None };
        if loss["weight"] != 1.0 || !loss["output"].is_null() {
            return None;
        }
        let metric = |row: &Value| {
            let metric = &row["metric"];
            let named = metric["config"].as_object().is_none_or(Map::is_empty);
            let name = metric.as_str().or_else(|| metric["class_name"].as_str().filter(|_| named))?;
            Some(Value::from(row["name"].as_str().unwrap_or(name)))
        };
        let metrics = written["metrics"].as_array()?.iter().map(metric).collect::<Option<Vec<Value>>>()?;
        Some(json!({
            "optimizer": spelled(&written["optimizer"], "keras.optimizers"),
            "loss": spelled(&loss["loss"], "keras.losses"),
            "metrics": metrics,
        }))
    }

    fn written_plan(&self) -> Value {
        self.with_plan(plan::written).unwrap_or(Value::Null)
    }
}

/// A class with its settings, in the module of its family; settings that are classes themselves too. A name stays one.
fn spelled(row: &Value, module: &str) -> Value {
    let Some(class) = row["class_name"].as_str() else { return row.clone() };
    let module = match (module, class) {
        ("keras.optimizers", own) if own.ends_with("Decay") || own == "CosineDecayRestarts" => {
            "keras.optimizers.schedules"
        }
        (module, _) => module,
    };
    let fields = row["config"].as_object().cloned().unwrap_or_default();
    let fields: Map<String, Value> =
        fields.into_iter().map(|(name, value)| (name, spelled(&value, module))).collect();
    json!({"module": module, "class_name": class, "config": fields, "registered_name": null})
}

fn first_size(inputs: &[TensorType]) -> Option<usize> {
    inputs.first()?.shape.sizes().first().copied()
}

/// Layers in Keras's words.
struct Writer {
    /// What calls of layers give.
    records: Vec<(LayerRef, Vec<TensorType>)>,
    /// How large batches are, which Keras wants to know where layers keep states from batch to batch.
    batch: Option<usize>,
}

impl Writer {
    /// The model around all layers, for inputs of these types.
    fn model(&self, layer: &LayerRef, inputs: &[TensorType]) -> Result<Value> {
        let mut row = self.row(layer, &layer.name(), Policy::default())?;
        if layer.class_name() == "Sequential" {
            let [input] = inputs else {
                return Err(Error::Model("a row of layers has one input".to_owned()));
            };
            if let Some(layers) = row["config"]["layers"].as_array_mut() {
                layers.insert(0, self.written_input(input));
            }
            row["build_config"] = json!({"input_shape": self.batched(input)});
        }
        Ok(row)
    }

    /// A layer under a name, in a layer of this policy.
    fn row(&self, layer: &LayerRef, name: &str, around: Policy) -> Result<Value> {
        let class = layer.class_name();
        let unknown = |what: String| Error::Model(format!("Keras has no {what}: `{name}` cannot be written"));
        if OWN.contains(&class) || !crate::layer_classes().contains(&class) {
            return Err(unknown(format!("layer {class}")));
        }
        if class == "Equalization" {
            return Err(Error::Model(format!(
                "Keras leaves Equalization out of models: `{name}` cannot be written"
            )));
        }
        layer.check_written()?;
        let json = layer.to_json();
        let config = json["config"].as_object().cloned().unwrap_or_default();
        let policy = layer.policy().unwrap_or(around);
        let mut fields = match class {
            "Functional" => self.graph(layer, config, policy)?,
            "Sequential" => self.layers_in_row(layer, policy)?,
            _ => self.settings(layer, config, policy)?,
        };
        for own in OWN_SETTINGS {
            match fields.remove(own) {
                Some(value) if !value.is_null() && !own.starts_with("lora") => {
                    return Err(unknown(format!("setting `{own}` of {class}")));
                }
                _ => {}
            }
        }
        fields.insert("name".to_owned(), name.into());
        if !NOTHING_TRAINED.contains(&class) {
            fields.insert("trainable".to_owned(), layer.trainable().into());
        }
        if !matches!(class, "Sequential" | "Functional") {
            fields.insert("dtype".to_owned(), policy.to_json());
        }
        let module = match class {
            "Sequential" => "keras",
            "Functional" => "keras.src.models.functional",
            "Any" | "NotEqual" => "keras.src.ops.numpy",
            _ => "keras.layers",
        };
        let registered = if module == "keras.layers" { Value::Null } else { class.into() };
        Ok(json!({"module": module, "class_name": class, "config": fields, "registered_name": registered}))
    }

    fn layers_in_row(&self, layer: &LayerRef, policy: Policy) -> Result<Map<String, Value>> {
        let (mut rows, mut failed) = (Vec::new(), Ok(()));
        layer.visit_layers(&mut |name, inner| match self.row(inner, name, policy) {
            Ok(row) => rows.push(row),
            Err(error) => failed = Err(error),
        });
        failed.map(|()| Map::from_iter([("layers".to_owned(), rows.into())]))
    }

    /// A graph: its layers in Keras's order, and tensors with their types.
    fn graph(
        &self,
        layer: &LayerRef,
        mut config: Map<String, Value>,
        policy: Policy,
    ) -> Result<Map<String, Value>> {
        let order = keras_order(&config);
        let mut inner = HashMap::new();
        layer.visit_layers(&mut |name, own| drop(inner.insert(name.to_owned(), own.clone())));
        let mut rows = config.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        for row in rows.iter_mut().filter(|row| row["class_name"] == "InputLayer") {
            row["config"]["batch_shape"][0] = json!(self.batch);
        }
        let mut types = HashMap::new();
        for row in &rows {
            let name = row["name"].as_str().unwrap_or_default();
            if let Some(own) = inner.get(name) {
                let calls = self.records.iter().filter(|(called, _)| called.is(own));
                for (number, (_, outputs)) in calls.enumerate() {
                    types.insert(
                        (name.to_owned(), number),
                        outputs.iter().map(|ty| self.tensor(ty)).collect(),
                    );
                }
            } else {
                let tensor = json!({"shape": row["config"]["batch_shape"], "dtype": row["config"]["dtype"]});
                types.insert((name.to_owned(), 0), vec![tensor]);
            }
        }
        let mut written = Vec::new();
        for name in order {
            let Some(row) = rows.iter().find(|row| row["name"] == name) else { continue };
            let mut own = match inner.get(&name) {
                Some(layer) => self.row(layer, &name, policy)?,
                None => spelled(row, "keras.layers"),
            };
            own["name"] = name.into();
            own["inbound_nodes"] = row["inbound_nodes"].clone();
            typed(&mut own["inbound_nodes"], &types);
            written.push(own);
        }
        config.insert("layers".to_owned(), written.into());
        Ok(config)
    }

    /// The shape of a tensor.
    fn batched(&self, ty: &TensorType) -> Value {
        let sizes = ty.shape.sizes();
        [json!(self.batch)].into_iter().chain(sizes.iter().skip(1).map(|&size| size.into())).collect()
    }

    fn tensor(&self, ty: &TensorType) -> Value {
        json!({"shape": self.batched(ty), "dtype": dtype_name(ty.dtype)})
    }

    fn written_input(&self, ty: &TensorType) -> Value {
        let config =
            json!({"batch_shape": self.batched(ty), "dtype": dtype_name(ty.dtype), "name": "input_layer"});
        json!({"module": "keras.layers", "class_name": "InputLayer", "config": config, "registered_name": null})
    }

    /// The settings of a layer that is no row and no graph.
    fn settings(
        &self,
        layer: &LayerRef,
        config: Map<String, Value>,
        policy: Policy,
    ) -> Result<Map<String, Value>> {
        let mut inner = Vec::new();
        layer.visit_layers(&mut |_, own| inner.push(own.clone()));
        let mut fields = Map::new();
        for (name, value) in config {
            let value = match &*name {
                "layer" | "cell" | "backward_layer" if value["class_name"].is_string() => {
                    let own = inner.get(usize::from(name == "backward_layer"));
                    let own = own.ok_or_else(|| Error::Model(format!("no layer is `{name}`")))?;
                    self.row(own, &own.name(), policy)?
                }
                "cells" => {
                    let rows = inner.iter().enumerate();
                    let rows = rows.map(|(i, own)| self.row(own, &format!("{}_{i}", own.name()), policy));
                    rows.collect::<Result<Vec<Value>>>()?.into()
                }
                "data_format" if layer.class_name() == "Cropping1D" => {
                    channels_last(layer, &value)?;
                    continue;
                }
                "factor" if layer.class_name() == "RandomPosterization" => {
                    whole_numbers(both_signs(&name, value))
                }
                "padding" | "cropping" => pairs(layer.class_name(), value),
                "reverse_dtype" => value,
                "activation" | "recurrent_activation" => function(layer, &name, value)?,
                _ if name.ends_with("initializer") => spelled(&value, "keras.initializers"),
                _ if name.ends_with("regularizer") => spelled(&value, "keras.regularizers"),
                _ if name.ends_with("constraint") => spelled(&value, "keras.constraints"),
                _ => both_signs(&name, value),
            };
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

/// An activation by its name: Keras writes no other.
fn function(layer: &LayerRef, field: &str, value: Value) -> Result<Value> {
    match value.is_string() {
        true => Ok(value),
        false => Err(Error::Model(format!(
            "{}: Keras writes `{field}` by name alone, and this is {value}: a layer of its own has settings",
            layer.name()
        ))),
    }
}

/// Keras crops sequences with channels last alone, and has no setting that says so.
fn channels_last(layer: &LayerRef, format: &Value) -> Result<()> {
    match format == "channels_last" {
        true => Ok(()),
        false => {
            Err(Error::Model(format!("{}: Keras crops sequences with channels last alone", layer.name())))
        }
    }
}

/// Borders of one axis as two numbers, and of several axes a pair for each.
fn pairs(class: &str, value: Value) -> Value {
    let axes: usize =
        class.trim_end_matches('D').chars().next_back().and_then(|c| c.to_digit(10)).unwrap_or(1) as usize;
    match value.as_array().map(Vec::as_slice) {
        Some([pair]) if axes == 1 => pair.clone(),
        Some([pair]) => vec![pair.clone(); axes].into(),
        _ => value,
    }
}

/// Numbers of bits, which Keras wants without a point.
fn whole_numbers(value: Value) -> Value {
    match &value {
        Value::Array(list) => list.iter().cloned().map(whole_numbers).collect(),
        number => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 => (whole as i64).into(),
            _ => value,
        },
    }
}

/// A range that was one number, which Keras cuts off where it has no sense.
fn both_signs(name: &str, value: Value) -> Value {
    let is_range = name.ends_with("factor") || matches!(name, "scale" | "sigma");
    match value.as_array().map(Vec::as_slice) {
        Some([low, high])
            if is_range && low.as_f64().zip(high.as_f64()).is_some_and(|(low, high)| low == -high) =>
        {
            high.clone()
        }
        _ => value,
    }
}

/// Tensors with their types, which Keras wants to know before it calls a layer.
fn typed(value: &mut Value, types: &HashMap<(String, usize), Vec<Value>>) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| typed(item, types)),
        Value::Object(fields)
            if fields.get("class_name").is_some_and(|class| class == "__keras_tensor__") =>
        {
            let history = fields["config"]["keras_history"].clone();
            let number = |i: usize| history[i].as_u64().unwrap_or_default() as usize;
            let call = (history[0].as_str().unwrap_or_default().to_owned(), number(1));
            let found = types.get(&call).and_then(|outputs| outputs.get(number(2))).cloned();
            let mut tensor = found.unwrap_or_else(|| json!({"shape": null, "dtype": "float32"}));
            tensor["keras_history"] = history;
            fields.insert("config".to_owned(), tensor);
        }
        Value::Object(fields) => fields.values_mut().for_each(|value| typed(value, types)),
        _ => {}
    }
}
