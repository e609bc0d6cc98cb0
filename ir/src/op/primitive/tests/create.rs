//! Ops without operands.

use half::f16;

use super::{counting, gives, rejects};
use crate::DType::{self, Bool, F16, F32, I8, U64};
use crate::op::primitive::{Constant, Iota};
use crate::{Literal, Shape};

fn iota(dtype: DType, shape: impl Into<Shape>, axis: usize) -> Iota {
    Iota { dtype, shape: shape.into(), axis }
}

#[test]
fn iota_counts_along_an_axis() {
    gives(iota(F32, [3], 0), &[], [3], &[0.0f32, 1.0, 2.0]);
    gives(iota(U64, [2, 3], 1), &[], [2, 3], &[0u64, 1, 2, 0, 1, 2]);
    gives(iota(U64, [2, 3], 0), &[], [2, 3], &[0u64, 0, 0, 1, 1, 1]);
    gives(iota(I8, [0, 3], 1), &[], [0, 3], &[] as &[i8]);
}

#[test]
fn iota_wraps_and_rounds() {
    let wrapped: Vec<i8> = (0..300).map(|i| i as i8).collect();
    gives(iota(I8, [300], 0), &[], [300], &wrapped);
    let rounded: Vec<f16> = (0..2052).map(|i| f16::from_f32(i as f32)).collect();
    gives(iota(F16, [2052], 0), &[], [2052], &rounded);
}

#[test]
fn iota_checks_its_attributes() {
    rejects(iota(Bool, [3], 0), &[], "`dtype`: must be an integer or float dtype, found bool");
    rejects(iota(F32, [3], 1), &[], "axis 1 is not valid for rank 1");
    rejects(iota(F32, (), 0), &[], "axis 0 is not valid for rank 0");
    rejects(iota(F32, [usize::MAX, usize::MAX], 0), &[], "too large");
    rejects(iota(F32, [0, usize::MAX], 1), &[], "too large");
    rejects(iota(F32, vec![1; 33], 0), &[], "too large");
}

#[test]
fn constant_is_its_value() {
    let constant = |value: Literal| Constant { value: value.into() };
    gives(constant(counting([2, 2])), &[], [2, 2], &[0, 1, 2, 3]);
    gives(constant(Literal::scalar(true)), &[], (), &[true]);
    rejects(constant(counting(())), &[counting(()).ty().clone()], "takes 0 operands, found 1");
}
