//! Where the greatest or least element is.

use std::cmp::Ordering;

use crate::op::sample::{Draw, Operand};
use crate::op::{Arity, Batching, Derivative, Lowering, OpDef, Sample, TensorTypes, TypeError, rule};
use crate::{DType, DTypeClass, Literal, Scalar, TensorType, attributes, word_attribute};

word_attribute! {
    /// Which element is looked for.
    pub enum ArgKind {
        /// The greatest.
        Max = "max",
        /// The least.
        Min = "min",
    }
}

impl ArgKind {
    /// Whether an element takes the place of the best one before it.
    pub fn beats(self, x: Scalar, best: Scalar) -> bool {
        let wanted = if self == ArgKind::Max { Ordering::Greater } else { Ordering::Less };
        if x.dtype().is_float() {
            let (x, best) = (x.to_f64(), best.to_f64());
            !best.is_nan() && (x.is_nan() || x.partial_cmp(&best) == Some(wanted))
        } else {
            x.to_i128().cmp(&best.to_i128()) == wanted
        }
    }
}

attributes! {
    /// Index of the first greatest or least element along `axis`, which disappears; if there are NaNs, index of the first
    /// NaN.
    ///
    /// `T[..] -> I[..]` for every dtype `T`. The zeros -0 and +0 are equal. The axis must have an element, and all its
    /// indices must fit in the index dtype `I`.
    pub struct ArgReduce {
        /// Greatest or least.
        pub kind: ArgKind,
        /// The axis along which to look.
        pub axis: usize,
        /// Dtype of the indices: i32, i64, u32 or u64.
        pub dtype: DType,
    }
}

impl OpDef for ArgReduce {
    const NAME: &'static str = "arg_reduce";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Reduce;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, DTypeClass::Ordered)?;
        let shape = &operands[0].shape;
        rule::check_axis(self.axis, shape.rank())?;
        rule::check_index_dtype("dtype", self.dtype, shape[self.axis])?;
        if shape.size(self.axis) == 0 {
            return Err(TypeError::attribute("axis", format!("axis {} has no elements", self.axis)));
        }
        rule::one(self.dtype, shape.without(&[self.axis]))
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let (x, shape) = (operands[0], &operands[0].ty().shape);
        let best = |flat| {
            let mut index = rule::unravel(flat, &results[0].shape);
            index.insert(self.axis, 0);
            let mut at = |i| {
                index[self.axis] = i;
                x.get(rule::ravel(&index, shape))
            };
            let mut best = (0, at(0));
            for i in 1..shape.size(self.axis) {
                let candidate = at(i);
                if self.kind.beats(candidate, best.1) {
                    best = (i, candidate);
                }
            }
            Scalar::from_i128(self.dtype, best.0 as i128)
        };
        vec![Literal::from_fn(results[0].clone(), best)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::Zero
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(ArgReduce { axis: self.axis + 1, ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<ArgReduce> {
        let mut ty = draw.like(hint, DTypeClass::Ordered, 1);
        let axis = draw.axis(ty.rank());
        if ty.shape.size(axis) == 0 {
            ty.shape = ty.shape.with_dim(axis, 1.into());
        }
        let dtype = draw.choose(&[DType::I32, DType::I64, DType::U32, DType::U64]);
        Sample::exact(ArgReduce { kind: draw.choose(ArgKind::ALL), axis, dtype }, [Operand::any(ty)])
    }
}
