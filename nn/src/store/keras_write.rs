//! Weights written as Keras 3 writes them, `.weights.h5`.

use std::collections::BTreeMap;

use hdf5_pure::{
    AttrValue, Datatype, DatatypeByteOrder, FileBuilder, FinishedGroup, FloatingPointLayout, GroupBuilder,
};
use serde_json::Value;
use tensorwright::{DType, Tensor};

use super::keras::{group_name, numbered_layers};
use crate::LayerRef;
use crate::error::{Error, Result};
use crate::layer::is_low_rank;

/// Floats of two bytes.
const HALF: Datatype = Datatype::FloatingPoint {
    size: 2,
    byte_order: DatatypeByteOrder::LittleEndian,
    layout: FloatingPointLayout {
        bit_offset: 0,
        bit_precision: 16,
        exponent_location: 10,
        exponent_size: 5,
        mantissa_location: 0,
        mantissa_size: 10,
        exponent_bias: 15,
    },
};

/// A group: its groups by name, and its weights by theirs.
#[derive(Default)]
struct Tree {
    groups: BTreeMap<String, Tree>,
    weights: Vec<(String, Tensor)>,
}

impl Tree {
    /// Adds a weight, named by its number.
    fn push(&mut self, weight: Tensor) {
        self.weights.push((self.weights.len().to_string(), weight));
    }

    /// The group of this path, such as `layers/dense/`.
    fn within(&mut self, path: &str) -> &mut Tree {
        let names = path.split('/').filter(|name| !name.is_empty());
        names.fold(self, |tree, name| tree.groups.entry(name.to_owned()).or_default())
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Model(format!("HDF5: {error}"))
}

/// The weights of a layer as a file.
///
/// # Errors
/// When a weight is in a layer of which it is not known how Keras names its fields, or of another dtype than floats, i32, i64 and u32.
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

fn weights(mut builder: GroupBuilder, weights: &[(String, Tensor)]) -> Result<FinishedGroup> {
    for (name, weight) in weights {
        let shape: Vec<u64> = weight.shape()?.sizes().iter().map(|&size| size as u64).collect();
        let count = shape.iter().product();
        let dataset = builder.create_dataset(name);
        match weight.dtype()? {
            DType::F32 => dataset.with_f32_data(&weight.to_vec::<f32>()?),
            DType::F64 => dataset.with_f64_data(&weight.to_vec::<f64>()?),
            DType::I32 => dataset.with_i32_data(&weight.to_vec::<i32>()?),
            DType::I64 => dataset.with_i64_data(&weight.to_vec::<i64>()?),
            DType::U32 => dataset.with_u32_data(&weight.to_vec::<u32>()?),
            DType::F16 => dataset.with_raw_data(HALF, weight.as_bytes()?.to_vec(), count),
            // HDF5 has no such floats: what Keras does.
            DType::BF16 => dataset
                .with_raw_data(
                    Datatype::Opaque { size: 2, tag: Vec::new() },
                    weight.as_bytes()?.to_vec(),
                    count,
                )
                .set_attr("dtype", AttrValue::VarLenString("bfloat16".to_owned())),
            other => return Err(Error::Model(format!("weights of {other} are not written: cast them"))),
        };
        dataset.with_shape(&shape);
    }
    Ok(builder.finish())
}

/// Adds the weights of a layer, and of those in it, to their groups.
fn add(layer: &LayerRef, tree: &mut Tree) -> Result<()> {
    visit(layer, "", "", &mut |layer, _, group| {
        let own = tree.within(group);
        for (_, kernel) in borrowed(layer)? {
            own.push(kernel);
        }
        for (name, value) in layer.merged_weights()? {
            own.within(&part(layer, &name)?).push(value);
        }
        own.weights.extend(idf_weights(layer).map(|weights| ("idf_weights".to_owned(), weights)));
        Ok(())
    })
}

/// What is done with a layer, what the paths of its weights begin with, and the path of its group.
type Each<'e> = &'e mut dyn FnMut(&LayerRef, &str, &str) -> Result<()>;

/// Does something with a layer and with those in it, but for rows and graphs, which have no weights of their own.
fn visit(layer: &LayerRef, prefix: &str, group: &str, each: Each<'_>) -> Result<()> {
    if matches!(layer.class_name(), "Sequential" | "Functional") {
        let mut layers = numbered_layers(layer).into_iter();
        return layers.try_for_each(|(name, own, inner)| {
            visit(&inner, &format!("{prefix}{name}."), &format!("{group}layers/{own}/"), each)
        });
    }
    each(layer, prefix, group)?;
    let mut inner = Vec::new();
    layer.visit_layers(&mut |name, own| inner.push((name.to_owned(), own.clone())));
    for (i, (name, own)) in inner.iter().enumerate() {
        let field = field(layer, &inner, i)?;
        visit(own, &format!("{prefix}{name}."), &format!("{group}{field}/"), each)?;
    }
    Ok(())
}

/// The names of a layer's datasets, as Keras writes them, by the paths of its weights; the layer is the group `group`.
///
/// # Errors
/// As [`write`].
pub(super) fn datasets(layer: &LayerRef, prefix: &str, group: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    visit(layer, prefix, group, &mut |layer, prefix, group| {
        let mut counts = BTreeMap::from([(String::new(), borrowed(layer)?.len())]);
        for weight in layer.own_weights().all().into_iter().filter(|weight| !is_low_rank(&weight.name)) {
            let part = part(layer, &weight.name)?;
            let count = counts.entry(part.clone()).or_default();
            found.push((format!("{prefix}{}", weight.name), format!("{group}{part}vars/{count}")));
            *count += 1;
        }
        Ok(())
    })?;
    Ok(found)
}

/// The datasets of a layer that hold again what others hold, as Keras writes them.
pub(crate) fn copies(layer: &LayerRef) -> Result<Vec<String>> {
    let mut found = Vec::new();
    visit(layer, "", "", &mut |layer, _, group| {
        found.extend((0..borrowed(layer)?.len()).map(|i| format!("{group}vars/{i}")));
        found.extend(idf_weights(layer).map(|_| format!("{group}vars/idf_weights")));
        Ok(())
    })?;
    Ok(found)
}

/// Weights of a layer in another one that Keras has among those of the other one too, before its own: the kernel that is divided.
fn borrowed(layer: &LayerRef) -> Result<Vec<(String, Tensor)>> {
    let mut found = Ok(Vec::new());
    if layer.class_name() == "SpectralNormalization" {
        layer.visit_layers(&mut |_, inner| found = inner.merged_weights());
    }
    let is_divided = |(name, _): &(String, Tensor)| name == "kernel" || name == "embeddings";
    Ok(found?.into_iter().filter(is_divided).collect())
}

/// The weights of words that a lookup has among its settings, which Keras keeps among those of the model too: behind the mean, for what is unknown, and before zeros for places that no word has.
fn idf_weights(layer: &LayerRef) -> Option<Tensor> {
    let config = layer.config();
    if layer.class_name() != "IntegerLookup" || config.get("output_mode")? != "tf_idf" {
        return None;
    }
    let size = |name: &str| config.get(name).and_then(Value::as_u64).map(|size| size as usize);
    let own: Vec<f32> =
        config.get("idf_weights")?.as_array()?.iter().filter_map(Value::as_f64).map(|x| x as f32).collect();
    let unknown = size("num_oov_indices").unwrap_or(1);
    let is_padded = config.get("pad_to_max_tokens").is_some_and(|padded| padded == true);
    let places = size("max_tokens").filter(|_| is_padded).unwrap_or(unknown + own.len());
    let mean = own.iter().sum::<f32>() / own.len().max(1) as f32;
    let mut all: Vec<f32> = std::iter::repeat_n(mean, unknown).chain(own).collect();
    all.resize(places.max(all.len()), 0.0);
    Some(Tensor::from_slice(&all, [all.len()]))
}

fn unknown(layer: &LayerRef, part: &str) -> Error {
    let class = layer.class_name();
    Error::Model(format!(
        "how Keras names `{part}` of a {class} is not known: write the weights as safetensors or `.npz`"
    ))
}

/// The path of the group, in that of its layer, of a weight: the field of Keras's object that has it.
fn part(layer: &LayerRef, weight: &str) -> Result<String> {
    let field = match weight.split('.').collect::<Vec<_>>()[..] {
        [_] => return Ok(String::new()),
        [part, _] => part,
        _ => return Err(unknown(layer, weight)),
    };
    match layer.class_name() {
        "SimpleRNN" | "GRU" | "LSTM" | "ConvLSTM1D" | "ConvLSTM2D" | "ConvLSTM3D" => Ok("cell/".to_owned()),
        "MultiHeadAttention" if field != "gate" => {
            Ok(format!("{}_dense/", field.trim_start_matches("attention_")))
        }
        "MultiHeadAttention" | "GroupQueryAttention" => {
            Ok(format!("_{}_dense/", field.trim_start_matches("attention_")))
        }
        _ => Err(unknown(layer, field)),
    }
}

/// The group of the layer `i` of those in another layer.
fn field(layer: &LayerRef, inner: &[(String, LayerRef)], i: usize) -> Result<String> {
    Ok(match (layer.class_name(), i) {
        ("Bidirectional", 0) => "forward_layer".to_owned(),
        ("Bidirectional", _) => "backward_layer".to_owned(),
        ("TimeDistributed" | "SpectralNormalization", _) => "layer".to_owned(),
        ("RNN", _) => "cell".to_owned(),
        ("StackedRNNCells", _) => {
            let class = group_name(&inner[i].1);
            let before = inner[..i].iter().filter(|(_, own)| group_name(own) == class).count();
            if before == 0 { format!("cells/{class}") } else { format!("cells/{class}_{before}") }
        }
        _ => return Err(unknown(layer, &inner[i].1.name())),
    })
}
