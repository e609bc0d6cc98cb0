//! Typed values and specs of the case language as elements and specs.

use serde_json::Value;
use tensorwright::{DType, Scalar};
use tensorwright_data::{
    DataError, ElementKind, Extents, Item, RaggedArray, Result, SparseArray, Spec, Text,
};

pub(crate) fn bad(message: impl std::fmt::Display) -> DataError {
    DataError::invalid(message)
}

pub(crate) fn kind(name: &str) -> Result<ElementKind> {
    Ok(ElementKind::Number(match name {
        "string" => return Ok(ElementKind::Text),
        "bool" => DType::Bool,
        "int8" => DType::I8,
        "int16" => DType::I16,
        "int32" => DType::I32,
        "int64" => DType::I64,
        "uint8" => DType::U8,
        "uint16" => DType::U16,
        "uint32" => DType::U32,
        "uint64" => DType::U64,
        "float16" => DType::F16,
        "bfloat16" => DType::BF16,
        "float32" => DType::F32,
        "float64" => DType::F64,
        other => return Err(bad(format!("no dtype {other}"))),
    }))
}

pub(crate) fn kind_of(value: &Value) -> Result<ElementKind> {
    kind(value["dtype"].as_str().ok_or_else(|| bad("no dtype"))?)
}

pub(crate) fn dtype(name: &str) -> Result<DType> {
    match kind(name)? {
        ElementKind::Number(dtype) => Ok(dtype),
        ElementKind::Text => Err(bad("a dtype of numbers is wanted")),
    }
}

/// Bytes of `{"b64"}` or of a text.
pub(crate) fn bytes(value: &Value) -> Result<Vec<u8>> {
    match (value, &value["b64"]) {
        (Value::String(text), _) => Ok(text.as_bytes().to_vec()),
        (_, Value::String(text)) => Ok(base64(text)),
        _ => Err(bad(format!("{value} is no text"))),
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut out) = (0u32, 0, Vec::new());
    for digit in text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte)) {
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

pub(crate) fn scalar(dtype: DType, value: &Value) -> Result<Scalar> {
    let wrong = || bad(format!("{value} is no {dtype}"));
    if dtype == DType::Bool {
        return Ok(Scalar::Bool(value.as_bool().ok_or_else(wrong)?));
    }
    if dtype.is_float() {
        let number = match value {
            Value::String(text) => text.parse().map_err(|_| wrong())?,
            other => other.as_f64().ok_or_else(wrong)?,
        };
        return Ok(Scalar::from_f64(dtype, number));
    }
    let number = value.as_i64().map(i128::from).or(value.as_u64().map(i128::from)).ok_or_else(wrong)?;
    let scalar = Scalar::from_i128(dtype, number);
    if scalar.to_i128() == number { Ok(scalar) } else { Err(wrong()) }
}

/// The sizes of nested lists, which must be even.
fn sizes(value: &Value) -> Result<Vec<usize>> {
    let Value::Array(rows) = value else { return Ok(Vec::new()) };
    let inner = rows.iter().map(sizes).collect::<Result<Vec<_>>>()?;
    match inner.iter().all(|own| *own == inner[0]) {
        true => Ok([rows.len()].into_iter().chain(inner.first().cloned().unwrap_or_default()).collect()),
        false => Err(bad("nested lists of different lengths are no array")),
    }
}

fn leaves<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Array(rows) => rows.iter().for_each(|row| leaves(row, found)),
        leaf => found.push(leaf),
    }
}

/// Nested lists as an array.
pub(crate) fn dense(kind: ElementKind, value: &Value, shape: Option<Vec<usize>>) -> Result<Item> {
    let sizes = shape.map_or_else(|| sizes(value), Ok)?;
    let mut found = Vec::new();
    leaves(value, &mut found);
    match kind {
        ElementKind::Number(dtype) => {
            let numbers = found.into_iter().map(|leaf| scalar(dtype, leaf)).collect::<Result<Vec<_>>>()?;
            if numbers.len() != sizes.iter().product::<usize>() {
                return Err(bad("the number of elements does not fit the shape"));
            }
            Item::numbers(dtype, &sizes, numbers)
        }
        ElementKind::Text => {
            let texts =
                found.into_iter().map(|leaf| Ok(Text::from(bytes(leaf)?))).collect::<Result<Vec<_>>>()?;
            Item::texts(&sizes, texts)
        }
    }
}

/// How deep lists are nested, where there are leaves or not.
fn depth(value: &Value) -> usize {
    match value {
        Value::Array(rows) => 1 + rows.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn flatten(rows: &[Value]) -> Value {
    Value::Array(rows.iter().filter_map(Value::as_array).flatten().cloned().collect())
}

/// Nested lists as rows of different lengths.
pub(crate) fn ragged(kind: ElementKind, value: &Value) -> Result<Item> {
    let Value::Array(rows) = value else { return Err(bad("no rows")) };
    let lengths = rows.iter().map(|row| row.as_array().map_or(0, Vec::len));
    let mut offsets = vec![0];
    lengths.for_each(|length| offsets.push(offsets[offsets.len() - 1] + length));
    let inner = flatten(rows);
    let values = match depth(value) > 2 {
        true => ragged(kind, &inner)?,
        false => dense(kind, &inner, inner.as_array().map(|all| vec![all.len()]))?,
    };
    Ok(Item::Ragged(Box::new(RaggedArray::new(offsets, values)?)))
}

fn sparse(kind: ElementKind, value: &Value) -> Result<Item> {
    let numbers = |value: &Value| {
        let mut found = Vec::new();
        leaves(value, &mut found);
        found.into_iter().filter_map(Value::as_i64).collect::<Vec<i64>>()
    };
    let count = value["values"].as_array().map_or(0, Vec::len);
    let values = dense(kind, &value["values"], Some(vec![count]))?;
    let sizes = numbers(&value["shape"]).into_iter().map(|size| size as usize).collect();
    Ok(Item::Sparse(Box::new(SparseArray::new(numbers(&value["indices"]), values, sizes)?)))
}

/// A typed value of the language.
pub(crate) fn item(value: &Value) -> Result<Item> {
    if let Value::Array(parts) = &value["tuple"] {
        return Ok(Item::tuple(parts.iter().map(item).collect::<Result<Vec<_>>>()?));
    }
    if let Value::Object(parts) = &value["dict"] {
        let parts = parts.iter().map(|(name, part)| Ok((&**name, item(part)?)));
        return Ok(Item::dict(parts.collect::<Result<Vec<_>>>()?));
    }
    let kind = kind_of(value)?;
    if value["ragged"].is_array() {
        return ragged(kind, &value["ragged"]);
    }
    if value["sparse"].is_object() {
        return sparse(kind, &value["sparse"]);
    }
    let shape = value["shape"]
        .as_array()
        .map(|shape| shape.iter().filter_map(Value::as_u64).map(|n| n as usize).collect());
    dense(kind, &value["value"], shape)
}

pub(crate) fn extents(value: &Value) -> Extents {
    match value {
        Value::Array(sizes) => Extents::new(sizes.iter().map(|size| size.as_u64().map(|size| size as usize))),
        _ => Extents::unknown(),
    }
}

/// A spec of the language.
pub(crate) fn spec(value: &Value) -> Result<Spec> {
    if let Value::Array(parts) = &value["tuple"] {
        return Ok(Spec::Tuple(parts.iter().map(spec).collect::<Result<_>>()?));
    }
    if let Value::Object(parts) = &value["dict"] {
        let parts = parts.iter().map(|(name, part)| Ok((&**name, spec(part)?)));
        return Ok(Spec::dict(parts.collect::<Result<Vec<_>>>()?));
    }
    if value["ragged"].is_object() {
        let ragged = &value["ragged"];
        let axes = ragged["ragged_rank"].as_u64().unwrap_or(1) as usize;
        return Ok(Spec::Ragged(kind_of(ragged)?, extents(&ragged["shape"]), axes));
    }
    Ok(Spec::Dense(kind_of(value)?, extents(&value["shape"])))
}

/// What a generator yields, by the spec that it promises: an error if it does not fit.
pub(crate) fn generated(value: &Value, spec: &Spec) -> Result<Item> {
    match spec {
        Spec::Tuple(specs) => {
            let parts = value["tuple"].as_array().filter(|parts| parts.len() == specs.len());
            let parts = parts.ok_or_else(|| bad("a tuple is wanted"))?.iter().zip(specs);
            Ok(Item::tuple(parts.map(|(part, spec)| generated(part, spec)).collect::<Result<Vec<_>>>()?))
        }
        Spec::Dict(specs) => {
            let parts = specs.iter().map(|(name, spec)| match &value["dict"][&**name] {
                Value::Null => Err(bad(format!("no part {name}"))),
                part => Ok((&**name, generated(part, spec)?)),
            });
            Ok(Item::dict(parts.collect::<Result<Vec<_>>>()?))
        }
        Spec::Ragged(kind, ..) => ragged(*kind, &value["ragged"]),
        Spec::Dense(kind, _) => dense(*kind, value, None),
        other => Err(bad(format!("a generator gives no {other}"))),
    }
}
