//! Tables that give each element another one.

use std::collections::HashMap;

use tensorwright::{DType, SearchSide, Shape, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::text;
use crate::onnx::value::{Strings, Value};

pub(super) const OPERATORS: &[(&str, Apply)] = &[("LabelEncoder", encoder), ("CategoryMapper", mapper)];

/// A list of an attribute: a tensor, or words.
fn list(call: &Call<'_>, prefix: &str) -> Result<Option<Value>, Reason> {
    if let Some(value) = call.constant(&format!("{prefix}_tensor"))? {
        return Ok(Some(value.clone()));
    }
    if let Some(numbers) = call.ints(&format!("{prefix}_int64s"))?.filter(|list| !list.is_empty()) {
        return Ok(Some(Tensor::from_slice(&numbers, numbers.len()).into()));
    }
    if let Some(numbers) = call.float_list(&format!("{prefix}_floats"))?.filter(|list| !list.is_empty()) {
        return Ok(Some(Tensor::from_slice(&numbers, numbers.len()).into()));
    }
    let words = call.words(&format!("{prefix}_strings"))?.filter(|list| !list.is_empty());
    Ok(words.map(|words| Value::strings(words.len(), words)))
}

fn encoder(call: &Call<'_>) -> Results {
    let (keys, values) = match call.words("classes_strings")? {
        // Version 1 has words alone, which stand for their places.
        Some(words) => {
            let places = Tensor::arange(words.len(), DType::I64);
            let words = Value::strings(words.len(), words);
            if matches!(call.value(0)?, Value::Strings(_)) {
                (words, places.into())
            } else {
                (places.into(), words)
            }
        }
        None => {
            let needed = |prefix: &str| -> Result<Value, Reason> {
                list(call, prefix)?.ok_or_else(|| Reason::other(format!("there are no {prefix}")))
            };
            (needed("keys")?, needed("values")?)
        }
    };
    // Of equal keys the first one counts before version 4, then the last one.
    let order = if call.version() < 4 { Order::First } else { Order::Last };
    looked_up(call, &keys, &values, order)
}

fn mapper(call: &Call<'_>) -> Results {
    let missing = |name: &str| Reason::attribute(name, "is missing");
    let numbers = call.ints("cats_int64s")?.ok_or_else(|| missing("cats_int64s"))?;
    let words = call.words("cats_strings")?.ok_or_else(|| missing("cats_strings"))?;
    let numbers: Value = Tensor::from_slice(&numbers, numbers.len()).into();
    let words = Value::strings(words.len(), words);
    match call.value(0)? {
        Value::Strings(_) => looked_up(call, &words, &numbers, Order::Last),
        _ => looked_up(call, &numbers, &words, Order::Last),
    }
}

/// Which of equal keys counts.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    First,
    Last,
}

/// The value of each element's key, or the default.
fn looked_up(call: &Call<'_>, keys: &Value, values: &Value, order: Order) -> Results {
    let places = match (call.value(0)?, keys) {
        (Value::Strings(words), Value::Strings(keys)) => places_of_words(&words.0, &keys.0, order)?,
        (Value::Tensor(x), Value::Tensor(keys)) => places_of_numbers(x, keys, order)?,
        (other, _) => {
            return Err(Reason::Kind {
                position: 0,
                found: other.kind(),
                expected: "of the kind of the keys",
            });
        }
    };
    match values {
        Value::Strings(words) => {
            let mut elements = words.0.elements.clone();
            elements.push(default_word(call)?);
            let words = Strings { shape: Shape::from(elements.len()), elements };
            Ok(vec![text::taken(&words, &places)?])
        }
        Value::Tensor(values) => {
            let default = default_number(call, values.dtype()?)?;
            let all = Tensor::concat(&[values.reshape([-1]), default.reshape([1])], 0);
            Ok(vec![all.take(places, 0).into()])
        }
        other => Err(Reason::other(format!("values are {}", other.kind()))),
    }
}

fn default_word(call: &Call<'_>) -> Result<String, Reason> {
    match call.constant("default_tensor")? {
        Some(Value::Strings(words)) if words.0.elements.len() == 1 => Ok(words.0.elements[0].clone()),
        _ => Ok(call.word("default_string", "_Unused")?.to_owned()),
    }
}

fn default_number(call: &Call<'_>, dtype: DType) -> Result<Tensor, Reason> {
    if let Some(Value::Tensor(default)) = call.constant("default_tensor")? {
        return Ok(default.cast(dtype));
    }
    Ok(match dtype.is_int() {
        true => Tensor::scalar(call.int("default_int64", -1)?).cast(dtype),
        false => Tensor::scalar(call.float("default_float", -0.0)?).cast(dtype),
    })
}

fn places_of_words(words: &Strings, keys: &Strings, order: Order) -> Result<Tensor, Reason> {
    let mut known: HashMap<&str, i64> = HashMap::new();
    for (place, key) in keys.elements.iter().enumerate() {
        let entry = known.entry(key).or_insert(place as i64);
        if order == Order::Last {
            *entry = place as i64;
        }
    }
    let none = keys.elements.len() as i64;
    let places: Vec<i64> =
        words.elements.iter().map(|word| known.get(word.as_str()).copied().unwrap_or(none)).collect();
    Ok(Tensor::from_slice(&places, words.shape.clone()).ok()?)
}

/// By a search in the keys in order; NaN is a key as others are.
fn places_of_numbers(x: &Tensor, keys: &Tensor, order: Order) -> Result<Tensor, Reason> {
    let keys = keys.reshape([-1]).cast(x.dtype()?);
    let count = keys.elements()?;
    let numbers = crate::onnx::call::floats(&keys)?;
    let last = numbers.iter().rposition(|number| number.is_nan());
    let nan = if order == Order::First { numbers.iter().position(|number| number.is_nan()) } else { last };
    // Keys in order, equal ones as they were.
    let sorted = keys.argsort(0).cast(DType::I64);
    let ordered = keys.take(&sorted, 0);
    let at = match order {
        Order::First => ordered.searchsorted(x, SearchSide::Left),
        Order::Last => ordered.searchsorted(x, SearchSide::Right) - 1,
    };
    let at = at.cast(DType::I64).clamp(0, count as i64 - 1);
    let found = ordered.take(&at, 0).eq(x).select(sorted.take(at, 0), count as i64);
    Ok(match nan {
        Some(place) => x.is_nan().select(Tensor::full(sizes(x)?, place as i64), found),
        None => found,
    })
}
