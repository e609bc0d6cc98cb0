//! Files of weights, written by the libraries whose formats they are: `make.py` says how.

mod files;
mod hostile;
mod tensorflow;
mod written;

use std::path::PathBuf;

use serde_json::Value;
use tensorwright_formats::weights::{WeightDtype, Weights};

/// A file of this folder.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/weights/files").join(name)
}

/// What a file holds, as its writer knew it.
fn expected(name: &str) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(file(name)).expect("the file is there");
    match serde_json::from_str(&text) {
        Ok(Value::Object(tensors)) => tensors,
        other => panic!("{name}: {other:?}"),
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().expect("a text");
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("two digits");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// Everything of a file is what its writer put there, bit for bit; names that begin with `_` are the writer's own.
fn check(weights: &Weights, expected: &serde_json::Map<String, Value>) {
    let names: Vec<&str> = weights.names().filter(|name| !name.starts_with('_')).collect();
    assert_eq!(names, expected.keys().map(String::as_str).collect::<Vec<_>>(), "{weights:?}");
    for (name, wanted) in expected {
        let spec = weights.spec(name).expect("it is listed");
        assert_eq!(spec.dtype.to_string(), wanted["dtype"].as_str().expect("a dtype"), "{name}");
        let shape: Vec<u64> = spec.shape.sizes().iter().map(|&size| size as u64).collect();
        assert_eq!(Value::from(shape), wanted["shape"], "{name}");
        if spec.dtype == WeightDtype::Strings {
            let wanted: Vec<Vec<u8>> =
                wanted["strings"].as_array().expect("strings").iter().map(bytes).collect();
            assert_eq!(weights.strings(name).expect("strings"), wanted, "{name}");
            assert!(weights.read(name).is_err_and(|error| error.to_string().contains("strings")));
        } else {
            let tensor = weights.read(name).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(tensor.ty().expect("a tensor"), weights.ty(name).expect("a type"), "{name}");
            assert_eq!(tensor.as_bytes().expect("elements"), bytes(&wanted["bytes"]), "{name}");
        }
    }
}

/// A folder of one test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("tensorwright-weights-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
