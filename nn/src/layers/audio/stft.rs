//! Short-time Fourier transforms as convolutions.

use std::f64::consts::TAU;

use tensorwright::signal::{WindowEnds, WindowFunction};
use tensorwright::{ConvOptions, DType, Result, Tensor};

use super::window::Window;
use crate::settings::keyword;
use crate::{DataFormat, Inputs, Layer, Outputs, PaddingMode, Scope, WeightSpec, layer};

keyword! {
    /// What is given of a spectrum.
    pub enum SpectrumMode {
        /// The logarithm of magnitudes.
        Log = "log",
        /// Magnitudes.
        Magnitude = "magnitude",
        /// How much power a frequency and its mirror image have.
        Psd = "psd",
        /// Real parts.
        Real = "real",
        /// Imaginary parts.
        Imag = "imag",
        /// Angles.
        Angle = "angle",
        /// Real parts, and behind them imaginary ones.
        Stft = "stft",
    }
}

keyword! {
    /// What a window is divided by.
    pub enum SpectrumScaling {
        /// The root of the sum of its squares.
        Density = "density",
        /// The sum of its magnitudes.
        Spectrum = "spectrum",
    }
}

/// No number is less, where roots and logarithms are taken.
const LEAST: f64 = 1e-7;

layer! {
    /// Spectra of overlapping frames, by kernels that begin as a Fourier transform and can be trained: `T[n, samples, c] -> T[n, frames, c * frequencies]`.
    pub struct STFTSpectrogram() {
        /// What is given.
        mode: SpectrumMode = SpectrumMode::Log,
        /// How many samples a frame has.
        frame_length: usize = 256,
        /// How far it is from frame to frame: half a frame if nothing is said.
        frame_step: Option<usize> = None,
        /// Of how many samples the transform is, frames filled up with zeros: the next power of two if nothing is said.
        fft_length: Option<usize> = None,
        /// The weights of the samples of a frame.
        window: Option<Window> = Some(Window::Named(WindowFunction::Hann)),
        /// Whether the window goes on evenly from frame to frame.
        periodic: bool = false,
        /// What the window is divided by.
        scaling: Option<SpectrumScaling> = Some(SpectrumScaling::Density),
        /// What is around the sound.
        padding: PaddingMode = PaddingMode::Valid,
        /// Whether channels have an axis of their own, behind frequencies.
        expand_dims: bool = false,
        /// Where channels are; the results have frequencies there.
        data_format: DataFormat = DataFormat::ChannelsLast,
    }
}

/// One of the two sides of a spectrum.
#[derive(Clone, Copy)]
enum Side {
    Real,
    Imag,
}

impl STFTSpectrogram {
    fn frequencies(&self) -> usize {
        self.fft_length.unwrap_or_else(|| self.frame_length.next_power_of_two()) / 2 + 1
    }

    fn check(&self, scope: &Scope<'_>) -> Result<()> {
        let (length, step) = (self.frame_length, self.frame_step.unwrap_or(1));
        if length < 2 || step == 0 || step > length {
            return Err(scope.refuse(format!("a frame has at least 2 samples, and `frame_step` is from 1 to `frame_length`, found {step} and {length}")));
        }
        match self.fft_length {
            Some(fft) if fft < length => {
                Err(scope
                    .refuse(format!("`fft_length` is at least `frame_length`, found {fft} and {length}")))
            }
            _ => Ok(()),
        }
    }

    /// The part of the window in a kernel.
    fn weights(&self, dtype: DType) -> Result<Option<Tensor>, String> {
        let ends = if self.periodic { WindowEnds::Periodic } else { WindowEnds::Symmetric };
        let Some(window) = &self.window else { return Ok(None) };
        let weights = window.weights(self.frame_length, ends, dtype)?;
        let divisor = match self.scaling {
            None => return Ok(Some(weights)),
            Some(SpectrumScaling::Density) => weights.square().sum(..).sqrt(),
            Some(SpectrumScaling::Spectrum) => weights.abs().sum(..),
        };
        Ok(Some(weights / divisor))
    }

    /// The kernel of one side, `T[frame_length, 1, frequencies]`.
    fn kernel(&self, side: Side, scope: &Scope<'_>) -> Result<Tensor> {
        let (samples, frequencies) = (self.frame_length, self.frequencies());
        let window = self.weights(DType::F64).map_err(|reason| scope.refuse(reason))?;
        let first = move |angle: f64| match side {
            Side::Real => angle.cos(),
            Side::Imag => angle.sin(),
        };
        let period = ((frequencies - 1) * 2) as f64;
        let spec = WeightSpec::by(move |shape, dtype, _| {
            let angle = |i: usize| -TAU * (i / frequencies) as f64 * (i % frequencies) as f64 / period;
            let waves: Vec<f64> = (0..samples * frequencies).map(|i| first(angle(i))).collect();
            let waves = Tensor::from_slice(&waves, shape.clone());
            let weighed = match &window {
                Some(window) => waves * window.reshape([samples, 1, 1]),
                None => waves,
            };
            weighed.cast(dtype).ok()
        });
        let name = match side {
            Side::Real => "real_kernel",
            Side::Imag => "imag_kernel",
        };
        scope.weight(name, [samples, 1, frequencies], spec)
    }

    /// One side of the spectra: `T[n, samples, c] -> T[n, c, frequencies, frames]`.
    fn side(&self, x: &Tensor, side: Side, scope: &Scope<'_>) -> Result<Tensor> {
        let kernel = self.kernel(side, scope)?;
        let sizes = x.shape()?.sizes().to_vec();
        let sounds = x.swap_axes(1, 2).reshape([sizes[0] * sizes[2], sizes[1], 1]);
        let step = self.frame_step.unwrap_or(self.frame_length / 2);
        let y = sounds.conv(kernel, ConvOptions::new().strides(step).padding(self.padding));
        let frames = y.extent(1)?;
        y.swap_axes(1, 2).reshape([sizes[0], sizes[2], self.frequencies(), frames]).ok()
    }

    /// What is wanted of the spectra.
    fn spectra(&self, x: &Tensor, scope: &Scope<'_>) -> Result<Tensor> {
        match self.mode {
            SpectrumMode::Real => return self.side(x, Side::Real, scope),
            SpectrumMode::Imag => return self.side(x, Side::Imag, scope),
            _ => {}
        }
        let (real, imag) = (self.side(x, Side::Real, scope)?, self.side(x, Side::Imag, scope)?);
        let power = || real.square() + imag.square();
        let magnitude = || power().maximum(LEAST).sqrt();
        Ok(match self.mode {
            SpectrumMode::Angle => imag.atan2(&real),
            SpectrumMode::Stft => Tensor::concat(&[real, imag], 2),
            SpectrumMode::Psd => {
                let power = power();
                // Frequencies between the first and the last one have a mirror image.
                let mirrored: Vec<f64> = (0..self.frequencies())
                    .map(|i| if i == 0 || i + 1 == self.frequencies() { 1.0 } else { 2.0 })
                    .collect();
                power * Tensor::from_slice(&mirrored, [mirrored.len(), 1]).cast(x.dtype()?)
            }
            SpectrumMode::Magnitude => magnitude(),
            _ => magnitude().maximum(LEAST).log(),
        })
    }

    /// `T[n, c, frequencies, frames]` in the order that is wanted.
    fn arranged(&self, y: Tensor) -> Result<Tensor> {
        let sizes = y.shape()?.sizes().to_vec();
        let last = self.data_format == DataFormat::ChannelsLast;
        if self.expand_dims {
            return Ok(if last { y.transpose([0, 3, 2, 1]) } else { y.swap_axes(2, 3) });
        }
        let flat = y.reshape([sizes[0], sizes[1] * sizes[2], sizes[3]]);
        Ok(if last { flat.swap_axes(1, 2) } else { flat })
    }
}

impl Layer for STFTSpectrogram {
    fn call(&self, inputs: &Inputs, scope: &Scope<'_>) -> Result<Outputs> {
        self.check(scope)?;
        let x = inputs.tensor()?;
        if x.rank()? != 3 || !x.dtype()?.is_float() {
            return Err(scope.refuse(format!("a batch of sounds with channels is wanted, found {}", x.ty()?)));
        }
        let x = if self.data_format == DataFormat::ChannelsLast { x } else { x.swap_axes(1, 2) };
        let spectra = self.spectra(&x, scope)?;
        Ok(self.arranged(spectra)?.ok()?.into())
    }
}
