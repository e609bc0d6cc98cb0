//! Random convolutions.

use smallvec::SmallVec;

use super::Conv;
use crate::op::Sample;
use crate::op::attribute::{Axes, ShortAxes, ShortOffsets};
use crate::op::primitive::bulk;
use crate::op::primitive::dot::widens;
use crate::op::sample::{Draw, Operand};
use crate::{DType, DTypeClass, Shape, TensorType};

/// Gives each axis of the left operand a role, adds free axes for the right one, and shuffles the axes of the latter and of the result.
pub(super) fn convolution(draw: &mut Draw<'_>, hint: &TensorType) -> Sample<Conv> {
    let ty = draw.like(hint, DTypeClass::Number, 2);
    let mut roles = Roles::draw(draw, &ty.shape);
    let extents: &[usize] = if bulk(&ty) <= 512 { &[3, 2, 1, 5, 0] } else { &[1, 2] };
    let mut sizes: Axes =
        roles.batch.iter().chain(&roles.contract).map(|&axis| ty.shape.size(axis)).collect();
    sizes.extend(roles.spatial.iter().map(|_| draw.choose(&[2, 3, 1, 4, 0])));
    for _ in 0..draw.below(3) {
        sizes.push(draw.choose(extents));
    }
    let shuffled = draw.permutation(sizes.len());
    let mut places = (0..sizes.len()).map(|i| shuffled.iter().position(|&o| o == i).expect("a permutation"));
    let mut take = |count: usize| -> ShortAxes { places.by_ref().take(count).collect() };
    let (rhs_batch, rhs_contract) = (take(roles.batch.len()), take(roles.contract.len()));
    let rhs_spatial = take(roles.spatial.len());
    let rank = ty.rank() - roles.contract.len() + sizes.len()
        - roles.batch.len()
        - roles.contract.len()
        - roles.spatial.len();
    let wider: SmallVec<[DType; 8]> =
        DType::REAL.into_iter().filter(|&d| d != ty.dtype && widens(ty.dtype, d)).collect();
    let dtype = if !wider.is_empty() && draw.below(3) == 1 { draw.choose(&wider) } else { ty.dtype };
    let summed = roles.contract.len() + roles.spatial.len();
    let op = Conv {
        lhs_batch: std::mem::take(&mut roles.batch),
        rhs_batch,
        lhs_contract: std::mem::take(&mut roles.contract),
        rhs_contract,
        rhs_spatial,
        strides: roles.spatial.iter().map(|_| draw.choose(&[1, 1, 2, 3])).collect(),
        low: roles.spatial.iter().map(|_| draw.between(-1, 2)).collect::<ShortOffsets>(),
        high: roles.spatial.iter().map(|_| draw.between(-1, 2)).collect::<ShortOffsets>(),
        lhs_dilation: roles.spatial.iter().map(|_| draw.choose(&[1, 1, 1, 2, 3])).collect(),
        rhs_dilation: roles.spatial.iter().map(|_| draw.choose(&[1, 1, 2])).collect(),
        lhs_spatial: roles.spatial,
        order: draw.permutation(rank),
        sum_order: draw.permutation(summed)[..].into(),
        dtype,
    };
    let rhs = ty.with_shape(shuffled.iter().map(|&i| sizes[i]).collect::<Shape>());
    if dtype.is_differentiable() {
        Sample::epsilons(op, 64, [Operand::moderate(ty), Operand::moderate(rhs)])
    } else {
        Sample::exact(op, [Operand::any(ty), Operand::any(rhs)])
    }
}

/// What the axes of the left operand are.
#[derive(Default)]
struct Roles {
    batch: ShortAxes,
    contract: ShortAxes,
    spatial: ShortAxes,
}

impl Roles {
    fn draw(draw: &mut Draw<'_>, shape: &Shape) -> Roles {
        let mut roles = Roles::default();
        for axis in 0..shape.rank() {
            match draw.below(5) {
                0 | 3 => roles.spatial.push(axis),
                1 => roles.contract.push(axis),
                2 => roles.batch.push(axis),
                _ => {}
            }
        }
        roles
    }
}
