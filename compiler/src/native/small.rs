//! Ops on small tensors, element by element.

use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{DotGeneral, Reduce, ReduceKind};
use tensorwright_ir::op::{Lowering, rule};
use tensorwright_ir::{DType, Literal, Op, Scalar, Shape, TensorType};

use super::lower::{Elements, Lowerer};
use crate::fusion::SumOrder;
use crate::kernel::{Reg, fold_lanes};
use crate::schedule::scalar::{Instructions, widened};

impl Lowerer {
    /// An op that is not element-wise.
    pub(super) fn small(
        &mut self,
        op: &Op,
        operands: &[Elements],
        types: &[&TensorType],
        result: &TensorType,
    ) -> Option<Elements> {
        match op {
            Op::Iota(_) => {
                let indices = op.eval(&[], std::slice::from_ref(result))?;
                Some(indices[0].iter().map(|x| self.constant(x)).collect())
            }
            Op::Bitcast(_) => None,
            op if op.lowering() == Lowering::View => moved(op, operands, types, result),
            Op::Reduce(reduce) => Some(self.reduce(reduce, &operands[0], types[0], result)),
            Op::DotGeneral(dot) => Some(self.dot(dot, operands, types, result)),
            _ => None,
        }
    }

    /// Sums and products of floats in the order in which kernels fold: partials are joined in a balanced tree.
    fn reduce(&mut self, reduce: &Reduce, x: &Elements, from: &TensorType, to: &TensorType) -> Elements {
        let mut folded: Vec<SmallVec<[Reg; 8]>> = vec![SmallVec::new(); to.elements()];
        for (flat, &reg) in x.iter().enumerate() {
            let index = rule::unravel(flat, &from.shape);
            let kept: SmallVec<[usize; 6]> =
                (0..from.rank()).filter(|a| !reduce.axes.contains(a)).map(|a| index[a]).collect();
            folded[rule::ravel(&kept, &to.shape)].push(reg);
        }
        let order = SumOrder::of(&from.shape, &reduce.axes);
        folded.into_iter().map(|elements| self.fold(reduce.kind, &order, &elements, to.dtype)).collect()
    }

    fn fold(&mut self, kind: ReduceKind, order: &SumOrder, elements: &[Reg], dtype: DType) -> Reg {
        let wide = widened(dtype);
        let lanes = fold_lanes(wide);
        let identity = self.constant(kind.identity(wide));
        let mut partials: SmallVec<[Option<Reg>; 64]> = SmallVec::from_elem(None, lanes);
        for (j, &element) in elements.iter().enumerate() {
            let element = self.widened(element);
            let partial = &mut partials[order.partial(j, wide)];
            *partial = Some(self.binary(kind.function(), partial.unwrap_or(identity), element, wide));
        }
        while partials.len() > 1 {
            let half = partials.len() / 2;
            for k in 0..half {
                // One that no element went to is the identity, which changes no other.
                partials[k] = match (partials[k], partials[k + half]) {
                    (Some(x), Some(y)) => Some(self.binary(kind.function(), x, y, wide)),
                    (x, y) => x.or(y),
                };
            }
            partials.truncate(half);
        }
        self.cast(partials[0].unwrap_or(identity), dtype)
    }

    /// Each element of a product as a chain of fused multiply-adds along the contracted axes.
    fn dot(
        &mut self,
        dot: &DotGeneral,
        x: &[Elements],
        types: &[&TensorType],
        result: &TensorType,
    ) -> Elements {
        let (lhs, rhs) = (&types[0].shape, &types[1].shape);
        let (lhs_free, rhs_free) = (dot.lhs_free(lhs.rank()), dot.rhs_free(rhs.rank()));
        let depth: Shape = dot.lhs_contract.iter().map(|&axis| lhs.size(axis)).collect::<Vec<_>>().into();
        let kept = |axes: [&[usize]; 2]| -> SmallVec<[usize; 6]> { axes.concat().into_iter().collect() };
        let lhs_axes = kept([&dot.lhs_batch, &lhs_free]);
        let rhs_axes = kept([&dot.rhs_batch, &rhs_free]);
        let wide = widened(dot.dtype);
        let element = |lowerer: &mut Lowerer, flat: usize| {
            let at = rule::unravel(flat, &result.shape);
            let (batch, free) = at.split_at(dot.lhs_batch.len());
            let (left, right) = free.split_at(lhs_free.len());
            let mut sum = lowerer.constant(Scalar::zero(wide));
            for step in 0..depth.elements() {
                let along = rule::unravel(step, &depth);
                let l = place(lhs, &lhs_axes, &[batch, left].concat(), &dot.lhs_contract, &along);
                let r = place(rhs, &rhs_axes, &[batch, right].concat(), &dot.rhs_contract, &along);
                let (l, r) = (lowerer.cast(x[0][l], wide), lowerer.cast(x[1][r], wide));
                sum = lowerer.times_plus(l, r, sum, wide);
            }
            lowerer.cast(sum, dot.dtype)
        };
        (0..result.elements()).map(|flat| element(self, flat)).collect()
    }
}

/// The flat index in `shape` of the element at `at` along `axes` and `along` along `contracted`.
fn place(shape: &Shape, axes: &[usize], at: &[usize], contracted: &[usize], along: &[usize]) -> usize {
    let mut index: SmallVec<[usize; 6]> = SmallVec::from_elem(0, shape.rank());
    axes.iter().zip(at).for_each(|(&axis, &i)| index[axis] = i);
    contracted.iter().zip(along).for_each(|(&axis, &i)| index[axis] = i);
    rule::ravel(&index, shape)
}

/// A view: the op itself tells which element comes where, if elements are numbers of registers.
fn moved(op: &Op, operands: &[Elements], types: &[&TensorType], result: &TensorType) -> Option<Elements> {
    let registers: Elements = operands.iter().flatten().copied().collect();
    let mut first = 0;
    let numbered: Vec<Literal> = types
        .iter()
        .map(|ty| {
            let begin = first;
            first += ty.elements();
            Literal::from_fn(ty.with_dtype(DType::I64), |j| Scalar::I64((begin + j) as i64))
        })
        .collect();
    let operands: Vec<&Literal> = numbered.iter().collect();
    let places = op.eval(&operands, &[result.with_dtype(DType::I64)])?;
    places[0].iter().map(|place| registers.get(place.to_i128() as usize).copied()).collect()
}
