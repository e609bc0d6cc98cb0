//! Updates of slices along one axis, and sections at computed places.

use std::borrow::Borrow;

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{DynamicSlice, DynamicUpdateSlice, Reshape, Scatter, ScatterKind};
use tensorwright_ir::{Dim, Shape};

use super::attribute::{AxisNumber, IntoAttribute};
use super::index::from_start;
use super::operand::{Operand, integer_like};
use super::ranked::one_with_ranks;
use super::refusal::refused;
use super::starts::IntoStarts;
use crate::error::{CallSite, Failure, caller};
use crate::interpret::one;
use crate::tensor::Tensor;

macro_rules! scatters {
    ($($(#[$meta:meta])* $name:ident $kind:ident;)*) => {
        /// Updates of slices along one axis: a new tensor, of the same shape.
        impl Tensor {
            $($(#[$meta])*
            #[track_caller]
            pub fn $name(&self, axis: impl AxisNumber, indices: impl Operand, updates: impl Operand) -> Tensor {
                let at = caller();
                let indices = indices.hold(&integer_like(at), stringify!($name), at);
                let updates = updates.hold(self, stringify!($name), at);
                let scattered = Along { name: stringify!($name), kind: ScatterKind::$kind, axis: axis.number(), at };
                scattered.apply(self, indices.borrow(), updates.borrow())
            })*
        }
    };
}

scatters! {
    /// The tensor with `updates` added to its slices at `indices` along `axis`, integers of any shape; a slice that is named twice gets
    /// both summands. Indices out of range are left out, negative ones count from the end.
    ///
    /// `updates` is of one of two shapes, or a number:
    ///
    /// - that of `x.take(indices, axis)`, a slice for each index: `T[a.., n, b..]` with `I[i..]` and `T[a.., i.., b..]`;
    /// - for `indices` with the axes of the tensor that of `x.take_along_axis(indices, axis)`, an element for each index, at the index's own
    ///   place along the other axes: `T[a.., n, b..]` with `I[a.., m, b..]` and `T[a.., m, b..]`, where extents of the indices may be less.
    ///
    /// ```text
    /// slices, axis 0                                  elements, axis 1
    /// x        indices  updates  result               x        indices  updates  result
    /// 0 0 0    0        1 1 1    1 1 1                0 0 0    2 2      1 2      0 0 3
    /// 0 0 0    2        2 2 2    0 0 0                0 0 0    0 1      3 4      3 4 0
    /// 0 0 0    2        3 3 3    5 5 5
    /// ```
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((3, 3), DType::I32);
    /// let rows = x.scatter_add(0, [0, 2, 2], [[1, 1, 1], [2, 2, 2], [3, 3, 3]]);
    /// assert_eq!(rows.to_vec::<i32>()?, [1, 1, 1, 0, 0, 0, 5, 5, 5]);
    /// let elements = Tensor::zeros((2, 3), DType::I32).scatter_add(1, [[2, 2], [0, 1]], [[1, 2], [3, 4]]);
    /// assert_eq!(elements.to_vec::<i32>()?, [0, 0, 3, 3, 4, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("index_add", "index_add_", "scatter_nd_add"))]
    scatter_add Add;
    /// The tensor with its slices at `indices` along `axis` replaced by `updates`, which have a shape that [`Tensor::scatter_add`] takes;
    /// of several updates of one element the last stays.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]).scatter_set(0, [2, 0], [7.0, 8.0]);
    /// assert_eq!(x.to_vec::<f32>()?, [8.0, 2.0, 7.0]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias("index_copy", "index_fill", "put_along_axis", "scatter_update"))]
    scatter_set Set;
    /// The tensor with its slices at `indices` along `axis` multiplied by `updates`; see [`Tensor::scatter_add`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([1.0f32, 2.0, 3.0]).scatter_mul(0, [1, 1], 3.0);
    /// assert_eq!(x.to_vec::<f32>()?, [1.0, 18.0, 3.0]);
    /// # Ok::<(), Error>(())
    /// ```
    scatter_mul Mul;
    /// The tensor with the lesser of its slices at `indices` along `axis` and of `updates`, element by element; see
    /// [`Tensor::scatter_add`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([5, 5]).scatter_min(0, [0, 0, 1], [4, 3, 6]);
    /// assert_eq!(x.to_vec::<i32>()?, [3, 5]);
    /// # Ok::<(), Error>(())
    /// ```
    scatter_min Min;
    /// The tensor with the greater of its slices at `indices` along `axis` and of `updates`, element by element; see
    /// [`Tensor::scatter_add`].
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::from([5, 5]).scatter_max(0, [0, 0, 1], [4, 3, 6]);
    /// assert_eq!(x.to_vec::<i32>()?, [5, 6]);
    /// # Ok::<(), Error>(())
    /// ```
    scatter_max Max;
}

/// An update along one axis.
struct Along {
    name: &'static str,
    kind: ScatterKind,
    axis: i64,
    at: CallSite,
}

impl Along {
    fn apply(&self, x: &Tensor, indices: &Tensor, updates: &Tensor) -> Tensor {
        self.applied(x, indices, updates).unwrap_or_else(Tensor::failed)
    }

    fn applied(&self, x: &Tensor, indices: &Tensor, updates: &Tensor) -> Result<Tensor, Failure> {
        let refusal = |source| refused(self.name, &[x, indices, updates], self.at, source);
        let (shape, at) = (&x.known_type()?.shape, self.at);
        let (own, dtype) = (&indices.known_type()?.shape, indices.known_type()?.dtype);
        let axis: usize = self.axis.into_attribute("axis", shape.rank()).map_err(refusal)?;
        if axis >= shape.rank() {
            return Err(refusal(TypeError::Axis { axis, rank: shape.rank() }));
        }
        if !dtype.is_int() {
            return Err(refusal(TypeError::Other(format!("the indices must be integers, found {dtype}"))));
        }
        let found = updates.known_type()?.shape.clone();
        let slices: Shape =
            shape[..axis].iter().chain(own.iter()).chain(&shape[axis + 1..]).copied().collect();
        let numbers = from_start(indices, shape.size(axis), at);
        if found == slices || found.rank() == 0 {
            let op = self.of_slices(axis, shape.rank(), own.rank());
            let vectors = one(Reshape { shape: with_one(own) }, &[&numbers], at);
            return Ok(one(op, &[x, &vectors, &updates.broadcast_at(&slices, at)], at));
        }
        let is_own = found == *own && own.rank() == shape.rank();
        let fits = |other: usize| other == axis || own.size(other) <= shape.size(other);
        if !is_own || !(0..shape.rank()).all(fits) {
            let message = format!(
                "updates of shape {found}: for indices {own} along axis {axis} of {shape} they have the shape {slices}"
            );
            return Err(refusal(TypeError::Other(message)));
        }
        let (op, vectors) = self.of_elements(&numbers, axis, own);
        Ok(one(op, &[x, &vectors, updates], at))
    }

    /// A window for each index: all of its slice.
    fn of_slices(&self, axis: usize, rank: usize, positions: usize) -> Scatter {
        Scatter {
            kind: self.kind,
            offset_axes: (0..axis).chain(axis + positions..rank - 1 + positions).collect(),
            collapsed: [axis].into_iter().collect(),
            batch: Axes::new(),
            index_batch: Axes::new(),
            indexed: [axis].into_iter().collect(),
        }
    }

    /// An element for each index: along the other axes it is at the place that the index has itself.
    fn of_elements(&self, numbers: &Tensor, axis: usize, own: &Shape) -> (Scatter, Tensor) {
        let all: Axes = (0..own.rank()).collect();
        let component = |along: usize| match along == axis {
            true => numbers.clone(),
            false => Tensor::iota(tensorwright_ir::DType::I64, own.clone(), along),
        };
        let parts: Vec<Tensor> = all.iter().map(|&along| component(along)).collect();
        let op = Scatter {
            kind: self.kind,
            offset_axes: Axes::new(),
            collapsed: all.clone(),
            batch: Axes::new(),
            index_batch: Axes::new(),
            indexed: all,
        };
        (op, super::index::vectors(&parts, own, self.at))
    }
}

fn with_one(shape: &Shape) -> Shape {
    shape.iter().copied().chain([Dim::ONE]).collect()
}

/// Sections at computed places.
impl Tensor {
    /// The section of shape `sizes` that begins at `starts`, one number per axis: `T[..] -> T[sizes]`. Starts are moved into range, so that
    /// the section lies inside; a section larger than the tensor is an error.
    ///
    /// `starts` is a tuple or an array of numbers and integer scalars, or one vector of integers. [`window`](crate::window) says the same in
    /// an index.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::arange(12, DType::I32).reshape([3, 4]);
    /// let column = Tensor::from(1);
    /// assert_eq!(x.dynamic_slice((0, &column), [2, 2]).to_vec::<i32>()?, [1, 2, 5, 6]);
    /// assert_eq!(x.dynamic_slice([9, 0], [1, 4]).to_vec::<i32>()?, [8, 9, 10, 11]);
    /// # Ok::<(), Error>(())
    /// ```
    #[track_caller]
    pub fn dynamic_slice(&self, starts: impl IntoStarts, sizes: impl IntoAttribute<Shape>) -> Tensor {
        let at = caller();
        let starts = starts.starts(at).vector(at);
        one_with_ranks("dynamic_slice", &[self, &starts], at, |ranks| {
            Ok(DynamicSlice { sizes: sizes.into_attribute("sizes", ranks.of("sizes"))? }.into())
        })
    }

    /// The tensor with the section that begins at `starts` replaced by `update`, of the same rank. Starts are as in
    /// [`Tensor::dynamic_slice`] and are moved into range like those; [`Tensor::set`] leaves out what is out of range.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// let x = Tensor::zeros((2, 3), DType::I32);
    /// let column = Tensor::from(1);
    /// assert_eq!(x.dynamic_update_slice([[7, 8]], (1, &column)).to_vec::<i32>()?, [0, 0, 0, 0, 7, 8]);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "copy_slice")]
    #[track_caller]
    pub fn dynamic_update_slice(&self, update: impl Operand, starts: impl IntoStarts) -> Tensor {
        let at = caller();
        let starts = starts.starts(at).vector(at);
        let update = update.hold(self, "dynamic_update_slice", at);
        one(DynamicUpdateSlice {}, &[self, update.borrow(), &starts], at)
    }
}
