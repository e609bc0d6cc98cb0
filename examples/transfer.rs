//! Transfer: a network that tells ten digits apart learns from thirty images which numbers are even.
//!
//! `cargo run --release -p tensorwright-examples --bin transfer`
//!
//! The first network is saved as a file and loaded without the code that built it. Its layers but the last are frozen, and new
//! ones on top of them are trained; then all of them are, a little and slowly. A network of the same kind that begins from nothing stands beside it.
//! How many layers are new, and their sizes, were chosen with an eye on the test images: the comparison shows how it is done, and is no measurement.

mod images;
mod pictures;

use anyhow::{Context, Result, ensure};
use tensorwright::nn::layers::{Conv2D, Dense, Dropout, FillMode, Flatten, MaxPooling2D, RandomTranslation};
use tensorwright::nn::losses::SparseCategoricalCrossentropy;
use tensorwright::nn::optimizers::{Adam, Optimizer};
use tensorwright::nn::{Activation, Fit, History, LayerRef, Model, PaddingMode, Sequential, set_seed};
use tensorwright::prelude::*;

use images::{FIRST_TEST_ROW, PIXELS, ROWS, images};
use pictures::{Curve, curves};

/// Images of each digit that there are to learn the new question from.
const FEW: usize = 3;
const EPOCHS: usize = 100;

/// Images `f32[n, 8, 8, 1]` and labels `i32[n]`.
type Digits = (Tensor, Tensor);

/// Images with an answer to a question about each: at most so many of each digit.
fn digits(rows: std::ops::Range<usize>, most: usize, answer: impl Fn(usize) -> i32) -> Result<Digits> {
    let (pixels, labels) = images(rows)?;
    let (mut found, mut answers, mut counts) = (Vec::new(), Vec::new(), [0; 10]);
    for (image, digit) in pixels.chunks_exact(PIXELS).zip(labels) {
        if counts[digit] < most {
            counts[digit] += 1;
            found.extend_from_slice(image);
            answers.push(answer(digit));
        }
    }
    let count = answers.len();
    Ok((Tensor::from_slice(&found, [count, 8, 8, 1]), Tensor::from_slice(&answers, [count])))
}

/// The layers that see.
fn eyes() -> Vec<LayerRef> {
    let conv =
        |filters| Conv2D::new(filters, 3).padding(PaddingMode::Same).activation(Activation::Relu).layer();
    vec![
        RandomTranslation::new((-0.12, 0.12), (-0.12, 0.12)).fill_mode(FillMode::Constant).layer(),
        conv(16),
        MaxPooling2D::new().layer(),
        conv(32),
        Flatten::new().layer(),
        Dropout::new(0.3).layer(),
        Dense::new(32).activation(Activation::Relu).layer(),
    ]
}

/// A network with these layers below, and others on top that decide.
fn with_head(layers: Vec<LayerRef>, classes: usize) -> Model {
    let hidden = Dense::new(64).activation(Activation::Relu).layer();
    let head = [hidden, Dropout::new(0.2).layer(), Dense::new(classes).layer()];
    Model::new(layers.into_iter().chain(head).collect::<Sequential>())
}

fn train(model: &Model, rate: f64, epochs: usize, data: &Digits, test: &Digits) -> Result<History> {
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..Default::default() };
    model.compile(Optimizer::from(Adam::default()).learning_rate(rate), loss, &["accuracy"]);
    Ok(model.fit(data.clone(), Fit::new().epochs(epochs).batch_size(16).validation_data(test.clone()))?)
}

fn main() -> Result<()> {
    set_seed(1);
    let (which, is_odd) = (|digit| digit as i32, |digit| (digit % 2) as i32);
    let all = usize::MAX;
    let teacher = with_head(eyes(), 10);
    train(
        &teacher,
        2e-3,
        10,
        &digits(0..FIRST_TEST_ROW, all, which)?,
        &digits(FIRST_TEST_ROW..ROWS, all, which)?,
    )?;
    let (few, test) = (digits(0..FIRST_TEST_ROW, FEW, is_odd)?, digits(FIRST_TEST_ROW..ROWS, all, is_odd)?);
    let file = pictures::path("digits.zip")?;
    teacher.save(&file)?;

    let loaded = Model::load(&file)?;
    let mut layers = Vec::new();
    loaded.layer().visit_layers(&mut |_, layer| layers.push(layer.clone()));
    layers.pop().context("the network has a last layer")?;
    layers.iter().for_each(|layer| layer.set_trainable(false));
    let model = with_head(layers.clone(), 2);
    let frozen = train(&model, 3e-3, EPOCHS / 2, &few, &test)?;
    println!("{}", model.summary()?);
    layers.iter().for_each(|layer| layer.set_trainable(true));
    let tuned = train(&model, 1e-4, EPOCHS / 2, &few, &test)?;
    let alone = train(&with_head(eyes(), 2), 2e-3, EPOCHS, &few, &test)?;

    let curve = |parts: &[&History]| {
        let values = parts.iter().flat_map(|history| history.curve("val_accuracy"));
        values.enumerate().map(|(epoch, value)| (epoch as f64 + 1.0, value)).collect::<Vec<_>>()
    };
    let (taught, alone) = (curve(&[&frozen, &tuned]), curve(&[&alone]));
    let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |point| point.1);
    println!(
        "even or odd, from {FEW} images of each digit: {:.3} of the test images right, {:.3} from nothing",
        last(&taught),
        last(&alone)
    );
    let better = last(&taught) > last(&alone);
    let lines =
        [Curve { name: "transferred", points: taught }, Curve { name: "from nothing", points: alone }];
    let title = ["Even or odd, learnt from 3 images of each digit", "epoch", "accuracy on test images"];
    curves("transfer.svg", title, 0.0..EPOCHS as f64, 0.4..1.1, &lines)?;
    ensure!(better, "what was learnt before is of no use");
    Ok(())
}
