//! Files of weights, written tensor by tensor, whole or not at all.

mod checkpoint;
mod npz;
mod whole;

use std::io::Write;
use std::path::Path;

use tensorwright::{DType, Shape, Tensor, TensorType};
use tensorwright_data::safetensors_header;

use self::whole::Whole;
use super::error::WeightsError;
use super::file::{Weights, WeightsFormat};
use super::spec::{WeightDtype, WeightSpec};

/// A tensor that is to be written.
struct Item {
    name: String,
    kind: ItemKind,
}

/// What a tensor that is to be written is.
enum ItemKind {
    Numbers(TensorType),
    Strings(Shape),
}

/// The elements of a tensor that is to be written.
enum Content {
    Numbers(Tensor),
    Strings(Vec<Vec<u8>>),
}

/// What gives the elements of the items, in their order.
type Give<'g> = &'g mut dyn FnMut(usize) -> Result<Content, WeightsError>;

impl WeightsFormat {
    /// The format that the name of a file that is to be written says: `.safetensors`, `.npz`, or a checkpoint of TensorFlow, `.index` or `.ckpt`.
    pub fn of_name(path: &Path) -> Option<WeightsFormat> {
        Some(match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "safetensors" => WeightsFormat::Safetensors,
            "npz" => WeightsFormat::Npz,
            "index" | "ckpt" => WeightsFormat::Checkpoint,
            _ => return None,
        })
    }
}

/// Writes tensors by name to a file, whole or not at all: of NumPy if its name ends with `.npz`, a checkpoint of TensorFlow if it ends with `.index` or `.ckpt`, else of safetensors.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::weights::{Weights, write};
///
/// let path = std::env::temp_dir().join(format!("written-{}.index", std::process::id()));
/// write(&path, &[("kernel".to_owned(), Tensor::from([1.0f32, 2.0])), ("bias".to_owned(), Tensor::from(3i64))])?;
/// let weights = Weights::open(&path)?;
/// assert_eq!(weights.names().collect::<Vec<_>>(), ["bias", "kernel"]);
/// assert_eq!(weights.read("bias")?.item::<i64>()?, 3);
/// # std::fs::remove_file(path.with_extension("data-00000-of-00001")).unwrap();
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
/// When the file cannot be written, a tensor has no value, a name is there twice, or a dtype is one that such files do not have.
pub fn write(path: impl AsRef<Path>, tensors: &[(String, Tensor)]) -> Result<(), WeightsError> {
    let path = path.as_ref();
    let format = WeightsFormat::of_name(path).unwrap_or(WeightsFormat::Safetensors);
    let typed = |(name, tensor): &(String, Tensor)| match tensor.ty() {
        Ok(ty) => Ok(Item { name: name.clone(), kind: ItemKind::Numbers(ty.clone()) }),
        Err(error) => Err(WeightsError::entry(path, name, error)),
    };
    let items = tensors.iter().map(typed).collect::<Result<Vec<_>, _>>()?;
    put(path, format, &items, &mut |at| Ok(Content::Numbers(tensors[at].1.clone())))
}

/// What became of weights that were converted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// The names in the new file.
    pub written: Vec<String>,
    /// The names of strings, for which the new format has no place.
    pub left_out: Vec<String>,
}

/// Writes the weights of an open file to another one, tensor by tensor, whole or not at all.
///
/// `name` says what a tensor is called there, or nothing for those that are not written; `written` is told of each tensor that was. Blocks of quantised numbers are written as `f32`. Strings are written to checkpoints, and left out of other
/// files.
///
/// ```
/// use std::path::Path;
/// use tensorwright::weights::{Weights, WeightsFormat, convert};
///
/// let path = std::env::temp_dir().join(format!("converted-{}.safetensors", std::process::id()));
/// let from = Weights::open(concat!(env!("CARGO_MANIFEST_DIR"), "/../samples/digits_mlp.npz"))?;
/// let name = |name: &str| Some(format!("mlp.{name}"));
/// convert(&from, &path, WeightsFormat::Safetensors, &name, &mut |_, _| {})?;
/// assert!(Weights::open(&path)?.names().all(|name| name.starts_with("mlp.")));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), tensorwright::Error>(())
/// ```
///
/// # Errors
/// When a tensor cannot be read or is of a kind that the format does not have, two get the same name, or the file cannot be written.
pub fn convert(
    from: &Weights,
    to: impl AsRef<Path>,
    format: WeightsFormat,
    name: &dyn Fn(&str) -> Option<String>,
    written: &mut dyn FnMut(&str, &WeightSpec),
) -> Result<Converted, WeightsError> {
    let (path, mut done) = (to.as_ref(), Converted::default());
    let (mut items, mut sources) = (Vec::new(), Vec::new());
    for (own, spec) in from.specs() {
        let Some(new) = name(own) else { continue };
        let numbers = |dtype: DType| ItemKind::Numbers(TensorType { dtype, shape: spec.shape.clone() });
        let kind = match &spec.dtype {
            WeightDtype::Strings if format == WeightsFormat::Checkpoint => {
                ItemKind::Strings(spec.shape.clone())
            }
            WeightDtype::Strings => {
                done.left_out.push(own.to_owned());
                continue;
            }
            WeightDtype::Plain(dtype) => numbers(*dtype),
            WeightDtype::Blocks(_) => numbers(DType::F32),
            WeightDtype::Other(word) => {
                let reason = format!("tensors of {word} are not read");
                return Err(WeightsError::entry(from.path(), own, reason));
            }
        };
        done.written.push(new.clone());
        items.push(Item { name: new, kind });
        sources.push((own, spec));
    }
    put(path, format, &items, &mut |at| {
        let (own, spec) = sources[at];
        let content = match items[at].kind {
            ItemKind::Strings(_) => Content::Strings(from.strings(own)?),
            ItemKind::Numbers(_) => Content::Numbers(from.dequantized(own, DType::F32)?),
        };
        written(own, spec);
        Ok(content)
    })?;
    Ok(done)
}

/// Writes items in a format.
fn put(path: &Path, format: WeightsFormat, items: &[Item], give: Give<'_>) -> Result<(), WeightsError> {
    let mut names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    if let Some([twice, _]) = names.array_windows().find(|[one, other]| one == other) {
        return Err(WeightsError::entry(path, twice, "two tensors would have this name"));
    }
    match format {
        WeightsFormat::Safetensors => safetensors(path, items, give),
        WeightsFormat::Npz => npz::write(path, items, give),
        WeightsFormat::Checkpoint => checkpoint::write(path, items, give),
        other => Err(WeightsError::format(path, format!("{other} is not written"))),
    }
}

fn safetensors(path: &Path, items: &[Item], give: Give<'_>) -> Result<(), WeightsError> {
    let typed = |item: &Item| match &item.kind {
        ItemKind::Numbers(ty) => Ok((item.name.clone(), ty.clone())),
        ItemKind::Strings(_) => Err(WeightsError::entry(path, &item.name, "safetensors have no strings")),
    };
    let types = items.iter().map(typed).collect::<Result<Vec<_>, _>>()?;
    let header = safetensors_header(&types).map_err(|error| WeightsError::format(path, error.message()))?;
    let mut file = Whole::create(path)?;
    file.write_all(&header).map_err(|error| WeightsError::io(path, error))?;
    for (at, item) in items.iter().enumerate() {
        if let Content::Numbers(tensor) = give(at)? {
            let bytes = tensor.as_bytes().map_err(|error| WeightsError::entry(path, &item.name, error))?;
            file.write_all(bytes).map_err(|error| WeightsError::io(path, error))?;
        }
    }
    file.finish()
}
