//! Strided sections of a tensor, forwards and backwards.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::batching::{offsets, up};
use crate::op::derivative::LinearOp;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// A strided section: along each axis of extent `n` the elements `start, start + stride, ..` as long as they come
    /// before `limit`, so `ceil((limit - start) / stride)` of them.
    ///
    /// `T[..] -> T[..]` of the same rank. Nothing counts from the end and nothing is clamped: a positive stride takes
    /// `0 <= start <= limit <= n`; a negative one walks down from `start` and takes `n - 1 >= start >= limit >= -1`, where a
    /// limit of -1 includes element 0. A stride of 0 is an error.
    pub struct Slice {
        /// First element of each axis.
        pub starts: Offsets,
        /// Where each axis ends, exclusive.
        pub limits: Offsets,
        /// Distance from one element to the next, per axis; negative ones go backwards.
        pub strides: Offsets,
    }
}

impl Slice {
    /// The operand's index of the element at `index` of the result along `axis`.
    pub fn source(&self, axis: usize, index: usize) -> usize {
        (self.starts[axis] + index as i64 * self.strides[axis]) as usize
    }

    fn extent(&self, axis: usize, from: Dim) -> Result<Dim, TypeError> {
        let [start, limit, stride] =
            [self.starts[axis], self.limits[axis], self.strides[axis]].map(i128::from);
        if stride == 0 {
            return Err(TypeError::attribute("strides", format!("the stride of axis {axis} is 0")));
        }
        let length = from.size() as i128;
        let (first, last) = if stride > 0 { (0, length) } else { (-1, length - 1) };
        for (attribute, bound) in [("starts", start), ("limits", limit)] {
            if !(first..=last).contains(&bound) {
                let reason = format!(
                    "{bound} is not within {first} and {last} for axis {axis} of extent {from} and stride {stride}"
                );
                return Err(TypeError::attribute(attribute, reason));
            }
        }
        let span = (limit - start) * stride.signum();
        if span < 0 {
            let reason =
                format!("axis {axis} ends at {limit}, before its start {start} in steps of {stride}");
            return Err(TypeError::attribute("limits", reason));
        }
        Ok(Dim::known(((span + stride.abs() - 1) / stride.abs()) as usize))
    }
}

impl OpDef for Slice {
    const NAME: &'static str = "slice";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let rank = operands[0].rank();
        rule::check_per_axis("starts", self.starts.len(), rank)?;
        rule::check_per_axis("limits", self.limits.len(), rank)?;
        rule::check_per_axis("strides", self.strides.len(), rank)?;
        let extents = operands[0].shape.iter().enumerate().map(|(axis, &from)| self.extent(axis, from));
        rule::one(operands[0].dtype, extents.collect::<Result<Shape, TypeError>>()?)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let read = |flat| {
            let index = rule::unravel(flat, &results[0].shape);
            let source: Axes = index.iter().enumerate().map(|(axis, &i)| self.source(axis, i)).collect();
            operands[0].get(rule::ravel(&source, &operands[0].ty().shape))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, examples: usize) -> Batching<'_> {
        let end = i64::try_from(examples).unwrap_or(i64::MAX);
        Batching::moved(Slice {
            starts: offsets(0, &self.starts),
            limits: offsets(end, &self.limits),
            strides: offsets(1, &self.strides),
        })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Slice> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let mut op = Slice { starts: Offsets::new(), limits: Offsets::new(), strides: Offsets::new() };
        for dim in ty.shape.dims() {
            let n = dim.size() as i64;
            let stride = draw.choose(&[1, 1, 2, -1, 3, -2, 7, -5, i64::MAX, i64::MIN]);
            let (a, b) = match draw.below(3) {
                0 => (0, n),
                _ => {
                    let a = draw.between(0, n);
                    (a, draw.between(a, n))
                }
            };
            // Backwards, both bounds are one lower, and the higher comes first.
            op.starts.push(if stride > 0 { a } else { b - 1 });
            op.limits.push(if stride > 0 { b } else { a - 1 });
            op.strides.push(stride);
        }
        Sample::exact(op, [Operand::any(ty)])
    }
}

attributes! {
    /// Reverses the order of elements along `axes`: `T[s] -> T[s]`.
    pub struct Reverse {
        /// The axes, distinct.
        pub axes: Axes,
    }
}

impl OpDef for Reverse {
    const NAME: &'static str = "reverse";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::check_axes(&self.axes, operands[0].rank())?;
        rule::one(operands[0].dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let shape = &results[0].shape;
        let read = |flat| {
            let mut index = rule::unravel(flat, shape);
            for &axis in &self.axes {
                index[axis] = shape.size(axis) - 1 - index[axis];
            }
            operands[0].get(rule::ravel(&index, shape))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Reverse { axes: up(&self.axes) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Reverse> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let axes = draw.axes(ty.rank(), 0);
        Sample::exact(Reverse { axes }, [Operand::any(ty)])
    }
}

/// What was left out gets 0.
impl LinearOp for Slice {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let from = primal.operand_type(0).shape;
        Ok(smallvec![primal.when_wanted(0, |b| self.spread(b, cotangent, &from))?])
    }
}

impl Slice {
    /// A tensor of the shape `from` with the elements of `x` where the slice takes them, and 0 elsewhere.
    fn spread(&self, b: &mut Builder, x: Value, from: &Shape) -> Result<Value, BuildError> {
        let backwards: Axes = (0..from.rank()).filter(|&axis| self.strides[axis] < 0).collect();
        let x = if backwards.is_empty() { x } else { b.reverse(x, backwards)? };
        let (mut low, mut high, mut interior) = (Offsets::new(), Offsets::new(), Axes::new());
        for (axis, count) in b.shape(x).sizes().into_iter().enumerate() {
            let (count, extent) = (count as i64, from.size(axis) as i64);
            // None of an empty slice's elements can be named: it is all padding. A stride of one element counts for nothing.
            let (first, length) = match count {
                0 => (0, 0),
                1 => (self.starts[axis], 1),
                _ => {
                    let span = (count - 1) * self.strides[axis];
                    (self.starts[axis] + span.min(0), span.abs() + 1)
                }
            };
            low.push(first);
            high.push(extent - first - length);
            interior.push(if count > 1 { self.strides[axis].unsigned_abs() as usize - 1 } else { 0 });
        }
        let zero = b.scalar(Scalar::zero(b.tensor(x).dtype));
        b.pad(x, zero, low, high, interior)
    }
}

impl LinearOp for Reverse {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        Ok(smallvec![primal.when_wanted(0, |b| b.reverse(cotangent, self.axes.clone()))?])
    }
}
