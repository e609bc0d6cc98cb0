//! The open inference protocol's words: dtypes, metadata, and tensors of messages.

use bytes::{Buf, Bytes};
use tensorwright::DType;

use crate::error::{Error, Result};
use crate::models::registry::{LoadedVersion, VersionChosen};
use crate::proto::kserve::{
    InferTensor, InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataResponse,
    TensorMetadata,
};
use crate::servable::{Port, Signature};
use crate::service::Answer;
use crate::value::{ElementType, Elements, Value};

/// Names of dtypes.
const DATATYPES: [(ElementType, &str); 14] = [
    (ElementType::Number(DType::Bool), "BOOL"),
    (ElementType::Number(DType::U8), "UINT8"),
    (ElementType::Number(DType::U16), "UINT16"),
    (ElementType::Number(DType::U32), "UINT32"),
    (ElementType::Number(DType::U64), "UINT64"),
    (ElementType::Number(DType::I8), "INT8"),
    (ElementType::Number(DType::I16), "INT16"),
    (ElementType::Number(DType::I32), "INT32"),
    (ElementType::Number(DType::I64), "INT64"),
    (ElementType::Number(DType::F16), "FP16"),
    (ElementType::Number(DType::F32), "FP32"),
    (ElementType::Number(DType::F64), "FP64"),
    (ElementType::Number(DType::BF16), "BF16"),
    (ElementType::Bytes, "BYTES"),
];

/// The name of a dtype.
pub(crate) fn datatype(ty: ElementType) -> &'static str {
    DATATYPES.iter().find(|(own, _)| *own == ty).map_or("COMPLEX", |(_, name)| name)
}

/// The dtype of a name.
pub(crate) fn of_datatype(name: &str) -> Result<ElementType> {
    let found = DATATYPES.iter().find(|(_, own)| *own == name).map(|(ty, _)| *ty);
    found.ok_or_else(|| Error::invalid(format!("the datatype `{name}` is not known")))
}

/// The version of a request; empty for the newest.
pub(crate) fn version(text: &str) -> Result<VersionChosen> {
    match text {
        "" => Ok(VersionChosen::Newest),
        text => {
            let wrong = |_| Error::invalid(format!("the version `{text}` is no number"));
            text.parse().map(VersionChosen::Number).map_err(wrong)
        }
    }
}

/// The extents of a request.
pub(crate) fn shape(extents: &[i64]) -> Result<Vec<usize>> {
    let extent =
        |extent: &i64| usize::try_from(*extent).map_err(|_| Error::invalid(format!("an extent is {extent}")));
    let shape: Vec<usize> = extents.iter().map(extent).collect::<Result<_>>()?;
    let count = shape.iter().try_fold(1usize, |product, extent| product.checked_mul(*extent));
    match count.is_some_and(|count| count <= 1 << 31) {
        true => Ok(shape),
        false => Err(Error::invalid(format!("a tensor of shape {shape:?} is too large"))),
    }
}

/// What a version takes and gives by its default signature.
pub(crate) fn metadata(version: &LoadedVersion) -> Result<ModelMetadataResponse> {
    let (_, signature) = version.signature("")?;
    let all = |ports: &[Port]| ports.iter().map(tensor_metadata).collect();
    Ok(ModelMetadataResponse {
        name: version.name.clone(),
        versions: vec![version.version.to_string()],
        platform: version.servable.platform().to_owned(),
        inputs: all(&signature.inputs),
        outputs: all(&signature.outputs),
    })
}

fn tensor_metadata(port: &Port) -> TensorMetadata {
    let extent = |extent: &Option<usize>| extent.map_or(-1, |extent| extent as i64);
    TensorMetadata {
        name: port.name.clone(),
        datatype: datatype(port.ty).to_owned(),
        shape: port.shape.iter().flatten().map(extent).collect(),
    }
}

/// Values by name in the order of a signature.
pub(crate) fn ordered(mut named: Vec<(String, Value)>, signature: &Signature) -> Result<Vec<Value>> {
    let mut found = Vec::with_capacity(signature.inputs.len());
    for port in &signature.inputs {
        let place = named.iter().position(|(name, _)| *name == port.name);
        let missing = || Error::invalid(format!("input `{}` is missing; it is {port}", port.name));
        found.push(named.swap_remove(place.ok_or_else(missing)?).1);
    }
    match named.first() {
        Some((name, _)) => {
            Err(Error::invalid(format!("the model has no input `{name}`, or it is given twice")))
        }
        None => Ok(found),
    }
}

/// The outputs that are asked for, all if none is, with their places in the signature.
pub(crate) fn chosen(signature: &Signature, names: &[String]) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok((0..signature.outputs.len()).collect());
    }
    let place = |name: &String| {
        let found = signature.outputs.iter().position(|port| port.name == *name);
        found.ok_or_else(|| Error::invalid(format!("the model has no output `{name}`")))
    };
    names.iter().map(place).collect()
}

/// The inputs of a message, by name.
pub(crate) fn inputs(request: &ModelInferRequest) -> Result<Vec<(String, Value)>> {
    let raw = &request.raw_input_contents;
    if !raw.is_empty() && raw.len() != request.inputs.len() {
        return Err(Error::invalid("`raw_input_contents` has not one item for each input"));
    }
    let input = |(at, tensor): (usize, &InferTensor)| {
        let ty = of_datatype(&tensor.datatype)?;
        let shape = shape(&tensor.shape)?;
        let value = match (raw.get(at), &tensor.contents) {
            (Some(bytes), _) => of_raw(bytes.clone(), ty, shape),
            (None, Some(contents)) => Value::new(shape, listed(contents, ty)?),
            (None, None) => Value::new(shape, listed(&InferTensorContents::default(), ty)?),
        };
        let named = |error: Error| Error::new(error.code(), format!("input `{}`: {error}", tensor.name));
        Ok((tensor.name.clone(), value.map_err(named)?))
    };
    request.inputs.iter().enumerate().map(input).collect()
}

fn listed(contents: &InferTensorContents, ty: ElementType) -> Result<Elements> {
    fn bytes<T: Copy, const N: usize>(list: &[T], write: impl Fn(T) -> [u8; N]) -> Bytes {
        list.iter().flat_map(|x| write(*x)).collect::<Vec<u8>>().into()
    }
    let dtype = match ty {
        ElementType::Bytes => return Ok(Elements::Strings(contents.bytes_contents.clone())),
        ElementType::Number(dtype) => dtype,
    };
    let (ints, uints) = (&contents.int_contents[..], &contents.uint_contents[..]);
    let bytes = match dtype {
        DType::Bool => bytes(&contents.bool_contents, |x| [u8::from(x)]),
        DType::I8 => bytes(ints, |x| (x as i8).to_le_bytes()),
        DType::I16 => bytes(ints, |x| (x as i16).to_le_bytes()),
        DType::I32 => bytes(ints, i32::to_le_bytes),
        DType::I64 => bytes(&contents.int64_contents, i64::to_le_bytes),
        DType::U8 => bytes(uints, |x| [x as u8]),
        DType::U16 => bytes(uints, |x| (x as u16).to_le_bytes()),
        DType::U32 => bytes(uints, u32::to_le_bytes),
        DType::U64 => bytes(&contents.uint64_contents, u64::to_le_bytes),
        DType::F32 => bytes(&contents.fp32_contents, f32::to_le_bytes),
        DType::F64 => bytes(&contents.fp64_contents, f64::to_le_bytes),
        _ => return Err(Error::invalid(format!("elements of {dtype} come as raw contents"))),
    };
    Ok(Elements::Numbers(dtype, bytes))
}

/// A tensor of raw bytes: numbers little-endian, strings each after its length in four bytes.
pub(crate) fn of_raw(mut bytes: Bytes, ty: ElementType, shape: Vec<usize>) -> Result<Value> {
    let ElementType::Number(dtype) = ty else {
        let mut strings = Vec::new();
        while bytes.remaining() > 0 {
            let broken = || Error::invalid("a string is cut off");
            let length = bytes.try_get_u32_le().map_err(|_| broken())? as usize;
            if length > bytes.remaining() {
                return Err(broken());
            }
            strings.push(bytes.split_to(length));
        }
        return Value::new(shape, Elements::Strings(strings));
    };
    if dtype == DType::Bool && bytes.iter().any(|byte| *byte > 1) {
        return Err(Error::invalid("a truth value is neither 0 nor 1"));
    }
    Value::new(shape, Elements::Numbers(dtype, bytes))
}

/// The raw bytes of a tensor.
pub(crate) fn raw(value: &Value) -> Bytes {
    match value.elements() {
        Elements::Numbers(_, bytes) => bytes.clone(),
        Elements::Strings(strings) => {
            let mut bytes = Vec::new();
            for string in strings {
                bytes.extend_from_slice(&(string.len() as u32).to_le_bytes());
                bytes.extend_from_slice(string);
            }
            bytes.into()
        }
    }
}

/// The message of an answer.
pub(crate) fn response(request: &ModelInferRequest, answer: &Answer) -> Result<ModelInferResponse> {
    let ports = &answer.ports().outputs;
    let names: Vec<String> = request.outputs.iter().map(|output| output.name.clone()).collect();
    let chosen = chosen(answer.ports(), &names)?;
    let tensor = |at: &usize| InferTensor {
        name: ports[*at].name.clone(),
        datatype: datatype(answer.outputs[*at].ty()).to_owned(),
        shape: answer.outputs[*at].shape().iter().map(|extent| *extent as i64).collect(),
        ..InferTensor::default()
    };
    Ok(ModelInferResponse {
        model_name: answer.version.name.clone(),
        model_version: answer.version.version.to_string(),
        id: request.id.clone(),
        outputs: chosen.iter().map(tensor).collect(),
        raw_output_contents: chosen.iter().map(|at| raw(&answer.outputs[*at])).collect(),
        ..ModelInferResponse::default()
    })
}
