//! Elements and specs as the JSON that cases expect.

use serde_json::{Value, json};
use tensorwright::Scalar;
use tensorwright_data::{DataError, ElementKind, ErrorKind, Extents, Item, Result, Spec};

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => json!({"b64": base64(bytes)}),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

fn number(number: Scalar) -> Value {
    match number {
        Scalar::Bool(value) => json!(value),
        float if float.dtype().is_float() => match float.to_f64() {
            value if value.is_nan() => json!("nan"),
            value if value.is_infinite() => json!(if value > 0.0 { "inf" } else { "-inf" }),
            value => json!(value),
        },
        Scalar::U64(value) => json!(value),
        int => json!(int.to_i128() as i64),
    }
}

/// Leaves, row major, as nested lists.
fn nested(sizes: &[usize], leaves: &mut impl Iterator<Item = Value>) -> Value {
    match sizes {
        [] => leaves.next().unwrap_or(Value::Null),
        [first, rest @ ..] => Value::Array((0..*first).map(|_| nested(rest, leaves)).collect()),
    }
}

fn array(sizes: &[usize], mut leaves: impl Iterator<Item = Value>) -> Value {
    match sizes.contains(&0) {
        true => json!({"shape": sizes}),
        false => nested(sizes, &mut leaves),
    }
}

fn numbers(item: &Item) -> Vec<Value> {
    let tensor = item.to_tensor().expect("an array has values");
    tensor.to_literal().expect("an array has values").iter().map(number).collect()
}

/// Rows of a ragged array as nested lists.
fn rows(item: &Item) -> Value {
    match item {
        Item::Ragged(ragged) => {
            let offsets = ragged.offsets();
            let Value::Array(values) = rows(ragged.values()) else { return Value::Null };
            json!(offsets.windows(2).map(|ends| values[ends[0]..ends[1]].to_vec()).collect::<Vec<_>>())
        }
        Item::Array(array) => nested(array.sizes(), &mut numbers(item).into_iter()),
        Item::Texts(texts) => nested(texts.sizes(), &mut texts.values().iter().map(|bytes| text(bytes))),
        other => element(other),
    }
}

/// An element.
pub(crate) fn element(item: &Item) -> Value {
    match item {
        Item::Number(value) => number(*value),
        Item::Text(bytes) => text(bytes),
        Item::Array(own) => array(own.sizes(), numbers(item).into_iter()),
        Item::Texts(texts) => array(texts.sizes(), texts.values().iter().map(|bytes| text(bytes))),
        Item::Ragged(_) => json!({"ragged": rows(item)}),
        Item::Sparse(sparse) => {
            let places: Vec<&[i64]> = sparse.places().chunks(sparse.sizes().len().max(1)).collect();
            json!({"sparse": {"indices": places, "values": rows(sparse.values()), "shape": sparse.sizes()}})
        }
        Item::Window(window) => json!({"dataset": window.items.iter().map(element).collect::<Vec<_>>()}),
        Item::Tuple(parts) => json!({"tuple": parts.iter().map(element).collect::<Vec<_>>()}),
        Item::Dict(dict) => {
            let parts =
                dict.names().iter().zip(dict.parts()).map(|(name, part)| (name.to_string(), element(part)));
            json!({"dict": parts.collect::<serde_json::Map<_, _>>()})
        }
    }
}

/// The name of an error's class.
pub(crate) fn error(error: &DataError) -> Value {
    let kind = match error.kind() {
        ErrorKind::InvalidArgument => "InvalidArgument",
        ErrorKind::DataLoss => "DataLoss",
        ErrorKind::FailedPrecondition => "FailedPrecondition",
        ErrorKind::AlreadyExists => "AlreadyExists",
        ErrorKind::NotFound => "NotFound",
        _ => "Internal",
    };
    json!({"kind": kind, "message": error.to_string()})
}

/// An element, or the error in its place.
pub(crate) fn outcome(outcome: &Result<Item>) -> Value {
    match outcome {
        Ok(item) => element(item),
        Err(own) => json!({"error": error(own)}),
    }
}

fn kind(kind: ElementKind) -> String {
    let ElementKind::Number(dtype) = kind else { return "string".to_owned() };
    let name = dtype.name();
    let long = [("bf", "bfloat"), ("i", "int"), ("u", "uint"), ("f", "float")];
    let found = long.iter().find(|(short, _)| name.starts_with(short) && name != "bool");
    found.map_or_else(|| name.to_owned(), |(short, long)| name.replacen(short, long, 1))
}

fn extents(extents: &Extents) -> Value {
    extents.known().map_or(Value::Null, |known| json!(known))
}

/// A spec.
pub(crate) fn spec(own: &Spec) -> Value {
    match own {
        Spec::Any => json!("any"),
        Spec::Dense(own, shape) => json!({"dtype": kind(*own), "shape": extents(shape)}),
        Spec::Ragged(own, shape, axes) => {
            json!({"ragged": {"dtype": kind(*own), "shape": extents(shape), "ragged_rank": axes}})
        }
        Spec::Sparse(own, shape) => json!({"sparse": {"dtype": kind(*own), "shape": extents(shape)}}),
        Spec::Window(inner) => json!({"dataset": spec(inner)}),
        Spec::Tuple(parts) => json!({"tuple": parts.iter().map(spec).collect::<Vec<_>>()}),
        Spec::Dict(parts) => {
            json!({"dict": parts.iter().map(|(name, part)| (name.to_string(), spec(part))).collect::<serde_json::Map<_, _>>()})
        }
    }
}
