//! Every op of the registry as a method of [`Tensor`]. All of them go down the stack of [`interpret`](crate::interpret).
//!
//! - [`table`] makes methods of the registry's lines; ops whose users expect more than the line says have theirs in
//!   [`elementwise`], [`reduce`], [`shape`], [`sort`], [`scatter`], [`convolve`], [`pool`], [`fourier`], [`image`], [`linalg`], [`bounded`];
//! - [`names`]: what some of them are called elsewhere;
//! - [`create`]: constructors, [`nested`]: from nested Rust arrays and vectors;
//! - [`operators`]: `+ - * /` and the like; [`index`]: `x.i(..)`;
//! - [`operand`], [`attribute`] and [`starts`]: what ops take as operands, attributes and places; [`ranked`]: attributes that count axes;
//!   [`refusal`]: what is said of operands that an op does not take.

mod attention;
mod attribute;
mod bounded;
mod convolve;
mod create;
mod docs;
mod elementwise;
mod embedding;
mod fourier;
mod image;
mod index;
#[cfg(feature = "ndarray")]
mod interop;
mod linalg;
mod names;
mod nested;
mod operand;
mod operators;
mod pool;
mod quantize;
mod ranked;
mod reduce;
mod refusal;
mod scatter;
mod shape;
mod sort;
mod starts;
mod table;

use std::sync::Arc;

use tensorwright_ir::Op;

pub use attention::AttentionOptions;
pub use attribute::{AxisNumber, IntoAttribute, IntoReduced, Keep, Reduced, keep};
pub use bounded::Unique;
pub use convolve::{ConvLayout, ConvOptions, Padding, PerAxis};
pub use embedding::BagFold;
pub use fourier::FftOptions;
pub use image::{PlaceOrder, ResizeOptions, RoiOptions, Scales};
pub use index::{Bounds, By, Ellipsis, Index, IntoIndex, IntoIndices, NewAxis, Stepped, Window, window};
pub use nested::Nested;
pub(crate) use nested::nested_at;
pub use operand::{Operand, OperandKind};
pub(crate) use operand::{alone, fit, own_like, owned};
pub use pool::{PaddingCount, PoolOptions, PoolRounding};
pub use shape::IntoExtents;
pub use starts::{IntoStart, IntoStarts, Start, Starts};

use crate::error::{Error, caller};
use crate::interpret;
use crate::tensor::Tensor;

impl Tensor {
    /// Applies an op: for programs that know it only when they run, such as importers. Element-wise ops
    /// broadcast their operands.
    ///
    /// # Errors
    /// When the op does not accept the operands, or one of them carries an error.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let relu = tensorwright_ir::Op::from(tensorwright_ir::op::composite::Relu {});
    /// let x = Tensor::from([-1.0f32, 2.0]);
    /// assert_eq!(Tensor::apply(relu, &[&x])?[0].to_vec::<f32>()?, [0.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn apply(op: impl Into<Op>, operands: &[&Tensor]) -> Result<Vec<Tensor>, Error> {
        match interpret::apply(op.into(), operands, caller()) {
            Ok(results) => Ok(results.into_vec()),
            Err(failure) => Err(Arc::unwrap_or_clone(failure)),
        }
    }
}
