//! A line of text out of a picture of it: PP-OCRv4, an ONNX model for pictures of any width.
//!
//! `python3 scripts/fetch_models.py && cargo run --release -p tensorwright-examples --bin read_text`
//!
//! Without an argument it reads `inputs/line.png`. The network gives, for each few columns of pixels, a probability of each of 6,625 characters, of which
//! the first one stands for none; the same character in neighbouring places is one.

mod models;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tensorwright::prelude::*;
use tensorwright::{ImageLayout, ResizeOptions};

/// Rows of pixels that the network sees.
const HEIGHT: usize = 48;

fn main() -> Result<()> {
    let model = models::model("text_line.onnx")?;
    let characters = model.about().properties.iter().find(|(name, _)| name == "character");
    let (_, characters) = characters.context("the model does not say its characters")?;
    let characters: Vec<&str> = characters.split('\n').chain([" "]).collect();
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("inputs/line.png");
    let path = std::env::args().nth(1).map_or(default, PathBuf::from);
    let image = picture(&path)?;
    let start = Instant::now();
    let outputs = model.call(&[("x", image)])?;
    let elapsed = start.elapsed();
    let probabilities = outputs[0].1.tensor().context("the model gives a tensor")?.i(0);
    let best = probabilities.argmax(-1).to_vec::<i32>()?;
    let sure = probabilities.max(-1).to_vec::<f32>()?;
    let (mut text, mut last, mut least) = (String::new(), 0, 1.0f32);
    for (&character, &probability) in best.iter().zip(&sure) {
        if character != last && character != 0 {
            text += characters.get(character as usize - 1).context("there is no such character")?;
            least = least.min(probability);
        }
        last = character;
    }
    println!("{text}");
    println!("least probability of a character: {least:.3}; compiled and run in {elapsed:.0?}");
    Ok(())
}

/// The picture as `f32[1, 3, 48, width]`, blue first, from -1 to 1.
fn picture(path: &Path) -> Result<Tensor> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut decoder = png::Decoder::new(BufReader::new(file));
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let mut bytes = vec![0; reader.output_buffer_size().context("the picture is too large")?];
    let frame = reader.next_frame(&mut bytes)?;
    let (height, width, channels) = (frame.height as usize, frame.width as usize, frame.color_type.samples());
    ensure!(channels >= 3, "a picture in colour is expected");
    let pixels = Tensor::from_slice(&bytes[..height * width * channels], (1, height, width, channels));
    let colours = pixels.i((.., .., .., ..3)).reverse(3).cast(DType::F32) / 127.5 - 1.0;
    let size = [HEIGHT, width * HEIGHT / height];
    Ok(colours
        .resize(size, ResizeOptions::linear().layout(ImageLayout::Nhwc))
        .transpose([0, 3, 1, 2])
        .ok()?)
}
