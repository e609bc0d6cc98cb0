//! Windows by the names that SciPy gives them.

use serde_json::Value;
use tensorwright::signal::{WindowEnds, WindowFunction};
use tensorwright::{DType, Result, Tensor};

use crate::{Field, Setting};

/// Names and windows.
const NAMES: [(&str, WindowFunction); 9] = [
    ("hann", WindowFunction::Hann),
    ("hamming", WindowFunction::Hamming),
    ("blackman", WindowFunction::Blackman),
    ("bartlett", WindowFunction::Bartlett),
    ("blackmanharris", WindowFunction::BlackmanHarris),
    ("nuttall", WindowFunction::Nuttall),
    ("flattop", WindowFunction::FlatTop),
    ("cosine", WindowFunction::Cosine),
    ("boxcar", WindowFunction::Rectangular),
];

/// The weights of the samples of a frame: by name, or one by one.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// One of those that have names, such as `hann`.
    Named(WindowFunction),
    /// The weights.
    Weights(Vec<f64>),
}

impl Setting<Option<Window>> for WindowFunction {
    fn setting(self) -> Option<Window> {
        Some(Window::Named(self))
    }
}

impl Setting<Option<Window>> for Vec<f64> {
    fn setting(self) -> Option<Window> {
        Some(Window::Weights(self))
    }
}

impl Field for Window {
    fn to_json(&self) -> Value {
        match self {
            Window::Named(function) => {
                let named = NAMES.iter().find(|(_, own)| own == function).map(|(name, _)| *name);
                named.map_or_else(|| Value::from(format!("{function:?}")), Value::from)
            }
            Window::Weights(weights) => weights.clone().into(),
        }
    }

    fn from_json(value: &Value) -> Result<Window, String> {
        if let Some(name) = value.as_str() {
            let named = NAMES.iter().find(|(own, _)| *own == name).map(|(_, function)| *function);
            let names = NAMES.map(|(name, _)| name).join(", ");
            return named
                .map(Window::Named)
                .ok_or_else(|| format!("one of {names} is wanted, found {value}"));
        }
        Vec::from_json(value).map(Window::Weights)
    }
}

impl Window {
    /// The weights of so many samples.
    ///
    /// # Errors
    /// When there are weights for another number of samples.
    pub(super) fn weights(&self, samples: usize, ends: WindowEnds, dtype: DType) -> Result<Tensor, String> {
        match self {
            Window::Named(function) => Ok(function.weights(samples, ends, dtype)),
            Window::Weights(weights) if weights.len() == samples => {
                Ok(Tensor::from_slice(weights, [samples]).cast(dtype))
            }
            Window::Weights(weights) => {
                Err(format!("the window has {} weights for frames of {samples} samples", weights.len()))
            }
        }
    }
}
