//! A graph of layers as JSON, as Keras 3 writes it: layers with their calls (`inbound_nodes`), whose tensors are named by the layer that
//! gives them, which call of it, and which of its outputs (`keras_history`).

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use tensorwright::DType;

use super::functional::{Functional, GraphInput, Place, Step, StepArgument};
use crate::error::{Error, Result};
use crate::layer::{dtype_name, dtype_named};
use crate::{Field, LayerRef};

/// The graph as the settings of a `Functional`.
pub(super) fn write(graph: &Functional) -> Map<String, Value> {
    let mut calls = vec![0usize; graph.layers.len()];
    let mut nodes: Vec<Vec<Value>> = vec![Vec::new(); graph.layers.len()];
    // Which call of its layer a step is.
    let mut numbers = Vec::new();
    for step in &graph.steps {
        numbers.push(calls[step.layer]);
        calls[step.layer] += 1;
        let names = Names { graph, numbers: &numbers };
        nodes[step.layer].push(names.node(step));
    }
    let names = Names { graph, numbers: &numbers };
    let inputs = graph.inputs.iter().map(written_input);
    let layers = graph.layers.iter().zip(nodes).map(|((name, layer), nodes)| {
        let mut json = layer.to_json();
        json["config"]["name"] = json!(name);
        json["name"] = json!(name);
        json["inbound_nodes"] = nodes.into();
        json
    });
    let outputs: Vec<Value> = graph.outputs.iter().map(|place| names.history(*place)).collect();
    let starts: Vec<Value> = graph.inputs.iter().map(|input| json!([input.name, 0, 0])).collect();
    Map::from_iter([
        ("layers".to_owned(), inputs.chain(layers).collect()),
        ("input_layers".to_owned(), starts.into()),
        ("output_layers".to_owned(), outputs.into()),
    ])
}

fn written_input(input: &GraphInput) -> Value {
    let shape: Vec<Value> = [Value::Null].into_iter().chain(input.shape.iter().map(|n| json!(n))).collect();
    let config = json!({"batch_shape": shape, "dtype": dtype_name(input.dtype), "name": input.name});
    json!({"class_name": "InputLayer", "config": config, "name": input.name, "inbound_nodes": []})
}

/// Names tensors.
struct Names<'g> {
    graph: &'g Functional,
    numbers: &'g [usize],
}

impl Names<'_> {
    fn history(&self, place: Place) -> Value {
        match place {
            Place::Input(i) => json!([self.graph.inputs[i].name, 0, 0]),
            Place::Step { step, output } => {
                let name = &self.graph.layers[self.graph.steps[step].layer].0;
                json!([name, self.numbers[step], output])
            }
        }
    }

    fn node(&self, step: &Step) -> Value {
        let mut arguments = step.arguments.iter().map(|(name, argument)| (name, self.argument(argument)));
        let first: Vec<Value> = arguments.next().into_iter().map(|(_, argument)| argument).collect();
        let named: Map<String, Value> = arguments.map(|(name, argument)| (name.clone(), argument)).collect();
        json!({"args": first, "kwargs": named})
    }

    fn argument(&self, argument: &StepArgument) -> Value {
        match argument {
            StepArgument::Place(place) => {
                json!({"class_name": "__keras_tensor__", "config": {"keras_history": self.history(*place)}})
            }
            StepArgument::List(list) => list.iter().map(|item| self.argument(item)).collect(),
            StepArgument::Plain(value) => value.clone(),
        }
    }
}

/// The graph that the settings of a `Functional` describe.
pub(super) fn read(config: &Map<String, Value>) -> Result<Functional> {
    let rows =
        config.get("layers").and_then(Value::as_array).ok_or_else(|| wrong("there is no list of layers"))?;
    let mut reading = Reading::default();
    for row in rows {
        reading.row(row)?;
    }
    reading.order_inputs(config.get("input_layers"))?;
    reading.run()?;
    let outputs = histories(config.get("output_layers").unwrap_or(&Value::Null))?;
    let outputs = outputs.iter().map(|history| reading.place(history).ok_or_else(|| unknown(history)));
    let outputs = outputs.collect::<Result<_>>()?;
    let Reading { inputs, layers, steps, .. } = reading;
    Ok(Functional { inputs, layers, steps, outputs })
}

fn wrong(reason: impl Into<String>) -> Error {
    Error::Setting { class: "Functional".to_owned(), field: "layers".to_owned(), reason: reason.into() }
}

fn unknown(history: &History) -> Error {
    wrong(format!("there is no tensor {history:?}, or layers depend on each other in a circle"))
}

/// The layer that gives a tensor, which call of it, and which output.
type History = (String, usize, usize);

fn history(value: &Value) -> Result<History> {
    let number = |i: usize| value.get(i).and_then(Value::as_u64).map(|n| n as usize);
    match (value.get(0).and_then(Value::as_str), number(1), number(2)) {
        (Some(name), Some(node), Some(output)) => Ok((name.to_owned(), node, output)),
        _ => Err(wrong(format!("a tensor is [layer, call, output], found {value}"))),
    }
}

/// `[name, 0, 0]`, or a list of them.
fn histories(value: &Value) -> Result<Vec<History>> {
    match value.as_array() {
        Some(list) if list.first().is_some_and(Value::is_array) => list.iter().map(history).collect(),
        Some(_) => Ok(vec![history(value)?]),
        None => Err(wrong("inputs and outputs are lists of tensors")),
    }
}

/// A call that has no place yet: of a layer, which call of it, and its arguments.
type Waiting = (usize, usize, Vec<(String, Value)>);

/// A graph while it is read.
#[derive(Default)]
struct Reading {
    inputs: Vec<GraphInput>,
    layers: Vec<(String, LayerRef)>,
    /// Calls by layer that have no place yet.
    calls: Vec<Waiting>,
    steps: Vec<Step>,
    /// The step of a layer's call.
    done: HashMap<(String, usize), usize>,
}

impl Reading {
    fn row(&mut self, row: &Value) -> Result<()> {
        let name = row.get("name").or_else(|| row.get("config")?.get("name")).and_then(Value::as_str);
        let name = name.ok_or_else(|| wrong(format!("a layer has no name: {row}")))?.to_owned();
        if row["class_name"] == "InputLayer" {
            self.inputs.push(read_input(name, &row["config"])?);
            return Ok(());
        }
        let at = self.layers.len();
        let class = row["class_name"].as_str().unwrap_or_default();
        for (number, node) in row["inbound_nodes"].as_array().into_iter().flatten().enumerate() {
            self.calls.push((at, number, call(class, node)?));
        }
        self.layers.push((name, LayerRef::from_json(row).map_err(wrong)?));
        Ok(())
    }

    /// Puts inputs in the order of the model's arguments.
    fn order_inputs(&mut self, order: Option<&Value>) -> Result<()> {
        let Some(order) = order else { return Ok(()) };
        let order = histories(order)?;
        let inputs = order.iter().map(|(name, ..)| {
            let found = self.inputs.iter().find(|input| input.name == *name).cloned();
            found.ok_or_else(|| wrong(format!("there is no input `{name}`")))
        });
        self.inputs = inputs.collect::<Result<_>>()?;
        Ok(())
    }

    /// Gives calls their places, each behind those that it needs.
    fn run(&mut self) -> Result<()> {
        let mut left = std::mem::take(&mut self.calls);
        while !left.is_empty() {
            let before = left.len();
            let mut waiting = Vec::new();
            for (layer, number, arguments) in left {
                let found: Result<Option<Vec<_>>> = arguments
                    .iter()
                    .map(|(name, value)| Ok(self.argument(value)?.map(|argument| (name.clone(), argument))))
                    .collect();
                match found? {
                    Some(arguments) => {
                        self.done.insert((self.layers[layer].0.clone(), number), self.steps.len());
                        self.steps.push(Step { layer, arguments });
                    }
                    None => waiting.push((layer, number, arguments)),
                }
            }
            if waiting.len() == before {
                let names: Vec<&str> =
                    waiting.iter().map(|(layer, ..)| self.layers[*layer].0.as_str()).collect();
                return Err(wrong(format!("these layers take what is not there: {names:?}")));
            }
            left = waiting;
        }
        Ok(())
    }

    fn place(&self, (name, node, output): &History) -> Option<Place> {
        if let Some(i) = self.inputs.iter().position(|input| input.name == *name) {
            return Some(Place::Input(i));
        }
        let step = self.done.get(&(name.clone(), *node))?;
        Some(Place::Step { step: *step, output: *output })
    }

    /// The argument that a value stands for, if the calls that it needs have their places.
    fn argument(&self, value: &Value) -> Result<Option<StepArgument>> {
        if value.get("class_name").is_some_and(|class| class == "__keras_tensor__") {
            let place = self.place(&history(&value["config"]["keras_history"])?);
            return Ok(place.map(StepArgument::Place));
        }
        let Value::Array(list) = value else { return Ok(Some(StepArgument::Plain(value.clone()))) };
        let items: Result<Option<Vec<_>>> = list.iter().map(|item| self.argument(item)).collect();
        Ok(items?.map(StepArgument::List))
    }
}

fn read_input(name: String, config: &Value) -> Result<GraphInput> {
    let extent = |value: &Value| value.as_u64().map(|n| n as usize);
    let whole = config["batch_shape"].as_array().map(|shape| shape.iter().skip(1).map(extent).collect());
    let shape = whole.or_else(|| Some(config["shape"].as_array()?.iter().map(extent).collect()));
    let shape = shape.ok_or_else(|| wrong(format!("the input `{name}` has no shape")))?;
    let dtype = match config["dtype"].as_str() {
        None => DType::F32,
        Some(name) => dtype_named(name).ok_or_else(|| wrong(format!("an input of {name}")))?,
    };
    Ok(GraphInput { name, shape, dtype })
}

/// The names of positional arguments behind the first one.
fn positional(class: &str) -> &'static [&'static str] {
    match class {
        "MultiHeadAttention" | "GroupQueryAttention" => {
            &["value", "key", "query_mask", "value_mask", "key_mask"]
        }
        "RNN" | "SimpleRNN" | "GRU" | "LSTM" | "Bidirectional" | "ConvLSTM1D" | "ConvLSTM2D"
        | "ConvLSTM3D" => &["initial_state", "mask"],
        "NotEqual" => &["x2"],
        _ => &["mask"],
    }
}

/// The arguments of a call, by name.
fn call(class: &str, node: &Value) -> Result<Vec<(String, Value)>> {
    let args = node["args"].as_array().ok_or_else(|| wrong(format!("a call has no `args`: {node}")))?;
    let names = ["inputs"].iter().chain(positional(class));
    let mut arguments: Vec<(String, Value)> =
        names.zip(args).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    if arguments.len() < args.len() {
        return Err(wrong(format!("a call of {class} has too many arguments")));
    }
    let named = node["kwargs"].as_object().into_iter().flatten();
    arguments.extend(named.map(|(name, value)| (name.clone(), value.clone())));
    Ok(arguments)
}
