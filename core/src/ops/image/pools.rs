//! Pools whose windows are not all alike, and places of maxima.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::composite::{AdaptiveAvgPool, AdaptiveMaxPool, ImageLayout, WindowPlaces};
use tensorwright_ir::{Op, TensorType};

use crate::error::{CallSite, caller};
use crate::ops::convolve::{ImageAxes, PerAxis};
use crate::ops::pool::PoolOptions;
use crate::ops::ranked::one_with_ranks;
use crate::ops::refusal::refused;
use crate::tensor::Tensor;

/// How the elements of an image are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceOrder {
    /// Those of one channel of one image, row-major (PyTorch).
    Plane,
    /// Those of one image, row-major with its channels (TensorFlow).
    Image,
    /// Those of the whole tensor, row-major (ONNX, TensorFlow with `include_batch_in_index`), as [`Tensor::max_unpool`] has them.
    Tensor,
    /// As [`PlaceOrder::Tensor`], but those of a channel column-major (ONNX with `storage_order` 1).
    ColumnMajor,
}

impl PlaceOrder {
    /// How much numbers grow along each axis.
    fn weights(self, x: &TensorType, axes: &ImageAxes) -> Offsets {
        let strides = x.shape.strides();
        let mut weights: Offsets = strides.iter().map(|&n| n as i64).collect();
        match self {
            PlaceOrder::Tensor => {}
            PlaceOrder::Image => weights[axes.batch] = 0,
            PlaceOrder::Plane => {
                (weights[axes.batch], weights[axes.channel]) = (0, 0);
                let mut inner = 1;
                for &axis in axes.spatial.iter().rev() {
                    weights[axis] = inner;
                    inner *= x.shape.size(axis) as i64;
                }
            }
            PlaceOrder::ColumnMajor => {
                let mut inner = axes.spatial.last().map_or(1, |&axis| strides[axis] as i64);
                for &axis in &axes.spatial {
                    weights[axis] = inner;
                    inner *= x.shape.size(axis) as i64;
                }
            }
        }
        weights
    }
}

/// Pools whose windows are not all alike, and places of maxima.
impl Tensor {
    /// As [`Tensor::max_pool`], with the number of the greatest element, the first of equal ones.
    ///
    /// `T[n, s.., c] -> T[n, s'.., c], i64[n, s'.., c]`, numbers. A window that sees nothing has the number -1. [`Tensor::max_unpool`] puts elements back.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::{PlaceOrder, PoolOptions};
    /// let x = Tensor::from([[1, 5, 2, 7], [0, 3, 9, 4]]).reshape((1, 2, 4, 1));
    /// let (greatest, places) = x.max_pool_with_indices(2, PoolOptions::new(), PlaceOrder::Tensor);
    /// assert_eq!((greatest.to_vec::<i32>()?, places.to_vec::<i64>()?), (vec![5, 9], vec![1, 6]));
    /// assert_eq!(greatest.max_unpool(places, (1, 2, 4, 1)).to_vec::<i32>()?, [0, 5, 0, 0, 0, 0, 9, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("max_pool_with_argmax", "return_indices", "storage_order"))]
    #[track_caller]
    pub fn max_pool_with_indices(
        &self,
        size: impl Into<PerAxis>,
        options: PoolOptions,
        order: PlaceOrder,
    ) -> (Tensor, Tensor) {
        let (size, at) = (size.into(), caller());
        let (greatest, taps) = self.max_pool_with_taps_at(&size, &options, at);
        let places = match self.known_type().map(|x| (x, options.pool(x, &size))) {
            Ok((x, Ok(pool))) => {
                let weights = order.weights(x, &ImageAxes::of(options.image_layout(), x.rank()));
                let op = WindowPlaces { window: pool.window, weights };
                one_with_ranks("max_pool_with_indices", &[&taps], at, |_| Ok(op.into()))
            }
            // The taps have failed too.
            _ => taps,
        };
        (greatest, places)
    }

    /// The means of windows that share the spatial axes out: of `n` elements result `i` of `m` has those from `i n / m`, rounded down, to `(i + 1) n / m`, rounded up.
    ///
    /// `T[n, s.., c] -> T[n, sizes.., c]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ImageLayout;
    /// let x = Tensor::from([1.0, 2.0, 3.0, 4.0, 5.0]).reshape((1, 5, 1));
    /// assert_eq!(x.adaptive_avg_pool(2, ImageLayout::Nhwc).to_vec::<f64>()?, [2.0, 4.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("adaptive_avg_pool2d", "resize_area"))]
    #[track_caller]
    pub fn adaptive_avg_pool(&self, sizes: impl Into<PerAxis>, layout: ImageLayout) -> Tensor {
        adaptive(self, "adaptive_avg_pool", &sizes.into(), layout, caller(), |axes, sizes| {
            AdaptiveAvgPool { axes, sizes }.into()
        })
    }

    /// The greatest elements of the windows of [`Tensor::adaptive_avg_pool`].
    ///
    /// `T[n, s.., c] -> T[n, sizes.., c]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::ImageLayout;
    /// let x = Tensor::from([1, 9, 3, 4, 5]).reshape((1, 1, 5));
    /// assert_eq!(x.adaptive_max_pool(3, ImageLayout::Nchw).to_vec::<i32>()?, [9, 9, 5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "adaptive_max_pool2d")]
    #[track_caller]
    pub fn adaptive_max_pool(&self, sizes: impl Into<PerAxis>, layout: ImageLayout) -> Tensor {
        adaptive(self, "adaptive_max_pool", &sizes.into(), layout, caller(), |axes, sizes| {
            AdaptiveMaxPool { axes, sizes }.into()
        })
    }
}

fn adaptive(
    x: &Tensor,
    name: &'static str,
    sizes: &PerAxis,
    layout: ImageLayout,
    at: CallSite,
    op: fn(Axes, Axes) -> Op,
) -> Tensor {
    let axes = match x.known_type() {
        Ok(ty) if ty.rank() >= 2 => ImageAxes::of(layout, ty.rank()).spatial,
        Ok(ty) => {
            let message = format!("an image has images and channels, found rank {}", ty.rank());
            return Tensor::failed(refused(name, &[x], at, TypeError::Other(message)));
        }
        Err(failure) => return Tensor::failed(failure.clone()),
    };
    one_with_ranks(name, &[x], at, |_| Ok(op(axes.clone(), sizes.numbers("sizes", axes.len())?)))
}
