//! Steps of one's own, parameters that a loss does not use, and callbacks that write files.

use std::sync::Arc;

use tensorwright::prelude::*;
use tensorwright_nn::callbacks::TensorBoard;
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::MeanSquaredError;
use tensorwright_nn::optimizers::{Adam, AdamW, Optimizer, Sgd};
use tensorwright_nn::tensorboard::{What, read_events};
use tensorwright_nn::{Context, Fit, Functional, Input, LayerRef, Mode, Model, Plan, Result, Sequential};

fn examples() -> (Tensor, Tensor) {
    let x = RandomKey::new(5).normal([32, 3], 0.0f32, 1.0);
    let y = x.sum(-1).expand_dims(-1);
    (x, y)
}

fn network() -> Result<LayerRef> {
    let network =
        LayerRef::from(Sequential::new().add(Dense::new(4)).add(Dropout::new(0.4)).add(Dense::new(1)));
    network.call(Tensor::zeros([1, 3], DType::F32), &Context::inference())?;
    for (i, (_, variable)) in network.variables().iter().enumerate() {
        variable.assign(RandomKey::new(7).fold_in(i).normal(variable.ty().shape.clone(), 0.0f32, 0.5))?;
    }
    Ok(network)
}

#[test]
fn a_step_of_ones_own_like_the_usual_one_gives_its_bits() -> Result<()> {
    let (x, y) = examples();
    let run = |own: bool| {
        let model = Model::new(network()?);
        let plan = Plan::new(Adam::default(), MeanSquaredError).metric_named("mae");
        model.compile_with(match own {
            false => plan,
            true => plan.train_step(|step| {
                assert_eq!(step.mode(), Mode::Training);
                step.minimize(|| {
                    let outputs = step.outputs()?;
                    step.measure(&outputs)?;
                    step.loss(&outputs)
                })
            }),
        });
        model.fit((&x, &y), Fit::new().epochs(3).batch_size(8))
    };
    assert_eq!(run(true)?, run(false)?);
    Ok(())
}

/// Two networks with an optimiser each, trained against each other by one step.
#[test]
fn a_step_may_train_other_things_too() -> Result<()> {
    let (x, y) = examples();
    let critic = LayerRef::from(Dense::new(1));
    critic.call(Tensor::zeros([1, 1], DType::F32), &Context::inference())?;
    let before = critic.variables()[0].1.value().to_vec::<f32>()?;
    let rule = Arc::new(Optimizer::from(Sgd::default()).bind(&critic)?);
    let model = Model::new(network()?);
    model.compile_with(Plan::without_loss(Adam::default()).train_step({
        let critic = critic.clone();
        move |step| {
            let said = |outputs: &Tensor| critic.call(outputs, &Context::inference())?.tensor();
            let judged = rule.minimize(|| {
                let (real, made) = (said(&step.targets()[0])?, said(&step.outputs()?.tensor()?)?);
                (made.mean(..) - real.mean(..)).ok()
            })?;
            step.log("critic_loss", &judged)?;
            step.minimize(|| (-said(&step.outputs()?.tensor()?)?.mean(..)).ok())
        }
    }));
    let history = model.fit((&x, &y), Fit::new().epochs(2))?;
    assert_eq!(history.names(), ["loss", "critic_loss"]);
    assert!(history.curve("critic_loss").iter().all(|loss| loss.is_finite()));
    assert_ne!(critic.variables()[0].1.value().to_vec::<f32>()?, before);
    assert!(model.unused_parameters()?.is_empty());
    Ok(())
}

#[test]
fn steps_that_fail_say_why() -> Result<()> {
    let (x, y) = examples();
    let said = |plan: Plan| {
        let model = Model::new(network()?);
        model.compile_with(plan);
        Ok(model.fit((&x, &y), Fit::new()).err().map(|error| error.to_string()).unwrap_or_default())
    };
    let said = |plan: Plan| -> Result<String> { said(plan) };
    let none = said(Plan::without_loss(Sgd::default()))?;
    assert!(none.contains("0 losses do not fit"), "{none}");
    let apart = said(
        Plan::new(Sgd::default(), MeanSquaredError)
            .train_step(|step| step.minimize(|| Ok(step.inputs()[0].sum(..)))),
    )?;
    assert!(apart.contains("depends on no parameter") && apart.contains("dense.kernel"), "{apart}");
    let wide = said(Plan::new(Sgd::default(), MeanSquaredError).train_step(|step| {
        step.log("wide", &step.inputs()[0])?;
        step.usual()
    }))?;
    assert!(wide.contains("`wide` is no number"), "{wide}");
    Ok(())
}

#[test]
fn evaluation_may_have_a_step_of_its_own() -> Result<()> {
    let (x, y) = examples();
    let model = Model::new(network()?);
    let plan = Plan::new(Sgd::default(), MeanSquaredError);
    model.compile_with(plan.evaluate_step(|step| {
        assert_eq!(step.mode(), Mode::Inference);
        let outputs = step.outputs()?;
        (step.loss(&outputs)? * 0.0 + 7.0).ok()
    }));
    assert_eq!(model.evaluate((&x, &y))?.get("loss"), Some(7.0));
    Ok(())
}

/// A head that the loss does not see keeps its weights, even where weights decay, and what the optimiser remembers of it.
#[test]
fn parameters_that_the_loss_does_not_use_stay() -> Result<()> {
    let input = Input::new([3]);
    let (used, idle) = (Dense::new(1).layer().with_name("used")?, Dense::new(1).layer().with_name("idle")?);
    let model = Model::new(Functional::new([&input], [&idle.on(&input), &used.on(&input)])?);
    let plan = Plan::without_loss(AdamW::default()).loss_of("used", MeanSquaredError, 1.0);
    model.compile_with(plan);
    let (x, y) = examples();
    model.build(std::slice::from_ref(&x))?;
    let values = || -> Result<Vec<Vec<f32>>> {
        let all = model.parameters();
        Ok(all
            .iter()
            .map(|(_, variable)| variable.value().to_vec::<f32>())
            .collect::<tensorwright::Result<_>>()?)
    };
    let before = values()?;
    model.fit((&x, &y), Fit::new().epochs(2))?;
    let after = values()?;
    let paths: Vec<String> = model.parameters().into_iter().map(|(path, _)| path).collect();
    for ((path, before), after) in paths.iter().zip(&before).zip(&after) {
        assert_eq!(before == after, path.starts_with("idle"), "{path}");
    }
    assert_eq!(model.unused_parameters()?, ["idle.kernel", "idle.bias"]);
    Ok(())
}

#[test]
fn tensorboard_gets_the_curves_of_fit() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("tensorwright-board-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let (x, y) = examples();
    let model = Model::new(network()?);
    model.compile(Sgd::default(), MeanSquaredError, &["mae"]);
    let board = TensorBoard::new(&folder).histograms(2).batches(2);
    let fit = Fit::new().epochs(3).batch_size(8).validation_data((&x, &y)).callback(board);
    let history = model.fit((&x, &y), fit)?;
    let events = |part: &str| {
        let file =
            std::fs::read_dir(folder.join(part)).expect("a folder").next().expect("a file").expect("a file");
        read_events(file.path()).expect("events").map(|event| event.expect("an event")).collect::<Vec<_>>()
    };
    let curve = |part: &str, tag: &str| -> Vec<(i64, f32)> {
        events(part).iter().filter_map(|event| Some((event.step, event.scalar(tag)?))).collect()
    };
    let wanted = |name: &str| {
        history
            .curve(name)
            .iter()
            .map(|value| *value as f32)
            .enumerate()
            .map(|(i, x)| (i as i64, x))
            .collect::<Vec<_>>()
    };
    assert_eq!(curve("train", "epoch_loss"), wanted("loss"));
    assert_eq!(curve("train", "epoch_mae"), wanted("mae"));
    assert_eq!(curve("validation", "epoch_loss"), wanted("val_loss"));
    assert_eq!(curve("train", "epoch_learning_rate"), [(0, 0.01), (1, 0.01), (2, 0.01)]);
    let steps: Vec<i64> = curve("train", "batch_loss").iter().map(|point| point.0).collect();
    assert_eq!(steps, [2, 4, 6, 8, 10, 12]);
    let train = events("train");
    let histograms = train
        .iter()
        .flat_map(|event| &event.values)
        .filter(|value| matches!(value.what, What::Histogram { .. }));
    let tags: Vec<&str> = histograms.map(|value| value.tag.as_str()).collect();
    assert_eq!(tags.len(), 8);
    assert!(tags.contains(&"dense/kernel/histogram"), "{tags:?}");
    std::fs::remove_dir_all(folder).expect("it can be removed");
    Ok(())
}
