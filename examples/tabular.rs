//! A network for a table: measures of tumours, which are malignant or benign, with the receiver's curve on patients that it has not seen.
//!
//! `cargo run --release -p tensorwright-examples --bin tabular`
//!
//! The first layer learns mean and deviation of each column from the training rows; the model is trained until the loss on a part of
//! these gets no better, and then asked about the others.

mod pictures;

use anyhow::{Context, Result, ensure};
use tensorwright::data::sets::Registry;
use tensorwright::nn::callbacks::EarlyStopping;
use tensorwright::nn::layers::{Dense, Dropout, Normalization};
use tensorwright::nn::losses::BinaryCrossentropy;
use tensorwright::nn::metrics::Auc;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Fit, Model, Plan, Sequential, set_seed};
use tensorwright::prelude::*;

use pictures::{Curve, curves};

/// Rows of the table, of which the last fifth are for the test.
const ROWS: usize = 569;
const TRAIN: usize = 455;

/// Measures `f32[569, 30]` and labels, in an order that a seed chooses.
fn table() -> Result<(Tensor, Tensor)> {
    let rows = Registry::builtin().load("breast_cancer", "train")?.batch(ROWS);
    let (x, y) = rows.iter_as::<(Tensor, Tensor)>()?.next().context("the table has rows")??;
    let order = RandomKey::new(5).permutation(ROWS);
    Ok((x.take(&order, 0), y.take(&order, 0).cast(DType::F32).expand_dims(-1)))
}

/// Rates of false and of true positives as the threshold falls.
fn receiver(truth: &[f32], found: &[f32]) -> Vec<(f64, f64)> {
    let mut order: Vec<usize> = (0..truth.len()).collect();
    order.sort_by(|&a, &b| found[b].total_cmp(&found[a]));
    let positive = truth.iter().filter(|&&y| y > 0.5).count() as f64;
    let negative = truth.len() as f64 - positive;
    let mut points = vec![(0.0, 0.0)];
    for i in order {
        let (x, y) = points[points.len() - 1];
        points.push(if truth[i] > 0.5 { (x, y + 1.0 / positive) } else { (x + 1.0 / negative, y) });
    }
    points
}

fn main() -> Result<()> {
    set_seed(3);
    let (x, y) = table()?;
    let (train, test) = ((x.i(..TRAIN), y.i(..TRAIN)), (x.i(TRAIN..), y.i(TRAIN..)));

    let scaled = Normalization::new().layer();
    scaled.adapt(&[train.0.clone().into()])?;
    let network = Sequential::new()
        .add(scaled)
        .add(Dense::new(16).activation(Activation::Relu))
        .add(Dropout::new(0.3))
        .add(Dense::new(1).activation(Activation::Sigmoid));
    let model = Model::new(network);
    let adam = Optimizer::from(Adam::default()).learning_rate(3e-3);
    let plan = Plan::new(adam, BinaryCrossentropy::default());
    model.compile_with(plan.metric_named("accuracy").metric(Auc::default()));

    let stop = EarlyStopping::new("val_loss", 10).restore_best_weights();
    let history = model.fit(train, Fit::new().epochs(200).validation_split(0.2).callback(stop))?;
    println!("{}", model.summary()?);
    let result = model.evaluate(test.clone())?;
    println!(
        "{} epochs; on {} patients that it has not seen: {result}",
        history.epochs().len(),
        ROWS - TRAIN
    );

    let found = model.predict(&test.0)?.to_vec::<f32>()?;
    let receiver = Curve { name: "the network", points: receiver(&test.1.to_vec::<f32>()?, &found) };
    let chance = Curve { name: "chance", points: vec![(0.0, 0.0), (1.0, 1.0)] };
    let title = ["Benign tumours that are found", "rate of false positives", "rate of true positives"];
    curves("tabular.svg", title, 0.0..1.0, 0.0..1.2, &[receiver, chance])?;
    ensure!(result.get("auc") > Some(0.98), "the area under the curve is too small: {result}");
    Ok(())
}
