//! Activations: functions that stand behind layers, by Keras 3's names and definitions.
//!
//! ```
//! use tensorwright::prelude::*;
//! use tensorwright::nn::activations::Activation;
//!
//! let x = Tensor::from([-2.0f32, 0.0, 3.0]);
//! assert_eq!(Activation::Relu.call(&x).to_vec::<f32>()?, [0.0, 0.0, 3.0]);
//! let leaky: Activation = "leaky_relu".parse()?;
//! assert_eq!(leaky, Activation::LeakyRelu { negative_slope: 0.2 });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tensorwright::{GeluForm, Tensor, keep};

use crate::config::{Along, ConfigError, Fields, row, row_of, same_name, typed};

/// Declares [`Activation`]: its variants with their parameters and defaults, and the names of each.
macro_rules! activations {
    (
        plain { $($(#[$plain_doc:meta])* $plain:ident: $plain_name:literal $(| $plain_alias:literal)*;)* }
        with { $($(#[$doc:meta])* $variant:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty = $default:expr),+ }: $name:literal $(| $alias:literal)*;)* }
    ) => {
        /// A function that stands behind a layer: from any shape to the same one, but for `Glu`, which halves an axis; floats.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub enum Activation {
            $($(#[$plain_doc])* $plain,)*
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $ty),+ },)*
        }

        $(
            #[derive(Serialize, Deserialize)]
            #[serde(default, deny_unknown_fields)]
            struct $variant { $($field: $ty),+ }

            impl Default for $variant {
                fn default() -> $variant {
                    $variant { $($field: $default),+ }
                }
            }
        )*

        impl Activation {
            /// The name of the function in Keras 3.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Activation::$plain => $plain_name,)*
                    $(Activation::$variant { .. } => $name,)*
                }
            }

            /// The activation of this name, with these parameters.
            ///
            /// # Errors
            /// When there is none of this name, or a field is not one of its parameters.
            pub fn from_config(name: &str, fields: Fields) -> Result<Activation, ConfigError> {
                let is = |names: &[&str]| names.iter().any(|known| same_name(known, name));
                $(if is(&[$plain_name $(, $plain_alias)*]) && fields.is_empty() {
                    return Ok(Activation::$plain);
                })*
                $(if is(&[$name $(, $alias)*]) {
                    let $variant { $($field),+ } = typed(FAMILY, $name, fields)?;
                    return Ok(Activation::$variant { $($field),+ }.simplest());
                })*
                Err(ConfigError::UnknownName { family: FAMILY, name: name.to_owned() })
            }

            /// The parameters.
            fn fields(&self) -> Result<Value, serde_json::Error> {
                match self {
                    $(Activation::$plain => Ok(Value::Object(Map::new())),)*
                    $(Activation::$variant { $($field),+ } => {
                        serde_json::to_value($variant { $($field: $field.clone()),+ })
                    })*
                }
            }
        }
    };
}

const FAMILY: &str = "activation";

activations! {
    plain {
        /// The identity.
        #[default]
        Linear: "linear";
        /// `max(x, 0)`.
        Relu: "relu";
        /// `min(max(x, 0), 6)`.
        Relu6: "relu6";
        /// `1 / (1 + e^-x)`.
        Sigmoid: "sigmoid";
        /// `tanh(x)`.
        Tanh: "tanh";
        /// `e^x / sum(e^x)` along the last axis.
        Softmax: "softmax";
        /// The logarithm of softmax along the last axis.
        LogSoftmax: "log_softmax";
        /// `log(1 + e^x)`.
        Softplus: "softplus";
        /// `x / (1 + |x|)`.
        Softsign: "softsign";
        /// `x * sigmoid(x)`.
        Silu: "silu" | "swish";
        /// `x` times the normal distribution function of `x`.
        Gelu: "gelu";
        /// `scale * elu(x, alpha)` (Klambauer et al. 2017).
        Selu: "selu";
        /// `x * tanh(softplus(x))` (Misra 2019).
        Mish: "mish";
        /// `e^x`.
        Exponential: "exponential" | "exp";
        /// `relu6(x + 3) / 6`.
        HardSigmoid: "hard_sigmoid";
        /// `x * relu6(x + 3) / 6`.
        HardSilu: "hard_silu" | "hard_swish";
        /// `min(max(x, -1), 1)`.
        HardTanh: "hard_tanh";
        /// `-log(1 + e^-x)`.
        LogSigmoid: "log_sigmoid";
        /// `x - tanh(x)`.
        TanhShrink: "tanh_shrink";
        /// 0 up to -1, `x` from 1 on, `(x + 1)^2 / 4` between.
        SparsePlus: "sparse_plus";
        /// 0 up to -1, 1 from 1 on, `(x + 1) / 2` between.
        SparseSigmoid: "sparse_sigmoid";
    }
    with {
        /// `x` above a threshold, up to a greatest value, and a slope below: `Relu` with its parameters.
        Rectified {
            /// The slope below the threshold.
            negative_slope: f64 = 0.0,
            /// The greatest value.
            max_value: Option<f64> = None,
            /// Where the function leaves 0.
            threshold: f64 = 0.0
        }: "relu" | "ReLU";
        /// `x` where it is positive, else `negative_slope * x`.
        LeakyRelu {
            /// The slope below 0.
            negative_slope: f64 = 0.2
        }: "leaky_relu";
        /// `x` where it is positive, else `alpha * (e^x - 1)`.
        Elu {
            /// How far below 0 it goes.
            alpha: f64 = 1.0
        }: "elu";
        /// `x` where it is positive, else `alpha * (e^(x / alpha) - 1)`.
        Celu {
            /// How far below 0 it goes.
            alpha: f64 = 1.0
        }: "celu";
        /// `Gelu`, perhaps by the approximation with a hyperbolic tangent.
        GeluBy {
            /// Whether it is approximated.
            approximate: bool = false
        }: "gelu";
        /// Softmax along other axes than the last.
        SoftmaxAlong {
            /// The axes that sum to 1.
            axis: Along = Along::LAST
        }: "softmax";
        /// The logarithm of softmax along other axes than the last.
        LogSoftmaxAlong {
            /// The axes whose exponentials sum to 1.
            axis: Along = Along::LAST
        }: "log_softmax";
        /// A softmax with zeros (Martins and Astudillo 2016), where it gives one or two numbers that are not; Keras's definition sums the
        /// running sums of all of them, and so does this one.
        Sparsemax {
            /// The axis.
            axis: i64 = -1
        }: "sparsemax";
        /// The first half along an axis times the sigmoid of the second.
        Glu {
            /// The axis, of even extent.
            axis: i64 = -1
        }: "glu";
        /// `x` moved by `threshold` towards 0, and 0 in between.
        SoftShrink {
            /// The distance.
            threshold: f64 = 0.5
        }: "soft_shrink";
        /// `x` where `|x|` is above `threshold`, else 0.
        HardShrink {
            /// The distance.
            threshold: f64 = 0.5
        }: "hard_shrink";
        /// `(x + sqrt(x^2 + b)) / 2`.
        Squareplus {
            /// How wide the bend is.
            b: f64 = 4.0
        }: "squareplus";
        /// `x` where it is above `threshold`, else `default_value`.
        Threshold {
            /// The border.
            threshold: f64 = 0.0,
            /// The value up to it.
            default_value: f64 = 0.0
        }: "threshold";
    }
}

impl Activation {
    /// The function of each element, or of each line along an axis.
    #[track_caller]
    pub fn call(&self, x: &Tensor) -> Tensor {
        match self {
            Activation::Linear => x.clone(),
            Activation::Relu => x.relu(),
            Activation::Relu6 => x.relu6(),
            Activation::Sigmoid => x.logistic(),
            Activation::Tanh => x.tanh(),
            Activation::Softmax => x.softmax(-1),
            Activation::LogSoftmax => x.log_softmax(-1),
            Activation::Softplus => x.softplus(),
            Activation::Softsign => x.softsign(),
            Activation::Silu => x.silu(),
            Activation::Gelu | Activation::GeluBy { approximate: false } => x.gelu(GeluForm::Erf),
            Activation::GeluBy { approximate: true } => x.gelu(GeluForm::Tanh),
            Activation::Selu => x.selu(),
            Activation::Mish => x.mish(),
            Activation::Exponential => x.exp(),
            Activation::HardSigmoid => x.hard_sigmoid(),
            Activation::HardSilu => x.hard_swish(),
            Activation::HardTanh => x.hard_tanh(),
            Activation::LogSigmoid => x.log_sigmoid(),
            Activation::TanhShrink => x - x.tanh(),
            Activation::SparsePlus => sparse_plus(x),
            Activation::SparseSigmoid => ((x + 1.0) * 0.5).clamp(0.0, 1.0),
            Activation::Rectified { negative_slope, max_value, threshold } => {
                rectified(x, *negative_slope, *max_value, *threshold)
            }
            Activation::LeakyRelu { negative_slope } => x.leaky_relu(*negative_slope),
            Activation::Elu { alpha } => x.elu(*alpha),
            Activation::Celu { alpha } => x.celu(*alpha),
            Activation::SoftmaxAlong { axis } => softmax(x, axis),
            Activation::LogSoftmaxAlong { axis } => log_softmax(x, axis),
            Activation::Sparsemax { axis } => sparsemax(x, *axis),
            Activation::Glu { axis } => x.glu(*axis),
            Activation::SoftShrink { threshold } => (x - *threshold).relu() - (-x - *threshold).relu(),
            Activation::HardShrink { threshold } => x.abs().gt(*threshold).select(x, 0.0),
            Activation::Squareplus { b } => (x + (x.square() + *b).sqrt()) / 2.0,
            Activation::Threshold { threshold, default_value } => x.gt(*threshold).select(x, *default_value),
        }
    }

    /// The variant without parameters, where all have their defaults and there is one.
    fn simplest(self) -> Activation {
        match self {
            Activation::Rectified { negative_slope: 0.0, max_value: None, threshold: 0.0 } => {
                Activation::Relu
            }
            Activation::GeluBy { approximate: false } => Activation::Gelu,
            Activation::SoftmaxAlong { axis: Along::LAST } => Activation::Softmax,
            Activation::LogSoftmaxAlong { axis: Along::LAST } => Activation::LogSoftmax,
            other => other,
        }
    }
}

fn sparse_plus(x: &Tensor) -> Tensor {
    x.le(-1).select(0.0, x.lt(1).select((x + 1.0).square() * 0.25, x))
}

fn rectified(x: &Tensor, slope: f64, greatest: Option<f64>, threshold: f64) -> Tensor {
    let above = if threshold == 0.0 { x.relu() } else { x.gt(threshold).select(x, 0.0) };
    let above = match greatest {
        Some(greatest) => above.clamp(0.0, greatest),
        None => above,
    };
    if slope == 0.0 { above } else { above - (-x + threshold).relu() * slope }
}

fn softmax(x: &Tensor, axis: &Along) -> Tensor {
    let axes = axis.axes(x.rank().unwrap_or(0));
    let powers = (x - x.max(keep(&axes)).stop_gradient()).exp();
    &powers / powers.sum(keep(&axes))
}

fn log_softmax(x: &Tensor, axis: &Along) -> Tensor {
    let axes = axis.axes(x.rank().unwrap_or(0));
    x - x.logsumexp(keep(&axes))
}

fn sparsemax(x: &Tensor, axis: i64) -> Tensor {
    let descending = x.sort_descending(axis);
    let running = descending.cumsum(axis);
    let place = x.ones_like().cumsum(axis);
    let in_support = (descending - (&running - 1.0) / place).gt(0);
    let count = in_support.select(x.ones_like(), 0.0).sum(keep(axis));
    let threshold = (in_support.select(running, 0.0).sum(keep(axis)) - 1.0) / count;
    (x - threshold).relu()
}

impl TryFrom<&Value> for Activation {
    type Error = ConfigError;

    fn try_from(value: &Value) -> Result<Activation, ConfigError> {
        if value.is_null() {
            return Ok(Activation::Linear);
        }
        let (name, fields) = row(FAMILY, value)?;
        Activation::from_config(&name, fields)
    }
}

impl std::str::FromStr for Activation {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Activation, ConfigError> {
        Activation::from_config(name, Fields::new())
    }
}

/// A name where all parameters have their defaults, else a row.
impl Serialize for Activation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_default =
            Activation::from_config(self.name(), Fields::new()).is_ok_and(|plain| plain == *self);
        if is_default {
            return serializer.serialize_str(self.name());
        }
        row_of(self.name(), self.fields().map_err(serde::ser::Error::custom)?).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Activation, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Activation::try_from(&value).map_err(serde::de::Error::custom)
    }
}
