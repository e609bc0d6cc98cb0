//! Training: a network learns to read handwritten digits from scratch, with one compiled step.
//!
//! `cargo run --release --example train_digits`
//!
//! A step computes the loss of a batch, its gradient, and what Adam makes of it, in one graph, and updates the parameters, which are
//! variables. The 1347 images before the test rows are shuffled anew in each epoch, by a key, so that a seed gives the same
//! network each time: the same bits on any number of threads.

mod images;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use tensorwright::LossReduction;
use tensorwright::optimizer::{Adam, AdamState, Optimizer};
use tensorwright::prelude::*;

use images::{FIRST_TEST_ROW, PIXELS, ROWS, images};

const LAYERS: [usize; 4] = [PIXELS, 128, 64, 10];
const BATCH: usize = 128;
const EPOCHS: usize = 25;
const SEED: u64 = 7;
/// Images that must be right at the end, of 450: 93 %.
const ENOUGH: usize = 419;

/// Weights and biases, layer by layer.
type Parameters = Vec<(Tensor, Tensor)>;

/// The state of the training, in variables.
struct Training {
    parameters: Vec<(Variable, Variable)>,
    adam: AdamVariables,
}

struct AdamVariables {
    steps: Variable,
    mean: Vec<(Variable, Variable)>,
    square: Vec<(Variable, Variable)>,
}

fn main() -> Result<()> {
    let mut networks = Vec::new();
    for threads in [1, 2] {
        tensorwright::set_threads(threads);
        let trained = train(threads)?;
        let bits: Vec<f32> = trained
            .iter()
            .flat_map(|(w, b)| [w, b])
            .map(Tensor::to_vec)
            .collect::<Result<Vec<_>, _>>()?
            .concat();
        networks.push(bits);
    }
    ensure!(networks[0] == networks[1], "the number of threads changes the network");
    println!("2 threads give the bits of 1");
    Ok(())
}

fn train(threads: usize) -> Result<Parameters> {
    let (pixels, labels) = images(0..FIRST_TEST_ROW)?;
    let pixels = Tensor::from_slice(&pixels, [FIRST_TEST_ROW, PIXELS]);
    let labels: Vec<i32> = labels.iter().map(|&label| label as i32).collect();
    let labels = Tensor::from_slice(&labels, [FIRST_TEST_ROW]);

    let training = Training::new()?;
    let step = training.step();
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

    let network = training.values();
    let correct = correct(&network)?;
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

impl Training {
    /// Random weights, after He et al. 2015, and no biases.
    fn new() -> Result<Training> {
        let keys: [RandomKey; 3] = RandomKey::new(SEED).split();
        let layer = |(key, size): (&RandomKey, &[usize])| {
            let deviation = (2.0 / size[0] as f32).sqrt();
            let weights = key.normal([size[0], size[1]], 0.0, deviation);
            (weights, Tensor::zeros([size[1]], DType::F32))
        };
        let parameters: Parameters = keys.iter().zip(LAYERS.windows(2)).map(layer).collect();
        let state = Adam::default().state(&parameters)?;
        Ok(Training {
            parameters: variables(parameters)?,
            adam: AdamVariables {
                steps: Variable::new(state.steps)?,
                mean: variables(state.mean)?,
                square: variables(state.square)?,
            },
        })
    }

    /// The compiled step: from images `f32[n, 64]` and labels `i32[n]` to the mean loss before the step.
    fn step(&self) -> Function<(Tensor, Tensor), Tensor> {
        let (parameters, mean, square) =
            (self.parameters.clone(), self.adam.mean.clone(), self.adam.square.clone());
        let steps = self.adam.steps.clone();
        let loss = value_and_grad(|(parameters, x, y): (Parameters, Tensor, Tensor)| {
            logits(&parameters, &x).sparse_softmax_cross_entropy(&y, -1, LossReduction::Mean)
        });
        let adam = Adam { learning_rate: 2e-3, weight_decay: 0.3, ..Adam::default() };
        function(move |(x, y): (Tensor, Tensor)| {
            let now = values(&parameters);
            let state = AdamState { steps: steps.value(), mean: values(&mean), square: values(&square) };
            let (loss, (gradients, _, _)) = loss.call((now.clone(), x, y))?;
            let (new, state) = adam.update(now, &gradients, state)?;
            assign(&parameters, &new)?;
            assign(&mean, &state.mean)?;
            assign(&square, &state.square)?;
            steps.assign(&state.steps)?;
            Ok::<_, tensorwright::Error>(loss)
        })
    }

    fn values(&self) -> Parameters {
        values(&self.parameters)
    }
}

fn logits(parameters: &Parameters, x: &Tensor) -> Tensor {
    let last = parameters.len() - 1;
    parameters.iter().enumerate().fold(x.clone(), |x, (i, (w, b))| {
        let x = x.matmul(w) + b;
        if i < last { x.relu() } else { x }
    })
}

fn variables(tensors: Parameters) -> tensorwright::Result<Vec<(Variable, Variable)>> {
    tensors.into_iter().map(|(w, b)| Ok((Variable::new(w)?, Variable::new(b)?))).collect()
}

fn values(variables: &[(Variable, Variable)]) -> Parameters {
    variables.iter().map(|(w, b)| (w.value(), b.value())).collect()
}

fn assign(variables: &[(Variable, Variable)], new: &Parameters) -> tensorwright::Result<()> {
    variables.iter().zip(new).try_for_each(|((w, b), (new_w, new_b))| {
        w.assign(new_w)?;
        b.assign(new_b)
    })
}

/// How many test images the network gets right.
fn correct(network: &Parameters) -> Result<usize> {
    let (pixels, labels) = images(FIRST_TEST_ROW..ROWS)?;
    let x = Tensor::from_slice(&pixels, [labels.len(), PIXELS]);
    let found = logits(network, &x).argmax(-1).cast(DType::I64).to_vec::<i64>()?;
    Ok(found.iter().zip(&labels).filter(|(found, label)| **found == **label as i64).count())
}
