//! Times an epoch of the network that Keras's introduction trains: `cargo run --release -p tensorwright-benches --bin epoch`
//!
//! 10,000 images of 28 x 28 in batches of 128, two convolutions. `python3 benches/epoch.py` times the same in Keras, on the backend that it is set to.

use std::time::Instant;

use anyhow::Result;
use tensorwright::nn::layers::*;
use tensorwright::nn::losses::SparseCategoricalCrossentropy;
use tensorwright::nn::optimizers::Adam;
use tensorwright::nn::{Activation, Fit, Model, Sequential};
use tensorwright::prelude::*;

const IMAGES: usize = 10_000;
const EPOCHS: usize = 5;

fn main() -> Result<()> {
    let [pixels, labels] = RandomKey::new(0).split();
    let x = pixels.normal((IMAGES, 28, 28, 1), 0.0f32, 1.0).ok()?;
    let y = labels.randint(IMAGES, 0i32, 10).ok()?;
    let conv = |filters| Conv2D::new(filters, 3).activation(Activation::Relu);
    let network = Sequential::new()
        .add(conv(32))
        .add(MaxPooling2D::new())
        .add(conv(64))
        .add(MaxPooling2D::new())
        .add(Flatten::new())
        .add(Dropout::new(0.5))
        .add(Dense::new(10).activation(Activation::Softmax));
    let model = Model::new(network);
    model.compile(Adam::default(), SparseCategoricalCrossentropy::default(), &["accuracy"]);
    let mut times = Vec::new();
    for _ in 0..EPOCHS {
        let start = Instant::now();
        model.fit((&x, &y), Fit::new().epochs(1).batch_size(128))?;
        times.push(start.elapsed().as_secs_f64());
    }
    let best = times.iter().copied().fold(f64::INFINITY, f64::min);
    println!("first epoch {:.3} s, best {best:.3} s", times[0]);
    Ok(())
}
