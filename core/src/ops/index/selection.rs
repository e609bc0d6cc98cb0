//! An index, resolved against the shape of what it is an index of.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::{DType, Dim, Shape};

use super::super::nested::nested_at;
use super::super::refusal::refused;
use super::item::{Bounds, Index, Span};
use crate::error::{CallSite, Failure};
use crate::tensor::Tensor;

/// What an index takes along one axis.
#[derive(Clone)]
pub(super) enum Along {
    /// Elements that are known.
    Span(Span),
    /// Neighbours, as many as this, from a computed one on.
    Window(Tensor, usize),
    /// The elements that a tensor of integers names.
    Tensor(Tensor),
}

/// An axis of what an index picks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// It is new, of extent 1.
    New,
    /// What is taken along this axis of the operand.
    Of(usize),
}

/// An index resolved against a shape.
#[derive(Clone)]
pub(super) struct Selection {
    /// For each axis of the operand.
    pub(super) along: Vec<Along>,
    /// Axes of the result, but for those that index tensors bring: these stand where the axes are that they index.
    pub(super) axes: Vec<Axis>,
    /// Tensors of bool, which say what of these elements counts.
    pub(super) masks: Vec<Mask>,
}

/// A tensor of bool in an index.
#[derive(Clone)]
pub(super) struct Mask {
    pub(super) tensor: Tensor,
    /// The first of the operand's axes that it is for.
    pub(super) axis: usize,
}

impl Selection {
    /// The index `items` of `x`.
    pub(super) fn new(items: Vec<Index>, x: &Tensor, at: CallSite) -> Result<Selection, Failure> {
        let shape = &x.known_type()?.shape;
        let used = items.iter().map(axes_of).sum::<Result<usize, Failure>>()?;
        let items = without_ellipsis(items, used, shape.rank());
        let items = items.map_err(|source| refused("index", &[x], at, source))?;
        let mut selection = Selection { along: Vec::new(), axes: Vec::new(), masks: Vec::new() };
        for item in items {
            selection.push(item, shape, at)?.map_err(|source| refused("index", &[x], at, source))?;
        }
        Ok(selection)
    }

    /// What the next item says. A failure is one of its tensor's.
    fn push(&mut self, item: Index, shape: &Shape, at: CallSite) -> Result<Result<(), TypeError>, Failure> {
        let axis = self.along.len();
        let extent = shape.get(axis).map_or(0, |dim| dim.size());
        let along = match item {
            Index::NewAxis => {
                self.axes.push(Axis::New);
                return Ok(Ok(()));
            }
            Index::At(number) => {
                let from_start = at_number(number, axis, extent);
                return Ok(from_start.map(|start| self.along.push(Along::Span(Span::one(start)))));
            }
            Index::Range(bounds) => bounds.resolve(axis, extent).map(Along::Span),
            Index::List(numbers) => {
                let numbers = numbers.into_iter().map(|number| at_number(number, axis, extent));
                let numbers: Result<Vec<i64>, TypeError> = numbers.collect();
                numbers.map(|numbers| Along::Tensor(nested_at(&numbers, at)))
            }
            Index::Window(window) => {
                window.start.known_type()?;
                window_along(window.start, window.len, axis, extent)
            }
            Index::Tensor(tensor) if tensor.known_type()?.dtype == DType::Bool => {
                return Ok(self.push_mask(tensor, shape));
            }
            Index::Tensor(tensor) => index_along(tensor),
            Index::Ellipsis => unreachable!("it was replaced"),
        };
        Ok(along.map(|along| {
            self.axes.push(Axis::Of(axis));
            self.along.push(along);
        }))
    }

    /// A tensor of bool takes its axes whole.
    fn push_mask(&mut self, tensor: Tensor, shape: &Shape) -> Result<(), TypeError> {
        let wrong = |message: String| Err(TypeError::Other(message));
        let first = self.along.len();
        let Ok(ty) = tensor.known_type() else { return wrong("the mask has no type".to_owned()) };
        for (i, dim) in ty.shape.iter().enumerate() {
            let axis = first + i;
            let Some(extent) = shape.get(axis) else {
                return wrong(format!("a mask of {} axes at axis {first} of {shape}", ty.rank()));
            };
            if extent != dim {
                return wrong(format!("a mask of shape {} for axis {axis} of extent {extent}", ty.shape));
            }
            self.along.push(Along::Span(Span::all(extent.size())));
            self.axes.push(Axis::Of(axis));
        }
        self.masks.push(Mask { tensor, axis: first });
        Ok(())
    }

    /// Whether there is an index tensor with axes.
    pub(super) fn has_positions(&self) -> bool {
        let has_axes = |along: &Along| match along {
            Along::Tensor(index) => index.known_type().is_ok_and(|ty| ty.rank() > 0),
            Along::Span(_) | Along::Window(..) => false,
        };
        self.along.iter().any(has_axes)
    }

    /// Scalar index tensors as windows of one element, whose axes the result does not have.
    pub(super) fn with_scalars_as_windows(mut self) -> Selection {
        let is_scalar = |axis: &Axis| match axis {
            Axis::Of(axis) => matches!(self.along[*axis], Along::Tensor(_)),
            Axis::New => false,
        };
        self.axes.retain(|axis| !is_scalar(axis));
        for along in &mut self.along {
            if let Along::Tensor(index) = along {
                *along = Along::Window(index.clone(), 1);
            }
        }
        self
    }

    /// The shape of these axes of what is picked of a tensor of `shape`; the axes of tensors are whole.
    pub(super) fn shape(&self, shape: &Shape) -> Shape {
        let dim = |axis: &Axis| match axis {
            Axis::New => Dim::ONE,
            Axis::Of(axis) => Dim::known(self.len(*axis, shape)),
        };
        self.axes.iter().map(dim).collect()
    }

    /// The shape of what is picked, with an axis for each of the operand's; those of tensors are whole.
    pub(super) fn picked(&self, shape: &Shape) -> Shape {
        (0..self.along.len()).map(|axis| self.len(axis, shape)).collect()
    }

    fn len(&self, axis: usize, shape: &Shape) -> usize {
        match &self.along[axis] {
            Along::Span(span) => span.len(),
            Along::Window(_, len) => *len,
            Along::Tensor(_) => shape.size(axis),
        }
    }
}

/// How many axes of the operand an item is for.
fn axes_of(item: &Index) -> Result<usize, Failure> {
    match item {
        Index::Ellipsis | Index::NewAxis => Ok(0),
        Index::Tensor(tensor) => {
            let ty = tensor.known_type()?;
            Ok(if ty.dtype == DType::Bool { ty.rank() } else { 1 })
        }
        _ => Ok(1),
    }
}

/// Whole axes in place of the ellipsis, or at the end; `used` axes are for the other items.
fn without_ellipsis(mut items: Vec<Index>, used: usize, rank: usize) -> Result<Vec<Index>, TypeError> {
    let is_ellipsis = |item: &Index| matches!(item, Index::Ellipsis);
    if used > rank {
        return Err(TypeError::Other(format!("{used} indices for a tensor of rank {rank}")));
    }
    if items.iter().filter(|item| is_ellipsis(item)).count() > 1 {
        return Err(TypeError::Other("an index has at most one ellipsis".to_owned()));
    }
    let rest = std::iter::repeat_n(Index::Range(Bounds::ALL), rank - used);
    match items.iter().position(is_ellipsis) {
        Some(place) => drop(items.splice(place..=place, rest)),
        None => items.extend(rest),
    }
    Ok(items)
}

fn at_number(number: i64, axis: usize, extent: usize) -> Result<i64, TypeError> {
    let from_start = if number < 0 { number.saturating_add(extent as i64) } else { number };
    match (0..extent as i64).contains(&from_start) {
        true => Ok(from_start),
        false => Err(TypeError::Other(format!(
            "index {number} is out of range for axis {axis} of extent {extent}"
        ))),
    }
}

fn index_along(tensor: Tensor) -> Result<Along, TypeError> {
    match tensor.known_type() {
        Ok(ty) if !ty.dtype.is_int() => {
            Err(TypeError::Other(format!("an index tensor must have an integer dtype or bool, found {ty}")))
        }
        _ => Ok(Along::Tensor(tensor)),
    }
}

fn window_along(start: Tensor, len: usize, axis: usize, extent: usize) -> Result<Along, TypeError> {
    if len > extent {
        return Err(TypeError::Other(format!(
            "a window of {len} elements of axis {axis} of extent {extent}"
        )));
    }
    match start.known_type() {
        Ok(ty) if !ty.dtype.is_int() || ty.rank() > 0 => {
            Err(TypeError::Other(format!("a window starts at an integer scalar, found {ty}")))
        }
        _ => Ok(Along::Window(start, len)),
    }
}
