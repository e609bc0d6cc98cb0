//! Short-time Fourier transforms, and the way back.

use super::section::section;
use super::window::{WindowEnds, WindowFunction};
use crate::{DType, FftOptions, Tensor};

/// Overlapping frames of a signal: their window, how far they are apart, how they are padded.
///
/// ```
/// # use tensorwright::prelude::*;
/// use tensorwright::signal::{Frames, WindowFunction};
/// let signal = Tensor::arange(100, DType::F32).sin();
/// let frames = Frames::new(WindowFunction::Hann, 16).hop(4);
/// let spectrum = frames.stft(&signal); // frequencies, then times
/// assert_eq!(spectrum.ty()?.to_string(), "c64[9,26]");
/// let back = frames.istft(&spectrum, 100);
/// assert!(back.allclose(&signal, 1e-4, 1e-5).item::<bool>()?);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Frames {
    window: WindowFunction,
    length: usize,
    hop: usize,
    centred: bool,
}

impl Frames {
    /// Frames of `length` samples, a quarter of that apart, the first one around sample 0.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Frames, WindowFunction};
    /// let frames = Frames::new(WindowFunction::Hamming, 8);
    /// assert_eq!(frames.stft(&Tensor::ones(16, DType::F32)).shape()?, &[5, 9].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn new(window: WindowFunction, length: usize) -> Frames {
        Frames { window, length, hop: (length / 4).max(1), centred: true }
    }

    /// Samples from one frame to the next, at least 1.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Frames, WindowFunction};
    /// let frames = Frames::new(WindowFunction::Hann, 8).hop(8);
    /// assert_eq!(frames.stft(&Tensor::ones(16, DType::F32)).shape()?, &[5, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn hop(self, hop: usize) -> Frames {
        Frames { hop: hop.max(1), ..self }
    }

    /// The first frame begins at sample 0, and the last one ends where the signal does, or before: nothing is padded.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Frames, WindowFunction};
    /// let frames = Frames::new(WindowFunction::Hann, 8).inside();
    /// assert_eq!(frames.stft(&Tensor::ones(16, DType::F32)).shape()?, &[5, 5].into());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn inside(self) -> Frames {
        Frames { centred: false, ..self }
    }

    fn weights(&self, dtype: DType) -> Tensor {
        self.window.weights(self.length, WindowEnds::Periodic, dtype)
    }

    /// For each frame the numbers of its samples.
    fn places(&self, count: usize) -> Tensor {
        let places: Vec<i32> = (0..count)
            .flat_map(|frame| (0..self.length).map(move |i| (frame * self.hop + i) as i32))
            .collect();
        Tensor::from_slice(&places, [count, self.length])
    }

    /// Frames that lie in so many samples.
    fn count(&self, samples: usize) -> usize {
        samples.checked_sub(self.length).map_or(0, |rest| rest / self.hop + 1)
    }

    /// The short-time Fourier transform: the transform of each frame times the window.
    ///
    /// `f32[.., samples] -> c64[.., length / 2 + 1, frames]`, f64 to c128. Unless frames are [inside](Frames::inside), half a frame is added at both
    /// ends, a mirror of what is beside it.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Frames, WindowFunction};
    /// let constant = Tensor::ones(8, DType::F64);
    /// let spectrum = Frames::new(WindowFunction::Rectangular, 4).inside().stft(&constant);
    /// assert_eq!(spectrum.abs().i((.., 0)).to_vec::<f64>()?, [4.0, 0.0, 0.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn stft(&self, signal: &Tensor) -> Tensor {
        let (Ok(dtype), Ok(rank)) = (signal.dtype(), signal.rank()) else { return signal.clone() };
        let signal = if self.centred && rank > 0 { self.mirrored(signal) } else { signal.clone() };
        let Ok(samples) = signal.shape().map(|shape| shape.sizes().last().copied().unwrap_or(0)) else {
            return signal;
        };
        let frames = signal.take(self.places(self.count(samples)), -1) * self.weights(dtype);
        frames.rfft(-1).swap_axes(-1, -2)
    }

    /// The signal with half a frame more at both ends, in which it is mirrored.
    fn mirrored(&self, signal: &Tensor) -> Tensor {
        let half = self.length / 2;
        let Ok(samples) = signal.shape().map(|shape| shape.size(shape.rank() - 1)) else {
            return signal.clone();
        };
        // The mirror image of a signal that is short goes on and on.
        let period = (2 * samples).saturating_sub(2).max(1) as i64;
        let place = |i: i64| {
            let place = i.rem_euclid(period);
            place.min(period - place) as i32
        };
        let places: Vec<i32> = (-(half as i64)..(samples + half) as i64).map(place).collect();
        signal.take(Tensor::from_slice(&places, [places.len()]), -1)
    }

    /// The signal of `samples` samples whose [short-time Fourier transform](Frames::stft) is nearest to `spectrum`: frames are transformed
    /// back, multiplied by the window, added up, and divided by the sum of the windows' squares (Griffin and Lim 1984).
    ///
    /// `c64[.., length / 2 + 1, frames] -> f32[.., samples]`, c128 to f64. Samples that no frame weighs are 0.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{Frames, WindowFunction};
    /// let signal = Tensor::from([1.0f64, -2.0, 3.0, 0.5, 4.0, 1.0]);
    /// let frames = Frames::new(WindowFunction::Hann, 4).hop(1);
    /// let back = frames.istft(&frames.stft(&signal), 6);
    /// assert!(back.allclose(&signal, 1e-12, 1e-12).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn istft(&self, spectrum: &Tensor, samples: usize) -> Tensor {
        let Ok(ty) = spectrum.ty().cloned() else { return spectrum.clone() };
        let frames = ty.shape.sizes().last().copied().unwrap_or(0);
        let weights = self.weights(ty.dtype.part());
        let options = FftOptions::new().lengths([self.length]);
        let parts = spectrum.swap_axes(-1, -2).irfft_with(-1, options) * &weights;
        let before = if self.centred { self.length / 2 } else { 0 };
        let total = (frames.max(1) * self.hop + self.length).max(before + samples);
        let mut extents = ty.shape.sizes().to_vec();
        extents.truncate(ty.rank().saturating_sub(2));
        extents.push(total);
        let places = self.places(frames);
        let sum = Tensor::zeros(extents, ty.dtype.part()).scatter_add(-1, &places, parts);
        let squares = weights.square().broadcast_to([frames, self.length]);
        let divisor = Tensor::zeros(total, ty.dtype.part()).scatter_add(-1, &places, squares);
        let small = if ty.dtype == DType::C128 { 1e-11 } else { 1e-6 };
        let known = divisor.gt(small);
        let signal = known.select(sum / known.select(&divisor, 1.0), 0.0);
        section(&signal, before, samples)
    }
}
