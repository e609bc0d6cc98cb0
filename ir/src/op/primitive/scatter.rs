//! Updating slices of a tensor at computed places.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{BatchRule, Examples, Items, up, zero_and_up};
use crate::op::derivative::{Differentiable, LinearOp};
use crate::op::primitive::gather::{self, GatherAxes};
use crate::op::primitive::{BinaryFn, Gather, ReduceKind};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{
    Builder, DType, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes, word_attribute,
};

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
        match self {
            ScatterKind::Mul => DTypeClass::Real,
            _ => self.function().map_or(DTypeClass::Any, BinaryFn::class),
        }
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

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let [x, indices, updates] = [0, 1, 2].map(|i| &operands[i].shape);
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::require_class(operands, 1, DTypeClass::Index)?;
        rule::same_dtype(operands, 0, 2)?;
        self.axes().check(x, indices)?;
        self.check_updates(indices, updates)?;
        self.axes().check_sizes("offset_axes", &self.sizes(x.rank(), updates), x)?;
        rule::one(dtype, x.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
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

    fn derivative(&self) -> Derivative<'_> {
        match self.kind {
            ScatterKind::Set | ScatterKind::Add => Derivative::linear(self),
            ScatterKind::Mul | ScatterKind::Min | ScatterKind::Max => Derivative::both(self),
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Scatter> {
        let kind = draw.choose(ScatterKind::ALL);
        let x = draw.like(hint, kind.class(), 0);
        let (gather, indices) = gather::sample(draw, &x);
        let updates = gather.infer(&[&x, indices.ty.tensor()]).expect("samples are accepted").remove(0);
        let Gather { offset_axes, collapsed, batch, index_batch, indexed, sizes: _ } = gather;
        let op = Scatter { kind, offset_axes, collapsed, batch, index_batch, indexed };
        Sample::exact(op, [Operand::any(x), indices, Operand::any(updates)])
    }
}

/// `add` and `set`. An update that was dropped, or that a later one replaced, has no derivative.
impl LinearOp for Scatter {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let sites = Sites::new(self, primal)?;
        let set = self.kind == ScatterKind::Set;
        let kept = |b: &mut Builder| if set { sites.cleared(b, cotangent) } else { Ok(cotangent) };
        let x = primal.when_wanted(0, kept)?;
        let read = |b: &mut Builder| {
            let found = sites.read(b, cotangent)?;
            let counts = if set { sites.last(b)? } else { sites.applied };
            b.zero_unless(counts, found)
        };
        Ok(smallvec![x, None, primal.when_wanted(2, read)?])
    }
}

/// `mul`, `min` and `max`: the tangent of a result element is that of the operand's element times a weight, plus those of
/// all updates that hit it, each times a weight. Equal extrema share the derivative equally.
impl Differentiable for Scatter {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let sites = Sites::new(self, primal)?;
        let weights = sites.weights(primal)?;
        let b = &mut *primal.b;
        let mut sum = tangents[0].map(|t| b.mul(t, weights.x)).transpose()?;
        if let Some(tangent) = tangents[2] {
            let weighted = b.mul(tangent, weights.updates)?;
            let weighted = b.zero_unless(sites.applied, weighted)?;
            let zeros = b.full_like(0.0, weights.x)?;
            let added = sites.scatter(b, ScatterKind::Add, zeros, weighted)?;
            let added = match weights.shared {
                Some(factor) => b.mul(added, factor)?,
                None => added,
            };
            sum = b.add_derivatives(sum, Some(added))?;
        }
        Ok(smallvec![sum])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None, None, None]) };
        let sites = Sites::new(self, primal)?;
        let weights = sites.weights(primal)?;
        let x = primal.when_wanted(0, |b| b.mul(cotangent, weights.x))?;
        let updates = primal.when_wanted(2, |b| {
            let shared = match weights.shared {
                Some(factor) => b.mul(cotangent, factor)?,
                None => cotangent,
            };
            let found = sites.read(b, shared)?;
            let weighted = b.mul(found, weights.updates)?;
            b.zero_unless(sites.applied, weighted)
        })?;
        Ok(smallvec![x, None, updates])
    }
}

/// Derivatives of the result elements.
struct Weights {
    /// By the operand's element.
    x: Value,
    /// By each update, ...
    updates: Value,
    /// ... times this factor of the element that it hits.
    shared: Option<Value>,
}

/// Which elements the updates of a scatter hit.
struct Sites {
    op: Scatter,
    x: Value,
    indices: Value,
    updates: Value,
    gather: Gather,
    /// For each update whether it was applied, not dropped.
    applied: Value,
}

impl Sites {
    fn new(op: &Scatter, primal: &mut Primal<'_>) -> Result<Sites, BuildError> {
        let [x, indices, updates] = [0, 1, 2].map(|i| primal.operands[i]);
        let b = &mut *primal.b;
        let (shape, updates_shape) = (b.shape(x), b.shape(updates));
        let gather = Gather {
            offset_axes: op.offset_axes.clone(),
            collapsed: op.collapsed.clone(),
            batch: op.batch.clone(),
            index_batch: op.index_batch.clone(),
            indexed: op.indexed.clone(),
            sizes: op.sizes(shape.rank(), &updates_shape),
        };
        let [low, high] = op.axes().bounds(b, indices, &shape, &gather.sizes)?;
        let (above, below) = (b.ge(indices, low)?, b.le(indices, high)?);
        let inside = b.and(above, below)?;
        let last = b.tensor(inside).rank() - 1;
        let inside = b.reduce(inside, ReduceKind::All, [last])?;
        let applied = b.spread(inside, &op.offset_axes, &updates_shape)?;
        Ok(Sites { op: op.clone(), x, indices, updates, gather, applied })
    }

    /// For each update the element of `x` that it hits, or some element if it was dropped.
    fn read(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        b.push_one(self.gather.clone(), &[x, self.indices])
    }

    fn scatter(
        &self,
        b: &mut Builder,
        kind: ScatterKind,
        x: Value,
        updates: Value,
    ) -> Result<Value, BuildError> {
        b.push_one(Scatter { kind, ..self.op.clone() }, &[x, self.indices, updates])
    }

    /// `x` with 0 wherever an update hits.
    fn cleared(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let zeros = b.full_like(0.0, self.updates)?;
        self.scatter(b, ScatterKind::Set, x, zeros)
    }

    /// For each update whether it is the last that hits its element: whether its number survives a scatter of all numbers.
    fn last(&self, b: &mut Builder) -> Result<Value, BuildError> {
        let (shape, updates) = (b.shape(self.x), b.shape(self.updates));
        let numbers = b.iota(DType::I64, [updates.elements()], 0usize)?;
        let numbers = b.reshape(numbers, updates)?;
        let none = b.full(-1i64, &shape)?;
        let survivors = self.scatter(b, ScatterKind::Set, none, numbers)?;
        let survivors = self.read(b, survivors)?;
        let own = b.eq(survivors, numbers)?;
        b.and(own, self.applied)
    }

    fn weights(&self, primal: &mut Primal<'_>) -> Result<Weights, BuildError> {
        match self.op.kind {
            ScatterKind::Mul => self.weights_of_product(primal.b),
            _ => self.weights_of_extremum(primal.b, primal.results[0]),
        }
    }

    /// By the operand's element the product of all updates; by an update that of the other updates, times the operand's
    /// element. The others' product is the product of all nonzero ones divided by the update's own, and 0 if another is 0.
    /// At zeros the first derivative is right; the second by two updates of one element, of which one is 0, comes out as 0.
    fn weights_of_product(&self, b: &mut Builder) -> Result<Weights, BuildError> {
        let ones = b.full_like(1.0, self.x)?;
        let product = self.scatter(b, ScatterKind::Mul, ones, self.updates)?;
        let zero = b.equals(self.updates, 0.0)?;
        let nonzero = b.number_where(zero, 1.0, self.updates)?;
        let nonzeros = self.scatter(b, ScatterKind::Mul, ones, nonzero)?;
        let nonzeros = self.read(b, nonzeros)?;
        let others = b.div(nonzeros, nonzero)?;
        let zero = b.cast(zero, DType::I64)?;
        let none = b.full(0i64, &b.shape(self.x))?;
        let zeros = self.scatter(b, ScatterKind::Add, none, zero)?;
        let zeros = self.read(b, zeros)?;
        let alone = b.eq(zeros, zero)?;
        let others = b.zero_unless(alone, others)?;
        Ok(Weights { x: product, updates: others, shared: Some(self.x) })
    }

    fn weights_of_extremum(&self, b: &mut Builder, result: Value) -> Result<Weights, BuildError> {
        let dtype = b.tensor(self.x).dtype;
        let x = b.eq(self.x, result)?;
        let x = b.cast(x, dtype)?;
        let found = self.read(b, result)?;
        let updates = b.eq(self.updates, found)?;
        let updates = b.and(updates, self.applied)?;
        let updates = b.cast(updates, dtype)?;
        let count = self.scatter(b, ScatterKind::Add, x, updates)?;
        // A NaN equals nothing: 0 elements share nothing.
        let count = b.at_least(count, 1.0)?;
        let one = b.full_like(1.0, count)?;
        let share = b.div(one, count)?;
        Ok(Weights { x: b.mul(x, share)?, updates, shared: Some(share) })
    }
}

/// As that of [`Gather`], but all examples have a tensor and updates of their own.
impl BatchRule for Scatter {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let own = node.has(1);
        let (x, indices, updates) = (node.spread(0)?, node.value(1), node.spread(2)?);
        let op = Scatter {
            kind: self.kind,
            offset_axes: if own { up(&self.offset_axes) } else { zero_and_up(&self.offset_axes) },
            collapsed: up(&self.collapsed),
            batch: if own { zero_and_up(&self.batch) } else { up(&self.batch) },
            index_batch: if own { zero_and_up(&self.index_batch) } else { self.index_batch.clone() },
            indexed: up(&self.indexed),
        };
        node.push(op, &[x, indices, updates])
    }
}
