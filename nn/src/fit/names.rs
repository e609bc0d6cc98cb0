//! The names of a model's inputs and outputs.

use serde_json::Value;

use crate::LayerRef;
use crate::error::{Error, Result};

/// The names of inputs and outputs, in order; none where a model has no names for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

impl Names {
    /// Those of a graph of layers: of its inputs, and of the layers that give its outputs.
    pub(super) fn of(layer: &LayerRef) -> Names {
        let config = layer.config();
        let list = |field: &str| distinct(config.get(field).map_or_else(Vec::new, Names::listed));
        Names { inputs: list("input_layers"), outputs: list("output_layers") }
    }

    /// The names in `[["a", 0, 0], ["b", 0, 0]]`, or in `["a", 0, 0]`.
    pub(super) fn listed(places: &Value) -> Vec<&str> {
        let Some(list) = places.as_array() else { return Vec::new() };
        match list.first() {
            Some(Value::String(name)) => vec![name],
            _ => list.iter().filter_map(|place| place.as_str().or_else(|| place[0].as_str())).collect(),
        }
    }

    /// The number of the output with a name; outputs without names have their numbers.
    pub(super) fn output(&self, name: &str) -> Result<usize> {
        let named = self.outputs.iter().position(|own| own == name);
        let numbered = || name.parse().ok().filter(|_| self.outputs.is_empty());
        named.or_else(numbered).ok_or_else(|| {
            Error::Model(match &self.outputs[..] {
                [] => format!("outputs of the model have no names, but numbers: there is no `{name}`"),
                names => format!("there is no output `{name}` among {}", names.join(", ")),
            })
        })
    }

    /// The name of an output, or its number.
    pub(super) fn of_output(&self, number: usize) -> String {
        self.outputs.get(number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// The same with the names of these outputs alone: those for which there are targets.
    pub(super) fn with_outputs(self, numbers: &[usize]) -> Names {
        let outputs = numbers.iter().filter_map(|number| self.outputs.get(*number).cloned()).collect();
        Names { outputs, ..self }
    }
}

/// Names of which one that comes again has a number: `dense`, `dense_1`.
fn distinct(names: Vec<&str>) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let numbered = (1..).map(|n| format!("{name}_{n}"));
        let free = [name.to_owned()].into_iter().chain(numbered).find(|name| !found.contains(name));
        found.extend(free);
    }
    found
}
