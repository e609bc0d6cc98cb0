//! Every op of the registry as a method.
//!
//! [`table`] makes methods of the registry's lines; ops whose users expect more than the line says have theirs in the
//! other files: [`elementwise`], [`reduce`], [`shape`].

mod elementwise;
mod reduce;
mod shape;
mod table;

pub use shape::IntoExtents;
use tensorwright_ir::Op;
use tensorwright_ir::op::TypeError;

use super::{Results, Tensor, apply};
use crate::error::{Error, Failure, Place};

/// Applies an op whose attributes depend on the rank of the first operand.
fn with_rank(
    name: &'static str,
    operands: &[&Tensor],
    at: Place,
    op: impl FnOnce(usize) -> Result<Op, TypeError>,
) -> Result<Results, Failure> {
    let rank = match operands.first() {
        Some(first) => first.known_type().map_err(Failure::clone)?.rank(),
        None => 0,
    };
    let op = op(rank).map_err(|source| refused(name, operands, at, source))?;
    apply(op, operands, at)
}

/// As [`with_rank`], for an op with one result; a failure is a failed tensor.
fn one_with_rank(
    name: &'static str,
    operands: &[&Tensor],
    at: Place,
    op: impl FnOnce(usize) -> Result<Op, TypeError>,
) -> Tensor {
    match with_rank(name, operands, at, op) {
        Ok(mut results) => results.remove(0),
        Err(failure) => Tensor::failed(failure),
    }
}

/// A refusal to build an op; the first error that an operand carries goes before it.
fn refused(name: &'static str, operands: &[&Tensor], at: Place, source: TypeError) -> Failure {
    let types: Result<Vec<_>, &Failure> = operands.iter().map(|x| x.known_type().cloned()).collect();
    match types {
        Ok(types) => Error::refused(at, name, types, source).into(),
        Err(failure) => failure.clone(),
    }
}
