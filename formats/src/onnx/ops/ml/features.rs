//! What is done to features before a model, and how they are chosen and put together.

use tensorwright::{DType, Tensor, keep};

use super::super::Apply;
use super::scores::Labels;
use crate::onnx::call::{Call, Results, integers, one, sizes};
use crate::onnx::error::Reason;
use crate::onnx::value::Value;

pub(super) const OPERATORS: &[(&str, Apply)] = &[
    ("Scaler", scaler),
    ("Normalizer", normalizer),
    ("Imputer", imputer),
    ("Binarizer", binarizer),
    ("OneHotEncoder", one_hot),
    ("ArrayFeatureExtractor", extractor),
    ("FeatureVectorizer", vectorizer),
];

/// The numbers of an attribute as a vector along the last axis, or one of all.
fn along_last(call: &Call<'_>, name: &str, default: f32) -> Result<Tensor, Reason> {
    let numbers = call.float_list(name)?.unwrap_or_default();
    Ok(match numbers[..] {
        [] => Tensor::scalar(default),
        [number] => Tensor::scalar(number),
        _ => Tensor::from_slice(&numbers, numbers.len()),
    })
}

fn scaler(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?.cast(DType::F32);
    one((x - along_last(call, "offset", 0.0)?) * along_last(call, "scale", 1.0)?)
}

/// Rows whose divisor is 0 stay as they are.
fn normalizer(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?.cast(DType::F32);
    let divisor = match call.word("norm", "MAX")? {
        "MAX" => x.max(keep(-1)),
        "L1" => x.abs().sum(keep(-1)),
        "L2" => (&x * &x).sum(keep(-1)).sqrt(),
        other => return Err(call.unknown_word("norm", other)),
    };
    one(&x / divisor.eq(0).select(1, &divisor))
}

fn imputer(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    if let Some(numbers) = call.ints("imputed_value_int64s")?.filter(|numbers| !numbers.is_empty()) {
        let values = Tensor::from_slice(&numbers, numbers.len()).cast(x.dtype()?);
        return one(x.eq(call.int("replaced_value_int64", 0)?).select(values, x));
    }
    let numbers = call.float_list("imputed_value_floats")?.unwrap_or_default();
    if numbers.is_empty() {
        return Err(Reason::other("there are no values to impute"));
    }
    let replaced = call.float("replaced_value_float", 0.0)?;
    let is_missing = if replaced.is_nan() { x.is_nan() } else { x.eq(replaced) };
    one(is_missing.select(Tensor::from_slice(&numbers, numbers.len()).cast(x.dtype()?), x))
}

fn binarizer(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    one(x.gt(call.float("threshold", 0.0)?).cast(x.dtype()?))
}

fn one_hot(call: &Call<'_>) -> Results {
    let hot = match (call.value(0)?, Labels::of(call, "cats_int64s", "cats_strings")?) {
        (Value::Strings(words), Labels::Words(categories)) => {
            let row = |word: &String| categories.iter().map(|category| category == word).collect::<Vec<_>>();
            let hot: Vec<bool> = words.0.elements.iter().flat_map(row).collect();
            let mut shape = words.0.shape.sizes().to_vec();
            shape.push(categories.len());
            Tensor::from_slice(&hot, shape)
        }
        (Value::Tensor(x), Labels::Numbers(categories)) => {
            let categories = Tensor::from_slice(&categories, categories.len());
            x.cast(DType::I64).expand_dims(-1).eq(categories)
        }
        _ => return Err(Reason::other("the categories are of another kind than the input")),
    };
    if !call.flag("zeros", true)? && integers(&hot.any(-1).all(..).cast(DType::I64))? != [1] {
        return Err(Reason::other("an element is in no category"));
    }
    one(hot.cast(DType::F32))
}

/// Elements along the last axis.
fn extractor(call: &Call<'_>) -> Results {
    let places = call.tensor(1)?.cast(DType::I64).reshape([-1]);
    if let Value::Strings(words) = call.value(0)? {
        let found = crate::onnx::ops::text::taken(&words.0, &places)?;
        return Ok(vec![found]);
    }
    let x = call.tensor(0)?;
    let x = if x.rank()? == 1 { x.expand_dims(0) } else { x.clone() };
    one(x.take(places, x.rank()? - 1))
}

/// Columns side by side; vectors are rows.
fn vectorizer(call: &Call<'_>) -> Results {
    let mut parts = Vec::new();
    for x in call.tensors()? {
        let rows = if x.rank()? == 1 { 1 } else { sizes(x)?.first().copied().unwrap_or(1) };
        parts.push(x.cast(DType::F32).reshape([rows as i64, -1]));
    }
    one(Tensor::concat(&parts, 1))
}
