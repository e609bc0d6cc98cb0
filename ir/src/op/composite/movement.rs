//! Index maps: ops that only say where a result element is found. Any dtype.

use smallvec::smallvec;

use super::build::other_axes;
use crate::op::attribute::{Axes, Offsets};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes};

/// The largest number of results that an op makes of one operand's extent.
const MAX_PARTS: usize = 4096;

attributes! {
    /// Drops axes of extent 1: `T[.., 1, ..] -> T[.., ..]`.
    pub struct Squeeze {
        /// The axes, distinct.
        pub axes: Axes,
    }
}

impl CompositeDef for Squeeze {
    const NAME: &'static str = "squeeze";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axes(&self.axes, shape.rank())?;
        if let Some(axis) = self.axes.iter().find(|&&axis| shape[axis] != Dim::ONE) {
            let reason = format!("axis {axis} has extent {}, not 1", shape[*axis]);
            return Err(TypeError::attribute("axes", reason));
        }
        Ok(smallvec![b.reshape(x[0], shape.without(&self.axes))?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Squeeze> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let axes = draw.axes(ty.rank(), 0);
        let ty = ty.with_shape(ty.shape.with_ones_at(&axes));
        Sample::exact(Squeeze { axes }, [Operand::any(ty)])
    }
}

attributes! {
    /// Adds axes of extent 1: `T[.., ..] -> T[.., 1, ..]`.
    pub struct ExpandDims {
        /// The new axes of the result, distinct.
        pub axes: Axes,
    }
}

impl CompositeDef for ExpandDims {
    const NAME: &'static str = "expand_dims";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        let rank = shape.rank() + self.axes.len();
        rule::check_axes(&self.axes, rank)?;
        let mut old = shape.iter().copied();
        let dims = (0..rank).map(|axis| if self.axes.contains(&axis) { Some(Dim::ONE) } else { old.next() });
        let expanded: Shape = dims.flatten().collect();
        Ok(smallvec![b.reshape(x[0], expanded)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ExpandDims> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let mut axes = Axes::new();
        for _ in 0..draw.below(3) {
            let axis = draw.below(ty.rank() + 1);
            if !axes.contains(&axis) {
                axes.push(axis);
            }
        }
        Sample::exact(ExpandDims { axes }, [Operand::any(ty)])
    }
}

attributes! {
    /// Merges the axes `start..end` into one: `T[a.., b.., c..] -> T[a.., product of b, c..]`. If there is none, the new
    /// axis has extent 1.
    pub struct Flatten {
        /// First axis that is merged.
        pub start: usize,
        /// The axis after the last one that is merged.
        pub end: usize,
    }
}

impl CompositeDef for Flatten {
    const NAME: &'static str = "flatten";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        if self.end > shape.rank() {
            let reason = format!("must not be above the rank {}, found {}", shape.rank(), self.end);
            return Err(TypeError::attribute("end", reason));
        }
        if self.start > self.end {
            let reason = format!("must not be above the end {}, found {}", self.end, self.start);
            return Err(TypeError::attribute("start", reason));
        }
        let merged = rule::product(&shape[self.start..self.end]).unwrap_or(Dim::known(usize::MAX));
        let (before, after) = (&shape[..self.start], &shape[self.end..]);
        let flat: Shape = before.iter().chain([&merged]).chain(after).copied().collect();
        Ok(smallvec![b.reshape(x[0], flat)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Flatten> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let end = draw.below(ty.rank() + 1);
        let start = draw.below(end + 1);
        Sample::exact(Flatten { start, end }, [Operand::any(ty)])
    }
}

attributes! {
    /// The operand repeated as a whole: `T[.., n, ..] -> T[.., n * r, ..]`.
    pub struct Tile {
        /// How often along each axis.
        pub repeats: Axes,
    }
}

impl CompositeDef for Tile {
    const NAME: &'static str = "tile";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_per_axis("repeats", self.repeats.len(), shape.rank())?;
        let tiled: Shape = shape.iter().zip(&self.repeats).map(|(&d, &r)| times(d, r)).collect();
        rule::one(b.tensor(x[0]).dtype, tiled.clone())?;
        // A repeated axis becomes two, the repetition and itself, which are merged afterwards.
        let (mut dims, mut axes) = (Vec::new(), Axes::new());
        for (&dim, &repeat) in shape.iter().zip(&self.repeats) {
            if repeat != 1 {
                dims.push(Dim::known(repeat));
            }
            axes.push(dims.len());
            dims.push(dim);
        }
        if dims.len() == shape.rank() {
            return Ok(smallvec![x[0]]);
        }
        let repeated = b.broadcast_in_dim(x[0], Shape::from_iter(dims), axes)?;
        Ok(smallvec![b.reshape(repeated, tiled)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Tile> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let small = ty.elements() <= 512;
        let repeats = (0..ty.rank()).map(|_| if small { draw.choose(&[1, 2, 0]) } else { 1 }).collect();
        Sample::exact(Tile { repeats }, [Operand::any(ty)])
    }
}

attributes! {
    /// Joins operands of one type along a new axis: `k` times `T[..] -> T[.., k, ..]`.
    pub struct Stack {
        /// The new axis.
        pub axis: usize,
    }
}

impl CompositeDef for Stack {
    const NAME: &'static str = "stack";
    const ARITY: Arity = Arity::AtLeast(1);

    fn expand(&self, b: &mut Builder, xs: &[Value]) -> Result<Results, TypeError> {
        let shape = super::elementwise::same_types(b, xs, DTypeClass::Any)?.shape;
        rule::check_axis(self.axis, shape.rank() + 1)?;
        let (before, after) = shape.split_at(self.axis);
        let slice: Shape = before.iter().chain([&Dim::ONE]).chain(after).copied().collect();
        let slices: Vec<Value> = xs.iter().map(|&x| b.reshape(x, slice.clone())).collect::<Result<_, _>>()?;
        Ok(smallvec![b.concat(&slices, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Stack> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let axis = draw.below(ty.rank() + 1);
        let count = 1 + draw.below(3);
        Sample::exact(Stack { axis }, vec![Operand::any(ty); count])
    }
}

attributes! {
    /// The slices along one axis, which they do not have: `T[.., k, ..] -> k` times `T[..]`, at most 4096.
    pub struct Unstack {
        /// The axis.
        pub axis: usize,
    }
}

impl CompositeDef for Unstack {
    const NAME: &'static str = "unstack";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axis(self.axis, shape.rank())?;
        let count = shape.size(self.axis);
        if count > MAX_PARTS {
            let reason = format!("axis {} has extent {count}, more than {MAX_PARTS}", self.axis);
            return Err(TypeError::attribute("axis", reason));
        }
        let part = shape.without(&[self.axis]);
        let mut parts = Results::new();
        for i in 0..count {
            let slice = b.section(x[0], self.axis, i, i + 1)?;
            parts.push(b.reshape(slice, part.clone())?);
        }
        Ok(parts)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Unstack> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let extent = ty.shape.size(axis).min(MAX_PARTS);
        let ty = ty.with_shape(ty.shape.with_dim(axis, Dim::known(extent)));
        Sample::exact(Unstack { axis }, [Operand::any(ty)])
    }
}

attributes! {
    /// Consecutive sections along one axis: `T[.., n, ..] -> T[.., s0, ..], T[.., s1, ..], ..`.
    pub struct Split {
        /// The axis.
        pub axis: usize,
        /// Extents of the sections; their sum must be `n`.
        pub sizes: Axes,
    }
}

impl CompositeDef for Split {
    const NAME: &'static str = "split";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axis(self.axis, shape.rank())?;
        let total = self.sizes.iter().try_fold(0usize, |sum, &size| sum.checked_add(size));
        if total != Some(shape.size(self.axis)) {
            let reason = format!("must add up to {}, the extent of axis {}", shape[self.axis], self.axis);
            return Err(TypeError::attribute("sizes", reason));
        }
        let mut parts = Results::new();
        let mut start = 0;
        for &size in &self.sizes {
            parts.push(b.section(x[0], self.axis, start, start + size)?);
            start += size;
        }
        Ok(parts)
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Split> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let mut left = ty.shape.size(axis);
        let mut sizes = Axes::new();
        for _ in 0..draw.below(3) {
            let size = draw.below(left + 1);
            sizes.push(size);
            left -= size;
        }
        sizes.push(left);
        Sample::exact(Split { axis, sizes }, [Operand::any(ty)])
    }
}

attributes! {
    /// Moves elements along axes; what leaves at one end comes in at the other: element `i` goes to `i + shift`.
    pub struct Roll {
        /// How far along each of `axes`; may be negative, or more than the extent.
        pub shifts: Offsets,
        /// The axes, distinct.
        pub axes: Axes,
    }
}

impl CompositeDef for Roll {
    const NAME: &'static str = "roll";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axes(&self.axes, shape.rank())?;
        if self.shifts.len() != self.axes.len() {
            let reason = format!("{} shifts for {} axes", self.shifts.len(), self.axes.len());
            return Err(TypeError::attribute("shifts", reason));
        }
        let mut rolled = x[0];
        for (&axis, &shift) in self.axes.iter().zip(&self.shifts) {
            let extent = shape.size(axis);
            let shift = i128::from(shift).rem_euclid((extent as i128).max(1)) as usize;
            if shift != 0 {
                let last = b.section(rolled, axis, extent - shift, extent)?;
                let first = b.section(rolled, axis, 0, extent - shift)?;
                rolled = b.concat(&[last, first], axis)?;
            }
        }
        Ok(smallvec![rolled])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Roll> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let axes = draw.axes(ty.rank(), 0);
        let shifts = axes.iter().map(|_| draw.choose(&[1, -1, 3, 0, i64::MIN, i64::MAX])).collect();
        Sample::exact(Roll { shifts, axes }, [Operand::any(ty)])
    }
}

/// `dim * count`, or more than any tensor can have.
pub(super) fn times(dim: Dim, count: usize) -> Dim {
    dim.times(Dim::known(count)).unwrap_or(Dim::known(usize::MAX))
}

/// `order` followed by all other axes of a tensor of `rank`.
pub(super) fn then_others(order: &[usize], rank: usize) -> Axes {
    order.iter().copied().chain(other_axes(rank, order)).collect()
}

attributes! {
    /// Each slice along `axis` repeated, one after the other: `T[.., n, ..] -> T[.., m, ..]`.
    pub struct Repeat {
        /// How often: one number for all slices, or one for each.
        pub repeats: Axes,
        /// The axis.
        pub axis: usize,
    }
}

/// Slices that are repeated by a number for each: which ones they are is a constant of the graph.
const MAX_LISTED: usize = 1 << 24;

impl CompositeDef for Repeat {
    const NAME: &'static str = "repeat";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let ty = b.type_of(x[0]);
        let extent = ty.shape.size(rule::check_axis(self.axis, ty.rank())?);
        if let [repeat] = self.repeats[..] {
            return Ok(smallvec![repeated(b, x[0], repeat, self.axis)?]);
        }
        if self.repeats.len() != extent {
            let reason = format!("{} numbers for {extent} slices", self.repeats.len());
            return Err(TypeError::attribute("repeats", reason));
        }
        let total = self.repeats.iter().try_fold(0usize, |sum, &n| sum.checked_add(n));
        let Some(total) = total.filter(|&total| total <= MAX_LISTED) else {
            let reason = format!("more than {MAX_LISTED} slices by a number for each");
            return Err(TypeError::attribute("repeats", reason));
        };
        let total = Dim::known(total);
        rule::one(ty.dtype, ty.shape.with_dim(self.axis, total))?;
        let numbers: Vec<i64> = (0..)
            .zip(&self.repeats)
            .flat_map(|(slice, &repeat)| std::iter::repeat_n(slice, repeat))
            .collect();
        let numbers = b.literal(Literal::from_fn(TensorType::new(DType::I64, [total.size()]), |i| {
            Scalar::I64(numbers[i])
        }));
        Ok(smallvec![super::indexing::take(b, x[0], numbers, self.axis)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Repeat> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let small = ty.elements() <= 512;
        let count = if draw.flip() && small { ty.shape.size(axis) } else { 1 };
        let repeats = (0..count).map(|_| if small { draw.choose(&[1, 2, 0]) } else { 1 }).collect();
        Sample::exact(Repeat { repeats, axis }, [Operand::any(ty)])
    }
}

/// All slices repeated alike: the repetition is an axis of its own for a while.
fn repeated(b: &mut Builder, x: Value, repeat: usize, axis: usize) -> Result<Value, TypeError> {
    let ty = b.type_of(x);
    let result = ty.shape.with_dim(axis, times(ty.shape[axis], repeat));
    rule::one(ty.dtype, result.clone())?;
    let (before, after) = ty.shape.split_at(axis + 1);
    let spread: Shape = before.iter().chain([&Dim::known(repeat)]).chain(after).copied().collect();
    let axes: Axes = (0..=axis).chain(axis + 2..spread.rank()).collect();
    let spread = b.broadcast_in_dim(x, spread, axes)?;
    Ok(b.reshape(spread, result)?)
}
