//! Requests for classes and numbers: examples with lists by name.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiter::JsonValue;

use super::outline::{broken, list, object, reader, shown, string};
use crate::error::{Error, Result};
use crate::proto::example::{
    BytesList, Example, ExampleList, ExampleListWithContext, Feature, FeatureKind, Features, FloatList,
    Input, InputKind, Int64List,
};

/// The examples of a request, and the name of its signature.
pub(crate) fn read(text: &[u8]) -> Result<(String, Input)> {
    let (mut name, mut context, mut examples) = (String::new(), None, None);
    for (key, place) in object(text)? {
        let value = &text[place];
        match &*key {
            "signature_name" => name = string(value)?,
            "context" => context = Some(example(value)?),
            "examples" => {
                let items = list(value)?;
                let read = items.into_iter().map(|item| example(&value[item]));
                examples = Some(read.collect::<Result<Vec<Example>>>()?);
            }
            _ => {}
        }
    }
    let wrong = |what: &str| Error::invalid(format!("JSON Value: {} {what}", shown(text)));
    let examples = examples
        .ok_or_else(|| wrong("When method is classify, key 'examples' is expected and was not found"))?;
    if examples.is_empty() {
        return Err(wrong("'examples' value is an empty array"));
    }
    let kind = match context {
        None => InputKind::ExampleList(ExampleList { examples }),
        Some(context) => {
            InputKind::ExampleListWithContext(ExampleListWithContext { examples, context: Some(context) })
        }
    };
    Ok((name, Input { kind: Some(kind) }))
}

fn example(text: &[u8]) -> Result<Example> {
    let mut features = Features::default();
    for (name, place) in object(text)? {
        let value = reader(&text[place]).next_value_owned().map_err(|error| broken(&error))?;
        let items = match &value {
            JsonValue::Array(items) => items.iter().collect(),
            one => vec![one],
        };
        let mut feature = Feature::default();
        items.into_iter().try_for_each(|item| add(&mut feature, &name, item))?;
        features.feature.insert(name, feature);
    }
    Ok(Example { features: Some(features) })
}

fn add(feature: &mut Feature, name: &str, item: &JsonValue<'_>) -> Result<()> {
    let mixed = || Error::invalid(format!("Unexpected element type in feature: {name}"));
    match item {
        JsonValue::Bool(_) | JsonValue::Int(_) => {
            let number = match item {
                JsonValue::Int(number) => *number,
                other => i64::from(matches!(other, JsonValue::Bool(true))),
            };
            match feature.kind.get_or_insert_with(|| FeatureKind::Int64List(Int64List::default())) {
                FeatureKind::Int64List(list) => list.value.push(number),
                _ => return Err(mixed()),
            }
        }
        JsonValue::Float(number) => {
            match feature.kind.get_or_insert_with(|| FeatureKind::FloatList(FloatList::default())) {
                FeatureKind::FloatList(list) => list.value.push(*number as f32),
                _ => return Err(mixed()),
            }
        }
        JsonValue::Str(_) | JsonValue::Object(_) => {
            let bytes = bytes(name, item)?;
            match feature.kind.get_or_insert_with(|| FeatureKind::BytesList(BytesList::default())) {
                FeatureKind::BytesList(list) => list.value.push(bytes),
                _ => return Err(mixed()),
            }
        }
        _ => {
            return Err(Error::invalid(format!(
                "Feature: {name} has element with unexpected JSON type: {item:?}"
            )));
        }
    }
    Ok(())
}

fn bytes(name: &str, item: &JsonValue<'_>) -> Result<Bytes> {
    let wrong = || Error::invalid(format!("Feature: {name} has element with unexpected JSON type: Object"));
    match item {
        JsonValue::Str(text) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        JsonValue::Object(fields) => match &fields.iter().collect::<Vec<_>>()[..] {
            [(key, JsonValue::Str(text))] if key == "b64" => STANDARD
                .decode(&**text)
                .map(Bytes::from)
                .map_err(|_| Error::invalid("Unable to base64 decode")),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
