//! Write a numeric function once in ordinary Rust; run it eagerly while you debug it, or wrap it and it is
//! traced into a dataflow graph, optimised, compiled to native code, and kept as one compiled graph per input
//! signature.
//!
//! ```
//! use tensorwright::prelude::*;
//!
//! let layer = function(|(x, scale, offset): (Tensor, Tensor, Tensor)| (x * scale + offset).tanh());
//!
//! let x = Tensor::from([[0.5f32, -1.0], [2.0, 0.0]]);
//! let (scale, offset) = (Tensor::from([1.0f32, 2.0]), Tensor::from(0.5f32));
//! let y = layer.call((&x, &scale, &offset))?; // first call with this signature: trace and compile
//! let z = layer.call((&y, &scale, &offset))?; // the same signature: just run
//! assert_eq!(layer.trace_count(), 1);
//! println!("{z}");
//! # Ok::<(), Error>(())
//! ```
//!
//! - [`Tensor`]: an n-dimensional array. Outside a traced function ops run at once, inside they record.
//! - [`function()`]: a closure over tensors, compiled per signature. [`Function`] is what it gives,
//!   [`Concrete`] one signature of it.
//! - [`tree`]: nested containers of tensors and plain values as arguments and results.
//! - [`control`]: branches and loops that depend on values of tensors.
//! - [`gradient`]: derivatives of functions, to any order.
//! - [`optimizer`]: rules that improve parameters by gradients.
//! - [`signal`]: windows, short-time transforms, cosine transforms, mel filters.
//! - [`Variable`]: state that outlives calls.
//! - `nn`: layers, losses, metrics and the loop that trains models; `data`: input pipelines and datasets; `onnx`: trained models in ONNX files; `weights`: weights in files of many formats; `bundle`: traced functions in files.
//! - [`Error`]: ops do not panic; the first error surfaces where a value is asked for, with the line that
//!   wrote the op.
//!
//! # Names
//!
//! Searching this page for what NumPy, PyTorch, JAX, `ndarray` or Rust's own numbers call a thing finds it, by aliases: `concatenate`, `where`,
//! `astype`, `index_select`, `arcsin`. Indexing is [`Tensor::i`], and [`Tensor::set`] what is written `x[i] = v` elsewhere. Shapes are arrays, tuples,
//! slices, vectors or one number; axes too, and negative ones count from the end. A number or a list of numbers beside a tensor adopts its dtype.
//!
//! # Threads
//!
//! Compiled code shares long steps among as many threads as there are cores. [`set_threads`] sets another number for the process,
//! [`Function::set_threads`] for a function, [`Function::call_with_threads`] for a call; results are the same bits for each. Helpers start when
//! they are needed for the first time, and sleep between calls.
//!
//! ```
//! use tensorwright::prelude::*;
//!
//! tensorwright::set_threads(2);
//! let sum = function(|x: Tensor| x.sum(..));
//! let x = Tensor::ones(100_000, DType::F32) * 0.1;
//! let (one, many) = (sum.call_with_threads(1, &x)?, sum.call(&x)?);
//! assert_eq!(one.to_vec::<f32>()?, many.to_vec::<f32>()?);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Features
//!
//! - `nn`, `data`, `onnx`, `weights`, `bundle` (on by default): the modules of these names. Without them (`default-features = false`) a program gets the compiler alone.
//! - `ndarray`: arrays of the crate `ndarray` become tensors by `Tensor::from(&array)`, and come back by `Tensor::to_ndarray`.

#[cfg(feature = "bundle")]
#[doc(inline)]
pub use tensorwright_bundle as bundle;
#[cfg(feature = "data")]
#[doc(inline)]
pub use tensorwright_data as data;
#[cfg(feature = "onnx")]
#[doc(inline)]
pub use tensorwright_formats::onnx;
#[cfg(feature = "weights")]
#[doc(inline)]
pub use tensorwright_formats::weights;
#[cfg(feature = "nn")]
#[doc(inline)]
pub use tensorwright_nn as nn;

#[doc(inline)]
pub use tensorwright_core::*;

#[cfg(doctest)]
mod guide;
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
