//! A training loop of one's own, with a tape, beside the same in `fit`: the same losses, to the last bit.
//!
//! `cargo run --release -p tensorwright-examples --bin custom_loop`

mod pictures;

use anyhow::{Result, ensure};
use tensorwright::nn::layers::Dense;
use tensorwright::nn::losses::{Loss, SparseCategoricalCrossentropy};
use tensorwright::nn::optimizers::{Optimizer, Sgd};
use tensorwright::nn::{Activation, Context, Fit, LayerRef, Model, Sequential, set_seed};
use tensorwright::prelude::*;

use pictures::{Curve, curves};

const EPOCHS: usize = 60;
const BATCH: usize = 64;

/// Points of three arms of a spiral.
fn spirals() -> Result<(Tensor, Tensor)> {
    let points = tensorwright::data::sets::spirals(576, 3, 0.05, 11).batch(576);
    let (x, y) = points.iter_as::<(Tensor, Tensor)>()?.next().expect("there are points")?;
    Ok((x, y.cast(DType::I32)))
}

fn network() -> LayerRef {
    set_seed(8);
    let hidden = || Dense::new(48).activation(Activation::Tanh);
    Sequential::new().add(hidden()).add(hidden()).add(Dense::new(3)).layer()
}

fn optimizer() -> Optimizer {
    Optimizer::from(Sgd { momentum: 0.9, ..Sgd::default() }).learning_rate(0.1)
}

fn loss() -> Loss {
    SparseCategoricalCrossentropy { from_logits: true, ..Default::default() }.into()
}

/// The mean loss of each epoch, by a loop that is written out.
fn by_hand(x: &Tensor, y: &Tensor) -> Result<Vec<f64>> {
    let network = network();
    network.infer(x.i(..1))?; // makes the weights
    let optimizer = optimizer().bind(&network)?;
    let (loss, variables) = (loss(), optimizer.variables().to_vec());
    let step = function(move |(x, y): (Tensor, Tensor)| {
        let tape = GradientTape::new();
        let found = network.call(&x, &Context::inference())?.tensor()?;
        let value = loss.call(&y, &found)?;
        let weights: Vec<Tensor> = variables.iter().map(Variable::value).collect();
        let gradients = tape.gradient_or_error(&value, &weights.iter().collect::<Vec<_>>())?;
        optimizer.apply(&gradients)?;
        Ok(value)
    });
    let batches = x.extent(0)? / BATCH;
    let mut means = Vec::new();
    for _ in 0..EPOCHS {
        let mut sum = 0.0;
        for batch in 0..batches {
            let rows = batch * BATCH..(batch + 1) * BATCH;
            sum += f64::from(step.call((x.i(rows.clone()), y.i(rows)))?.item::<f32>()?);
        }
        means.push(sum / batches as f64);
    }
    Ok(means)
}

fn by_fit(x: &Tensor, y: &Tensor) -> Result<Vec<f64>> {
    let model = Model::new(network());
    model.compile(optimizer(), loss(), &["accuracy"]);
    let history = model.fit((x, y), Fit::new().epochs(EPOCHS).batch_size(BATCH).shuffle(false))?;
    println!("{}", history.last().map(ToString::to_string).unwrap_or_default());
    Ok(history.curve("loss"))
}

fn main() -> Result<()> {
    let (x, y) = spirals()?;
    let (own, fit) = (by_hand(&x, &y)?, by_fit(&x, &y)?);
    let apart = own.iter().zip(&fit).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    println!(
        "last loss {:.4} by hand, {:.4} by fit; furthest apart {apart:.1e}",
        own[EPOCHS - 1],
        fit[EPOCHS - 1]
    );
    let points =
        |losses: &[f64]| losses.iter().enumerate().map(|(i, &loss)| (i as f64 + 1.0, loss)).collect();
    let lines = [
        Curve { name: "a loop with a tape", points: points(&own) },
        Curve { name: "fit", points: points(&fit) },
    ];
    curves("custom_loop.svg", ["Three spirals", "epoch", "loss"], 0.0..EPOCHS as f64, 0.0..1.2, &lines)?;
    ensure!(apart < 1e-5, "the loops are not the same");
    Ok(())
}
