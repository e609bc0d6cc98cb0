//! An autoencoder learns to take noise off handwritten digits: sixteen numbers describe an image.
//!
//! `cargo run --release -p tensorwright-examples --bin autoencoder`

mod images;
mod pictures;

use anyhow::{Result, ensure};
use tensorwright::nn::layers::Dense;
use tensorwright::nn::losses::MeanSquaredError;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Fit, LayerRef, Model, Sequential, set_seed};
use tensorwright::prelude::*;

use images::{FIRST_TEST_ROW, PIXELS, ROWS, images};

/// Numbers that describe an image.
const CODE: usize = 16;
/// Digits in the picture, each in a row: what was given, what came back, what it should be.
const SHOWN: usize = 16;

fn digits(rows: std::ops::Range<usize>) -> Result<Tensor> {
    let count = rows.len();
    Ok(Tensor::from_slice(&images(rows)?.0, [count, PIXELS]).ok()?)
}

fn dense(size: usize, activation: Activation) -> LayerRef {
    Dense::new(size).activation(activation).layer()
}

fn main() -> Result<()> {
    set_seed(2);
    let noise = RandomKey::new(9);
    let noisy = |x: &Tensor, part: u32| {
        let shape = x.shape().cloned().unwrap_or_default();
        (x + noise.fold_in(part).normal(shape, 0.0f32, 0.25)).clamp(0.0, 1.0)
    };
    let (clean, test) = (digits(0..FIRST_TEST_ROW)?, digits(FIRST_TEST_ROW..ROWS)?);
    // Each image comes with four kinds of noise.
    let given = Tensor::concat(&[0, 1, 2, 3].map(|part| noisy(&clean, part)), 0);
    let wanted = Tensor::concat(&[&clean; 4], 0);

    let encoder = [dense(48, Activation::Relu), dense(CODE, Activation::Linear)];
    let decoder = [dense(48, Activation::Relu), dense(PIXELS, Activation::Sigmoid)];
    let model = Model::sequential(encoder.iter().chain(&decoder).cloned());
    model.compile(Optimizer::from(Adam::default()).learning_rate(2e-3), MeanSquaredError, &[]);
    let history = model.fit((&given, &wanted), Fit::new().epochs(60).batch_size(64))?;

    let seen = noisy(&test, 4);
    let found = model.predict(&seen)?;
    let error = |x: &Tensor| (x - &test).square().mean(..).item::<f32>();
    let (before, after) = (error(&seen)?, error(&found)?);
    println!("mean squared error of images that it has not seen: {before:.4} with noise, {after:.4} without");

    // The encoder alone, which shares its layers with the model.
    let codes = Sequential::from_iter(encoder).layer().infer(&test)?;
    println!("an image of {PIXELS} pixels as {CODE} numbers: {}", codes.i(0));

    let row = |x: &Tensor| x.i(..SHOWN).reshape((SHOWN, 8, 8)).transpose([1, 0, 2]).reshape((8, SHOWN * 8));
    let between = Tensor::ones((1, SHOWN * 8), DType::F32) * 0.5;
    let rows = [&row(&seen), &between, &row(&found), &between, &row(&test)];
    pictures::shades("autoencoder.png", SHOWN * 8, &Tensor::concat(&rows, 0).to_vec::<f32>()?, 5)?;
    pictures::write("autoencoder.svg", &history.to_svg(&["loss"]))?;
    ensure!(after < before / 2.0, "the noise is still there");
    Ok(())
}
