//! The names of Python that mean something in a pickle of tensors.

use tensorwright::DType;

use super::super::error::{Read, damaged};

/// A name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word<'p> {
    /// An ordered dict.
    Dict,
    /// A shape.
    Size,
    /// What has no tensors: a device.
    Opaque,
    /// What makes a tensor of its parts.
    Rebuild(Rebuild),
    /// A class of storages, which tells their dtype.
    Storage(&'p str),
    /// A dtype.
    Dtype(&'p str),
}

/// How a tensor is made of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rebuild {
    /// Of a storage that knows its dtype.
    Tensor,
    /// Of a storage, and a dtype.
    TensorOfDtype,
    /// Of a tensor.
    Parameter,
    /// Of another way, its arguments, and a state of Python's.
    Typed,
}

impl<'p> Word<'p> {
    /// What a name means.
    ///
    /// # Errors
    /// When it means nothing here.
    pub(super) fn of(module: &'p str, name: &'p str) -> Read<Word<'p>> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Word::Dict,
            ("torch", "Size") => Word::Size,
            ("torch", "device") | ("_codecs", "encode") => Word::Opaque,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Word::Rebuild(Rebuild::Tensor),
            ("torch._utils", "_rebuild_tensor_v3") => Word::Rebuild(Rebuild::TensorOfDtype),
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Word::Rebuild(Rebuild::Parameter)
            }
            ("torch._tensor", "_rebuild_from_type_v2") => Word::Rebuild(Rebuild::Typed),
            // The classes of tensors, which `_rebuild_from_type_v2` is told.
            ("torch.nn.parameter", "Parameter" | "Buffer") | ("torch", "Tensor") => Word::Opaque,
            ("torch" | "torch.storage" | "torch.cuda", name) if name.ends_with("Storage") => {
                Word::Storage(name)
            }
            ("torch", name) if dtype(name).is_ok() || NARROW.contains(&name) => Word::Dtype(name),
            _ => {
                return damaged(format!(
                    "the pickle has a `{module}.{name}`, which is no tensor, storage or dict: it is not read"
                ));
            }
        })
    }
}

/// Dtypes of PyTorch that are listed and not read.
const NARROW: [&str; 9] = [
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
    "float4_e2m1fn_x2",
    "complex32",
    "uint4",
    "int4",
];

/// The dtype of a name of PyTorch's; else the name.
pub(super) fn dtype(name: &str) -> Result<DType, &str> {
    Ok(match name {
        "bool" => DType::Bool,
        "int8" => DType::I8,
        "int16" | "short" => DType::I16,
        "int32" | "int" => DType::I32,
        "int64" | "long" => DType::I64,
        "uint8" => DType::U8,
        "uint16" => DType::U16,
        "uint32" => DType::U32,
        "uint64" => DType::U64,
        "float16" | "half" => DType::F16,
        "bfloat16" => DType::BF16,
        "float32" | "float" => DType::F32,
        "float64" | "double" => DType::F64,
        "complex64" | "cfloat" => DType::C64,
        "complex128" | "cdouble" => DType::C128,
        other => return Err(other),
    })
}

/// The dtype that the class of a storage tells; else the name of the class.
pub(super) fn dtype_of_storage(class: &str) -> Result<DType, &str> {
    Ok(match class {
        "BoolStorage" => DType::Bool,
        "CharStorage" => DType::I8,
        "ShortStorage" => DType::I16,
        "IntStorage" => DType::I32,
        "LongStorage" => DType::I64,
        "ByteStorage" => DType::U8,
        "HalfStorage" => DType::F16,
        "BFloat16Storage" => DType::BF16,
        "FloatStorage" => DType::F32,
        "DoubleStorage" => DType::F64,
        "ComplexFloatStorage" => DType::C64,
        "ComplexDoubleStorage" => DType::C128,
        other => return Err(other),
    })
}
