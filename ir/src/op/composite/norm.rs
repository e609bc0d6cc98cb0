//! Norms, which neither overflow nor lose digits where they are numbers, and directions.

use super::build::{Dims, fold_count};
use super::reduction::{Weighted, sample_statistic, statistic, weighted_spread, weighted_sum};
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::up;
use crate::op::derivative::Differentiable;
use crate::op::primitive::ReduceKind;
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
};
use crate::{Builder, DType, DTypeClass, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// Which norm.
    pub enum NormOrder {
        /// Sum of magnitudes.
        L1 = "l1",
        /// Square root of the sum of squares.
        L2 = "l2",
        /// The greatest magnitude; 0 for no elements.
        Inf = "inf",
    }
}

attributes! {
    /// The norm of the vectors along `axes` (of all their elements, if there are several): real, of real or complex numbers.
    pub struct Norm {
        /// Which norm.
        pub order: NormOrder,
        /// The axes, distinct.
        pub axes: Axes,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Norm {
    const NAME: &'static str = "norm";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        statistic(b, x[0], &self.axes, self.dims, DTypeClass::Inexact, |b, x| {
            norm(b, x, self.order, &self.axes)
        })
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Norm> {
        let order = draw.choose(NormOrder::ALL);
        sample_statistic(draw, hint, DTypeClass::Inexact, |_, axes, dims| Norm { order, axes, dims })
    }
}

impl OwnRules for Norm {
    fn derivative(&self) -> Derivative<'_> {
        if self.order == NormOrder::L2 { Derivative::both(self) } else { Derivative::Expansion }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Norm { axes: up(&self.axes), ..self.clone() })
    }
}

impl Differentiable for Norm {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        weighted_sum(self, primal, tangents[0])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        weighted_spread(self, primal, cotangents[0])
    }
}

/// Of the Euclidean norm: the direction, and 0 where the norm is 0. Of complex numbers its conjugate.
impl Weighted for Norm {
    fn axes(&self) -> &[usize] {
        &self.axes
    }

    fn dims(&self) -> Dims {
        self.dims
    }

    fn weights(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let x = primal.b.widen(primal.operands[0])?;
        let direction = direction(primal.b, x, &self.axes, 1.0)?;
        primal.b.conjugate(direction)
    }
}

/// The root of the sum of squares. Where squares overflow, or lose digits because they are too small, those of scaled elements are summed, by
/// powers of two; see Blue, "A Portable Fortran Program to Find the Euclidean Norm of a Vector", 1978.
pub(super) fn euclidean_norm(b: &mut Builder, x: Value, axes: &[usize]) -> Result<Value, BuildError> {
    let x = magnitudes(b, x)?;
    let root_of = |b: &mut Builder, scale: f64| {
        let scaled = b.mul_number(x, scale)?;
        let squares = b.mul(scaled, scaled)?;
        let sum = b.sum_over(squares, axes)?;
        let root = b.sqrt(sum)?;
        b.mul_number(root, 1.0 / scale)
    };
    let squares = b.mul(x, x)?;
    let sum = b.sum_over(squares, axes)?;
    let root = b.sqrt(sum)?;
    // How small large elements become, how large small ones, and which sums are of too small squares.
    let (down, up, small) = match b.tensor(x).dtype {
        DType::F64 => (2f64.powi(-600), 2f64.powi(600), 2f64.powi(-900)),
        DType::F32 => (2f64.powi(-80), 2f64.powi(100), 2f64.powi(-90)),
        _ => return Ok(root),
    };
    let (of_large, of_small) = (root_of(b, down)?, root_of(b, up)?);
    let is_large = b.is_inf(sum)?;
    let least = b.full_like(small, sum)?;
    let is_small = b.lt(sum, least)?;
    let root = b.select(is_small, of_small, root)?;
    b.select(is_large, of_large, root)
}

/// Vectors divided by their lengths and the root of `times`; 0 remains 0. They are divided by their greatest magnitude first: their length
/// may overflow, or have few digits.
pub(super) fn direction(b: &mut Builder, x: Value, axes: &[usize], times: f64) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let dtype = b.tensor(x).dtype;
    let x = b.bounded_by_finite(x)?;
    let magnitudes = b.abs(x)?;
    let greatest = b.fold_like(ReduceKind::Max, magnitudes, axes)?;
    // What is divided by makes no difference, so its derivative is not asked for.
    let greatest = b.stop_gradient(greatest)?;
    let greatest = b.convert(greatest, dtype)?;
    let scaled = b.quotient_or_zero(x, greatest)?;
    let squares = b.squared_magnitudes(scaled)?;
    let sum = b.sum_over(squares, axes)?;
    let sum = b.mul_number(sum, times)?;
    let zero = b.equals(sum, 0.0)?;
    let sum = b.number_where(zero, 1.0, sum)?;
    let root = b.sqrt(sum)?;
    let root = b.spread(root, axes, &shape)?;
    let root = b.convert(root, dtype)?;
    b.div(scaled, root)
}

/// Distances of complex numbers from 0; real numbers as they are.
fn magnitudes(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    if b.tensor(x).dtype.is_complex() { b.abs(x) } else { Ok(x) }
}

/// The norm along `axes`, which disappear.
fn norm(b: &mut Builder, x: Value, order: NormOrder, axes: &[usize]) -> Result<Value, BuildError> {
    let x = magnitudes(b, x)?;
    match order {
        NormOrder::L1 => {
            let magnitudes = b.abs(x)?;
            b.sum_over(magnitudes, axes)
        }
        NormOrder::L2 => euclidean_norm(b, x, axes),
        // The sum of nothing is what the greatest of nothing should be.
        NormOrder::Inf if fold_count(&b.shape(x), axes) == 0.0 => b.sum_over(x, axes),
        NormOrder::Inf => {
            let magnitudes = b.abs(x)?;
            b.reduce(magnitudes, ReduceKind::Max, axes)
        }
    }
}
