//! Times what `fit` costs a step beside the bare compiled step: `cargo run --release -p tensorwright-benches --bin training`
//!
//! Each line has the microseconds of a step called by itself with batches that are ready, those of a step of `fit` over arrays and over a dataset of batches, what that is more, and the milliseconds of the
//! first step, from `compile` on: make the weights, trace, differentiate, compile, run. All are the best of many, taken in turns.

use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Parser;
use tensorwright::data::Dataset;
use tensorwright::nn::layers::*;
use tensorwright::nn::losses::{Loss, SparseCategoricalCrossentropy};
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Context, Fit, Inputs, LayerRef, Model, Sequential};
use tensorwright::prelude::*;

/// Times steps of training.
#[derive(Parser)]
struct Arguments {
    /// Rounds, each of one epoch in every way.
    #[arg(long, default_value_t = 30)]
    rounds: usize,
}

const BATCH: usize = 32;
const STEPS: usize = 64;

/// A network, with the shape of an example.
struct Case {
    name: &'static str,
    shape: &'static [usize],
    network: fn() -> Sequential,
}

const CASES: [Case; 3] = [
    Case { name: "dense 8", shape: &[8], network: || Sequential::new().add(Dense::new(10)) },
    Case {
        name: "dense 64, 128, 10",
        shape: &[64],
        network: || {
            let hidden = Dense::new(128).activation(Activation::Relu);
            Sequential::new().add(hidden).add(Dropout::new(0.2)).add(Dense::new(10))
        },
    },
    Case {
        name: "convolutions 8x8",
        shape: &[8, 8, 1],
        network: || {
            let first = Conv2D::new(16, 3).activation(Activation::Relu);
            Sequential::new().add(first).add(MaxPooling2D::new()).add(Flatten::new()).add(Dense::new(10))
        },
    },
];

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    println!(
        "{:<18} {:>9} {:>16} {:>16} {:>10}",
        "network", "bare us", "arrays us", "dataset us", "first ms"
    );
    for case in &CASES {
        let [bare, arrays, dataset, first] = measure(case, arguments.rounds)?;
        let more = |us: f64| format!("{us:.1} (+{:.1})", us - bare);
        println!("{:<18} {bare:>9.1} {:>16} {:>16} {first:>10.1}", case.name, more(arrays), more(dataset));
    }
    Ok(())
}

fn examples(case: &Case) -> (Tensor, Tensor) {
    let shape: Vec<usize> = [BATCH * STEPS].iter().chain(case.shape).copied().collect();
    let x = RandomKey::new(1).normal(shape, 0.0f32, 1.0);
    (x, RandomKey::new(2).randint(BATCH * STEPS, 0i32, 10))
}

fn loss() -> Loss {
    SparseCategoricalCrossentropy { from_logits: true, ..Default::default() }.into()
}

fn compiled(case: &Case) -> Model {
    let model = Model::new((case.network)());
    model.compile(Adam::default(), loss(), &[]);
    model
}

/// A step that does no more than it must: the network, its gradient, the rule.
fn bare(case: &Case, x: &Tensor) -> Result<Function<(Tensor, Tensor, Tensor), Tensor>> {
    let layer = LayerRef::from((case.network)());
    layer.call(x, &Context::inference())?;
    let (rule, loss) = (Optimizer::from(Adam::default()).bind(&layer)?, loss());
    Ok(function(move |(x, y, key): (Tensor, Tensor, Tensor)| {
        rule.minimize(|| {
            let context = Context::training(RandomKey::new(0).fold_in(&key));
            let found = layer.call(Inputs::from(&x), &context)?.tensor()?;
            loss.call(&y, &found)
        })
    }))
}

/// The best microseconds of a step: bare, of arrays, of a dataset; and the milliseconds of the first one.
fn measure(case: &Case, rounds: usize) -> Result<[f64; 4]> {
    let (x, y) = examples(case);
    let rows = |i: usize| i * BATCH..(i + 1) * BATCH;
    let batches: Vec<(Tensor, Tensor)> = (0..STEPS).map(|i| (x.i(rows(i)), y.i(rows(i)))).collect();
    let batched = |x: &Tensor| {
        let shape: Vec<usize> = [STEPS, BATCH].iter().chain(&x.shape()?.sizes()[1..]).copied().collect();
        x.reshape(shape).ok()
    };
    let dataset = Dataset::from_slices((batched(&x)?, batched(&y)?));
    let (step, of_arrays, of_dataset) = (bare(case, &batches[0].0)?, compiled(case), compiled(case));
    let epoch = || Fit::new().quiet().batch_size(BATCH);
    let mut best = [f64::INFINITY; 4];
    for _ in 0..rounds {
        let mut note = |which: usize, time: Duration, of: usize| {
            best[which] = best[which].min(time.as_secs_f64() * 1e6 / of as f64);
        };
        let start = Instant::now();
        for (i, (x, y)) in batches.iter().enumerate() {
            step.call((x, y, i as i64))?;
        }
        note(0, start.elapsed(), STEPS);
        let start = Instant::now();
        of_arrays.fit((&x, &y), epoch())?;
        note(1, start.elapsed(), STEPS);
        let start = Instant::now();
        of_dataset.fit(&dataset, Fit::new().quiet())?;
        note(2, start.elapsed(), STEPS);
        let (x, y) = &batches[0];
        let start = Instant::now();
        compiled(case).train_on_batch((x, y))?;
        note(3, start.elapsed(), 1000);
    }
    Ok(best)
}
