//! TensorFlow Serving's words: what its messages and its JSON say, in both directions.
//!
//! - [`dtype`]: names and numbers of dtypes; [`tensor`]: tensors in messages; [`metadata`]: signatures;
//! - [`examples`]: examples as inputs, and outputs as classes or numbers; [`config`]: the file of models.

pub(crate) mod config;
pub(crate) mod dtype;
pub(crate) mod examples;
pub(crate) mod metadata;
pub(crate) mod tensor;
