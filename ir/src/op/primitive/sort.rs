//! Sorting, and the greatest elements.
//!
//! Both go by the total order of `lt_total`: -inf < .. < -0 < +0 < .. < inf < NaN, in which all NaNs are equal.

use std::cmp::Ordering;

use smallvec::{SmallVec, smallvec};

use crate::builder::BuildError;
use crate::op::derivative::Differentiable;
use crate::op::primitive::Gather;
use crate::op::primitive::compare::total_order;
use crate::op::sample::{Draw, Operand};
use crate::op::{
    Arity, Batching, Derivative, Derivatives, Lowering, OpDef, Primal, Sample, TensorTypes, TypeError, rule,
};
use crate::{DType, DTypeClass, Dim, Literal, Scalar, Shape, TensorType, Value, attributes};

attributes! {
    /// Sorts along `axis`, all operands by the same order: `A[s], B[s], .. -> A[s], B[s], ..`.
    ///
    /// The first `keys` operands decide: the first of them, where it is equal the second, and so on. The order is that of
    /// `lt_total`: -inf < .. < -0 < +0 < .. < inf < NaN, in which all NaNs are equal; bools sort false before true.
    /// `descending` goes by the opposite order (NaN first). The sort is stable in both directions: equal elements stay in the
    /// order in which they were.
    pub struct Sort {
        /// The axis along which to sort.
        pub axis: usize,
        /// How many operands are compared, at least one.
        pub keys: usize,
        /// Whether the greatest comes first.
        pub descending: bool,
    }
}

impl Sort {
    fn compare(&self, keys: &[&Literal], left: usize, right: usize) -> Ordering {
        let orders = keys.iter().map(|key| total_order(key.get(left), key.get(right)));
        let order = orders.fold(Ordering::Equal, Ordering::then);
        if self.descending { order.reverse() } else { order }
    }
}

impl OpDef for Sort {
    const NAME: &'static str = "sort";
    const ARITY: Arity = Arity::AtLeast(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::check_axis(self.axis, operands[0].rank())?;
        if self.keys == 0 || self.keys > operands.len() {
            let reason =
                format!("must be from 1 to the number of operands ({}), found {}", operands.len(), self.keys);
            return Err(TypeError::attribute("keys", reason));
        }
        for key in 0..self.keys {
            rule::require_class(operands, key, DTypeClass::Ordered)?;
        }
        for other in 1..operands.len() {
            rule::same_shape(operands, 0, other)?;
        }
        Ok(operands.iter().map(|&ty| ty.clone()).collect())
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let shape = &results[0].shape;
        let mut sources = vec![0; shape.elements()];
        for line in rule::lines(shape, self.axis) {
            let mut sorted = line.clone();
            sorted.sort_by(|&left, &right| self.compare(&operands[..self.keys], left, right));
            for (to, from) in line.into_iter().zip(sorted) {
                sources[to] = from;
            }
        }
        let permuted = |x: &Literal| Literal::from_fn(x.ty().clone(), |flat| x.get(sources[flat]));
        operands.iter().map(|x| permuted(x)).collect()
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(Sort { axis: self.axis + 1, ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Sort> {
        let ty = draw.like(hint, DTypeClass::Ordered, 1);
        let axis = draw.axis(ty.rank());
        let mut operands = vec![Operand::any(ty.clone())];
        for _ in 0..draw.below(3) {
            operands.push(Operand::any(ty.with_dtype(draw.choose(&DType::REAL))));
        }
        let keys = 1 + draw.below(operands.len());
        Sample::exact(Sort { axis, keys, descending: draw.flip() }, operands)
    }
}

attributes! {
    /// The `k` greatest elements along `axis`, greatest first, and their indices: `T[..] -> T[..], i32[..]`, where `axis` has the
    /// extent `k`.
    ///
    /// The order is that of `lt_total`, so a NaN counts as greater than all numbers. Of equal elements the one with the
    /// lower index comes first.
    pub struct TopK {
        /// Number of elements; not more than there are.
        pub k: usize,
        /// The axis along which to look.
        pub axis: usize,
    }
}

impl OpDef for TopK {
    const NAME: &'static str = "top_k";
    const ARITY: Arity = Arity::Exact(1);
    const LOWERING: Lowering = Lowering::Library;

    fn infer(&self, operands: &[&TensorType]) -> Result<TensorTypes, TypeError> {
        rule::require_class(operands, 0, DTypeClass::Ordered)?;
        let TensorType { dtype, shape } = operands[0];
        rule::check_axis(self.axis, shape.rank())?;
        let extent = shape[self.axis];
        if self.k > extent.size() {
            let reason = format!("axis {} has only {extent} elements, found {}", self.axis, self.k);
            return Err(TypeError::attribute("k", reason));
        }
        rule::check_index_dtype("axis", DType::I32, extent)?;
        let shape = shape.with_dim(self.axis, Dim::known(self.k));
        Ok(smallvec![TensorType::new(*dtype, shape.clone()), TensorType::new(DType::I32, shape)])
    }

    fn eval(&self, operands: &[&Literal], results: &[TensorType]) -> Vec<Literal> {
        let x = operands[0];
        let mut values = vec![Scalar::zero(results[0].dtype); results[0].elements()];
        let mut indices = vec![Scalar::I32(0); results[0].elements()];
        let targets = rule::lines(&results[0].shape, self.axis);
        for (to, from) in targets.zip(rule::lines(&x.ty().shape, self.axis)) {
            let mut order: Vec<usize> = (0..from.len()).collect();
            order.sort_by(|&left, &right| total_order(x.get(from[right]), x.get(from[left])));
            for (to, index) in to.into_iter().zip(order) {
                values[to] = x.get(from[index]);
                indices[to] = Scalar::from_i128(DType::I32, index as i128);
            }
        }
        vec![
            Literal::from_scalars(results[0].clone(), values),
            Literal::from_scalars(results[1].clone(), indices),
        ]
    }

    fn derivative(&self) -> Derivative<'_> {
        Derivative::both(self)
    }

    fn batching(&self, _examples: usize) -> Batching<'_> {
        Batching::moved(TopK { axis: self.axis + 1, ..self.clone() })
    }

    fn sample(_name: &str, draw: &mut Draw<'_>, hint: &TensorType) -> Sample<TopK> {
        let ty = draw.like(hint, DTypeClass::Ordered, 1);
        let axis = draw.axis(ty.rank());
        let k = draw.below(ty.shape.size(axis) + 1);
        Sample::exact(TopK { k, axis }, [Operand::any(ty)])
    }
}

/// A permutation of each line: tangents are sorted along with their operands, and cotangents go back where they came from by
/// being sorted by the numbers of the elements.
impl Differentiable for Sort {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let moved: SmallVec<[Value; 3]> =
            primal.operands.iter().copied().chain(tangents.iter().copied().flatten()).collect();
        let sorted = primal.b.push(self.clone(), &moved)?;
        let mut sorted = sorted[tangents.len()..].iter().copied();
        Ok(tangents.iter().map(|tangent| tangent.and_then(|_| sorted.next())).collect())
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let shape = primal.operand_type(0).shape;
        let wanted: SmallVec<[bool; 3]> =
            (0..cotangents.len()).map(|i| cotangents[i].is_some() && primal.wants(i)).collect();
        let number = primal.b.iota(DType::I64, shape, self.axis)?;
        let keys: SmallVec<[Value; 3]> =
            primal.operands[..self.keys].iter().copied().chain([number]).collect();
        let order = primal.b.push(self.clone(), &keys)?[self.keys];
        let moved: SmallVec<[Value; 3]> = [order]
            .into_iter()
            .chain(cotangents.iter().zip(&wanted).filter_map(|(&c, &wanted)| c.filter(|_| wanted)))
            .collect();
        let back = primal.b.sort(&moved, self.axis, 1usize, false)?;
        let mut back = back[1..].iter().copied();
        Ok(wanted.iter().map(|&wanted| if wanted { back.next() } else { None }).collect())
    }
}

/// The values are read at the indices.
impl Differentiable for TopK {
    fn jvp(&self, primal: &mut Primal<'_>, tangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(tangent) = tangents[0] else { return Ok(smallvec![None, None]) };
        let (gather, places) = self.places(primal)?;
        Ok(smallvec![Some(primal.b.push_one(gather, &[tangent, places])?), None])
    }

    fn vjp(&self, primal: &mut Primal<'_>, cotangents: &[Option<Value>]) -> Result<Derivatives, BuildError> {
        let Some(cotangent) = cotangents[0] else { return Ok(smallvec![None]) };
        let (gather, places) = self.places(primal)?;
        Ok(smallvec![Some(gather.scatter_add(primal.b, primal.operands[0], places, cotangent)?)])
    }
}

impl TopK {
    fn places(&self, primal: &mut Primal<'_>) -> Result<(Gather, Value), BuildError> {
        let indices = primal.results[1];
        let shape = primal.b.shape(indices);
        let vectors: Shape = shape.dims().iter().copied().chain([Dim::ONE]).collect();
        Ok((Gather::along_axis(shape.rank(), self.axis), primal.b.reshape(indices, vectors)?))
    }
}
