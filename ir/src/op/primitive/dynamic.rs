//! Sections of fixed size at computed places.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{BatchRule, Examples, Items, after, up, with_examples};
use crate::op::derivative::LinearOp;
use crate::op::primitive::{Gather, Scatter, ScatterKind};
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// The section of `x` of the shape `sizes` that begins at `starts`: `T[..], I[rank of x] -> T[sizes]`.
    ///
    /// Starts are clamped so that the section lies within `x`; a section larger than `x` is an error.
    pub struct DynamicSlice {
        /// Shape of the section.
        pub sizes: Shape,
    }
}

impl OpDef for DynamicSlice {
    const NAME: &'static str = "dynamic_slice";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::check_per_axis("sizes", self.sizes.rank(), operands[0].rank())?;
        check_starts(operands, 1)?;
        check_fits(&self.sizes, &operands[0].shape)?;
        rule::one(operands[0].dtype, self.sizes.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let from = &operands[0].ty().shape;
        let starts = clamped(operands[1], &self.sizes, from);
        let read = |flat| {
            let source = shifted(&rule::unravel(flat, &results[0].shape), &starts);
            operands[0].get(rule::ravel(&source, from))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<DynamicSlice> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let (sizes, starts) = sample(draw, &ty);
        Sample::exact(DynamicSlice { sizes }, [Operand::any(ty), starts])
    }
}

attributes! {
    /// `x` with the section that begins at `starts` replaced by `update`: `T[s], T[..], I[rank of x] -> T[s]`, operands `x,
    /// update, starts`.
    ///
    /// Starts are clamped so that the section lies within `x`; an update larger than `x` is an error.
    pub struct DynamicUpdateSlice {}
}

impl OpDef for DynamicUpdateSlice {
    const NAME: &'static str = "dynamic_update_slice";
    const ARITY: Arity = Arity::Exact(3);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::same_dtype(operands, 0, 1)?;
        let (x, update) = (&operands[0].shape, &operands[1].shape);
        if x.rank() != update.rank() {
            let what = "ranks of operands 0 and 1".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: x.clone(), right: update.clone() });
        }
        check_starts(operands, 2)?;
        check_fits(update, x)?;
        rule::one(dtype, x.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let [x, update, starts] = [0, 1, 2].map(|i| operands[i]);
        let shape = &x.ty().shape;
        let starts = clamped(starts, &update.ty().shape, shape);
        let mut elements: Vec<_> = x.iter().collect();
        for (flat, element) in update.iter().enumerate() {
            let target = shifted(&rule::unravel(flat, &update.ty().shape), &starts);
            elements[rule::ravel(&target, shape)] = element;
        }
        vec![Literal::from_scalars(results[0].clone(), elements)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<DynamicUpdateSlice> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let (sizes, starts) = sample(draw, &ty);
        let update = Operand::any(ty.with_shape(sizes));
        Sample::exact(DynamicUpdateSlice {}, [Operand::any(ty), update, starts])
    }
}

/// There must be one start for each axis of operand 0.
fn check_starts(operands: &[&TensorType], starts: usize) -> Result<(), TypeError> {
    rule::require_class(operands, starts, DTypeClass::Index)?;
    let expected = Shape::from([operands[0].rank()]);
    if operands[starts].shape == expected {
        return Ok(());
    }
    let found = &operands[starts].shape;
    Err(TypeError::Other(format!(
        "operand {starts} must have the shape {expected}, one start per axis, found {found}"
    )))
}

fn check_fits(section: &Shape, x: &Shape) -> Result<(), TypeError> {
    match (0..x.rank()).find(|&axis| section.size(axis) > x.size(axis)) {
        Some(axis) => Err(TypeError::Other(format!(
            "a section of shape {section} does not fit into {x}: axis {axis} is too long"
        ))),
        None => Ok(()),
    }
}

fn clamped(starts: &Literal, sizes: &Shape, from: &Shape) -> Axes {
    let last = |axis| (from.size(axis) - sizes.size(axis)) as i128;
    starts.iter().enumerate().map(|(axis, s)| s.to_i128().clamp(0, last(axis)) as usize).collect()
}

fn shifted(index: &[usize], starts: &[usize]) -> Axes {
    index.iter().zip(starts).map(|(&i, &start)| i + start).collect()
}

/// Draws the shape of a section of a tensor and its starts.
fn sample(draw: &mut Draw<'_>, ty: &TensorType) -> (Shape, Operand) {
    let sizes = ty.shape.iter().map(|&extent| draw.below(extent.size() + 1)).collect();
    let members: Vec<_> = DTypeClass::Index.members().collect();
    let bound = ty.shape.sizes().into_iter().max().unwrap_or(1);
    let starts = TensorType::new(draw.choose(&members), [ty.rank()]);
    (sizes, Operand::new(starts, Values::Index(bound)))
}

impl LinearOp for DynamicSlice {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (x, starts) = (primal.operands[0], primal.operands[1]);
        let spread = |b: &mut Builder| {
            let zeros = b.full_like(0.0, x)?;
            b.dynamic_update_slice(zeros, cotangent, starts)
        };
        Ok(smallvec![primal.when_wanted(0, spread)?, None])
    }
}

impl LinearOp for DynamicUpdateSlice {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let (update, starts) = (primal.operands[1], primal.operands[2]);
        let kept = |b: &mut Builder| {
            let zeros = b.full_like(0.0, update)?;
            b.dynamic_update_slice(cotangent, zeros, starts)
        };
        let x = primal.when_wanted(0, kept)?;
        let sizes = primal.operand_type(1).shape;
        let update = primal.when_wanted(1, |b| b.dynamic_slice(cotangent, starts, sizes))?;
        Ok(smallvec![x, update, None])
    }
}

/// With starts that the examples share the section takes the new axis whole; with starts of their own it is a gather of one window per
/// example.
impl BatchRule for DynamicSlice {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let rank = self.sizes.rank();
        if rank == 0 {
            return Ok(smallvec![node.operands[0]]);
        }
        let (x, starts) = (node.value(0), node.value(1));
        if !node.has(1) {
            let starts = from_zero(node.b, starts)?;
            return node.push(DynamicSlice { sizes: with_examples(&self.sizes, node.size) }, &[x, starts]);
        }
        let gather = windows(&self.sizes, node.has(0));
        node.push(gather, &[x, starts])
    }
}

/// The gather of one window of these sizes per example, from a tensor of each example's own or from one that they share.
fn windows(sizes: &Shape, own: bool) -> Gather {
    let all: Axes = (0..sizes.rank()).collect();
    let examples: Axes = if own { smallvec![0] } else { Axes::new() };
    let sizes: Axes = sizes.sizes().into_iter().collect();
    Gather {
        offset_axes: up(&all),
        collapsed: Axes::new(),
        batch: examples.clone(),
        index_batch: examples,
        indexed: if own { up(&all) } else { all },
        sizes: if own { after(1, &sizes) } else { sizes },
    }
}

/// Updates at places of the examples' own are a scatter, whose places are clamped first.
impl BatchRule for DynamicUpdateSlice {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let rank = node.tensor(0).rank();
        if rank == 0 {
            return Ok(smallvec![node.operands[1]]);
        }
        let (x, update, starts) = (node.spread(0)?, node.spread(1)?, node.value(2));
        if !node.has(2) {
            let starts = from_zero(node.b, starts)?;
            return node.push(DynamicUpdateSlice {}, &[x, update, starts]);
        }
        let starts = clamped_starts(node)?;
        let all: Axes = (0..rank).collect();
        let scatter = Scatter {
            kind: ScatterKind::Set,
            offset_axes: up(&all),
            collapsed: Axes::new(),
            batch: smallvec![0],
            index_batch: smallvec![0],
            indexed: up(&all),
        };
        node.push(scatter, &[x, starts, update])
    }
}

/// Starts with a 0 for the new axis.
fn from_zero(b: &mut Builder, starts: Value) -> Result<Value, BuildError> {
    let zero = b.full(Scalar::zero(b.tensor(starts).dtype), &Shape::from([1]))?;
    b.concat(&[zero, starts], 0usize)
}

/// The starts of each example's update, such that it lies within the tensor.
fn clamped_starts(node: &mut Examples<'_>) -> Result<Value, BuildError> {
    let (x, update, starts) = (node.tensor(0), node.tensor(1), node.tensor(2));
    let dtype = starts.dtype;
    let last = |axis: usize| x.shape.size(axis) - update.shape.size(axis);
    let limits = Literal::from_fn(TensorType::new(dtype, [x.rank()]), |axis| {
        Scalar::from_i128(dtype, last(axis) as i128)
    });
    let shape = with_examples(&starts.shape, node.size);
    let own = node.value(2);
    let b = &mut *node.b;
    let limits = b.literal(limits);
    let high = b.broadcast_in_dim(limits, shape.clone(), [1usize])?;
    let low = b.full(Scalar::zero(dtype), &shape)?;
    b.clamp(low, own, high)
}
