//! Reductions beyond the monoids: statistics, norms, counts.
//!
//! All fold along `axes` (distinct, in any order; none means that nothing is folded), and `dims` says whether these axes
//! stay with extent 1. Half-precision operands are computed in f32 and rounded once.

use smallvec::smallvec;

use super::build::{Dims, fold_count};
use super::norm::{direction, euclidean_norm};
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::up;
use crate::op::derivative::Differentiable;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, CompositeDef, Derivative, Derivatives, OwnRules, Primal, Results, Sample, TypeError,
    rule,
};
use crate::{Builder, DType, DTypeClass, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Folds along `axes`, which stay with extent 1: `T[.., n, ..] -> T[.., 1, ..]`.
    pub struct ReduceKeepDims {
        /// The monoid.
        pub kind: ReduceKind,
        /// The axes, distinct.
        pub axes: Axes,
    }
}

impl CompositeDef for ReduceKeepDims {
    const NAME: &'static str = "reduce_keep_dims";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, self.kind.class())?;
        rule::check_axes(&self.axes, ty.rank())?;
        let fold = b.reduce(x[0], self.kind, self.axes.clone())?;
        Ok(smallvec![b.shape_fold(fold, &self.axes, Dims::Keep, &ty.shape)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ReduceKeepDims> {
        let kind = draw.choose(ReduceKind::ALL);
        let ty = draw.like(hint, kind.class(), 1);
        let axes = draw.axes(ty.rank(), 1);
        Sample::epsilons(ReduceKeepDims { kind, axes }, 64, [Operand::moderate(ty)])
    }
}

impl OwnRules for ReduceKeepDims {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(ReduceKeepDims { axes: up(&self.axes), ..self.clone() })
    }
}

attributes! {
    /// The mean of the elements along `axes`: `sum(x) / n`; NaN for no elements.
    pub struct Mean {
        /// The axes, distinct.
        pub axes: Axes,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Mean {
    const NAME: &'static str = "mean";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Inexact)?;
        rule::check_axes(&self.axes, ty.rank())?;
        let wide = b.widen(x[0])?;
        let mean = b.mean_over(wide, &self.axes)?;
        let mean = b.convert(mean, ty.dtype)?;
        Ok(smallvec![b.shape_fold(mean, &self.axes, self.dims, &ty.shape)?])
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Mean> {
        sample_statistic(draw, hint, DTypeClass::Inexact, |_, axes, dims| Mean { axes, dims })
    }
}

impl OwnRules for Mean {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::Expansion
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Mean { axes: up(&self.axes), ..self.clone() })
    }
}

attributes! {
    /// The variance of the elements along `axes`, by two passes: `sum(|x - mean|^2) / (n - correction)`, real, of real or complex numbers; NaN or infinite
    /// if there are no more elements than the correction.
    pub struct Var {
        /// The axes, distinct.
        pub axes: Axes,
        /// Degrees of freedom lost: 0 for a population, 1 for a sample (`ddof` in NumPy).
        pub correction: usize,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Var {
    const NAME: &'static str = "var";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        statistic(b, x[0], &self.axes, self.dims, DTypeClass::Inexact, |b, x| {
            variance(b, x, &self.axes, self.correction)
        })
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Var> {
        sample_statistic(draw, hint, DTypeClass::Inexact, |draw, axes, dims| Var {
            axes,
            correction: draw.below(2),
            dims,
        })
    }
}

impl OwnRules for Var {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Var { axes: up(&self.axes), ..self.clone() })
    }
}

attributes! {
    /// The standard deviation of the elements along `axes`: the square root of [`Var`].
    pub struct Std {
        /// The axes, distinct.
        pub axes: Axes,
        /// Degrees of freedom lost: 0 for a population, 1 for a sample (`ddof` in NumPy).
        pub correction: usize,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Std {
    const NAME: &'static str = "std";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        statistic(b, x[0], &self.axes, self.dims, DTypeClass::Inexact, |b, x| {
            let freedom = freedom(&b.shape(x), &self.axes, self.correction);
            let centred = b.centre(x, &self.axes)?;
            let length = euclidean_norm(b, centred, &self.axes)?;
            b.div_number(length, freedom.sqrt())
        })
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Std> {
        sample_statistic(draw, hint, DTypeClass::Inexact, |draw, axes, dims| Std {
            axes,
            correction: draw.below(2),
            dims,
        })
    }
}

impl OwnRules for Std {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Std { axes: up(&self.axes), ..self.clone() })
    }
}

attributes! {
    /// Mean and variance (of the population) along `axes`, in this order.
    pub struct Moments {
        /// The axes, distinct.
        pub axes: Axes,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Moments {
    const NAME: &'static str = "moments";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = check_statistic(b, x[0], &self.axes, DTypeClass::Float)?;
        let x = b.widen(x[0])?;
        let mean = b.mean_over(x, &self.axes)?;
        let spread = b.spread(mean, &self.axes, &ty.shape)?;
        let centred = b.sub(x, spread)?;
        let variance = mean_square(b, centred, &self.axes, 0)?;
        let mut results = Results::new();
        for fold in [mean, variance] {
            let fold = b.convert(fold, ty.dtype)?;
            results.push(b.shape_fold(fold, &self.axes, self.dims, &ty.shape)?);
        }
        Ok(results)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Moments> {
        sample_statistic(draw, hint, DTypeClass::Float, |_, axes, dims| Moments { axes, dims })
    }
}

attributes! {
    /// `log(sum(e^x))` along `axes`, with the maximum taken out so that nothing overflows. Infinities do what limits say:
    /// minus infinity for no elements or if all are; infinity if one is.
    pub struct Logsumexp {
        /// The axes, distinct.
        pub axes: Axes,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Logsumexp {
    const NAME: &'static str = "logsumexp";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        statistic(b, x[0], &self.axes, self.dims, DTypeClass::Float, |b, x| b.log_sum_exp_over(x, &self.axes))
    }

    fn own_rules(&self) -> Option<&dyn OwnRules> {
        Some(self)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Logsumexp> {
        sample_statistic(draw, hint, DTypeClass::Float, |_, axes, dims| Logsumexp { axes, dims })
    }
}

impl OwnRules for Logsumexp {
    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Logsumexp { axes: up(&self.axes), ..self.clone() })
    }
}

attributes! {
    /// How many elements along `axes` are not zero (or are true); NaN counts. They are counted in a dtype that has the number; more than a
    /// narrower integer dtype has become its greatest number.
    pub struct CountNonzero {
        /// The axes, distinct.
        pub axes: Axes,
        /// What becomes of the reduced axes.
        pub dims: Dims,
        /// Dtype of the count, any number.
        pub dtype: DType,
    }
}

impl CompositeDef for CountNonzero {
    const NAME: &'static str = "count_nonzero";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::check_axes(&self.axes, ty.rank())?;
        if !self.dtype.is_number() {
            return Err(TypeError::attribute("dtype", "must be a number dtype, found bool"));
        }
        let nonzero = b.convert(x[0], DType::Bool)?;
        let ones = b.cast(nonzero, count_dtype(self.dtype, fold_count(&ty.shape, &self.axes)))?;
        let count = b.sum_over(ones, &self.axes)?;
        let bounded = at_most_highest(b, count, self.dtype)?;
        let count = b.convert(bounded, self.dtype)?;
        Ok(smallvec![b.shape_fold(count, &self.axes, self.dims, &ty.shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<CountNonzero> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let (axes, dims) = (draw.axes(ty.rank(), 1), draw.choose(Dims::ALL));
        let dtype = draw.choose(&[DType::I32, DType::I64, DType::U8, DType::F32]);
        Sample::exact(CountNonzero { axes, dims, dtype }, [Operand::any(ty)])
    }
}

/// A dtype that counts up to `most`: the one that is asked for if it does.
fn count_dtype(wanted: DType, most: f64) -> DType {
    let counts = |dtype: DType| dtype.is_int() && Scalar::highest(dtype).to_f64() >= most;
    [wanted, DType::I32].into_iter().find(|&dtype| counts(dtype)).unwrap_or(DType::I64)
}

/// A count, or the greatest number of a narrower integer dtype.
fn at_most_highest(b: &mut Builder, count: Value, dtype: DType) -> Result<Value, BuildError> {
    let own = b.tensor(count).clone();
    let highest = Scalar::highest(dtype);
    if !dtype.is_int() || highest.to_i128() >= Scalar::highest(own.dtype).to_i128() {
        return Ok(count);
    }
    let highest = b.full(highest.cast(own.dtype), &own.shape)?;
    b.minimum(count, highest)
}

/// A fold whose derivative by each element is known: a tensor of the operand's shape, in the dtype that arithmetic is done in. With weights `g` of complex
/// numbers the fold changes by `Re(g z')`.
pub(super) trait Weighted {
    fn axes(&self) -> &[usize];
    fn dims(&self) -> Dims;
    fn weights(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError>;
}

macro_rules! weighted {
    ($($op:ident),*) => {$(
        impl Differentiable for $op {
            fn jvp(
                &self,
                primal: &mut Primal<'_>,
                tangents: &[Option<Value>],
            ) -> Result<Derivatives, BuildError> {
                weighted_sum(self, primal, tangents[0])
            }

            fn vjp(
                &self,
                primal: &mut Primal<'_>,
                cotangents: &[Option<Value>],
            ) -> Result<Derivatives, BuildError> {
                weighted_spread(self, primal, cotangents[0])
            }
        }
    )*};
}
weighted!(Var, Std, Logsumexp);

pub(super) fn weighted_sum(
    op: &dyn Weighted,
    primal: &mut Primal<'_>,
    tangent: Option<Value>,
) -> Result<Derivatives, BuildError> {
    let Some(tangent) = tangent else { return Ok(smallvec![None]) };
    let TensorType { dtype, shape } = primal.operand_type(0);
    let weights = op.weights(primal)?;
    let b = &mut *primal.b;
    let tangent = b.widen(tangent)?;
    let weighted = weighted(b, tangent, weights)?;
    let sum = b.sum_over(weighted, op.axes())?;
    let sum = if dtype.is_complex() { b.real(sum)? } else { b.convert(sum, dtype)? };
    Ok(smallvec![Some(b.shape_fold(sum, op.axes(), op.dims(), &shape)?)])
}

pub(super) fn weighted_spread(
    op: &dyn Weighted,
    primal: &mut Primal<'_>,
    cotangent: Option<Value>,
) -> Result<Derivatives, BuildError> {
    let Some(cotangent) = cotangent else { return Ok(smallvec![None]) };
    let TensorType { dtype, shape } = primal.operand_type(0);
    let weights = op.weights(primal)?;
    let b = &mut *primal.b;
    let cotangent = b.widen(cotangent)?;
    let spread = spread_fold(b, cotangent, op.axes(), op.dims(), &shape)?;
    let spread = b.convert(spread, b.tensor(weights).dtype)?;
    let weighted = weighted(b, spread, weights)?;
    Ok(smallvec![Some(b.convert(weighted, dtype)?)])
}

/// The product, and 0 where the weight is, whatever it meets.
fn weighted(b: &mut Builder, x: Value, weights: Value) -> Result<Value, BuildError> {
    let product = b.mul(x, weights)?;
    let zero = b.full_like(0.0, weights)?;
    let mask = b.ne(weights, zero)?;
    b.zero_unless(mask, product)
}

/// A fold along `axes` of a tensor of `shape`, with or without these axes, repeated along them.
fn spread_fold(
    b: &mut Builder,
    fold: Value,
    axes: &[usize],
    dims: Dims,
    shape: &Shape,
) -> Result<Value, BuildError> {
    match dims {
        Dims::Drop => b.spread(fold, axes, shape),
        Dims::Keep => b.broadcast_to(fold, shape),
    }
}

/// `2 (x - mean) / (n - correction)`.
impl Weighted for Var {
    fn axes(&self) -> &[usize] {
        &self.axes
    }

    fn dims(&self) -> Dims {
        self.dims
    }

    fn weights(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let x = primal.b.widen(primal.operands[0])?;
        let scaled = centred_mean(primal.b, x, &self.axes, self.correction)?;
        let scaled = primal.b.mul_number(scaled, 2.0)?;
        primal.b.conjugate(scaled)
    }
}

/// `(x - mean) / (n - correction) / std`, and 0 where the deviation is 0: the direction of what is centred, divided by a root.
impl Weighted for Std {
    fn axes(&self) -> &[usize] {
        &self.axes
    }

    fn dims(&self) -> Dims {
        self.dims
    }

    fn weights(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let shape = primal.operand_type(0).shape;
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        let centred = b.centre(x, &self.axes)?;
        let direction = direction(b, centred, &self.axes, freedom(&shape, &self.axes, self.correction))?;
        b.conjugate(direction)
    }
}

/// The softmax; 0 where the result is infinite.
impl Weighted for Logsumexp {
    fn axes(&self) -> &[usize] {
        &self.axes
    }

    fn dims(&self) -> Dims {
        self.dims
    }

    fn weights(&self, primal: &mut Primal<'_>) -> Result<Value, BuildError> {
        let shape = primal.operand_type(0).shape;
        let b = &mut *primal.b;
        let x = b.widen(primal.operands[0])?;
        // Not the exponential of `x - y`, which would blow up what was rounded off the result.
        let (exp, _) = b.exp_less_max(x, &self.axes)?;
        let sum = b.sum_over(exp, &self.axes)?;
        let sum = b.spread(sum, &self.axes, &shape)?;
        let infinite = b.is_inf(sum)?;
        let share = b.divide_no_nan(exp, sum)?;
        b.number_where(infinite, 0.0, share)
    }
}

/// A reduction to real numbers: checks, widens, computes, narrows, and shapes.
pub(super) fn statistic(
    b: &mut Builder,
    x: Value,
    axes: &[usize],
    dims: Dims,
    class: DTypeClass,
    compute: impl FnOnce(&mut Builder, Value) -> Result<Value, BuildError>,
) -> Result<Results, TypeError> {
    let ty = check_statistic(b, x, axes, class)?;
    let wide = b.widen(x)?;
    let fold = compute(b, wide)?;
    let fold = b.convert(fold, ty.dtype.part())?;
    Ok(smallvec![b.shape_fold(fold, axes, dims, &ty.shape)?])
}

fn check_statistic(
    b: &Builder,
    x: Value,
    axes: &[usize],
    class: DTypeClass,
) -> Result<TensorType, TypeError> {
    let ty = b.type_of(x);
    rule::require_class(&[&ty], 0, class)?;
    rule::check_axes(axes, ty.rank())?;
    Ok(ty)
}

pub(super) fn sample_statistic<T>(
    draw: &mut Draw<'_>,
    hint: &TensorType,
    class: DTypeClass,
    op: impl FnOnce(&mut Draw<'_>, Axes, Dims) -> T,
) -> Sample<T> {
    let ty = draw.like(hint, class, 1);
    let (axes, dims) = (draw.axes(ty.rank(), 1), draw.choose(Dims::ALL));
    Sample::epsilons(op(draw, axes, dims), 64, [Operand::moderate(ty)])
}

/// The variance along `axes`, which disappear.
fn variance(b: &mut Builder, x: Value, axes: &[usize], correction: usize) -> Result<Value, BuildError> {
    let centred = b.centre(x, axes)?;
    mean_square(b, centred, axes, correction)
}

/// `x` less its mean along `axes`, divided by the number of elements less `correction`.
fn centred_mean(b: &mut Builder, x: Value, axes: &[usize], correction: usize) -> Result<Value, BuildError> {
    let freedom = freedom(&b.shape(x), axes, correction);
    let centred = b.centre(x, axes)?;
    b.div_number(centred, freedom)
}

fn freedom(shape: &Shape, axes: &[usize], correction: usize) -> f64 {
    (fold_count(shape, axes) - correction as f64).max(0.0)
}

/// The sum of squares along `axes`, which disappear, divided by their number less `correction`.
pub(super) fn mean_square(
    b: &mut Builder,
    x: Value,
    axes: &[usize],
    correction: usize,
) -> Result<Value, BuildError> {
    let freedom = freedom(&b.shape(x), axes, correction);
    let squares = b.squared_magnitudes(x)?;
    let sum = b.sum_over(squares, axes)?;
    b.div_number(sum, freedom)
}
