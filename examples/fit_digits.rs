//! A convolutional network learns handwritten digits in a few lines; the curves of its training, and its layers, are pictures.
//!
//! `cargo run --release -p tensorwright-examples --bin fit_digits`
//!
//! The 1347 images before the test rows are shuffled anew in each epoch, and each is moved by up to a pixel, by keys: a seed gives the same network each time. What the network is, dropout and the length of training were
//! chosen by three parts of a fifth of these 1347, trained with the rest; the test rows were looked at once, afterwards.

use std::fs;
use std::time::Instant;

use anyhow::{Result, ensure};
use tensorwright::data::sets::Registry;
use tensorwright::nn::layers::*;
use tensorwright::nn::losses::SparseCategoricalCrossentropy;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::schedules::CosineDecay;
use tensorwright::nn::{Activation, Fit, Model, PaddingMode, Sequential, set_seed};

const EPOCHS: usize = 80;
const BATCH: usize = 32;
/// Images of a training epoch.
const COUNT: usize = 1347;
/// How many of the 450 test images must be right: 98 %.
const ENOUGH: f64 = 0.98;

/// Two convolutions; images are moved by up to a pixel while it trains.
fn network() -> Sequential {
    let moved = RandomTranslation::new((-0.12, 0.12), (-0.12, 0.12))
        .fill_mode(FillMode::Constant)
        .interpolation(PixelMethod::Nearest);
    Sequential::new()
        .add(Rescaling::new(1.0 / 16.0))
        .add(Reshape::new([8, 8, 1]))
        .add(moved)
        .add(Conv2D::new(32, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(MaxPooling2D::new())
        .add(Conv2D::new(64, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(Flatten::new())
        .add(Dropout::new(0.4))
        .add(Dense::new(128).activation(Activation::Relu))
        .add(Dropout::new(0.4))
        .add(Dense::new(10))
}

/// Adam, whose steps get shorter along half a wave of a cosine.
fn optimizer() -> Optimizer {
    let decay_steps = (EPOCHS * COUNT.div_ceil(BATCH)) as f64;
    let slower = CosineDecay { initial_learning_rate: 2e-3, decay_steps, ..CosineDecay::default() };
    Optimizer::from(Adam::default()).learning_rate(slower).weight_decay(0.1)
}

fn main() -> Result<()> {
    let sets = Registry::builtin();
    let (train, test) = (sets.load("digits", "train")?, sets.load("digits", "test")?.batch(450));
    let start = Instant::now();

    set_seed(1);
    let model = Model::new(network());
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    model.compile(optimizer(), loss, &["accuracy"]);
    let history = model.fit(train.shuffle((COUNT, 1)).batch(BATCH), Fit::new().epochs(EPOCHS))?;

    let time = start.elapsed();
    let found = model.evaluate(&test)?;
    println!("{}\n450 test images: {found}; {time:.1?}", model.summary()?);
    let folder = std::env::temp_dir();
    fs::write(folder.join("fit_digits.svg"), history.to_svg(&["loss", "accuracy"]))?;
    fs::write(folder.join("fit_digits_layers.svg"), model.plot()?)?;
    println!("pictures: fit_digits.svg and fit_digits_layers.svg in {}", folder.display());
    ensure!(found.get("accuracy") >= Some(ENOUGH), "too many are wrong: {found}");
    Ok(())
}
