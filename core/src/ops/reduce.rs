//! Reductions. Each takes one axis, several, `..` for all, or one of these in [`keep`](crate::keep).

use std::borrow::Borrow;

use tensorwright_ir::op::composite::{
    CountNonzero, Dims, Interpolation, Logsumexp, Mean, Moments, Norm, NormOrder, Quantile, ReduceKeepDims,
    Std, Var,
};
use tensorwright_ir::op::primitive::{Cumulative, Reduce, ReduceKind};
use tensorwright_ir::{DType, Op, Scalar};

use super::attribute::{IntoAttribute, IntoReduced, Reduced};
use super::operand::Operand;
use super::ranked::{one_with_ranks, two_with_ranks};
use crate::error::{CallSite, caller};
use crate::tensor::Tensor;

macro_rules! folds {
    ($($(#[$meta:meta])* $name:ident $kind:ident;)*) => {
        /// Folds along axes.
        impl Tensor {
            $($(#[$meta])*
            #[track_caller]
            pub fn $name(&self, axes: impl IntoReduced) -> Tensor {
                self.reduced(stringify!($name), axes, caller(), |Reduced { axes, keep }| {
                    let kind = ReduceKind::$kind;
                    if keep { ReduceKeepDims { kind, axes }.into() } else { Reduce { kind, axes }.into() }
                })
            })*
        }
    };
}

folds! {
    /// The sum along `axes`; integers wrap.
    ///
    /// `T[s] -> T[s without axes]`, or with these axes of extent 1 by [`keep`](crate::keep). Floats are added in an order that depends on the
    /// shape and the axes alone: by itself, in a function and on any number of threads a sum has the same bits, whatever view of memory it reads.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.sum(0).to_vec::<i32>()?, [5, 7, 9]);
    /// assert_eq!(x.sum(keep(-1)).shape()?, &[2, 1].into());
    /// assert_eq!(x.sum(..).item::<i32>()?, 21);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("sum_all", "sum_keepdim", "nansum", "reduce_sum", "sum_axis"))]
    sum Sum;
    /// The product along `axes`; integers wrap.
    ///
    /// `T[s] -> T[s without axes]`, or with these axes of extent 1 by [`keep`](crate::keep).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.prod(-1).to_vec::<i32>()?, [6, 120]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("product", "reduce_prod"))]
    prod Prod;
    /// The greatest element along `axes`, NaN if there is one.
    ///
    /// `T[s] -> T[s without axes]`, or with these axes of extent 1 by [`keep`](crate::keep).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.max(0).to_vec::<i32>()?, [4, 5, 6]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("amax", "reduce_max"))]
    max Max;
    /// The least element along `axes`, NaN if there is one.
    ///
    /// `T[s] -> T[s without axes]`, or with these axes of extent 1 by [`keep`](crate::keep).
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.min(..).item::<i32>()?, 1);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("amin", "reduce_min"))]
    min Min;
    /// Whether one element along `axes` is true.
    ///
    /// `bool[s] -> bool[s without axes]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.gt(5).any(-1).to_vec::<bool>()?, [false, true]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "reduce_any")]
    any Any;
    /// Whether all elements along `axes` are true.
    ///
    /// `bool[s] -> bool[s without axes]`.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.gt(3).all(-1).to_vec::<bool>()?, [false, true]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "reduce_all")]
    all All;
}

macro_rules! cumulatives {
    ($($(#[$meta:meta])* $name:ident $kind:ident;)*) => {
        /// Running folds along an axis; see also [`Tensor::cumulative`].
        impl Tensor {
            $($(#[$meta])*
            #[track_caller]
            pub fn $name(&self, axis: impl IntoAttribute<usize>) -> Tensor {
                one_with_ranks(stringify!($name), &[self], caller(), |ranks| {
                    let axis = axis.into_attribute("axis", ranks.of("axis"))?;
                    Ok(Cumulative { kind: ReduceKind::$kind, axis, exclusive: false, reverse: false }.into())
                })
            })*
        }
    };
}

cumulatives! {
    /// The sums of the elements up to each along `axis`.
    ///
    /// `T[s] -> T[s]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 4]);
    /// assert_eq!(x.cumsum(0).to_vec::<i32>()?, [3, 4, 8]);
    /// # Ok::<(), Error>(())
    /// ```
    cumsum Sum;
    /// The products of the elements up to each along `axis`.
    ///
    /// `T[s] -> T[s]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 4]);
    /// assert_eq!(x.cumprod(0).to_vec::<i32>()?, [3, 3, 12]);
    /// # Ok::<(), Error>(())
    /// ```
    cumprod Prod;
    /// The greatest of the elements up to each along `axis`.
    ///
    /// `T[s] -> T[s]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 4]);
    /// assert_eq!(x.cummax(0).to_vec::<i32>()?, [3, 3, 4]);
    /// # Ok::<(), Error>(())
    /// ```
    cummax Max;
    /// The least of the elements up to each along `axis`.
    ///
    /// `T[s] -> T[s]`, numbers.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([3, 1, 4]);
    /// assert_eq!(x.cummin(0).to_vec::<i32>()?, [3, 1, 1]);
    /// # Ok::<(), Error>(())
    /// ```
    cummin Min;
}

/// Statistics along axes.
impl Tensor {
    /// The mean along `axes`.
    ///
    /// `T[s] -> T[s without axes]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [5.0, 9.0]]);
    /// assert_eq!(x.mean(-1).to_vec::<f64>()?, [2.0, 7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("average", "mean_keepdim", "reduce_mean", "mean_axis"))]
    #[track_caller]
    pub fn mean(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("mean", axes, caller(), |r| Mean { dims: dims(&r), axes: r.axes }.into())
    }

    /// The variance along `axes`: `sum(|x - mean|^2) / (n - correction)`.
    ///
    /// `T[s] -> R[s without axes]`, floats or complex numbers; real.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [5.0, 9.0]]);
    /// assert_eq!(x.var(-1, 0).to_vec::<f64>()?, [1.0, 4.0]);
    /// assert_eq!(x.var(-1, 1).to_vec::<f64>()?, [2.0, 8.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("variance", "reduce_variance", "var_axis"))]
    #[track_caller]
    pub fn var(&self, axes: impl IntoReduced, correction: usize) -> Tensor {
        self.reduced("var", axes, caller(), |r| Var { dims: dims(&r), axes: r.axes, correction }.into())
    }

    /// The standard deviation along `axes`, the root of [`Tensor::var`].
    ///
    /// `T[s] -> R[s without axes]`, floats or complex numbers; real.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [5.0, 9.0]]);
    /// assert_eq!(x.std(-1, 0).to_vec::<f64>()?, [1.0, 2.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("stddev", "reduce_std", "std_axis"))]
    #[track_caller]
    pub fn std(&self, axes: impl IntoReduced, correction: usize) -> Tensor {
        self.reduced("std", axes, caller(), |r| Std { dims: dims(&r), axes: r.axes, correction }.into())
    }

    /// Mean and variance along `axes`.
    ///
    /// `T[s] -> T[s without axes]` twice, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1.0f64, 3.0], [5.0, 9.0]]);
    /// let (mean, variance) = x.moments(-1);
    /// assert_eq!((mean.to_vec::<f64>()?, variance.to_vec::<f64>()?), (vec![2.0, 7.0], vec![1.0, 4.0]));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("var_mean", "std_mean"))]
    #[track_caller]
    pub fn moments(&self, axes: impl IntoReduced) -> (Tensor, Tensor) {
        two_with_ranks("moments", &[self], caller(), |ranks| {
            let r = axes.into_reduced(ranks.of("axes"))?;
            Ok(Moments { dims: dims(&r), axes: r.axes }.into())
        })
    }

    /// `log(sum(e^x))` along `axes` without overflow.
    ///
    /// `T[s] -> T[s without axes]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1000.0f64, 1000.0]);
    /// assert!(x.logsumexp(0).allclose(1000.0 + std::f64::consts::LN_2, 1e-12, 0.0).item::<bool>()?);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "reduce_logsumexp")]
    #[track_caller]
    pub fn logsumexp(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("logsumexp", axes, caller(), |r| Logsumexp { dims: dims(&r), axes: r.axes }.into())
    }

    /// The norm of the vectors along `axes`.
    ///
    /// `T[s] -> R[s without axes]`, floats or complex numbers; real.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::NormOrder;
    /// let x = Tensor::from([3.0f64, -4.0]);
    /// assert_eq!(x.norm(NormOrder::L2, 0).item::<f64>()?, 5.0);
    /// assert_eq!(x.norm(NormOrder::L1, 0).item::<f64>()?, 7.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn norm(&self, order: NormOrder, axes: impl IntoReduced) -> Tensor {
        self.reduced("norm", axes, caller(), |r| Norm { order, dims: dims(&r), axes: r.axes }.into())
    }

    /// How many elements along `axes` are not zero, as i32.
    ///
    /// `T[s] -> i32[s without axes]`, any dtype.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(x.count_nonzero(0).to_vec::<i32>()?, [2, 2, 2]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn count_nonzero(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("count_nonzero", axes, caller(), |r| {
            CountNonzero { dims: dims(&r), axes: r.axes, dtype: DType::I32 }.into()
        })
    }

    /// The quantiles `q` of the elements along `axes`: of `n` elements in ascending order the one at the place `q * (n - 1)`, counted from 0, and
    /// `between` says what lies between two of them (the `method` of NumPy). For a vector `q` the result has one more axis in front. NaN if an
    /// element is NaN or there is none, and for a `q` outside of `0 <= q <= 1`.
    ///
    /// `T[s], U[t] -> T[t.., s without axes]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// use tensorwright::Interpolation;
    /// let x = Tensor::from([[10.0f64, 30.0, 20.0, 40.0], [1.0, 2.0, 3.0, 4.0]]);
    /// assert_eq!(x.quantile(0.25, -1, Interpolation::Linear).to_vec::<f64>()?, [17.5, 1.75]);
    /// assert_eq!(x.quantile([0.0, 1.0], -1, Interpolation::Lower).to_vec::<f64>()?, [10.0, 1.0, 40.0, 4.0]);
    /// assert_eq!(x.quantile(0.5, .., Interpolation::Midpoint).item::<f64>()?, 7.0);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("percentile", "kthvalue"))]
    #[track_caller]
    pub fn quantile(&self, q: impl Operand, axes: impl IntoReduced, between: Interpolation) -> Tensor {
        let at = caller();
        // A share of f16 would be a coarse one.
        let dtype =
            if self.known_type().is_ok_and(|ty| ty.dtype == DType::F64) { DType::F64 } else { DType::F32 };
        let q = q.hold(&Tensor::scalar_at(Scalar::zero(dtype), at), "quantile", at);
        one_with_ranks("quantile", &[self, q.borrow()], at, |ranks| {
            let r = axes.into_reduced(ranks.of("axes"))?;
            Ok(Quantile { dims: dims(&r), axes: r.axes, between }.into())
        })
    }

    /// The median along `axes`: the mean of the two in the middle if their number is even, NaN if an element is NaN.
    ///
    /// `T[s] -> T[s without axes]`, floats.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([[3.0f32, 1.0, 2.0, 9.0], [4.0, 4.0, 5.0, 0.0]]);
    /// assert_eq!(x.median(-1).to_vec::<f32>()?, [2.5, 4.0]);
    /// assert_eq!(x.median(keep(0)).shape()?, &[1, 4].into());
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn median(&self, axes: impl IntoReduced) -> Tensor {
        let at = caller();
        let half = Tensor::scalar_at(Scalar::F32(0.5), at);
        one_with_ranks("median", &[self, &half], at, |ranks| {
            let r = axes.into_reduced(ranks.of("axes"))?;
            Ok(Quantile { dims: dims(&r), axes: r.axes, between: Interpolation::Linear }.into())
        })
    }

    fn reduced(
        &self,
        name: &'static str,
        axes: impl IntoReduced,
        at: CallSite,
        op: impl FnOnce(Reduced) -> Op,
    ) -> Tensor {
        one_with_ranks(name, &[self], at, |ranks| Ok(op(axes.into_reduced(ranks.of("axes"))?)))
    }
}

fn dims(reduced: &Reduced) -> Dims {
    if reduced.keep { Dims::Keep } else { Dims::Drop }
}
