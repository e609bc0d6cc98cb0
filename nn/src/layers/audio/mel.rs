//! Spectrograms on the scale of hearing.

use tensorwright::signal::{WindowEnds, WindowFunction};
use tensorwright::{DType, PadMode, Result, Tensor};

use super::window::Window;
use crate::{Inputs, Layer, Outputs, Scope, layer};

layer! {
    /// How strong each band of the mel scale is in overlapping frames, as in the Hidden Markov Model Toolkit: `F[.., samples] -> F[.., bands, frames]`.
    pub struct MelSpectrogram() {
        /// Of how many samples the transform is.
        fft_length: usize = 2048,
        /// How far it is from frame to frame.
        sequence_stride: usize = 512,
        /// How many samples of a frame the window covers: all if nothing is said.
        sequence_length: Option<usize> = None,
        /// The weights of these samples.
        window: Option<Window> = Some(Window::Named(WindowFunction::Hann)),
        /// Samples in a second.
        sampling_rate: f64 = 16000.0,
        /// How many bands there are.
        num_mel_bins: usize = 128,
        /// The frequency at which the first band begins.
        min_freq: f64 = 20.0,
        /// The frequency at which the last one ends: half the sampling rate if nothing is said.
        max_freq: Option<f64> = None,
        /// Whether results are in decibels.
        power_to_db: bool = true,
        /// How many decibels below the greatest result the least one is.
        top_db: f64 = 80.0,
        /// The power that magnitudes are raised to.
        mag_exp: f64 = 2.0,
        /// No power counts as less.
        min_power: f64 = 1e-10,
        /// The power of 0 decibels.
        ref_power: f64 = 1.0,
    }
}

/// How high a frequency sounds.
fn mel(hertz: f64) -> f64 {
    1127.0 * (1.0 + hertz / 700.0).ln()
}

impl MelSpectrogram {
    fn check(&self, scope: &Scope<'_>) -> Result<()> {
        let covered = self.sequence_length.unwrap_or(self.fft_length);
        if self.fft_length == 0 || self.sequence_stride == 0 || covered > self.fft_length {
            return Err(scope.refuse("`sequence_length` is at most `fft_length`, and no length is 0"));
        }
        let highest = self.max_freq.unwrap_or(self.sampling_rate / 2.0);
        match 0.0 <= self.min_freq && self.min_freq < highest && self.num_mel_bins > 0 {
            true => Ok(()),
            false => Err(scope.refuse("there are bands, from `min_freq` up to `max_freq`")),
        }
    }

    /// The window in the middle of a frame.
    fn weights(&self, dtype: DType, scope: &Scope<'_>) -> Result<Option<Tensor>> {
        let Some(window) = &self.window else { return Ok(None) };
        let covered = self.sequence_length.unwrap_or(self.fft_length);
        let weights =
            window.weights(covered, WindowEnds::Periodic, dtype).map_err(|reason| scope.refuse(reason))?;
        let low = (self.fft_length - covered) / 2;
        let high = self.fft_length - covered - low;
        let zero = Tensor::from(0.0).cast(dtype);
        Ok(Some(weights.pad(zero, vec![low as i64], vec![high as i64], vec![0usize])))
    }

    /// Magnitudes of frequencies, raised to a power: `F[.., frames, frequencies]`.
    fn spectra(&self, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        let (length, stride) = (self.fft_length, self.sequence_stride);
        let half = length / 2;
        let samples = x.extent(-1)?;
        if samples <= half {
            return Err(scope.refuse(format!("more than {half} samples are wanted, found {}", x.ty()?)));
        }
        let mut sides = vec![0i64; x.rank()?];
        sides[x.rank()? - 1] = half as i64;
        let padded = x.pad_border(sides.clone(), sides, PadMode::Reflect);
        let frames = (samples + 2 * half - length) / stride + 1;
        let places: Vec<i32> =
            (0..frames).flat_map(|frame| (0..length).map(move |i| (frame * stride + i) as i32)).collect();
        let mut framed = padded.take(Tensor::from_slice(&places, [frames, length]), -1);
        if let Some(weights) = self.weights(x.dtype()?, scope)? {
            framed *= weights;
        }
        let spectrum = framed.rfft(-1);
        let power = spectrum.real().square() + spectrum.imag().square();
        Ok(if self.mag_exp == 2.0 { power } else { power.sqrt().powf(self.mag_exp) })
    }

    /// How much each frequency counts in each band, triangles of the mel scale: `F[frequencies, bands]`. The constant part counts nowhere.
    fn bands(&self, frequencies: usize, dtype: DType) -> Tensor {
        let highest = self.max_freq.unwrap_or(self.sampling_rate / 2.0);
        let (low, high) = (mel(self.min_freq), mel(highest));
        let width = (high - low) / (self.num_mel_bins as f64 + 1.0);
        let weight = |frequency: usize, band: usize| {
            let hertz = self.sampling_rate / 2.0 * frequency as f64 / (frequencies.max(2) - 1) as f64;
            let place = (mel(hertz) - low) / width - band as f64;
            if frequency == 0 { 0.0 } else { place.min(2.0 - place).max(0.0) }
        };
        let weights: Vec<f64> = (0..frequencies)
            .flat_map(|frequency| (0..self.num_mel_bins).map(move |band| weight(frequency, band)))
            .collect();
        Tensor::from_slice(&weights, [frequencies, self.num_mel_bins]).cast(dtype)
    }

    /// Powers in decibels, none far below the greatest.
    fn decibels(&self, x: &Tensor) -> Tensor {
        let reference = 10.0 * self.ref_power.abs().max(self.min_power).log10();
        let decibels = x.maximum(self.min_power).log10() * 10.0 - reference;
        decibels.maximum(decibels.max(..) - self.top_db)
    }
}

impl Layer for MelSpectrogram {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        self.check(scope)?;
        let given = inputs.tensor()?;
        if given.rank()? == 0 {
            return Err(scope.refuse(format!("sounds are wanted, found {}", given.ty()?)));
        }
        let dtype = if scope.dtype() == DType::F64 { DType::F64 } else { DType::F32 };
        let spectra = self.spectra(&given.cast(dtype), scope)?;
        let bands = spectra.matmul(self.bands(spectra.extent(-1)?, dtype));
        let found = if self.power_to_db { self.decibels(&bands) } else { bands };
        Ok(found.swap_axes(-1, -2).cast(scope.dtype()).ok()?.into())
    }
}
