//! `x.i((0, 1..3, .., NewAxis))`: indexing by NumPy's rules.
//!
//! [`item`] is what stands for one axis; here it is resolved against a shape and becomes at most one `slice`, one
//! `reshape` and one `gather`.

mod gathered;
mod item;

pub use item::{Bounds, By, Ellipsis, Index, IntoIndex, IntoIndices, NewAxis, Stepped};
use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Offsets;
use tensorwright_ir::op::primitive::{Reshape, Slice};
use tensorwright_ir::{Dim, Shape};

use super::refusal::refused;
use crate::error::{CallSite, Failure, caller};
use crate::interpret::one;
use crate::tensor::Tensor;
use item::Span;

/// Indexing.
impl Tensor {
    /// The elements at an index: for each axis an integer (the axis disappears), a range, or a tensor of
    /// integers; `..` is a whole axis, [`Ellipsis`] as many whole axes as are left, [`NewAxis`] an axis of
    /// extent 1. Negative numbers count from the end; ranges end where the axis does, and take steps with
    /// [`By::by`]. Several tensors broadcast and pick single places together, as in NumPy.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::arange(12, DType::I32).reshape([3, 4]);
    /// assert_eq!(x.i((0, 1..3)).to_vec::<i32>()?, [1, 2]);
    /// assert_eq!(x.i((.., -1)).to_vec::<i32>()?, [3, 7, 11]);
    /// assert_eq!(x.i((Ellipsis, (..).by(-2))).i(0).to_vec::<i32>()?, [3, 1]);
    /// assert_eq!(x.i((NewAxis, 1)).shape()?, &[1, 4].into());
    /// assert_eq!(x.i([2, 0]).i((.., 0)).to_vec::<i32>()?, [8, 0]);
    /// # Ok::<(), tensorwright::Error>(())
    /// ```
    #[track_caller]
    pub fn i(&self, index: impl IntoIndices) -> Tensor {
        self.i_at(index, caller())
    }

    pub(crate) fn i_at(&self, index: impl IntoIndices, at: CallSite) -> Tensor {
        match self.indexed(index.into_indices(at), at) {
            Ok(tensor) => tensor,
            Err(failure) => Tensor::failed(failure),
        }
    }

    fn indexed(&self, items: Vec<Index>, at: CallSite) -> Result<Tensor, Failure> {
        let shape = self.known_type()?.shape.clone();
        let plan = Selection::new(items, &shape).map_err(|source| refused("index", &[self], at, source))?;
        let mut result = self.clone();
        if let Some(slice) = plan.slice(&shape) {
            result = one(slice, &[&result], at);
        }
        if plan.reshapes {
            result = one(Reshape { shape: plan.shape.clone() }, &[&result], at);
        }
        gathered::gathered(result, &plan.shape, plan.tensors, at)
    }
}

/// An index resolved against a shape.
struct Selection {
    /// For each axis of the operand.
    spans: Vec<Span>,
    /// The shape after slicing, without the axes that integers name and with the new ones.
    shape: Shape,
    reshapes: bool,
    /// Tensors, with the axes of that shape that they index.
    tensors: Vec<(usize, Tensor)>,
}

impl Selection {
    fn new(items: Vec<Index>, shape: &Shape) -> Result<Selection, TypeError> {
        let items = without_ellipsis(items, shape.rank())?;
        let mut plan =
            Selection { spans: Vec::new(), shape: Shape::scalar(), reshapes: false, tensors: Vec::new() };
        let mut dims: Vec<Dim> = Vec::new();
        for item in items {
            let axis = plan.spans.len();
            let extent = shape.get(axis).map_or(0, |dim| dim.size());
            match item {
                Index::NewAxis => {
                    dims.push(Dim::ONE);
                    plan.reshapes = true;
                }
                Index::At(number) => {
                    plan.spans.push(at_number(number, axis, extent)?);
                    plan.reshapes = true;
                }
                Index::Range(bounds) => {
                    let span = bounds.resolve(axis, extent)?;
                    dims.push(Dim::known(span.len()));
                    plan.spans.push(span);
                }
                Index::Tensor(tensor) => {
                    plan.tensors.push((dims.len(), tensor));
                    dims.push(Dim::known(extent));
                    plan.spans.push(Span::all(extent));
                }
                Index::Ellipsis => unreachable!("it was replaced"),
            }
        }
        plan.shape = dims.into_iter().collect();
        Ok(plan)
    }

    /// The slice, if it is not of all elements.
    fn slice(&self, shape: &Shape) -> Option<Slice> {
        let spans = &self.spans;
        let is_whole = spans.iter().zip(shape.iter()).all(|(span, dim)| *span == Span::all(dim.size()));
        let list = |field: fn(&Span) -> i64| -> Offsets { spans.iter().map(field).collect() };
        let slice =
            || Slice { starts: list(|s| s.start), limits: list(|s| s.limit), strides: list(|s| s.stride) };
        (!is_whole).then(slice)
    }
}

/// Whole axes in place of the ellipsis, or at the end.
fn without_ellipsis(mut items: Vec<Index>, rank: usize) -> Result<Vec<Index>, TypeError> {
    let is_ellipsis = |item: &Index| matches!(item, Index::Ellipsis);
    let used = items.iter().filter(|item| !matches!(item, Index::Ellipsis | Index::NewAxis)).count();
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

fn at_number(number: i64, axis: usize, extent: usize) -> Result<Span, TypeError> {
    let from_start = if number < 0 { number.saturating_add(extent as i64) } else { number };
    if (0..extent as i64).contains(&from_start) {
        Ok(Span { start: from_start, limit: from_start + 1, stride: 1 })
    } else {
        Err(TypeError::Other(format!("index {number} is out of range for axis {axis} of extent {extent}")))
    }
}
