//! Where somebody speaks in a sound: Silero's voice detector, an ONNX model with a state that goes from call to call.
//!
//! `python3 scripts/fetch_models.py && cargo run --release -p tensorwright-examples --bin speech`
//!
//! The network hears 32 ms at a time, with 4 ms of what came before. Without an argument it hears a sentence of a machine, `inputs/speech.wav`; a file
//! must be WAV of 16-bit samples, one channel, at 16 kHz.

mod models;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tensorwright::prelude::*;

const RATE: i64 = 16_000;
/// Samples of a step.
const STEP: usize = 512;
/// Samples of the step before that are heard again.
const CONTEXT: usize = 64;

fn main() -> Result<()> {
    let model = models::model("speech.onnx")?;
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs/speech.wav");
    let path = std::env::args().nth(1).map_or(default, Into::into);
    let samples = samples(&std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?)?;
    let mut state = Tensor::zeros((2, 1, 128), DType::F32);
    let mut heard = vec![0.0f32; CONTEXT];
    let mut speaks = Vec::new();
    let start = Instant::now();
    for step in samples.chunks_exact(STEP) {
        heard.extend(step);
        let input = Tensor::from_slice(&heard, (1, CONTEXT + STEP));
        let inputs = [("input", input), ("state", state), ("sr", Tensor::scalar(RATE))];
        let outputs = model.call(&inputs)?;
        let tensor = |at: usize| outputs[at].1.tensor().cloned().context("the model gives tensors");
        speaks.push(tensor(0)?.to_vec::<f32>()?[0]);
        state = tensor(1)?;
        heard.drain(..STEP);
    }
    let elapsed = start.elapsed();
    let shade = |&p: &f32| [' ', '.', ':', '|', '#'][((p * 4.99) as usize).min(4)];
    println!("[{}]", speaks.iter().map(shade).collect::<String>());
    let seconds = |step: usize| step as f64 * STEP as f64 / RATE as f64;
    let mut since = None;
    for (step, &p) in speaks.iter().chain(&[0.0]).enumerate() {
        match (since, p > 0.5) {
            (None, true) => since = Some(step),
            (Some(begin), false) => {
                println!("speech from {:.2} s to {:.2} s", seconds(begin), seconds(step));
                since = None;
            }
            _ => {}
        }
    }
    println!("{:.2} s heard in {elapsed:.1?}", seconds(speaks.len()));
    Ok(())
}

/// The samples of a WAV file, from -1 to 1.
fn samples(file: &[u8]) -> Result<Vec<f32>> {
    ensure!(file.len() > 12 && file.starts_with(b"RIFF") && &file[8..12] == b"WAVE", "this is no WAV file");
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
    let mut rest = &file[12..];
    while rest.len() >= 8 {
        let (name, size) = (&rest[..4], number(&rest[4..8]).min(rest.len() - 8));
        let chunk = &rest[8..8 + size];
        if name == b"fmt " && size >= 16 {
            let is_right = number(&chunk[..2]) == 1
                && number(&chunk[2..4]) == 1
                && number(&chunk[4..8]) == RATE as usize
                && number(&chunk[14..16]) == 16;
            ensure!(is_right, "16-bit samples of one channel at {RATE} Hz are expected");
        }
        if name == b"data" {
            let sample = |pair: &[u8]| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32768.0;
            return Ok(chunk.chunks_exact(2).map(sample).collect());
        }
        rest = &rest[(8 + size + size % 2).min(rest.len())..];
    }
    anyhow::bail!("the file has no samples")
}
