//! The cases of whole models: built of their JSON, called, and trained beside Keras, step by step.

use serde_json::{Map, Value, json};
use tensorwright::prelude::*;
use tensorwright_nn::losses::Loss;
use tensorwright_nn::optimizers::Optimizer;
use tensorwright_nn::{self as nn, Argument, Context, LayerRef, Model, Plan, layer_from_json};

use crate::arrays::{self, Arrays};
use crate::case::{Cases, are_own, cases};
use crate::compare::{Tolerance, difference};

type Verdict = Result<(), String>;

/// Models with tables that Adam improves: Keras on TensorFlow squares the gradients of a row that comes several times in a batch one by one. Their losses and
/// weights are those that Keras computes with gradients as whole tensors, see `dense_tables.py`.
const TABLES: &[u8] = include_bytes!("dense_tables.npz");

#[test]
fn models_do_what_keras_does() {
    let (cases, tables) = (cases(), arrays::read(TABLES));
    let (mut wrong, mut count) = (Vec::new(), 0);
    for case in cases.of("model") {
        count += 1;
        if let Err(reason) = check(cases, &tables, case) {
            wrong.push(format!("{}: {reason}", case["id"]));
        }
    }
    println!("{} of {count} models passed", count - wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn check(cases: &Cases, tables: &Arrays, case: &Value) -> Verdict {
    let layer = layer_from_json(&functional(case)).map_err(text)?;
    let run = &case["runs"][0];
    layer.call(inputs(cases, case, &run["inputs"]), &Context::inference()).map_err(text)?;
    let variables = in_order(case, &layer)?;
    for run in case["runs"].as_array().expect("runs") {
        restore(cases, case, &variables)?;
        check_run(cases, case, &layer, run)?;
    }
    restore(cases, case, &variables)?;
    check_training(cases, tables, case, &layer, &variables)
}

/// The model of a case as Keras writes it down.
fn functional(case: &Value) -> Value {
    let layers: Vec<Value> = case["layers"].as_array().expect("layers").iter().map(row).collect();
    let inputs = case["inputs"].as_array().expect("inputs").iter();
    let inputs: Vec<Value> = inputs.map(|name| json!([name, 0, 0])).collect();
    let outputs = case["outputs"].as_array().expect("outputs").iter().map(history);
    let outputs: Vec<Value> = outputs.collect();
    json!({"class_name": "Functional", "config": {"layers": layers, "input_layers": inputs, "output_layers": outputs}})
}

fn row(layer: &Value) -> Value {
    let calls = layer["calls"].as_array().map_or(&[][..], Vec::as_slice);
    let nodes = calls.iter().map(|call| {
        let named = call["kwargs"].as_object().into_iter().flatten();
        let named: Map<String, Value> = named.map(|(name, value)| (name.clone(), tensors(value))).collect();
        json!({"args": tensors(&call["args"]), "kwargs": named})
    });
    let nodes: Vec<Value> = nodes.collect();
    json!({"class_name": layer["class_name"], "name": layer["name"], "config": layer["config"], "inbound_nodes": nodes})
}

fn history(reference: &Value) -> Value {
    json!([reference["layer"], reference["node"], reference["output"]])
}

fn tensors(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(tensors).collect(),
        reference if reference.get("layer").is_some() => {
            json!({"class_name": "__keras_tensor__", "config": {"keras_history": history(reference)}})
        }
        plain => plain.clone(),
    }
}

fn tensors_in(cases: &Cases, case: &Value, given: &Value) -> Vec<Tensor> {
    let names = case["inputs"].as_array().expect("inputs").iter();
    names.map(|name| cases.tensor(&given[name.as_str().expect("a name")])).collect()
}

fn inputs(cases: &Cases, case: &Value, given: &Value) -> Argument {
    let mut found = tensors_in(cases, case, given);
    if found.len() == 1 { found.remove(0).into() } else { found.into() }
}

fn path(weight: &Value) -> &str {
    weight["path"].as_str().expect("a path")
}

fn weights(case: &Value) -> &[Value] {
    case["weights"].as_array().map_or(&[], Vec::as_slice)
}

/// The layer's variables beside those of the case: by path, else, where Keras names layers itself, in their order.
fn in_order(case: &Value, layer: &LayerRef) -> Result<Vec<Variable>, String> {
    let mut own = layer.variables();
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    let mut find = |weight: &Value| {
        let wanted = path(weight).replace('/', ".");
        let exact = own.iter().position(|(path, _)| wanted == *path || wanted.ends_with(&format!(".{path}")));
        let at = exact.or_else(|| own.iter().position(|(path, _)| last(path) == last(&wanted)));
        at.map(|at| own.remove(at).1).ok_or_else(|| format!("there is no `{wanted}`"))
    };
    weights(case).iter().map(&mut find).collect()
}

fn restore(cases: &Cases, case: &Value, variables: &[Variable]) -> Verdict {
    variables
        .iter()
        .zip(weights(case))
        .try_for_each(|(variable, weight)| variable.assign(cases.tensor(&weight["value"])).map_err(text))
}

fn check_run(cases: &Cases, case: &Value, layer: &LayerRef, run: &Value) -> Verdict {
    let context = match run["mode"].as_str() {
        Some("training") => Context::training(RandomKey::new(0)),
        _ => Context::inference(),
    };
    let outputs = layer.call(inputs(cases, case, &run["inputs"]), &context).map_err(text)?.tensors();
    let wanted = run["outputs"].as_array().expect("outputs");
    for (i, (output, wanted)) in outputs.iter().zip(wanted).enumerate() {
        let wanted = cases.tensor(wanted);
        difference(&format!("output {i}"), output, &wanted, Tolerance::of(case))?;
    }
    Ok(())
}

/// Twenty steps with Keras's batches: the losses, and the weights afterwards.
fn check_training(
    cases: &Cases,
    tables: &Arrays,
    case: &Value,
    layer: &LayerRef,
    variables: &[Variable],
) -> Verdict {
    let training = &case["training"];
    let loss = Loss::try_from(&training["loss"]).map_err(text)?;
    let optimizer = Optimizer::try_from(&training["optimizer"]).map_err(text)?;
    let model = Model::new(layer.clone());
    model.compile_with(Plan::new(optimizer, loss));
    let batches = training["batches"].as_array().expect("batches");
    let wide = Tolerance { rtol: 1e-3, atol: 2e-4 };
    let mut losses = Vec::new();
    for step in 0..training["steps"].as_u64().expect("steps") as usize {
        let batch = &batches[step % batches.len()];
        let target = cases.tensor(&batch["y_true"]);
        let data = nn::Arrays::new(tensors_in(cases, case, &batch["inputs"]), vec![target]);
        losses.push(model.train_on_batch(data).map_err(text)? as f32);
    }
    // Cases of another folder may have the same names.
    let known = |path: &str, reference: &Value| {
        let dense = tables.get(&format!("{}/{path}", case["id"].as_str()?)).filter(|_| are_own());
        dense.cloned().or_else(|| cases.optional(reference))
    };
    let wanted = known("losses", &training["losses"]).expect("losses");
    let losses = Tensor::from_slice(&losses, [losses.len()]);
    difference("losses", &losses, &wanted, wide)?;
    for (variable, weight) in variables.iter().zip(weights(case)) {
        let path = path(weight);
        if let Some(wanted) = known(path, &training["weights_after"][path]) {
            difference(path, &variable.value(), &wanted, wide)?;
        }
    }
    Ok(())
}
