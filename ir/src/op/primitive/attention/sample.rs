//! Random attention.

use super::{Attend, AttendBack, Attended, ScoreCotangent, Unseen};
use crate::op::Sample;
use crate::op::sample::{Draw, Operand, Values};
use crate::{DType, Scalar, TensorType};

pub(super) fn forward(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Attend> {
    let (op, operands) = drawn(draw, hint);
    Sample::epsilons(op, 256, operands)
}

pub(super) fn back(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<AttendBack> {
    let (op, mut operands) = drawn(draw, hint);
    let types: Vec<&TensorType> = operands.iter().map(|operand| operand.ty.tensor()).collect();
    let extents = Attended::of(&op, &types).expect("drawn to fit");
    let per_query = extents.ty(&[extents.queries]);
    // Large enough that weights do not drown what they are part of.
    operands.push(Operand::new(per_query.clone(), Values::Range(2.0, 4.0)));
    operands.push(Operand::moderate(per_query));
    operands.push(Operand::moderate(extents.ty(&[extents.queries, extents.values])));
    Sample::epsilons(op.back(draw.choose(ScoreCotangent::ALL)), 1024, operands)
}

fn drawn(draw: &mut Draw<'_>, hint: &TensorType) -> (Attend, Vec<Operand>) {
    let dtype = match hint.dtype {
        DType::F32 | DType::F64 => hint.dtype,
        _ => draw.choose(&[DType::F64, DType::F32]),
    };
    let mut extent = || draw.choose(&[1, 2, 3, 0]);
    let (batch, groups, shared) = (extent(), extent().max(1), extent().max(1));
    let (queries, keys, width, values) = (extent(), extent(), extent(), extent());
    let heads = groups * shared;
    let ty = |dtype: DType, axes: &[usize]| TensorType::new(dtype, axes);
    // Scores that are too large would leave one weight.
    let number = |axes: &[usize]| Operand::new(ty(dtype, axes), Values::Range(-2.0, 2.0));
    let mut operands = vec![
        number(&[batch, heads, queries, width]),
        number(&[batch, groups, keys, width]),
        number(&[batch, groups, keys, values]),
    ];
    let mut one_or = |extent: usize| if draw.flip() { 1 } else { extent };
    let scores = [one_or(batch), one_or(heads), one_or(queries), one_or(keys)];
    let slopes = [one_or(batch), one_or(heads)];
    if draw.flip() {
        operands.push(number(&scores));
    }
    if draw.flip() {
        operands.push(Operand::any(ty(DType::Bool, &scores)));
    }
    if draw.flip() {
        operands.push(number(&slopes));
    }
    let rate = draw.choose(&[0.0, 0.0, 0.0, 0.25]);
    if rate != 0.0 {
        operands.push(Operand::any(ty(DType::U32, &[2])));
    }
    let (left, right) = draw.choose(&[(-1, -1), (-1, 0), (1, 1), (0, -1)]);
    let op = Attend {
        scale: Scalar::F64(draw.choose(&[0.5, 1.0])),
        divisor: Scalar::F64(draw.choose(&[1.0, 3.0])),
        soft_cap: Scalar::F64(draw.choose(&[0.0, 2.0])),
        fill: Scalar::F64(draw.choose(&[f64::NEG_INFINITY, -3.0])),
        left,
        right,
        offset: draw.choose(&[0, 1, -1]),
        rate: Scalar::F64(rate),
        unseen: draw.choose(Unseen::ALL),
    };
    (op, operands)
}
