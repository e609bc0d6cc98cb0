//! Types of a model's inputs and outputs, as far as the file says them.

use std::fmt;

use tensorwright::DType;

use super::dtype;
use super::schema::{ExtentProto, KindProto, TypeProto};

/// What a file says of an input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its name.
    pub name: String,
    /// What kind of value, and the types within: `float`, `seq(int64)`, ...
    pub kind: String,
    /// The dtype, if it is a tensor of numbers.
    pub dtype: Option<DType>,
    /// Extents, if it is a tensor of known rank.
    pub shape: Option<Vec<Extent>>,
}

/// One extent of an input or an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Extent {
    /// A number.
    Size(usize),
    /// Any number, of this name if it has one.
    Any(String),
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Extent::Size(size) => size.fmt(f),
            Extent::Any(name) if name.is_empty() => f.write_str("?"),
            Extent::Any(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.kind)?;
        let Some(shape) = &self.shape else { return Ok(()) };
        let extents: Vec<String> = shape.iter().map(Extent::to_string).collect();
        write!(f, "[{}]", extents.join(", "))
    }
}

impl Spec {
    pub(crate) fn of(name: &str, ty: Option<&TypeProto>) -> Spec {
        let tensor = ty.and_then(tensor_type_with_names);
        Spec {
            name: name.to_owned(),
            kind: ty.map_or_else(|| "anything".to_owned(), describe),
            dtype: tensor.as_ref().and_then(|(dtype, _)| *dtype),
            shape: tensor.and_then(|(_, shape)| shape),
        }
    }
}

fn describe(ty: &TypeProto) -> String {
    let inner =
        |ty: &Option<Box<TypeProto>>| ty.as_ref().map_or_else(|| "anything".to_owned(), |ty| describe(ty));
    match &ty.kind {
        Some(KindProto::Tensor(tensor)) => dtype::name(tensor.elem_type),
        Some(KindProto::SparseTensor(tensor)) => format!("sparse({})", dtype::name(tensor.elem_type)),
        Some(KindProto::Sequence(of)) => format!("seq({})", inner(&of.elem_type)),
        Some(KindProto::Optional(of)) => format!("optional({})", inner(&of.elem_type)),
        Some(KindProto::Map(map)) => {
            format!("map({}, {})", dtype::name(map.key_type), inner(&map.value_type))
        }
        None => "anything".to_owned(),
    }
}

type TensorSpec = (Option<DType>, Option<Vec<Extent>>);

fn tensor_type_with_names(ty: &TypeProto) -> Option<TensorSpec> {
    let Some(KindProto::Tensor(tensor)) = &ty.kind else { return None };
    let extent = |value: &Option<ExtentProto>| match value {
        Some(ExtentProto::Size(size)) => {
            usize::try_from(*size).map_or_else(|_| Extent::Any(String::new()), Extent::Size)
        }
        Some(ExtentProto::Name(name)) => Extent::Any(name.clone()),
        None => Extent::Any(String::new()),
    };
    let shape = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(|dim| extent(&dim.value)).collect());
    Some((dtype::dtype(tensor.elem_type).ok(), shape))
}

/// The dtype and the extents of a tensor's type, as far as they are said.
pub(crate) fn tensor_type(ty: &TypeProto) -> Option<(DType, Vec<Option<usize>>)> {
    let (dtype, shape) = tensor_type_with_names(ty)?;
    let size = |extent: Extent| match extent {
        Extent::Size(size) => Some(size),
        Extent::Any(_) => None,
    };
    Some((dtype?, shape?.into_iter().map(size).collect()))
}
