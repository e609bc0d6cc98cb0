//! What a convolution means: the sum as it is written down.

use super::Conv;
use crate::op::attribute::Axes;
use crate::op::primitive::BinaryFn;
use crate::op::rule;
use crate::{Literal, Scalar, Shape, TensorType};

pub(super) fn convolution(op: &Conv, [lhs, rhs]: [&Literal; 2], result: &TensorType) -> Vec<Literal> {
    let (lhs_shape, rhs_shape) = (&lhs.ty().shape, &rhs.ty().shape);
    let (lhs_free, rhs_free) = (op.lhs_free(lhs_shape.rank()), op.rhs_free(rhs_shape.rank()));
    let places = op.places();
    let summed: Shape = op
        .lhs_contract
        .iter()
        .map(|&axis| lhs_shape[axis])
        .chain(op.rhs_spatial.iter().map(|&axis| rhs_shape[axis]))
        .collect();
    // Wide accumulation makes the reference more exact than any order of summation in the dtype itself.
    let wide = op.dtype.widest();
    let sum = |flat| {
        let index = rule::unravel(flat, &result.shape);
        let index: Axes = places.iter().map(|&place| index[place]).collect();
        let (batch, index) = index.split_at(op.lhs_batch.len());
        let (left, index) = index.split_at(lhs_free.len());
        let (right, at) = index.split_at(rhs_free.len());
        let mut sum = Scalar::zero(wide);
        for term in 0..summed.elements() {
            let term = rule::unravel(term, &summed);
            let (common, taps) = term.split_at(op.lhs_contract.len());
            let sources = (0..taps.len()).map(|axis| {
                op.slide(axis).source(at[axis], taps[axis], lhs_shape.size(op.lhs_spatial[axis]))
            });
            let Some(sources) = sources.collect::<Option<Axes>>() else { continue };
            let l = [(&op.lhs_batch[..], batch), (&lhs_free, left), (&op.lhs_contract, common)];
            let r = [(&op.rhs_batch[..], batch), (&rhs_free, right), (&op.rhs_contract, common)];
            let l = element(lhs, l, (&op.lhs_spatial, &sources)).cast(wide);
            let r = element(rhs, r, (&op.rhs_spatial, taps)).cast(wide);
            sum = BinaryFn::Add.eval(sum, BinaryFn::Mul.eval(l, r));
        }
        sum
    };
    vec![Literal::from_fn(result.clone(), sum)]
}

/// The element whose index is, along each list of axes, the list of numbers that goes with it.
fn element(x: &Literal, parts: [(&[usize], &[usize]); 3], spatial: (&[usize], &[usize])) -> Scalar {
    let mut index = Axes::from_elem(0, x.ty().rank());
    for (axes, numbers) in parts.into_iter().chain([spatial]) {
        for (&axis, &number) in axes.iter().zip(numbers) {
            index[axis] = number;
        }
    }
    x.get(rule::ravel(&index, &x.ty().shape))
}
