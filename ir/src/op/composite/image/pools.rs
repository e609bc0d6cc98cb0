//! Pools whose windows are not all alike, medians of windows, and what belongs to places of maxima.

use smallvec::smallvec;

use super::border::{PadBorder, PadMode};
use super::patches::Im2col;
use super::{nothing_of, numbers};
use crate::op::attribute::{Axes, Offsets};
use crate::op::composite::build::wide_dtype;
use crate::op::composite::indexing::{scatter_slices, take};
use crate::op::primitive::{ReduceKind, ScatterKind, WindowAxes, WindowAxis};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// The means of windows that share each axis out: of `n` elements result `i` of `m` has those from `i n / m`, rounded down, to `(i + 1) n / m`, rounded up. `T[.., n, ..] -> T[.., m, ..]`, floats.
    pub struct AdaptiveAvgPool {
        /// Axes that are shared out.
        pub axes: Axes,
        /// Results along each of them.
        pub sizes: Axes,
    }
}

attributes! {
    /// The greatest elements of the windows of [`AdaptiveAvgPool`]. `T[.., n, ..] -> T[.., m, ..]`, numbers.
    pub struct AdaptiveMaxPool {
        /// Axes that are shared out.
        pub axes: Axes,
        /// Results along each of them.
        pub sizes: Axes,
    }
}

/// The type of the operand and of the result.
fn shared_out(
    b: &Builder,
    x: Value,
    axes: &[usize],
    sizes: &[usize],
    class: DTypeClass,
) -> Result<(TensorType, Shape), TypeError> {
    let ty = b.type_of(x);
    rule::require_class(&[&ty], 0, class)?;
    rule::check_axes(axes, ty.rank())?;
    if axes.len() != sizes.len() {
        let reason = format!("{} numbers for {} axes", sizes.len(), axes.len());
        return Err(TypeError::attribute("sizes", reason));
    }
    let mut shape = ty.shape.clone();
    for (&axis, &size) in axes.iter().zip(sizes) {
        if size > 0 && ty.shape.size(axis) == 0 {
            return Err(TypeError::Other(format!("axis {axis} of operand 0 has no elements")));
        }
        let seen = size.checked_mul(ty.shape.size(axis) / size.max(1) + 2);
        if seen.is_none_or(|seen| seen > 1 << 24) {
            return Err(TypeError::attribute("sizes", format!("{size} are too many to be listed")));
        }
        shape = shape.with_dim(axis, Dim::known(size));
    }
    rule::one(ty.dtype, shape.clone())?;
    Ok((ty, shape))
}

/// The elements of the windows of one axis.
struct Shares {
    most: usize,
    /// `[results, most]`: elements, in range.
    places: Vec<usize>,
    counts: Vec<usize>,
}

impl Shares {
    fn of(elements: usize, results: usize) -> Shares {
        let bound = |i: usize| (i as u128 * elements as u128, results as u128);
        let start = |i: usize| (bound(i).0 / bound(i).1) as usize;
        let end = |i: usize| bound(i + 1).0.div_ceil(bound(i + 1).1) as usize;
        let counts: Vec<usize> = (0..results).map(|i| end(i) - start(i)).collect();
        let most = counts.iter().copied().max().unwrap_or(1);
        let place = |i: usize| (start(i / most) + i % most).min(elements - 1);
        Shares { most, places: (0..results * most).map(place).collect(), counts }
    }
}

/// Folds the windows of an axis; where a window has fewer elements than others it has `identity`.
fn fold_shares(
    b: &mut Builder,
    x: Value,
    axis: usize,
    shares: &Shares,
    kind: ReduceKind,
    identity: Scalar,
) -> Result<Value, TypeError> {
    let (results, most) = (shares.counts.len(), shares.most);
    let shape = b.shape(x);
    if shape.size(axis) == results * most {
        let (before, after) = (&shape[..axis], &shape[axis + 1..]);
        let middle = [Dim::known(results), Dim::known(most)];
        let split: Shape = before.iter().chain(&middle).chain(after).copied().collect();
        let split = b.reshape(x, split)?;
        return Ok(b.reduce(split, kind, [axis + 1])?);
    }
    let places = numbers(b, &shares.places, [results, most]);
    let seen = take(b, x, places, axis)?;
    let is_seen = Literal::from_fn(TensorType::new(DType::Bool, [results, most]), |i| {
        Scalar::Bool(i % most < shares.counts[i / most])
    });
    let shape = b.shape(seen);
    let is_seen = b.literal(is_seen);
    let is_seen = b.broadcast_in_dim(is_seen, shape.clone(), [axis, axis + 1])?;
    let identity = b.full(identity, &shape)?;
    let seen = b.select(is_seen, seen, identity)?;
    Ok(b.reduce(seen, kind, [axis + 1])?)
}

impl CompositeDef for AdaptiveAvgPool {
    const NAME: &'static str = "adaptive_avg_pool";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (ty, shape) = shared_out(b, operands[0], &self.axes, &self.sizes, DTypeClass::Float)?;
        if shape.elements() == 0 {
            return Ok(smallvec![nothing_of(b, operands, ty.dtype, &shape)?]);
        }
        let dtype = wide_dtype(ty.dtype);
        let mut x = b.widen(operands[0])?;
        for (&axis, &size) in self.axes.iter().zip(&self.sizes) {
            let shares = Shares::of(ty.shape.size(axis), size);
            x = fold_shares(b, x, axis, &shares, ReduceKind::Sum, Scalar::zero(dtype))?;
            let counts = Literal::from_fn(TensorType::new(dtype, [size]), |i| {
                Scalar::from_f64(dtype, shares.counts[i] as f64)
            });
            let counts = b.literal(counts);
            let counts = b.broadcast_in_dim(counts, b.shape(x), [axis])?;
            x = b.div(x, counts)?;
        }
        Ok(smallvec![b.convert(x, ty.dtype)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AdaptiveAvgPool> {
        let (ty, axes, sizes) = drawn(draw, hint, DTypeClass::Float);
        Sample::epsilons(AdaptiveAvgPool { axes, sizes }, 32, [Operand::moderate(ty)])
    }
}

impl CompositeDef for AdaptiveMaxPool {
    const NAME: &'static str = "adaptive_max_pool";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (ty, shape) = shared_out(b, operands[0], &self.axes, &self.sizes, DTypeClass::Real)?;
        if shape.elements() == 0 {
            return Ok(smallvec![nothing_of(b, operands, ty.dtype, &shape)?]);
        }
        let mut x = operands[0];
        for (&axis, &size) in self.axes.iter().zip(&self.sizes) {
            let shares = Shares::of(ty.shape.size(axis), size);
            x = fold_shares(b, x, axis, &shares, ReduceKind::Max, Scalar::lowest(ty.dtype))?;
        }
        Ok(smallvec![x])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AdaptiveMaxPool> {
        let (ty, axes, sizes) = drawn(draw, hint, DTypeClass::Real);
        Sample::exact(AdaptiveMaxPool { axes, sizes }, [Operand::any(ty)])
    }
}

/// A small type, axes of it, and a size for each.
fn drawn(draw: &mut Draw<'_>, hint: &TensorType, class: DTypeClass) -> (TensorType, Axes, Axes) {
    let ty = draw.like(hint, class, 1);
    let few: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.clamp(1, 7)).collect();
    let axes: Axes = draw.axes(ty.rank(), 1).into_iter().take(2).collect();
    let sizes = axes.iter().map(|_| draw.choose(&[2, 1, 3, 0, 5])).collect();
    (ty.with_shape(few), axes, sizes)
}

attributes! {
    /// The median of the elements around each one, the upper one if they are an even number. `T[s] -> T[s]`, any dtype; NaN is above all numbers.
    pub struct MedianFilter {
        /// Axes along which windows lie.
        pub axes: Axes,
        /// Elements of a window along each, one more before its middle than after it if they are an even number.
        pub sizes: Axes,
        /// How axes go on beyond their ends.
        pub mode: PadMode,
    }
}

impl CompositeDef for MedianFilter {
    const NAME: &'static str = "median_filter";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(operands[0]);
        rule::check_axes(&self.axes, ty.rank())?;
        if self.axes.len() != self.sizes.len() || self.sizes.contains(&0) {
            let reason = format!("must be {} numbers of at least 1", self.axes.len());
            return Err(TypeError::attribute("sizes", reason));
        }
        if ty.elements() == 0 || self.axes.is_empty() {
            return Ok(smallvec![operands[0]]);
        }
        let (mut low, mut high) = (Offsets::from_elem(0, ty.rank()), Offsets::from_elem(0, ty.rank()));
        let mut window = WindowAxes::new();
        for (&axis, &size) in self.axes.iter().zip(&self.sizes) {
            let offset = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            (low[axis], high[axis]) = (offset(size / 2), offset(size - 1 - size / 2));
            window.push(WindowAxis { taps: size, ..WindowAxis::ONE });
        }
        let x = b.push_one(PadBorder { low, high, mode: self.mode }, operands)?;
        let x = b.push_one(Im2col { axes: self.axes.clone(), window }, &[x])?;
        let rank = ty.rank();
        let count: usize = self.sizes.iter().product();
        let flat: Shape = ty.shape.iter().copied().chain([Dim::known(count)]).collect();
        let x = b.reshape(x, flat)?;
        let sorted = b.sort(&[x], rank, 1, false)?[0];
        let median = b.section(sorted, rank, count / 2, count / 2 + 1)?;
        Ok(smallvec![b.reshape(median, ty.shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MedianFilter> {
        let ty = draw.like(hint, DTypeClass::Ordered, 1);
        let few: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.min(5)).collect();
        let ty = ty.with_shape(few);
        let axes: Axes = draw.axes(ty.rank(), 1).into_iter().take(2).collect();
        let sizes = axes.iter().map(|_| draw.choose(&[3, 1, 2])).collect();
        Sample::exact(MedianFilter { axes, sizes, mode: draw.choose(PadMode::ALL) }, [Operand::any(ty)])
    }
}

attributes! {
    /// Numbers of elements for the numbers of the taps that see them, as `arg_window` gives them: the sum of an element's place along each axis, times a weight; -1 for -1.
    /// `I[s] -> i64[s]`.
    pub struct WindowPlaces {
        /// How the window slides along each axis.
        pub window: WindowAxes,
        /// How much an element's number grows along each axis.
        pub weights: Offsets,
    }
}

impl CompositeDef for WindowPlaces {
    const NAME: &'static str = "window_places";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(operands[0]);
        rule::require_class(&[&ty], 0, DTypeClass::Int)?;
        rule::check_per_axis("window", self.window.len(), ty.rank())?;
        rule::check_per_axis("weights", self.weights.len(), ty.rank())?;
        let is_empty = |w: &WindowAxis| w.taps == 0 || w.dilation == 0;
        if self.window.iter().any(is_empty) {
            return Err(TypeError::attribute("window", "taps and dilations must be at least 1"));
        }
        let taps = b.convert(operands[0], DType::I64)?;
        let whole = |b: &mut Builder, n: i64| b.full(Scalar::I64(n), &ty.shape);
        let mut sum = whole(b, 0)?;
        let mut inner = 1usize;
        for (axis, (window, &weight)) in self.window.iter().zip(&self.weights).enumerate().rev() {
            let result = b.iota(DType::I64, ty.shape.clone(), axis)?;
            let stride = whole(b, window.stride as i64)?;
            let mut place = b.mul(result, stride)?;
            if window.taps > 1 {
                let (count, divisor) = (whole(b, window.taps as i64)?, whole(b, inner as i64)?);
                let apart = whole(b, window.window_dilation as i64)?;
                let tap = b.floordiv(taps, divisor)?;
                let tap = b.floor_mod(tap, count)?;
                let tap = b.mul(tap, apart)?;
                place = b.add(place, tap)?;
            }
            let low = whole(b, window.low)?;
            place = b.sub(place, low)?;
            if window.dilation > 1 {
                let apart = whole(b, window.dilation as i64)?;
                place = b.floordiv(place, apart)?;
            }
            let weight = whole(b, weight)?;
            let weighted = b.mul(place, weight)?;
            sum = b.add(sum, weighted)?;
            inner = inner.saturating_mul(window.taps);
        }
        let zero = whole(b, 0)?;
        let none = whole(b, -1)?;
        let is_none = b.lt(taps, zero)?;
        Ok(smallvec![b.select(is_none, none, sum)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<WindowPlaces> {
        let shape = draw.like(hint, DTypeClass::Ordered, 1).shape;
        let window = |_| WindowAxis {
            taps: draw.choose(&[2, 1, 3]),
            stride: draw.choose(&[1, 2]),
            low: draw.choose(&[0, 1]),
            high: 0,
            dilation: 1,
            window_dilation: draw.choose(&[1, 2]),
        };
        let window: WindowAxes = (0..shape.rank()).map(window).collect();
        let weights = shape.strides().iter().map(|&n| n as i64).collect();
        let taps = window.iter().map(|w| w.taps).product();
        let operand = Operand::new(TensorType { dtype: DType::I32, shape }, Values::Index(taps));
        Sample::exact(WindowPlaces { window, weights }, [operand])
    }
}

attributes! {
    /// Zeros, and the elements of `x` at their places, which are row-major numbers of the result; of several with one place the last, and none out of range: `T[s], I[s] -> T[shape]`, any dtype.
    pub struct MaxUnpool {
        /// Shape of the result.
        pub shape: Shape,
    }
}

impl CompositeDef for MaxUnpool {
    const NAME: &'static str = "max_unpool";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let types = [b.type_of(operands[0]), b.type_of(operands[1])];
        let pair = [&types[0], &types[1]];
        rule::require_class(&pair, 1, DTypeClass::Int)?;
        rule::same_shape(&pair, 0, 1)?;
        rule::one(types[0].dtype, self.shape.clone())?;
        let zero = Scalar::zero(types[0].dtype);
        let count = types[0].elements();
        if count == 0 || self.shape.elements() == 0 {
            return Ok(smallvec![nothing_of(b, &operands[..1], types[0].dtype, &self.shape)?]);
        }
        let x = b.reshape(operands[0], [count])?;
        let places = b.convert(operands[1], DType::I64)?;
        let places = b.reshape(places, [count])?;
        let zeros = b.full(zero, &[self.shape.elements()].into())?;
        let flat = scatter_slices(b, ScatterKind::Set, zeros, places, x)?;
        Ok(smallvec![b.reshape(flat, self.shape.clone())?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<MaxUnpool> {
        let ty = draw.like(hint, DTypeClass::Ordered, 0);
        let shape: Shape = [draw.extent(), draw.extent()].into_iter().collect();
        let places = TensorType { dtype: draw.choose(&[DType::I64, DType::I32]), shape: ty.shape.clone() };
        let bound = shape.elements();
        Sample::exact(MaxUnpool { shape }, [Operand::any(ty), Operand::new(places, Values::Index(bound))])
    }
}
