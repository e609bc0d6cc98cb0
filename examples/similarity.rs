//! Which sentences say the same: MiniLM, an ONNX model that gives a vector for a text.
//!
//! `python3 scripts/fetch_models.py && cargo run --release -p tensorwright-examples --bin similarity`
//!
//! Words are cut into pieces that the network knows, the longest first (WordPiece). The table shows cosines of the angles between the vectors.

mod models;

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};
use tensorwright::prelude::*;

const SENTENCES: [&str; 6] = [
    "A cat sits on the mat.",
    "A kitten is resting on a rug.",
    "The compiler fuses operations into one kernel.",
    "Several operations become a single loop.",
    "It will rain in Lisbon tomorrow.",
    "Tomorrow's weather in Portugal is going to be wet.",
];

fn main() -> Result<()> {
    let model = models::model("sentences.onnx")?;
    let words = fs::read_to_string(models::fetched("words.txt")?)?;
    let words: HashMap<&str, i64> = words.lines().zip(0..).collect();
    let mut vectors = Vec::new();
    for sentence in SENTENCES {
        let pieces = pieces(sentence, &words)?;
        let count = pieces.len();
        let ids = Tensor::from_slice(&pieces, (1, count));
        let outputs =
            model.call(&[("input_ids", ids), ("attention_mask", Tensor::ones((1, count), DType::I64))])?;
        let (_, vector) = outputs.last().context("the model gives a vector")?;
        vectors.push(vector.tensor().context("the model gives a tensor")?.i(0));
    }
    let vectors = Tensor::stack(&vectors, 0).l2_normalize(1, 1e-12);
    let cosines = vectors.matmul(vectors.t());
    for (row, sentence) in SENTENCES.iter().enumerate() {
        let cosines = cosines.i(row).to_vec::<f32>()?;
        let cosines: Vec<String> = cosines.iter().map(|cosine| format!("{cosine:5.2}")).collect();
        println!("{} {sentence}", cosines.join(" "));
    }
    println!("{} lengths, {} compiled graphs", SENTENCES.len(), model.function().trace_count());
    Ok(())
}

/// The numbers of a sentence's pieces between those of its begin and end.
fn pieces(sentence: &str, words: &HashMap<&str, i64>) -> Result<Vec<i64>> {
    let known = |piece: &str| words.get(piece).copied().with_context(|| format!("the words have no {piece}"));
    let mut found = vec![known("[CLS]")?];
    let spaced: String = sentence
        .to_lowercase()
        .chars()
        .flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec![' ', c, ' '] })
        .collect();
    for word in spaced.split_whitespace() {
        match of_word(word, words) {
            Some(pieces) => found.extend(pieces),
            None => found.push(known("[UNK]")?),
        }
    }
    found.push(known("[SEP]")?);
    Ok(found)
}

/// The pieces of a word, each the longest that is known; all but the first are marked.
fn of_word(word: &str, words: &HashMap<&str, i64>) -> Option<Vec<i64>> {
    let (mut rest, mut found) = (word, Vec::new());
    while !rest.is_empty() {
        let mark = if found.is_empty() { "" } else { "##" };
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
        let longest = ends
            .into_iter()
            .find_map(|end| Some((end, *words.get(format!("{mark}{}", &rest[..end]).as_str())?)));
        let (end, piece) = longest?;
        found.push(piece);
        rest = &rest[end..];
    }
    Some(found)
}
