//! Refusals: what an op says to operands, under the name that the user called.

use tensorwright_ir::op::TypeError;

use std::sync::Arc;

use tensorwright_ir::Op;

use crate::error::{CallSite, Error, Failure};
use crate::interpret::apply;
use crate::tensor::Tensor;

/// A refusal to build an op; the first error that an operand carries goes before it.
pub(super) fn refused(name: &'static str, operands: &[&Tensor], at: CallSite, source: TypeError) -> Failure {
    let types: Result<Vec<_>, Failure> = operands.iter().map(|x| x.value_type()).collect();
    match types {
        Ok(types) => Error::refused(at, name, types, source).into(),
        Err(failure) => failure,
    }
}

/// A refusal of an op by the name of the method that applied it.
pub(super) fn renamed(failure: Failure, name: &'static str) -> Failure {
    match Arc::try_unwrap(failure) {
        Ok(Error::Op { at, mut error }) => {
            error.op = name;
            Error::Op { at, error }.into()
        }
        Ok(other) => other.into(),
        // It came with an operand.
        Err(shared) => shared,
    }
}

/// The result of an op that a method of this name applies.
pub(super) fn one_as(name: &'static str, op: impl Into<Op>, operands: &[&Tensor], at: CallSite) -> Tensor {
    match apply(op.into(), operands, at) {
        Ok(mut results) => results.remove(0),
        Err(failure) => Tensor::failed(renamed(failure, name)),
    }
}
