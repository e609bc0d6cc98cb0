//! Training with datasets of batches: the same as with arrays, however long they are, and errors that name the element.

use tensorwright::prelude::*;
use tensorwright_data::{Dataset, Item};
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::MeanSquaredError;
use tensorwright_nn::optimizers::{Adam, Sgd};
use tensorwright_nn::{
    Arrays, Error, Fit, Functional, History, Input, Model, OnSymbols, Plan, Result, set_seed,
};

/// Examples `f32[n, 3]`, and the sum of their numbers.
fn examples(count: usize) -> (Tensor, Tensor) {
    let x = RandomKey::new(5).normal([count, 3], 0.0f32, 1.0);
    let y = x.sum(-1).expand_dims(-1);
    (x, y)
}

fn pairs(count: usize) -> Dataset {
    Dataset::from_slices(examples(count))
}

/// A model whose weights are the same each time.
fn model() -> Result<Model> {
    let model = Model::new(Dense::new(1));
    model.compile(Sgd::default(), MeanSquaredError, &["mae"]);
    model.build(&[Tensor::zeros([1, 3], DType::F32)])?;
    for (_, variable) in model.parameters() {
        variable.assign(Tensor::full(variable.ty().shape.clone(), 0.5f32))?;
    }
    Ok(model)
}

fn said<T>(result: Result<T>) -> String {
    result.err().map(|error: Error| error.to_string()).expect("an error")
}

#[test]
fn a_dataset_trains_as_arrays_do() -> Result<()> {
    let (x, y) = examples(50);
    let weights = RandomKey::new(6).uniform([50], 0.0f32, 1.0);
    let arrays = Arrays::from((&x, &y)).weighted(&weights);
    let whole = |fit: Fit| fit.epochs(3).shuffle(false);
    let wanted = model()?.fit(arrays, whole(Fit::new().batch_size(8)))?;
    let dataset = Dataset::from_slices((x, y, weights)).batch(8);
    assert_eq!(model()?.fit(&dataset, whole(Fit::new()))?, wanted);
    // How many there are is not known beforehand.
    let filtered = dataset.filter_items(|_| Ok(true));
    assert_eq!(filtered.cardinality()?.known(), None);
    assert_eq!(model()?.fit(&filtered, whole(Fit::new()))?, wanted);
    Ok(())
}

#[test]
fn an_epoch_is_a_pass_or_as_many_steps_as_one_likes() -> Result<()> {
    let dataset = pairs(48).batch(8);
    let wanted = model()?.fit(&dataset, Fit::new().epochs(2))?;
    // Passes go on through epochs, and follow each other in one.
    let halves = model()?.fit(&dataset, Fit::new().epochs(4).steps_per_epoch(3))?;
    let double = model()?.fit(&dataset, Fit::new().epochs(1).steps_per_epoch(12))?;
    let endless = model()?.fit(dataset.repeat(None), Fit::new().epochs(1).steps_per_epoch(12))?;
    let losses = |history: &History| history.curve("loss");
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
    assert!(close(mean(&losses(&halves)[..2]), losses(&wanted)[0]));
    assert!(close(losses(&double)[0], mean(&losses(&wanted))));
    assert_eq!(double, endless);
    // Arrays do the same.
    let (x, y) = examples(48);
    let fit = Fit::new().epochs(4).steps_per_epoch(3).batch_size(8).shuffle(false);
    assert_eq!(model()?.fit((&x, &y), fit)?, halves);
    let said = said(model()?.fit(dataset.repeat(None), Fit::new()));
    assert!(said.contains("never ends") && said.contains("steps_per_epoch"), "{said}");
    Ok(())
}

#[test]
fn a_dataset_validates_evaluates_and_predicts() -> Result<()> {
    let ((x, y), dataset) = (examples(50), pairs(50).batch(32));
    let fit = || Fit::new().epochs(2).shuffle(false);
    let with_arrays = model()?.fit((&x, &y), fit().validation_data((&x, &y)))?;
    let with_dataset = model()?.fit(&dataset, fit().validation_data(&dataset))?;
    assert_eq!(with_dataset, with_arrays);
    let model = model()?;
    assert_eq!(model.evaluate(&dataset)?, model.evaluate((&x, &y))?);
    let wanted = model.predict(&x)?.to_vec::<f32>()?;
    assert_eq!(model.predict(&dataset)?.to_vec::<f32>()?, wanted);
    let inputs = dataset.map(|(x, _): (Tensor, Tensor)| x);
    assert_eq!(model.predict(&inputs)?.to_vec::<f32>()?, wanted);
    let endless = said(model.evaluate(dataset.repeat(None)));
    assert!(endless.contains("never ends") && endless.contains("take"), "{endless}");
    Ok(())
}

#[test]
fn errors_name_the_element() -> Result<()> {
    let fails = |dataset: Dataset| -> Result<String> { Ok(said(model()?.fit(dataset, Fit::new()))) };
    let (x, y) = examples(24);
    let batches = pairs(24).batch(8);
    // The third batch has other features.
    let wide =
        Dataset::from_slices((Tensor::zeros([1, 8, 4], DType::F32), Tensor::zeros([1, 8, 1], DType::F32)));
    let found = fails(
        batches
            .take(2)
            .map_items(tensorwright_data::Spec::Any, Ok)
            .concatenate(&wide.map_items(tensorwright_data::Spec::Any, Ok)),
    )?;
    assert!(found.starts_with("element 2 of the dataset: "), "{found}");
    let refused = batches.map_items(batches.spec()?.clone(), {
        let seen = std::sync::atomic::AtomicUsize::new(0);
        move |item| match seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            1 => Err(tensorwright_data::DataError::invalid("no such picture")),
            _ => Ok(item),
        }
    });
    let found = fails(refused)?;
    assert!(found.contains("element 1 of `map`") && found.contains("no such picture"), "{found}");
    let found = fails(Dataset::from_iter(["a", "b"].map(String::from)).batch(2))?;
    assert!(found.starts_with("element 0 of the dataset: inputs: "), "{found}");
    let four = Dataset::from_slices((x.clone(), y.clone(), y.clone(), y.clone())).batch(8);
    let found = fails(four)?;
    assert!(found.contains("element 0") && found.contains("(inputs, targets, weights)"), "{found}");
    let uneven = Dataset::from_iter([0i64]).map(move |_: i64| (x.clone(), y.i(..9)));
    let found = fails(uneven)?;
    assert!(found.contains("element 0") && found.contains("24") && found.contains("examples"), "{found}");
    let found = fails(batches.take(0))?;
    assert!(found.contains("there are no examples"), "{found}");
    let found = fails(batches.batch(0))?;
    assert!(found.contains("at least 1"), "{found}");
    let split = said(model()?.fit(&batches, Fit::new().validation_split(0.5)));
    assert!(split.contains("for arrays"), "{split}");
    Ok(())
}

#[test]
fn classes_have_weights_in_datasets_too() -> Result<()> {
    let (x, _) = examples(40);
    let classes = x.i((.., 0)).gt(0.0).cast(DType::I32);
    let model = || -> Result<Model> {
        set_seed(3);
        let model = Model::new(Dense::new(2).activation(tensorwright_nn::Activation::Softmax));
        model.compile(Sgd::default(), tensorwright_nn::losses::SparseCategoricalCrossentropy::default(), &[]);
        Ok(model)
    };
    let fit = || Fit::new().epochs(2).shuffle(false).class_weights([0.25, 4.0]);
    let start = model()?;
    start.build(std::slice::from_ref(&x))?;
    let weights: Vec<Tensor> = start.parameters().iter().map(|(_, variable)| variable.value()).collect();
    let begin = || -> Result<Model> {
        let model = model()?;
        model.build(std::slice::from_ref(&x))?;
        model.parameters().iter().zip(&weights).try_for_each(|((_, own), value)| own.assign(value))?;
        Ok(model)
    };
    let wanted = begin()?.fit((&x, &classes), fit())?;
    let dataset = Dataset::from_slices((x.clone(), classes.clone())).batch(32);
    assert_eq!(begin()?.fit(&dataset, fit())?, wanted);
    assert_ne!(begin()?.fit(&dataset, Fit::new().epochs(2))?, wanted);
    let few = Fit::new().class_weights([1.0]);
    let found = said(begin()?.fit(&dataset, few));
    assert!(found.contains("element 0") && found.contains("class 1 has none"), "{found}");
    Ok(())
}

/// Two inputs and two outputs with names.
fn named() -> Result<Model> {
    let (left, right) = (Input::new([3]).named("left"), Input::new([2]).named("right"));
    let both = Concatenate::new().on([&left, &right]);
    let (sum, first) = (Dense::new(1).layer().with_name("sum")?, Dense::new(2).layer().with_name("first")?);
    let model = Model::new(Functional::new([&left, &right], [&sum.on(&both), &first.on(&both)])?);
    let plan = Plan::without_loss(Adam::default()).loss_of("first", MeanSquaredError, 0.5);
    model.compile_with(
        plan.loss_of("sum", MeanSquaredError, 2.0).metric_of("first", "mae").metric_of("sum", "mse"),
    );
    Ok(model)
}

#[test]
fn inputs_and_targets_may_have_names() -> Result<()> {
    let (left, _) = examples(16);
    let right = RandomKey::new(8).normal([16, 2], 0.0f32, 1.0);
    let (sum, first) = (left.sum(-1).expand_dims(-1), right.clone());
    let parts = [left.clone(), right.clone(), sum.clone(), first.clone()];
    let item = move |parts: [Tensor; 4]| -> tensorwright_data::Result<Item> {
        let [left, right, sum, first] = parts.map(Item::from_tensor);
        let inputs = Item::dict([("right", right?), ("left", left?)]);
        Ok(Item::tuple([inputs, Item::dict([("sum", sum?), ("first", first?)])]))
    };
    let batch = item(parts)?;
    let dataset = Dataset::range(1).map_items(tensorwright_data::Spec::Any, move |_| Ok(batch.clone()));
    let model = named()?;
    let arrays = Arrays::new(vec![left.clone(), right], vec![sum, first]);
    let wanted = model.evaluate(&arrays)?;
    assert_eq!(model.evaluate(&dataset)?, wanted);
    let names: Vec<&str> = wanted.entries().iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["loss", "sum_loss", "first_loss", "first_mae", "sum_mse"]);
    let of = |name: &str| wanted.get(name).expect("a number");
    assert!((of("loss") - 2.0 * of("sum_loss") - 0.5 * of("first_loss")).abs() < 1e-5);
    assert!((of("sum_mse") - of("sum_loss")).abs() < 1e-5);
    assert_eq!(model.fit(&dataset, Fit::new())?.names(), names);
    assert_eq!(model.predict_all(&dataset)?.len(), 2);
    assert!(said(model.predict(&dataset)).contains("predict_all"));

    let lone = Item::dict([("left", Item::from_tensor(left)?)]);
    let dataset = Dataset::range(1).map_items(tensorwright_data::Spec::Any, move |_| Ok(lone.clone()));
    let found = said(named()?.predict(&dataset));
    assert!(found.contains("element 0") && found.contains("`right` is missing"), "{found}");
    let model = named()?;
    model.compile_with(Plan::without_loss(Adam::default()).loss_of("last", MeanSquaredError, 1.0));
    let found = said(model.fit(&arrays, Fit::new()));
    assert!(found.contains("no output `last` among sum, first"), "{found}");
    Ok(())
}
