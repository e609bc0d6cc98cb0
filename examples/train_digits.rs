//! Training: a network learns to read handwritten digits from scratch, with one compiled step.
//!
//! `cargo run --release -p tensorwright-examples --bin train_digits`
//!
//! A step computes the loss of a batch, its gradient, and what Adam makes of it, in one graph, and updates the parameters, which are
//! variables. The 1347 images before the test rows are shuffled anew in each epoch, by a key, so that a seed gives the same
//! network each time: the same bits on any number of threads.

mod images;

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use tensorwright::LossReduction;
use tensorwright::optimizer::{Adam, Trainer};
use tensorwright::prelude::*;

use images::{FIRST_TEST_ROW, PIXELS, ROWS, images};

const LAYERS: [usize; 4] = [PIXELS, 128, 64, 10];
const BATCH: usize = 128;
const EPOCHS: usize = 25;
const SEED: u64 = 7;
/// Images that must be right at the end, of 450: 93 %.
const ENOUGH: usize = 419;

/// A layer of the network.
#[derive(Module)]
struct Dense {
    weight: Variable,
    bias: Variable,
}

#[derive(Module)]
struct Network {
    layers: Vec<Dense>,
}

impl Network {
    /// Random weights, after He et al. 2015, and no biases.
    fn new() -> tensorwright::Result<Network> {
        let keys: [RandomKey; 3] = RandomKey::new(SEED).split();
        let layer = |(key, size): (&RandomKey, &[usize])| {
            let deviation = (2.0 / size[0] as f32).sqrt();
            Ok(Dense {
                weight: Variable::named("weight", key.normal([size[0], size[1]], 0.0, deviation))?,
                bias: Variable::named("bias", Tensor::zeros([size[1]], DType::F32))?,
            })
        };
        let layers = keys.iter().zip(LAYERS.windows(2)).map(layer);
        Ok(Network { layers: layers.collect::<tensorwright::Result<_>>()? })
    }

    /// One number for each class, `f32[n, 10]`, of images `f32[n, 64]`.
    fn logits(&self, images: &Tensor) -> Tensor {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(images.clone(), |x, (i, layer)| {
            let x = x.matmul(layer.weight.value()) + layer.bias.value();
            if i < last { x.relu() } else { x }
        })
    }

    /// How many test images it gets right.
    fn correct(&self) -> Result<usize> {
        let (pixels, labels) = images(FIRST_TEST_ROW..ROWS)?;
        let x = Tensor::from_slice(&pixels, [labels.len(), PIXELS]);
        let found = self.logits(&x).argmax(-1).cast(DType::I64).to_vec::<i64>()?;
        Ok(found.iter().zip(&labels).filter(|(found, label)| **found == **label as i64).count())
    }
}

fn main() -> Result<()> {
    let mut networks = Vec::new();
    for threads in [1, 2] {
        tensorwright::set_threads(threads);
        let trained = train(threads)?;
        let bits = trained.variables().into_iter().map(|(_, variable)| variable.value().to_vec::<f32>());
        networks.push(bits.collect::<Result<Vec<_>, _>>()?.concat());
    }
    ensure!(networks[0] == networks[1], "the number of threads changes the network");
    println!("2 threads give the bits of 1");
    Ok(())
}

fn train(threads: usize) -> Result<Arc<Network>> {
    let (pixels, labels) = images(0..FIRST_TEST_ROW)?;
    let pixels = Tensor::from_slice(&pixels, [FIRST_TEST_ROW, PIXELS]);
    let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let labels = Tensor::from_slice(&labels, [FIRST_TEST_ROW]);

    let network = Arc::new(Network::new()?);
    let step = training_step(network.clone())?;
    let batches = FIRST_TEST_ROW / BATCH;
    let bar = ProgressBar::new((EPOCHS * batches) as u64).with_style(
        ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {msg}").expect("the template is right"),
    );
    let mut times = Vec::new();
    let mut loss = f32::NAN;
    for epoch in 0..EPOCHS {
        let order = RandomKey::new(SEED).fold_in(epoch as u32).permutation(FIRST_TEST_ROW);
        for batch in 0..batches {
            let rows = order.i(batch * BATCH..(batch + 1) * BATCH);
            let (x, y) = (pixels.take(&rows, 0), labels.take(&rows, 0));
            let start = Instant::now();
            loss = step.call((&x, &y))?.item::<f32>()?;
            times.push(start.elapsed());
            bar.inc(1);
        }
        bar.set_message(format!("loss {loss:.4}"));
    }
    bar.finish();

    let correct = network.correct()?;
    let first: Duration = times.remove(0);
    let best = times.iter().min().copied().unwrap_or_default();
    println!(
        "{threads} threads: loss {loss:.4}, {correct} of {} test images right; first step {first:.1?} (trace, \
         differentiate, compile, run), best {best:.1?}; {} graph",
        ROWS - FIRST_TEST_ROW,
        step.trace_count()
    );
    ensure!(correct >= ENOUGH, "only {correct} images are right, expected at least {ENOUGH}");
    Ok(network)
}

/// The compiled step: from images `f32[n, 64]` and labels `i32[n]` to the mean loss before the step.
fn training_step(network: Arc<Network>) -> Result<Function<(Tensor, Tensor), Tensor>> {
    let adam = Adam { learning_rate: 2e-3, weight_decay: 0.3, ..Adam::default() };
    let parameters = network.variables().into_iter().map(|(_, variable)| variable).collect();
    let trainer = Trainer::new(adam, parameters)?;
    Ok(function(move |(x, y): (Tensor, Tensor)| {
        trainer.step(|| network.logits(&x).sparse_softmax_cross_entropy(&y, -1, LossReduction::Mean))
    }))
}
