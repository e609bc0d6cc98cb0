//! The mel scale: filters, spectrograms, cepstral coefficients.

use tensorwright_ir::op::composite::FourierNorm;

use super::cosine::{CosineType, dct_with};
use super::frames::Frames;
use super::section::section;
use crate::{DType, Tensor};

/// From frequencies to how high they sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MelScale {
    /// `2595 log10(1 + f / 700)`.
    #[default]
    Htk,
    /// Linear up to 1 kHz, logarithmic beyond, and filters of equal area (Slaney 1998).
    Slaney,
}

impl MelScale {
    fn mel(self, hertz: f64) -> f64 {
        match self {
            MelScale::Htk => 2595.0 * (1.0 + hertz / 700.0).log10(),
            MelScale::Slaney if hertz < 1000.0 => hertz * 3.0 / 200.0,
            MelScale::Slaney => 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4f64.ln(),
        }
    }

    fn hertz(self, mel: f64) -> f64 {
        match self {
            MelScale::Htk => 700.0 * (10f64.powf(mel / 2595.0) - 1.0),
            MelScale::Slaney if mel < 15.0 => mel * 200.0 / 3.0,
            MelScale::Slaney => 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp(),
        }
    }
}

/// A bank of triangular filters that are evenly spaced on the mel scale.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::Mel;
/// let filters = Mel::new(40, 16000.0).range(20.0, 7600.0).filters(201, DType::F32);
/// assert_eq!(filters.shape()?, &[40, 201].into());
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mel {
    filters: usize,
    sample_rate: f64,
    low: f64,
    high: f64,
    scale: MelScale,
}

impl Mel {
    /// So many filters from 0 to half of the sample rate, on the HTK scale.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::Mel;
    /// assert_eq!(Mel::new(10, 8000.0).filters(65, DType::F64).shape()?, &[10, 65].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(filters: usize, sample_rate: f64) -> Mel {
        Mel { filters, sample_rate, low: 0.0, high: sample_rate / 2.0, scale: MelScale::Htk }
    }

    /// Filters from one frequency to another one, in hertz.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::Mel;
    /// let first = Mel::new(4, 8000.0).range(1000.0, 2000.0).filters(65, DType::F64).i((0, ..17));
    /// assert_eq!(first.sum(..).item::<f64>()?, 0.0);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn range(self, low: f64, high: f64) -> Mel {
        Mel { low, high, ..self }
    }

    /// Another scale.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Mel, MelScale};
    /// let filters = Mel::new(4, 8000.0).scale(MelScale::Slaney).filters(65, DType::F64);
    /// assert!(filters.max(..).item::<f64>()? < 0.01);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn scale(self, scale: MelScale) -> Mel {
        Mel { scale, ..self }
    }

    /// The weights of `frequencies` frequencies, from 0 to half of the sample rate: `-> F[filters, frequencies]`. A product with them takes a spectrum to the
    /// mel scale.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::Mel;
    /// let filters = Mel::new(8, 8000.0).filters(129, DType::F32);
    /// assert!(filters.ge(0.0).all(..).item::<bool>()? && filters.le(1.0).all(..).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "linear_to_mel_weight_matrix")]
    #[track_caller]
    pub fn filters(&self, frequencies: usize, dtype: DType) -> Tensor {
        let (low, high) = (self.scale.mel(self.low), self.scale.mel(self.high));
        let step = (high - low) / (self.filters + 1) as f64;
        let edge = |i: usize| self.scale.hertz(low + step * i as f64);
        let spacing = self.sample_rate / 2.0 / frequencies.saturating_sub(1).max(1) as f64;
        let mut weights = Vec::with_capacity(self.filters * frequencies);
        for filter in 0..self.filters {
            let (left, middle, right) = (edge(filter), edge(filter + 1), edge(filter + 2));
            let area = match self.scale {
                MelScale::Htk => 1.0,
                MelScale::Slaney => 2.0 / (right - left),
            };
            weights.extend((0..frequencies).map(|k| {
                let hertz = k as f64 * spacing;
                let (up, down) = ((hertz - left) / (middle - left), (right - hertz) / (right - middle));
                area * up.min(down).max(0.0)
            }));
        }
        Tensor::from_slice(&weights, [self.filters, frequencies]).cast(dtype)
    }
}

/// The power of a signal by mel filter and frame: `F[.., samples] -> F[.., filters, frames]`, f32 or f64.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{Frames, Mel, WindowFunction, mel_spectrogram};
/// let signal = Tensor::arange(400, DType::F32).sin();
/// let power = mel_spectrogram(&signal, &Frames::new(WindowFunction::Hann, 64), &Mel::new(10, 8000.0));
/// assert_eq!(power.shape()?, &[10, 26].into());
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn mel_spectrogram(signal: &Tensor, frames: &Frames, mel: &Mel) -> Tensor {
    let spectrum = frames.stft(signal);
    let Ok(ty) = spectrum.ty().cloned() else { return spectrum };
    let power = spectrum.real().square() + spectrum.imag().square();
    mel.filters(ty.shape.size(ty.rank() - 2), ty.dtype.part()).matmul(&power)
}

/// Mel-frequency cepstral coefficients: the first `count` of the orthonormal cosine transform of the logarithm of the
/// [power by mel filter](mel_spectrogram), `F[.., samples] -> F[.., count, frames]`. Powers below 1e-10 count as that.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{Frames, Mel, WindowFunction, mfcc};
/// let signal = Tensor::arange(400, DType::F32).sin();
/// let coefficients = mfcc(&signal, &Frames::new(WindowFunction::Hann, 64), &Mel::new(20, 8000.0), 13);
/// assert_eq!(coefficients.shape()?, &[13, 26].into());
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn mfcc(signal: &Tensor, frames: &Frames, mel: &Mel, count: usize) -> Tensor {
    let log = mel_spectrogram(signal, frames, mel).maximum(1e-10).log();
    let along = dct_with(&log.swap_axes(-1, -2), CosineType::II, FourierNorm::Ortho);
    section(&along, 0, count).swap_axes(-1, -2)
}
