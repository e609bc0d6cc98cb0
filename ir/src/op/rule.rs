//! Building blocks of type rules: the checks that many ops share, with their messages.

use smallvec::{SmallVec, smallvec};

use super::{TensorTypes, TypeError};
use crate::{DType, DTypeClass, Dim, Scalar, Shape, TensorType, Type};

/// One result type, if it is of a possible size.
pub fn one(dtype: DType, shape: Shape) -> Result<TensorTypes, TypeError> {
    if shape.check() {
        Ok(smallvec![TensorType { dtype, shape }])
    } else {
        Err(TypeError::TooLarge { shape })
    }
}

/// The type of operand number `operand`, which must be a tensor.
pub fn tensor(ty: &Type, operand: usize) -> Result<&TensorType, TypeError> {
    ty.as_tensor().ok_or_else(|| TypeError::NoTensor { operand, found: ty.clone().into() })
}

/// The operand's dtype must be of `class`.
pub fn require_class(
    operands: &[&TensorType],
    operand: usize,
    class: DTypeClass,
) -> Result<DType, TypeError> {
    let found = operands[operand].dtype;
    if class.contains(found) {
        Ok(found)
    } else {
        Err(TypeError::DTypeClass { operand, expected: class, found })
    }
}

/// Two operands must have the same dtype.
pub fn same_dtype(operands: &[&TensorType], left: usize, right: usize) -> Result<DType, TypeError> {
    let (l, r) = (operands[left].dtype, operands[right].dtype);
    if l == r {
        Ok(l)
    } else {
        Err(TypeError::DTypeMismatch { left_operand: left, right_operand: right, left: l, right: r })
    }
}

/// Two operands must have the same shape.
pub fn same_shape<'a>(
    operands: &[&'a TensorType],
    left: usize,
    right: usize,
) -> Result<&'a Shape, TypeError> {
    let (l, r) = (&operands[left].shape, &operands[right].shape);
    if l == r {
        Ok(l)
    } else {
        let what = format!("shapes of operands {left} and {right}");
        Err(TypeError::ShapeMismatch { what, left: l.clone(), right: r.clone() })
    }
}

/// The operand must be a scalar.
pub fn require_scalar(operands: &[&TensorType], operand: usize) -> Result<(), TypeError> {
    match operands[operand].rank() {
        0 => Ok(()),
        _ => {
            Err(TypeError::Other(format!("operand {operand} must be a scalar, found {}", operands[operand])))
        }
    }
}

/// The dtype of an attribute must be one of indices and hold every index of an axis of this extent.
pub fn check_index_dtype(attribute: &'static str, dtype: DType, extent: Dim) -> Result<(), TypeError> {
    if !DTypeClass::Index.contains(dtype) {
        let reason = format!("must be {}, found {dtype}", DTypeClass::Index.describe());
        return Err(TypeError::attribute(attribute, reason));
    }
    if extent.size() as i128 - 1 > Scalar::highest(dtype).to_i128() {
        return Err(TypeError::attribute(
            attribute,
            format!("{dtype} cannot hold the indices of {extent} elements"),
        ));
    }
    Ok(())
}

/// The axis must be below the rank.
pub fn check_axis(axis: usize, rank: usize) -> Result<usize, TypeError> {
    if axis < rank { Ok(axis) } else { Err(TypeError::Axis { axis, rank }) }
}

/// The axes must be below the rank and distinct.
pub fn check_axes(axes: &[usize], rank: usize) -> Result<(), TypeError> {
    for (i, &axis) in axes.iter().enumerate() {
        check_axis(axis, rank)?;
        if axes[..i].contains(&axis) {
            return Err(TypeError::DuplicateAxis { axis });
        }
    }
    Ok(())
}

/// The permutation must name each axis once.
pub fn check_permutation(permutation: &[usize], rank: usize) -> Result<(), TypeError> {
    if permutation.len() != rank {
        let reason = format!("{} axes for a tensor of rank {rank}", permutation.len());
        return Err(TypeError::attribute("permutation", reason));
    }
    check_axes(permutation, rank)
}

/// An attribute list must have one entry per axis.
pub fn check_per_axis(attribute: &'static str, len: usize, rank: usize) -> Result<(), TypeError> {
    if len == rank {
        Ok(())
    } else {
        Err(TypeError::attribute(attribute, format!("needs one entry per axis ({rank}), found {len}")))
    }
}

/// The shape with its axes permuted: result axis `i` is operand axis `permutation[i]`.
pub fn permuted(shape: &Shape, permutation: &[usize]) -> Shape {
    permutation.iter().map(|&axis| shape[axis]).collect()
}

/// Product of the extents.
pub fn product(dims: &[Dim]) -> Option<Dim> {
    dims.iter().try_fold(Dim::ONE, |n, &d| n.times(d))
}

/// The multi-index of a flat row-major index.
pub fn unravel(mut flat: usize, shape: &Shape) -> SmallVec<[usize; 6]> {
    let mut index: SmallVec<[usize; 6]> = SmallVec::from_elem(0, shape.rank());
    for axis in (0..shape.rank()).rev() {
        let extent = shape.size(axis).max(1);
        index[axis] = flat % extent;
        flat /= extent;
    }
    index
}

/// The flat row-major index of a multi-index.
pub fn ravel(index: &[usize], shape: &Shape) -> usize {
    index.iter().zip(shape.dims()).fold(0, |flat, (&i, d)| flat * d.size() + i)
}

/// The flat row-major indices of each line of elements along `axis`, line by line in row-major order of the other axes.
pub fn lines(shape: &Shape, axis: usize) -> impl Iterator<Item = Vec<usize>> {
    let (extent, stride) = (shape.size(axis), shape.strides()[axis]);
    let others = shape.without(&[axis]).elements();
    (0..others).map(move |line| {
        let first = line / stride * stride * extent + line % stride;
        (0..extent).map(|i| first + i * stride).collect()
    })
}
