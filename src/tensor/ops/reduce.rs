//! Reductions. Each takes one axis, several, `..` for all, or one of these in [`keep`](crate::keep).

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::primitive::{Reduce, ReduceKind, Reshape};

use super::super::attribute::{IntoReduced, Reduced};
use super::super::one;
use super::{one_with_rank, refused};
use crate::Tensor;
use crate::error::Place;

macro_rules! reductions {
    ($($(#[$meta:meta])* $name:ident $kind:ident;)*) => {
        /// Reductions along axes.
        impl Tensor {
            $($(#[$meta])*
            #[track_caller]
            pub fn $name(&self, axes: impl IntoReduced) -> Tensor {
                self.reduced(stringify!($name), axes, Place::caller(), |x, axes, at| x.folded(ReduceKind::$kind, axes, at))
            })*
        }
    };
}

reductions! {
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

impl Tensor {
    fn folded(&self, kind: ReduceKind, axes: &Reduced, at: Place) -> Tensor {
        one_with_rank("reduce", &[self], at, |_| Ok(Reduce { kind, axes: axes.axes.clone() }.into()))
    }

    /// Runs a reduction that drops its axes, and puts them back if they are to stay.
    pub(super) fn reduced(
        &self,
        name: &'static str,
        axes: impl IntoReduced,
        at: Place,
        reduce: impl FnOnce(&Tensor, &Reduced, Place) -> Tensor,
    ) -> Tensor {
        let ty = match self.known_type() {
            Ok(ty) => ty,
            Err(failure) => return Tensor::failed(failure.clone()),
        };
        let axes: Result<Reduced, TypeError> = axes.into_reduced(ty.rank());
        match axes {
            Err(source) => Tensor::failed(refused(name, &[self], at, source)),
            Ok(axes) => {
                let result = reduce(self, &axes, at);
                if axes.keep && result.error().is_none() {
                    one(Reshape { shape: ty.shape.with_ones_at(&axes.axes) }, &[&result], at)
                } else {
                    result
                }
            }
        }
    }
}
