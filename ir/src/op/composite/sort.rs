//! What sorting is used for: the order itself, and whether something is among the first.

use smallvec::smallvec;

use super::indexing::one_hot;
use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand, Values};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, TensorType, Value, attributes};

attributes! {
    /// The indices that would sort `x` along `axis`: `T[s] -> dtype[s]`. Stable, in the order of `sort`: NaN above all
    /// numbers.
    pub struct Argsort {
        /// The axis along which to sort.
        pub axis: usize,
        /// Whether the greatest comes first.
        pub descending: bool,
        /// Dtype of the indices: i32, i64, u32 or u64.
        pub dtype: DType,
    }
}

impl CompositeDef for Argsort {
    const NAME: &'static str = "argsort";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        let shape = b.shape(x[0]);
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("dtype", self.dtype, shape[self.axis])?;
        let number = b.iota(self.dtype, shape, self.axis)?;
        let sorted = b.sort(&[x[0], number], self.axis, 1usize, self.descending)?;
        Ok(smallvec![sorted[1]])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Argsort> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let dtype = draw.choose(&[DType::I32, DType::I64, DType::U32, DType::U64]);
        Sample::exact(Argsort { axis, descending: draw.flip(), dtype }, [Operand::any(ty)])
    }
}

attributes! {
    /// Whether the target's prediction is among the `k` greatest: `T[b.., c], I[b..] -> bool[b..]`, true if fewer than `k`
    /// predictions are greater. False if the target is not a class or its prediction is NaN; other NaNs are not greater.
    pub struct InTopK {
        /// Number of greatest predictions that count.
        pub k: usize,
    }
}

impl CompositeDef for InTopK {
    const NAME: &'static str = "in_top_k";
    const ARITY: Arity = Arity::Exact(2);

    fn expand(&self, b: &mut Builder, operands: &[Value]) -> Result<Results, TypeError> {
        let (predictions, targets) = (b.type_of(operands[0]), b.type_of(operands[1]));
        rule::require_class(&[&predictions], 0, DTypeClass::Float)?;
        rule::require_class(&[&predictions, &targets], 1, DTypeClass::Int)?;
        let Some((&classes, rows)) = predictions.shape.split_last() else {
            return Err(TypeError::Other(format!(
                "operand 0 must have an axis of classes, found {predictions}"
            )));
        };
        if *targets.shape != *rows {
            let what = "the shape of the targets and that of operand 0 without its last axis".to_owned();
            return Err(TypeError::ShapeMismatch { what, left: targets.shape, right: predictions.shape });
        }
        let axis = rows.len();
        let hot = one_hot(b, operands[1], axis, classes)?;
        let lowest = b.full_like(f64::NEG_INFINITY, operands[0])?;
        let target = b.select(hot, operands[0], lowest)?;
        let target = b.reduce(target, ReduceKind::Max, [axis])?;
        let spread = b.spread(target, &[axis], &predictions.shape)?;
        let greater = b.gt(operands[0], spread)?;
        let greater = b.cast(greater, DType::I64)?;
        let rank = b.sum_over(greater, &[axis])?;
        let bound = b.full(i64::try_from(self.k).unwrap_or(i64::MAX), &targets.shape)?;
        let among = b.lt(rank, bound)?;
        let known = b.reduce(hot, ReduceKind::Any, [axis])?;
        let number = b.eq(target, target)?;
        let valid = b.and(known, number)?;
        Ok(smallvec![b.and(among, valid)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<InTopK> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let rank = ty.rank();
        let dtype = draw.choose(&[DType::I32, DType::U8, DType::I64]);
        let targets = TensorType { dtype, shape: ty.shape.without(&[rank - 1]) };
        let values = Values::Index(ty.shape.size(rank - 1));
        Sample::exact(InTopK { k: draw.below(4) }, [Operand::any(ty), Operand::new(targets, values)])
    }
}
