//! Ops whose results are as large as data decide, in a size that bounds them: what fits is in front, `fill` behind it, and a count
//! says how much there is.

use smallvec::smallvec;

use super::build::index_dtype;
use super::indexing::{scatter_slices, take};
use super::search::SearchSide;
use crate::op::primitive::{CompareFn, ReduceKind, ScatterKind};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Where `x` is not zero, row-major: `T[s] -> i64[size, rank], i64[]`, an index vector for each such element, and how many there are,
    /// which may be more than `size`.
    pub struct Nonzero {
        /// Rows of the result.
        pub size: usize,
        /// The numbers of rows for which there is no element.
        pub fill: Scalar,
    }
}

impl CompositeDef for Nonzero {
    const NAME: &'static str = "nonzero";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        check_fill(self.fill, DType::I64)?;
        rule::one(DType::I64, [self.size, ty.rank()].into())?;
        let zero = b.full(Scalar::zero(ty.dtype), &ty.shape)?;
        let mask = b.ne(x[0], zero)?;
        let picked = Picked::new(b, mask, self.size)?;
        let rows = if ty.elements() == 0 {
            b.full(self.fill, &[self.size, ty.rank()].into())?
        } else {
            let rows = index_vectors(b, picked.number, &ty.shape)?;
            picked.filled(b, rows, 0, self.fill)?
        };
        Ok(smallvec![rows, picked.count])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Nonzero> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        Sample::exact(Nonzero { size: draw.extent(), fill: Scalar::I64(-1) }, [Operand::any(ty)])
    }
}

attributes! {
    /// The slices of `x` along `axis` where `mask` is true, one after the other: `T[a.., n, b..], bool[n] -> T[a.., size, b..], i64[]`, and
    /// how many there are, which may be more than `size`.
    pub struct Compress {
        /// The axis.
        pub axis: usize,
        /// Slices of the result.
        pub size: usize,
        /// The elements of slices for which there is none.
        pub fill: Scalar,
    }
}

impl CompositeDef for Compress {
    const NAME: &'static str = "compress";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, mask) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::check_axis(self.axis, x.rank())?;
        check_fill(self.fill, x.dtype)?;
        if mask.dtype != DType::Bool || *mask.shape != [x.shape[self.axis]] {
            let expected = TensorType::new(DType::Bool, [x.shape.size(self.axis)]);
            return Err(TypeError::Other(format!(
                "operand 1 must be {expected}, one bool for each slice, found {mask}"
            )));
        }
        rule::one(x.dtype, x.shape.with_dim(self.axis, Dim::known(self.size)))?;
        let picked = Picked::new(b, operands[1], self.size)?;
        let slices = if x.shape.size(self.axis) == 0 {
            lengthened(b, operands[0], self.axis, self.size, self.fill)?
        } else {
            let slices = take(b, operands[0], picked.number, self.axis)?;
            picked.filled(b, slices, self.axis, self.fill)?
        };
        Ok(smallvec![slices, picked.count])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Compress> {
        let x = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(x.rank());
        let size = if x.elements() > 512 { 1 } else { draw.extent() };
        let mask = TensorType::new(DType::Bool, [x.shape.size(axis)]);
        let fill = Scalar::one(x.dtype);
        Sample::exact(Compress { axis, size, fill }, [Operand::any(x), Operand::any(mask)])
    }
}

attributes! {
    /// The distinct elements of `x`, ascending: `T[s] -> T[size], i64[size], i64[s], i64[size], i64[]`: the elements, the row-major number of the first of each,
    /// for each element of `x` its place among them, how often each occurs, and how many there are, which may be more than `size`. All NaNs are one
    /// element, above all numbers.
    pub struct Unique {
        /// Elements of the result.
        pub size: usize,
        /// What stands where there is no element; its first place and its count are 0.
        pub fill: Scalar,
    }
}

impl CompositeDef for Unique {
    const NAME: &'static str = "unique";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        check_fill(self.fill, ty.dtype)?;
        let (n, size) = (ty.elements(), Shape::from([self.size]));
        rule::one(DType::I64, size.clone())?;
        let numbers = index_dtype(n.max(self.size));
        let flat = b.reshape(x[0], [n])?;
        let number = b.iota(numbers, [n], 0usize)?;
        let sorted = b.sort(&[flat, number], 0usize, 1usize, false)?;
        let begins = begins(b, sorted[0])?;
        let Picked { number: first, valid, count } = Picked::new(b, begins, self.size)?;
        // Which of the distinct elements each of the sorted ones is.
        let one = b.cast(begins, numbers)?;
        let group = b.cumulative(one, ReduceKind::Sum, 0usize, false, false)?;
        let group = b.add_number(group, -1.0)?;
        let inverse = b.full(Scalar::zero(numbers), &[n].into())?;
        let inverse = scattered(b, ScatterKind::Set, inverse, sorted[1], group)?;
        let inverse = b.convert(inverse, DType::I64)?;
        let inverse = b.reshape(inverse, ty.shape.clone())?;
        let none = b.full(Scalar::zero(numbers), &size)?;
        let ones = b.full(Scalar::one(numbers), &[n].into())?;
        let counts = scattered(b, ScatterKind::Add, none, group, ones)?;
        let counts = b.convert(counts, DType::I64)?;
        let (elements, first) = if n == 0 {
            (lengthened(b, flat, 0, self.size, self.fill)?, b.full(Scalar::I64(0), &size)?)
        } else {
            let fill = b.full(self.fill, &size)?;
            let elements = take(b, sorted[0], first, 0)?;
            let first = take(b, sorted[1], first, 0)?;
            let first = b.zero_unless(valid, first)?;
            (b.select(valid, elements, fill)?, b.convert(first, DType::I64)?)
        };
        Ok(smallvec![elements, first, inverse, counts, count])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Unique> {
        let ty = draw.like(hint, DTypeClass::Ordered, 0);
        let fill = Scalar::one(ty.dtype);
        Sample::exact(Unique { size: draw.extent(), fill }, [Operand::any(ty)])
    }
}

attributes! {
    /// Each slice of `x` along `axis` as often as its number says, one after the other: `T[a.., n, b..], I[n] -> T[a.., size, b..], i64[]`, and how many
    /// there are, which may be more than `size`. Numbers below 0 count as 0.
    pub struct RepeatEach {
        /// The axis.
        pub axis: usize,
        /// Slices of the result.
        pub size: usize,
        /// The elements of slices for which there is none.
        pub fill: Scalar,
    }
}

impl CompositeDef for RepeatEach {
    const NAME: &'static str = "repeat_each";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (x, repeats) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::check_axis(self.axis, x.rank())?;
        rule::require_class(&[&x, &repeats], 1, DTypeClass::Int)?;
        check_fill(self.fill, x.dtype)?;
        if *repeats.shape != [x.shape[self.axis]] {
            return Err(TypeError::Other(format!(
                "operand 1 must have one number for each of the {} slices, found {repeats}",
                x.shape[self.axis]
            )));
        }
        let size = Dim::known(self.size);
        rule::one(x.dtype, x.shape.with_dim(self.axis, size))?;
        rule::check_index_dtype("size", DType::I32, x.shape[self.axis])?;
        let repeats = b.convert(operands[1], DType::I64)?;
        let repeats = b.at_least(repeats, 0.0)?;
        let count = b.sum_over(repeats, &[0])?;
        if x.shape.size(self.axis) == 0 {
            return Ok(smallvec![lengthened(b, operands[0], self.axis, self.size, self.fill)?, count]);
        }
        let ends = b.cumulative(repeats, ReduceKind::Sum, 0usize, false, false)?;
        let place = b.iota(DType::I64, [self.size], 0usize)?;
        let number = b.searchsorted(ends, place, SearchSide::Right)?;
        let all = b.spread(count, &[0], &[self.size].into())?;
        let valid = b.lt(place, all)?;
        let slices = take(b, operands[0], number, self.axis)?;
        let slices = Picked { number, valid, count }.filled(b, slices, self.axis, self.fill)?;
        Ok(smallvec![slices, count])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<RepeatEach> {
        let x = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(x.rank());
        let size = if x.elements() > 512 { 1 } else { draw.extent() };
        let repeats =
            TensorType::new(draw.choose(&[DType::I32, DType::I64, DType::U8]), [x.shape.size(axis)]);
        let fill = Scalar::one(x.dtype);
        Sample::exact(
            RepeatEach { axis, size, fill },
            [Operand::any(x), Operand::new(repeats, Values::Index(3))],
        )
    }
}

/// The elements of a mask that are true, by their row-major numbers.
struct Picked {
    /// `[size]`: the numbers, ascending; where there is none, some number.
    number: Value,
    /// `bool[size]`: whether there is one.
    valid: Value,
    /// `i64[]`: how many there are.
    count: Value,
}

impl Picked {
    fn new(b: &mut Builder, mask: Value, size: usize) -> Result<Picked, TypeError> {
        let n = b.shape(mask).elements();
        let dtype = index_dtype(n.max(size));
        let mask = b.reshape(mask, [n])?;
        let ones = b.cast(mask, dtype)?;
        let count = b.sum_over(ones, &[0])?;
        let before = b.cumulative(ones, ReduceKind::Sum, 0usize, true, false)?;
        let outside = b.full(Scalar::from_i128(dtype, size as i128), &[n].into())?;
        let place = b.select(mask, before, outside)?;
        let number = b.iota(dtype, [n], 0usize)?;
        let none = b.full(Scalar::zero(dtype), &[size].into())?;
        let number = scattered(b, ScatterKind::Set, none, place, number)?;
        let place = b.iota(dtype, [size], 0usize)?;
        let all = b.spread(count, &[0], &[size].into())?;
        let valid = b.lt(place, all)?;
        Ok(Picked { number, valid, count: b.convert(count, DType::I64)? })
    }

    /// Slices along an axis, with `fill` in the place of those that are not there.
    fn filled(&self, b: &mut Builder, slices: Value, axis: usize, fill: Scalar) -> Result<Value, TypeError> {
        let shape = b.shape(slices);
        let valid = b.broadcast_in_dim(self.valid, shape.clone(), [axis])?;
        let fill = b.full(fill, &shape)?;
        Ok(b.select(valid, slices, fill)?)
    }
}

/// A vector with other elements at these places, each of which is there once or is summed.
fn scattered(
    b: &mut Builder,
    kind: ScatterKind,
    x: Value,
    places: Value,
    updates: Value,
) -> Result<Value, TypeError> {
    let (size, count) = (b.shape(x).size(0), b.shape(places).size(0));
    if size == 0 || count == 0 {
        return Ok(x);
    }
    scatter_slices(b, kind, x, places, updates)
}

/// Row-major numbers of elements of a shape, `[n]`, as `i64[n, rank]`.
fn index_vectors(b: &mut Builder, number: Value, shape: &Shape) -> Result<Value, TypeError> {
    let (n, rank) = (b.shape(number).size(0), shape.rank());
    let number = b.convert(number, DType::I64)?;
    let mut columns = Vec::with_capacity(rank);
    let mut stride = 1i64;
    for axis in (0..rank).rev() {
        let extent = shape.size(axis) as i64;
        let [step, extent] = [stride, extent].map(|n| b.scalar(Scalar::I64(n)));
        let [step, extent] = [b.broadcast_to(step, &[n].into())?, b.broadcast_to(extent, &[n].into())?];
        let row = b.div(number, step)?;
        let index = b.rem(row, extent)?;
        columns.push(b.reshape(index, [n, 1])?);
        stride *= shape.size(axis) as i64;
    }
    columns.reverse();
    match columns.is_empty() {
        true => Ok(b.full(Scalar::I64(0), &[n, 0].into())?),
        false => Ok(b.concat(&columns, 1usize)?),
    }
}

/// Which elements of a sorted vector are unlike the one before them: `T[n] -> bool[n]`.
fn begins(b: &mut Builder, sorted: Value) -> Result<Value, TypeError> {
    let n = b.shape(sorted).size(0);
    if n == 0 {
        return Ok(b.full(Scalar::Bool(true), &[0].into())?);
    }
    let first = b.full(Scalar::Bool(true), &[1].into())?;
    let (before, after) = (b.section(sorted, 0, 0, n - 1)?, b.section(sorted, 0, 1, n)?);
    let differs = b.ne(before, after)?;
    // One NaN is like another one.
    let ascends = b.push_one(CompareFn::LtTotal, &[before, after])?;
    let begins = b.and(differs, ascends)?;
    Ok(b.concat(&[first, begins], 0usize)?)
}

/// `x`, which has no elements along `axis`, with `size` of them: a padding, so that derivatives find their way back.
fn lengthened(b: &mut Builder, x: Value, axis: usize, size: usize, fill: Scalar) -> Result<Value, TypeError> {
    let rank = b.shape(x).rank();
    let fill = b.scalar(fill);
    let none = vec![0i64; rank];
    let mut high = none.clone();
    high[axis] = size as i64;
    Ok(b.pad(x, fill, none, high, vec![0usize; rank])?)
}

fn check_fill(fill: Scalar, dtype: DType) -> Result<(), TypeError> {
    match fill.dtype() == dtype {
        true => Ok(()),
        false => Err(TypeError::attribute("fill", format!("must be {dtype}, found {fill}"))),
    }
}
