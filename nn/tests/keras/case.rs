//! Cases whose results are known from Keras 3, and what their JSON stands for. The header of `cases.json.gz` says which software made them.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::read::GzDecoder;
use serde_json::Value;
use tensorwright::Tensor;
use tensorwright_nn::{Argument, Strings};

use crate::arrays::{self, Arrays};

pub(crate) struct Cases {
    pub(crate) cases: Vec<Value>,
    arrays: Arrays,
}

/// Folders of further cases: of settings that the usual ones leave at their defaults, and of what these leave out in turn.
const FURTHER: [&str; 2] = ["settings", "more"];

/// The cases of the repository, usual and further ones, or those of the folder that `KERAS_CASES` names: `cases.json`, perhaps packed, and
/// `arrays.npz`.
pub(crate) fn cases() -> &'static Cases {
    static CASES: OnceLock<Cases> = OnceLock::new();
    CASES.get_or_init(|| {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/keras");
        if let Some(folder) = std::env::var_os("KERAS_CASES") {
            return read(&PathBuf::from(folder));
        }
        let mut all = read(&own);
        for folder in FURTHER {
            let Cases { cases, arrays } = read(&own.join(folder));
            let apart = |name: &str| format!("{folder}.{name}");
            all.cases.extend(cases.into_iter().map(|mut case| {
                name_apart(&mut case, &apart);
                case["id"] = apart(case["id"].as_str().expect("an id")).into();
                case
            }));
            all.arrays.extend(arrays.into_iter().map(|(key, tensor)| (apart(&key), tensor)));
        }
        all
    })
}

fn read(folder: &Path) -> Cases {
    let mut all: Value = match File::open(folder.join("cases.json")) {
        Ok(plain) => serde_json::from_reader(BufReader::new(plain)),
        Err(_) => {
            let packed = File::open(folder.join("cases.json.gz")).expect("the cases are there");
            serde_json::from_reader(GzDecoder::new(packed))
        }
    }
    .expect("the cases are JSON");
    let Value::Array(cases) = all["cases"].take() else { panic!("no list of cases") };
    Cases { cases, arrays: arrays::read(&fs::read(folder.join("arrays.npz")).expect("arrays")) }
}

/// Lets tensor references name arrays apart from those of other cases.
fn name_apart(value: &mut Value, apart: &dyn Fn(&str) -> String) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| name_apart(item, apart)),
        Value::Object(fields) => {
            if let Some(Value::String(key)) = fields.get_mut("tensor") {
                *key = apart(key);
            }
            fields.values_mut().for_each(|field| name_apart(field, apart));
        }
        _ => {}
    }
}

/// Whether these are the repository's cases, whose failures are known.
pub(crate) fn are_own() -> bool {
    std::env::var_os("KERAS_CASES").is_none()
}

impl Cases {
    /// The cases of a kind.
    pub(crate) fn of<'c>(&'c self, kind: &str) -> impl Iterator<Item = &'c Value> {
        self.cases.iter().filter(move |case| case["kind"] == kind)
    }

    /// The tensor of a reference, if it is one.
    pub(crate) fn optional(&self, reference: &Value) -> Option<Tensor> {
        let key = reference.get("tensor")?.as_str()?;
        let tensor = &self.arrays[key];
        let dtype = arrays::dtype(reference["dtype"].as_str()?);
        Some(if tensor.dtype().ok()? == dtype { tensor.clone() } else { tensor.cast(dtype) })
    }

    /// The tensor of a reference.
    pub(crate) fn tensor(&self, reference: &Value) -> Tensor {
        self.optional(reference).unwrap_or_else(|| panic!("no tensor reference: {reference}"))
    }

    /// The argument that a value in `call` stands for.
    pub(crate) fn argument(&self, value: &Value) -> Argument {
        if let Some(tensor) = self.optional(value) {
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
