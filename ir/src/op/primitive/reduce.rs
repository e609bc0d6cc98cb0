//! Folds along axes.

use crate::op::attribute::Axes;
use crate::op::primitive::BinaryFn;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Lowering, OpDef, Sample, TypeError, Types, rule};
use crate::{DType, DTypeClass, Literal, Scalar, Shape, Type, attributes, word_attribute};

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
            ReduceKind::Sum | ReduceKind::Prod | ReduceKind::Max | ReduceKind::Min => DTypeClass::Number,
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

    /// Whether the order of elements can change the result: only for floats.
    pub const fn depends_on_order(self, dtype: DType) -> bool {
        dtype.is_float() && matches!(self, ReduceKind::Sum | ReduceKind::Prod)
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

    fn infer(&self, operands: &[&Type]) -> Result<Types, TypeError> {
        let dtype = rule::require_class(operands, 0, self.kind.class())?;
        rule::check_axes(&self.axes, operands[0].rank())?;
        rule::one(dtype, operands[0].shape.without(&self.axes))
    }

    fn eval(&self, operands: &[&Literal], results: &[Type]) -> Vec<Literal> {
        let dtype = operands[0].ty().dtype;
        // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
        let wide = if dtype.is_float() { DType::F64 } else { dtype };
        let mut folds = vec![self.kind.identity(dtype).cast(wide); results[0].elements()];
        for (flat, x) in operands[0].iter().enumerate() {
            let fold = &mut folds[kept_index(flat, &operands[0].ty().shape, &self.axes, &results[0].shape)];
            *fold = self.kind.function().eval(*fold, x.cast(wide));
        }
        vec![Literal::from_scalars(results[0].clone(), folds)]
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &Type) -> Sample<Reduce> {
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
