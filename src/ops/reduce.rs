//! Reductions. Each takes one axis, several, `..` for all, or one of these in [`keep`](crate::keep).

use tensorwright_ir::op::composite::{
    CountNonzero, Dims, Logsumexp, Mean, Moments, Norm, NormOrder, ReduceKeepDims, Std, Var,
};
use tensorwright_ir::op::primitive::{Cumulative, Reduce, ReduceKind};
use tensorwright_ir::{DType, Op};

use super::attribute::{IntoAttribute, IntoReduced, Reduced};
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
    sum Sum;
    /// The product along `axes`; integers wrap.
    prod Prod;
    /// The greatest element along `axes`, NaN if there is one.
    max Max;
    /// The least element along `axes`, NaN if there is one.
    min Min;
    /// Whether one element along `axes` is true.
    any Any;
    /// Whether all elements along `axes` are true.
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
    cumsum Sum;
    /// The products of the elements up to each along `axis`.
    cumprod Prod;
    /// The greatest of the elements up to each along `axis`.
    cummax Max;
    /// The least of the elements up to each along `axis`.
    cummin Min;
}

/// Statistics along axes.
impl Tensor {
    /// The mean along `axes`.
    #[track_caller]
    pub fn mean(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("mean", axes, caller(), |r| Mean { dims: dims(&r), axes: r.axes }.into())
    }

    /// The variance along `axes`: `sum((x - mean)^2) / (n - correction)`.
    #[track_caller]
    pub fn var(&self, axes: impl IntoReduced, correction: usize) -> Tensor {
        self.reduced("var", axes, caller(), |r| Var { dims: dims(&r), axes: r.axes, correction }.into())
    }

    /// The standard deviation along `axes`, the root of [`Tensor::var`].
    #[track_caller]
    pub fn std(&self, axes: impl IntoReduced, correction: usize) -> Tensor {
        self.reduced("std", axes, caller(), |r| Std { dims: dims(&r), axes: r.axes, correction }.into())
    }

    /// Mean and variance along `axes`.
    #[track_caller]
    pub fn moments(&self, axes: impl IntoReduced) -> (Tensor, Tensor) {
        two_with_ranks("moments", &[self], caller(), |ranks| {
            let r = axes.into_reduced(ranks.of("axes"))?;
            Ok(Moments { dims: dims(&r), axes: r.axes }.into())
        })
    }

    /// `log(sum(e^x))` along `axes` without overflow.
    #[track_caller]
    pub fn logsumexp(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("logsumexp", axes, caller(), |r| Logsumexp { dims: dims(&r), axes: r.axes }.into())
    }

    /// The norm of the vectors along `axes`.
    #[track_caller]
    pub fn norm(&self, order: NormOrder, axes: impl IntoReduced) -> Tensor {
        self.reduced("norm", axes, caller(), |r| Norm { order, dims: dims(&r), axes: r.axes }.into())
    }

    /// How many elements along `axes` are not zero, as i32.
    #[track_caller]
    pub fn count_nonzero(&self, axes: impl IntoReduced) -> Tensor {
        self.reduced("count_nonzero", axes, caller(), |r| {
            CountNonzero { dims: dims(&r), axes: r.axes, dtype: DType::I32 }.into()
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
