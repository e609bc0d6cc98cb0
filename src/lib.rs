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
//! - `ndarray`: arrays of the crate `ndarray` become tensors by `Tensor::from(&array)`, and come back by `Tensor::to_ndarray`.

extern crate self as tensorwright;

mod batch;
pub mod control;
mod detection;
mod error;
mod function;
pub mod gradient;
mod interpret;
pub mod module;
mod ops;
pub mod optimizer;
mod ragged;
mod random;
mod settings;
pub mod signal;
mod sparse;
mod state;
mod tensor;
pub mod tree;
pub mod variable;

pub use batch::{vmap, vmap_axes};
pub use control::{
    TensorList, assert_that, associative_scan, case, check_finite, cond, fori_loop, map, print, range, scan,
    scan_reverse, while_loop,
};
pub use detection::{Chosen, NmsOptions, nms, nms_within};
pub use error::{Error, Result};
pub use function::{
    Callable, Concrete, DEFAULT_BUDGET, Function, Miss, Output, SizeRounding, Stage, function,
};
pub use gradient::{
    Gradient, GradientTape, Missing, Pullback, checkpoint, custom_gradient, grad, hessian, jacobian, jvp,
    value_and_grad, value_and_grad_of, vjp,
};
pub use interpret::eager::cache::{DEFAULT_EAGER_BUDGET, eager_cache_stats, set_eager_cache_budget};
pub use interpret::eagerly;
pub use interpret::graph::run_graph;
pub use module::Module;
/// ```
/// # use std::time::Duration;
/// # use tensorwright::prelude::*;
/// let endless = function(|x: Tensor| while_loop(x, |x| x.lt(2.0), |x| x.sqrt()));
/// let token = CancellationToken::new();
/// std::thread::scope(|scope| {
///     let running = scope.spawn(|| token.run(|| endless.call(1.5f64)));
///     token.cancel();
///     assert!(running.join().is_ok_and(|result| result.is_err()));
/// });
/// let in_time = with_timeout(Duration::from_secs(60), || function(|x: Tensor| x * 2.0).call(1.5f64));
/// assert_eq!(in_time?.item::<f64>()?, 3.0);
/// # Ok::<(), Error>(())
/// ```
/// A complex number, the element of tensors of `c64` and `c128`.
///
/// ```
/// use tensorwright::Complex;
/// use tensorwright::prelude::*;
///
/// let z = Tensor::from([Complex::new(3.0f32, 4.0), Complex::new(0.0, -1.0)]);
/// assert_eq!((z.dtype()?, z.abs().to_vec::<f32>()?), (DType::C64, vec![5.0, 1.0]));
/// # Ok::<(), Error>(())
/// ```
pub use num_complex::Complex;
pub use ops::{
    AttentionOptions, AxisNumber, BagFold, Bounds, By, ConvLayout, ConvOptions, Ellipsis, FftOptions, Index,
    IntoAttribute, IntoExtents, IntoIndex, IntoIndices, IntoReduced, IntoStart, IntoStarts, Keep, Nested,
    NewAxis, Operand, OperandKind, Padding, PaddingCount, PerAxis, PlaceOrder, PoolOptions, PoolRounding,
    Reduced, ResizeOptions, RoiOptions, Scales, Start, Starts, Stepped, Unique, Window, keep, window,
};
pub use ragged::Ragged;
pub use random::{Generator, RandomKey};
pub use settings::{run_eagerly, runs_eagerly, set_memory_limit, set_threads, threads};
pub use sparse::Sparse;
pub use state::Variable;
pub use tensor::Tensor;
pub use tensorwright_compiler::{CompileError, CompileOptions};
pub use tensorwright_ir::op::composite::{
    Antialias, Corners, CropKernel, DepthOrder, FourierNorm, GeluForm, GridBorder, GridKernel, ImageLayout,
    Interpolation, LossReduction, MatrixOrder, NormOrder, PadMode, RegionFold, RegionOrigin, Replacement,
    ResizeBorder, ResizeCoordinates, ResizeKernel, SearchSide,
};
pub use tensorwright_ir::op::primitive::{
    ArgKind, Basis, Diagonal, FourierSign, ReduceKind, RngAlgorithm, ScatterKind, Side, Triangle, Turned,
    WindowAxis,
};
pub use tensorwright_ir::{DType, Element, Graph, Literal, Location, Scalar, Shape, TensorType, Type};
pub use tensorwright_macros::function;
pub use tensorwright_runtime::cache::{
    CacheStats, Change, Difference, KeyWriter, Leaf, LeafValue, MissReason, Signature,
};
pub use tensorwright_runtime::cancel::{CancellationToken, StopReason, with_timeout};
pub use tensorwright_runtime::dump::DumpError;
pub use tensorwright_runtime::profile::{Profile, ProfiledStep};
pub use tensorwright_runtime::{BuildExecutableError, set_printer};
pub use tree::{Static, TensorSpec, Tree};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// What programs want at hand.
pub mod prelude {
    pub use crate::{
        By, CancellationToken, DType, Ellipsis, Error, Function, Generator, Gradient, GradientTape, Missing,
        Module, NewAxis, RandomKey, Result, Stage, Static, Tensor, TensorList, TensorSpec, Tree, Variable,
        assert_that, case, check_finite, checkpoint, cond, custom_gradient, fori_loop, function, grad,
        hessian, jacobian, jvp, keep, map, print, range, scan, scan_reverse, value_and_grad,
        value_and_grad_of, vjp, vmap, vmap_axes, while_loop, window, with_timeout,
    };
}
