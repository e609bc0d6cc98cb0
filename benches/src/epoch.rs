//! Times an epoch of the network that Keras's introduction trains: `cargo run --release -p tensorwright-benches --bin epoch`
//!
//! 10,000 images of 28 x 28 in batches of 128, two convolutions. `python3 benches/epoch.py` times the same in Keras, on the backend that it is set to.
//! With `--profile` it shows where the time of one step goes.

use std::time::Instant;

use anyhow::Result;
use clap::Parser;
use tensorwright::nn::layers::*;
use tensorwright::nn::losses::{Loss, SparseCategoricalCrossentropy};
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Context, Fit, Inputs, LayerRef, Model, Sequential};
use tensorwright::prelude::*;

/// Times an epoch of training.
#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Show where the time of a step goes instead.
    #[arg(long)]
    profile: bool,
}

const IMAGES: usize = 10_000;
const BATCH: usize = 128;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let [pixels, labels] = RandomKey::new(0).split();
    let x = pixels.normal((IMAGES, 28, 28, 1), 0.0f32, 1.0).ok()?;
    let y = labels.randint(IMAGES, 0i32, 10).ok()?;
    if arguments.profile {
        return profile(&x.i(..BATCH), &y.i(..BATCH));
    }
    let model = Model::new(network());
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), &["accuracy"]);
    let mut times = Vec::new();
    for _ in 0..arguments.epochs {
        let start = Instant::now();
        model.fit((&x, &y), Fit::new().epochs(1).batch_size(BATCH))?;
        times.push(start.elapsed().as_secs_f64());
    }
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("first epoch {:.3} s, best {best:.3} s", times[0]);
    Ok(())
}

fn network() -> Sequential {
    let conv = |filters| Conv2D::new(filters, 3).activation(Activation::Relu);
    Sequential::new()
        .add(conv(32))
        .add(MaxPooling2D::new())
        .add(conv(64))
        .add(MaxPooling2D::new())
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation(Activation::Softmax))
}

/// Prints the profile of one step: the network, its gradient, the rule.
fn profile(x: &Tensor, y: &Tensor) -> Result<()> {
    let layer = LayerRef::from(network());
    layer.call(x, &Context::inference())?;
    let rule = Optimizer::from(Adam::default()).bind(&layer)?;
    let loss = Loss::from(SparseCategoricalCrossentropy::default());
    let step = function(move |(x, y, key): (Tensor, Tensor, Tensor)| {
        rule.minimize(|| {
            let context = Context::training(RandomKey::new(0).fold_in(&key));
            let found = layer.call(Inputs::from(&x), &context)?.tensor()?;
            loss.call(&y, &found)
        })
    });
    println!("{}", step.concrete((x, y, 0i64))?.profile((x, y, 0i64), 30)?);
    Ok(())
}
