//! Requests for prediction: in rows (`instances`), where each item is one example, and in columns (`inputs`), where each tensor is whole.

use jiter::{Jiter, Peek};

use super::elements::{Builder, is_base64};
use super::outline::{broken, object, reader, shown, string};
use crate::error::{Error, Result};
use crate::servable::{Port, Signature};
use crate::value::Value;

/// In which form a request came, and its answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// `instances` and `predictions`.
    Row,
    /// `inputs` and `outputs`.
    Columnar,
}

/// A request whose tensors are not read yet.
pub(crate) struct PredictBody<'b> {
    pub(crate) signature_name: String,
    pub(crate) format: Format,
    tensors: &'b [u8],
}

impl<'b> PredictBody<'b> {
    /// Finds the parts of a request.
    pub(crate) fn read(text: &'b [u8]) -> Result<PredictBody<'b>> {
        let (mut name, mut instances, mut inputs) = (String::new(), None, None);
        for (key, place) in object(text)? {
            let value = &text[place];
            match &*key {
                "signature_name" => {
                    name = string(value).map_err(|_| {
                        let body = shown(text);
                        Error::invalid(format!("JSON Value: {body} not formatted correctly. 'signature_name' key must be a string value."))
                    })?;
                }
                "instances" => instances = Some(value),
                "inputs" => inputs = Some(value),
                _ => {}
            }
        }
        let (format, tensors) = match (instances, inputs) {
            (Some(instances), None) => (Format::Row, instances),
            (None, Some(inputs)) => (Format::Columnar, inputs),
            (None, None) => return Err(Error::invalid("Missing 'inputs' or 'instances' key")),
            (Some(_), Some(_)) => {
                let body = shown(text);
                return Err(Error::invalid(format!(
                    "JSON Value: {body} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist "
                )));
            }
        };
        Ok(PredictBody { signature_name: name, format, tensors })
    }

    /// The tensors, in the order of the signature.
    pub(crate) fn inputs(&self, signature: &Signature) -> Result<Vec<Value>> {
        match self.format {
            Format::Row => rows(self.tensors, signature),
            Format::Columnar => columns(self.tensors, signature),
        }
    }
}

fn rows(text: &[u8], signature: &Signature) -> Result<Vec<Value>> {
    let ports = &signature.inputs;
    let mut json = reader(text);
    let wrong = |what: &str| Error::invalid(format!("JSON Value: {} {what}", shown(text)));
    let first = json.next_array().map_err(|_| wrong("Excepting 'instances' to be an list/array"))?;
    let first = first.ok_or_else(|| wrong("No values in 'instances' array"))?;
    if first != Peek::Object && ports.len() > 1 {
        return Err(Error::invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map",
        ));
    }
    let are_objects = is_named(&json, first)?;
    let mut builders: Vec<Builder> = ports.iter().map(|port| Builder::new(port.ty)).collect();
    let (mut count, mut next) = (0, Some(first));
    while let Some(peek) = next {
        let item_is_object = peek == Peek::Object && is_named(&json, peek)?;
        match (are_objects, item_is_object) {
            (true, true) => row_of_object(&mut json, ports, &mut builders, count)?,
            (false, false) => {
                let builder =
                    builders.first_mut().ok_or_else(|| Error::invalid("the signature has no inputs"))?;
                builder.add(&mut json, peek).map_err(|error| in_row(count, "", &error))?;
            }
            (true, false) => {
                return Err(Error::invalid(format!(
                    "Expecting object but got list at item {count} of input list"
                )));
            }
            (false, true) => {
                return Err(Error::invalid(format!(
                    "Expecting value/list but got object at item {count} of input list"
                )));
            }
        }
        count += 1;
        next = json.array_step().map_err(|error| broken(&error))?;
    }
    builders.into_iter().map(|builder| builder.finish(Some(count))).collect()
}

/// Whether the value that comes next is an object with tensors by name, and no string.
fn is_named(json: &Jiter<'_>, peek: Peek) -> Result<bool> {
    if peek != Peek::Object {
        return Ok(false);
    }
    let mut ahead = json.clone();
    let begin = ahead.current_index();
    ahead.known_skip(peek).map_err(|error| broken(&error))?;
    Ok(!is_base64(ahead.slice_to_current(begin)))
}

fn in_row(row: usize, key: &str, error: &Error) -> Error {
    let key = if key.is_empty() { String::new() } else { format!(" key: {key}") };
    Error::new(
        error.code(),
        format!("Failed to process element: {row}{key} of 'instances' list. Error: {error}"),
    )
}

/// One row of all tensors.
fn row_of_object(json: &mut Jiter<'_>, ports: &[Port], builders: &mut [Builder], row: usize) -> Result<()> {
    let begin = json.current_index();
    let mut seen = vec![false; ports.len()];
    let mut key = json.known_object().map_err(|error| broken(&error))?.map(str::to_owned);
    while let Some(name) = key {
        let place = ports.iter().position(|port| port.name == name);
        let place = place.filter(|place| !std::mem::replace(&mut seen[*place], true)).ok_or_else(|| {
            let error = Error::invalid(format!("JSON object: does not have named input: {name}"));
            in_row(row, &name, &error)
        })?;
        let peek = json.peek().map_err(|error| broken(&error))?;
        builders[place].add(json, peek).map_err(|error| in_row(row, &name, &error))?;
        key = json.next_key().map_err(|error| broken(&error))?.map(str::to_owned);
    }
    match seen.iter().all(|seen| *seen) {
        true => Ok(()),
        false => {
            let (object, names) = (shown(json.slice_to_current(begin)), names(ports));
            Err(Error::invalid(format!(
                "Failed to process element: {row} of 'instances' list. JSON object: {object} keys must be equal to: {names}"
            )))
        }
    }
}

fn names(ports: &[Port]) -> String {
    let mut names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
    names.sort_unstable();
    names.join(",")
}

fn columns(text: &[u8], signature: &Signature) -> Result<Vec<Value>> {
    let ports = &signature.inputs;
    if text.first() != Some(&b'{') || is_base64(text) {
        let [port] = &ports[..] else {
            return Err(Error::invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map",
            ));
        };
        return Ok(vec![whole(text, port)?]);
    }
    let fields = object(text)?;
    if let Some((unknown, _)) = fields.iter().find(|(name, _)| ports.iter().all(|port| port.name != *name)) {
        return Err(Error::invalid(format!(
            "the signature has no input `{unknown}`: its inputs are {}",
            names(ports)
        )));
    }
    let column = |port: &Port| {
        let found = fields.iter().find(|(name, _)| *name == port.name);
        let missing = || Error::invalid(format!("Missing named input: {} in 'inputs' object.", port.name));
        whole(&text[found.ok_or_else(missing)?.1.clone()], port)
    };
    ports.iter().map(column).collect()
}

fn whole(text: &[u8], port: &Port) -> Result<Value> {
    let mut json = reader(text);
    let mut builder = Builder::new(port.ty);
    let peek = json.peek().map_err(|error| broken(&error))?;
    builder.add(&mut json, peek)?;
    builder.finish(None)
}
