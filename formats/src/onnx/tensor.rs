//! Tensors of files.

use std::path::Path;

use bytes::Bytes;
use tensorwright::{DType, Shape, Static, Tensor, TensorType};

use super::dtype::{self, Stored, float4, float8, stored};
use super::error::{Error, Reason};
use super::file;
use super::schema::{MapProto, OptionalProto, SequenceProto, SparseTensorProto, TensorProto};
use super::value::{Key, Value};

/// The most elements of a tensor: addresses of their bytes stay far from the end of the address space.
const MOST: usize = 1 << 40;

/// The most bytes of a sparse tensor with its zeros, which its file does not have.
const MOST_DENSE: usize = 1 << 30;

/// Where the files of a model are; `None` if it was read from memory.
pub(crate) type Folder<'f> = Option<&'f Path>;

/// The value that a tensor of a file stands for.
pub(crate) fn value(proto: &TensorProto, folder: Folder<'_>) -> Result<Value, Error> {
    let failed =
        |reason: Reason| Error::Part { what: "tensor", name: proto.name.clone(), reason: reason.to_string() };
    read(proto, folder).map_err(failed)
}

fn read(proto: &TensorProto, folder: Folder<'_>) -> Result<Value, Reason> {
    let shape = shape(&proto.dims)?;
    if proto.data_type == dtype::STRING {
        let elements = proto.string_data.iter().map(|word| String::from_utf8_lossy(word).into_owned());
        expect(&shape, proto.string_data.len())?;
        return Ok(Value::strings(shape, elements.collect()));
    }
    let stored = stored(proto.data_type)
        .ok_or_else(|| Reason::other(format!("{} is no dtype", dtype::name(proto.data_type))))?;
    let raw = raw(proto, stored, &shape, folder)?;
    Ok(tensor(stored, shape, &raw)?.into())
}

/// The extents, if a tensor may have them.
pub(crate) fn shape(dims: &[i64]) -> Result<Shape, Reason> {
    let refuse = || Reason::other(format!("no tensor has the extents {dims:?}"));
    let sizes: Option<Vec<usize>> = dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let sizes = sizes.ok_or_else(refuse)?;
    let elements = sizes.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    match elements {
        Some(elements) if elements <= MOST => Ok(Shape::from(sizes)),
        _ => Err(refuse()),
    }
}

fn expect(shape: &Shape, found: usize) -> Result<(), Reason> {
    match shape.elements() == found {
        true => Ok(()),
        false => Err(Reason::other(format!("{shape} has {} elements, {found} are there", shape.elements()))),
    }
}

/// The bytes of the elements, as they would be in `raw_data`.
fn raw(proto: &TensorProto, stored: Stored, shape: &Shape, folder: Folder<'_>) -> Result<Bytes, Reason> {
    if proto.data_location == 1 {
        return external(proto, folder);
    }
    if !proto.raw_data.is_empty() || shape.elements() == 0 {
        return Ok(proto.raw_data.clone());
    }
    let bytes: Vec<u8> = match stored {
        Stored::Plain(DType::F32 | DType::C64) => {
            proto.float_data.iter().flat_map(|x| x.to_le_bytes()).collect()
        }
        Stored::Plain(DType::F64 | DType::C128) => {
            proto.double_data.iter().flat_map(|x| x.to_le_bytes()).collect()
        }
        Stored::Plain(DType::I64) => proto.int64_data.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Stored::Plain(dtype @ (DType::U32 | DType::U64)) => {
            proto.uint64_data.iter().flat_map(|x| x.to_le_bytes().into_iter().take(dtype.size())).collect()
        }
        Stored::Plain(dtype) => {
            proto.int32_data.iter().flat_map(|x| x.to_le_bytes().into_iter().take(dtype.size())).collect()
        }
        _ => proto.int32_data.iter().map(|&x| x as u8).collect(),
    };
    Ok(bytes.into())
}

/// The part of another file that the tensor names.
fn external(proto: &TensorProto, folder: Folder<'_>) -> Result<Bytes, Reason> {
    let entry = |key: &str| proto.external_data.iter().find(|pair| pair.key == key).map(|pair| &pair.value);
    let number = |key: &str| -> Result<Option<usize>, Reason> {
        let parsed = entry(key).map(|text| text.parse::<usize>());
        parsed.transpose().map_err(|_| Reason::other(format!("`{key}` of its file is no number")))
    };
    let location = entry("location").ok_or_else(|| Reason::other("the name of its file is missing"))?;
    let folder = folder
        .ok_or_else(|| Reason::other("its elements are in another file; load the model by its path"))?;
    let inside = Path::new(location)
        .components()
        .all(|part| matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir));
    if !inside {
        return Err(Reason::other(format!("its file, `{location}`, is not in the model's folder")));
    }
    let whole = file::bytes(&folder.join(location)).map_err(|error| Reason::other(error.to_string()))?;
    let start = number("offset")?.unwrap_or(0);
    let end = match number("length")? {
        Some(length) => start.checked_add(length),
        None => Some(whole.len()),
    };
    match end.filter(|&end| start <= end && end <= whole.len()) {
        Some(end) => Ok(whole.slice(start..end)),
        None => Err(Reason::other(format!("its file, `{location}`, ends before its elements do"))),
    }
}

/// A tensor out of the bytes of its elements.
fn tensor(stored: Stored, shape: Shape, raw: &[u8]) -> Result<Tensor, Reason> {
    let elements = shape.elements();
    let enough = |bytes: usize| match raw.len() == bytes {
        true => Ok(()),
        false => Err(Reason::other(format!("{shape} needs {bytes} bytes, {} are there", raw.len()))),
    };
    let from_f32 = |values: Vec<f32>, shape: Shape| Tensor::from_slice(&values, shape).ok();
    match stored {
        Stored::Plain(dtype) => {
            enough(elements * dtype.size())?;
            Ok(Tensor::from_bytes(raw, TensorType { dtype, shape }).ok()?)
        }
        Stored::Packed { bits, signed } => {
            enough((elements * bits).div_ceil(8))?;
            let per_byte = 8 / bits;
            let field = |i: usize| raw[i / per_byte] >> (i % per_byte * bits) << (8 - bits);
            match signed {
                true => {
                    let values: Vec<i8> = (0..elements).map(|i| (field(i) as i8) >> (8 - bits)).collect();
                    Ok(Tensor::from_slice(&values, shape).ok()?)
                }
                false => {
                    let values: Vec<u8> = (0..elements).map(|i| field(i) >> (8 - bits)).collect();
                    Ok(Tensor::from_slice(&values, shape).ok()?)
                }
            }
        }
        Stored::Float8 { exponent, bias, specials } => {
            enough(elements)?;
            Ok(from_f32(raw.iter().map(|&x| float8(x, exponent, bias, specials)).collect(), shape)?)
        }
        Stored::Float4 => {
            enough(elements.div_ceil(2))?;
            let values = (0..elements).map(|i| float4(raw[i / 2] >> (i % 2 * 4)));
            Ok(from_f32(values.collect(), shape)?)
        }
        Stored::PowerOfTwo => {
            enough(elements)?;
            let value = |&x: &u8| if x == 0xff { f32::NAN } else { (f32::from(x) - 127.0).exp2() };
            Ok(from_f32(raw.iter().map(value).collect(), shape)?)
        }
    }
}

/// A sparse tensor with its zeros.
pub(crate) fn dense(proto: &SparseTensorProto, folder: Folder<'_>) -> Result<Value, Error> {
    let name = proto.values.as_ref().map_or(String::new(), |values| values.name.clone());
    let failed = |reason: Reason| Error::Part {
        what: "sparse tensor",
        name: name.clone(),
        reason: reason.to_string(),
    };
    let (Some(values), Some(indices)) = (&proto.values, &proto.indices) else {
        return Err(failed(Reason::other("values or indices are missing")));
    };
    let (values, indices) = (value(values, folder)?, value(indices, folder)?);
    filled(&proto.dims, &values, &indices).map_err(failed)
}

fn filled(dims: &[i64], values: &Value, indices: &Value) -> Result<Value, Reason> {
    let refuse = || Reason::other("indices do not fit the extents and values");
    let (Some(values), Some(indices)) = (values.tensor(), indices.tensor()) else { return Err(refuse()) };
    let shape = shape(dims)?;
    let count = values.elements()?;
    let places = indices.to_vec::<i64>()?;
    let strides = shape.strides();
    let places: Vec<i64> = match indices.rank()? {
        1 => places,
        2 if !dims.is_empty() => places
            .chunks(dims.len())
            .map(|row| {
                row.iter()
                    .zip(&strides)
                    .fold(0i64, |sum, (i, &stride)| sum.wrapping_add(i.wrapping_mul(stride as i64)))
            })
            .collect(),
        _ => return Err(refuse()),
    };
    let size = values.dtype()?.size();
    let whole = shape.elements().checked_mul(size).filter(|&bytes| bytes <= MOST_DENSE).ok_or_else(refuse)?;
    let mut bytes = vec![0; whole];
    if places.len() != count {
        return Err(refuse());
    }
    for (place, element) in places.iter().zip(values.as_bytes()?.chunks(size)) {
        let start =
            usize::try_from(*place).ok().and_then(|place| place.checked_mul(size)).ok_or_else(refuse)?;
        bytes.get_mut(start..start + size).ok_or_else(refuse)?.copy_from_slice(element);
    }
    Ok(Tensor::from_bytes(&bytes, TensorType { dtype: values.dtype()?, shape }).ok()?.into())
}

/// A sequence of a file.
pub(crate) fn sequence(proto: &SequenceProto) -> Result<Value, Error> {
    let mut values = Vec::new();
    for tensor in &proto.tensor_values {
        values.push(value(tensor, None)?);
    }
    for inner in &proto.sequence_values {
        values.push(sequence(inner)?);
    }
    for inner in &proto.map_values {
        values.push(map(inner)?);
    }
    for inner in &proto.optional_values {
        values.push(optional(inner)?);
    }
    Ok(Value::Sequence(values))
}

/// A map of a file. Its values may be one tensor with an element for each key.
pub(crate) fn map(proto: &MapProto) -> Result<Value, Error> {
    let failed = |reason: &str| Error::Part { what: "map", name: proto.name.clone(), reason: reason.into() };
    let numbers = proto.keys.iter().map(|&key| Key::Number(key));
    let words = proto.string_keys.iter().map(|key| Key::Word(String::from_utf8_lossy(key).into_owned()));
    let keys: Vec<Key> = if proto.key_type == dtype::STRING { words.collect() } else { numbers.collect() };
    let values = proto.values.as_ref().ok_or_else(|| failed("it has no values"))?;
    let values = match sequence(values)? {
        Value::Sequence(values) if values.len() == 1 && keys.len() != 1 => elements(&values[0]),
        Value::Sequence(values) => values,
        _ => Vec::new(),
    };
    if values.len() != keys.len() {
        return Err(failed("it has not as many values as keys"));
    }
    Ok(Value::Map(keys.into_iter().map(Static).zip(values).collect()))
}

/// Each element of a tensor by itself.
fn elements(value: &Value) -> Vec<Value> {
    match value {
        Value::Tensor(tensor) => tensor.reshape([-1]).unstack(0).into_iter().map(Value::from).collect(),
        Value::Strings(words) => {
            words.0.elements.iter().map(|word| Value::strings((), vec![word.clone()])).collect()
        }
        _ => Vec::new(),
    }
}

/// An optional value of a file.
pub(crate) fn optional(proto: &OptionalProto) -> Result<Value, Error> {
    let inner = if let Some(tensor) = &proto.tensor_value {
        Some(value(tensor, None)?)
    } else if let Some(inner) = &proto.sequence_value {
        Some(sequence(inner)?)
    } else if let Some(inner) = &proto.optional_value {
        Some(optional(inner)?)
    } else {
        None
    };
    Ok(Value::Optional(inner.map(Box::new)))
}
