//! Constraints: what weights become after each step of training, by Keras 3's names and definitions.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::constraints::{Constraint, MaxNorm};
//!
//! let weights = Tensor::from([[3.0f32, 0.1], [4.0, 0.0]]);
//! let shorter = Constraint::from(MaxNorm { max_value: 1.0, ..MaxNorm::default() }).call(&weights);
//! assert!(shorter.allclose([[0.6f32, 0.1], [0.8, 0.0]], 1e-5, 1e-6).item::<bool>()?);
//! # Ok::<(), Error>(())
//! ```

use tensorwright::{Tensor, keep};

use crate::config::{Along, family, with_fields, without_fields};

family! {
    /// What weights become after each step.
    Constraint as "constraint" {
        MaxNorm: "MaxNorm";
        MinMaxNorm: "MinMaxNorm";
        NonNeg: "NonNeg" | "NonNegative";
        UnitNorm: "UnitNorm";
    }
}

without_fields! {
    /// Numbers below 0 become 0.
    NonNeg;
}

with_fields! {
    /// Vectors are at most so long.
    MaxNorm {
        /// The greatest length.
        max_value: f64 = 2.0,
        /// The axes of the vectors.
        axis: Along = Along::Axis(0),
    }
    /// Vectors are at least and at most so long.
    MinMaxNorm {
        /// The least length.
        min_value: f64 = 0.0,
        /// The greatest length.
        max_value: f64 = 1.0,
        /// How much of the way to it each step goes.
        rate: f64 = 1.0,
        /// The axes of the vectors.
        axis: Along = Along::Axis(0),
    }
    /// Vectors have length 1.
    UnitNorm {
        /// The axes of the vectors.
        axis: Along = Along::Axis(0),
    }
}

impl Constraint {
    /// The weights that stand for `weights`, of the same type.
    #[track_caller]
    pub fn call(&self, weights: &Tensor) -> Tensor {
        match self {
            Constraint::NonNeg(_) => weights.maximum(0),
            Constraint::MaxNorm(MaxNorm { max_value, axis }) => {
                scaled(weights, axis, |lengths| lengths.clamp(0.0, *max_value))
            }
            Constraint::MinMaxNorm(MinMaxNorm { min_value, max_value, rate, axis }) => {
                scaled(weights, axis, |lengths| {
                    lengths.clamp(*min_value, *max_value) * *rate + lengths * (1.0 - *rate)
                })
            }
            Constraint::UnitNorm(UnitNorm { axis }) => scaled(weights, axis, Tensor::ones_like),
        }
    }
}

/// Weights whose vectors have other lengths.
fn scaled(weights: &Tensor, along: &Along, wanted: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    let axes = along.axes(weights.rank().unwrap_or(0));
    let lengths = weights.square().sum(keep(&axes)).sqrt();
    weights * (wanted(&lengths) / (&lengths + crate::losses::EPSILON))
}
