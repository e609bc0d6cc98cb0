//! Activation functions.

use smallvec::smallvec;

use crate::op::primitive::ReduceKind;
use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, CompositeDef, Results, Sample, TypeError, rule};
use crate::{Builder, DTypeClass, Type, Value, attributes};

attributes! {
    /// `exp(x - max) / sum(exp(x - max))` along `axis`.
    pub struct Softmax {
        /// The axis whose elements sum to one.
        pub axis: usize,
    }
}

impl CompositeDef for Softmax {
    const NAME: &'static str = "softmax";
    const ARITY: Arity = Arity::Exact(1);

    fn expand(&self, b: &mut Builder, x: &[Value]) -> Result<Results, TypeError> {
        rule::require_class(&[b.ty(x[0])], 0, DTypeClass::Float)?;
        let max = keep_dims(b, ReduceKind::Max, x[0], self.axis)?;
        let shifted = b.sub(x[0], max)?;
        let exp = b.exp(shifted)?;
        let sum = keep_dims(b, ReduceKind::Sum, exp, self.axis)?;
        Ok(smallvec![b.div(exp, sum)?])
    }

    fn sample(draw: &mut Draw<'_>, hint: &Type) -> Sample<Softmax> {
        let ty = draw.like(hint, DTypeClass::Float, 1);
        let axis = draw.axis(ty.rank());
        Sample::epsilons(Softmax { axis }, 64, [Operand::moderate(ty)])
    }
}

/// The reduction of `x` along one axis, broadcast back to the shape of `x`.
fn keep_dims(b: &mut Builder, kind: ReduceKind, x: Value, axis: usize) -> Result<Value, TypeError> {
    let shape = b.shape(x);
    let reduced = b.reduce(x, kind, [axis])?;
    Ok(b.broadcast_in_dim(
        reduced,
        shape.clone(),
        (0..shape.rank()).filter(|&a| a != axis).collect::<Vec<_>>(),
    )?)
}
