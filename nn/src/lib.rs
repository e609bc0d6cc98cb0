//! Models as people write them: layers, losses, metrics, optimisers, and the loop that trains them.

// Paths in examples and in what the macros write begin with the name that users know.
extern crate tensorwright_core as tensorwright;

pub mod activations;
pub mod config;
pub mod constraints;
mod error;
mod fit;
pub mod initializers;
mod layer;
pub mod layers;
pub mod losses;
pub mod metrics;
mod model;
pub mod optimizers;
mod registry;
pub mod regularizers;
pub mod schedules;
mod settings;
mod store;
pub mod tensorboard;

pub use activations::Activation;
pub use constraints::Constraint;
pub use error::{Error, Result};
pub use fit::callbacks;
pub use fit::{Arrays, Examples, Fit, History, Logs, Model, Plan, Step, StepOutputs, Trained};
pub use initializers::Initializer;
pub use layer::{
    Argument, Configuration, Context, Decoding, FromInputs, Inputs, Layer, LayerClass, LayerRef, Mode,
    Outputs, Policy, Scope, Signal, Strings, Weight, WeightSpec, set_seed,
};
pub use model::{Functional, Input, OnSymbols, Sequential, Symbol, SymbolCall};
pub use registry::{layer_classes, layer_from_json, register};
pub use regularizers::Regularizer;
#[doc(hidden)]
pub use serde_json as json;
#[doc(hidden)]
pub use settings::Row;
pub use settings::{AxisList, DataFormat, Field, PaddingMode, Pairs, Setting, Sizes};
pub use store::{LoadReport, WeightsFile, read_weights, write_weights};
pub use tensorwright_macros::Layer;
