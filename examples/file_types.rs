//! What is in the files of a folder, by a network that has seen many: Magika, an ONNX model.
//!
//! `python3 scripts/fetch_models.py && cargo run --release -p tensorwright-examples --bin file_types -- examples`
//!
//! The network sees the first and the last kilobyte of a file, and gives a probability for each of 214 kinds.

mod files;
mod models;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use tensorwright::prelude::*;

/// Bytes of each end.
const END: usize = 1024;
/// Bytes that are read at each end, before spaces at it are left out.
const BLOCK: usize = 4096;
/// What stands for bytes that are not there.
const PADDING: i32 = 256;

fn main() -> Result<()> {
    let model = models::model("file_types.onnx")?;
    let config: serde_json::Value = serde_json::from_slice(&fs::read(models::fetched("file_types.json")?)?)?;
    let kinds = config["target_labels_space"].as_array().context("the configuration has no kinds")?;
    let folder = std::env::args().nth(1).unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let mut paths = files::below(Path::new(&folder))?;
    // Shorter ones tell nothing.
    paths.retain(|path| fs::metadata(path).is_ok_and(|file| file.len() >= 8));
    let start = Instant::now();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for path in &paths {
        let bytes = fs::read(path)?;
        let input = Tensor::from_slice(&ends(&bytes), (1, 2 * END));
        let outputs = model.call(&[("bytes", input)])?;
        let probabilities = outputs[0].1.tensor().context("the model gives a tensor")?.i(0);
        let best = probabilities.argmax(0).item::<i32>()? as usize;
        let kind = kinds[best].as_str().unwrap_or("?");
        let probability = probabilities.i(best).item::<f32>()?;
        println!("{probability:.3} {kind:12} {}", path.display());
        *counts.entry(kind).or_default() += 1;
    }
    println!("{} files in {:.0?}: {counts:?}", paths.len(), start.elapsed());
    Ok(())
}

/// The first and the last bytes without spaces around them.
fn ends(bytes: &[u8]) -> Vec<i32> {
    let first = bytes[..bytes.len().min(BLOCK)].trim_ascii_start();
    let last = bytes[bytes.len().saturating_sub(BLOCK)..].trim_ascii_end();
    let (first, last) =
        if bytes.len() <= BLOCK { (first.trim_ascii_end(), last.trim_ascii_start()) } else { (first, last) };
    let mut input = vec![PADDING; 2 * END];
    for (place, &byte) in input.iter_mut().zip(&first[..first.len().min(END)]) {
        *place = i32::from(byte);
    }
    for (place, &byte) in input.iter_mut().rev().zip(last.iter().rev().take(END)) {
        *place = i32::from(byte);
    }
    input
}
