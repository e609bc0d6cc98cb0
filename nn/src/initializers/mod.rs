//! Initialisers: what a variable is before training, by Keras 3's names and definitions.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::initializers::{HeNormal, Initializer};
//!
//! let kernel = Initializer::from(HeNormal::default()).draw(&[3, 3, 16, 32].into(), DType::F32, &RandomKey::new(7))?;
//! let deviation = (2.0f32 / (3.0 * 3.0 * 16.0)).sqrt();
//! assert!((kernel.std(.., 0).item::<f32>()? / deviation - 1.0).abs() < 0.1);
//! assert_eq!("he_normal".parse::<Initializer>()?, HeNormal::default().into());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod fixed;
mod scaling;

use serde::{Deserialize, Serialize};
use tensorwright::{Basis, DType, RandomKey, Result, Shape, Tensor};

pub use self::fixed::{Constant, Eye, Ones, Scaling, Stft, StftSide, Zeros};
pub use self::scaling::{
    Distribution, FanMode, GlorotNormal, GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform,
    VarianceScaling,
};
use crate::config::family;

family! {
    /// What a variable is before training.
    Initializer as "initializer" {
        Zeros: "Zeros" | "zero";
        Ones: "Ones" | "one";
        Constant: "Constant";
        Eye: "Identity" | "IdentityInitializer";
        Stft: "STFT" | "STFTInitializer";
        RandomNormal: "RandomNormal" | "normal";
        RandomUniform: "RandomUniform" | "uniform";
        TruncatedNormal: "TruncatedNormal";
        VarianceScaling: "VarianceScaling";
        GlorotUniform: "GlorotUniform";
        GlorotNormal: "GlorotNormal";
        HeUniform: "HeUniform";
        HeNormal: "HeNormal";
        LecunUniform: "LecunUniform";
        LecunNormal: "LecunNormal";
        Orthogonal: "Orthogonal" | "OrthogonalInitializer";
    }
}

/// As Keras: `GlorotUniform`.
impl Default for Initializer {
    fn default() -> Initializer {
        GlorotUniform::default().into()
    }
}

impl Initializer {
    /// A tensor of this shape and dtype; the same for the same key, which only the random ones use.
    ///
    /// # Errors
    /// When the initialiser has no tensor of this shape, such as an identity that is no matrix.
    #[track_caller]
    pub fn draw(&self, shape: &Shape, dtype: DType, key: &RandomKey) -> Result<Tensor> {
        match self {
            Initializer::Zeros(_) => Tensor::zeros(shape.clone(), dtype).ok(),
            Initializer::Ones(_) => Tensor::ones(shape.clone(), dtype).ok(),
            Initializer::Constant(constant) => constant.draw(shape, dtype),
            Initializer::Eye(eye) => eye.draw(shape, dtype),
            Initializer::Stft(stft) => stft.draw(shape, dtype),
            Initializer::RandomNormal(RandomNormal { mean, stddev }) => {
                normal(shape, dtype, key, *mean, *stddev).ok()
            }
            Initializer::RandomUniform(RandomUniform { minval, maxval }) => {
                uniform(shape, dtype, key, *minval, *maxval).ok()
            }
            Initializer::TruncatedNormal(TruncatedNormal { mean, stddev }) => {
                truncated_normal(shape, dtype, key, *mean, *stddev).ok()
            }
            Initializer::VarianceScaling(scaling) => scaling.draw(shape, dtype, key),
            Initializer::GlorotUniform(it) => it.scaling().draw(shape, dtype, key),
            Initializer::GlorotNormal(it) => it.scaling().draw(shape, dtype, key),
            Initializer::HeUniform(it) => it.scaling().draw(shape, dtype, key),
            Initializer::HeNormal(it) => it.scaling().draw(shape, dtype, key),
            Initializer::LecunUniform(it) => it.scaling().draw(shape, dtype, key),
            Initializer::LecunNormal(it) => it.scaling().draw(shape, dtype, key),
            Initializer::Orthogonal(orthogonal) => orthogonal.draw(shape, dtype, key),
        }
    }
}

/// Normally distributed numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomNormal {
    /// The mean.
    pub mean: f64,
    /// The standard deviation.
    pub stddev: f64,
}

/// Mean 0, standard deviation 0.05.
impl Default for RandomNormal {
    fn default() -> RandomNormal {
        RandomNormal { mean: 0.0, stddev: 0.05 }
    }
}

/// Normally distributed numbers within two standard deviations, of the distribution before it is cut, of the mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TruncatedNormal {
    /// The mean.
    pub mean: f64,
    /// The standard deviation before the distribution is cut.
    pub stddev: f64,
}

/// Mean 0, standard deviation 0.05.
impl Default for TruncatedNormal {
    fn default() -> TruncatedNormal {
        TruncatedNormal { mean: 0.0, stddev: 0.05 }
    }
}

/// Evenly distributed numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RandomUniform {
    /// The least number.
    pub minval: f64,
    /// What all numbers are below.
    pub maxval: f64,
}

/// From -0.05 to 0.05.
impl Default for RandomUniform {
    fn default() -> RandomUniform {
        RandomUniform { minval: -0.05, maxval: 0.05 }
    }
}

/// A matrix of rows or columns, whichever are fewer, that are orthogonal and of length `gain` (Saxe et al. 2014); of more axes, all but the
/// last are rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Orthogonal {
    /// The length.
    pub gain: f64,
}

/// Length 1.
impl Default for Orthogonal {
    fn default() -> Orthogonal {
        Orthogonal { gain: 1.0 }
    }
}

impl Orthogonal {
    #[track_caller]
    fn draw(&self, shape: &Shape, dtype: DType, key: &RandomKey) -> Result<Tensor> {
        let [ref rest @ .., columns] = *shape.sizes() else {
            return Err(fixed::refused("Orthogonal", shape, "a matrix is wanted"));
        };
        if rest.is_empty() {
            return Err(fixed::refused("Orthogonal", shape, "a matrix is wanted"));
        }
        let rows: usize = rest.iter().product();
        let tall = Shape::from([rows.max(columns), rows.min(columns)]);
        let wide = if dtype == DType::F64 { DType::F64 } else { DType::F32 };
        let (q, r) = normal(&tall, wide, key, 0.0, 1.0).qr(Basis::Reduced);
        // The signs make the distribution even over all orthogonal matrices.
        let q = q * r.diag_part(0).lt(0).select(r.diag_part(0).ones_like() * -1.0, 1.0);
        let q = if rows < columns { q.t() } else { q };
        (q * self.gain).reshape(shape).cast(dtype).ok()
    }
}

/// Applies a distribution of a key in f64, or in f32 for all dtypes that have fewer bits.
macro_rules! drawn {
    ($key:ident.$law:ident($shape:ident, $dtype:ident, $a:ident, $b:ident)) => {
        match $dtype {
            DType::F64 => $key.$law($shape.clone(), $a, $b),
            _ => $key.$law($shape.clone(), $a as f32, $b as f32).cast($dtype),
        }
    };
}

#[track_caller]
fn normal(shape: &Shape, dtype: DType, key: &RandomKey, mean: f64, deviation: f64) -> Tensor {
    drawn!(key.normal(shape, dtype, mean, deviation))
}

#[track_caller]
fn truncated_normal(shape: &Shape, dtype: DType, key: &RandomKey, mean: f64, deviation: f64) -> Tensor {
    drawn!(key.truncated_normal(shape, dtype, mean, deviation))
}

#[track_caller]
fn uniform(shape: &Shape, dtype: DType, key: &RandomKey, low: f64, high: f64) -> Tensor {
    drawn!(key.uniform(shape, dtype, low, high))
}
