//! Tensors as indices.

use tensorwright_ir::op::TypeError;
use tensorwright_ir::op::attribute::Axes;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, Concat, Gather, Reshape, Select};
use tensorwright_ir::{Scalar, Shape};

use super::super::refusal::refused;
use crate::error::{CallSite, Failure};
use crate::interpret::one;
use crate::tensor::Tensor;

/// The elements of `x` of shape `shape` that the tensors name along their axes, which are ascending. The axes
/// of the tensors' common shape stand where those axes were, if they were neighbours, else in front.
pub(super) fn gathered(
    x: Tensor,
    shape: &Shape,
    tensors: Vec<(usize, Tensor)>,
    at: CallSite,
) -> Result<Tensor, Failure> {
    let Some(&(first, _)) = tensors.first() else { return Ok(x) };
    let axes: Axes = tensors.iter().map(|&(axis, _)| axis).collect();
    let common = common_shape(&x, &tensors, at)?;
    let parts: Vec<Tensor> =
        tensors.iter().map(|(axis, index)| component(index, shape.size(*axis), &common, at)).collect();
    let parts: Vec<&Tensor> = parts.iter().collect();
    let indices = one(Concat { axis: common.rank() }, &parts, at);

    let neighbours = axes.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    let place = if neighbours { first } else { 0 };
    let sizes =
        (0..shape.rank()).map(|axis| if axes.contains(&axis) { 1 } else { shape.size(axis) }).collect();
    let after = place + common.rank();
    let offset_axes = (0..place).chain(after..common.rank() + shape.rank() - axes.len()).collect();
    let gather = Gather {
        offset_axes,
        collapsed: axes.clone(),
        batch: Axes::new(),
        index_batch: Axes::new(),
        indexed: axes,
        sizes,
    };
    Ok(one(gather, &[&x, &indices], at))
}

fn common_shape(x: &Tensor, tensors: &[(usize, Tensor)], at: CallSite) -> Result<Shape, Failure> {
    let mut common = Shape::scalar();
    for (_, index) in tensors {
        let ty = index.known_type()?;
        if !ty.dtype.is_int() {
            let message = format!("an index tensor must have an integer dtype, found {ty}");
            return Err(refused("index", &[x, index], at, TypeError::Other(message)));
        }
        common = common.broadcast(&ty.shape).ok_or_else(|| {
            let message = format!("index tensors of shapes {common} and {} do not broadcast", ty.shape);
            refused("index", &[x, index], at, TypeError::Other(message))
        })?;
    }
    Ok(common)
}

/// One component of the index vectors: i64 numbers from the start of the axis, with a last axis of extent 1.
fn component(index: &Tensor, extent: usize, common: &Shape, at: CallSite) -> Tensor {
    let cast = tensorwright_ir::op::primitive::Cast { dtype: tensorwright_ir::DType::I64 };
    let number = one(cast, &[index], at);
    let [zero, extent] = [0, extent as i64].map(|n| Tensor::scalar_at(Scalar::I64(n), at));
    let is_negative = one(CompareFn::Lt, &[&number, &zero], at);
    let from_end = one(BinaryFn::Add, &[&number, &extent], at);
    let number = one(Select {}, &[&is_negative, &from_end, &number], at);
    let number = number.broadcast_at(common, at);
    let shape = common.sizes().into_iter().chain([1]).collect();
    one(Reshape { shape }, &[&number], at)
}
