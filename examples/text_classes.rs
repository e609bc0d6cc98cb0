//! Text classification from raw text: which kind of file is a line from? The files are those of this repository.
//!
//! `cargo run --release -p tensorwright-examples --bin text_classes`
//!
//! The words of a line (and its punctuation, which says much) become places in a vocabulary, these become vectors, whose mean decides. Whole files are
//! for training or for the test, so that the test's lines are from files that the network has not seen.

mod files;
mod pictures;

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use tensorwright::nn::layers::{
    Dense, Dropout, Embedding, GlobalAveragePooling1D, TextStandard, TextVectorization,
};
use tensorwright::nn::losses::SparseCategoricalCrossentropy;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Fit, Model, Sequential, Strings, set_seed};
use tensorwright::prelude::*;

const KINDS: [&str; 4] = ["rs", "md", "toml", "py"];
/// Lines of each kind, at most.
const MOST: usize = 2000;
const WORDS: usize = 4000;
/// Words of a line that are looked at.
const LENGTH: usize = 24;

/// Words and marks of a line, apart.
fn spaced(line: &str) -> String {
    let apart = |c: char| if c.is_alphanumeric() || c == '_' { c.to_string() } else { format!(" {c} ") };
    line.trim().chars().map(apart).collect()
}

/// Lines with the number of their kind.
#[derive(Default)]
struct Lines {
    texts: Vec<String>,
    kinds: Vec<i32>,
}

impl Lines {
    fn push(&mut self, line: &str, kind: usize) {
        if self.kinds.iter().filter(|&&own| own == kind as i32).count() < MOST && line.trim().len() >= 8 {
            self.texts.push(spaced(line));
            self.kinds.push(kind as i32);
        }
    }

    fn labels(&self) -> Tensor {
        Tensor::from_slice(&self.kinds, [self.kinds.len()])
    }

    fn strings(&self) -> Strings {
        Strings { values: self.texts.clone(), shape: vec![self.texts.len()] }
    }
}

/// Lines to train with, and those of every fifth file of a kind.
fn lines() -> Result<[Lines; 2]> {
    let mut sides = [Lines::default(), Lines::default()];
    let mut counts = [0; KINDS.len()];
    for path in files::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))? {
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(kind) = KINDS.iter().position(|&kind| kind == ending) {
            counts[kind] += 1;
            let side = usize::from(counts[kind] % 5 == 0);
            let mut is_code = false;
            for line in fs::read_to_string(&path)?.lines() {
                // Programs in pages are lines of other kinds.
                is_code ^= ending == "md" && line.starts_with("```");
                if !is_code {
                    sides[side].push(line, kind);
                }
            }
        }
    }
    Ok(sides)
}

fn main() -> Result<()> {
    set_seed(6);
    let [train, test] = lines()?;
    let words = TextVectorization::new()
        .max_tokens(WORDS)
        .standardize(TextStandard::Lower)
        .output_sequence_length(LENGTH)
        .layer();
    words.adapt(&[train.strings().into()])?;
    let places = |lines: &Lines| words.infer(lines.strings());

    let network = Sequential::new()
        .add(Embedding::new(WORDS, 32).mask_zero(true))
        .add(GlobalAveragePooling1D::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(32).activation(Activation::Relu))
        .add(Dense::new(KINDS.len()));
    let model = Model::new(network);
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    model.compile(Optimizer::from(Adam::default()).learning_rate(3e-3), loss, &["accuracy"]);
    let (x, found_in) = (places(&train)?, (places(&test)?, test.labels()));
    let options = Fit::new().epochs(12).batch_size(128).validation_data(found_in.clone());
    let history = model.fit((x, train.labels()), options)?;
    println!("{}", model.summary()?);

    let result = model.evaluate(found_in)?;
    println!("{} lines to learn from; {} of other files: {result}", train.kinds.len(), test.kinds.len());
    for line in
        ["let x = y.iter().map(|a| a + 1);", "A graph is never changed.", "name = \"value\"", "def f(x):"]
    {
        let line = Lines { texts: vec![spaced(line)], kinds: vec![0] };
        let kind = model.predict(places(&line)?)?.argmax(-1).i(0).cast(DType::I64).item::<i64>()?;
        println!("{:5} {}", KINDS[kind as usize], line.texts[0]);
    }
    pictures::write("text_classes.svg", &history.to_svg(&["accuracy", "val_accuracy"]))?;
    ensure!(result.get("accuracy") > Some(0.8), "too many lines are taken for others: {result}");
    Ok(())
}
