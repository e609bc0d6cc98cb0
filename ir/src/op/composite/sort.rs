//! What sorting is used for: the order itself, whether something is among the first, and quantiles.

use smallvec::smallvec;

use super::build::{Dims, index_dtype, other_axes};
use super::indexing::{one_hot, take};
use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

attributes! {
    /// The indices that would sort `x` along `axis`: `T[s] -> dtype[s]`. Stable, in the order of `sort`: NaN above all
    /// numbers.
    pub struct Argsort {
        /// The axis along which to sort.
        pub axis: usize,
        /// Whether the greatest comes first.
        pub descending: bool,
        /// Dtype of the indices: i32, i64, u32 or u64.
        pub dtype: DType,
    }
}

impl CompositeDef for Argsort {
    const NAME: &'static str = "argsort";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("dtype", self.dtype, shape[self.axis])?;
        let number = b.iota(self.dtype, shape, self.axis)?;
        let sorted = b.sort(&[x[0], number], self.axis, 1usize, self.descending)?;
        Ok(smallvec![sorted[1]])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Argsort> {
        let ty = draw.like(hint, DTypeClass::Ordered, 1);
        let axis = draw.axis(ty.rank());
        let dtype = draw.choose(&[DType::I32, DType::I64, DType::U32, DType::U64]);
        Sample::exact(Argsort { axis, descending: draw.flip(), dtype }, [Operand::any(ty)])
    }
}

attributes! {
    /// Whether the target's prediction is among the `k` greatest: `T[b.., c], I[b..] -> bool[b..]`, true if fewer than `k`
    /// predictions are greater. False if the target is not a class or its prediction is NaN; other NaNs are not greater.
    pub struct InTopK {
        /// Number of greatest predictions that count.
        pub k: usize,
    }
}

impl CompositeDef for InTopK {
    const NAME: &'static str = "in_top_k";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (predictions, targets) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::require_class(&[&predictions], 0, DTypeClass::Float)?;
        rule::require_class(&[&predictions, &targets], 1, DTypeClass::Int)?;
        let Some((&classes, rows)) = predictions.shape.split_last() else {
            return Err(TypeError::Other(format!(
                "operand 0 must have an axis of classes, found {predictions}"
            )));
        };
        if *targets.shape != *rows {
            let what = "the shape of the targets and that of operand 0 without its last axis".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: targets.shape, right: predictions.shape });
        }
        let axis = rows.len();
        let hot = one_hot(b, operands[1], axis, classes)?;
        let lowest = b.full_like(f64::NEG_INFINITY, operands[0])?;
        let target = b.select(hot, operands[0], lowest)?;
        let target = b.reduce(target, ReduceKind::Max, [axis])?;
        let spread = b.spread(target, &[axis], &predictions.shape)?;
        let greater = b.gt(operands[0], spread)?;
        let greater = b.cast(greater, DType::I64)?;
        let rank = b.sum_over(greater, &[axis])?;
        let bound = b.full(i64::try_from(self.k).unwrap_or(i64::MAX), &targets.shape)?;
        let among = b.lt(rank, bound)?;
        let known = b.reduce(hot, ReduceKind::Any, [axis])?;
        let number = b.eq(target, target)?;
        let valid = b.and(known, number)?;
        Ok(smallvec![b.and(among, valid)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<InTopK> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let rank = ty.rank();
        let dtype = draw.choose(&[DType::I32, DType::U8, DType::I64]);
        let targets = TensorType { dtype, shape: ty.shape.without(&[rank - 1]) };
        let values = Values::Index(ty.shape.size(rank - 1));
        Sample::exact(InTopK { k: draw.below(4) }, [Operand::any(ty), Operand::new(targets, values)])
    }
}

word_attribute! {
    /// What a quantile is that lies between two elements.
    pub enum Interpolation {
        /// As far between them as the quantile is.
        Linear = "linear",
        /// The lower one.
        Lower = "lower",
        /// The higher one.
        Higher = "higher",
        /// The nearest one; halfway, the one whose place is even.
        Nearest = "nearest",
        /// Their mean.
        Midpoint = "midpoint",
    }
}

attributes! {
    /// The quantiles `q` of the elements along `axes`: `T[s], U[t] -> T[t.., s without axes]`, floats. Quantile `q` of `n` elements in
    /// ascending order is at the place `q * (n - 1)`, counted from 0. It is NaN if one of the elements is, if there are none, and outside
    /// of `0 <= q <= 1`.
    ///
    /// R. J. Hyndman, Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996): definition 7, NumPy's.
    pub struct Quantile {
        /// The axes, distinct.
        pub axes: Axes,
        /// What there is between two elements.
        pub between: Interpolation,
        /// What becomes of the reduced axes.
        pub dims: Dims,
    }
}

impl CompositeDef for Quantile {
    const NAME: &'static str = "quantile";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (ty, q) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::require_class(&[&ty, &q], 0, DTypeClass::Float)?;
        rule::require_class(&[&ty, &q], 1, DTypeClass::Float)?;
        rule::check_axes(&self.axes, ty.rank())?;
        let kept = other_axes(ty.rank(), &self.axes);
        let count: usize = self.axes.iter().map(|&axis| ty.shape.size(axis)).product();
        let rest: Shape = match self.dims {
            Dims::Drop => ty.shape.without(&self.axes),
            Dims::Keep => ty.shape.with_ones_at(&self.axes),
        };
        let shape: Shape = q.shape.iter().chain(rest.iter()).copied().collect();
        rule::one(ty.dtype, shape.clone())?;
        let lists: Shape = kept.iter().map(|&axis| ty.shape[axis]).chain([Dim::known(count)]).collect();
        let order: Axes = kept.iter().chain(&self.axes).copied().collect();
        let rows = b.transpose(operands[0], order)?;
        let rows = b.reshape(rows, lists)?;
        let found = self.of_rows(b, rows, operands[1])?;
        let found = b.convert(found, ty.dtype)?;
        // The axes of `q` come first.
        let own = kept.len()..kept.len() + q.rank();
        let found = b.transpose(found, own.chain(0..kept.len()).collect::<Axes>())?;
        Ok(smallvec![b.reshape(found, shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Quantile> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let between = draw.choose(Interpolation::ALL);
        let (axes, dims) = (draw.axes(ty.rank(), 1), draw.choose(Dims::ALL));
        let shares = if draw.flip() { Shape::from([2]) } else { Shape::scalar() };
        let q = Operand::new(TensorType::new(ty.dtype, shares), Values::Range(0.0, 1.0));
        Sample::epsilons(Quantile { axes, between, dims }, 16, [Operand::moderate(ty), q])
    }
}

impl Quantile {
    /// The quantiles of each list along the last axis: `T[rows.., n], U[t] -> T[rows.., t..]`, computed wide.
    fn of_rows(&self, b: &mut Builder, rows: Value, q: Value) -> Result<Value, TypeError> {
        let rows = Self::with_elements(b, rows)?;
        let (lists, last) = (b.shape(rows), b.shape(rows).rank() - 1);
        let count = lists.size(last);
        let shape: Shape = lists[..last].iter().chain(b.shape(q).iter()).copied().collect();
        let sorted = b.sort(&[rows], last, 1usize, false)?[0];
        let q = b.widen(q)?;
        let place = b.mul_number(q, (count - 1) as f64)?;
        let found = self.at(b, sorted, place)?;

        let largest = b.section(sorted, last, count - 1, count)?;
        let largest = b.reshape(largest, lists[..last].iter().copied().collect::<Shape>())?;
        let is_nan = b.is_nan(largest)?;
        let is_nan = b.broadcast_in_dim(is_nan, shape.clone(), (0..last).collect::<Axes>())?;
        let (zero, one) = (b.full_like(0.0, q)?, b.full_like(1.0, q)?);
        let (from, to) = (b.ge(q, zero)?, b.le(q, one)?);
        let is_quantile = b.and(from, to)?;
        let is_quantile =
            b.broadcast_in_dim(is_quantile, shape, (last..last + b.shape(q).rank()).collect::<Axes>())?;
        let found = b.number_where(is_nan, f64::NAN, found)?;
        let none = b.full_like(f64::NAN, found)?;
        Ok(b.select(is_quantile, found, none)?)
    }

    /// Lists without elements as lists of a NaN.
    fn with_elements(b: &mut Builder, rows: Value) -> Result<Value, BuildError> {
        let (ty, last) = (b.type_of(rows), b.shape(rows).rank() - 1);
        if ty.shape.size(last) > 0 {
            return Ok(rows);
        }
        let none = b.full(Scalar::F64(f64::NAN).cast(ty.dtype), &ty.shape.with_dim(last, Dim::ONE))?;
        b.concat(&[rows, none], last)
    }

    /// What stands at places, which need not be whole numbers, of lists along the last axis.
    fn at(&self, b: &mut Builder, sorted: Value, place: Value) -> Result<Value, TypeError> {
        let whole = match self.between {
            Interpolation::Linear | Interpolation::Lower | Interpolation::Midpoint => b.floor(place)?,
            Interpolation::Higher => b.ceil(place)?,
            Interpolation::Nearest => b.round_even(place)?,
        };
        let low = element(b, sorted, whole)?;
        let share = match self.between {
            Interpolation::Linear => b.sub(place, whole)?,
            Interpolation::Midpoint => {
                let is_between = b.gt(place, whole)?;
                let whole = b.full_like(0.0, place)?;
                b.number_where(is_between, 0.5, whole)?
            }
            _ => return Ok(low),
        };
        let next = b.add_number(whole, 1.0)?;
        let high = element(b, sorted, next)?;
        let (shape, own) = (b.shape(low), b.shape(share).rank());
        let axes: Axes = (shape.rank() - own..shape.rank()).collect();
        let share = b.convert(share, b.tensor(low).dtype)?;
        let share = b.broadcast_in_dim(share, shape, axes)?;
        Ok(between(b, low, high, share)?)
    }
}

/// The elements at whole places of lists along the last axis, in the dtype of their arithmetic; places out of range are moved into it.
fn element(b: &mut Builder, lists: Value, place: Value) -> Result<Value, TypeError> {
    let last = b.shape(lists).rank() - 1;
    let index = index_dtype(b.shape(lists).size(last));
    let index = b.cast(place, index)?;
    let element = take(b, lists, index, last)?;
    Ok(b.widen(element)?)
}

/// `low + (high - low) * share`, for a share from 0 to below 1; where the difference overflows, `low * (1 - share) + high * share`.
fn between(b: &mut Builder, low: Value, high: Value, share: Value) -> Result<Value, BuildError> {
    let gap = b.sub(high, low)?;
    let is_near = b.is_finite(gap)?;
    let (from, to) = (b.zero_unless(is_near, low)?, b.zero_unless(is_near, high)?);
    let gap = b.sub(to, from)?;
    let way = b.mul(gap, share)?;
    let near = b.add(from, way)?;

    // An infinite element has no part in a place that is whole.
    let (from, to) = (b.number_where(is_near, 0.0, low)?, b.number_where(is_near, 0.0, high)?);
    let is_between = b.is_positive(share)?;
    let to = b.zero_unless(is_between, to)?;
    let rest = b.number_minus(1.0, share)?;
    let (from, to) = (b.mul(from, rest)?, b.mul(to, share)?);
    let far = b.add(from, to)?;
    b.select(is_near, near, far)
}
