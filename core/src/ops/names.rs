//! Methods that are called as users of other libraries and of Rust's own numbers expect.

use std::borrow::Borrow;

use tensorwright_ir::Scalar;
use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::composite::{Isclose, Matmul, Reciprocal};
use tensorwright_ir::op::primitive::{BinaryFn, Reduce, ReduceKind, UnaryFn};

use super::attribute::{AxisNumber, IntoAttribute};
use super::operand::Operand;
use super::refusal::{one_as, refused};
use crate::error::{Result, caller};
use crate::interpret::one;
use crate::tensor::Tensor;

/// Functions of each element, by their other names.
impl Tensor {
    /// The logistic function `1 / (1 + e^-x)`, as [`Tensor::logistic`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from(0.0f32).sigmoid().item::<f32>()?, 0.5);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn sigmoid(&self) -> Tensor {
        one_as("sigmoid", UnaryFn::Logistic, &[self], caller())
    }

    /// The natural logarithm, as [`Tensor::log`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1.0f32, 0.0]).ln().to_vec::<f32>()?, [0.0, f32::NEG_INFINITY]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn ln(&self) -> Tensor {
        one_as("ln", UnaryFn::Log, &[self], caller())
    }

    /// The elements to a power, as [`Tensor::pow`]; shapes broadcast.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([4.0f32, 9.0]).powf(0.5).to_vec::<f32>()?, [2.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn powf(&self, exponent: impl Operand) -> Tensor {
        let at = caller();
        one_as("powf", BinaryFn::Pow, &[self, exponent.hold(self, "powf", at).borrow()], at)
    }

    /// The elements to a power that is an integer, as [`Tensor::pow`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([-2.0f32, 3.0]).powi(3).to_vec::<f32>()?, [-8.0, 27.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn powi(&self, exponent: i32) -> Tensor {
        let at = caller();
        one_as("powi", BinaryFn::Pow, &[self, &exponent.hold(self, "powi", at)], at)
    }

    /// One divided by each element, as [`Tensor::reciprocal`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([4.0f32, -0.5]).recip().to_vec::<f32>()?, [0.25, -2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn recip(&self) -> Tensor {
        one_as("recip", Reciprocal {}, &[self], caller())
    }

    /// -1, 0 or 1 as the sign of each element, as [`Tensor::sign`]; 0 for 0, where `f32::signum` has 1.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([4.0f32, 0.0, -0.5]).signum().to_vec::<f32>()?, [1.0, 0.0, -1.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn signum(&self) -> Tensor {
        one_as("signum", UnaryFn::Sign, &[self], caller())
    }

    /// What is behind the point: each element less [`Tensor::trunc`] of it.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1.25f32, -2.5]).fract().to_vec::<f32>()?, [0.25, -0.5]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "frac")]
    #[track_caller]
    pub fn fract(&self) -> Tensor {
        let at = caller();
        one_as("fract", BinaryFn::Sub, &[self, &one_as("fract", UnaryFn::Trunc, &[self], at)], at)
    }

    /// Radians in degrees.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from(std::f64::consts::PI).to_degrees().item::<f64>()?, 180.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("degrees", "rad2deg"))]
    #[track_caller]
    pub fn to_degrees(&self) -> Tensor {
        let at = caller();
        one_as("to_degrees", BinaryFn::Mul, &[self, &1f64.to_degrees().hold(self, "to_degrees", at)], at)
    }

    /// Degrees in radians.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from(180.0f64).to_radians().item::<f64>()?, std::f64::consts::PI);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("radians", "deg2rad"))]
    #[track_caller]
    pub fn to_radians(&self) -> Tensor {
        let at = caller();
        one_as("to_radians", BinaryFn::Mul, &[self, &1f64.to_radians().hold(self, "to_radians", at)], at)
    }

    /// The way from each element to that of `end`: `x + (end - x) * weight`; shapes broadcast.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([0.0f32, 10.0]).lerp([1.0, 20.0], 0.5).to_vec::<f32>()?, [0.5, 15.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("mix", "interpolate"))]
    #[track_caller]
    pub fn lerp(&self, end: impl Operand, weight: impl Operand) -> Tensor {
        let at = caller();
        let (end, weight) = (end.hold(self, "lerp", at), weight.hold(self, "lerp", at));
        let way = one_as("lerp", BinaryFn::Sub, &[end.borrow(), self], at);
        let way = one_as("lerp", BinaryFn::Mul, &[&way, weight.borrow()], at);
        one_as("lerp", BinaryFn::Add, &[self, &way], at)
    }

    /// The nearest integers, ties away from zero, as `f32::round` and [`Tensor::round_half_away`]. NumPy, PyTorch and JAX round ties to even:
    /// [`Tensor::round_even`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([0.5f32, 1.4, -2.5]).round().to_vec::<f32>()?, [1.0, 1.0, -3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn round(&self) -> Tensor {
        one_as("round", UnaryFn::RoundHalfAway, &[self], caller())
    }
}

/// Shapes and products, by their other names.
impl Tensor {
    /// Tensors joined along an axis that they have, as [`Tensor::concat`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let (x, y) = (Tensor::from([1, 2]), Tensor::from([3]));
    /// assert_eq!(Tensor::cat(&[&x, &y], 0).to_vec::<i32>()?, [1, 2, 3]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn cat<T: AsRef<Tensor>>(xs: &[T], axis: impl IntoAttribute<usize>) -> Tensor {
        Tensor::concat(xs, axis)
    }

    /// A new axis of extent 1 at `axis`, which counts from the result's end if it is negative; as [`Tensor::expand_dims`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::from([1, 2]).unsqueeze(-1).shape()?, &[2, 1].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn unsqueeze(&self, axis: impl IntoAttribute<Axes> + Clone) -> Tensor {
        self.expand_dims(axis)
    }

    /// The axes in another order, as [`Tensor::transpose`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// assert_eq!(Tensor::zeros((2, 3, 4), DType::F32).permute((2, 0, 1)).shape()?, &[4, 2, 3].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn permute(&self, permutation: impl IntoAttribute<Axes>) -> Tensor {
        self.transpose(permutation)
    }

    /// The product of vectors and matrices, as [`Tensor::matmul`] and `ndarray`'s `dot`: `T[n], T[n] -> T[]`, `T[m, n], T[n] -> T[m]`,
    /// `T[m, k], T[k, n] -> T[m, n]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0]);
    /// assert_eq!(x.dot(&x).item::<f32>()?, 5.0);
    /// assert_eq!(x.dot([[1.0, 0.0], [0.0, 3.0]]).to_vec::<f32>()?, [1.0, 6.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("inner", "vdot"))]
    #[track_caller]
    pub fn dot(&self, rhs: impl Operand) -> Tensor {
        let at = caller();
        one_as("dot", Matmul {}, &[self, rhs.hold(self, "dot", at).borrow()], at)
    }

    /// The extent of one axis; a negative one counts from the end.
    ///
    /// # Errors
    /// The error that the tensor carries, or that there is no such axis.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::F32);
    /// assert_eq!((x.extent(0)?, x.extent(-1)?), (2, 3));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("size", "dim", "len_of", "len", "nrows", "ncols"))]
    #[track_caller]
    pub fn extent(&self, axis: impl AxisNumber) -> Result<usize> {
        let (ty, at) = (self.ty()?, caller());
        let axis = axis.number().into_attribute("axis", ty.rank());
        match axis {
            Ok(axis) if axis < ty.rank() => Ok(ty.shape.size(axis)),
            Ok(axis) => {
                Err((*refused("extent", &[self], at, TypeError::Axis { axis, rank: ty.rank() })).clone())
            }
            Err(source) => Err((*refused("extent", &[self], at, source)).clone()),
        }
    }
}

/// Comparisons of tensors as a whole.
impl Tensor {
    /// Whether all elements are about those of `rhs`, as [`Tensor::isclose`] says it: a bool scalar. Shapes broadcast.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f64, 2.0]);
    /// assert!(x.allclose(&x + 1e-9, 1e-5, 1e-8).item::<bool>()?);
    /// assert!(!x.allclose(&x + 0.1, 1e-5, 1e-8).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn allclose(
        &self,
        rhs: impl Operand,
        rtol: impl IntoAttribute<Scalar>,
        atol: impl IntoAttribute<Scalar>,
    ) -> Tensor {
        let at = caller();
        let rhs = rhs.hold(self, "allclose", at);
        let rank = |x: &Tensor| x.known_type().map_or(0, |ty| ty.rank());
        let (Ok(rtol), Ok(atol)) = (rtol.into_attribute("rtol", 0), atol.into_attribute("atol", 0)) else {
            let message = "a tolerance is a number".to_owned();
            return Tensor::failed(refused("allclose", &[self], at, TypeError::Other(message)));
        };
        let close = one_as("allclose", Isclose { rtol, atol }, &[self, rhs.borrow()], at);
        let axes = (0..rank(&close)).collect();
        one(Reduce { kind: ReduceKind::All, axes }, &[&close], at)
    }
}
