//! Tensors as nested lists, and answers of predictions.

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use half::{bf16, f16};
use tensorwright::DType;

use super::predict::Format;
use crate::error::{Code, Error, Result};
use crate::servable::Port;
use crate::tf::dtype::plain_name;
use crate::value::{ElementType, Elements, Value};

/// The answer to a request for prediction.
pub(crate) fn prediction(ports: &[Port], outputs: &[Value], format: Format) -> Result<Vec<u8>> {
    let mut text = Vec::with_capacity(64 + outputs.iter().map(|output| output.count() * 12).sum::<usize>());
    match format {
        Format::Row => rows(&mut text, ports, outputs)?,
        Format::Columnar => columns(&mut text, ports, outputs)?,
    }
    text.extend_from_slice(b"\n}\n");
    Ok(text)
}

fn rows(text: &mut Vec<u8>, ports: &[Port], outputs: &[Value]) -> Result<()> {
    let mut size: Option<usize> = None;
    for (port, output) in ports.iter().zip(outputs) {
        let name = &port.name;
        let Some(&own) = output.shape().first() else {
            return Err(Error::invalid(format!("Tensor name: {name} has no shape information ")));
        };
        if let Some(expected) = size.replace(own).filter(|expected| *expected != own) {
            return Err(Error::invalid(format!(
                "Tensor name: {name} has inconsistent batch size: {own} expecting: {expected}"
            )));
        }
    }
    text.extend_from_slice(b"{\n    \"predictions\": [");
    for row in 0..size.unwrap_or(0) {
        text.extend_from_slice(if row == 0 { b"" } else { b", " });
        let is_object = outputs.len() > 1;
        for (at, (port, output)) in ports.iter().zip(outputs).enumerate() {
            if is_object {
                text.extend_from_slice(if at == 0 { b"{" } else { b", " });
                name(text, &port.name);
            }
            let width: usize = output.shape()[1..].iter().product();
            nested(text, &port.name, output, &output.shape()[1..], row * width)?;
        }
        text.extend_from_slice(if is_object { b"}" } else { b"" });
    }
    text.extend_from_slice(b"]");
    Ok(())
}

fn columns(text: &mut Vec<u8>, ports: &[Port], outputs: &[Value]) -> Result<()> {
    text.extend_from_slice(b"{\n    \"outputs\": ");
    let is_object = outputs.len() > 1;
    for (at, (port, output)) in ports.iter().zip(outputs).enumerate() {
        if is_object {
            text.extend_from_slice(if at == 0 { b"{" } else { b", " });
            name(text, &port.name);
        }
        nested(text, &port.name, output, output.shape(), 0)?;
    }
    text.extend_from_slice(if is_object { b"}" } else { b"" });
    Ok(())
}

fn name(text: &mut Vec<u8>, name: &str) {
    string(text, name);
    text.extend_from_slice(b": ");
}

pub(crate) fn string(text: &mut Vec<u8>, string: &str) {
    // A string can be written to memory.
    let _ = serde_json::to_writer(text, string);
}

/// The elements from a place on as nested lists.
pub(crate) fn nested(
    text: &mut Vec<u8>,
    name: &str,
    value: &Value,
    shape: &[usize],
    begin: usize,
) -> Result<()> {
    let Some((&count, inner)) = shape.split_first() else {
        return element(text, name, value, begin);
    };
    let width: usize = inner.iter().product();
    text.push(b'[');
    for at in 0..count {
        text.extend_from_slice(if at == 0 { b"" } else { b", " });
        nested(text, name, value, inner, begin + at * width)?;
    }
    text.push(b']');
    Ok(())
}

fn element(text: &mut Vec<u8>, name: &str, value: &Value, at: usize) -> Result<()> {
    match value.elements() {
        Elements::Strings(strings) => {
            let bytes = &strings[at];
            // The suffix says that it is no text; neither is what is not UTF-8.
            match std::str::from_utf8(bytes) {
                Ok(own) if !name.ends_with("_bytes") => string(text, own),
                _ => {
                    let encoded = STANDARD.encode(bytes);
                    let _ = write!(text, "{{\"b64\": \"{encoded}\"}}");
                }
            }
            Ok(())
        }
        Elements::Numbers(dtype, bytes) => {
            let size = dtype.size();
            number(text, *dtype, &bytes[at * size..(at + 1) * size])
        }
    }
}

fn number(text: &mut Vec<u8>, dtype: DType, bytes: &[u8]) -> Result<()> {
    macro_rules! number {
        ($ty:ty) => {
            <$ty>::from_le_bytes(bytes.try_into().map_err(Error::internal)?)
        };
    }
    macro_rules! integer {
        ($ty:ty) => {{
            let _ = write!(text, "{}", number!($ty));
        }};
    }
    match dtype {
        DType::F32 => float(text, number!(f32)),
        DType::F64 => float(text, number!(f64)),
        DType::F16 => float(text, number!(f16).to_f32()),
        DType::BF16 => float(text, number!(bf16).to_f32()),
        DType::Bool => text.extend_from_slice(if bytes == [0] { b"false" } else { b"true" }),
        DType::I8 => integer!(i8),
        DType::I16 => integer!(i16),
        DType::I32 => integer!(i32),
        DType::I64 => integer!(i64),
        DType::U8 => integer!(u8),
        DType::U16 => integer!(u16),
        DType::U32 => integer!(u32),
        DType::U64 => integer!(u64),
        DType::C64 | DType::C128 => {
            let ty = plain_name(ElementType::Number(dtype));
            let message = format!("Failed to write JSON value for tensor type: {ty}");
            return Err(Error::new(Code::InvalidArgument, message));
        }
    }
    Ok(())
}

/// The shortest digits that are this number, or a word that JSON does not know.
pub(crate) fn float<F: ryu::Float + Into<f64>>(text: &mut Vec<u8>, number: F) {
    let wide: f64 = number.into();
    let word: &[u8] = match (wide.is_nan(), wide.is_infinite(), wide < 0.0) {
        (true, ..) => b"NaN",
        (_, true, true) => b"-Infinity",
        (_, true, false) => b"Infinity",
        _ => return text.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes()),
    };
    text.extend_from_slice(word);
}
