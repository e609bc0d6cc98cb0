//! A tensor with what an index picks replaced, or joined with a value.
//!
//! Without index tensors, or with scalar ones alone, it is one `dynamic_update_slice` of the section around what is picked; with steps
//! or a mask the section keeps the other elements. With index tensors it is one `scatter`. Elements whose computed place is out of range
//! are left out, in both.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::primitive::{
    BinaryFn, DynamicSlice, DynamicUpdateSlice, Pad, Reshape, Reverse, Scatter, ScatterKind, Select,
};
use tensorwright_ir::{DType, Scalar, Shape, TensorType};

use super::super::refusal::refused;
use super::item::Span;
use super::place::Section;
use super::read::{common_shape, component, place_of_positions, reshaped, sliced, spans_in_section, vectors};
use super::selection::{Along, Axis, Selection};
use crate::error::{CallSite, Failure};
use crate::interpret::one;
use crate::tensor::Tensor;

/// How elements change, and the line that says so.
#[derive(Clone, Copy)]
pub(super) struct Update<'v> {
    pub(super) name: &'static str,
    pub(super) kind: ScatterKind,
    pub(super) value: &'v Tensor,
    pub(super) at: CallSite,
}

/// `x` with what the selection picks updated.
pub(super) fn write(x: &Tensor, selection: Selection, update: Update<'_>) -> Result<Tensor, Failure> {
    let (ty, value) = (x.known_type()?, update.value.known_type()?);
    if ty.dtype != value.dtype {
        let message = format!("the elements are {}, the value is {value}", ty.dtype);
        return Err(refused(update.name, &[x, update.value], update.at, TypeError::Other(message)));
    }
    let selection = match selection.needs_positions(ty, update) {
        true => selection.with_known_masks(update.name, x, update.at)?,
        false => selection,
    };
    if !selection.has_positions() {
        return in_section(x, ty, &selection.with_scalars_as_windows(), update);
    }
    match selection.has_steps() {
        true => scattered_in_steps(x, ty, &selection, update),
        false => scattered(x, ty, &selection, update),
    }
}

impl Update<'_> {
    /// Whether the value broadcasts to the shape of what is picked.
    fn fits(&self, picked: &Shape) -> bool {
        self.value.known_type().is_ok_and(|ty| {
            let (front, rest) = ty.shape.split_at(ty.rank().saturating_sub(picked.rank()));
            let rest: Shape = rest.iter().copied().collect();
            front.iter().all(|dim| dim.size() == 1) && picked.broadcast(&rest).as_ref() == Some(picked)
        })
    }

    /// The value broadcast to the shape of what is picked, as NumPy has it: it may have more axes, of extent 1, in front.
    fn fitted(&self, x: &Tensor, picked: &Shape) -> Result<Tensor, Failure> {
        let shape = &self.value.known_type()?.shape;
        if !self.fits(picked) {
            let message = format!(
                "a value of shape {shape} does not broadcast to {picked}, that of what the index picks"
            );
            return Err(refused(self.name, &[x, self.value], self.at, TypeError::Other(message)));
        }
        let rest = shape[shape.rank().saturating_sub(picked.rank())..].iter().copied().collect();
        Ok(reshaped(self.value.clone(), rest, self.at)?.broadcast_at(picked, self.at))
    }

    /// Old elements updated where a condition, if there is one, says so. Elsewhere the value is one that leaves its factor a derivative.
    fn joined(&self, old: &Tensor, value: Tensor, condition: Option<&Tensor>) -> Tensor {
        let at = self.at;
        let value = match (self.kind, condition, old.known_type()) {
            (ScatterKind::Mul, Some(condition), Ok(ty)) => {
                let unit = Tensor::scalar_at(Scalar::one(ty.dtype), at);
                one(Select {}, &[condition, &value, &unit], at)
            }
            _ => value,
        };
        let new = match self.kind.function() {
            Some(function) => one(function, &[old, &value], at),
            None => value,
        };
        match condition {
            Some(condition) => one(Select {}, &[condition, &new, old], at),
            None => new,
        }
    }
}

/// One section of `x` updated.
fn in_section(
    x: &Tensor,
    ty: &TensorType,
    selection: &Selection,
    update: Update<'_>,
) -> Result<Tensor, Failure> {
    let (shape, at) = (&ty.shape, update.at);
    let value = update.fitted(x, &selection.shape(shape))?;
    let value = reshaped(value, selection.picked(shape), at)?;
    let section = Section::new(selection, shape, at);
    if section.is_outside(shape) {
        return Ok(x.clone());
    }
    let spans = spans_in_section(selection, &section.sizes);
    let has_steps = selection.has_steps();
    let condition = both(section.is_inside(at), selection.spread_mask(at), at);
    let starts = section.starts(at);
    let new = match (update.kind, has_steps, &condition) {
        (ScatterKind::Set, false, None) => value,
        _ => {
            let old = section.of(x, shape, &starts, at);
            let part = sliced(&old, &section.sizes, &spans, at);
            let new = update.joined(&part, value, condition.as_ref());
            if has_steps { spread(&new, &spans, &section.sizes, &old, at) } else { new }
        }
    };
    let is_whole = section.sizes == *shape;
    Ok(if is_whole { new } else { one(DynamicUpdateSlice {}, &[x, &new, &starts], at) })
}

impl Section {
    /// What stands in the section of `x`.
    fn of(&self, x: &Tensor, shape: &Shape, starts: &Tensor, at: CallSite) -> Tensor {
        if self.sizes == *shape {
            return x.clone();
        }
        one(DynamicSlice { sizes: self.sizes.clone() }, &[x, starts], at)
    }
}

impl Selection {
    /// Whether masks stand for the places of their true elements: beside index tensors and other masks, and where there is a value for each
    /// of these places. A mask alone says of whole axes what counts, and need not be known.
    fn needs_positions(&self, ty: &TensorType, update: Update<'_>) -> bool {
        let is_joined = self.has_positions() || self.masks.len() > 1;
        let has_value_for_each = || !update.fits(&self.shape(&ty.shape));
        !self.masks.is_empty() && (is_joined || has_value_for_each())
    }

    /// Whether it leaves elements out between those that it picks, or goes backwards.
    fn has_steps(&self) -> bool {
        let has_step = |along: &Along| match along {
            Along::Span(span) => span.len() > 0 && span.in_hull() != Span::all(span.hull().1),
            Along::Window(..) | Along::Tensor(_) => false,
        };
        self.along.iter().any(has_step)
    }

    /// The mask with an axis for each of the operand's.
    fn spread_mask(&self, at: CallSite) -> Option<Tensor> {
        let mask = self.masks.first()?;
        let own = mask.tensor.known_type().map_or(Shape::scalar(), |ty| ty.shape.clone());
        let after = self.along.len() - mask.axis - own.rank();
        let ones = |count| std::iter::repeat_n(1, count);
        let shape = ones(mask.axis).chain(own.sizes()).chain(ones(after)).collect();
        Some(one(Reshape { shape }, &[&mask.tensor], at))
    }
}

/// A condition that holds where both do that there are.
fn both(first: Option<Tensor>, second: Option<Tensor>, at: CallSite) -> Option<Tensor> {
    match (first, second) {
        (Some(first), Some(second)) => Some(one(BinaryFn::And, &[&first, &second], at)),
        (first, second) => first.or(second),
    }
}

/// `old`, of shape `sizes`, with the elements of `new` at the places of the spans.
fn spread(new: &Tensor, spans: &[Span], sizes: &Shape, old: &Tensor, at: CallSite) -> Tensor {
    let Ok(ty) = new.known_type() else { return new.clone() };
    let backwards: Axes = (0..spans.len()).filter(|&axis| spans[axis].stride < 0).collect();
    let new = if backwards.is_empty() { new.clone() } else { one(Reverse { axes: backwards }, &[new], at) };
    let interior: Axes = spans.iter().map(|span| span.stride.unsigned_abs() as usize - 1).collect();
    let none = Offsets::from_elem(0, sizes.rank());
    let pad = |x: &Tensor, outside: Scalar| {
        let pad = Pad { low: none.clone(), high: none.clone(), interior: interior.clone() };
        one(pad, &[x, &Tensor::scalar_at(outside, at)], at)
    };
    let everywhere = Tensor::scalar_at(Scalar::Bool(true), at).broadcast_at(&ty.shape, at);
    let placed = pad(&everywhere, Scalar::zero(DType::Bool));
    one(Select {}, &[&placed, &pad(&new, Scalar::zero(ty.dtype)), old], at)
}

/// Index tensors beside ranges with steps: what the ranges pick is updated, and put back.
fn scattered_in_steps(
    x: &Tensor,
    ty: &TensorType,
    selection: &Selection,
    update: Update<'_>,
) -> Result<Tensor, Failure> {
    let at = update.at;
    let (mut ranges, mut others) = (selection.clone(), selection.clone());
    for (axis, along) in selection.along.iter().enumerate() {
        match along {
            Along::Span(span) => others.along[axis] = Along::Span(Span::all(span.len())),
            Along::Window(..) | Along::Tensor(_) => {
                ranges.along[axis] = Along::Span(Span::all(ty.shape.size(axis)))
            }
        }
    }
    ranges.axes = (0..ty.rank()).map(Axis::Of).collect();
    // A number picked one element; the axis of that one is whole, but the result still does not have it.
    let part = super::read::read(x, ranges.clone(), at)?;
    let numbers = selection.dropped();
    for &axis in &numbers {
        others.along[axis] = Along::Span(Span::one(0));
    }
    let part = scattered(&part, part.known_type()?, &others, update)?;
    write(x, ranges, Update { kind: ScatterKind::Set, value: &part, ..update })
}

impl Selection {
    /// The axes of the operand that the result does not have: those of numbers.
    fn dropped(&self) -> Axes {
        (0..self.along.len()).filter(|&axis| !self.axes.contains(&Axis::Of(axis))).collect()
    }
}

/// One `scatter`, of a window for each position of the index tensors.
fn scattered(
    x: &Tensor,
    ty: &TensorType,
    selection: &Selection,
    update: Update<'_>,
) -> Result<Tensor, Failure> {
    let (shape, at) = (&ty.shape, update.at);
    let tensors = selection.tensors();
    let common = common_shape(x, &tensors, at)?;
    let indexed_axes: Axes = tensors.iter().map(|&(place, _)| place).collect();
    let place = place_of_positions(&indexed_axes);
    let mut dims: Vec<usize> = selection.shape(shape).without(&indexed_axes).sizes().to_vec();
    dims.splice(place..place, common.sizes());
    let value = update.fitted(x, &dims.into())?;

    // New axes come before the positions, or after them.
    let new_before = selection.axes[..place].iter().filter(|axis| **axis == Axis::New).count();
    let first = place - new_before;
    let rank = selection.axes.iter().filter(|axis| **axis != Axis::New).count() - tensors.len();
    let value = without_new_axes(value, selection, place, common.rank(), at)?;
    let (indexed, parts) = components(selection, shape, &common, at);
    let mut collapsed = selection.dropped();
    collapsed.extend(
        selection.along.iter().enumerate().filter(|(_, a)| matches!(a, Along::Tensor(_))).map(|(i, _)| i),
    );
    collapsed.sort_unstable();
    let scatter = Scatter {
        kind: update.kind,
        offset_axes: (0..first).chain(first + common.rank()..rank + common.rank()).collect(),
        collapsed,
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed,
    };
    Ok(one(scatter, &[x, &vectors(&parts, &common, at), &value], at))
}

/// The value without the axes that are new in the result.
fn without_new_axes(
    value: Tensor,
    selection: &Selection,
    place: usize,
    positions: usize,
    at: CallSite,
) -> Result<Tensor, Failure> {
    let sizes = value.known_type()?.shape.sizes();
    let mut kept = Vec::new();
    let mut next = 0;
    let others = selection.axes.iter().filter(|axis| !selection.is_tensor(axis));
    for (i, axis) in others.enumerate() {
        if i == place {
            kept.extend(&sizes[next..next + positions]);
            next += positions;
        }
        if *axis != Axis::New {
            kept.push(sizes[next]);
        }
        next += 1;
    }
    kept.extend(&sizes[next..]);
    reshaped(value, kept.into(), at)
}

impl Selection {
    fn is_tensor(&self, axis: &Axis) -> bool {
        matches!(axis, Axis::Of(axis) if matches!(self.along[*axis], Along::Tensor(_)))
    }
}

/// The axes at which windows have a place other than the first, and the places along them, of the common shape of index tensors.
fn components(selection: &Selection, shape: &Shape, common: &Shape, at: CallSite) -> (Axes, Vec<Tensor>) {
    let mut indexed = Axes::new();
    let mut parts = Vec::new();
    for (axis, along) in selection.along.iter().enumerate() {
        let extent = shape.size(axis);
        let part = match along {
            Along::Span(span) if span.start == 0 || span.len() == 0 => continue,
            Along::Span(span) => Tensor::scalar_at(Scalar::I64(span.start), at).broadcast_at(common, at),
            Along::Window(index, _) | Along::Tensor(index) => component(index, extent, common, at),
        };
        indexed.push(axis);
        parts.push(part);
    }
    (indexed, parts)
}
