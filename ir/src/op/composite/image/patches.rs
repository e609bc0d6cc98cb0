//! What windows see, as axes of its own, and the opposite.

use smallvec::smallvec;

use super::{nothing_of, numbers};
use crate::op::attribute::{Axes, Offsets};
use crate::op::composite::indexing::take;
use crate::op::primitive::{Scatter, ScatterKind, WindowAxes, WindowAxis};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Dim, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// What sliding windows see: along each of `axes` the results take the place of elements, and the taps of windows are axes at the end, in their order. `T[.., n, ..] -> T[.., n', .., k]`, any
    /// dtype; where there is nothing to see it is zero.
    pub struct Im2col {
        /// Axes along which windows slide.
        pub axes: Axes,
        /// How they slide along each.
        pub window: WindowAxes,
    }
}

attributes! {
    /// The sum of all that [`Im2col`] made of an element: its transposed map. `T[.., n', .., k] -> T[.., n, ..]`, numbers.
    pub struct Col2im {
        /// Axes along which windows slide.
        pub axes: Axes,
        /// Elements along each.
        pub sizes: Axes,
        /// How windows slide along each.
        pub window: WindowAxes,
    }
}

/// An axis along which a window slides, over elements with what is around and between them.
struct Sliding {
    /// Places from the first, padding included, to the last.
    padded: usize,
    results: usize,
    taps: usize,
    /// `[results, taps]`: places that are seen.
    seen: Vec<usize>,
}

/// The most places that windows see along one axis: which they are is a constant of the graph.
const MAX_SEEN: usize = 1 << 24;

impl Sliding {
    fn of(window: &WindowAxis, elements: usize) -> Result<Sliding, TypeError> {
        let refuse = |reason: &str| TypeError::attribute("window", reason);
        let WindowAxis { taps, stride, low, high, dilation, window_dilation } = *window;
        if [taps, stride, dilation, window_dilation].contains(&0) {
            return Err(refuse("taps, stride and dilations must be at least 1"));
        }
        let large = || refuse("sees too much");
        let spread =
            elements.saturating_sub(1).checked_mul(dilation).and_then(|n| n.checked_add(elements.min(1)));
        let padded = spread
            .and_then(|n| n.checked_add_signed(0))
            .map(|n| n as i128 + i128::from(low) + i128::from(high));
        let padded = padded.ok_or_else(large)?.max(0);
        let padded = usize::try_from(padded).map_err(|_| large())?;
        let span =
            (taps - 1).checked_mul(window_dilation).and_then(|n| n.checked_add(1)).ok_or_else(large)?;
        let results = if padded < span { 0 } else { (padded - span) / stride + 1 };
        if results.checked_mul(taps).is_none_or(|seen| seen > MAX_SEEN) {
            return Err(large());
        }
        let seen = (0..results * taps).map(|i| i / taps * stride + i % taps * window_dilation).collect();
        Ok(Sliding { padded, results, taps, seen })
    }
}

/// The axes are distinct, and there is a window for each.
fn check(axes: &[usize], window: &[WindowAxis], rank: usize) -> Result<(), TypeError> {
    rule::check_axes(axes, rank)?;
    if axes.len() == window.len() {
        return Ok(());
    }
    let reason = format!("{} windows for {} axes", window.len(), axes.len());
    Err(TypeError::attribute("window", reason))
}

/// What is around and between elements along each axis.
fn pads(axes: &[usize], window: &[WindowAxis], rank: usize) -> (Offsets, Offsets, Axes) {
    let (mut low, mut high) = (Offsets::from_elem(0, rank), Offsets::from_elem(0, rank));
    let mut interior = Axes::from_elem(0, rank);
    for (&axis, window) in axes.iter().zip(window) {
        (low[axis], high[axis], interior[axis]) = (window.low, window.high, window.dilation - 1);
    }
    (low, high, interior)
}

/// Where axes of taps are once each stands behind its axis, and where all others are.
fn tap_axes(axes: &[usize], rank: usize) -> (Axes, Axes) {
    let behind = |axis: usize| axes.iter().filter(|&&other| other < axis).count();
    let taps = axes.iter().map(|&axis| axis + behind(axis) + 1).collect();
    let others = (0..rank).map(|axis| axis + behind(axis)).collect();
    (taps, others)
}

/// Axes in descending order, with what belongs to them: what is done to one does not move those that come after.
fn from_the_last<'a, T>(axes: &[usize], items: &'a [T]) -> Vec<(usize, &'a T)> {
    let mut pairs: Vec<(usize, &T)> = axes.iter().copied().zip(items).collect();
    pairs.sort_by_key(|&(axis, _)| std::cmp::Reverse(axis));
    pairs
}

impl CompositeDef for Im2col {
    const NAME: &'static str = "im2col";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(operands[0]);
        check(&self.axes, &self.window, ty.rank())?;
        let along = |(&axis, window): (&usize, &WindowAxis)| Sliding::of(window, ty.shape.size(axis));
        let sliding: Vec<Sliding> =
            self.axes.iter().zip(&self.window).map(along).collect::<Result<_, _>>()?;
        let mut shape = ty.shape.clone();
        for (&axis, along) in self.axes.iter().zip(&sliding) {
            shape = shape.with_dim(axis, Dim::known(along.results));
        }
        let shape: Shape =
            shape.iter().copied().chain(sliding.iter().map(|along| Dim::known(along.taps))).collect();
        rule::one(ty.dtype, shape.clone())?;
        let zero = b.scalar(Scalar::zero(ty.dtype));
        if shape.elements() == 0 {
            return Ok(smallvec![nothing_of(b, operands, ty.dtype, &shape)?]);
        }
        let (low, high, interior) = pads(&self.axes, &self.window, ty.rank());
        let mut x = b.pad(operands[0], zero, low, high, interior)?;
        for (axis, along) in from_the_last(&self.axes, &sliding) {
            let seen = numbers(b, &along.seen, [along.results, along.taps]);
            x = take(b, x, seen, axis)?;
        }
        let (taps, others) = tap_axes(&self.axes, ty.rank());
        let order: Axes = others.into_iter().chain(taps).collect();
        Ok(smallvec![b.transpose(x, order)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Im2col> {
        let ty = small(draw, hint, DTypeClass::Any);
        let (axes, window) = drawn(draw, ty.rank());
        Sample::exact(Im2col { axes, window }, [Operand::any(ty)])
    }
}

/// A type of a few elements.
fn small(draw: &mut Draw<'_>, hint: &TensorType, class: DTypeClass) -> TensorType {
    let ty = draw.like(hint, class, 1);
    let few: Vec<usize> = ty.shape.sizes().iter().map(|&n| n.min(5)).collect();
    ty.with_shape(few)
}

/// One or two axes and their windows.
fn drawn(draw: &mut Draw<'_>, rank: usize) -> (Axes, WindowAxes) {
    let axes: Axes = draw.axes(rank, 1).into_iter().take(2).collect();
    let window = |_: &usize| WindowAxis {
        taps: draw.choose(&[2, 1, 3]),
        stride: draw.choose(&[1, 2]),
        low: draw.choose(&[0, 1, -1]),
        high: draw.choose(&[0, 1]),
        dilation: draw.choose(&[1, 1, 2]),
        window_dilation: draw.choose(&[1, 1, 2]),
    };
    let window = axes.iter().map(window).collect();
    (axes, window)
}

impl CompositeDef for Col2im {
    const NAME: &'static str = "col2im";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (ty, count) = (b.type_of(operands[0]), self.axes.len());
        rule::require_class(&[&ty], 0, DTypeClass::Number)?;
        let rank = ty.rank().checked_sub(count).ok_or_else(|| {
            TypeError::Other(format!("operand 0 has no axes for the taps of {count} axes, found {ty}"))
        })?;
        check(&self.axes, &self.window, rank)?;
        let sliding = self.sliding()?;
        let found = |i: usize| (ty.shape.size(self.axes[i]), ty.shape.size(rank + i));
        if let Some(i) = (0..count).find(|&i| found(i) != (sliding[i].results, sliding[i].taps)) {
            let (axis, expected) = (self.axes[i], &sliding[i]);
            let message = format!(
                "axis {axis} must have {} results of {} taps, found {} of {}",
                expected.results,
                expected.taps,
                found(i).0,
                found(i).1
            );
            return Err(TypeError::Other(message));
        }
        let mut shape: Shape = ty.shape[..rank].iter().copied().collect();
        for (&axis, &size) in self.axes.iter().zip(&self.sizes) {
            shape = shape.with_dim(axis, Dim::known(size));
        }
        rule::one(ty.dtype, shape.clone())?;
        if shape.elements() == 0 || ty.elements() == 0 {
            return Ok(smallvec![nothing_of(b, operands, ty.dtype, &shape)?]);
        }
        let (taps, others) = tap_axes(&self.axes, rank);
        let mut order = Axes::from_elem(0, ty.rank());
        for (from, to) in others.into_iter().chain(taps).enumerate() {
            order[to] = from;
        }
        let mut x = b.transpose(operands[0], order)?;
        let mut pairs: Vec<(usize, &Sliding)> = self.axes.iter().copied().zip(&sliding).collect();
        pairs.sort_by_key(|&(axis, _)| axis);
        for (axis, along) in pairs {
            x = put_back(b, x, axis, along)?;
        }
        Ok(smallvec![self.cut(b, x, &shape)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Col2im> {
        let image = small(draw, hint, DTypeClass::Number);
        let (axes, window) = drawn(draw, image.rank());
        let sizes: Axes = axes.iter().map(|&axis| image.shape.size(axis)).collect();
        let op = Col2im { axes, sizes, window };
        let along = op.sliding().unwrap_or_default();
        let mut shape = image.shape.clone();
        for (&axis, along) in op.axes.iter().zip(&along) {
            shape = shape.with_dim(axis, Dim::known(along.results));
        }
        let shape: Shape =
            shape.iter().copied().chain(along.iter().map(|along| Dim::known(along.taps))).collect();
        Sample::epsilons(op, 16, [Operand::moderate(image.with_shape(shape))])
    }
}

impl Col2im {
    fn sliding(&self) -> Result<Vec<Sliding>, TypeError> {
        if self.sizes.len() != self.axes.len() {
            let reason = format!("{} numbers for {} axes", self.sizes.len(), self.axes.len());
            return Err(TypeError::attribute("sizes", reason));
        }
        self.sizes.iter().zip(&self.window).map(|(&size, window)| Sliding::of(window, size)).collect()
    }

    /// The elements among all places.
    fn cut(&self, b: &mut Builder, x: Value, shape: &Shape) -> Result<Value, TypeError> {
        let rank = shape.rank();
        let (low, high, interior) = pads(&self.axes, &self.window, rank);
        let negative =
            |offsets: Offsets| -> Offsets { offsets.into_iter().map(i64::saturating_neg).collect() };
        let zero = b.scalar(Scalar::zero(b.tensor(x).dtype));
        let x = b.pad(x, zero, negative(low), negative(high), Axes::from_elem(0, rank))?;
        let strides: Offsets = interior.iter().map(|&n| n as i64 + 1).collect();
        let limits: Offsets = b.shape(x).sizes().iter().map(|&n| n as i64).collect();
        Ok(b.slice(x, Offsets::from_elem(0, rank), limits, strides)?)
    }
}

/// Sums of what was read of each place along `axis`, behind which stands that of taps.
fn put_back(b: &mut Builder, x: Value, axis: usize, along: &Sliding) -> Result<Value, TypeError> {
    let ty = b.type_of(x);
    let shape: Shape = ty.shape.without(&[axis + 1]).with_dim(axis, Dim::known(along.padded));
    let seen = numbers(b, &along.seen, [along.results, along.taps, 1]);
    let zeros = b.full(Scalar::zero(ty.dtype), &shape)?;
    let scatter = Scatter {
        kind: ScatterKind::Add,
        offset_axes: (0..axis).chain(axis + 2..ty.rank()).collect(),
        collapsed: smallvec![axis],
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: smallvec![axis],
    };
    Ok(b.push_one(scatter, &[zeros, seen, x])?)
}
