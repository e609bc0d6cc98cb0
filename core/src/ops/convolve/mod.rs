//! Convolutions.
//!
//! All of them are one op of the IR, a contraction some of whose axes slide, which [`plan`] finds. Axes have names here: [`layout`] says where they are,
//! [`spatial`] and [`options`] how taps slide. Groups are an axis of their own in the op, so channels are split before it and merged behind it.

mod layout;
mod options;
mod plan;
mod spatial;

use std::borrow::Borrow;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::primitive::{Reshape, Reverse};
use tensorwright_ir::{Shape, TensorType};

pub use layout::ConvLayout;
pub(super) use layout::ImageAxes;
pub use options::ConvOptions;
use plan::{Plan, depthwise, direct, transposed};
pub(super) use spatial::Sliding;
pub use spatial::{Padding, PerAxis};

use super::operand::{Operand, beside};
use super::refusal::refused;
use crate::error::{CallSite, Failure, caller};
use crate::interpret::apply;
use crate::tensor::Tensor;

/// Convolutions.
impl Tensor {
    /// The convolution with a kernel, along any number of spatial axes.
    ///
    /// `T[n, s.., c], T[k.., c / groups, o] -> T[n, s'.., o]`, numbers, with the axes in the order that [`ConvOptions::layout`] says.
    /// With padding `(low, high)`, stride `d` and dilation `e` an axis of `s` elements has `(low + s + high - e * (k - 1) - 1) / d + 1` results, rounded
    /// down. The kernel is not turned round: what mathematicians call a correlation.
    ///
    /// # Errors
    /// When channels do not agree, or the layout or padding is not for so many axes.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let x = Tensor::from([[[1.0f32], [2.0], [3.0], [4.0]]]); // one image of 4 pixels with 1 channel
    /// let kernel = Tensor::from([[[1.0f32]], [[-1.0]]]); // 2 taps
    /// assert_eq!(x.conv(&kernel, ConvOptions::new()).to_vec::<f32>()?, [-1.0, -1.0, -1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("convolve", "correlate", "conv_general_dilated", "convolution"))]
    #[track_caller]
    pub fn conv(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "conv", None, options, caller(), direct)
    }

    /// [`Tensor::conv`] of sequences: `T[n, w, c], T[k, c / groups, o] -> T[n, w', o]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ConvOptions, Padding};
    /// let (x, kernel) = (Tensor::ones((2, 16, 3), DType::F32), Tensor::ones((5, 3, 4), DType::F32));
    /// let y = x.conv1d(&kernel, ConvOptions::new().padding(Padding::Causal));
    /// assert_eq!(y.shape()?, &[2, 16, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn conv1d(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "conv1d", Some(1), options, caller(), direct)
    }

    /// [`Tensor::conv`] of images: `T[n, h, w, c], T[k, l, c / groups, o] -> T[n, h', w', o]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ConvOptions, Padding};
    /// let (x, kernel) = (Tensor::ones((1, 28, 28, 1), DType::F32), Tensor::ones((3, 3, 1, 32), DType::F32));
    /// let y = x.conv2d(&kernel, ConvOptions::new().strides(2).padding(Padding::Same));
    /// assert_eq!(y.shape()?, &[1, 14, 14, 32].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn conv2d(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "conv2d", Some(2), options, caller(), direct)
    }

    /// [`Tensor::conv`] of volumes: `T[n, d, h, w, c], T[k, l, m, c / groups, o] -> T[n, d', h', w', o]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ConvOptions;
    /// let (x, kernel) = (Tensor::ones((1, 4, 6, 8, 2), DType::F32), Tensor::ones((2, 2, 2, 2, 3), DType::F32));
    /// assert_eq!(x.conv3d(&kernel, ConvOptions::new()).shape()?, &[1, 3, 5, 7, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn conv3d(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "conv3d", Some(3), options, caller(), direct)
    }

    /// Each channel convolved with kernels of its own.
    ///
    /// `T[n, s.., c], T[k.., c, m] -> T[n, s'.., c * m]`; with channels first `T[n, c, s..], T[c, m, k..] -> T[n, c * m, s'..]`. Groups are the channels.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ConvOptions, Padding};
    /// let (x, kernel) = (Tensor::ones((1, 8, 8, 3), DType::F32), Tensor::ones((3, 3, 3, 2), DType::F32));
    /// let y = x.depthwise_conv(&kernel, ConvOptions::new().padding(Padding::Same));
    /// assert_eq!(y.shape()?, &[1, 8, 8, 6].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("depthwise_conv2d"))]
    #[track_caller]
    pub fn depthwise_conv(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "depthwise_conv", None, options, caller(), depthwise)
    }

    /// The transposed convolution: the map whose matrix is the transposed one of [`Tensor::conv`] with the same kernel and options, the other way round.
    ///
    /// `T[n, s'.., o], T[k.., c / groups, o] -> T[n, s.., c]`: what `conv` makes of `c` channels this makes `c` channels of. An axis of `s'` elements has
    /// `(s' - 1) * stride + dilation * (k - 1) + 1 - low - high + output_padding` results, and `s' * stride` with [`Padding::Same`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{ConvOptions, Padding};
    /// let x = Tensor::from([[[1.0f32], [2.0]]]);
    /// let kernel = Tensor::from([[[1.0f32]], [[10.0]], [[100.0]]]);
    /// let y = x.conv_transpose(&kernel, ConvOptions::new().strides(2));
    /// assert_eq!(y.to_vec::<f32>()?, [1.0, 10.0, 102.0, 20.0, 200.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("deconvolution", "conv_transpose2d", "conv2d_transpose"))]
    #[track_caller]
    pub fn conv_transpose(&self, kernel: impl Operand, options: ConvOptions) -> Tensor {
        convolved(self, kernel, "conv_transpose", None, options, caller(), transposed)
    }
}

type Planner = fn(&ConvOptions, [&TensorType; 2]) -> Result<Plan, TypeError>;

fn convolved(
    x: &Tensor,
    kernel: impl Operand,
    name: &'static str,
    spatial: Option<usize>,
    options: ConvOptions,
    at: CallSite,
    plan: Planner,
) -> Tensor {
    let kernel = kernel.hold(&beside(x, "kernel", at), name, at);
    let kernel: &Tensor = kernel.borrow();
    let run = || -> Result<Tensor, Failure> {
        let types = [x.known_type()?.clone(), kernel.known_type()?.clone()];
        let refuse = |source| refused(name, &[x, kernel], at, source);
        if let Some(axes) = spatial.filter(|axes| types[0].rank() != axes + 2) {
            let found = types[0].rank();
            return Err(refuse(TypeError::Other(format!(
                "an image with {axes} spatial axes has rank {}, found rank {found}",
                axes + 2
            ))));
        }
        plan(&options, [&types[0], &types[1]]).map_err(refuse)?.run(x, kernel, at)
    };
    run().unwrap_or_else(Tensor::failed)
}

impl Plan {
    fn run(self, x: &Tensor, kernel: &Tensor, at: CallSite) -> Result<Tensor, Failure> {
        let Plan { shapes: [image, taps], reversed, op, result } = self;
        let x = reshaped(x, image, at)?;
        let mut kernel = reshaped(kernel, taps, at)?;
        if !reversed.is_empty() {
            kernel = apply(Reverse { axes: reversed }.into(), &[&kernel], at)?.remove(0);
        }
        let y = apply(op.into(), &[&x, &kernel], at)?.remove(0);
        reshaped(&y, result, at)
    }
}

fn reshaped(x: &Tensor, shape: Shape, at: CallSite) -> Result<Tensor, Failure> {
    if x.known_type()?.shape == shape {
        return Ok(x.clone());
    }
    Ok(apply(Reshape { shape }.into(), &[x], at)?.remove(0))
}
