//! What the crate `tensorwright` and its companions are built on: tensors, traced functions, control flow, gradients. Programs depend on the
//! crate `tensorwright`, which hands out all of this under its own name, and whose page is the place to begin.

extern crate self as tensorwright;

mod batch;
pub mod control;
mod detection;
mod error;
mod function;
pub mod gradient;
mod host;
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
    TensorList, assert_that, associative_reduce, associative_scan, case, check_finite, cond, fori_loop, map,
    print, range, scan, scan_reverse, while_loop,
};
pub use detection::{Chosen, NmsOptions, nms, nms_within};
pub use error::{Error, Result};
pub use function::{
    Callable, Capture, Concrete, DEFAULT_BUDGET, Function, Miss, Output, SizeRounding, Stage, function,
};
pub use gradient::{
    Gradient, GradientTape, Missing, Pullback, checkpoint, custom_gradient, grad, hessian, jacobian, jvp,
    value_and_grad, value_and_grad_of, value_and_grad_of_used, vjp,
};
pub use host::{HostKernel, custom_call, host_callback, pure_callback, pure_callback_batched};
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
    Antialias, BlockLayout, Corners, CropKernel, DepthOrder, FourierNorm, GeluForm, GridBorder, GridKernel,
    ImageLayout, Interpolation, LossReduction, MatrixOrder, NormOrder, PadMode, RegionFold, RegionOrigin,
    Replacement, ResizeBorder, ResizeCoordinates, ResizeKernel, SearchSide,
};
pub use tensorwright_ir::op::primitive::{
    ArgKind, Basis, Diagonal, FourierSign, ReduceKind, RngAlgorithm, ScatterKind, Side, Triangle, Turned,
    WindowAxis,
};
pub use tensorwright_ir::op::{CallAttribute, CallAttributes};
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

/// What programs want at hand.
pub mod prelude {
    pub use crate::{
        By, CancellationToken, DType, Ellipsis, Error, Function, Generator, Gradient, GradientTape, Missing,
        Module, NewAxis, RandomKey, Result, Stage, Static, Tensor, TensorList, TensorSpec, Tree, Variable,
        assert_that, case, check_finite, checkpoint, cond, custom_call, custom_gradient, fori_loop, function,
        grad, hessian, host_callback, jacobian, jvp, keep, map, print, pure_callback, range, scan,
        scan_reverse, value_and_grad, value_and_grad_of, vjp, vmap, vmap_axes, while_loop, window,
        with_timeout,
    };
}
