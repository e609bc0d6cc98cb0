//! Random numbers whose variance goes by how many numbers a unit adds up (Glorot and Bengio 2010, He et al. 2015).

use serde::{Deserialize, Serialize};
use tensorwright::{DType, RandomKey, Result, Shape, Tensor};

use super::{normal, truncated_normal, uniform};

/// Standard deviation of a normal distribution of deviation 1 that is cut at -2 and 2.
const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

/// What a variance is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FanMode {
    /// How many inputs a unit has.
    #[default]
    FanIn,
    /// How many units an input goes to.
    FanOut,
    /// The mean of both.
    FanAvg,
}

/// How the numbers are distributed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Normally, cut at two standard deviations; the variance is that after the cut.
    #[default]
    #[serde(alias = "normal")]
    TruncatedNormal,
    /// Normally.
    UntruncatedNormal,
    /// Evenly.
    Uniform,
}

/// Random numbers of mean 0 and variance `scale / fan`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VarianceScaling {
    /// The variance times the fan.
    pub scale: f64,
    /// What the fan is.
    pub mode: FanMode,
    /// How the numbers are distributed.
    pub distribution: Distribution,
    /// The axes that inputs are along, if not the usual ones: all but the last.
    pub input_axes: Option<Vec<i64>>,
    /// The axes that units are along.
    pub output_axes: Option<Vec<i64>>,
}

/// Scale 1, by inputs, cut normal distribution.
impl Default for VarianceScaling {
    fn default() -> VarianceScaling {
        let (mode, distribution) = Default::default();
        VarianceScaling { scale: 1.0, mode, distribution, input_axes: None, output_axes: None }
    }
}

impl VarianceScaling {
    #[track_caller]
    pub(super) fn draw(&self, shape: &Shape, dtype: DType, key: &RandomKey) -> Result<Tensor> {
        let (inputs, outputs) = self.fans(shape)?;
        let fan = match self.mode {
            FanMode::FanIn => inputs,
            FanMode::FanOut => outputs,
            FanMode::FanAvg => (inputs + outputs) / 2.0,
        };
        let deviation = (self.scale / fan.max(1.0)).sqrt();
        let drawn = match self.distribution {
            Distribution::TruncatedNormal => {
                truncated_normal(shape, dtype, key, 0.0, deviation / CUT_DEVIATION)
            }
            Distribution::UntruncatedNormal => normal(shape, dtype, key, 0.0, deviation),
            Distribution::Uniform => {
                let limit = deviation * 3f64.sqrt();
                uniform(shape, dtype, key, -limit, limit)
            }
        };
        drawn.ok()
    }

    /// How many inputs a unit has, and how many units an input goes to.
    fn fans(&self, shape: &Shape) -> Result<(f64, f64)> {
        let sizes = shape.sizes();
        let product = |sizes: &[usize]| sizes.iter().map(|&size| size as f64).product::<f64>();
        if let (Some(inputs), Some(outputs)) = (&self.input_axes, &self.output_axes) {
            return Ok((along(shape, inputs)?, along(shape, outputs)?));
        }
        Ok(match *sizes {
            [] => (1.0, 1.0),
            [one] => (one as f64, one as f64),
            [ref field @ .., inputs, outputs] => {
                (product(field) * inputs as f64, product(field) * outputs as f64)
            }
        })
    }
}

/// How many elements there are along axes.
fn along(shape: &Shape, axes: &[i64]) -> Result<f64> {
    let sizes = shape.sizes();
    let size = |&axis: &i64| {
        let axis = if axis < 0 { axis + sizes.len() as i64 } else { axis };
        let size = usize::try_from(axis).ok().and_then(|axis| sizes.get(axis));
        size.map(|&size| size as f64)
    };
    let product = axes.iter().map(size).product::<Option<f64>>();
    product.ok_or_else(|| super::fixed::refused("VarianceScaling", shape, "there are no such axes"))
}

macro_rules! scalings {
    ($($(#[$meta:meta])* $name:ident = $scale:literal, $mode:ident, $distribution:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// The axes that inputs are along, if not the usual ones: all but the last.
            pub input_axes: Option<Vec<i64>>,
            /// The axes that units are along.
            pub output_axes: Option<Vec<i64>>,
        }

        impl $name {
            pub(super) fn scaling(&self) -> VarianceScaling {
                VarianceScaling {
                    scale: $scale,
                    mode: FanMode::$mode,
                    distribution: Distribution::$distribution,
                    input_axes: self.input_axes.clone(),
                    output_axes: self.output_axes.clone(),
                }
            }
        }
    )*};
}

scalings! {
    /// Evenly distributed, variance `2 / (inputs + outputs)`.
    GlorotUniform = 1.0, FanAvg, Uniform;
    /// Normally distributed, variance `2 / (inputs + outputs)`.
    GlorotNormal = 1.0, FanAvg, TruncatedNormal;
    /// Evenly distributed, variance `2 / inputs`.
    HeUniform = 2.0, FanIn, Uniform;
    /// Normally distributed, variance `2 / inputs`.
    HeNormal = 2.0, FanIn, TruncatedNormal;
    /// Evenly distributed, variance `1 / inputs`.
    LecunUniform = 1.0, FanIn, Uniform;
    /// Normally distributed, variance `1 / inputs`.
    LecunNormal = 1.0, FanIn, TruncatedNormal;
}
