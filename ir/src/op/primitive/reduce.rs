//! Folds along axes.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::up;
use crate::op::derivative::{Differentiable, LinearOp};
use crate::op::primitive::movement::inverse;
use crate::op::primitive::products::Scaled;
use crate::op::primitive::{BinaryFn, products};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{
    Builder, DType, DTypeClass, Literal, Scalar, Shape, TensorType, Value, attributes, word_attribute,
};

word_attribute! {
    /// The monoid of a reduction.
    pub enum ReduceKind {
        /// Sum; integers wrap.
        Sum = "sum",
        /// Product; integers wrap.
        Prod = "prod",
        /// Greatest, NaN if there is one; minus infinity (or the lowest integer) for no elements.
        Max = "max",
        /// Least, NaN if there is one; infinity (or the highest integer) for no elements.
        Min = "min",
        /// Whether one element is true.
        Any = "any",
        /// Whether all elements are true.
        All = "all",
    }
}

impl ReduceKind {
    /// Dtypes that it takes.
    pub const fn class(self) -> DTypeClass {
        match self {
            ReduceKind::Sum | ReduceKind::Prod => DTypeClass::Number,
            ReduceKind::Max | ReduceKind::Min => DTypeClass::Real,
            ReduceKind::Any | ReduceKind::All => DTypeClass::Bool,
        }
    }

    /// The function that joins two elements.
    pub const fn function(self) -> BinaryFn {
        match self {
            ReduceKind::Sum => BinaryFn::Add,
            ReduceKind::Prod => BinaryFn::Mul,
            ReduceKind::Max => BinaryFn::Maximum,
            ReduceKind::Min => BinaryFn::Minimum,
            ReduceKind::Any => BinaryFn::Or,
            ReduceKind::All => BinaryFn::And,
        }
    }

    /// The fold of no elements.
    pub fn identity(self, dtype: DType) -> Scalar {
        match self {
            ReduceKind::Sum | ReduceKind::Any => Scalar::zero(dtype),
            ReduceKind::Prod | ReduceKind::All => Scalar::one(dtype),
            ReduceKind::Max => Scalar::lowest(dtype),
            ReduceKind::Min => Scalar::highest(dtype),
        }
    }

    /// Whether the order of elements can change the result: only for floats and complex numbers.
    pub const fn depends_on_order(self, dtype: DType) -> bool {
        dtype.is_differentiable() && matches!(self, ReduceKind::Sum | ReduceKind::Prod)
    }
}

attributes! {
    /// Folds along `axes`, which disappear from the result. Sums and products of floats are of unspecified order; sums of
    /// f16 and bf16 are kept in f32 and rounded once.
    pub struct Reduce {
        /// The monoid.
        pub kind: ReduceKind,
        /// The axes, distinct.
        pub axes: Axes,
    }
}

impl OpDef for Reduce {
    const NAME: &'static str = "reduce";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Reduce;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::check_axes(&self.axes, operands[0].rank())?;
        rule::one(dtype, operands[0].shape.without(&self.axes))
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let dtype = operands[0].ty().dtype;
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = dtype.widest();
        let mut folds = vec![self.kind.identity(dtype).cast(wide); results[0].elements()];
        for (flat, x) in operands[0].iter().enumerate() {
            let fold = &mut folds[kept_index(flat, &operands[0].ty().shape, &self.axes, &results[0].shape)];
            *fold = self.kind.function().eval(*fold, x.cast(wide));
        }
        vec![Literal::from_scalars(results[0].clone(), folds)]
    }

    fn derivative(&self) -> Derivative<'_> {
        match self.kind {
            ReduceKind::Sum => Derivative::linear(self),
            ReduceKind::Prod | ReduceKind::Max | ReduceKind::Min => Derivative::both(self),
            ReduceKind::Any | ReduceKind::All => Derivative::Zero,
        }
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Reduce { kind: self.kind, axes: up(&self.axes) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Reduce> {
        let kind = draw.choose(ReduceKind::ALL);
        let ty = draw.like(hint, kind.class(), 1);
        let axes = draw.axes(ty.rank(), 1);
        if kind.depends_on_order(ty.dtype) {
            Sample::epsilons(Reduce { kind, axes }, 64, [Operand::moderate(ty)])
        } else {
            Sample::exact(Reduce { kind, axes }, [Operand::any(ty)])
        }
    }
}

/// Where in the result the operand's element at `flat` goes.
fn kept_index(flat: usize, from: &Shape, axes: &[usize], to: &Shape) -> usize {
    let index = rule::unravel(flat, from);
    let kept: Axes = (0..from.rank()).filter(|axis| !axes.contains(axis)).map(|axis| index[axis]).collect();
    rule::ravel(&kept, to)
}

/// Every element of a sum gets its cotangent.
impl LinearOp for Reduce {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let shape = primal.operand_type(0).shape;
        Ok(smallvec![primal.when_wanted(0, |b| b.spread(cotangent, &self.axes, &shape))?])
    }
}

/// Products and extrema: the tangent of the result is the sum of the tangents, each times the derivative by its element. Equal extrema
/// share the derivative equally.
impl Differentiable for Reduce {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None]) };
        let weighted = self.weighted(primal, tangent)?;
        Ok(smallvec![Some(primal.b.sum_over(weighted, &self.axes)?)])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let shape = primal.operand_type(0).shape;
        let spread = primal.b.spread(cotangent, &self.axes, &shape)?;
        Ok(smallvec![Some(self.weighted(primal, spread)?)])
    }
}

impl Reduce {
    /// `t`, of the operand's shape, times the derivative of the result by each element.
    fn weighted(&self, primal: &mut Primal<'_>, t: Value) -> Result<Value, BuildError> {
        let (x, y, b) = (primal.operands[0], primal.results[0], &mut *primal.b);
        match self.kind {
            ReduceKind::Prod => {
                let dtype = b.tensor(x).dtype;
                if dtype.is_complex() {
                    let others = along_one_axis(b, x, &self.axes, products::of_other_complex)?;
                    return b.mul(t, others[0]);
                }
                let (x, t) = (b.widen(x)?, b.widen(t)?);
                let others = product_of_others(b, x, &self.axes)?;
                let weighted = Scaled::of(b, t)?.times(b, others)?.value(b)?;
                b.convert(weighted, dtype)
            }
            _ => among_extrema(b, x, y, &self.axes, t),
        }
    }
}

/// For each element the product of all others along `axes`.
fn product_of_others(b: &mut Builder, x: Value, axes: &[usize]) -> Result<Scaled, BuildError> {
    let others = along_one_axis(b, x, axes, |b, x, axis| {
        let Scaled { significand, exponent } = products::of_others(b, x, axis)?;
        Ok([significand, exponent])
    })?;
    let [significand, exponent] = others;
    Ok(Scaled { significand, exponent })
}

/// What is computed of `x` along the only one of `axes`, or along an axis that all of them were made of.
fn along_one_axis<const N: usize>(
    b: &mut Builder,
    x: Value,
    axes: &[usize],
    compute: impl FnOnce(&mut Builder, Value, usize) -> Result<[Value; N], BuildError>,
) -> Result<[Value; N], BuildError> {
    if let &[axis] = axes {
        return compute(b, x, axis);
    }
    let shape = b.shape(x);
    let order: Axes =
        (0..shape.rank()).filter(|axis| !axes.contains(axis)).chain(axes.iter().copied()).collect();
    let moved = b.transpose(x, order.clone())?;
    let (kept, folded) = (shape.rank() - axes.len(), b.shape(moved));
    let line = folded.dims()[kept..].iter().map(|d| d.size()).product::<usize>();
    let flat: Shape = folded.dims()[..kept].iter().copied().chain([line.into()]).collect();
    let flat = b.reshape(moved, flat)?;
    let mut found = compute(b, flat, kept)?;
    for value in &mut found {
        let back = b.reshape(*value, folded.clone())?;
        *value = b.transpose(back, inverse(&order))?;
    }
    Ok(found)
}

/// `t` shared equally by the elements that are the extremum, 0 for the others.
fn among_extrema(b: &mut Builder, x: Value, y: Value, axes: &[usize], t: Value) -> Result<Value, BuildError> {
    let TensorType { dtype, shape } = b.tensor(x).clone();
    let extremum = b.spread(y, axes, &shape)?;
    let hit = b.eq(x, extremum)?;
    // Counted in a dtype that has the number: f16 ends at 65504.
    let t = b.widen(t)?;
    let ones = b.cast(hit, b.tensor(t).dtype)?;
    let count = b.sum_over(ones, axes)?;
    // A NaN equals nothing: 0 elements share nothing.
    let count = b.at_least(count, 1.0)?;
    let count = b.spread(count, axes, &shape)?;
    let share = b.div(t, count)?;
    let share = b.convert(share, dtype)?;
    b.zero_unless(hit, share)
}
