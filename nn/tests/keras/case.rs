//! The cases, and what their JSON stands for.

use std::collections::HashMap;
use std::io::Read;
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde_json::Value;
use tensorwright::Tensor;
use tensorwright_nn::{Argument, Strings};

use crate::npz;

pub(crate) struct Cases {
    pub(crate) cases: Vec<Value>,
    arrays: HashMap<String, Tensor>,
}

/// The committed cases.
pub(crate) fn cases() -> &'static Cases {
    static CASES: OnceLock<Cases> = OnceLock::new();
    CASES.get_or_init(|| {
        let mut text = String::new();
        GzDecoder::new(&include_bytes!("cases.json.gz")[..]).read_to_string(&mut text).expect("text");
        read(&text, include_bytes!("arrays.npz"))
    })
}

fn read(text: &str, arrays: &[u8]) -> Cases {
    let mut whole: Value = serde_json::from_str(text).expect("JSON");
    let Value::Array(cases) = whole["cases"].take() else { panic!("no list of cases") };
    Cases { cases, arrays: npz::read(arrays) }
}

impl Cases {
    /// The cases of a kind.
    pub(crate) fn of<'c>(&'c self, kind: &str) -> impl Iterator<Item = &'c Value> {
        self.cases.iter().filter(move |case| case["kind"] == kind)
    }

    /// The tensor of a reference.
    pub(crate) fn tensor(&self, reference: &Value) -> Option<Tensor> {
        let key = reference.get("tensor")?.as_str()?;
        let tensor = &self.arrays[key];
        let dtype = npz::dtype(reference["dtype"].as_str()?);
        Some(if tensor.dtype().ok()? == dtype { tensor.clone() } else { tensor.cast(dtype) })
    }

    /// The argument that a value in `call` stands for.
    pub(crate) fn argument(&self, value: &Value) -> Argument {
        if let Some(tensor) = self.tensor(value) {
            return tensor.into();
        }
        if let Some(strings) = value.get("strings") {
            return strings_of(strings, &value["shape"]).into();
        }
        match value {
            Value::Array(list) if holds_tensors(value) => {
                Argument::List(list.iter().map(|item| self.argument(item)).collect())
            }
            plain => Argument::Plain(plain.clone()),
        }
    }
}

fn holds_tensors(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(holds_tensors),
        other => other.get("tensor").is_some(),
    }
}

fn strings_of(values: &Value, shape: &Value) -> Strings {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let number = |value: &Value| value.as_u64().expect("an extent") as usize;
    Strings {
        values: values.as_array().expect("strings").iter().map(text).collect(),
        shape: shape.as_array().expect("a shape").iter().map(number).collect(),
    }
}
