//! Maps, which are on the host: their keys are known before a model runs.

use tensorwright::{DType, Static, Tensor};

use super::super::Apply;
use super::scores::Labels;
use crate::onnx::call::{Call, Results, natural, sizes};
use crate::onnx::dtype;
use crate::onnx::error::Reason;
use crate::onnx::ops::convert::converted;
use crate::onnx::value::{Key, Value};

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("ZipMap", zip_map), ("CastMap", cast_map), ("DictVectorizer", vectorizer)];

type Entries = [(Static<Key>, Value)];

fn entries<'c>(call: &Call<'c>) -> Result<&'c Entries, Reason> {
    match call.value(0)? {
        Value::Map(entries) => Ok(entries),
        other => Err(Reason::Kind { position: 0, found: other.kind(), expected: "a map" }),
    }
}

impl Labels {
    fn keys(&self) -> Vec<Key> {
        match self {
            Labels::Numbers(numbers) => numbers.iter().map(|&number| Key::Number(number)).collect(),
            Labels::Words(words) => words.iter().map(|word| Key::Word(word.clone())).collect(),
        }
    }
}

/// A map for each row, of the number in each column by its label.
fn zip_map(call: &Call<'_>) -> Results {
    let keys = Labels::of(call, "classlabels_int64s", "classlabels_strings")?.keys();
    let x = call.tensor(0)?;
    let x = if x.rank()? == 1 { x.expand_dims(0) } else { x.clone() };
    let own = sizes(&x)?;
    if own.len() != 2 || own[1] != keys.len() {
        return Err(Reason::other(format!("{} labels for {}", keys.len(), x.ty()?)));
    }
    let map = |row: usize| {
        let entry = |(column, key): (usize, &Key)| (Static(key.clone()), x.i((row, column)).into());
        Value::Map(keys.iter().enumerate().map(entry).collect())
    };
    Ok(vec![Value::Sequence((0..own[0]).map(map).collect())])
}

/// What the values of a map become.
#[derive(Clone, Copy)]
enum Cast {
    Number(DType),
    Word,
}

impl Cast {
    fn of(call: &Call<'_>) -> Result<Cast, Reason> {
        Ok(match call.word("cast_to", "TO_FLOAT")? {
            "TO_FLOAT" => Cast::Number(DType::F32),
            "TO_INT64" => Cast::Number(DType::I64),
            "TO_STRING" => Cast::Word,
            other => return Err(call.unknown_word("cast_to", other)),
        })
    }

    /// A row of one value.
    fn apply(self, value: &Value) -> Result<Value, Reason> {
        let number = match self {
            Cast::Number(dtype) => dtype::number(dtype),
            Cast::Word => dtype::STRING,
        };
        converted(value, number)?.pop().ok_or_else(|| Reason::other("there is no value"))
    }

    /// What is where the map has no key.
    fn nothing(self) -> Value {
        match self {
            Cast::Number(dtype) => Tensor::zeros((), dtype).into(),
            Cast::Word => Value::strings((), vec!["0".to_owned()]),
        }
    }
}

/// The values in the order of their keys, or at the places that their keys say.
fn cast_map(call: &Call<'_>) -> Results {
    let cast = Cast::of(call)?;
    let mut known: Vec<(i64, &Value)> = Vec::new();
    for (key, value) in entries(call)? {
        match &**key {
            Key::Number(number) => known.push((*number, value)),
            Key::Word(word) => return Err(Reason::other(format!("the key `{word}` is no number"))),
        }
    }
    known.sort_by_key(|&(key, _)| key);
    let row: Vec<Value> = match call.word("map_form", "DENSE")? {
        "DENSE" => known.iter().map(|(_, value)| cast.apply(value)).collect::<Result<_, _>>()?,
        "SPARSE" => {
            let count = natural("max_map", call.int("max_map", 1)?)?;
            let at = |place: usize| known.iter().find(|&&(key, _)| key == place as i64);
            let value = |place| at(place).map_or_else(|| Ok(cast.nothing()), |(_, value)| cast.apply(value));
            (0..count).map(value).collect::<Result<_, _>>()?
        }
        other => return Err(call.unknown_word("map_form", other)),
    };
    Ok(vec![stacked(&row)?])
}

/// Values as one row.
fn stacked(values: &[Value]) -> Result<Value, Reason> {
    let (mut words, mut tensors) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Value::Strings(strings) => words.extend(strings.0.elements.iter().cloned()),
            Value::Tensor(tensor) => tensors.push(tensor.reshape([1, 1])),
            other => return Err(Reason::other(format!("{} in a map", other.kind()))),
        }
    }
    if tensors.is_empty() {
        return Ok(Value::strings([1, words.len()], words));
    }
    Ok(Tensor::concat(&tensors, 1).into())
}

/// The values at the places of their keys in a vocabulary, and nothing where it has others.
fn vectorizer(call: &Call<'_>) -> Results {
    let vocabulary = Labels::of(call, "int64_vocabulary", "string_vocabulary")?.keys();
    let entries = entries(call)?;
    let sample = entries.first().map(|(_, value)| value);
    if let Some(Value::Strings(_)) = sample {
        let nothing = Value::strings((), vec![String::new()]);
        return Ok(vec![stacked(&at_places(&vocabulary, entries, &nothing))?]);
    }
    let dtype = sample.and_then(Value::tensor).map_or(Ok(DType::F32), Tensor::dtype)?;
    let nothing = Tensor::zeros((), dtype).into();
    Ok(vec![stacked(&at_places(&vocabulary, entries, &nothing))?])
}

fn at_places(vocabulary: &[Key], entries: &Entries, nothing: &Value) -> Vec<Value> {
    let at = |key: &Key| entries.iter().find(|(own, _)| **own == *key).map_or(nothing, |(_, value)| value);
    vocabulary.iter().map(|key| at(key).clone()).collect()
}
