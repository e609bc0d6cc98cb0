//! Refusals: what an op says to operands before there is a node.

use tensorwright_ir::op::TypeError;

use crate::error::{CallSite, Error, Failure};
use crate::tensor::Tensor;

/// A refusal to build an op; the first error that an operand carries goes before it.
pub(super) fn refused(name: &'static str, operands: &[&Tensor], at: CallSite, source: TypeError) -> Failure {
    let types: Result<Vec<_>, Failure> = operands.iter().map(|x| x.value_type()).collect();
    match types {
        Ok(types) => Error::refused(at, name, types, source).into(),
        Err(failure) => failure,
    }
}
