//! Prefix folds.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::{Axes, Offsets};
use crate::op::derivative::{Differentiable, LinearOp};
use crate::op::primitive::{Gather, ReduceKind, products};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, DType, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Running folds along `axis`: element `i` of the result is the fold of elements `0..=i`: `T[s] -> T[s]`.
    ///
    /// An exclusive scan folds elements `0..i` and so begins with the identity of the monoid. A reverse scan runs from the
    /// last element to the first: element `i` is the fold of elements `i..`, or `i + 1..` if exclusive. As in `reduce`, sums and
    /// products of floats are of unspecified order, and those of f16 and bf16 are kept in f32 and rounded once per element.
    pub struct Cumulative {
        /// The monoid; `any` and `all` take bool, the others numbers.
        pub kind: ReduceKind,
        /// The axis along which to run.
        pub axis: usize,
        /// Whether an element's own value is left out.
        pub exclusive: bool,
        /// Whether to run from the last element to the first.
        pub reverse: bool,
    }
}

impl OpDef for Cumulative {
    const NAME: &'static str = "cumulative";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::check_axis(self.axis, operands[0].rank())?;
        rule::one(dtype, operands[0].shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let TensorType { dtype, shape } = &results[0];
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = dtype.widest();
        let fold = |a, b: Scalar| self.kind.function().eval(a, b.cast(wide));
        let mut elements = vec![Scalar::zero(*dtype); shape.elements()];
        for line in rule::lines(shape, self.axis) {
            let mut running = self.kind.identity(*dtype).cast(wide);
            for i in 0..line.len() {
                let at = line[if self.reverse { line.len() - 1 - i } else { i }];
                let before = running;
                running = fold(running, operands[0].get(at));
                elements[at] = if self.exclusive { before } else { running };
            }
        }
        vec![Literal::from_scalars(results[0].clone(), elements)]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.kind {
            ReduceKind::Sum => Derivative::linear(self),
            ReduceKind::Prod | ReduceKind::Max | ReduceKind::Min => Derivative::both(self),
            ReduceKind::Any | ReduceKind::All => Derivative::Zero,
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Cumulative { axis: self.axis + 1, ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Cumulative> {
        let kind = draw.choose(ReduceKind::ALL);
        let ty = draw.like(hint, kind.class(), 1);
        let axis = draw.axis(ty.rank());
        let op = Cumulative { kind, axis, exclusive: draw.flip(), reverse: draw.flip() };
        if kind.depends_on_order(ty.dtype) {
            Sample::epsilons(op, 64, [Operand::moderate(ty)])
        } else {
            Sample::exact(op, [Operand::any(ty)])
        }
    }
}

/// An element is in the sums from its own on: its cotangent is the sum of theirs, the other way round.
impl LinearOp for Cumulative {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let sum =
            |b: &mut Builder| b.cumulative(cotangent, self.kind, self.axis, self.exclusive, !self.reverse);
        Ok(smallvec![primal.when_wanted(0, sum)?])
    }
}

/// Running products and extrema.
///
/// A product `p[i] = p[i - 1] x[i]` has the tangent `p'[i] = x[i] p'[i - 1] + p[i - 1] x'[i]`, a linear recurrence; read
/// backwards it gives cotangents. See [`products`](super::products) for how. A running extremum is the element where it was reached first:
/// its derivative is a gather.
///
/// An exclusive scan is the inclusive one moved on by one element.
impl Differentiable for Cumulative {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let x = primal.operands[0];
        let b = &mut *primal.b;
        let inclusive = match self.kind {
            ReduceKind::Prod => products::running_tangent(b, self.line(), x, tangent)?,
            _ => {
                let (gather, places) = self.places(b, x)?;
                let found = b.push_one(gather, &[tangent, places])?;
                let shape = b.shape(x);
                b.reshape(found, shape)?
            }
        };
        Ok(smallvec![Some(if self.exclusive { self.line().shift(b, inclusive, 1)? } else { inclusive })])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let x = primal.operands[0];
        let b = &mut *primal.b;
        let back = self.line().reversed();
        let cotangent = if self.exclusive { back.shift(b, cotangent, 1)? } else { cotangent };
        let result = match self.kind {
            ReduceKind::Prod => products::running_cotangent(b, self.line(), x, cotangent)?,
            _ => {
                let (gather, places) = self.places(b, x)?;
                gather.scatter_add(b, x, places, cotangent)?
            }
        };
        Ok(smallvec![Some(result)])
    }
}

impl Cumulative {
    fn line(&self) -> Line {
        Line { axis: self.axis, reverse: self.reverse }
    }

    /// The exclusive scan.
    fn before(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        b.cumulative(x, self.kind, self.axis, true, self.reverse)
    }

    /// Where along the axis the inclusive running extremum was reached first, and the gather that reads there.
    fn places(&self, b: &mut Builder, x: Value) -> Result<(Gather, Value), BuildError> {
        let shape = b.shape(x);
        let best = self.before(b, x)?;
        let better = if self.kind == ReduceKind::Max { b.gt(x, best)? } else { b.lt(x, best)? };
        let number = b.iota(DType::I64, shape.clone(), self.axis)?;
        // What is carried from the last record on is its number, which grows in the direction of the scan.
        let (latest, first) = match self.reverse {
            false => (ReduceKind::Max, 0),
            true => (ReduceKind::Min, shape.size(self.axis) as i64 - 1),
        };
        let first = b.full(first, &shape)?;
        let record = b.select(better, number, first)?;
        let place = b.cumulative(record, latest, self.axis, false, self.reverse)?;
        let vectors: Shape = shape.dims().iter().copied().chain([1.into()]).collect();
        Ok((Gather::along_axis(shape.rank(), self.axis), b.reshape(place, vectors)?))
    }
}

/// A direction along an axis.
#[derive(Clone, Copy)]
pub(super) struct Line {
    pub(super) axis: usize,
    pub(super) reverse: bool,
}

impl Line {
    pub(super) fn reversed(self) -> Line {
        Line { reverse: !self.reverse, ..self }
    }

    /// The running fold, with each element's own value or without.
    pub(super) fn fold(
        self,
        b: &mut Builder,
        x: Value,
        kind: ReduceKind,
        own: Own,
    ) -> Result<Value, BuildError> {
        b.cumulative(x, kind, self.axis, own == Own::Without, self.reverse)
    }

    /// `x` moved on by `distance`, not more than the extent; zeros come in.
    pub(super) fn shift(self, b: &mut Builder, x: Value, distance: usize) -> Result<Value, BuildError> {
        let ty = b.tensor(x).clone();
        let distance = distance.min(ty.shape.size(self.axis)) as i64;
        let zero = b.scalar(Scalar::zero(ty.dtype));
        let mut low = Offsets::from_elem(0, ty.rank());
        low[self.axis] = if self.reverse { -distance } else { distance };
        let high: Offsets = low.iter().map(|n| -n).collect();
        b.pad(x, zero, low, high, Axes::from_elem(0, ty.rank()))
    }
}

/// Whether a running fold has the element's own value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own {
    With,
    Without,
}

/// `s[i] = factor[i] s[i - 1] + input[i]` along a line, by doubling: each of `log2(n)` steps joins every partial result with the
/// one that ends where it begins (Hillis and Steele 1986).
pub(super) fn recurrence(
    b: &mut Builder,
    line: Line,
    factor: Value,
    input: Value,
) -> Result<Value, BuildError> {
    let (mut factor, mut sum) = (factor, input);
    let extent = b.shape(sum).size(line.axis);
    let mut distance = 1;
    while distance < extent {
        let before = line.shift(b, sum, distance)?;
        let carried = b.mul(factor, before)?;
        sum = b.add(sum, carried)?;
        distance *= 2;
        if distance < extent {
            let before = line.shift(b, factor, distance / 2)?;
            factor = b.mul(factor, before)?;
        }
    }
    Ok(sum)
}
