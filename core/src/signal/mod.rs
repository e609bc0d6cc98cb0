//! Signals: windows, short-time Fourier transforms, cosine transforms, mel filters, convolution by Fourier transforms.
//!
//! All are made of ops of [`Tensor`](crate::Tensor), so they run at once, are compiled in functions, have derivatives, and go through [`vmap`](crate::vmap()).
//! Time is the last axis; axes before it are batch axes.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::signal::{Frames, Mel, WindowFunction, mel_spectrogram};
//!
//! // A second of a tone of 1 kHz, sampled 8000 times.
//! let time = Tensor::arange(8000, DType::F32) / 8000.0;
//! let tone = (time * (2.0 * std::f32::consts::PI * 1000.0)).sin();
//! let frames = Frames::new(WindowFunction::Hann, 256).hop(128);
//! let loudest = frames.stft(&tone).abs().mean(-1).argmax(0);
//! assert_eq!(loudest.item::<i32>()?, 32); // of 129 frequencies up to 4 kHz
//! let mel = mel_spectrogram(&tone, &frames, &Mel::new(20, 8000.0));
//! assert_eq!(mel.shape()?.size(0), 20);
//! # Ok::<(), Error>(())
//! ```

mod cosine;
mod filter;
mod frames;
mod mel;
mod section;
mod window;

pub use cosine::{CosineType, dct, dct_with, idct, idct_with};
pub use filter::{Overlap, fft_convolve, fft_correlate};
pub use frames::Frames;
pub use mel::{Mel, MelScale, mel_spectrogram, mfcc};
pub use window::{WindowEnds, WindowFunction};
