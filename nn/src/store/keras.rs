//! Which weight of a model is which dataset of a file of Keras 3.
//!
//! Keras names datasets by the classes of layers and the fields of objects: `layers/conv2d_1/vars/0`, `layers/bidirectional/forward_layer/cell/vars/2`. A layer in a row or a graph is found by its
//! class and its number among those of this class. Within it, weights are the datasets of the names that Keras writes. Where these are not there, a weight is the dataset of its shape; where there are several, the one in whose path most words of the weight's own path are
//! (`query` in `query_dense`), and of those in one group the first that is free: both sides make their weights in the same order.

use std::collections::HashMap;

use tensorwright::{Shape, Variable};

use super::{WeightsFile, keras_order, keras_write};
use crate::LayerRef;
use crate::layer::snake_case;

/// Names of datasets by the paths of weights.
pub(crate) fn names(layer: &LayerRef, file: &WeightsFile) -> HashMap<String, String> {
    let mut found = HashMap::new();
    within(layer, "", "", file, &mut found);
    found
}

/// Whether names of a file are those of Keras.
pub(crate) fn is_keras(file: &WeightsFile) -> bool {
    file.names().any(|name| is_of(name, "layers/") || is_of(name, "vars/"))
}

fn is_of(name: &str, group: &str) -> bool {
    name.starts_with(group) && name.rsplit('/').nth(1) == Some("vars")
}

/// Adds the weights of a layer, whose paths begin with `prefix`, and which is the group `group` of the file.
fn within(
    layer: &LayerRef,
    prefix: &str,
    group: &str,
    file: &WeightsFile,
    found: &mut HashMap<String, String>,
) {
    if !matches!(layer.class_name(), "Sequential" | "Functional") {
        return leaf(layer, prefix, group, file, found);
    }
    for (name, own, inner) in numbered_layers(layer) {
        within(&inner, &format!("{prefix}{name}."), &format!("{group}layers/{own}/"), file, found);
    }
}

/// The layers of a row or a graph in Keras's order: names here, names of their groups there, which number those of one class, and the layers.
pub(super) fn numbered_layers(layer: &LayerRef) -> Vec<(String, String, LayerRef)> {
    let mut layers = Vec::new();
    layer.visit_layers(&mut |name, inner| layers.push((name.to_owned(), inner.clone())));
    if layer.class_name() == "Functional" {
        let order = keras_order(&layer.config());
        layers.sort_by_key(|(name, _)| order.iter().position(|own| own == name));
    }
    let mut counts: HashMap<String, usize> = HashMap::new();
    let numbered = |(name, inner): (String, LayerRef)| {
        let class = group_name(&inner);
        let count = counts.entry(class.clone()).or_default();
        let own = if *count == 0 { class } else { format!("{class}_{count}") };
        *count += 1;
        (name, own, inner)
    };
    layers.into_iter().map(numbered).collect()
}

/// How Keras names a layer's group: by the class's own name, under which it hands one of them out by another one.
pub(super) fn group_name(layer: &LayerRef) -> String {
    match layer.class_name() {
        "GroupQueryAttention" => "grouped_query_attention".to_owned(),
        class => snake_case(class),
    }
}

/// A dataset that nobody has taken.
struct Free<'f> {
    name: &'f str,
    shape: Shape,
}

fn leaf(
    layer: &LayerRef,
    prefix: &str,
    group: &str,
    file: &WeightsFile,
    found: &mut HashMap<String, String>,
) {
    if let Some(exact) = exact(layer, prefix, group, file) {
        return found.extend(exact);
    }
    let is_own = |name: &&str| is_in(name, group) && !name.contains("seed_generator");
    let mut free: Vec<Free<'_>> = file
        .names()
        .filter(is_own)
        .filter_map(|name| Some(Free { name, shape: file.ty(name)?.shape.clone() }))
        .collect();
    free.sort_by_key(|free| numbered(free.name));
    for (path, variable) in layer.variables() {
        if let Some(at) = best(&free, &spoken(layer, &path), &variable) {
            found.insert(format!("{prefix}{path}"), free.remove(at).name.to_owned());
        }
    }
}

/// The datasets of a layer by the names that Keras writes, if all are there and of the right shapes.
fn exact(layer: &LayerRef, prefix: &str, group: &str, file: &WeightsFile) -> Option<Vec<(String, String)>> {
    let datasets = keras_write::datasets(layer, prefix, group).ok()?;
    let shapes: HashMap<String, Shape> =
        layer.variables().into_iter().map(|(path, own)| (path, own.ty().shape.clone())).collect();
    let fits = |(path, name): &(String, String)| {
        let own = path.strip_prefix(prefix).and_then(|path| shapes.get(path));
        own.is_some_and(|shape| file.ty(name).is_some_and(|ty| ty.shape == *shape))
    };
    datasets.iter().all(fits).then_some(datasets)
}

/// The path with the words that Keras has for the two layers of a `Bidirectional`.
fn spoken(layer: &LayerRef, path: &str) -> String {
    if layer.class_name() != "Bidirectional" {
        return path.to_owned();
    }
    let mut first = None;
    layer.visit_layers(&mut |name, _| {
        first.get_or_insert_with(|| format!("{name}."));
    });
    let is_first = first.is_some_and(|first| path.starts_with(&first));
    format!("{}.{path}", if is_first { "forward" } else { "backward" })
}

fn is_in(name: &str, group: &str) -> bool {
    name.starts_with(group) && (!group.is_empty() || name.starts_with("vars/"))
}

/// A name whose number at the end counts as one: `vars/10` is behind `vars/9`.
fn numbered(name: &str) -> (&str, usize) {
    let (group, number) = name.rsplit_once('/').unwrap_or(("", name));
    (group, number.parse().unwrap_or(usize::MAX))
}

/// The dataset of a weight; nothing if two groups are as good as each other.
fn best(free: &[Free<'_>], path: &str, variable: &Variable) -> Option<usize> {
    let fitting = || free.iter().enumerate().filter(|(_, free)| free.shape == variable.ty().shape);
    let most = fitting().map(|(_, free)| shared(path, free.name)).max()?;
    let mut best = fitting().filter(|(_, free)| shared(path, free.name) == most);
    let (at, first) = best.next()?;
    let group = |free: &Free<'_>| numbered(free.name).0.to_owned();
    best.all(|(_, other)| group(other) == group(first)).then_some(at)
}

/// How many words of a weight's path are in a dataset's.
fn shared(path: &str, name: &str) -> usize {
    let words: Vec<&str> = name.split(['/', '_']).collect();
    path.split(['.', '_']).filter(|word| words.contains(word)).count()
}
