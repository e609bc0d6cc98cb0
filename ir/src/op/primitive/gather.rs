//! Reading slices of a tensor at computed places.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{BatchRule, Examples, Items, after, up, zero_and_up};
use crate::op::derivative::LinearOp;
use crate::op::primitive::{Scatter, ScatterKind, bulk};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// One slice of `x` for each index vector: `T[..], I[g.., k] -> T[..]`, where axes go together as
    /// [`GatherAxes`] has it.
    ///
    /// Starts are clamped so that each slice lies within `x`: an index below 0 reads from the first element, one too high
    /// reads the last slice.
    ///
    /// Rows `i` of a matrix `f32[v, d]`, as in an embedding, by `I[n, 1]`: `offset_axes = [1]`, `collapsed = [0]`, `indexed =
    /// [0]`, `sizes = [1, d]`. One element per row (`take_along_axis`) by `I[v, m, 1]`: `batch = [0]`, `index_batch = [0]`,
    /// `collapsed = [1]`, `indexed = [1]`, `sizes = [1, 1]`.
    pub struct Gather {
        /// Axes of the result that run over the slice, ascending.
        pub offset_axes: Axes,
        /// Axes of `x` with slices of size 1 that do not appear in the result, ascending.
        pub collapsed: Axes,
        /// Axes of `x` that go along with an axis of `indices`.
        pub batch: Axes,
        /// The axes of `indices` that go with them, in the same order.
        pub index_batch: Axes,
        /// For each component of an index vector the axis of `x` that it is an index of.
        pub indexed: Axes,
        /// Size of the slice along each axis of `x`.
        pub sizes: Axes,
    }
}

impl Gather {
    /// The addressing scheme.
    pub fn axes(&self) -> GatherAxes<'_> {
        GatherAxes {
            offset_axes: &self.offset_axes,
            collapsed: &self.collapsed,
            batch: &self.batch,
            index_batch: &self.index_batch,
            indexed: &self.indexed,
        }
    }

    /// Sizes of the slice along its axes, those of the index vectors' positions between them.
    fn slices_shape(&self, indices: &Shape) -> Shape {
        let mut extents: Axes = indices.sizes()[..indices.rank() - 1].into();
        let window = self.axes().window_axes(self.sizes.len());
        // Ascending, so that what is inserted stays where it is.
        for (&offset_axis, &axis) in self.offset_axes.iter().zip(&window) {
            extents.insert(offset_axis, self.sizes[axis]);
        }
        extents.into_iter().collect()
    }
}

impl OpDef for Gather {
    const NAME: &'static str = "gather";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let (x, axes) = (operands[0], self.axes());
        rule::require_class(operands, 1, DTypeClass::Index)?;
        axes.check(&x.shape, &operands[1].shape)?;
        rule::check_per_axis("sizes", self.sizes.len(), x.rank())?;
        axes.check_sizes("sizes", &self.sizes, &x.shape)?;
        rule::one(x.dtype, self.slices_shape(&operands[1].shape))
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let (x, axes) = (operands[0], self.axes());
        let read = |flat| {
            let place = axes.place(&rule::unravel(flat, &results[0].shape), &x.ty().shape, operands[1]);
            let source: Axes = (0..x.ty().rank())
                .map(|axis| {
                    let last = (x.ty().shape.size(axis) - self.sizes[axis]) as i128;
                    place.starts[axis].clamp(0, last) as usize + place.offsets[axis]
                })
                .collect();
            x.get(rule::ravel(&source, &x.ty().shape))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Gather> {
        let x = draw.like(hint, DTypeClass::Any, 0);
        let (op, indices) = sample(draw, &x);
        Sample::exact(op, [Operand::any(x), indices])
    }
}

/// The addressing scheme of [`Gather`] and [`Scatter`](super::Scatter).
///
/// Notation: `x` is the tensor that is read or updated; `indices` has the shape `[g.., k]`, one *index vector* of `k` numbers
/// for each *position* `g`; each index vector places one *window* in `x`; `slices` (the result of a gather, the updates of a
/// scatter) holds one element for each position and each element of the window.
///
/// Each axis of `x` has one of these roles:
///
/// | role | start of the window | axis of `slices` |
/// |---|---|---|
/// | in `batch`, as its item `j` | `g[index_batch[j]]` | none; the window has size 1 |
/// | in `indexed`, as its item `j` | `indices[g.., j]` | the next of `offset_axes` |
/// | neither | 0 | the next of `offset_axes` |
///
/// except that axes in `collapsed`, where the window has size 1, have no axis in `slices`. The axes of `slices` that are not
/// in `offset_axes` are those of `g`, in order. This is StableHLO's scheme with the index vector always last.
#[derive(Clone, Copy, Debug)]
pub struct GatherAxes<'a> {
    /// Axes of `slices` that run over the window, ascending.
    pub offset_axes: &'a [usize],
    /// Axes of `x` with windows of size 1 that do not appear in `slices`, ascending.
    pub collapsed: &'a [usize],
    /// Axes of `x` that go along with an axis of `indices`.
    pub batch: &'a [usize],
    /// The axes of `indices` that go with them.
    pub index_batch: &'a [usize],
    /// For each component of an index vector the axis of `x` that it is an index of.
    pub indexed: &'a [usize],
}

/// Where one element of `slices` belongs: `starts + offsets` is its index in `x`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScatterTarget {
    /// First element of the window along each axis of `x`, as the indices have it, possibly out of range.
    pub starts: Vec<i128>,
    /// The element's place in the window.
    pub offsets: Axes,
}

impl GatherAxes<'_> {
    /// The axes of `x` that appear in `slices`, in the order of `offset_axes`.
    pub fn window_axes(&self, rank: usize) -> Axes {
        (0..rank).filter(|axis| !self.collapsed.contains(axis) && !self.batch.contains(axis)).collect()
    }

    /// All that can be checked without knowing window sizes.
    pub(super) fn check(&self, x: &Shape, indices: &Shape) -> Result<(), TypeError> {
        let Some(positions) = indices.rank().checked_sub(1) else {
            return Err(TypeError::Other(
                "the indices must have an axis of index vectors, found a scalar".to_owned(),
            ));
        };
        if indices.size(positions) != self.indexed.len() {
            let reason =
                format!("{} axes for index vectors of {} numbers", self.indexed.len(), indices[positions]);
            return Err(TypeError::attribute("indexed", reason));
        }
        self.check_axes_of_x(x.rank())?;
        self.check_batch(x, indices)?;
        let window = self.window_axes(x.rank()).len();
        if self.offset_axes.len() != window {
            let reason = format!("{} axes for windows of {window} axes", self.offset_axes.len());
            return Err(TypeError::attribute("offset_axes", reason));
        }
        rule::check_axes(self.offset_axes, window + positions)?;
        check_ascending("offset_axes", self.offset_axes)
    }

    fn check_axes_of_x(&self, rank: usize) -> Result<(), TypeError> {
        for axes in [self.collapsed, self.batch, self.indexed] {
            rule::check_axes(axes, rank)?;
        }
        check_ascending("collapsed", self.collapsed)?;
        match self.batch.iter().find(|axis| self.collapsed.contains(axis) || self.indexed.contains(axis)) {
            Some(axis) => {
                Err(TypeError::attribute("batch", format!("axis {axis} is collapsed or indexed, too")))
            }
            None => Ok(()),
        }
    }

    fn check_batch(&self, x: &Shape, indices: &Shape) -> Result<(), TypeError> {
        if self.batch.len() != self.index_batch.len() {
            let reason =
                format!("{} axes to go with {} of operand 0", self.index_batch.len(), self.batch.len());
            return Err(TypeError::attribute("index_batch", reason));
        }
        // The last axis is that of the index vectors.
        rule::check_axes(self.index_batch, indices.rank() - 1)?;
        let pairs = self.batch.iter().zip(self.index_batch);
        match pairs.into_iter().find(|&(&axis, &index_axis)| x[axis] != indices[index_axis]) {
            Some((axis, index_axis)) => {
                let what =
                    format!("extents of axis {axis} of operand 0 and axis {index_axis} of the indices");
                Err(TypeError::ShapeMismatch { what, left: x.clone(), right: indices.clone() })
            }
            None => Ok(()),
        }
    }

    /// The windows, whose sizes come from `attribute` or operand, must fit into `x`, and be of size 1 where they do not
    /// appear in `slices`.
    pub(super) fn check_sizes(
        &self,
        attribute: &'static str,
        sizes: &[usize],
        x: &Shape,
    ) -> Result<(), TypeError> {
        for (axis, (&size, &extent)) in sizes.iter().zip(x.dims()).enumerate() {
            let batch = self.batch.contains(&axis);
            if size != 1 && (batch || self.collapsed.contains(&axis)) {
                let reason =
                    format!("axis {axis} is collapsed or batch, so its size must be 1, found {size}");
                return Err(TypeError::attribute(attribute, reason));
            }
            if size > extent.size() && !batch {
                let reason = format!("a window of {size} does not fit into axis {axis} of extent {extent}");
                return Err(TypeError::attribute(attribute, reason));
            }
        }
        Ok(())
    }

    /// Where the element of `slices` at `index` belongs in `x`, for axes that have been checked.
    pub fn place(&self, index: &[usize], x: &Shape, indices: &Literal) -> ScatterTarget {
        let window = self.window_axes(x.rank());
        let mut position = Axes::new();
        let mut offsets = Axes::from_elem(0, x.rank());
        for (axis, &i) in index.iter().enumerate() {
            match self.offset_axes.iter().position(|&offset_axis| offset_axis == axis) {
                Some(nth) => offsets[window[nth]] = i,
                None => position.push(i),
            }
        }
        let mut starts = vec![0; x.rank()];
        for (&axis, &index_axis) in self.batch.iter().zip(self.index_batch) {
            starts[axis] = position[index_axis] as i128;
        }
        for (component, &axis) in self.indexed.iter().enumerate() {
            let flat = rule::ravel(&position, &indices.ty().shape) * self.indexed.len() + component;
            starts[axis] = indices.get(flat).to_i128();
        }
        ScatterTarget { starts, offsets }
    }
}

fn check_ascending(attribute: &'static str, axes: &[usize]) -> Result<(), TypeError> {
    if axes.is_sorted() { Ok(()) } else { Err(TypeError::attribute(attribute, "must be ascending")) }
}

/// Draws a gather of `x` and its indices.
pub(super) fn sample(draw: &mut Draw<'_>, x: &TensorType) -> (Gather, Operand) {
    let mut op = Gather {
        offset_axes: Axes::new(),
        collapsed: Axes::new(),
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: Axes::new(),
        sizes: Axes::new(),
    };
    for (axis, extent) in x.shape.sizes().into_iter().enumerate() {
        sample_role(draw, &mut op, axis, extent);
    }
    let mut positions: Axes = op.batch.iter().map(|&axis| x.shape.size(axis)).collect();
    let extents: &[usize] = if bulk(x) <= 512 { &[2, 3, 1, 0, 5] } else { &[1, 2] };
    for _ in 0..draw.below(3) {
        positions.push(draw.choose(extents));
    }
    let order = draw.permutation(positions.len());
    op.index_batch =
        (0..op.batch.len()).map(|i| order.iter().position(|&o| o == i).expect("a permutation")).collect();
    let window = op.axes().window_axes(x.rank()).len();
    op.offset_axes = draw.permutation(window + positions.len());
    op.offset_axes.truncate(window);
    op.offset_axes.sort_unstable();
    let bound = op.indexed.iter().map(|&axis| x.shape.size(axis)).max().unwrap_or(1);
    let members: Vec<_> = DTypeClass::Index.members().collect();
    let mut shape: Vec<usize> = order.iter().map(|&i| positions[i]).collect();
    shape.push(op.indexed.len());
    (op, Operand::new(TensorType::new(draw.choose(&members), shape), Values::Index(bound)))
}

fn sample_role(draw: &mut Draw<'_>, op: &mut Gather, axis: usize, extent: usize) {
    match draw.below(4) {
        // Index vectors may name axes in any order.
        0 | 1 if extent > 0 => {
            let at = draw.below(op.indexed.len() + 1);
            op.indexed.insert(at, axis);
            let size = if draw.flip() { draw.below(extent + 1) } else { 1 };
            op.sizes.push(size);
            if size == 1 && draw.flip() {
                op.collapsed.push(axis);
            }
        }
        2 => {
            op.batch.push(axis);
            op.sizes.push(1);
        }
        _ => op.sizes.push(extent),
    }
}

/// Each element of a slice gives its cotangent back to the place that it was read from.
impl LinearOp for Gather {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (x, indices) = (primal.operands[0], primal.operands[1]);
        Ok(smallvec![primal.when_wanted(0, |b| self.scatter_add(b, x, indices, cotangent))?, None])
    }
}

impl Gather {
    /// One element for each index vector of one number, at the vector's own place along all axes but `axis`:
    /// `T[a.., n, b..], I[a.., m, b.., 1] -> T[a.., m, b..]`.
    pub(in crate::op) fn along_axis(rank: usize, axis: usize) -> Gather {
        let others: Axes = (0..rank).filter(|&other| other != axis).collect();
        Gather {
            offset_axes: Axes::new(),
            collapsed: smallvec![axis],
            batch: others.clone(),
            index_batch: others,
            indexed: smallvec![axis],
            sizes: Axes::from_elem(1, rank),
        }
    }

    /// A tensor of the type of `x` with the sum of all elements of `slices` at the place that each was read from.
    pub(in crate::op) fn scatter_add(
        &self,
        b: &mut Builder,
        x: Value,
        indices: Value,
        slices: Value,
    ) -> Result<Value, BuildError> {
        let zeros = b.full_like(0.0, x)?;
        // A scatter drops what a gather clamps.
        let [low, high] = self.axes().bounds(b, indices, &b.shape(x), &self.sizes)?;
        let clamped = b.clamp(low, indices, high)?;
        let op = Scatter {
            kind: ScatterKind::Add,
            offset_axes: self.offset_axes.clone(),
            collapsed: self.collapsed.clone(),
            batch: self.batch.clone(),
            index_batch: self.index_batch.clone(),
            indexed: self.indexed.clone(),
        };
        b.push_one(op, &[zeros, clamped, slices])
    }
}

impl GatherAxes<'_> {
    /// The least and the greatest start of a window of these sizes in a tensor of the shape `x`, at the shape and dtype of
    /// `indices`.
    pub(super) fn bounds(
        &self,
        b: &mut Builder,
        indices: Value,
        x: &Shape,
        sizes: &[usize],
    ) -> Result<[Value; 2], BuildError> {
        let TensorType { dtype, shape } = b.tensor(indices).clone();
        let last = |component: usize| {
            let axis = self.indexed[component];
            let last = (x.size(axis) - sizes[axis]) as i128;
            Scalar::from_i128(dtype, last.min(Scalar::highest(dtype).to_i128()))
        };
        let last = Literal::from_fn(TensorType::new(dtype, [self.indexed.len()]), last);
        let last = b.literal(last);
        let last = b.broadcast_in_dim(last, shape.clone(), [shape.rank() - 1])?;
        Ok([b.full(Scalar::zero(dtype), &shape)?, last])
    }
}

/// If the examples share the indices, the new axis is one more that every window takes whole. If each has its own, the new axis of the
/// indices goes along with that of the tensor, or, where the tensor is shared, there are just more indices.
impl BatchRule for Gather {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let operands = [node.value(0), node.value(1)];
        let op = match (node.has(0), node.has(1)) {
            (true, true) => Gather {
                offset_axes: up(&self.offset_axes),
                collapsed: up(&self.collapsed),
                batch: zero_and_up(&self.batch),
                index_batch: zero_and_up(&self.index_batch),
                indexed: up(&self.indexed),
                sizes: after(1, &self.sizes),
            },
            (true, false) => Gather {
                offset_axes: zero_and_up(&self.offset_axes),
                collapsed: up(&self.collapsed),
                batch: up(&self.batch),
                index_batch: self.index_batch.clone(),
                indexed: up(&self.indexed),
                sizes: after(node.size, &self.sizes),
            },
            _ => Gather {
                offset_axes: up(&self.offset_axes),
                index_batch: up(&self.index_batch),
                ..self.clone()
            },
        };
        node.push(op, &operands)
    }
}
