//! In which order Keras has the layers of a graph: by how far they are from the outputs, and of those that are equally far by when a walk from the outputs comes to them. Files of Keras number
//! layers of one class in that order.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value};

/// A call: the layer's name, and which of its calls.
type Call = (String, usize);

/// The names of the layers of a graph in Keras's order, out of the settings of a `Functional`; inputs are among them.
pub(crate) fn order(config: &Map<String, Value>) -> Vec<String> {
    let parents = calls(config);
    let mut walk = Walk::default();
    histories(config.get("output_layers").unwrap_or(&Value::Null))
        .into_iter()
        .for_each(|call| walk.reach(call, &parents));
    let mut order = walk.by_distance(&parents);
    // What no output needs has no weights that matter, but keeps its place.
    let rows = config.get("layers").and_then(Value::as_array).into_iter().flatten();
    let rest = rows.filter_map(name).map(str::to_owned).filter(|name| !order.contains(name));
    let rest: Vec<String> = rest.collect();
    order.extend(rest);
    order
}

fn name(row: &Value) -> Option<&str> {
    row["name"].as_str().or_else(|| row["config"]["name"].as_str())
}

/// For each call the calls whose tensors it takes, in their order.
fn calls(config: &Map<String, Value>) -> HashMap<Call, Vec<Call>> {
    let mut found = HashMap::new();
    for row in config.get("layers").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = name(row) else { continue };
        let nodes = row["inbound_nodes"].as_array().map_or(&[][..], Vec::as_slice);
        for (number, node) in nodes.iter().enumerate() {
            let mut taken = Vec::new();
            tensors(&node["args"], &mut taken);
            // Keras flattens dicts by their keys.
            let named: BTreeMap<&String, &Value> = node["kwargs"].as_object().into_iter().flatten().collect();
            named.values().for_each(|value| tensors(value, &mut taken));
            found.insert((name.to_owned(), number), taken);
        }
        found.entry((name.to_owned(), 0)).or_default();
    }
    found
}

fn tensors(value: &Value, found: &mut Vec<Call>) {
    if let Some(call) = history(&value["config"]["keras_history"]) {
        found.push(call);
    } else if let Value::Array(list) = value {
        list.iter().for_each(|item| tensors(item, found));
    }
}

fn history(value: &Value) -> Option<Call> {
    Some((value.get(0)?.as_str()?.to_owned(), value.get(1)?.as_u64()? as usize))
}

/// `[name, 0, 0]`, or a list of them.
fn histories(value: &Value) -> Vec<Call> {
    history(value)
        .map_or_else(|| value.as_array().into_iter().flatten().filter_map(history).collect(), |one| vec![one])
}

/// A walk from the outputs to the inputs.
#[derive(Default)]
struct Walk {
    /// When the walk came to a layer.
    met: HashMap<String, usize>,
    seen: HashSet<Call>,
    /// Calls behind those that they need.
    done: Vec<Call>,
}

impl Walk {
    fn reach(&mut self, call: Call, parents: &HashMap<Call, Vec<Call>>) {
        let mut open = Vec::new();
        self.open(call, &mut open);
        while let Some((call, next)) = open.last_mut() {
            let parent = parents.get(call).and_then(|parents| parents.get(*next)).cloned();
            *next += 1;
            match parent {
                Some(parent) => self.open(parent, &mut open),
                None => self.done.extend(open.pop().map(|(call, _)| call)),
            }
        }
    }

    fn open(&mut self, call: Call, open: &mut Vec<(Call, usize)>) {
        if self.seen.insert(call.clone()) {
            let count = self.met.len();
            self.met.entry(call.0.clone()).or_insert(count);
            open.push((call, 0));
        }
    }

    /// The layers, the farthest from the outputs first.
    fn by_distance(&self, parents: &HashMap<Call, Vec<Call>>) -> Vec<String> {
        let (mut of_calls, mut of_layers) = (HashMap::<&Call, usize>::new(), HashMap::<&str, usize>::new());
        for call in self.done.iter().rev() {
            let own = of_calls.get(call).copied().unwrap_or(0);
            let farthest = of_layers.entry(&call.0).or_insert(0);
            *farthest = own.max(*farthest);
            let distance = *farthest;
            of_calls.insert(call, distance);
            for parent in parents.get(call).into_iter().flatten() {
                let far = of_calls.entry(parent).or_insert(0);
                *far = (distance + 1).max(*far);
            }
        }
        let mut layers: Vec<(&str, usize)> = of_layers.into_iter().collect();
        layers.sort_by_key(|(name, distance)| (usize::MAX - distance, self.met[*name]));
        layers.into_iter().map(|(name, _)| name.to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{Add, Dense};
    use crate::{Configuration, Functional, Input, OnSymbols};

    #[test]
    fn layers_are_ordered_by_distance_and_then_by_the_walk() {
        let x = Input::new([4]).named("x");
        let dense = |name: &str| Dense::new(4).layer().with_name(name).expect("a new layer");
        let (long, short) = (dense("long_1").on(&x), dense("short").on(&x));
        let long = dense("long_2").on(&long);
        // As Keras 3.15 has them in `model.layers`.
        let graph = Functional::new([&x], [&Add::new().on([&short, &long])]).expect("a graph");
        assert_eq!(order(&graph.config()), ["x", "long_1", "short", "long_2", "add"]);
        let shared = dense("shared");
        let twice = shared.on(&shared.on(&x));
        let graph = Functional::new([&x], [&twice, &dense("other").on(&x)]).expect("a graph");
        assert_eq!(order(&graph.config()), ["x", "shared", "other"]);
    }
}
