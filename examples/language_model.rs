//! A small transformer learns to write like the documents of this repository, character by character.
//!
//! `cargo run --release -p tensorwright-examples --bin language_model`
//!
//! A pipeline cuts the text into windows and shuffles them. When the network writes, it sees one character at a time: attention remembers keys and values
//! of those before, so that a character costs the same however many there were. The step that writes is one compiled function, whose memory changes in place.

mod files;
mod pictures;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use tensorwright::data::Dataset;
use tensorwright::nn::layers::{
    Add, Dense, Embedding, LayerNormalization, MultiHeadAttention, PositionEmbedding,
};
use tensorwright::nn::losses::SparseCategoricalCrossentropy;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::schedules::CosineDecay;
use tensorwright::nn::{
    Activation, Context, Fit, Functional, Input, LayerRef, Model, OnSymbols, Symbol, SymbolCall, set_seed,
};
use tensorwright::prelude::*;

/// Characters of a window.
const LENGTH: usize = 128;
const BATCH: usize = 24;
const STEPS: usize = 900;
/// Numbers of a character.
const WIDTH: usize = 96;
const HEADS: usize = 4;
const BLOCKS: usize = 3;
/// How bold the choice of characters is: 1 is as the network says, less is more careful.
const BOLDNESS: f32 = 0.6;

/// The prose of the documents, without programs and tables.
fn text() -> Result<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut documents = files::below(&root.join("docs"))?;
    documents.retain(|path| path.extension().is_some_and(|ending| ending == "md"));
    documents.extend(["ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut text = String::new();
    for file in documents {
        let mut is_code = false;
        for line in fs::read_to_string(file)?.lines() {
            is_code ^= line.starts_with("```");
            if !is_code && !line.starts_with(['|', '`', '!', '{', '<']) && line.is_ascii() {
                text.push_str(line.trim());
                text.push(' ');
            }
        }
    }
    Ok(text)
}

/// Characters and the numbers that stand for them.
struct Alphabet(Vec<char>);

impl Alphabet {
    fn of(text: &str) -> Alphabet {
        let mut characters: Vec<char> = text.chars().collect();
        characters.sort_unstable();
        characters.dedup();
        Alphabet(characters)
    }

    fn numbers(&self, text: &str) -> Vec<i32> {
        text.chars().filter_map(|c| self.0.binary_search(&c).ok()).map(|number| number as i32).collect()
    }
}

/// A block: each place looks at those before it, and thinks about what it saw.
fn block(x: &Symbol) -> Symbol {
    let seen = LayerNormalization::new().on(x);
    let looking = SymbolCall::from(&seen).with("value", &seen).with_value("use_causal_mask", true);
    let x = Add::new().on([x, &MultiHeadAttention::new(HEADS, WIDTH / HEADS).on(looking)]);
    let inner = Dense::new(4 * WIDTH).activation(Activation::Gelu).on(&LayerNormalization::new().on(&x));
    Add::new().on([&x, &Dense::new(WIDTH).on(&inner)])
}

/// A score for each character that may come next, at each place: `i32[b, steps] -> f32[b, steps, characters]`.
fn network(characters: usize) -> Result<LayerRef> {
    let text = Input::of([None::<usize>], DType::I32);
    let character = Embedding::new(characters, WIDTH).on(&text);
    let place = PositionEmbedding::new(LENGTH).on(&character);
    let mut x = Add::new().on([&character, &place]);
    for _ in 0..BLOCKS {
        x = block(&x);
    }
    let scores = Dense::new(characters).on(&LayerNormalization::new().on(&x));
    Ok(Functional::new([&text], [&scores])?.layer())
}

/// Batches of windows, each with the same window one character later; without end, in an order that a seed chooses.
fn batches(numbers: Vec<i32>, seed: u64) -> Dataset {
    let windows = (numbers.len() - LENGTH - 1) as u64;
    let text = Tensor::from_slice(&numbers, [numbers.len()]);
    Dataset::from_fn(windows, move |at| {
        let at = at as usize;
        (text.i(at..at + LENGTH), text.i(at + 1..at + LENGTH + 1))
    })
    .shuffle((windows as usize, seed))
    .batch(BATCH)
    .prefetch(2)
}

/// Goes on with texts, as far as the network sees, and says how long a character took.
fn write(network: &LayerRef, alphabet: &Alphabet, beginnings: &[&str]) -> Result<()> {
    let network = network.clone();
    let step = function(move |(number, position, key): (Tensor, Tensor, Tensor)| {
        let context = Context::inference().decoding(position.clone(), LENGTH);
        let scores = network.call(number.reshape((1, 1)), &context)?.tensor()?.i((0, 0));
        let key = RandomKey::from_tensor(key).fold_in(position);
        Ok((scores / BOLDNESS).categorical(&key, 0).cast(DType::I32))
    });
    let key = RandomKey::new(12);
    let mut best = f64::INFINITY;
    for beginning in beginnings {
        let given = alphabet.numbers(beginning);
        let mut numbers = given.clone();
        for position in 0..LENGTH {
            let start = Instant::now();
            let at = Tensor::from(position as i32);
            let chosen = step.call((Tensor::from(numbers[position]), at, key.tensor()))?.item::<i32>()?;
            best = best.min(start.elapsed().as_secs_f64());
            if position + 1 >= given.len() {
                numbers.push(chosen);
            }
        }
        println!("{}", numbers.iter().map(|&number| alphabet.0[number as usize]).collect::<String>());
    }
    println!("a character takes {:.0} us, {} compiled graph", best * 1e6, step.trace_count());
    Ok(())
}

fn main() -> Result<()> {
    set_seed(10);
    let text = text()?;
    let alphabet = Alphabet::of(&text);
    println!("{} characters, {} different ones", text.len(), alphabet.0.len());
    let numbers = alphabet.numbers(&text);
    let (train, test) = numbers.split_at(numbers.len() / 20 * 19);

    let model = Model::new(network(alphabet.0.len())?);
    let rate =
        CosineDecay { initial_learning_rate: 2e-3, decay_steps: STEPS as f64, ..CosineDecay::default() };
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    model.compile(Optimizer::from(Adam::default()).learning_rate(rate), loss, &["accuracy"]);
    let (few, part) = (batches(test.to_vec(), 1).take(20), STEPS / 9);
    let options = Fit::new().epochs(9).steps_per_epoch(part).validation_data(few);
    let start = Instant::now();
    let history = model.fit(batches(train.to_vec(), 2).repeat(None), options)?;
    println!("{}", model.summary()?);
    let last = history.last().map(ToString::to_string).unwrap_or_default();
    println!("{STEPS} steps of {BATCH} windows in {:.1?}: {last}", start.elapsed());

    write(model.layer(), &alphabet, &["The compiler ", "A tensor ", "What is not "])?;
    pictures::write("language_model.svg", &history.to_svg(&["loss", "val_loss"]))?;
    let right = history.last().and_then(|logs| logs.get("val_accuracy"));
    ensure!(right > Some(0.5), "it does not know what comes next: {last}");
    Ok(())
}
