//! What an index picks: at most one section, one `slice`, one `reshape` and one `gather`.

use tensorwright_ir::Shape;
use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::{Axes, Offsets};
use tensorwright_ir::op::primitive::{Concat, DynamicSlice, Gather, Reshape, Slice};

use super::super::refusal::refused;
use super::item::Span;
use super::place::{Section, from_start};
use super::selection::{Along, Axis, Selection};
use crate::error::{CallSite, Failure};
use crate::interpret::one;
use crate::tensor::Tensor;

/// What the index picks of `x`.
pub(super) fn read(x: &Tensor, selection: Selection, at: CallSite) -> Result<Tensor, Failure> {
    let shape = x.known_type()?.shape.clone();
    let selection = match selection.is_section(&shape) {
        true => selection.with_scalars_as_windows(),
        false => selection,
    };
    let picked = picked(x, &selection, &shape, at);
    let picked = reshaped(picked, selection.shape(&shape), at)?;
    gathered(picked, &selection, at)
}

impl Selection {
    /// Whether scalar index tensors are best read together with the other parts of the index.
    fn is_section(&self, shape: &Shape) -> bool {
        let is_part = |(along, extent): (&Along, usize)| match along {
            Along::Span(span) => *span != Span::all(extent),
            Along::Window(..) => true,
            Along::Tensor(_) => false,
        };
        !self.has_positions() && self.along.iter().zip(shape.sizes()).any(is_part)
    }

    fn has_windows(&self) -> bool {
        self.along.iter().any(|along| matches!(along, Along::Window(..)))
    }
}

/// All that is picked but by index tensors, with an axis for each of `x`.
fn picked(x: &Tensor, selection: &Selection, shape: &Shape, at: CallSite) -> Tensor {
    if !selection.has_windows() {
        return sliced(x, shape, &spans(selection, shape), at);
    }
    let section = Section::new(selection, shape, at);
    let cut = one(DynamicSlice { sizes: section.sizes.clone() }, &[x, &section.starts(at)], at);
    sliced(&cut, &section.sizes, &spans_in_section(selection, &section.sizes), at)
}

fn spans(selection: &Selection, shape: &Shape) -> Vec<Span> {
    let span = |(along, extent): (&Along, usize)| match along {
        Along::Span(span) => *span,
        Along::Window(..) | Along::Tensor(_) => Span::all(extent),
    };
    selection.along.iter().zip(shape.sizes()).map(span).collect()
}

/// What is picked within the section around it.
pub(super) fn spans_in_section(selection: &Selection, sizes: &Shape) -> Vec<Span> {
    let inner = |(along, size): (&Along, usize)| match along {
        Along::Span(span) => span.in_hull(),
        Along::Window(..) | Along::Tensor(_) => Span::all(size),
    };
    selection.along.iter().zip(sizes.sizes()).map(inner).collect()
}

/// The slice, if it is not of all elements.
pub(super) fn sliced(x: &Tensor, shape: &Shape, spans: &[Span], at: CallSite) -> Tensor {
    if spans.iter().zip(shape.iter()).all(|(span, dim)| *span == Span::all(dim.size())) {
        return x.clone();
    }
    let list = |field: fn(&Span) -> i64| -> Offsets { spans.iter().map(field).collect() };
    let slice = Slice { starts: list(|s| s.start), limits: list(|s| s.limit), strides: list(|s| s.stride) };
    one(slice, &[x], at)
}

/// The tensor of this shape, if it is not its own.
pub(super) fn reshaped(x: Tensor, shape: Shape, at: CallSite) -> Result<Tensor, Failure> {
    Ok(if x.known_type()?.shape == shape { x } else { one(Reshape { shape }, &[&x], at) })
}

/// The elements of `x`, which has the axes of the selection, that tensors name along theirs. The axes of the tensors' common shape stand
/// where those axes were, if they were neighbours, else in front.
fn gathered(x: Tensor, selection: &Selection, at: CallSite) -> Result<Tensor, Failure> {
    let tensors = selection.tensors();
    if tensors.is_empty() {
        return Ok(x);
    }
    let shape = x.known_type()?.shape.clone();
    let axes: Axes = tensors.iter().map(|&(axis, _)| axis).collect();
    let common = common_shape(&x, &tensors, at)?;
    let parts: Vec<Tensor> =
        tensors.iter().map(|(axis, index)| component(index, shape.size(*axis), &common, at)).collect();
    let indices = vectors(&parts, &common, at);
    let place = place_of_positions(&axes);
    let sizes =
        (0..shape.rank()).map(|axis| if axes.contains(&axis) { 1 } else { shape.size(axis) }).collect();
    let after = place + common.rank();
    let offset_axes = (0..place).chain(after..common.rank() + shape.rank() - axes.len()).collect();
    let gather = Gather {
        offset_axes,
        collapsed: axes.clone(),
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: axes,
        sizes,
    };
    Ok(one(gather, &[&x, &indices], at))
}

impl Selection {
    /// Index tensors, with the axes of the selection that they are indices of.
    pub(super) fn tensors(&self) -> Vec<(usize, &Tensor)> {
        let tensor = |(place, axis): (usize, &Axis)| match axis {
            Axis::Of(axis) => match &self.along[*axis] {
                Along::Tensor(index) => Some((place, index)),
                Along::Span(_) | Along::Window(..) => None,
            },
            Axis::New => None,
        };
        self.axes.iter().enumerate().filter_map(tensor).collect()
    }
}

/// Where the axes of the tensors' common shape stand, if the tensors index these axes.
pub(super) fn place_of_positions(axes: &[usize]) -> usize {
    let neighbours = axes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if neighbours { axes.first().copied().unwrap_or(0) } else { 0 }
}

/// The shape to which index tensors broadcast.
pub(super) fn common_shape(x: &Tensor, tensors: &[(usize, &Tensor)], at: CallSite) -> Result<Shape, Failure> {
    let mut common = Shape::scalar();
    for (_, index) in tensors {
        let ty = index.known_type()?;
        common = common.broadcast(&ty.shape).ok_or_else(|| {
            let message = format!("index tensors of shapes {common} and {} do not broadcast", ty.shape);
            refused("index", &[x, index], at, TypeError::Other(message))
        })?;
    }
    Ok(common)
}

/// One component of the index vectors, of the common shape: i64 numbers from the start of the axis.
pub(super) fn component(index: &Tensor, extent: usize, common: &Shape, at: CallSite) -> Tensor {
    from_start(index, extent, at).broadcast_at(common, at)
}

/// Index vectors out of their components.
pub(crate) fn vectors(components: &[Tensor], common: &Shape, at: CallSite) -> Tensor {
    let shape: Shape = common.sizes().into_iter().chain([1]).collect();
    let parts: Vec<Tensor> =
        components.iter().map(|part| one(Reshape { shape: shape.clone() }, &[part], at)).collect();
    match &parts[..] {
        [single] => single.clone(),
        _ => one(Concat { axis: common.rank() }, &parts.iter().collect::<Vec<_>>(), at),
    }
}
