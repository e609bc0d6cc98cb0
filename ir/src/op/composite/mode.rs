//! The most frequent element.

use smallvec::smallvec;

use crate::op::primitive::{ArgKind, CompareFn, ReduceKind};
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DType, DTypeClass, Dim, Scalar, TensorType, attributes};

attributes! {
    /// The most frequent element along `axis`, the least of those: `T[a.., n, b..] -> T[a.., b..]`, any dtype but complex, `n` at least 1. NaNs are equal, and above all numbers.
    ///
    /// By sorting: the first of the longest runs of equal elements.
    pub struct Mode {
        /// The axis, which disappears.
        pub axis: usize,
    }
}

impl CompositeDef for Mode {
    const NAME: &'static str = "mode";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, operands: &[crate::Value]) -> Result<Results, TypeError> {
        let TensorType { shape, .. } = b.type_of(operands[0]);
        rule::require_class(&[b.tensor(operands[0])], 0, DTypeClass::Ordered)?;
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("axis", DType::I32, shape[self.axis])?;
        let count = shape.size(self.axis);
        if count == 0 {
            return Err(TypeError::Other(format!("axis {} has no elements", self.axis)));
        }
        let sorted = b.sort(&[operands[0]], self.axis, 1usize, false)?[0];
        let place = b.iota(DType::I32, shape.clone(), self.axis)?;
        let (before, after) =
            (b.section(sorted, self.axis, 0, count - 1)?, b.section(sorted, self.axis, 1, count)?);
        let differs = b.push_one(CompareFn::LtTotal, &[before, after])?;
        let first = b.full(Scalar::Bool(true), &shape.with_dim(self.axis, Dim::known(1)))?;
        let begins = b.concat(&[first, differs], self.axis)?;
        let start = b.zero_unless(begins, place)?;
        let start = b.cumulative(start, ReduceKind::Max, self.axis, false, false)?;
        let length = b.sub(place, start)?;
        let longest = b.arg_reduce(length, ArgKind::Max, self.axis, DType::I32)?;
        let longest = b.expand_dims(longest, [self.axis])?;
        let found = b.take_along_axis(sorted, longest, self.axis)?;
        Ok(smallvec![b.squeeze(found, [self.axis])?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Mode> {
        let ty = draw.like(hint, DTypeClass::Ordered, 1);
        let axis = draw.axis(ty.rank());
        let ty = ty.with_shape(ty.shape.with_dim(axis, Dim::known(ty.shape.size(axis).max(1))));
        Sample::exact(Mode { axis }, [Operand::any(ty)])
    }
}
