//! Tensors in TensorFlow's messages.

use bytes::Bytes;
use tensorwright::DType;

use super::dtype;
use crate::error::{Code, Error, Result};
use crate::proto::tensor::{DimProto, TensorProto, TensorShapeProto};
use crate::value::{ElementType, Elements, Value};

/// No tensor of a request has more elements.
const MAX_ELEMENTS: usize = 1 << 31;

/// The value of a message. Elements that are missing at the end are the last one that is there, or zero.
pub(crate) fn value(proto: TensorProto) -> Result<Value> {
    let ty = dtype::of_number(proto.dtype).ok_or_else(|| {
        Error::new(Code::Unimplemented, format!("tensors of dtype {} are not supported", proto.dtype))
    })?;
    let shape = shape(proto.tensor_shape.as_ref())?;
    let count = shape.iter().try_fold(1usize, |product, extent| product.checked_mul(*extent));
    let count = count.filter(|count| *count <= MAX_ELEMENTS);
    let count = count.ok_or_else(|| Error::invalid(format!("a tensor of shape {shape:?} is too large")))?;
    if !proto.tensor_content.is_empty() {
        return match ty {
            ElementType::Number(dtype) => {
                Value::new(shape, Elements::Numbers(dtype, checked(dtype, proto.tensor_content)?))
            }
            ElementType::Bytes => Err(Error::invalid("strings are in `string_val`, not in `tensor_content`")),
        };
    }
    let elements = match ty {
        ElementType::Bytes => Elements::Strings(filled(proto.string_val, count, Bytes::new())?),
        ElementType::Number(dtype) => Elements::Numbers(dtype, listed(&proto, dtype, count)?),
    };
    Value::new(shape, elements)
}

fn shape(proto: Option<&TensorShapeProto>) -> Result<Vec<usize>> {
    let Some(proto) = proto else { return Ok(Vec::new()) };
    let extent = |dim: &DimProto| {
        usize::try_from(dim.size).map_err(|_| Error::invalid(format!("a tensor has the extent {}", dim.size)))
    };
    if proto.unknown_rank {
        return Err(Error::invalid("a tensor has no known rank"));
    }
    proto.dim.iter().map(extent).collect()
}

fn checked(dtype: DType, bytes: Bytes) -> Result<Bytes> {
    match dtype == DType::Bool && bytes.iter().any(|byte| *byte > 1) {
        true => Err(Error::invalid("a truth value is neither 0 nor 1")),
        false => Ok(bytes),
    }
}

/// The list with its last element again until there are so many.
fn filled<T: Clone>(mut list: Vec<T>, count: usize, zero: T) -> Result<Vec<T>> {
    if list.len() > count {
        return Err(Error::invalid(format!("a tensor of {count} elements is given {}", list.len())));
    }
    // What is short in the message must not be long in memory.
    if list.len() < count && count > MAX_FILLED {
        return Err(Error::invalid(format!("a tensor of {count} elements is given {}", list.len())));
    }
    let last = list.last().cloned().unwrap_or(zero);
    list.resize(count, last);
    Ok(list)
}

/// So many elements may stand in a message as one.
const MAX_FILLED: usize = 1 << 24;

/// The elements of the list that belongs to a dtype, little-endian.
fn listed(proto: &TensorProto, dtype: DType, count: usize) -> Result<Bytes> {
    fn bytes<T: Copy + Default, const N: usize>(
        list: &[T],
        count: usize,
        write: impl Fn(T) -> [u8; N],
    ) -> Result<Bytes> {
        let list = filled(list.to_vec(), count, T::default())?;
        Ok(list.into_iter().flat_map(write).collect::<Vec<u8>>().into())
    }
    let ints = &proto.int_val[..];
    match dtype {
        DType::F32 => bytes(&proto.float_val, count, f32::to_le_bytes),
        DType::F64 => bytes(&proto.double_val, count, f64::to_le_bytes),
        DType::I32 => bytes(ints, count, i32::to_le_bytes),
        DType::I16 => bytes(ints, count, |x| (x as i16).to_le_bytes()),
        DType::U16 => bytes(ints, count, |x| (x as u16).to_le_bytes()),
        DType::I8 => bytes(ints, count, |x| (x as i8).to_le_bytes()),
        DType::U8 => bytes(ints, count, |x| [x as u8]),
        DType::I64 => bytes(&proto.int64_val, count, i64::to_le_bytes),
        DType::U32 => bytes(&proto.uint32_val, count, u32::to_le_bytes),
        DType::U64 => bytes(&proto.uint64_val, count, u64::to_le_bytes),
        DType::Bool => bytes(&proto.bool_val, count, |x| [u8::from(x)]),
        DType::F16 | DType::BF16 => bytes(&proto.half_val, count, |x| (x as u16).to_le_bytes()),
        DType::C64 => bytes(&proto.scomplex_val, 2 * count, f32::to_le_bytes),
        DType::C128 => bytes(&proto.dcomplex_val, 2 * count, f64::to_le_bytes),
    }
}

/// The message of a value, with all elements as bytes.
pub(crate) fn proto(value: &Value) -> TensorProto {
    let dim = value.shape().iter().map(|extent| DimProto { size: *extent as i64, name: String::new() });
    let mut proto = TensorProto {
        dtype: dtype::number(value.ty()) as i32,
        tensor_shape: Some(TensorShapeProto { dim: dim.collect(), unknown_rank: false }),
        ..TensorProto::default()
    };
    match value.elements() {
        Elements::Numbers(_, bytes) => proto.tensor_content = bytes.clone(),
        Elements::Strings(strings) => proto.string_val = strings.clone(),
    }
    proto
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(dims: &[i64]) -> TensorProto {
        let dim = dims.iter().map(|size| DimProto { size: *size, name: String::new() }).collect();
        TensorProto {
            dtype: 1,
            tensor_shape: Some(TensorShapeProto { dim, unknown_rank: false }),
            ..TensorProto::default()
        }
    }

    #[test]
    fn lists_are_filled_up_with_their_last_element() -> Result<()> {
        let proto = TensorProto { float_val: vec![1.0, 2.0], ..message(&[2, 2]) };
        assert_eq!(value(proto)?.to_f32()?, [1.0, 2.0, 2.0, 2.0]);
        assert_eq!(value(message(&[3]))?.to_f32()?, [0.0; 3]);
        Ok(())
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        let long = TensorProto { float_val: vec![1.0; 5], ..message(&[2, 2]) };
        let broken = TensorProto { tensor_content: vec![0; 7].into(), ..message(&[2]) };
        for proto in [long, broken, message(&[-1]), message(&[1 << 40, 1 << 40]), message(&[1 << 30])] {
            assert_eq!(
                value(proto.clone()).map_err(|error| error.code()),
                Err(Code::InvalidArgument),
                "{proto:?}"
            );
        }
        let unknown = TensorProto { dtype: 20, ..message(&[1]) };
        assert_eq!(value(unknown).unwrap_err().code(), Code::Unimplemented);
    }

    #[test]
    fn values_come_back() -> Result<()> {
        let strings = Value::new(vec![2], Elements::Strings(vec!["a".into(), "".into()]))?;
        for own in [Value::of_f32(vec![2, 1], &[1.5, f32::NAN]), strings] {
            assert_eq!(value(proto(&own))?, own);
        }
        Ok(())
    }
}
