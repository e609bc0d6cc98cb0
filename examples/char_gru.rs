//! Sequences: a recurrent network learns a sonnet by heart, character by character.
//!
//! `cargo run --release -p tensorwright-examples --bin char_gru`
//!
//! A gated recurrent unit (Cho et al. 2014) runs over 48 characters of 16 places of the text at once, as a `scan`. The loss of all
//! characters is differentiated through the scan; a step of training is one graph. Then the network goes on by itself from the first
//! letter.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tensorwright::LossReduction;
use tensorwright::optimizer::{Adam, Trainer};
use tensorwright::prelude::*;

const TEXT: &str = include_str!("../samples/sonnet.txt");
const HIDDEN: usize = 96;
const LENGTH: usize = 48;
const BATCH: usize = 16;
const STEPS: usize = 600;

#[derive(Module)]
struct Network {
    /// One row for each character.
    embedding: Variable,
    /// Weights of the reset gate, the update gate and the candidate, side by side.
    input: Variable,
    state: Variable,
    bias: Variable,
    output: Variable,
    #[module(skip)]
    characters: usize,
}

impl Network {
    fn new(characters: usize) -> tensorwright::Result<Network> {
        let [a, b, c, d] = RandomKey::new(1).split();
        let spread = |key: RandomKey, rows: usize, columns: usize| {
            Variable::new(key.normal([rows, columns], 0.0, 1.0 / (rows as f32).sqrt()))
        };
        Ok(Network {
            embedding: Variable::new(a.normal([characters, HIDDEN], 0.0f32, 1.0))?,
            input: spread(b, HIDDEN, 3 * HIDDEN)?,
            state: spread(c, HIDDEN, 3 * HIDDEN)?,
            bias: Variable::new(Tensor::zeros([3 * HIDDEN], DType::F32))?,
            output: spread(d, HIDDEN, characters)?,
            characters,
        })
    }

    /// The next state `f32[n, hidden]` after the characters `i32[n]`.
    fn step(&self, state: &Tensor, characters: &Tensor) -> Tensor {
        let x = self.embedding.value().take(characters, 0).matmul(self.input.value()) + self.bias.value();
        let s = state.matmul(self.state.value());
        let part = |x: &Tensor, i: usize| x.i((.., i * HIDDEN..(i + 1) * HIDDEN));
        let reset = (part(&x, 0) + part(&s, 0)).logistic();
        let update = (part(&x, 1) + part(&s, 1)).logistic();
        let candidate = (part(&x, 2) + reset * part(&s, 2)).tanh();
        state * &update + candidate * (1.0 - &update)
    }

    /// Numbers for the next character, `f32[length, n, characters]`, at each place of `i32[length, n]`.
    fn logits(&self, text: &Tensor) -> tensorwright::Result<Tensor> {
        let start = Tensor::zeros([BATCH, HIDDEN], DType::F32);
        let (_, states) = scan(start, text.clone(), |state, characters| {
            let state = self.step(&state, &characters);
            (state.clone(), state)
        })?;
        let flat = states.reshape([LENGTH * BATCH, HIDDEN]).matmul(self.output.value());
        Ok(flat.reshape([LENGTH, BATCH, self.characters]))
    }
}

fn main() -> Result<()> {
    let mut alphabet: Vec<char> = TEXT.chars().collect();
    alphabet.sort_unstable();
    alphabet.dedup();
    let place = |c: char| alphabet.binary_search(&c).expect("the alphabet is that of the text") as i32;
    let codes: Vec<i32> = TEXT.chars().map(place).collect();
    println!("{} characters, {} different ones", codes.len(), alphabet.len());

    let network = Arc::new(Network::new(alphabet.len())?);
    let step = training_step(network.clone())?;
    let mut last = f32::INFINITY;
    for count in 0..STEPS {
        let (text, next) = batch(&codes, count);
        last = step.call((&text, &next))?.item()?;
        if count % 100 == 0 {
            println!("step {count:>4}: loss {last:.4}");
        }
    }
    println!("step {STEPS:>4}: loss {last:.4}; {} graph", step.trace_count());
    ensure!(last < 0.2, "the loss is {last}, expected less than 0.2");

    let recited = recite(&network, &codes, &alphabet)?;
    println!("\n{recited}");
    let first_line = TEXT.lines().next().context("the text has lines")?;
    ensure!(recited.starts_with(first_line), "the first line should be {first_line:?}");
    Ok(())
}

/// Pieces of the text that begin at places that differ from step to step, `i32[length, batch]`, and the same one character later.
fn batch(codes: &[i32], count: usize) -> (Tensor, Tensor) {
    let last = codes.len() - LENGTH - 1;
    let start = |b: usize| match b {
        // The beginning is always there: it is where reciting starts.
        0 => 0,
        b => (b * 7919 + count * 104_729) % last,
    };
    let piece = |shift: usize| {
        let codes = (0..LENGTH).flat_map(|t| (0..BATCH).map(move |b| start(b) + t + shift)).map(|i| codes[i]);
        Tensor::from_slice(&codes.collect::<Vec<_>>(), [LENGTH, BATCH])
    };
    (piece(0), piece(1))
}

fn training_step(network: Arc<Network>) -> Result<Function<(Tensor, Tensor), Tensor>> {
    let adam = Adam { learning_rate: 5e-3, ..Adam::default() };
    let parameters = network.variables().into_iter().map(|(_, variable)| variable).collect();
    let trainer = Trainer::new(adam, parameters)?;
    Ok(function(move |(text, next): (Tensor, Tensor)| {
        trainer.step(|| {
            let logits = network.logits(&text)?;
            Ok(logits.sparse_softmax_cross_entropy(&next, -1, LossReduction::Mean))
        })
    }))
}

/// What the network says after the first letter, always the likeliest character.
fn recite(network: &Network, codes: &[i32], alphabet: &[char]) -> Result<String> {
    let start = (Tensor::zeros([1, HIDDEN], DType::F32), Tensor::from([codes[0]]));
    let counts = Tensor::zeros([2 * LENGTH], DType::I32);
    let (_, said) = scan(start, counts, |(state, character), _| {
        let state = network.step(&state, &character);
        let next = state.matmul(network.output.value()).argmax(-1).cast(DType::I32);
        ((state, next.clone()), next.reshape([] as [usize; 0]))
    })?;
    let letter = |&code: &i32| alphabet[code as usize];
    Ok([codes[0]].iter().chain(&said.to_vec::<i32>()?).map(letter).collect())
}
