//! A chirp, its spectrogram as a picture, and the chirp again out of the spectrogram.
//!
//! `cargo run --release -p tensorwright-examples --bin spectrogram`
//!
//! The tone rises from 200 Hz to 3.6 kHz in two seconds, beside a quieter one that swings around 2 kHz and a little noise. The picture,
//! `target/spectrogram.png`, has a column for each frame and a row for each frequency, the highest on top; 70 decibels are the range of its shades.

mod pictures;

use std::f32::consts::TAU;

use anyhow::{Result, ensure};
use tensorwright::prelude::*;
use tensorwright::signal::{Frames, WindowFunction};

const RATE: f32 = 8000.0;
const SAMPLES: usize = 16_000;
/// Samples of a frame.
const FRAME: usize = 512;
/// From white to black, in decibels.
const RANGE: f32 = 70.0;

fn main() -> Result<()> {
    let signal = signal();
    let frames = Frames::new(WindowFunction::Hann, FRAME).hop(FRAME / 8);
    let spectrogram = {
        let frames = frames.clone();
        function(move |signal: Tensor| {
            let spectrum = frames.stft(&signal);
            let decibels = spectrum.abs().maximum(1e-6).log10() * 20.0;
            let loudest = decibels.max(..);
            let light = (loudest - decibels) / RANGE;
            (spectrum, light.reverse(0))
        })
    };
    let (spectrum, shades) = spectrogram.call(&signal)?;
    let (height, width) = (shades.shape()?.size(0), shades.shape()?.size(1));
    println!("{width} frames of {height} frequencies");
    pictures::shades("spectrogram.png", width, &shades.to_vec::<f32>()?, 1)?;
    check(&spectrum)?;
    let error = (frames.istft(&spectrum, SAMPLES) - &signal).abs().max(..).item::<f32>()?;
    println!("greatest error of the way back: {error:.1e}");
    ensure!(error < 1e-4, "the spectrogram keeps the signal");
    Ok(())
}

/// The frequency of the chirp at a time in seconds.
fn chirp(time: f32) -> f32 {
    200.0 + 1700.0 * time
}

fn signal() -> Tensor {
    let time = Tensor::arange(SAMPLES, DType::F32) / RATE;
    // The phase is the integral of the frequency.
    let rising = ((&time * 200.0 + time.square() * 850.0) * TAU).sin();
    let swinging = ((&time * 2000.0 - (&time * (3.0 * TAU)).cos() * 30.0) * TAU).sin() * 0.2;
    rising + swinging + RandomKey::new(1).normal([SAMPLES], 0.0f32, 0.002)
}

/// In each frame that lies in the signal the loudest frequency is that of the chirp.
fn check(spectrum: &Tensor) -> Result<()> {
    let loudest = spectrum.abs().argmax(0).to_vec::<i32>()?;
    for (frame, &loudest) in loudest.iter().enumerate().skip(4).take(SAMPLES / (FRAME / 8) - 8) {
        let expected = chirp((frame * FRAME / 8) as f32 / RATE) * FRAME as f32 / RATE;
        ensure!((loudest as f32 - expected).abs() < 2.0, "frame {frame}: {loudest}, not {expected}");
    }
    Ok(())
}
