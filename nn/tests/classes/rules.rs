//! Eager and compiled calls give the same, JSON and files make the same layer, gradients are finite, and what does not fit gives an error that
//! names the layer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use tensorwright::prelude::*;
use tensorwright_nn::{
    Argument, Context, Inputs, LayerRef, Model, Signal, Strings, layer_classes, layer_from_json,
    read_weights, write_weights,
};

use super::examples::{Draw, Example, of};

type Verdict = Result<(), String>;

/// How many configurations of each class.
const EXAMPLES: u64 = 5;

/// Checks a rule for all classes but closures.
fn for_all_classes(check: impl Fn(&str, &Example, &LayerRef) -> Verdict) {
    let only = std::env::var("CLASS").unwrap_or_default();
    let mut wrong = Vec::new();
    for class in layer_classes().into_iter().filter(|class| *class != "Lambda" && class.contains(&only)) {
        for seed in 0..EXAMPLES {
            let example = of(class, &mut Draw(seed));
            let checked = catch_unwind(AssertUnwindSafe(|| check(class, &example, &built(class, &example)?)));
            if let Err(reason) = checked.unwrap_or_else(|_| Err("it panics".to_owned())) {
                wrong.push(format!("{class} {}: {reason}", example.config));
            }
        }
    }
    assert!(wrong.is_empty(), "{} fail:\n{}", wrong.len(), wrong.join("\n"));
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The layer, under a name of its own, with its weights made.
fn built(class: &str, example: &Example) -> Result<LayerRef, String> {
    let mut config = example.config.clone();
    config["name"] = json!("culprit");
    let layer = layer_from_json(&json!({"class_name": class, "config": config})).map_err(text)?;
    layer.call(example.inputs.clone(), &Context::inference().with_key(RandomKey::new(1))).map_err(text)?;
    Ok(layer)
}

fn context(training: bool) -> Context {
    match training {
        true => Context::training(RandomKey::new(3)),
        false => Context::inference().with_key(RandomKey::new(3)),
    }
}

fn outputs(layer: &LayerRef, inputs: &Inputs, training: bool) -> Result<Vec<Tensor>, String> {
    Ok(layer.call(inputs.clone(), &context(training)).map_err(text)?.tensors())
}

fn is_float(x: &Tensor) -> bool {
    x.dtype().is_ok_and(|dtype| dtype.is_float())
}

fn floats(inputs: &Inputs) -> Vec<Tensor> {
    let signals = inputs.arguments().iter().flat_map(|(_, argument)| argument.signals());
    signals.map(|signal| signal.value).filter(is_float).collect()
}

fn with_floats(inputs: &Inputs, floats: &[Tensor]) -> Inputs {
    let mut floats = floats.iter();
    inputs.map(&mut |signal| match is_float(&signal.value) {
        true => Signal { value: floats.next().expect("a float").clone(), mask: signal.mask.clone() },
        false => signal.clone(),
    })
}

fn close(left: &[Tensor], right: &[Tensor], tolerance: f64) -> Verdict {
    if left.len() != right.len() {
        return Err(format!("{} and {} tensors", left.len(), right.len()));
    }
    for (left, right) in left.iter().zip(right) {
        let types = (left.ty().map_err(text)?, right.ty().map_err(text)?);
        if types.0 != types.1 {
            return Err(format!("{} and {}", types.0, types.1));
        }
        let wide = |x: &Tensor| x.cast(DType::F64).to_vec::<f64>().map_err(text);
        let far = |(a, b): (&f64, &f64)| {
            !(a == b || (a - b).abs() <= tolerance * (1.0 + b.abs()) || a.is_nan() && b.is_nan())
        };
        let (left, right) = (wide(left)?, wide(right)?);
        if let Some(at) = left.iter().zip(&right).position(far) {
            return Err(format!("element {at}: {} and {}", left[at], right[at]));
        }
    }
    Ok(())
}

#[test]
fn compiled_calls_give_what_eager_ones_give() {
    for_all_classes(|_, example, layer| {
        let given = floats(&example.inputs);
        if given.is_empty() {
            return Ok(());
        }
        for training in [false, true] {
            let before: Vec<Tensor> =
                layer.variables().iter().map(|(_, variable)| variable.value()).collect();
            let eager = outputs(layer, &example.inputs, training)?;
            for ((_, variable), value) in layer.variables().iter().zip(before) {
                variable.assign(value).map_err(text)?;
            }
            let (own, inputs) = (layer.clone(), example.inputs.clone());
            let compiled = function(move |floats: Vec<Tensor>| -> Result<Vec<Tensor>> {
                Ok(own.call(with_floats(&inputs, &floats), &context(training))?.tensors())
            });
            close(&eager, &compiled.call(given.clone()).map_err(text)?, 1e-4)
                .map_err(|reason| format!("training {training}: {reason}"))?;
        }
        Ok(())
    });
}

#[test]
fn json_and_files_make_the_same_layer() {
    let file = std::env::temp_dir().join(format!("tensorwright-classes-{}.safetensors", std::process::id()));
    for_all_classes(|_, example, layer| {
        let again = layer_from_json(&layer.to_json()).map_err(text)?;
        outputs(&again, &example.inputs, false)?;
        if again.to_json() != layer.to_json() {
            return Err(format!("{} becomes {}", layer.to_json(), again.to_json()));
        }
        let values = |layer: &LayerRef| -> Vec<(String, Tensor)> {
            layer.variables().into_iter().map(|(path, variable)| (path, variable.value())).collect()
        };
        write_weights(&file, &values(layer)).map_err(text)?;
        let read = read_weights(&file).map_err(text)?;
        for (path, variable) in again.variables() {
            let (_, value) = read.iter().find(|(own, _)| *own == path).ok_or_else(|| format!("no {path}"))?;
            variable.assign(value).map_err(text)?;
        }
        close(&outputs(layer, &example.inputs, false)?, &outputs(&again, &example.inputs, false)?, 0.0)
    });
    let _ = std::fs::remove_file(&file);
}

#[test]
fn models_of_any_layer_are_saved_and_loaded() {
    let file = std::env::temp_dir().join(format!("tensorwright-classes-{}.model", std::process::id()));
    for_all_classes(|class, example, layer| {
        let inputs: Vec<Tensor> = example.inputs.list().into_iter().map(|signal| signal.value).collect();
        // Models are of tensors alone.
        if inputs.is_empty() || example.inputs.arguments().len() > 1 || class == "HashedCrossing" {
            return Ok(());
        }
        let model = Model::new(layer.clone());
        model.build(&inputs).map_err(text)?;
        model.save(&file).map_err(text)?;
        let loaded = Model::load(&file).map_err(text)?;
        close(
            &outputs(layer, &example.inputs, false)?,
            &outputs(loaded.layer(), &example.inputs, false)?,
            0.0,
        )
    });
    let _ = std::fs::remove_file(&file);
}

#[test]
fn gradients_are_finite() {
    for_all_classes(|_, example, layer| {
        let given = floats(&example.inputs);
        if given.is_empty() {
            return Ok(());
        }
        for training in [false, true] {
            let (own, inputs) = (layer.clone(), example.inputs.clone());
            let sum = move |floats: Vec<Tensor>| -> Result<Tensor> {
                let outputs = own.call(with_floats(&inputs, &floats), &context(training))?.tensors();
                let sums = outputs.iter().filter(|y| is_float(y)).map(|y| y.cast(DType::F32).sum(..));
                Ok(sums.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::from(0.0f32))
                    + floats[0].sum(..) * 0.0)
            };
            let slopes = Gradient::of(sum).function_of_options().call(given.clone()).map_err(text)?;
            for slope in slopes.into_iter().flatten() {
                let finite = slope.is_finite().all(..).item::<bool>().map_err(text)?;
                if !finite {
                    return Err(format!("training {training}: {:?}", slope.to_vec::<f32>()));
                }
            }
        }
        Ok(())
    });
}

/// The sum of what a layer gives, each number times one that is drawn, with these weights.
fn weighed(
    layer: &LayerRef,
    inputs: &Inputs,
    weights: &[(String, Variable)],
    values: &[Tensor],
    training: bool,
) -> Result<Tensor> {
    weights.iter().zip(values).try_for_each(|((_, variable), value)| variable.assign(value))?;
    let outputs = layer.call(inputs.clone(), &context(training))?.tensors();
    let mut sum = Tensor::from(0.0f64);
    for (i, y) in outputs.iter().enumerate().filter(|(_, y)| is_float(y)) {
        let factors = RandomKey::new(i as u64).normal(y.shape()?.clone(), 0.0f64, 1.0);
        sum += (y.cast(DType::F64) * factors).sum(..);
    }
    sum.ok()
}

/// The slope along a direction that is drawn: as gradients by the weights say, and as differences do.
fn slopes(layer: &LayerRef, inputs: &Inputs, training: bool) -> Result<(f64, f64)> {
    let weights = Module::parameters(layer);
    let values: Vec<Tensor> = weights.iter().map(|(_, variable)| variable.value()).collect();
    let drawn = |(i, value): (usize, &Tensor)| {
        Ok(RandomKey::new(90 + i as u64).normal(value.shape()?.clone(), 0.0f64, 1.0))
    };
    let direction: Vec<Tensor> = values.iter().enumerate().map(drawn).collect::<Result<_>>()?;
    let (own, call, variables) = (layer.clone(), inputs.clone(), weights.clone());
    let sum = move |values: Vec<Tensor>| weighed(&own, &call, &variables, &values, training);
    let gradients = Gradient::of(sum).function_of_options().call(values.clone())?;
    let mut slope = 0.0;
    for (gradient, along) in gradients.into_iter().zip(&direction) {
        slope += gradient.map_or(Ok(0.0), |gradient| (gradient * along).sum(..).item::<f64>())?;
    }
    let step = 1e-6;
    let at = |sign: f64| -> Result<f64> {
        let moved: Vec<Tensor> =
            values.iter().zip(&direction).map(|(value, along)| value + along * (sign * step)).collect();
        weighed(layer, inputs, &weights, &moved, training)?.item::<f64>()
    };
    Ok((slope, (at(1.0)? - at(-1.0)?) / (2.0 * step)))
}

#[test]
fn gradients_by_weights_are_those_of_differences() {
    for_all_classes(|class, example, _| {
        let mut config = example.config.clone();
        config["dtype"] = json!("float64");
        let layer = layer_from_json(&json!({"class_name": class, "config": config})).map_err(text)?;
        layer.call(example.inputs.clone(), &context(false)).map_err(text)?;
        if Module::parameters(&layer).is_empty() {
            return Ok(());
        }
        // In training its kernel is another one after each call.
        let modes: &[bool] = if class == "SpectralNormalization" { &[false] } else { &[false, true] };
        for training in modes {
            let (slope, difference) = slopes(&layer, &example.inputs, *training).map_err(text)?;
            if (slope - difference).abs() > 1e-5 * (1.0 + slope.abs()) {
                return Err(format!("training {training}: {slope}, and by differences {difference}"));
            }
        }
        Ok(())
    });
}

/// Inputs that hardly a layer takes.
fn misfits() -> Vec<(&'static str, Argument)> {
    let words = Strings { values: vec!["a".to_owned()], shape: vec![1] };
    vec![
        ("nothing", Argument::List(Vec::new())),
        ("a number", Tensor::from(1.0f32).into()),
        ("a vector", Tensor::ones(3, DType::F32).into()),
        ("seven axes", Tensor::ones([1, 2, 1, 2, 1, 2, 1], DType::F32).into()),
        ("no elements", Tensor::ones([0, 0, 0], DType::F32).into()),
        ("no pixels", Tensor::ones([2, 0, 0, 3], DType::F32).into()),
        ("bools", Tensor::ones([2, 3, 4], DType::Bool).into()),
        ("complex numbers", Tensor::ones([2, 3, 4], DType::C64).into()),
        ("integers", Tensor::ones([2, 3, 4], DType::I8).into()),
        ("two tensors", vec![Tensor::ones([2, 3], DType::F32), Tensor::ones([2, 4], DType::F32)].into()),
        ("three tensors", vec![Tensor::ones([2, 3], DType::F32); 3].into()),
        ("words", words.into()),
        ("a plain value", Argument::Plain(json!({"a": 1}))),
    ]
}

#[test]
fn misfits_give_errors_that_name_the_layer() {
    for_all_classes(|class, example, layer| {
        let config = json!({"class_name": class, "config": layer.to_json()["config"]});
        for (what, misfit) in misfits() {
            // Once before the weights are made, and once afterwards.
            for layer in [layer_from_json(&config).map_err(text)?, layer.clone()] {
                for training in [false, true] {
                    let others = example.inputs.arguments().iter().skip(1).cloned();
                    let first = (example.inputs.arguments()[0].0.clone(), misfit.clone());
                    let inputs = Inputs::named([first].into_iter().chain(others).collect());
                    let called = catch_unwind(AssertUnwindSafe(|| outputs(&layer, &inputs, training)));
                    match called {
                        Err(_) => return Err(format!("{what}: it panics")),
                        Ok(Err(message)) if !message.contains("culprit") => {
                            return Err(format!("{what}: nothing is named in {message:?}"));
                        }
                        Ok(_) => {}
                    }
                }
            }
        }
        Ok(())
    });
}
