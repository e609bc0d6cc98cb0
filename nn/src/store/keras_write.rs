//! Weights written as Keras 3 writes them, `.weights.h5`.

use std::collections::{BTreeMap, HashMap};

use hdf5_pure::{FileBuilder, FinishedGroup, GroupBuilder};
use tensorwright::{DType, Tensor};

use super::keras::spoken;
use crate::LayerRef;
use crate::error::{Error, Result};
use crate::layer::snake_case;

/// A group: its groups by name, and its weights.
#[derive(Default)]
struct Tree {
    groups: BTreeMap<String, Tree>,
    weights: Vec<Tensor>,
}

impl Tree {
    fn at(&mut self, name: &str) -> &mut Tree {
        self.groups.entry(name.to_owned()).or_default()
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Model(format!("HDF5: {error}"))
}

/// The weights of a layer as a file.
///
/// # Errors
/// When a weight is in a layer of which it is not known how Keras names its fields, or of another dtype than f32 and f64.
pub(crate) fn write(layer: &LayerRef) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    add(layer, &mut tree)?;
    let mut file = FileBuilder::new();
    for (name, inner) in &tree.groups {
        let inner = group(file.create_group(name), inner)?;
        file.add_group(inner);
    }
    let vars = weights(file.create_group("vars"), &tree.weights)?;
    file.add_group(vars);
    file.finish().map_err(failed)
}

fn group(mut builder: GroupBuilder, tree: &Tree) -> Result<FinishedGroup> {
    for (name, inner) in &tree.groups {
        let inner = group(builder.create_group(name), inner)?;
        builder.add_group(inner);
    }
    let vars = weights(builder.create_group("vars"), &tree.weights)?;
    builder.add_group(vars);
    Ok(builder.finish())
}

fn weights(mut builder: GroupBuilder, weights: &[Tensor]) -> Result<FinishedGroup> {
    for (i, weight) in weights.iter().enumerate() {
        let shape: Vec<u64> = weight.shape()?.sizes().iter().map(|&size| size as u64).collect();
        let dataset = builder.create_dataset(&i.to_string());
        match weight.dtype()? {
            DType::F32 => dataset.with_f32_data(&weight.to_vec::<f32>()?),
            DType::F64 => dataset.with_f64_data(&weight.to_vec::<f64>()?),
            other => return Err(Error::Model(format!("weights of {other} are not written: cast them"))),
        };
        dataset.with_shape(&shape);
    }
    Ok(builder.finish())
}

/// Adds the weights of a layer to its group.
fn add(layer: &LayerRef, tree: &mut Tree) -> Result<()> {
    if !matches!(layer.class_name(), "Sequential" | "Functional") {
        return add_leaf(layer, tree);
    }
    let (mut counts, mut result) = (HashMap::<String, usize>::new(), Ok(()));
    layer.visit_layers(&mut |_, inner| {
        let class = snake_case(inner.class_name());
        let count = counts.entry(class.clone()).or_default();
        let name = if *count == 0 { class } else { format!("{class}_{count}") };
        *count += 1;
        if result.is_ok() {
            result = add(inner, tree.at("layers").at(&name));
        }
    });
    result
}

fn add_leaf(layer: &LayerRef, tree: &mut Tree) -> Result<()> {
    for (path, variable) in layer.variables() {
        let spoken = spoken(layer, &path);
        let mut parts: Vec<&str> = spoken.split('.').collect();
        parts.pop();
        let mut place = &mut *tree;
        for part in parts {
            if let Some(name) = field(layer, part)? {
                place = place.at(&name);
            }
        }
        place.weights.push(variable.value());
    }
    Ok(())
}

/// The field of Keras's object that a part of a path is; nothing for a name that a layer has anyway.
fn field(layer: &LayerRef, part: &str) -> Result<Option<String>> {
    let named = |name: String| Ok(Some(name));
    match layer.class_name() {
        "Bidirectional" if part == "forward" || part == "backward" => named(format!("{part}_layer")),
        _ if part.ends_with("_cell") => named("cell".to_owned()),
        "Bidirectional" => Ok(None),
        "TimeDistributed" => named("layer".to_owned()),
        "MultiHeadAttention" | "GroupQueryAttention" => {
            named(format!("{}_dense", part.trim_start_matches("attention_")))
        }
        class => Err(Error::Model(format!(
            "how Keras names `{part}` of a {class} is not known: write the weights as safetensors or `.npz`"
        ))),
    }
}
