//! Folds over windows.

use smallvec::smallvec;

use super::{
    ArgWindow, GatherWindow, ScatterWindow, WindowAxes, real_class, results, sample, seen, transposed,
};
use crate::builder::BuildError;
use crate::op::derivative::{Differentiable, LinearOp};
use crate::op::primitive::products::{self, Scaled};
use crate::op::primitive::{ArgKind, ReduceKind};
use crate::op::sample::Draw;
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{Builder, Literal, TensorType, Value, attributes};

attributes! {
    /// Folds what a sliding window sees: `T[s] -> T[s']`.
    ///
    /// Along an axis of `n` elements a window of `t` taps has `(low + n + high - t) / stride + 1` results, rounded down, if dilations are 1. Padding and holes
    /// are nothing: a window that sees nothing gives the identity of the monoid. As in `reduce`, sums and products of floats are of unspecified
    /// order, and those of f16 and bf16 are kept in f32 and rounded once.
    pub struct ReduceWindow {
        /// The monoid; `any` and `all` take bool, the others numbers.
        pub kind: ReduceKind,
        /// How the window slides along each axis.
        pub window: WindowAxes,
    }
}

impl OpDef for ReduceWindow {
    const NAME: &'static str = "reduce_window";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, real_class(self.kind))?;
        rule::one(dtype, results(&self.window, &operands[0].shape)?)
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let TensorType { dtype, shape } = &results[0];
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = dtype.widest();
        let fold = |flat| {
            let result = rule::unravel(flat, shape);
            let seen = seen(&self.window, &operands[0].ty().shape, &result);
            let identity = self.kind.identity(*dtype).cast(wide);
            let join = |fold, (_, at)| self.kind.function().eval(fold, operands[0].get(at).cast(wide));
            seen.into_iter().fold(identity, join)
        };
        vec![Literal::from_fn(results[0].clone(), fold)]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.kind {
            ReduceKind::Sum => Derivative::linear(self),
            ReduceKind::Prod | ReduceKind::Max | ReduceKind::Min => Derivative::both(self),
            ReduceKind::Any | ReduceKind::All => Derivative::Zero,
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(ReduceWindow { window: super::with_examples(&self.window), ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ReduceWindow> {
        sample::reduction(draw, hint)
    }
}

/// Every element gets the cotangents of all windows that see it.
impl LinearOp for ReduceWindow {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let shape = primal.operand_type(0).shape;
        let back = |b: &mut Builder| {
            let window = transposed(&self.window, &shape, &b.shape(cotangent));
            b.reduce_window(cotangent, ReduceKind::Sum, window)
        };
        Ok(smallvec![primal.when_wanted(0, back)?])
    }
}

/// An extremum is the first of the elements that are it. The derivative of a product by an element is the product of the others that the window sees.
impl Differentiable for ReduceWindow {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let (x, b) = (primal.operands[0], &mut *primal.b);
        let Some(kind) = extremum(self.kind) else {
            return Ok(smallvec![Some(self.product_tangent(b, x, tangent)?)]);
        };
        let taps = b.push_one(ArgWindow { kind, window: self.window.clone() }, &[x])?;
        let gather = GatherWindow { window: self.window.clone() };
        Ok(smallvec![Some(b.push_one(gather, &[tangent, taps])?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let (x, b) = (primal.operands[0], &mut *primal.b);
        let Some(kind) = extremum(self.kind) else {
            return Ok(smallvec![Some(self.product_cotangent(b, x, cotangent)?)]);
        };
        let shape = b.shape(x);
        let taps = b.push_one(ArgWindow { kind, window: self.window.clone() }, &[x])?;
        let scatter = ScatterWindow { shape, window: self.window.clone() };
        Ok(smallvec![Some(b.push_one(scatter, &[cotangent, taps])?)])
    }
}

fn extremum(kind: ReduceKind) -> Option<ArgKind> {
    match kind {
        ReduceKind::Max => Some(ArgKind::Max),
        ReduceKind::Min => Some(ArgKind::Min),
        _ => None,
    }
}

/// Products: what each tap of a window sees is a slice along a new last axis, along which a product is one of [`Reduce`](crate::op::primitive::Reduce).
impl ReduceWindow {
    fn taps(&self) -> usize {
        self.window.iter().map(|along| along.taps).product()
    }

    /// What tap number `tap` of each window sees of `x`, 0 where that is nothing.
    fn at_tap(&self, b: &mut Builder, x: Value, tap: usize) -> Result<Value, BuildError> {
        let results = results(&self.window, &b.shape(x)).unwrap_or_else(|_| b.shape(x));
        let number = b.full(tap as i32, &results)?;
        b.push_one(GatherWindow { window: self.window.clone() }, &[x, number])
    }

    /// What all taps see of `x`, 0 where that is nothing.
    fn patches(&self, b: &mut Builder, x: Value) -> Result<Value, BuildError> {
        let slices = (0..self.taps()).map(|tap| self.at_tap(b, x, tap));
        let slices = slices.collect::<Result<Vec<_>, _>>()?;
        let last = b.shape(slices[0]).rank();
        b.stack(&slices, last)
    }

    /// For each tap the product of what the other taps see.
    fn others(&self, b: &mut Builder, x: Value) -> Result<Scaled, BuildError> {
        let ones = b.full_like(1.0, x)?;
        let there = self.patches(b, ones)?;
        let there = b.equals(there, 1.0)?;
        let patches = self.patches(b, x)?;
        let ones = b.full_like(1.0, patches)?;
        let factors = b.select(there, patches, ones)?;
        let last = b.shape(factors).rank() - 1;
        products::of_others(b, factors, last)
    }

    fn product_tangent(&self, b: &mut Builder, x: Value, tangent: Value) -> Result<Value, BuildError> {
        let dtype = b.tensor(x).dtype;
        let (x, tangent) = (b.widen(x)?, b.widen(tangent)?);
        let others = self.others(b, x)?;
        let tangents = self.patches(b, tangent)?;
        let weighted = Scaled::of(b, tangents)?.times(b, others)?.value(b)?;
        let last = b.shape(weighted).rank() - 1;
        let sum = b.sum_over(weighted, &[last])?;
        b.convert(sum, dtype)
    }

    fn product_cotangent(&self, b: &mut Builder, x: Value, cotangent: Value) -> Result<Value, BuildError> {
        let (dtype, shape) = (b.tensor(x).dtype, b.shape(x));
        let (x, cotangent) = (b.widen(x)?, b.widen(cotangent)?);
        let others = self.others(b, x)?;
        let to = b.shape(others.significand);
        let last = to.rank() - 1;
        let spread = b.spread(cotangent, &[last], &to)?;
        let weighted = Scaled::of(b, spread)?.times(b, others)?.value(b)?;
        let mut sum = None;
        for (tap, slice) in b.unstack(weighted, last)?.into_iter().enumerate() {
            let number = b.full(tap as i32, &b.shape(slice))?;
            let scatter = ScatterWindow { shape: shape.clone(), window: self.window.clone() };
            let back = b.push_one(scatter, &[slice, number])?;
            sum = b.add_derivatives(sum, Some(back))?;
        }
        let sum = sum.map_or_else(|| b.full_like(0.0, x), Ok)?;
        b.convert(sum, dtype)
    }
}
