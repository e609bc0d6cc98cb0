//! Initialisers that are not random.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};
use tensorwright::signal::{WindowEnds, WindowFunction};
use tensorwright::{DType, Error, Result, Shape, Tensor};

use crate::config::without_fields;

without_fields! {
    /// 0 everywhere.
    Zeros;
    /// 1 everywhere.
    Ones;
}

/// One number everywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Constant {
    /// The number.
    pub value: f64,
}

impl Constant {
    #[track_caller]
    pub(super) fn draw(&self, shape: &Shape, dtype: DType) -> Result<Tensor> {
        Tensor::full(shape.clone(), self.value).cast(dtype).ok()
    }
}

/// A matrix with `gain` on the diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eye {
    /// What is on the diagonal.
    pub gain: f64,
}

/// 1 on the diagonal.
impl Default for Eye {
    fn default() -> Eye {
        Eye { gain: 1.0 }
    }
}

impl Eye {
    #[track_caller]
    pub(super) fn draw(&self, shape: &Shape, dtype: DType) -> Result<Tensor> {
        let [rows, columns] = *shape.sizes() else {
            return Err(refused("Identity", shape, "a matrix is wanted"));
        };
        let square = Tensor::eye(rows.max(columns), dtype) * self.gain;
        square.i((..rows as i64, ..columns as i64)).ok()
    }
}

/// Which part of complex numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StftSide {
    /// The real part.
    #[default]
    Real,
    /// The imaginary part.
    Imag,
}

/// What a window is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// The root of its sum of squares.
    Density,
    /// The sum of its magnitudes.
    Spectrum,
}

/// The kernel of a convolution that is a short-time Fourier transform: `[samples, 1, frequencies]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stft {
    /// Which part the kernel computes.
    pub side: StftSide,
    /// The name of a window, or its weights.
    pub window: Option<StftWindow>,
    /// What the window is divided by.
    pub scaling: Option<Scaling>,
    /// Whether frames side by side go on evenly; else the window ends as it begins.
    pub periodic: bool,
}

/// A window by name or by its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum StftWindow {
    /// `hann`, `hamming`, and so on.
    Named(String),
    /// One weight for each sample.
    Weights(Vec<f64>),
}

/// Real part, a Hann window that ends as it begins, divided by the root of its sum of squares.
impl Default for Stft {
    fn default() -> Stft {
        let window = Some(StftWindow::Named("hann".to_owned()));
        Stft { side: StftSide::Real, window, scaling: Some(Scaling::Density), periodic: false }
    }
}

impl Stft {
    #[track_caller]
    pub(super) fn draw(&self, shape: &Shape, dtype: DType) -> Result<Tensor> {
        let [samples, 1, frequencies] = *shape.sizes() else {
            return Err(refused("STFT", shape, "the shape [samples, 1, frequencies] is wanted"));
        };
        let weights = self.weights(shape, samples)?;
        let period = (2 * frequencies.saturating_sub(1)).max(1);
        let part = |i: usize| {
            let (sample, frequency) = (i / frequencies, i % frequencies);
            // Whole turns are taken off before the angle is rounded.
            let angle = -TAU * ((sample * frequency) % period) as f64 / period as f64;
            weights[sample] * if self.side == StftSide::Real { angle.cos() } else { angle.sin() }
        };
        let kernel: Vec<f64> = (0..samples * frequencies).map(part).collect();
        Tensor::from_slice(&kernel, shape.clone()).cast(dtype).ok()
    }

    /// The window's weights, scaled.
    fn weights(&self, shape: &Shape, samples: usize) -> Result<Vec<f64>> {
        let weights = match &self.window {
            None => return Ok(vec![1.0; samples]),
            Some(StftWindow::Weights(weights)) => weights.clone(),
            Some(StftWindow::Named(name)) => {
                let ends = if self.periodic { WindowEnds::Periodic } else { WindowEnds::Symmetric };
                let window = named(name)
                    .ok_or_else(|| refused("STFT", shape, &format!("there is no window `{name}`")))?;
                window.weights(samples, ends, DType::F64).to_vec::<f64>()?
            }
        };
        if weights.len() != samples {
            return Err(refused("STFT", shape, &format!("the window has {} weights", weights.len())));
        }
        let divisor = match self.scaling {
            None => 1.0,
            Some(Scaling::Density) => weights.iter().map(|w| w * w).sum::<f64>().sqrt(),
            Some(Scaling::Spectrum) => weights.iter().map(|w| w.abs()).sum(),
        };
        Ok(weights.iter().map(|weight| weight / divisor).collect())
    }
}

/// The window of a name of SciPy's.
fn named(name: &str) -> Option<WindowFunction> {
    Some(match name {
        "boxcar" | "rect" | "rectangular" | "ones" => WindowFunction::Rectangular,
        "bartlett" => WindowFunction::Bartlett,
        "hann" => WindowFunction::Hann,
        "hamming" => WindowFunction::Hamming,
        "blackman" => WindowFunction::Blackman,
        "blackmanharris" => WindowFunction::BlackmanHarris,
        "nuttall" => WindowFunction::Nuttall,
        "flattop" => WindowFunction::FlatTop,
        "cosine" | "halfcosine" => WindowFunction::Cosine,
        _ => return None,
    })
}

/// Why there is no tensor of this shape.
#[track_caller]
pub(super) fn refused(initializer: &str, shape: &Shape, reason: &str) -> Error {
    Error::other(format!("initializer `{initializer}` of shape {shape}: {reason}"))
}
