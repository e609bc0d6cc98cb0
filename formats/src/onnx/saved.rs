//! Models as graphs of the compiler: text, with large constants in a file beside it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tensorwright::{Graph, Type};
use tensorwright_ir::op::primitive::Constant;
use tensorwright_ir::text::{parse_bytes, print_with_weights};
use tensorwright_ir::{Builder, Copier, Op, Value};

use super::error::Error;
use super::spec::{Extent, Spec};

const TEXT: &str = "model.tw";
const WEIGHTS: &str = "model.tww";

/// The graph with names for its inputs and outputs.
pub(super) fn named(graph: &Graph, inputs: &[&str], outputs: &[&str]) -> Result<Graph, Error> {
    let failed = |error: tensorwright_ir::BuildError| Error::Format(error.to_string());
    let mut b = Builder::new(graph.name());
    let mut copier = Copier::new(graph);
    for (at, &input) in graph.inputs().iter().enumerate() {
        let new = match inputs.get(at) {
            Some(name) => b.named_input(*name, graph.ty(input).clone()),
            None => b.input_like(graph, input),
        };
        copier.set(input, new);
    }
    for node in graph.nodes() {
        copier.copy(&mut b, node).map_err(failed)?;
    }
    let results = copier.values(graph.outputs());
    for (at, &output) in results.iter().enumerate() {
        // An input that is an output keeps its own name.
        if let Some(name) = outputs.get(at).filter(|name| !inputs.contains(name)) {
            b.set_name(output, Some((*name).to_owned()));
        }
    }
    Ok(b.finish(&results))
}

/// Writes both files. Each is written whole before it takes its name.
pub(super) fn write(folder: &Path, graph: &Graph) -> Result<(), Error> {
    let (text, weights) = print_with_weights(graph);
    let failed = |error: std::io::Error| Error::File { path: folder.to_owned(), reason: error.to_string() };
    fs::create_dir_all(folder).map_err(failed)?;
    let put = |name: &str, bytes: &[u8]| -> std::io::Result<()> {
        let partial = folder.join(format!("{name}.part"));
        fs::write(&partial, bytes)?;
        fs::rename(partial, folder.join(name))
    };
    put(WEIGHTS, &weights.into_bytes()).map_err(failed)?;
    put(TEXT, text.as_bytes()).map_err(failed)
}

/// Reads both files.
pub(super) fn read(folder: &Path) -> Result<Graph, Error> {
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read(&path).map_err(|error| Error::File { path, reason: error.to_string() })
    };
    let (text, weights) = (read(TEXT)?, read(WEIGHTS)?);
    parse_bytes(&text, Some(&weights)).map_err(|error| Error::Format(error.to_string()))
}

/// What the graph takes and gives.
pub(super) fn specs(graph: &Graph) -> (Vec<Spec>, Vec<Spec>) {
    let spec = |kind: &str, at: usize, value: Value| {
        let tensor = match graph.ty(value) {
            Type::Tensor(ty) => Some(ty),
            _ => None,
        };
        Spec {
            name: graph.value_name(value).map_or_else(|| format!("{kind}{at}"), str::to_owned),
            kind: tensor.map_or_else(|| graph.ty(value).to_string(), |ty| ty.dtype.name().to_owned()),
            dtype: tensor.map(|ty| ty.dtype),
            shape: tensor.map(|ty| ty.shape.sizes().into_iter().map(Extent::Size).collect()),
        }
    };
    let all = |kind: &str, values: &[Value]| -> Vec<Spec> {
        values.iter().enumerate().map(|(at, &value)| spec(kind, at, value)).collect()
    };
    (all("input", graph.inputs()), all("output", graph.outputs()))
}

/// Ops with how often each occurs; constants do not count.
pub(super) fn operators(graph: &Graph) -> Vec<(String, usize)> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for node in graph.nodes().iter().filter(|node| !matches!(node.op, Op::Constant(_))) {
        *found.entry(node.op.name().to_owned()).or_default() += 1;
    }
    found.into_iter().collect()
}

/// Elements of all constants.
pub(super) fn parameters(graph: &Graph) -> usize {
    let elements = |op: &Op| match op {
        Op::Constant(Constant { value }) => value.ty().elements(),
        _ => 0,
    };
    graph.nodes().iter().map(|node| elements(&node.op)).sum()
}
