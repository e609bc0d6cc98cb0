//! The cases of layers: built of their JSON, given Keras's weights, called eagerly and compiled, and differentiated.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tensorwright::prelude::*;
use tensorwright_nn::{Argument, Context, Inputs, LayerRef, Outputs, Signal, layer_from_json};

use crate::case::{Cases, are_own, cases};
use crate::compare::{Tolerance, difference};
use crate::tally::expected;

type Verdict = Result<(), String>;

#[test]
fn layers_do_what_keras_does() {
    let only = std::env::var("KERAS_ONLY").unwrap_or_default();
    let cases = cases();
    let mut table: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut failures = Vec::new();
    for case in cases.of("layer").filter(|case| id(case).contains(&only)) {
        let verdict = caught(cases, case);
        let row = table.entry(case["name"].as_str().expect("a name")).or_default();
        row.1 += 1;
        match verdict {
            Ok(()) => row.0 += 1,
            Err(reason) => failures.push((id(case), reason)),
        }
    }
    for (name, (passed, all)) in &table {
        println!("{name}: {passed} of {all} passed");
    }
    let (passed, all) = table.values().fold((0, 0), |(p, a), row| (p + row.0, a + row.1));
    println!("{passed} of {all} passed");
    for (id, reason) in &failures {
        println!("{id}: {reason}");
    }
    if !are_own() {
        return;
    }
    let new: Vec<_> = failures.iter().filter(|(id, _)| !expected().any(|line| line == *id)).collect();
    assert!(new.is_empty(), "these should pass: {new:#?}");
    let stale: Vec<_> = expected()
        .filter(|line| {
            line.contains("layer.") && line.contains(&only) && !failures.iter().any(|(id, _)| id == line)
        })
        .collect();
    assert!(stale.is_empty(), "these pass, and are to leave the list: {stale:?}");
}

fn id(case: &Value) -> &str {
    case["id"].as_str().expect("an id")
}

/// A layer of a case, with the weights that it starts from.
struct Bench<'c> {
    cases: &'c Cases,
    case: &'c Value,
    layer: LayerRef,
    /// In the order of Keras.
    variables: Vec<Variable>,
    tolerance: Tolerance,
    /// What random numbers are drawn by.
    seed: u64,
}

/// The verdict on a case, also if something panics, which nothing may.
fn caught(cases: &Cases, case: &Value) -> Verdict {
    let check = std::panic::AssertUnwindSafe(|| check(cases, case));
    std::panic::catch_unwind(check).unwrap_or_else(|_| Err("it panics".to_owned()))
}

/// How many seeds are tried: of layers that draw one of few possibilities, some seed draws what Keras drew.
fn seeds(case: &Value) -> u64 {
    match case["name"].as_str() {
        Some("RandomHue" | "RandomShear" | "RandomPosterization") => 200,
        _ => 1,
    }
}

fn check(cases: &Cases, case: &Value) -> Verdict {
    let mut verdict = Ok(());
    for seed in 0..seeds(case) {
        verdict = check_drawn(cases, case, seed);
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

fn check_drawn(cases: &Cases, case: &Value, seed: u64) -> Verdict {
    for compiled in [false, true] {
        let bench = Bench::new(cases, case, seed)?;
        let how = if compiled { "compiled" } else { "eager" };
        bench.run_all(compiled).map_err(|reason| format!("{how}: {reason}"))?;
        if !compiled {
            bench.writes_itself_down()?;
        }
    }
    Ok(())
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl<'c> Bench<'c> {
    fn new(cases: &'c Cases, case: &'c Value, seed: u64) -> Result<Bench<'c>, String> {
        let mut config = case["config"].clone();
        config["dtype"] = case["dtype"].clone();
        let layer = layer_from_json(&json!({"class_name": case["name"], "config": config})).map_err(text)?;
        let tolerance = Tolerance::of(case);
        let mut bench = Bench { cases, case, layer, variables: Vec::new(), tolerance, seed };
        bench.adapt()?;
        // The first call makes the weights.
        let first = &case["runs"][0];
        bench.outputs(&bench.inputs(), first)?;
        bench.variables = bench.in_order()?;
        Ok(bench)
    }

    fn adapt(&self) -> Verdict {
        let Some(data) = self.case["adapt"].as_array() else { return Ok(()) };
        let data: Vec<Argument> = data.iter().map(|part| self.cases.argument(part)).collect();
        self.layer.adapt(&data).map_err(text)?;
        if let Some(wanted) = self.case.get("vocabulary") {
            let found = self.layer.vocabulary().ok_or("no vocabulary")?;
            if &found != wanted {
                return Err(format!("vocabulary {found}, should be {wanted}"));
            }
        }
        Ok(())
    }

    fn weights(&self) -> &'c [Value] {
        self.case["weights"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The layer's variables beside those of the case: by path where paths are the same, else in their order.
    fn in_order(&self) -> Result<Vec<Variable>, String> {
        let mut own: Vec<(String, Variable)> = self.layer.variables();
        if own.len() != self.weights().len() {
            let paths: Vec<_> = own.iter().map(|(path, _)| path).collect();
            return Err(format!("{} weights, should be {}: {paths:?}", own.len(), self.weights().len()));
        }
        let mut ordered = Vec::new();
        for weight in self.weights() {
            let wanted = path(weight).replace('/', ".");
            let at = own.iter().position(|(path, _)| *path == wanted).unwrap_or(0);
            let (path, variable) = own.remove(at);
            if path.rsplit('.').next() != wanted.rsplit('.').next() {
                return Err(format!("weight `{path}` stands where `{wanted}` should"));
            }
            if variable.trainable() != (weight["trainable"] == true) {
                return Err(format!("`{path}` should be trainable: {}", weight["trainable"]));
            }
            ordered.push(variable);
        }
        Ok(ordered)
    }

    fn restore(&self) -> Verdict {
        for (variable, weight) in self.variables.iter().zip(self.weights()) {
            let value = self.cases.tensor(&weight["value"]);
            variable.assign(value).map_err(|error| format!("weight {}: {error}", path(weight)))?;
        }
        Ok(())
    }

    fn inputs(&self) -> Inputs {
        let argument = |(name, value): (&str, &Value)| (name.to_owned(), self.cases.argument(value));
        let mut arguments: Vec<(String, Argument)> = in_call_order(self.case).map(argument).collect();
        spread_masks(&mut arguments);
        Inputs::named(arguments)
    }

    fn context(&self, run: &Value) -> Context {
        context(run, self.seed)
    }

    fn outputs(&self, inputs: &Inputs, run: &Value) -> Result<(Outputs, Vec<Tensor>), String> {
        let context = self.context(run);
        let outputs = self.layer.call(inputs.clone(), &context).map_err(text)?;
        let mut losses = context.losses();
        losses.extend(self.layer.regularization().map_err(text)?);
        Ok((outputs, losses))
    }

    fn run_all(&self, compiled: bool) -> Verdict {
        for run in self.case["runs"].as_array().ok_or("no runs")? {
            if run["continues"] != true {
                self.restore()?;
                self.layer.reset_state().map_err(text)?;
            }
            self.run(run, compiled).map_err(|reason| format!("{}: {reason}", run["mode"]))?;
        }
        Ok(())
    }

    fn run(&self, run: &Value, compiled: bool) -> Verdict {
        let before = self.state();
        let inputs = self.inputs();
        let floats = floats(&inputs);
        let (signals, losses) = if compiled && inputs.strings().is_none() {
            self.compiled(&inputs, &floats, run)?
        } else {
            let (outputs, losses) = self.outputs(&inputs, run)?;
            (outputs.signals(), losses)
        };
        self.check_outputs(run, &signals, &losses)?;
        self.check_state(run, &before)?;
        if !compiled && run.get("input_gradients").is_some() {
            // The gradient's run starts from the same state.
            let after = self.state();
            self.assign(&before)?;
            self.check_gradients(run, &inputs, &floats, &before[..self.variables.len()])?;
            self.assign(&after)?;
        }
        Ok(())
    }

    /// Weights, and behind them what the layer keeps from call to call.
    fn state(&self) -> Vec<Tensor> {
        self.variables.iter().chain(&self.layer.states()).map(Variable::value).collect()
    }

    fn assign(&self, values: &[Tensor]) -> Verdict {
        let states = self.layer.states();
        let mut all = self.variables.iter().chain(&states).zip(values);
        all.try_for_each(|(variable, value)| variable.assign(value)).map_err(text)
    }

    /// What the layer gives in a compiled function of the floats among its inputs.
    fn compiled(
        &self,
        inputs: &Inputs,
        floats: &[Tensor],
        run: &Value,
    ) -> Result<(Vec<Signal>, Vec<Tensor>), String> {
        let (layer, inputs, mode, seed) = (self.layer.clone(), inputs.clone(), run.clone(), self.seed);
        let f = function(move |floats: Vec<Tensor>| -> Result<_> {
            let context = context(&mode, seed);
            let outputs = layer.call(with_floats(&inputs, &floats), &context)?;
            let mut losses = context.losses();
            losses.extend(layer.regularization()?);
            let (values, masks): (Vec<Tensor>, Vec<Option<Tensor>>) =
                outputs.signals().into_iter().map(|signal| (signal.value, signal.mask)).unzip();
            Ok((values, masks, losses))
        });
        let (values, masks, losses) = f.call(floats.to_vec()).map_err(text)?;
        Ok((values.into_iter().zip(masks).map(|(value, mask)| Signal { value, mask }).collect(), losses))
    }

    fn check_outputs(&self, run: &Value, signals: &[Signal], losses: &[Tensor]) -> Verdict {
        let wanted = run["outputs"].as_array().ok_or("no outputs")?;
        if wanted.len() != signals.len() {
            return Err(format!("{} outputs, should be {}", signals.len(), wanted.len()));
        }
        for (i, (signal, wanted)) in signals.iter().zip(wanted).enumerate() {
            if self.words(signal, wanted)? {
                continue;
            }
            self.compare(&format!("output {i}"), &signal.value, wanted)?;
        }
        for (i, signal) in signals.iter().enumerate() {
            match (&signal.mask, &run["output_masks"][i]) {
                (None, Value::Null) => {}
                (Some(mask), wanted) if !wanted.is_null() => {
                    self.compare(&format!("mask {i}"), mask, wanted)?;
                }
                (found, wanted) => {
                    return Err(format!("mask {i} is there: {}, should be {wanted}", found.is_some()));
                }
            }
        }
        let wanted = run["losses"].as_array().map_or(&[][..], Vec::as_slice);
        if wanted.len() != losses.len() {
            return Err(format!("{} losses, should be {}", losses.len(), wanted.len()));
        }
        losses.iter().zip(wanted).try_for_each(|(loss, wanted)| self.compare("loss", loss, wanted))
    }

    /// Whether words are wanted, which the layer is then asked for.
    fn words(&self, signal: &Signal, wanted: &Value) -> Result<bool, String> {
        let Some(wanted) = wanted["strings"].as_array() else { return Ok(false) };
        let found = self.layer.words(&signal.value).map_err(text)?;
        match found.values.iter().eq(wanted.iter().filter_map(Value::as_str)) {
            true => Ok(true),
            false => Err(format!("{:?}, should be {wanted:?}", found.values)),
        }
    }

    fn compare(&self, what: &str, got: &Tensor, wanted: &Value) -> Verdict {
        match self.cases.optional(wanted) {
            Some(wanted) => difference(what, got, &wanted, self.tolerance),
            None => Err(format!("{what}: nothing to compare with in {wanted}")),
        }
    }

    fn check_state(&self, run: &Value, before: &[Tensor]) -> Verdict {
        for ((variable, weight), before) in self.variables.iter().zip(self.weights()).zip(before) {
            let what = format!("{} afterwards", path(weight));
            match run["weights_after"].get(path(weight)) {
                Some(wanted) => self.compare(&what, &variable.value(), wanted)?,
                None => difference(&what, &variable.value(), before, Tolerance { rtol: 0.0, atol: 0.0 })?,
            }
        }
        Ok(())
    }

    /// The derivatives of `sum(output * cotangent)`, by one compiled function of inputs and weights.
    fn check_gradients(
        &self,
        run: &Value,
        inputs: &Inputs,
        floats: &[Tensor],
        weights: &[Tensor],
    ) -> Verdict {
        let cotangents: Vec<Option<Tensor>> = run["cotangents"]
            .as_array()
            .ok_or("no cotangents")?
            .iter()
            .map(|cotangent| self.cases.optional(cotangent))
            .collect();
        let (layer, variables, call) = (self.layer.clone(), self.variables.clone(), inputs.clone());
        let (mode, seed) = (run.clone(), self.seed);
        let loss = move |(floats, weights): (Vec<Tensor>, Vec<Tensor>)| -> Result<Tensor> {
            variables.iter().zip(weights).try_for_each(|(variable, value)| variable.assign(value))?;
            let outputs = layer.call(with_floats(&call, &floats), &context(&mode, seed))?.tensors();
            let terms = outputs.iter().zip(&cotangents).filter_map(|(y, c)| Some((y, c.as_ref()?)));
            let wide = |x: &Tensor| match x.dtype() {
                Ok(DType::BF16 | DType::F16) => x.cast(DType::F32),
                _ => x.clone(),
            };
            let terms: Vec<Tensor> = terms.map(|(y, c)| (wide(y) * wide(c)).sum(..)).collect();
            terms.into_iter().reduce(|a, b| a + b).ok_or_else(|| Error::other("nothing to differentiate"))
        };
        let gradient = Gradient::of(loss).function_of_options();
        let found = gradient.call((floats.to_vec(), weights.to_vec())).map_err(text)?;
        let (by_inputs, by_weights) = found.split_at(floats.len());
        let wanted = ordered_gradients(self.case, run);
        self.compare_gradients("inputs", by_inputs, &wanted)?;
        for ((found, weight), trainable) in by_weights.iter().zip(self.weights()).zip(&self.variables) {
            if trainable.trainable() {
                let wanted = run["weight_gradients"][path(weight)].clone();
                self.compare_gradients(path(weight), std::slice::from_ref(found), &[wanted])?;
            }
        }
        Ok(())
    }

    fn compare_gradients(&self, what: &str, found: &[Option<Tensor>], wanted: &[Value]) -> Verdict {
        if found.len() != wanted.len() {
            return Err(format!("{} gradients by {what}, should be {}", found.len(), wanted.len()));
        }
        for (i, (found, wanted)) in found.iter().zip(wanted).enumerate() {
            let what = format!("gradient {i} by {what}");
            match (found, self.cases.optional(wanted)) {
                (Some(found), Some(wanted)) => difference(&what, found, &wanted, self.tolerance)?,
                // Whether zeros are a path or none is a matter of how a layer is written.
                (Some(found), None) => difference(&what, found, &found.zeros_like(), self.tolerance)?,
                (None, Some(wanted)) => difference(&what, &wanted.zeros_like(), &wanted, self.tolerance)?,
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// The layer's own JSON makes the same layer.
    fn writes_itself_down(&self) -> Verdict {
        let written = self.layer.to_json();
        let read = layer_from_json(&written).map_err(|error| format!("{error}, in {written}"))?;
        if read.to_json() != written {
            return Err(format!("{written} becomes {}", read.to_json()));
        }
        Ok(())
    }
}

fn context(run: &Value, seed: u64) -> Context {
    match run["mode"].as_str() {
        Some("training") => Context::training(RandomKey::new(seed)),
        _ => Context::inference().with_key(RandomKey::new(seed)),
    }
}

/// The arguments of the call, what the layer is applied to first.
fn in_call_order(case: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let call = case["call"].as_object().expect("a call");
    let is_first = |name: &str| matches!(name, "inputs" | "query" | "sequence");
    let by = move |first: bool| call.iter().filter(move |(name, _)| is_first(name) == first);
    by(true).chain(by(false)).map(|(name, value)| (name.as_str(), value))
}

fn path(weight: &Value) -> &str {
    weight["path"].as_str().expect("a path")
}

/// A mask for inputs whose layer takes none by name goes with the tensors.
fn spread_masks(arguments: &mut [(String, Argument)]) {
    let Some(at) = arguments.iter().position(|(name, _)| name == "mask") else { return };
    let Argument::List(items) = &arguments[0].1 else { return };
    let Argument::List(masks) = &arguments[at].1 else { return };
    let of = |mask: &Argument| mask.signals().into_iter().next().map(|signal| signal.value);
    let with_mask = |(item, mask): (&Argument, &Argument)| match item {
        Argument::Signal(signal) => Argument::Signal(Signal { value: signal.value.clone(), mask: of(mask) }),
        other => other.clone(),
    };
    let masks = masks.iter().chain(std::iter::repeat(&Argument::Plain(Value::Null)));
    let items: Vec<Argument> = items.iter().zip(masks).map(with_mask).collect();
    arguments[0].1 = Argument::List(items);
}

fn is_float(x: &Tensor) -> bool {
    x.dtype().is_ok_and(|dtype| dtype.is_float())
}

/// The float tensors among the inputs, in order.
fn floats(inputs: &Inputs) -> Vec<Tensor> {
    let signals = inputs.arguments().iter().flat_map(|(_, argument)| argument.signals());
    signals.map(|signal| signal.value).filter(is_float).collect()
}

/// The inputs with other floats.
fn with_floats(inputs: &Inputs, floats: &[Tensor]) -> Inputs {
    let mut floats = floats.iter();
    inputs.map(&mut |signal| match is_float(&signal.value) {
        true => Signal { value: floats.next().expect("a float").clone(), mask: signal.mask.clone() },
        false => signal.clone(),
    })
}

/// The gradients by float inputs that a run wants, in the order of the call.
fn ordered_gradients(case: &Value, run: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for (name, argument) in in_call_order(case) {
        collect(argument, &run["input_gradients"][name], &mut found);
    }
    found
}

fn collect(argument: &Value, gradient: &Value, found: &mut Vec<Value>) {
    match argument {
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(i, item)| collect(item, &gradient[i], found));
        }
        Value::Object(_) if argument["dtype"].as_str().is_some_and(|dtype| dtype.contains("float")) => {
            found.push(gradient.clone());
        }
        _ => {}
    }
}
