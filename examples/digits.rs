//! Handwritten digits: a network trained elsewhere classifies the 450 test images, eagerly and compiled.
//!
//! `cargo run --release -p tensorwright-examples --bin digits`
//!
//! Batches of 1, 32 and 450 images are three signatures, so the function is traced and compiled three times, however often it
//! is called.

mod images;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tensorwright::prelude::*;

use images::{FIRST_TEST_ROW, PIXELS, ROWS, images};

const CLASSES: usize = 10;
/// 450 is no multiple of 32: the last batch is filled up with blank images.
const BATCHES: [usize; 3] = [1, 32, 450];
/// What the trained network gets right.
const EXPECTED_CORRECT: usize = 420;
const TOLERANCE: f32 = 1e-5;

/// Weights and biases of the three layers.
#[derive(Clone, Tree)]
struct Network {
    w1: Tensor,
    b1: Tensor,
    w2: Tensor,
    b2: Tensor,
    w3: Tensor,
    b3: Tensor,
}

impl Network {
    /// Probabilities of the classes, `f32[batch, 10]`, of images `f32[batch, 64]`.
    fn probabilities(&self, images: &Tensor) -> Tensor {
        let hidden = (images.matmul(&self.w1) + &self.b1).relu();
        let hidden = (hidden.matmul(&self.w2) + &self.b2).relu();
        (hidden.matmul(&self.w3) + &self.b3).softmax(-1)
    }
}

/// What is known of the test images.
struct Truth {
    labels: Vec<usize>,
    probabilities: Vec<f32>,
}

fn main() -> Result<()> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let (images, labels) = images(FIRST_TEST_ROW..ROWS)?;
    let arrays = read_npz(&data.join("digits_mlp.npz"))?;
    let network = network(&arrays)?;
    let truth = Truth { labels, probabilities: arrays["test_probs"].1.clone() };
    println!("{} test images of {PIXELS} pixels, network 64-128-64-10", truth.labels.len());

    let classify = function(|(network, images): (Network, Tensor)| network.probabilities(&images))
        .with_argument_names(["network", "images"]);
    println!("\nbatch  threads  first call  best call  correct  largest error");
    for batch in BATCHES {
        let eager = in_batches(&images, batch, |images| network.probabilities(images).ok())?;
        truth.check(&eager)?;
        let mut bits: Option<Vec<f32>> = None;
        for threads in [1, 2] {
            let mut times = Times::default();
            for _ in 0..20 {
                let found = in_batches(&images, batch, |images| {
                    times.measure(|| classify.call_with_threads(threads, (&network, images)))
                })?;
                let (correct, error) = truth.check(&found)?;
                if times.passes() == 1 {
                    let first =
                        if threads == 1 { format!("{:.2?}", times.first) } else { "cached".to_owned() };
                    print!("{batch:>5}  {threads:>7}  {first:>10}");
                    ensure!(*bits.get_or_insert_with(|| found.clone()) == found, "threads change bits");
                    times.note(correct, error);
                }
            }
            println!(
                "  {:>9}  {}/{}  {:.1e}",
                format!("{:.2?}", times.best),
                times.correct,
                truth.labels.len(),
                times.error
            );
        }
    }
    println!("\neager execution agrees for every batch size, and 2 threads give the bits of 1");
    println!("graphs compiled: {}", classify.trace_count());
    ensure!(classify.trace_count() == BATCHES.len() as u64, "one graph for each batch size");
    for concrete in classify.concretes() {
        println!("  {:.2?} to trace and compile {}", concrete.compile_time(), concrete.signature());
    }
    println!("{}", classify.cache_stats());
    for miss in classify.misses() {
        println!("traced again: {miss}");
    }
    Ok(())
}

impl Truth {
    /// How many images are classified right, and the largest error of a probability. An error if it is not what the network is known
    /// to give.
    fn check(&self, found: &[f32]) -> Result<(usize, f32)> {
        let best = |row: &[f32]| (0..CLASSES).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        let rows = found.chunks(CLASSES).zip(&self.labels);
        let correct = rows.filter(|(row, label)| best(row) == Some(**label)).count();
        let errors = found.iter().zip(&self.probabilities).map(|(f, e)| (f - e).abs());
        let error = errors.fold(0.0, f32::max);
        ensure!(correct == EXPECTED_CORRECT, "{correct} images are right, expected {EXPECTED_CORRECT}");
        ensure!(error <= TOLERANCE, "a probability is off by {error:e}, expected at most {TOLERANCE:e}");
        Ok((correct, error))
    }
}

/// How long calls took.
#[derive(Default)]
struct Times {
    first: Duration,
    best: Duration,
    count: usize,
    passes: usize,
    correct: usize,
    error: f32,
}

impl Times {
    fn measure<T>(&mut self, call: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = call();
        let elapsed = start.elapsed();
        if self.count == 0 {
            (self.first, self.best) = (elapsed, elapsed);
        }
        self.best = self.best.min(elapsed);
        self.count += 1;
        result
    }

    /// Counts a pass over all images.
    fn passes(&mut self) -> usize {
        self.passes += 1;
        self.passes
    }

    fn note(&mut self, correct: usize, error: f32) {
        (self.correct, self.error) = (correct, error);
    }
}

/// Calls `classify` on batches of images and returns the probabilities of all of them.
fn in_batches(
    images: &[f32],
    batch: usize,
    mut classify: impl FnMut(&Tensor) -> tensorwright::Result<Tensor>,
) -> Result<Vec<f32>> {
    let mut probabilities = Vec::new();
    for chunk in images.chunks(batch * PIXELS) {
        let mut padded = chunk.to_vec();
        padded.resize(batch * PIXELS, 0.0);
        let result = classify(&Tensor::from_slice(&padded, [batch, PIXELS]))?;
        probabilities.extend(&result.to_vec::<f32>()?[..chunk.len() / PIXELS * CLASSES]);
    }
    Ok(probabilities)
}

type Arrays = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn network(arrays: &Arrays) -> Result<Network> {
    let tensor = |name: &str| {
        let (shape, elements) = arrays.get(name).with_context(|| format!("no array `{name}`"))?;
        anyhow::Ok(Tensor::from_slice(elements, shape.clone()))
    };
    Ok(Network {
        w1: tensor("w1")?,
        b1: tensor("b1")?,
        w2: tensor("w2")?,
        b2: tensor("b2")?,
        w3: tensor("w3")?,
        b3: tensor("b3")?,
    })
}

/// The f32 arrays of a NumPy archive, by name.
fn read_npz(path: &Path) -> Result<Arrays> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    let mut archive = zip::ZipArchive::new(file)?;
    let mut arrays = Arrays::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let name = entry.name().trim_end_matches(".npy").to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        let array = npyz::NpyFile::new(&bytes[..])?;
        let shape = array.shape().iter().map(|&n| n as usize).collect();
        if let Ok(elements) = array.into_vec::<f32>() {
            arrays.insert(name, (shape, elements));
        }
    }
    Ok(arrays)
}
