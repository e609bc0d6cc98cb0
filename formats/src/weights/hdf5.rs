//! Tensors in files of HDF5, by the paths of their datasets, as Keras writes them.

use std::collections::BTreeMap;
use std::path::Path;

use hdf5_pure::{AttrValue, DType as Stored, Dataset, Datatype, DatatypeByteOrder, File, Group};
use tensorwright::{DType, Tensor, TensorType};

use super::error::{Damage, Read, WeightsError, damaged};
use super::source::{Contents, Source};
use super::spec::WeightSpec;

/// How deep groups may lie in each other.
const DEPTH: usize = 64;

fn broken(reason: impl std::fmt::Display) -> Damage {
    Damage::new(format!("HDF5: {reason}"))
}

/// The tensors of a file, in memory.
struct Tensors(Vec<Tensor>);

/// Opens a file, all of which is read: at most so many bytes of elements, which may be compressed, or said and not there.
pub(super) fn open(path: &Path, bytes: Vec<u8>, most: u64) -> Result<Contents, WeightsError> {
    let (mut table, mut tensors) = (Vec::new(), Vec::new());
    for (name, tensor) in read(bytes, most).map_err(|damage| damage.in_file(path))? {
        let ty = tensor.ty().map_err(|error| WeightsError::entry(path, &name, error))?;
        table.push((name, WeightSpec::plain(ty)));
        tensors.push(tensor);
    }
    Ok(Contents { table, metadata: Vec::new(), source: Box::new(Tensors(tensors)) })
}

impl Source for Tensors {
    fn tensor(&self, at: usize) -> Read<Tensor> {
        Ok(self.0[at].clone())
    }
}

/// The tensors of a file, by paths such as `layers/dense/vars/0`.
fn read(bytes: Vec<u8>, most: u64) -> Read<BTreeMap<String, Tensor>> {
    let mut left = most;
    let file = File::from_bytes(bytes).map_err(broken)?;
    let mut found = BTreeMap::new();
    let mut open: Vec<(String, Group)> = vec![(String::new(), file.root())];
    while let Some((path, group)) = open.pop() {
        if path.matches('/').count() > DEPTH {
            return damaged(format!("groups lie in each other too deep: {path}"));
        }
        for name in group.datasets().map_err(broken)? {
            let own = group.dataset(&name).map_err(broken)?;
            let path = format!("{path}{name}");
            let tensor = size(&own).and_then(|bytes| {
                left =
                    left.checked_sub(bytes).ok_or_else(|| broken("it is larger than the file can tell"))?;
                tensor(&own)
            });
            let tensor = tensor.map_err(|damage| damage.at(&path))?;
            found.insert(path, tensor);
        }
        for name in group.groups().map_err(broken)? {
            let inner = group.group(&name).map_err(broken)?;
            open.push((format!("{path}{name}/"), inner));
        }
    }
    Ok(found)
}

/// The bytes of the elements, unpacked.
fn size(dataset: &Dataset) -> Read<u64> {
    let each = dataset.element_size().map_err(broken)?;
    let shape = dataset.shape().map_err(broken)?;
    let bytes = shape.iter().try_fold(each, |all, &extent| all.checked_mul(extent));
    bytes.ok_or_else(|| broken("no tensor is as large"))
}

fn tensor(dataset: &Dataset) -> Read<Tensor> {
    let shape = dataset.shape().map_err(broken)?;
    let shape: Vec<usize> =
        shape.into_iter().map(usize::try_from).collect::<Result<_, _>>().map_err(broken)?;
    macro_rules! of {
        ($read:ident) => {
            Tensor::from_slice(&dataset.$read().map_err(broken)?, shape)
        };
    }
    Ok(match dataset.dtype().map_err(broken)? {
        Stored::F32 => of!(read_f32),
        Stored::F64 => of!(read_f64),
        Stored::I8 => of!(read_i8),
        Stored::I16 => of!(read_i16),
        Stored::I32 => of!(read_i32),
        Stored::I64 => of!(read_i64),
        Stored::U8 => of!(read_u8),
        Stored::U16 => of!(read_u16),
        Stored::U32 => of!(read_u32),
        Stored::U64 => of!(read_u64),
        Stored::Other(own) => match half(&own, dataset)? {
            Some(dtype) => {
                let bytes = dataset.read_raw().map_err(broken)?;
                Tensor::from_bytes(&bytes, TensorType::new(dtype, shape))
            }
            None => return damaged(format!("numbers of {own:?} are not read")),
        },
        other => return damaged(format!("numbers of {other} are not read")),
    }
    .ok()?)
}

/// The dtype of floats of two bytes, little endian. HDF5 has no bf16: Keras writes such numbers as two bytes of no meaning, and beside them what they are.
fn half(ty: &Datatype, dataset: &Dataset) -> Read<Option<DType>> {
    Ok(match ty {
        Datatype::FloatingPoint { size: 2, byte_order: DatatypeByteOrder::LittleEndian, layout } => {
            Some(if layout.exponent_size == 8 { DType::BF16 } else { DType::F16 })
        }
        Datatype::Opaque { size: 2, .. } => {
            let attributes = dataset.attrs().map_err(broken)?;
            let name = attributes.get("dtype").and_then(text);
            (name == Some("bfloat16")).then_some(DType::BF16)
        }
        _ => None,
    })
}

fn text(value: &AttrValue) -> Option<&str> {
    match value {
        AttrValue::String(text)
        | AttrValue::AsciiString(text)
        | AttrValue::VarLenString(text)
        | AttrValue::VarLenAsciiString(text) => Some(text),
        _ => None,
    }
}
