//! Padding, also with negative amounts and between elements.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::batching::{BatchRule, Examples, Item, Items, after, offsets, up};
use crate::op::derivative::LinearOp;
use crate::op::primitive::bulk;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Adds copies of a scalar: `interior` between neighbours, then `low` before the first and `high` after the last
    /// element of each axis.
    ///
    /// `T[..], T[] -> T[..]` of the same rank; an axis of extent `n` becomes `low + n + max(n - 1, 0) * interior + high`,
    /// which must not be negative. Negative `low` and `high` cut elements off, interior padding among them.
    pub struct Pad {
        /// Copies before the first element of each axis; negative to cut off.
        pub low: Offsets,
        /// Copies after the last element of each axis; negative to cut off.
        pub high: Offsets,
        /// Copies between neighbours of each axis.
        pub interior: Axes,
    }
}

impl Pad {
    /// The operand's index of the element at `index` of the result along `axis`; `None` for padding. `extent` is the
    /// operand's.
    pub fn source(&self, axis: usize, index: usize, extent: usize) -> Option<usize> {
        let step = self.interior[axis] as i128 + 1;
        let from_first = index as i128 - i128::from(self.low[axis]);
        let source = from_first.div_euclid(step);
        (from_first.rem_euclid(step) == 0 && (0..extent as i128).contains(&source)).then_some(source as usize)
    }

    fn extent(&self, axis: usize, from: Dim) -> Result<Dim, TypeError> {
        let (low, high) = (i128::from(self.low[axis]), i128::from(self.high[axis]));
        let gaps = from.size().saturating_sub(1) as i128;
        let total = gaps
            .checked_mul(self.interior[axis] as i128)
            .and_then(|inner| inner.checked_add(low + high + from.size() as i128));
        // Each factor is below 2^64, so that only three large ones could be too many for 128 bits.
        let total = total.unwrap_or(i128::MAX);
        if total < 0 {
            let reason = format!("axis {axis} of extent {from} would get the negative extent {total}");
            return Err(TypeError::attribute(if low < 0 { "low" } else { "high" }, reason));
        }
        // What is an extent and does not fit in memory is reported by the check of the whole shape.
        usize::try_from(total).map(Dim::known).map_err(|_| {
            let reason =
                format!("axis {axis} of extent {from} would get the extent {total}, which is too large");
            TypeError::attribute(if low > high { "low" } else { "high" }, reason)
        })
    }
}

impl OpDef for Pad {
    const NAME: &'static str = "pad";
    const ARITY: Arity = Arity::Exact(2);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::same_dtype(operands, 0, 1)?;
        rule::require_scalar(operands, 1)?;
        let rank = operands[0].rank();
        rule::check_per_axis("low", self.low.len(), rank)?;
        rule::check_per_axis("high", self.high.len(), rank)?;
        rule::check_per_axis("interior", self.interior.len(), rank)?;
        let extents = operands[0].shape.iter().enumerate().map(|(axis, &from)| self.extent(axis, from));
        rule::one(dtype, extents.collect::<Result<Shape, TypeError>>()?)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let from = &operands[0].ty().shape;
        let read = |flat| {
            let index = rule::unravel(flat, &results[0].shape);
            let sources = index.iter().enumerate().map(|(axis, &i)| self.source(axis, i, from.size(axis)));
            match sources.collect::<Option<Axes>>() {
                Some(source) => operands[0].get(rule::ravel(&source, from)),
                None => operands[1].get(0),
            }
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::Rule(self)
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Pad> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let mut op = Pad { low: Offsets::new(), high: Offsets::new(), interior: Axes::new() };
        let mut room = 8192 / bulk(&ty);
        for dim in ty.shape.dims() {
            let n = dim.size() as i64;
            let grows = room >= 8 && draw.flip();
            room /= if grows { 8 } else { 1 };
            let interior = if grows { draw.choose(&[0, 0, 1, 2]) } else { 0 };
            let filled = n + (n - 1).max(0) * interior as i64;
            let low = draw.between(-filled.min(3), if grows { 3 } else { 0 });
            op.low.push(low);
            op.high.push(draw.between(-(filled + low).min(3), if grows { 3 } else { 0 }));
            op.interior.push(interior);
        }
        let value = Operand::any(TensorType::scalar(ty.dtype));
        Sample::exact(op, [Operand::any(ty), value])
    }
}

impl LinearOp for Pad {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let from = primal.operand_type(0).shape;
        let x = primal.when_wanted(0, |b| self.operand_part(b, cotangent, &from))?;
        let value = primal.when_wanted(1, |b| self.padding_sum(b, cotangent, &from))?;
        Ok(smallvec![x, value])
    }
}

impl Pad {
    /// The elements of a tensor of the result's shape that are the operand's, and 0 for those that were cut off.
    fn operand_part(&self, b: &mut Builder, x: Value, from: &Shape) -> Result<Value, BuildError> {
        let zero = b.scalar(Scalar::zero(b.tensor(x).dtype));
        let negated = |offsets: &Offsets| offsets.iter().map(|n| -n).collect::<Offsets>();
        let rank = from.rank();
        let x = b.pad(x, zero, negated(&self.low), negated(&self.high), Axes::from_elem(0, rank))?;
        if self.interior.iter().all(|&gap| gap == 0) {
            return Ok(x);
        }
        let limits: Offsets = b.shape(x).sizes().iter().map(|&n| n as i64).collect();
        let strides: Offsets = self.interior.iter().map(|&gap| gap as i64 + 1).collect();
        b.slice(x, Offsets::from_elem(0, rank), limits, strides)
    }

    /// Where the result has elements of an operand of this shape.
    fn inside(&self, b: &mut Builder, from: &Shape) -> Result<Value, BuildError> {
        let inside = b.full(true, from)?;
        let padding = b.scalar(false);
        b.push_one(self.clone(), &[inside, padding])
    }

    /// The sum of the elements of a tensor of the result's shape that are padding.
    fn padding_sum(&self, b: &mut Builder, x: Value, from: &Shape) -> Result<Value, BuildError> {
        let inside = self.inside(b, from)?;
        let outside = b.number_where(inside, 0.0, x)?;
        b.sum_over(outside, &(0..from.rank()).collect::<Axes>())
    }
}

/// A padding value of each example's own is selected where nothing else is.
impl BatchRule for Pad {
    fn batch(&self, node: &mut Examples<'_>) -> Result<Items, BuildError> {
        let wide = Pad {
            low: offsets(0, &self.low),
            high: offsets(0, &self.high),
            interior: after(0, &self.interior),
        };
        let (x, value) = (node.spread(0)?, node.value(1));
        if !node.has(1) {
            return node.push(wide, &[x, value]);
        }
        let b = &mut *node.b;
        let zero = b.scalar(Scalar::zero(b.tensor(x).dtype));
        let padded = b.push_one(wide, &[x, zero])?;
        let inside = self.inside(b, &node.types[0].tensor().shape)?;
        let shape = b.shape(padded);
        let axes = up(&(0..shape.rank() - 1).collect::<Axes>());
        let inside = b.broadcast_in_dim(inside, shape.clone(), axes)?;
        let value = b.broadcast_in_dim(value, shape, [0usize])?;
        Ok(smallvec![Item::batched(b.select(inside, padded, value)?)])
    }
}
