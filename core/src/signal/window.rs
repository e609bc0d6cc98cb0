//! Windows: weights of the samples of a frame.

use std::f64::consts::{PI, TAU};

use crate::{DType, Tensor};

/// The weights of the samples of a frame, from its ends to its middle.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum WindowFunction {
    /// 1 everywhere.
    Rectangular,
    /// A triangle that is 0 at the ends.
    Bartlett,
    /// `0.5 - 0.5 cos`.
    Hann,
    /// `0.54 - 0.46 cos`.
    Hamming,
    /// Three cosines, `0.42 - 0.5 cos + 0.08 cos 2`.
    Blackman,
    /// Four cosines with side lobes below -92 dB.
    BlackmanHarris,
    /// Four cosines with side lobes below -98 dB (Nuttall 1981, "4c").
    Nuttall,
    /// Five cosines with a flat top: magnitudes between frequencies are right.
    FlatTop,
    /// Half a wave of the sine.
    Cosine,
    /// `I0(beta sqrt(1 - t^2)) / I0(beta)`, `t` from -1 to 1 (Kaiser 1974).
    Kaiser {
        /// 0 is rectangular, greater is narrower.
        beta: f64,
    },
    /// A normal distribution.
    Gaussian {
        /// Standard deviation, in samples.
        std: f64,
    },
}

/// Whether a window ends as it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WindowEnds {
    /// One sample short of that, so that frames side by side go on evenly: for transforms.
    #[default]
    Periodic,
    /// The last weight is the first one: for filters.
    Symmetric,
}

impl WindowFunction {
    /// The weights: `-> F[length]`, computed in f64.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::signal::{WindowFunction, WindowEnds};
    /// let weights = WindowFunction::Hann.weights(4, WindowEnds::Periodic, DType::F32);
    /// assert!(weights.allclose([0.0f32, 0.5, 1.0, 0.5], 1e-6, 1e-6).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias(
        "hann_window",
        "hamming_window",
        "blackman_window",
        "kaiser_window",
        "bartlett",
        "get_window"
    ))]
    #[track_caller]
    pub fn weights(self, length: usize, ends: WindowEnds, dtype: DType) -> Tensor {
        let last = match ends {
            WindowEnds::Periodic => length as f64,
            WindowEnds::Symmetric => length as f64 - 1.0,
        };
        let weight = |i: usize| if length == 1 { 1.0 } else { self.weight(i as f64, last) };
        let weights: Vec<f64> = (0..length).map(weight).collect();
        Tensor::from_slice(&weights, [length]).cast(dtype)
    }

    /// The weight of sample `i`, where sample `last` is as sample 0.
    fn weight(self, i: f64, last: f64) -> f64 {
        let place = i / last;
        match self {
            WindowFunction::Rectangular => 1.0,
            WindowFunction::Bartlett => 1.0 - (2.0 * place - 1.0).abs(),
            WindowFunction::Hann => cosines(place, &[0.5, 0.5]),
            WindowFunction::Hamming => cosines(place, &[0.54, 0.46]),
            WindowFunction::Blackman => cosines(place, &[0.42, 0.5, 0.08]),
            WindowFunction::BlackmanHarris => cosines(place, &[0.35875, 0.48829, 0.14128, 0.01168]),
            WindowFunction::Nuttall => cosines(place, &[0.3635819, 0.4891775, 0.1365995, 0.0106411]),
            WindowFunction::FlatTop => {
                cosines(place, &[0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368])
            }
            WindowFunction::Cosine => (PI * (i + 0.5) / (last + 1.0)).sin(),
            WindowFunction::Kaiser { beta } => {
                let from_middle = 2.0 * place - 1.0;
                bessel_i0(beta * (1.0 - from_middle * from_middle).max(0.0).sqrt()) / bessel_i0(beta)
            }
            WindowFunction::Gaussian { std } => (-0.5 * ((i - last / 2.0) / std).powi(2)).exp(),
        }
    }
}

/// `a[0] - a[1] cos(2 pi t) + a[2] cos(4 pi t) - ..`.
fn cosines(place: f64, weights: &[f64]) -> f64 {
    let term = |(k, weight): (usize, &f64)| {
        let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
        sign * weight * (TAU * k as f64 * place).cos()
    };
    weights.iter().enumerate().map(term).sum()
}

/// The modified Bessel function of the first kind of order 0, by its series: `sum((x / 2)^(2 k) / k!^2)`, all of whose terms are positive.
fn bessel_i0(x: f64) -> f64 {
    let square = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * f64::EPSILON / 4.0 {
        term *= square / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}
