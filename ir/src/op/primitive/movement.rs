//! Index maps: ops that only say where a result element is found.

use smallvec::smallvec;

use crate::builder::BuildError;
use crate::op::attribute::Axes;
use crate::op::batching::{with_examples, zero_and_up};
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError,
    derivative, rule,
};
use crate::{Builder, DTypeClass, Dim, Literal, Shape, TensorType, Value, attributes};

attributes! {
    /// Repeats the operand along new or size-1 axes: operand axis `i` becomes result axis `axes[i]`.
    pub struct BroadcastInDim {
        /// Shape of the result.
        pub shape: Shape,
        /// For each operand axis the result axis, strictly ascending.
        pub axes: Axes,
    }
}

impl OpDef for BroadcastInDim {
    const NAME: &'static str = "broadcast_in_dim";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let from = &operands[0].shape;
        rule::check_per_axis("axes", self.axes.len(), from.rank())?;
        rule::check_axes(&self.axes, self.shape.rank())?;
        if !self.axes.is_sorted() {
            return Err(TypeError::attribute("axes", "must be ascending"));
        }
        for (&axis, &dim) in self.axes.iter().zip(from.dims()) {
            if dim != Dim::ONE && dim != self.shape[axis] {
                let what = format!("extents of the operand and of result axis {axis}");
                return Err(TypeError::ShapeMismatch { what, left: from.clone(), right: self.shape.clone() });
            }
        }
        rule::one(operands[0].dtype, self.shape.clone())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let from = &operands[0].ty().shape;
        let read = |flat| {
            let index = rule::unravel(flat, &self.shape);
            let source: Axes = self
                .axes
                .iter()
                .zip(from.dims())
                .map(|(&axis, &dim)| if dim == Dim::ONE { 0 } else { index[axis] })
                .collect();
            operands[0].get(rule::ravel(&source, from))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, examples: usize) -> Batching<'_> {
        let shape = with_examples(&self.shape, examples);
        Batching::moved(BroadcastInDim { shape, axes: zero_and_up(&self.axes) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<BroadcastInDim> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let (mut sizes, mut axes) = (Vec::new(), Axes::new());
        let small = ty.elements() <= 512;
        for &dim in ty.shape.dims() {
            if small && draw.below(4) == 1 {
                sizes.push(draw.choose(&[2, 3, 1, 0]));
            }
            axes.push(sizes.len());
            let grow = small && dim == Dim::ONE && draw.flip();
            sizes.push(if grow { 3 } else { dim.size() });
        }
        if small && draw.flip() {
            sizes.push(draw.choose(&[2, 3, 1, 0]));
        }
        Sample::exact(BroadcastInDim { shape: sizes.into(), axes }, [Operand::any(ty)])
    }
}

attributes! {
    /// Puts the same elements, in row-major order, under another shape.
    pub struct Reshape {
        /// Shape of the result.
        pub shape: Shape,
    }
}

impl OpDef for Reshape {
    const NAME: &'static str = "reshape";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        let types = rule::one(operands[0].dtype, self.shape.clone())?;
        if self.shape.elements() != operands[0].elements() {
            let what = "numbers of elements before and after".to_owned();
            let (left, right) = (operands[0].shape.clone(), self.shape.clone());
            return Err(TypeError::ShapeMismatch { what, left, right });
        }
        Ok(types)
    }

    fn eval(&self, operands: &[&Literal], _results: &[TensorType]) -> Vec<Literal> {
        vec![operands[0].reshaped(self.shape.clone())]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, examples: usize) -> Batching<'_> {
        Batching::moved(Reshape { shape: with_examples(&self.shape, examples) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Reshape> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let mut sizes: Vec<usize> = Vec::new();
        let mut left = ty.elements();
        for divisor in [2, 3, 4, 1] {
            if left != 0 && left.is_multiple_of(divisor) && draw.flip() {
                sizes.push(divisor);
                left /= divisor;
            }
        }
        sizes.insert(draw.below(sizes.len() + 1), left);
        Sample::exact(Reshape { shape: sizes.into() }, [Operand::any(ty)])
    }
}

attributes! {
    /// Permutes axes: result axis `i` is operand axis `permutation[i]`.
    pub struct Transpose {
        /// Operand axis of each result axis.
        pub permutation: Axes,
    }
}

impl OpDef for Transpose {
    const NAME: &'static str = "transpose";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::View;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::check_permutation(&self.permutation, operands[0].rank())?;
        rule::one(operands[0].dtype, rule::permuted(&operands[0].shape, &self.permutation))
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let read = |flat| {
            let index = rule::unravel(flat, &results[0].shape);
            let mut source = index.clone();
            for (to, &from) in self.permutation.iter().enumerate() {
                source[from] = index[to];
            }
            operands[0].get(rule::ravel(&source, &operands[0].ty().shape))
        };
        vec![Literal::from_fn(results[0].clone(), read)]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::linear(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Transpose { permutation: zero_and_up(&self.permutation) })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Transpose> {
        let ty = draw.like(hint, DTypeClass::Any, 0);
        let permutation = draw.permutation(ty.rank());
        Sample::exact(Transpose { permutation }, [Operand::any(ty)])
    }
}

/// The cotangents of all copies of an element are added.
impl derivative::LinearOp for BroadcastInDim {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let from = primal.operand_type(0).shape;
        let repeated: Axes = (0..self.shape.rank())
            .filter(|axis| match self.axes.iter().position(|to| to == axis) {
                Some(place) => from[place] != self.shape[*axis],
                None => true,
            })
            .collect();
        let sum = |b: &mut Builder| {
            let sum = if repeated.is_empty() { cotangent } else { b.sum_over(cotangent, &repeated)? };
            if b.tensor(sum).shape == from { Ok(sum) } else { b.reshape(sum, from) }
        };
        Ok(smallvec![primal.when_wanted(0, sum)?])
    }
}

impl derivative::LinearOp for Reshape {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let from = primal.operand_type(0).shape;
        Ok(smallvec![primal.when_wanted(0, |b| b.reshape(cotangent, from))?])
    }
}

impl derivative::LinearOp for Transpose {
    fn transpose(&self, primal: &mut Primal<'_>, cotangent: Value) -> Result<Derivatives, BuildError> {
        let back = inverse(&self.permutation);
        Ok(smallvec![primal.when_wanted(0, |b| b.transpose(cotangent, back))?])
    }
}

/// The permutation that undoes this one.
pub fn inverse(permutation: &[usize]) -> Axes {
    let mut inverse = Axes::from_elem(0, permutation.len());
    for (to, &from) in permutation.iter().enumerate() {
        inverse[from] = to;
    }
    inverse
}
