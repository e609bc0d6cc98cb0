//! Trained models of other libraries as functions, and weights in files of other libraries.
//!
//! [`weights`] lists and reads tensors by their names. [`onnx`] reads ONNX files. A model is a traceable function: it runs eagerly, or is traced and compiled once for each signature of its inputs, as any
//! closure that is given to [`tensorwright::function()`].
//!
//! ```no_run
//! use tensorwright::prelude::*;
//! use tensorwright::onnx::Model;
//!
//! let model = Model::load("model.onnx")?;
//! let outputs = model.call(&[("image", Tensor::zeros((1, 3, 224, 224), DType::F32))])?;
//! println!("{}", outputs[0].1);
//! # Ok::<(), tensorwright::onnx::Error>(())
//! ```

// Paths in examples and in what the macros write begin with the name that users know.
extern crate tensorwright_core as tensorwright;

mod mapped;
#[cfg(feature = "onnx")]
pub mod onnx;
pub mod weights;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
