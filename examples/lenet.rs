//! A convolutional network learns to read handwritten digits, with one compiled step.
//!
//! `cargo run --release -p tensorwright-examples --bin lenet`
//!
//! Two convolutions with a pool, after LeCun et al. 1998, and two dense layers. The 1347 images before the test rows are shuffled anew in each epoch, and each is moved by up to a pixel, by keys: a seed gives the same
//! network each time. Moving, dropout, loss, gradient and the update are one graph. Steps get shorter from the first to the last.

mod images;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use tensorwright::optimizer::{Adam, Trainer};
use tensorwright::prelude::*;
use tensorwright::{ConvOptions, LossReduction, Padding, PoolOptions};

use images::{FIRST_TEST_ROW, ROWS, images};

const SIDE: usize = 8;
const BATCH: usize = 32;
const EPOCHS: usize = 60;
const STEPS: usize = EPOCHS * (FIRST_TEST_ROW / BATCH);
const SEED: u64 = 3;
/// Images that must be right at the end, of 450: 98 %.
const ENOUGH: usize = 441;

/// A layer with weights and biases: a convolution's kernel `f32[k, l, c, o]`, or a matrix.
#[derive(Module)]
struct Layer {
    weight: Variable,
    bias: Variable,
}

impl Layer {
    /// Random weights, after He et al. 2015, and no biases.
    fn new(key: &RandomKey, shape: &[usize]) -> tensorwright::Result<Layer> {
        let (inputs, outputs) = shape.split_at(shape.len() - 1);
        let deviation = (2.0 / inputs.iter().product::<usize>() as f32).sqrt();
        Ok(Layer {
            weight: Variable::named("weight", key.normal(shape, 0.0, deviation))?,
            bias: Variable::named("bias", Tensor::zeros(outputs, DType::F32))?,
        })
    }

    fn conv(&self, x: &Tensor) -> Tensor {
        let y = x.conv2d(self.weight.value(), ConvOptions::new().padding(Padding::Same));
        (y + self.bias.value()).relu()
    }

    fn dense(&self, x: &Tensor) -> Tensor {
        x.matmul(self.weight.value()) + self.bias.value()
    }
}

#[derive(Module)]
struct Network {
    convolutions: Vec<Layer>,
    dense: Vec<Layer>,
}

impl Network {
    fn new() -> tensorwright::Result<Network> {
        let keys: [RandomKey; 4] = RandomKey::new(SEED).split();
        Ok(Network {
            convolutions: vec![Layer::new(&keys[0], &[3, 3, 1, 32])?, Layer::new(&keys[1], &[3, 3, 32, 64])?],
            dense: vec![Layer::new(&keys[2], &[1024, 128])?, Layer::new(&keys[3], &[128, 10])?],
        })
    }

    /// What the convolutions make of images `f32[n, 8, 8, 1]`, `f32[n, 1024]`.
    fn features(&self, images: &Tensor) -> Tensor {
        let edges = self.convolutions[0].conv(images).max_pool(2, PoolOptions::new());
        self.convolutions[1].conv(&edges).flatten(1, 4)
    }

    /// One number for each class, `f32[n, 10]`, of features.
    fn logits(&self, features: &Tensor) -> Tensor {
        self.dense[1].dense(&self.dense[0].dense(features).relu())
    }

    /// How many test images it gets right.
    fn correct(&self) -> Result<usize> {
        let (pixels, labels) = images(FIRST_TEST_ROW..ROWS)?;
        let x = Tensor::from_slice(&pixels, [labels.len(), SIDE, SIDE, 1]);
        let found = self.logits(&self.features(&x)).argmax(-1).cast(DType::I64).to_vec::<i64>()?;
        Ok(found.iter().zip(&labels).filter(|(found, label)| **found == **label as i64).count())
    }
}

/// Each image moved by up to a pixel, blank where nothing was.
fn moved(images: &Tensor, key: &RandomKey) -> tensorwright::Result<Tensor> {
    let padded = images.pad(0.0f32, [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]);
    let corners = key.randint([BATCH, 2], 0, 3);
    let cut = |(image, corner): (Tensor, Tensor)| {
        image.dynamic_slice((corner.i(0), corner.i(1), 0), (SIDE, SIDE, 1))
    };
    vmap(cut).call((padded, corners))
}

/// The compiled step: from images, labels `i32[n]`, a key and the length of the step, of 1, to the mean loss before it.
fn training_step(network: Arc<Network>) -> Result<Function<(Tensor, Tensor, RandomKey, Tensor), Tensor>> {
    let trainer = Trainer::of(Adam { learning_rate: 3e-3, weight_decay: 0.1, ..Adam::default() }, &*network)?;
    Ok(function(move |(images, labels, key, length): (Tensor, Tensor, RandomKey, Tensor)| {
        let [moves, drops] = key.split();
        let images = moved(&images, &moves)?;
        let parameters = network.parameters();
        let before: Vec<Tensor> = parameters.iter().map(|(_, parameter)| parameter.value()).collect();
        let loss = trainer.step(|| {
            let features = network.features(&images).dropout(&drops, 0.5);
            network.logits(&features).sparse_softmax_cross_entropy(&labels, -1, LossReduction::Mean)
        })?;
        for ((_, parameter), before) in parameters.iter().zip(before) {
            parameter.assign(&before + (parameter.value() - &before) * &length)?;
        }
        Ok(loss)
    }))
}

fn main() -> Result<()> {
    let (pixels, labels) = images(0..FIRST_TEST_ROW)?;
    let pixels = Tensor::from_slice(&pixels, [FIRST_TEST_ROW, SIDE, SIDE, 1]);
    let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let labels = Tensor::from_slice(&labels, [FIRST_TEST_ROW]);

    let network = Arc::new(Network::new()?);
    let step = training_step(network.clone())?;
    let mut times = Vec::new();
    for epoch in 0..EPOCHS {
        let key = RandomKey::new(SEED).fold_in(epoch);
        let order = key.permutation(FIRST_TEST_ROW);
        let mut loss = f32::NAN;
        for batch in 0..FIRST_TEST_ROW / BATCH {
            let rows = order.i(batch * BATCH..(batch + 1) * BATCH);
            let (x, y) = (pixels.take(&rows, 0), labels.take(&rows, 0));
            let start = Instant::now();
            let length = 1.0 - times.len() as f32 / STEPS as f32;
            loss = step.call((&x, &y, &key.fold_in(batch), length))?.item::<f32>()?;
            times.push(start.elapsed());
        }
        if epoch % 10 == 9 {
            println!("epoch {}: loss {loss:.4}", epoch + 1);
        }
    }

    let (correct, first) = (network.correct()?, times.remove(0));
    let best = times.iter().min().copied().unwrap_or_default();
    println!(
        "{correct} of {} test images right; first step {first:.1?} (trace, differentiate, compile, run), best {best:.1?}; \
         {} graph",
        ROWS - FIRST_TEST_ROW,
        step.trace_count()
    );
    ensure!(step.trace_count() == 1, "one graph for all steps");
    ensure!(correct >= ENOUGH, "only {correct} images are right, expected at least {ENOUGH}");
    Ok(())
}
