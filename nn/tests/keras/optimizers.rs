//! Optimisers and schedules.

use serde_json::Value;
use tensorwright::Error;
use tensorwright::prelude::*;
use tensorwright_nn::constraints::Constraint;
use tensorwright_nn::optimizers::{Adam, BoundOptimizer, LossScale, Muon, Optimizer, Sgd};
use tensorwright_nn::schedules::{ExponentialDecay, Schedule};

use crate::case::{Cases, cases};
use crate::compare::Tolerance;
use crate::small::{configuration, written_and_read};
use crate::tally::Tally;

#[test]
fn schedules() {
    let cases = cases();
    Tally::of(cases.of("schedule"), |case| schedule(cases, case)).report("schedule");
}

fn schedule(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let schedule = Schedule::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&schedule)?;
    let (step, want) = (cases.tensor(&case["call"]["step"]), cases.tensor(&case["output"]));
    let tolerance = Tolerance::of(case);
    tolerance.check("rates", &schedule.rate(&step).map_err(|e| e.to_string())?, &want)?;
    let compiled = function(move |step: Tensor| schedule.rate(&step));
    tolerance.check("compiled", &compiled.call(&step).map_err(|e| e.to_string())?, &want)
}

#[test]
fn optimizers() {
    let cases = cases();
    Tally::of(cases.of("optimizer"), |case| optimizer(cases, case)).report("optimizer");
}

/// The variables of a case, their gradients by step, and what they are after each.
struct Course {
    variables: Vec<(String, Variable)>,
    gradients: Vec<Tensor>,
    after: Vec<Tensor>,
}

fn course(cases: &Cases, case: &Value) -> Result<Course> {
    let mut course = Course { variables: Vec::new(), gradients: Vec::new(), after: Vec::new() };
    for variable in case["variables"].as_array().expect("variables") {
        let name = variable["name"].as_str().expect("a name");
        let initial = cases.tensor(&variable["initial"]);
        course.variables.push((name.to_owned(), Variable::named(name, initial)?));
        course.gradients.push(cases.tensor(&variable["gradients"]));
        course.after.push(cases.tensor(&variable["after_each_step"]));
    }
    Ok(course)
}

fn optimizer(cases: &Cases, case: &Value) -> Result<(), String> {
    let say = |e: Error| e.to_string();
    let (name, fields) = configuration(case);
    let mut optimizer = Optimizer::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&optimizer)?;
    if case["notes"].as_str().is_some_and(|notes| notes.contains("excluded from weight decay")) {
        optimizer = optimizer.exclude_from_weight_decay(&["bias"]);
    }
    let course = course(cases, case).map_err(say)?;
    let mut bound = optimizer.bind_to(course.variables.clone()).map_err(say)?;
    for (path, constraint) in case["constraints"].as_object().into_iter().flatten() {
        let constraint = Constraint::try_from(constraint).map_err(|e| e.to_string())?;
        bound.constrain(path, constraint).map_err(say)?;
    }
    let tolerance = Tolerance::of(case);
    let rates = cases.optional(&case["learning_rate_after_each_step"]);
    let bound = std::sync::Arc::new(bound);
    let step = {
        let bound = bound.clone();
        function(move |gradients: Vec<Tensor>| bound.apply(&gradients))
    };
    for at in 0..case["steps"].as_i64().expect("a number of steps") {
        let gradients: Vec<Tensor> = course.gradients.iter().map(|g| g.i(at)).collect();
        step.call(&gradients).map_err(say)?;
        for ((name, variable), after) in course.variables.iter().zip(&course.after) {
            tolerance.check(&format!("{name} after step {at}"), &variable.value(), &after.i(at))?;
        }
        if let Some(rates) = &rates {
            tolerance.check("learning rate", &bound.learning_rate().map_err(say)?, &rates.i(at))?;
        }
    }
    if step.trace_count() != 1 {
        return Err(format!("{} traces for steps of one kind", step.trace_count()));
    }
    state(cases, case, &bound, tolerance)?;
    let Some(finals) = case["after_finalize"].as_object() else { return Ok(()) };
    bound.finalize().map_err(say)?;
    course.variables.iter().try_for_each(|(name, variable)| {
        tolerance.check(&format!("final {name}"), &variable.value(), &cases.tensor(&finals[name.as_str()]))
    })
}

/// Compares what is remembered, by name: Keras's `adam/kernel_momentum` is `kernel.momentum` here.
fn state(cases: &Cases, case: &Value, bound: &BoundOptimizer, tolerance: Tolerance) -> Result<(), String> {
    let ours: Vec<(String, Variable)> = bound.variables_of_state();
    let mut compared = 0;
    for theirs in case["optimizer_variables"].as_array().expect("a state") {
        let path = theirs["path"].as_str().expect("a path");
        if matches!(path, "loss_scale_optimizer/iteration" | "loss_scale_optimizer/learning_rate") {
            continue; // Of the outer optimiser, which uses neither.
        }
        let name = path.rsplit('/').next().unwrap_or_default();
        let same = |path: &str| {
            path.replace('.', "_") == name || path.replace('.', "_").ends_with(&format!("_{name}"))
        };
        let mut found = ours.iter().filter(|(path, _)| same(path));
        if let (Some((path, variable)), None) = (found.next(), found.next()) {
            let want = cases.tensor(&theirs["value"]);
            tolerance.check(path, &variable.value().cast(want.dtype().map_err(|e| e.to_string())?), &want)?;
            compared += 1;
        }
    }
    if compared == 0 && case["name"] != "MultiOptimizer" {
        Err("no state is compared".to_owned())
    } else {
        Ok(())
    }
}

trait StateOf {
    fn variables_of_state(&self) -> Vec<(String, Variable)>;
}

impl StateOf for BoundOptimizer {
    fn variables_of_state(&self) -> Vec<(String, Variable)> {
        Module::variables(self)
    }
}

#[test]
fn settings_that_contradict_each_other_are_errors() {
    let w = Variable::named("w", 0.0f32).expect("a variable");
    let refused = |optimizer: Optimizer, what: &str| {
        let error = optimizer.bind(&w).err().expect("a refusal").to_string();
        assert!(error.contains(what), "{error}");
    };
    let sgd = || Optimizer::from(Sgd::default());
    refused(sgd().clipnorm(1.0).clipvalue(1.0), "only one of");
    refused(sgd().accumulate(1), "1 steps");
    refused(sgd().group("(", Adam::default()), "optimiser");
    let unknown = serde_json::json!({"class_name": "Adam", "config": {"beta_3": 0.5}});
    assert!(Optimizer::try_from(&unknown).is_err_and(|e| e.to_string().contains("beta_3")));
}

#[test]
fn gradients_of_another_number_are_an_error() {
    let w = Variable::named("w", 0.0f32).expect("a variable");
    let bound = Optimizer::from(Sgd::default()).bind(&w).expect("an optimiser");
    assert!(bound.apply(&[]).is_err_and(|e| e.to_string().contains("0 gradients")));
    assert!(bound.apply(&[Tensor::zeros([3], DType::F32)]).is_err());
}

#[test]
fn a_learning_rate_is_set_without_another_trace() -> Result<()> {
    let w = Variable::named("w", 0.0f32)?;
    let bound = std::sync::Arc::new(Optimizer::from(Sgd::default()).learning_rate(1.0).bind(&w)?);
    let step = {
        let bound = bound.clone();
        function(move |g: Tensor| bound.apply(&[g]))
    };
    step.call(1.0f32)?;
    bound.set_learning_rate(0.5)?;
    step.call(1.0f32)?;
    assert_eq!((w.value().item::<f32>()?, step.trace_count()), (-1.5, 1));
    let decay = ExponentialDecay { initial_learning_rate: 0.1, ..ExponentialDecay::default() };
    let scheduled = Optimizer::from(Adam::default()).learning_rate(decay).bind(&w)?;
    assert!(scheduled.set_learning_rate(1.0).is_err_and(|e| e.to_string().contains("schedule")));
    Ok(())
}

#[test]
fn a_scaled_loss_gives_the_steps_of_the_loss() -> Result<()> {
    let course = |optimizer: Optimizer| -> Result<Vec<f32>> {
        let w = Variable::named("w", 0.0f32)?;
        let bound = optimizer.bind(&w)?;
        let step = function(move |x: Tensor| bound.minimize(|| (&x * &w - 6.0).square()));
        (0..5).map(|_| step.call(2.0f32)?.item()).collect()
    };
    let plain = course(Adam::default().into())?;
    assert_eq!(course(Optimizer::from(Adam::default()).loss_scaled(LossScale::default()))?, plain);
    assert_eq!(course(Optimizer::from(Adam::default()).with(|s| s.loss_scale_factor = Some(8.0)))?, plain);
    Ok(())
}

#[test]
fn groups_are_chosen_by_whole_paths() -> Result<()> {
    let names = ["dense.kernel", "dense.kernel_of_another"];
    let variables = names.map(|name| Ok((name.to_owned(), Variable::named(name, 1.0f32)?)));
    let variables: Vec<(String, Variable)> = variables.into_iter().collect::<Result<_>>()?;
    let still = Optimizer::from(Muon::default()).learning_rate(0.0);
    let optimizer = Optimizer::from(Sgd::default()).learning_rate(1.0).group(r".*\.kernel", still);
    optimizer.bind_to(variables.clone())?.apply(&[Tensor::from(1.0f32), Tensor::from(1.0f32)])?;
    let values: Vec<f32> = variables.iter().map(|(_, v)| v.value().item()).collect::<Result<_>>()?;
    assert_eq!(values, [1.0, 0.0]);
    let sgd = || Optimizer::from(Sgd::default());
    let groups = sgd().group("dense.*", sgd()).group("a.*", sgd()).group(".*kernel", Adam::default());
    assert_eq!(written_and_read(&groups), Ok(()));
    assert!(groups.bind_to(variables).is_err_and(|e| e.to_string().contains("several groups")));
    Ok(())
}
