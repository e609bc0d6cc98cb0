//! Joining tensors.

use crate::builder::BuildError;
use crate::op::derivative::LinearOp;
use crate::op::primitive::bulk;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{DTypeClass, Dim, Literal, TensorType, Value, attributes};

attributes! {
    /// The operands one after the other along `axis`: one or more `T[..]` that agree in all other axes.
    pub struct Concat {
        /// The axis along which extents add up.
        pub axis: usize,
    }
}

impl OpDef for Concat {
    const NAME: &'static str = "concat";
    const ARITY: Arity = Arity::AtLeast(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let first = &operands[0].shape;
        rule::check_axis(self.axis, first.rank())?;
        let mut total = Some(first[self.axis]);
        for (i, ty) in operands.iter().enumerate().skip(1) {
            rule::same_dtype(operands, 0, i)?;
            if ty.rank() != first.rank() || ty.shape.with_dim(self.axis, first[self.axis]) != *first {
                let what = format!("shapes of operands 0 and {i} apart from axis {}", self.axis);
                let (left, right) = (first.clone(), ty.shape.clone());
                return Err(TypeError::ShapeMismatch { what, left, right });
            }
            total = total.and_then(|t| t.plus(ty.shape[self.axis]));
        }
        let total = total.unwrap_or(Dim::known(usize::MAX));
        rule::one(operands[0].dtype, first.with_dim(self.axis, total))
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let read = |flat| {
            let mut index = rule::unravel(flat, &results[0].shape);
            let mut sources = operands.iter();
            let mut source = sources.next().expect("one or more operands");
            while index[self.axis] >= source.ty().shape.size(self.axis) {
                index[self.axis] -= source.ty().shape.size(self.axis);
                source = sources.next().expect("extents add up to the result's");
            }
            source.get(rule::ravel(&index, &source.ty().shape))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Concat { axis: self.axis + 1 })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Concat> {
        let ty = draw.like(hint, DTypeClass::Any, 1);
        let axis = draw.axis(ty.rank());
        let mut operands = vec![Operand::any(ty.clone())];
        let extents: &[usize] = if bulk(&ty) <= 512 { &[2, 1, 0, 5] } else { &[0, 1] };
        for _ in 0..draw.below(4) {
            let extent = draw.choose(extents);
            operands.push(Operand::any(ty.with_shape(ty.shape.with_dim(axis, Dim::known(extent)))));
        }
        Sample::exact(Concat { axis }, operands)
    }
}

impl LinearOp for Concat {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let mut start = 0;
        let mut parts = Derivatives::new();
        for operand in 0..primal.operands.len() {
            let limit = start + primal.operand_type(operand).shape.size(self.axis);
            parts.push(primal.when_wanted(operand, |b| b.section(cotangent, self.axis, start, limit))?);
            start = limit;
        }
        Ok(parts)
    }
}
