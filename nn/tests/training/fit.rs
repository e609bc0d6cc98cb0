//! Training: the same bits on any number of threads, early ends, and what does not fit.

use tensorwright::prelude::*;
use tensorwright_nn::callbacks::EarlyStopping;
use tensorwright_nn::layers::*;
use tensorwright_nn::optimizers::Adam;
use tensorwright_nn::{Fit, Model, Sequential};

use crate::{digits, loss, network};

#[test]
fn the_same_seed_trains_the_same_network() -> Result<(), tensorwright_nn::Error> {
    let (x, y) = digits();
    let data = (&x.i(..256), &y.i(..256));
    let first = Model::new(network());
    first.build(std::slice::from_ref(&x))?;
    let start: Vec<Tensor> = first.layer().variables().iter().map(|(_, variable)| variable.value()).collect();
    let run = |threads: usize| {
        tensorwright::set_threads(threads);
        let model = Model::new(network());
        model.build(std::slice::from_ref(&x))?;
        let variables = model.layer().variables();
        variables.iter().zip(&start).try_for_each(|((_, variable), value)| variable.assign(value))?;
        model.compile(Adam::default(), loss(), &["accuracy"]);
        model.fit(data, Fit::new().epochs(2).seed(9))?;
        model.predict(data.0)?.to_vec::<f32>().map_err(tensorwright_nn::Error::from)
    };
    let (one, two) = (run(1)?, run(2)?);
    tensorwright::set_threads(0);
    assert_eq!(one, two);
    Ok(())
}

#[test]
fn training_ends_when_nothing_becomes_better() -> Result<(), tensorwright_nn::Error> {
    let (x, y) = digits();
    let model = Model::new(Sequential::new().add(Flatten::new()).add(Dense::new(10)));
    model.compile(Adam::default(), loss(), &[]);
    let stop = EarlyStopping::new("loss", 2).min_delta(1e3);
    let history = model.fit((&x, &y), Fit::new().epochs(50).callback(stop))?;
    assert_eq!(history.epochs().len(), 3);
    Ok(())
}

#[test]
fn what_does_not_fit_is_an_error() -> Result<(), tensorwright_nn::Error> {
    let (x, y) = digits();
    let model = Model::new(network());
    assert!(model.fit((&x, &y), Fit::new()).is_err_and(|error| error.to_string().contains("compile")));
    model.compile(Adam::default(), loss(), &["no metric"]);
    assert!(
        model.fit((&x, &y.i(..9)), Fit::new()).is_err_and(|error| error.to_string().contains("examples"))
    );
    assert!(model.fit((&x, &y), Fit::new()).is_err_and(|error| error.to_string().contains("no metric")));
    assert!(Model::load("nowhere.zip").is_err_and(|error| error.to_string().contains("nowhere.zip")));
    Ok(())
}
