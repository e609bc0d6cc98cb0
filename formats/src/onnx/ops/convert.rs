//! Other dtypes, and constants.

use tensorwright::{DType, Tensor};

use super::Apply;
use super::narrow::{Beyond, Rounding, narrowed};
use crate::onnx::call::{Call, Results, one};
use crate::onnx::dtype;
use crate::onnx::error::Reason;
use crate::onnx::value::{Strings, Value};

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("Cast", cast), ("CastLike", cast_like), ("BitCast", bit_cast), ("Constant", constant)];

fn cast(call: &Call<'_>) -> Results {
    // Version 1 names the dtype.
    let to = match call.maybe_int("to") {
        Ok(number) => number.ok_or_else(|| Reason::attribute("to", "is missing"))?,
        Err(_) => {
            let word = call.word("to", "")?.to_lowercase();
            let named = (1..=26).find(|&number| dtype::name(number) == word);
            i64::from(named.ok_or_else(|| call.unknown_word("to", &word))?)
        }
    };
    cast_to(call, i32::try_from(to).unwrap_or(0))
}

fn cast_like(call: &Call<'_>) -> Results {
    let to = match (call.narrow(1), call.value(1)?) {
        (Some(narrow), _) => narrow,
        (None, Value::Strings(_)) => dtype::STRING,
        (None, _) => dtype::number(call.tensor(1)?.dtype()?),
    };
    cast_to(call, to)
}

fn cast_to(call: &Call<'_>, to: i32) -> Results {
    let value = call.value(0)?;
    let (Value::Tensor(x), true) = (value, dtype::is_narrow(to)) else { return converted(value, to) };
    let rounding = match call.word("round_mode", "up")? {
        "up" => Rounding::Up,
        "down" => Rounding::Down,
        "nearest" => Rounding::Nearest,
        other => return Err(call.unknown_word("round_mode", other)),
    };
    one(narrowed(x, to, beyond(call)?, rounding)?)
}

/// What becomes of numbers that a format of 8 bits has no room for.
pub(super) fn beyond(call: &Call<'_>) -> Result<Beyond, Reason> {
    Ok(if call.flag("saturate", true)? { Beyond::Saturates } else { Beyond::IsLost })
}

pub(super) fn converted(value: &Value, to: i32) -> Results {
    match (value, to) {
        (Value::Strings(_), dtype::STRING) => Ok(vec![value.clone()]),
        (Value::Strings(strings), _) => one(parsed(&strings.0, dtype::dtype(to)?)?),
        (Value::Tensor(tensor), dtype::STRING) => Ok(vec![printed(tensor)?]),
        (Value::Tensor(tensor), _) => one(tensor.cast(dtype::dtype(to)?)),
        (other, _) => Err(Reason::Kind { position: 0, found: other.kind(), expected: "a tensor" }),
    }
}

/// Numbers that strings say.
fn parsed(strings: &Strings, to: DType) -> Result<Tensor, Reason> {
    let wrong = |word: &str| Reason::other(format!("`{word}` is no number"));
    if to.is_int() {
        let parse = |word: &String| word.trim().parse::<i64>().map_err(|_| wrong(word));
        let numbers: Vec<i64> = strings.elements.iter().map(parse).collect::<Result<_, _>>()?;
        return Ok(Tensor::from_slice(&numbers, strings.shape.clone()).cast(to));
    }
    let parse = |word: &String| word.trim().parse::<f64>().map_err(|_| wrong(word));
    let numbers: Vec<f64> = strings.elements.iter().map(parse).collect::<Result<_, _>>()?;
    Ok(Tensor::from_slice(&numbers, strings.shape.clone()).cast(to))
}

/// Numbers as strings, which must have values.
fn printed(tensor: &Tensor) -> Result<Value, Reason> {
    if tensor.is_traced() {
        return Err(Reason::other(
            "numbers that are computed from inputs cannot become strings in a compiled model",
        ));
    }
    let shape = tensor.shape()?.clone();
    let words: Vec<String> = match tensor.dtype()? {
        DType::Bool => {
            tensor.to_vec::<bool>()?.iter().map(|&x| (if x { "True" } else { "False" }).to_owned()).collect()
        }
        DType::F32 => tensor.to_vec::<f32>()?.iter().map(f32::to_string).collect(),
        dtype if dtype.is_int() => {
            tensor.cast(DType::I64).to_vec::<i64>()?.iter().map(i64::to_string).collect()
        }
        _ => tensor.cast(DType::F64).to_vec::<f64>()?.iter().map(f64::to_string).collect(),
    };
    Ok(Value::strings(shape, words))
}

fn bit_cast(call: &Call<'_>) -> Results {
    let to = call.dtype("to")?.ok_or_else(|| Reason::attribute("to", "is missing"))?;
    let x = call.tensor(0)?;
    // Bools have bits too: those of 0 and 1.
    let x = if x.dtype()? == DType::Bool { x.cast(DType::U8) } else { x.clone() };
    one(if to == DType::Bool { x.ne(0) } else { x.bitcast(to) })
}

fn constant(call: &Call<'_>) -> Results {
    for name in ["value", "sparse_value"] {
        if let Some(value) = call.constant(name)? {
            return Ok(vec![value.clone()]);
        }
    }
    if let Some(number) = call.maybe_float("value_float")? {
        return one(Tensor::scalar(number as f32));
    }
    if let Some(number) = call.maybe_int("value_int")? {
        return one(Tensor::scalar(number));
    }
    if let Some(numbers) = call.float_list("value_floats")? {
        return one(Tensor::from_slice(&numbers, numbers.len()));
    }
    if let Some(numbers) = call.ints("value_ints")? {
        return one(Tensor::from_slice(&numbers, numbers.len()));
    }
    if let Some(words) = call.words("value_strings")? {
        return Ok(vec![Value::strings(words.len(), words)]);
    }
    match call.word("value_string", "\0")? {
        "\0" => Err(Reason::other("it has no value")),
        word => Ok(vec![Value::strings((), vec![word.to_owned()])]),
    }
}
