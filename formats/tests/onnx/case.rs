//! One case: a model, and sets of inputs and outputs.

use std::fmt;
use std::fs;
use std::path::Path;

use tensorwright_formats::onnx::{Model, Spec, Value, read_value};

use crate::compare::compare;
use crate::wire;

/// How a model is run.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Form {
    /// Traced and compiled.
    Compiled,
    /// Node by node.
    Eager,
    /// With all inputs as constants, so that there is nothing left to compile.
    Constant,
    /// Compiled, of a file that says no extents of inputs and outputs.
    Unknown,
    /// Compiled, of a file that has the inputs as initializers.
    Initialized,
}

impl Form {
    /// All of them.
    pub(crate) const ALL: [Form; 5] =
        [Form::Compiled, Form::Eager, Form::Constant, Form::Unknown, Form::Initialized];
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Compiled => "compiled",
            Form::Eager => "eager",
            Form::Constant => "constant",
            Form::Unknown => "unknown extents",
            Form::Initialized => "initializers",
        })
    }
}

/// Runs a case; the error says what is wrong.
pub(crate) fn run(folder: &Path, form: Form) -> Result<(), String> {
    let text = |error: tensorwright_formats::onnx::Error| error.to_string();
    let path = folder.join("model.onnx");
    let bytes = || fs::read(&path).map_err(|error| error.to_string());
    let model = match form {
        Form::Unknown if !has_files_besides(folder) => {
            Model::from_bytes(wire::without_extents(&bytes()?)).map_err(text)?
        }
        _ => Model::load(&path).map_err(text)?,
    };
    let mut sets = 0;
    for set in 0.. {
        let data = folder.join(format!("test_data_set_{set}"));
        if !data.is_dir() {
            break;
        }
        sets += 1;
        if form == Form::Initialized && !has_files_besides(folder) {
            let model = Model::from_bytes(initialized(&model, bytes()?, &data)?).map_err(text)?;
            check(&model, &data, form)?;
        } else {
            check(&model, &data, form)?;
        }
    }
    if sets == 0 { Err("it has no data".to_owned()) } else { Ok(()) }
}

/// Whether the model has elements in other files, where bytes alone are no model.
fn has_files_besides(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter(|entry| entry.path().is_file()).count() > 1
}

/// The file with an initializer for each input that is a tensor.
fn initialized(model: &Model, mut bytes: Vec<u8>, data: &Path) -> Result<Vec<u8>, String> {
    for (at, spec) in model.inputs().iter().enumerate() {
        let path = data.join(format!("input_{at}.pb"));
        let is_tensor = !["seq", "map", "optional", "sparse"].iter().any(|kind| spec.kind.starts_with(kind));
        if is_tensor && path.exists() {
            let tensor = fs::read(&path).map_err(|error| error.to_string())?;
            bytes = wire::with_initializer(bytes, &tensor, &spec.name);
        }
    }
    Ok(bytes)
}

fn check(model: &Model, data: &Path, form: Form) -> Result<(), String> {
    let mut inputs = Vec::new();
    for (at, spec) in model.inputs().iter().enumerate() {
        let is_given =
            form != Form::Initialized || !model.is_optional(at) || spec.kind.starts_with("optional");
        if let Some(value) = value(data, "input", at, spec)?.filter(|_| is_given) {
            inputs.push((spec.name.clone(), value));
        }
    }
    model.function().run_eagerly(form == Form::Eager);
    let found = match form {
        Form::Constant => folded(model, &inputs)?,
        _ => model.call(&inputs).map_err(|error| error.to_string())?,
    };
    for (at, spec) in model.outputs().iter().enumerate() {
        let expected = value(data, "output", at, spec)?.ok_or_else(|| format!("output {at} has no file"))?;
        compare(&expected, &found[at].1).map_err(|reason| format!("output `{}`: {reason}", spec.name))?;
    }
    Ok(())
}

/// What the model gives for these inputs as constants. Random numbers are all that may be left in its graph.
fn folded(model: &Model, inputs: &[(String, Value)]) -> Result<Vec<(String, Value)>, String> {
    let text = |error: tensorwright_formats::onnx::Error| error.to_string();
    let none: [(&str, Value); 0] = [];
    let fixed = model.with_constants(inputs).map_err(text)?;
    let found = fixed.call(&none).map_err(text)?;
    let draws = |(name, _): &(String, usize)| ["Dropout", "Bernoulli"].contains(&name.as_str());
    if !model.operators().iter().any(draws) {
        for concrete in fixed.function().concretes() {
            let nodes = concrete.graph().nodes();
            if let Some(node) = nodes.iter().find(|node| node.op.name() != "constant") {
                return Err(format!("`{}` is left in the graph", node.op.name()));
            }
        }
    }
    Ok(found)
}

fn value(data: &Path, kind: &str, at: usize, spec: &Spec) -> Result<Option<Value>, String> {
    let path = data.join(format!("{kind}_{at}.pb"));
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(|error| error.to_string())?;
    read_value(bytes, spec).map(Some).map_err(|error| error.to_string())
}
