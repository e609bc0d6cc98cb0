//! Training on real digits.

mod fit;
mod learning;

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use tensorwright::Tensor;
use tensorwright_nn::layers::*;
use tensorwright_nn::losses::SparseCategoricalCrossentropy;
use tensorwright_nn::{Activation, PaddingMode, Sequential};

/// Images `f32[1797, 8, 8, 1]` and labels.
pub(crate) fn digits() -> (Tensor, Tensor) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../samples/digits.csv.gz");
    let mut text = String::new();
    GzDecoder::new(File::open(path).expect("the digits")).read_to_string(&mut text).expect("text");
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let numbers: Vec<f32> = line.split(',').map(|field| field.parse().expect("a number")).collect();
        pixels.extend(numbers[..64].iter().map(|pixel| pixel / 16.0));
        labels.push(numbers[64] as i32);
    }
    (Tensor::from_slice(&pixels, [labels.len(), 8, 8, 1]), Tensor::from_slice(&labels, [labels.len()]))
}

/// A convolutional network for digits.
pub(crate) fn network() -> Sequential {
    let moved = RandomTranslation::new((-0.18, 0.18), (-0.18, 0.18))
        .fill_mode(FillMode::Constant)
        .interpolation(PixelMethod::Nearest);
    Sequential::new()
        .add(moved)
        .add(Conv2D::new(32, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(MaxPooling2D::new())
        .add(Conv2D::new(64, 3).padding(PaddingMode::Same).activation(Activation::Relu))
        .add(Flatten::new())
        .add(Dropout::new(0.3))
        .add(Dense::new(10))
}

/// The loss of its logits.
pub(crate) fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy { from_logits: true, ..SparseCategoricalCrossentropy::default() }
}
