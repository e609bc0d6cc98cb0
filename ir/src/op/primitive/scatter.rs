//! Updating slices of a tensor at computed places.

use crate::op::attribute::Axes;
use crate::op::primitive::gather::{self, GatherAxes};
use crate::op::primitive::{BinaryFn, Gather};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Lowering, OpDef, Sample, TypeError, Types, rule};
use crate::{DTypeClass, Literal, Scalar, Shape, Type, attributes, word_attribute};

word_attribute! {
    /// How an update and the element that it hits are joined.
    pub enum ScatterKind {
        /// The update takes the element's place.
        Set = "set",
        /// Their sum; integers wrap.
        Add = "add",
        /// Their product; integers wrap.
        Mul = "mul",
        /// The lesser, NaN if one is NaN.
        Min = "min",
        /// The greater, NaN if one is NaN.
        Max = "max",
    }
}

impl ScatterKind {
    /// The function of the element before and the update; `None` for [`ScatterKind::Set`].
    pub const fn function(self) -> Option<BinaryFn> {
        match self {
            ScatterKind::Set => None,
            ScatterKind::Add => Some(BinaryFn::Add),
            ScatterKind::Mul => Some(BinaryFn::Mul),
            ScatterKind::Min => Some(BinaryFn::Minimum),
            ScatterKind::Max => Some(BinaryFn::Maximum),
        }
    }

    /// Dtypes that it takes.
    pub fn class(self) -> DTypeClass {
        self.function().map_or(DTypeClass::Any, BinaryFn::class)
    }

    fn join(self, element: Scalar, update: Scalar) -> Scalar {
        self.function().map_or(update, |function| function.eval(element, update))
    }
}

attributes! {
    /// `x` with one window for each index vector updated: `T[s], I[g.., k], T[..] -> T[s]`, operands `x, indices, updates`.
    ///
    /// Axes go together as in a [`Gather`] of windows whose result has the shape of `updates`; the size of a window is the
    /// extent of `updates` along the axes in `offset_axes`, and 1 along collapsed and batch axes.
    ///
    /// A window that does not lie within `x` entirely is dropped as a whole; indices are not clamped. Where windows overlap
    /// or indices repeat, updates are applied one after the other in row-major order of `updates`, and each is rounded to
    /// `T`: the last one wins for `set`, and sums of floats are the same bits always.
    pub struct Scatter {
        /// How an update and the element that it hits are joined.
        pub kind: ScatterKind,
        /// Axes of `updates` that run over the window, ascending.
        pub offset_axes: Axes,
        /// Axes of `x` with windows of size 1 that do not appear in `updates`, ascending.
        pub collapsed: Axes,
        /// Axes of `x` that go along with an axis of `indices`.
        pub batch: Axes,
        /// The axes of `indices` that go with them, in the same order.
        pub index_batch: Axes,
        /// For each component of an index vector the axis of `x` that it is an index of.
        pub indexed: Axes,
    }
}

impl Scatter {
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

    /// Size of a window along each axis of `x`, which has this rank.
    pub fn sizes(&self, rank: usize, updates: &Shape) -> Axes {
        let mut sizes = Axes::from_elem(1, rank);
        for (axis, &offset_axis) in self.axes().window_axes(rank).into_iter().zip(&self.offset_axes) {
            sizes[axis] = updates.size(offset_axis);
        }
        sizes
    }

    fn check_updates(&self, indices: &Shape, updates: &Shape) -> Result<(), TypeError> {
        let positions: Axes = indices.sizes()[..indices.rank() - 1].into();
        let rank = positions.len() + self.offset_axes.len();
        if updates.rank() != rank {
            let reason = format!("the updates must have rank {rank}, found {}", updates.rank());
            return Err(TypeError::Other(reason));
        }
        let found = updates.without(&self.offset_axes);
        if found.sizes() != positions {
            let what =
                "axes of the updates other than `offset_axes` and leading axes of the indices".to_owned();
            return Err(TypeError::ShapeMismatch {
                what,
                left: found,
                right: positions.into_iter().collect(),
            });
        }
        Ok(())
    }
}

impl OpDef for Scatter {
    const NAME: &'static str = "scatter";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let [x, indices, updates] = [0, 1, 2].map(|i| &operands[i].shape);
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::require_class(operands, 1, DTypeClass::Index)?;
        rule::same_dtype(operands, 0, 2)?;
        self.axes().check(x, indices)?;
        self.check_updates(indices, updates)?;
        self.axes().check_sizes("offset_axes", &self.sizes(x.rank(), updates), x)?;
        rule::one(dtype, x.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let [x, indices, updates] = [0, 1, 2].map(|i| operands[i]);
        let shape = &x.ty().shape;
        let sizes = self.sizes(shape.rank(), &updates.ty().shape);
        let mut elements: Vec<Scalar> = x.iter().collect();
        for (flat, update) in updates.iter().enumerate() {
            let place = self.axes().place(&rule::unravel(flat, &updates.ty().shape), shape, indices);
            let fits = (0..shape.rank()).all(|axis| {
                let last = shape.size(axis) as i128 - sizes[axis] as i128;
                (0..=last).contains(&place.starts[axis])
            });
            if fits {
                let target: Axes = place
                    .starts
                    .iter()
                    .zip(&place.offsets)
                    .map(|(&start, &offset)| start as usize + offset)
                    .collect();
                let element = &mut elements[rule::ravel(&target, shape)];
                *element = self.kind.join(*element, update);
            }
        }
        vec![Literal::from_scalars(results[0].clone(), elements)]
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<Scatter> {
        let kind = draw.choose(ScatterKind::ALL);
        let x = draw.like(hint, kind.class(), 0);
        let (gather, indices) = gather::sample(draw, &x);
        let updates = gather.infer(&[&x, &indices.ty]).expect("samples are accepted").remove(0);
        let Gather { offset_axes, collapsed, batch, index_batch, indexed, sizes: _ } = gather;
        let op = Scatter { kind, offset_axes, collapsed, batch, index_batch, indexed };
        Sample::exact(op, [Operand::any(x), indices, Operand::any(updates)])
    }
}
