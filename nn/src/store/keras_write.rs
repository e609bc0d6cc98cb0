//! Weights written as Keras 3 writes them, `.weights.h5`.

use std::collections::BTreeMap;

use hdf5_pure::{FileBuilder, FinishedGroup, GroupBuilder};
use tensorwright::{DType, Tensor};

use super::keras::numbered_layers;
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
/// When a weight is in a layer of which it is not known how Keras names its fields, or of another dtype than f32, f64, i32, i64 and u32.
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
            DType::I32 => dataset.with_i32_data(&weight.to_vec::<i32>()?),
            DType::I64 => dataset.with_i64_data(&weight.to_vec::<i64>()?),
            DType::U32 => dataset.with_u32_data(&weight.to_vec::<u32>()?),
            other => return Err(Error::Model(format!("weights of {other} are not written: cast them"))),
        };
        dataset.with_shape(&shape);
    }
    Ok(builder.finish())
}

/// Adds the weights of a layer to its group.
fn add(layer: &LayerRef, tree: &mut Tree) -> Result<()> {
    if matches!(layer.class_name(), "Sequential" | "Functional") {
        let mut layers = numbered_layers(layer).into_iter();
        return layers.try_for_each(|(_, group, inner)| add(&inner, tree.at("layers").at(&group)));
    }
    for (path, value) in layer.merged_weights()? {
        let place = match path.split('.').collect::<Vec<_>>()[..] {
            [_] => &mut *tree,
            [part, _] => tree.at(&part_of_weights(layer, part)?),
            _ => return Err(unknown(layer, &path)),
        };
        place.weights.push(value);
    }
    let mut inner = Vec::new();
    layer.visit_layers(&mut |_, own| inner.push(own.clone()));
    let numbered = inner.iter().enumerate();
    numbered.into_iter().try_for_each(|(i, own)| add(own, field(layer, &inner, i, tree)?))
}

fn unknown(layer: &LayerRef, part: &str) -> Error {
    let class = layer.class_name();
    Error::Model(format!(
        "how Keras names `{part}` of a {class} is not known: write the weights as safetensors or `.npz`"
    ))
}

/// The field of Keras's object that has the weights whose paths begin with this part.
fn part_of_weights(layer: &LayerRef, part: &str) -> Result<String> {
    match layer.class_name() {
        "SimpleRNN" | "GRU" | "LSTM" | "ConvLSTM1D" | "ConvLSTM2D" | "ConvLSTM3D" => Ok("cell".to_owned()),
        "MultiHeadAttention" | "GroupQueryAttention" => {
            Ok(format!("{}_dense", part.trim_start_matches("attention_")))
        }
        _ => Err(unknown(layer, part)),
    }
}

/// The group of the layer `i` of those in another layer.
fn field<'t>(layer: &LayerRef, inner: &[LayerRef], i: usize, tree: &'t mut Tree) -> Result<&'t mut Tree> {
    Ok(match (layer.class_name(), i) {
        ("Bidirectional", 0) => tree.at("forward_layer"),
        ("Bidirectional", _) => tree.at("backward_layer"),
        ("TimeDistributed" | "SpectralNormalization", _) => tree.at("layer"),
        ("RNN", _) => tree.at("cell"),
        ("StackedRNNCells", _) => {
            let class = snake_case(inner[i].class_name());
            let before = inner[..i].iter().filter(|own| snake_case(own.class_name()) == class).count();
            let name = if before == 0 { class } else { format!("{class}_{before}") };
            tree.at("cells").at(&name)
        }
        _ => return Err(unknown(layer, &inner[i].name())),
    })
}
