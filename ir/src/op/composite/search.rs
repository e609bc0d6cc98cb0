//! Places in sorted lists, what is read there, and counts.

use smallvec::smallvec;

use super::indexing::{scatter_slices, take};
use crate::builder::BuildError;
use crate::op::primitive::{CompareFn, ScatterKind};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes, word_attribute};

word_attribute! {
    /// On which side of equal elements a place in a sorted list is.
    pub enum SearchSide {
        /// Before them.
        Left = "left",
        /// After them.
        Right = "right",
    }
}

attributes! {
    /// Where values belong in a sorted vector: `T[n], T[s] -> i32[s]`, how many elements stand before the place. The order is
    /// that of `sort`: NaN above all numbers.
    ///
    /// By bisection: each of `log2(n)` steps reads one element per value.
    pub struct Searchsorted {
        /// On which side of equal elements the place is.
        pub side: SearchSide,
    }
}

impl CompositeDef for Searchsorted {
    const NAME: &'static str = "searchsorted";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (sorted, values) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::same_dtype(&[&sorted, &values], 0, 1)?;
        check_vector(&sorted, 0)?;
        rule::check_index_dtype("side", DType::I32, sorted.shape[0])?;
        Ok(smallvec![self.places(b, operands[0], operands[1])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Searchsorted> {
        let ty = draw.like(hint, DTypeClass::Ordered, 0);
        let sorted = TensorType::new(ty.dtype, [draw.extent()]);
        let side = draw.choose(SearchSide::ALL);
        Sample::exact(Searchsorted { side }, [Operand::any(sorted), Operand::any(ty)])
    }
}

impl Searchsorted {
    fn places(&self, b: &mut Builder, sorted: Value, values: Value) -> Result<Value, TypeError> {
        let (count, shape) = (b.shape(sorted).size(0), b.shape(values));
        let before = match self.side {
            SearchSide::Left => CompareFn::LtTotal,
            SearchSide::Right => CompareFn::LeTotal,
        };
        let number = |b: &mut Builder, n: usize| b.full(Scalar::I32(n as i32), &shape);
        let (mut place, one, all) = (number(b, 0)?, number(b, 1)?, number(b, count)?);
        let mut step = count.checked_ilog2().map_or(0, |bits| 1usize << bits);
        while step > 0 {
            let by = number(b, step)?;
            let next = b.add(place, by)?;
            let inside = b.le(next, all)?;
            let last = b.sub(next, one)?;
            let element = take(b, sorted, last, 0)?;
            let is_before = b.push_one(before, &[element, values])?;
            let goes_on = b.and(inside, is_before)?;
            place = b.select(goes_on, next, place)?;
            step /= 2;
        }
        Ok(place)
    }
}

attributes! {
    /// The function through the points `(xs, ys)`, piecewise linear, and constant beyond the first and the last:
    /// `T[s], T[n], T[n] -> T[s]`, floats, operands `x, xs, ys`. The `xs` must ascend.
    pub struct Interp {}
}

impl CompositeDef for Interp {
    const NAME: &'static str = "interp";
    const ARITY: Arity = Arity::Exact(3);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types = [0, 1, 2].map(|i| b.type_of(operands[i]));
        let references = [&types[0], &types[1], &types[2]];
        rule::require_class(&references, 0, DTypeClass::Float)?;
        rule::same_dtype(&references, 0, 1)?;
        rule::same_dtype(&references, 0, 2)?;
        check_vector(&types[1], 1)?;
        rule::same_shape(&references, 1, 2)?;
        if types[1].shape.size(0) == 0 {
            return Err(TypeError::Other("a function needs a point to go through, found none".to_owned()));
        }
        let [x, xs, ys] = [operands[0], operands[1], operands[2]].map(|x| b.widen(x));
        let y = interpolated(b, x?, xs?, ys?)?;
        Ok(smallvec![b.convert(y, types[0].dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Interp> {
        let ty = draw.like(hint, DTypeClass::Float, 0);
        let points = TensorType::new(ty.dtype, [draw.choose(&[1usize, 2])]);
        let operands = [Operand::moderate(ty), Operand::moderate(points.clone()), Operand::moderate(points)];
        Sample::epsilons(Interp {}, 32, operands)
    }
}

/// Outside of the points `x` is moved to the nearest, before anything is computed with it, so that it has no slope there.
fn interpolated(b: &mut Builder, x: Value, xs: Value, ys: Value) -> Result<Value, TypeError> {
    let (count, shape) = (b.shape(xs).size(0), b.shape(x));
    let end = |b: &mut Builder, points: Value, at: usize| -> Result<Value, BuildError> {
        let point = b.section(points, 0, at, at + 1)?;
        let point = b.reshape(point, Shape::scalar())?;
        b.broadcast_to(point, &shape)
    };
    let (first, last) = (end(b, xs, 0)?, end(b, xs, count - 1)?);
    let (below, above) = (b.lt(x, first)?, b.gt(x, last)?);
    let inside = b.select(below, first, x)?;
    let inside = b.select(above, last, inside)?;
    if count == 1 {
        // What is left is NaN, or the point itself.
        let offset = b.sub(inside, first)?;
        let only = end(b, ys, 0)?;
        let number = b.eq(inside, inside)?;
        return Ok(b.select(number, only, offset)?);
    }
    let after = Searchsorted { side: SearchSide::Right }.places(b, xs, inside)?;
    let [low, high] = [1, count - 1].map(|n| b.full(Scalar::I32(n as i32), &shape));
    let after = b.clamp(low?, after, high?)?;
    let one = b.full(Scalar::I32(1), &shape)?;
    let before = b.sub(after, one)?;
    let [x0, x1, y0, y1] =
        [(xs, before), (xs, after), (ys, before), (ys, after)].map(|(points, at)| take(b, points, at, 0));
    let (x0, x1, y0, y1) = (x0?, x1?, y0?, y1?);
    let (way, width) = (b.sub(inside, x0)?, b.sub(x1, x0)?);
    let share = b.divide_no_nan(way, width)?;
    let rest = b.number_minus(1.0, share)?;
    let (left, right) = (b.mul(y0, rest)?, b.mul(y1, share)?);
    Ok(b.add(left, right)?)
}

attributes! {
    /// How often each of the numbers `0..length` occurs: `I[s] -> i32[length]`. Other numbers are not counted.
    pub struct Bincount {
        /// How many numbers are counted.
        pub length: usize,
    }
}

impl CompositeDef for Bincount {
    const NAME: &'static str = "bincount";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Int)?;
        let index = if DTypeClass::Index.contains(ty.dtype) { x[0] } else { b.cast(x[0], DType::I64)? };
        Ok(smallvec![counted(b, index, self.length)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Bincount> {
        let ty = draw.like(hint, DTypeClass::Int, 0);
        let length = draw.extent();
        Sample::exact(Bincount { length }, [Operand::new(ty, Values::Index(length))])
    }
}

/// How often each index below `length` occurs.
fn counted(b: &mut Builder, index: Value, length: usize) -> Result<Value, TypeError> {
    let count = b.shape(index).elements();
    rule::one(DType::I32, [length].into())?;
    let none = b.full(Scalar::I32(0), &[length].into())?;
    if length == 0 {
        return Ok(none);
    }
    let index = b.reshape(index, [count])?;
    let ones = b.full(Scalar::I32(1), &[count].into())?;
    scatter_slices(b, ScatterKind::Add, none, index, ones)
}

attributes! {
    /// How many elements lie in each of `bins` intervals of equal width from `low` to `high`: `T[s] -> i32[bins]`, numbers. An
    /// interval has its lower end, the last one both. Elements beyond them are not counted.
    pub struct Histogram {
        /// How many intervals.
        pub bins: usize,
        /// Where the first begins.
        pub low: Scalar,
        /// Where the last ends.
        pub high: Scalar,
    }
}

impl CompositeDef for Histogram {
    const NAME: &'static str = "histogram";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Real)?;
        let dtype = if ty.dtype.is_float() { super::build::wide_dtype(ty.dtype) } else { DType::F64 };
        let [low, high] = [self.low, self.high].map(Scalar::to_f64);
        if !(low < high && low.is_finite() && high.is_finite()) {
            let reason = format!("must be above low; found {} and {}", self.low, self.high);
            return Err(TypeError::attribute("high", reason));
        }
        rule::check_index_dtype("bins", DType::I32, Dim::known(self.bins))?;
        if self.bins == 0 {
            return Ok(smallvec![b.full(Scalar::I32(0), &Shape::from([0]))?]);
        }
        let x = b.convert(x[0], dtype)?;
        let [start, stop] = [low, high].map(|end| b.scalar(Scalar::from_f64(dtype, end)));
        let edges = b.linspace(start, stop, self.bins + 1)?;
        let after = Searchsorted { side: SearchSide::Right }.places(b, edges, x)?;
        // The place after an interval's lower end is one more than its number.
        let shape = b.shape(x);
        let one = b.full(Scalar::I32(1), &shape)?;
        let bin = b.sub(after, one)?;
        let is_end = b.equals(x, Scalar::from_f64(dtype, high).to_f64())?;
        let last = b.full(Scalar::I32((self.bins - 1) as i32), &shape)?;
        let bin = b.select(is_end, last, bin)?;
        Ok(smallvec![counted(b, bin, self.bins)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Histogram> {
        let ty = draw.like(hint, DTypeClass::Real, 0);
        let (low, high) = draw.choose(&[(0.0, 1.0), (-2.0, 2.0), (0.0, 100.0)]);
        Sample::exact(
            Histogram { bins: draw.extent(), low: Scalar::F64(low), high: Scalar::F64(high) },
            [Operand::any(ty)],
        )
    }
}

fn check_vector(ty: &TensorType, operand: usize) -> Result<(), TypeError> {
    match ty.rank() {
        1 => Ok(()),
        _ => Err(TypeError::Other(format!("operand {operand} must be a vector, found {ty}"))),
    }
}
