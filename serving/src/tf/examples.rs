//! Examples as inputs of a signature, and its outputs as classes or as numbers.
//!
//! A signature that takes nothing but strings, `[?]`, is given each example as a message, as TensorFlow's signatures for classification want it. Others take the list of an
//! example that has an input's name.

use bytes::Bytes;
use prost::Message;
use tensorwright::DType;

use crate::error::{Error, Result};
use crate::proto::example::{Example, Feature, FeatureKind, Input, InputKind};
use crate::proto::tf_serving::{Class, ClassificationResult, Classifications, Regression, RegressionResult};
use crate::servable::{Port, Signature};
use crate::value::{ElementType, Elements, Value};

/// The examples, each with what they have in common.
pub(crate) fn of_input(input: Option<Input>) -> Result<Vec<Example>> {
    let examples = match input.and_then(|input| input.kind) {
        Some(InputKind::ExampleList(list)) => list.examples,
        Some(InputKind::ExampleListWithContext(list)) => {
            let context = list.context.and_then(|context| context.features).unwrap_or_default();
            let with_context = |mut example: Example| {
                let features = example.features.get_or_insert_default();
                for (name, feature) in &context.feature {
                    features.feature.entry(name.clone()).or_insert_with(|| feature.clone());
                }
                example
            };
            list.examples.into_iter().map(with_context).collect()
        }
        None => Vec::new(),
    };
    match examples.is_empty() {
        true => Err(Error::invalid("Input is empty.")),
        false => Ok(examples),
    }
}

/// The inputs of a signature.
pub(crate) fn inputs(examples: &[Example], signature: &Signature) -> Result<Vec<Value>> {
    if let [Port { ty: ElementType::Bytes, shape: Some(shape), .. }] = &signature.inputs[..]
        && shape[..] == [None]
    {
        let messages = examples.iter().map(|example| Bytes::from(example.encode_to_vec()));
        return Ok(vec![Value::new(vec![examples.len()], Elements::Strings(messages.collect()))?]);
    }
    signature.inputs.iter().map(|port| input(examples, port)).collect()
}

fn input(examples: &[Example], port: &Port) -> Result<Value> {
    let inner = port.shape.as_deref().and_then(|shape| shape.get(1..)).unwrap_or(&[]);
    let known: Option<usize> = inner.iter().copied().product();
    let (mut numbers, mut strings, mut width) = (Vec::new(), Vec::new(), known);
    for (at, example) in examples.iter().enumerate() {
        let feature = example.features.as_ref().and_then(|features| features.feature.get(&port.name));
        let missing = || Error::invalid(format!("example {at} has no feature `{}`", port.name));
        let feature = feature.ok_or_else(missing)?;
        let count = append(feature, port, &mut numbers, &mut strings).ok_or_else(|| {
            Error::invalid(format!("feature `{}` of example {at} must be {port}", port.name))
        })?;
        if *width.get_or_insert(count) != count {
            let wanted = width.unwrap_or(0);
            let name = &port.name;
            return Err(Error::invalid(format!(
                "feature `{name}` of example {at} has {count} values, not {wanted}"
            )));
        }
    }
    let mut shape = vec![examples.len()];
    match known {
        Some(_) => shape.extend(inner.iter().flatten()),
        None => shape.push(width.unwrap_or(0)),
    }
    let elements = match port.ty {
        ElementType::Number(dtype) => Elements::Numbers(dtype, numbers.into()),
        ElementType::Bytes => Elements::Strings(strings),
    };
    Value::new(shape, elements)
}

/// Adds the values of a feature. Gives their number, or nothing if they are of another type.
fn append(feature: &Feature, port: &Port, numbers: &mut Vec<u8>, strings: &mut Vec<Bytes>) -> Option<usize> {
    match (feature.kind.as_ref()?, port.ty) {
        (FeatureKind::BytesList(list), ElementType::Bytes) => {
            strings.extend(list.value.iter().cloned());
            Some(list.value.len())
        }
        (FeatureKind::FloatList(list), ElementType::Number(DType::F32)) => {
            numbers.extend(list.value.iter().flat_map(|x| x.to_le_bytes()));
            Some(list.value.len())
        }
        (FeatureKind::FloatList(list), ElementType::Number(DType::F64)) => {
            numbers.extend(list.value.iter().flat_map(|x| f64::from(*x).to_le_bytes()));
            Some(list.value.len())
        }
        (FeatureKind::Int64List(list), ElementType::Number(dtype)) => {
            for number in &list.value {
                integer(*number, dtype, numbers)?;
            }
            Some(list.value.len())
        }
        _ => None,
    }
}

fn integer(number: i64, dtype: DType, numbers: &mut Vec<u8>) -> Option<()> {
    match dtype {
        DType::I64 => numbers.extend(number.to_le_bytes()),
        DType::I32 => numbers.extend(i32::try_from(number).ok()?.to_le_bytes()),
        DType::U8 => numbers.push(u8::try_from(number).ok()?),
        DType::Bool => numbers.push(u8::try_from(number).ok().filter(|bit| *bit < 2)?),
        DType::F32 => numbers.extend((number as f32).to_le_bytes()),
        DType::F64 => numbers.extend((number as f64).to_le_bytes()),
        _ => return None,
    }
    Some(())
}

/// The outputs as classes: strings of an output `classes`, and numbers of `scores`, or of the only output of numbers.
pub(crate) fn classes(
    signature: &Signature,
    outputs: &[Value],
    count: usize,
) -> Result<ClassificationResult> {
    let named =
        |name: &str| signature.outputs.iter().position(|port| port.name == name).map(|at| &outputs[at]);
    let mut numbers = outputs.iter().filter(|output| matches!(output.ty(), ElementType::Number(_)));
    let only = || numbers.next().filter(|_| numbers.next().is_none());
    let labels = named("classes");
    let scores = named("scores").or_else(only);
    let shape = |value: &Value, what: &str| match value.shape() {
        [rows, width] if *rows == count => Ok(*width),
        [rows] if *rows == count => Ok(1),
        other => Err(Error::invalid(format!("{what} must be of shape [{count}, ?], found {other:?}"))),
    };
    let scored = scores.map(|scores| Ok((scores.to_f32()?, shape(scores, "scores")?))).transpose()?;
    let labelled = match labels.map(|labels| (labels.elements(), shape(labels, "classes"))) {
        Some((Elements::Strings(strings), width)) => Some((strings, width?)),
        Some(_) => return Err(Error::invalid("`classes` must be strings")),
        None => None,
    };
    let width = match (&scored, &labelled) {
        (Some((_, scores)), Some((_, labels))) if scores != labels => {
            return Err(Error::invalid(format!("there are {labels} classes and {scores} scores")));
        }
        (Some((_, width)), _) | (None, Some((_, width))) => *width,
        (None, None) => return Err(Error::invalid("the signature has neither `classes` nor `scores`")),
    };
    let class = |at: usize| Class {
        label: labelled
            .as_ref()
            .map_or(String::new(), |(all, _)| String::from_utf8_lossy(&all[at]).into_owned()),
        score: scored.as_ref().map_or(0.0, |(all, _)| all[at]),
    };
    let row = |row: usize| Classifications { classes: (row * width..(row + 1) * width).map(class).collect() };
    Ok(ClassificationResult { classifications: (0..count).map(row).collect() })
}

/// The outputs as numbers: those of `outputs`, or of the only output.
pub(crate) fn numbers(signature: &Signature, outputs: &[Value], count: usize) -> Result<RegressionResult> {
    let named = signature.outputs.iter().position(|port| port.name == "outputs");
    let output = match (named, outputs) {
        (Some(at), _) => &outputs[at],
        (None, [only]) => only,
        _ => return Err(Error::invalid("the signature has several outputs, and none is `outputs`")),
    };
    if output.count() != count || output.shape().first() != Some(&count) {
        let found = output.shape();
        return Err(Error::invalid(format!(
            "regression gives one number for each example, found shape {found:?}"
        )));
    }
    let regressions = output.to_f32()?.into_iter().map(|value| Regression { value }).collect();
    Ok(RegressionResult { regressions })
}
