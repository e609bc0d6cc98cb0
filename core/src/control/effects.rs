//! Printing and checking, in the order in which a program says so.

use std::sync::Arc;

use tensorwright_ir::op::control::{Assert, CheckFinite, Print};
use tensorwright_ir::{DType, Op};

use super::branch::check_scalar;
use crate::error::{CallSite, Result, caller};
use crate::interpret::{Application, Code, Operand, apply_stateful};
use crate::state::State;
use crate::tensor::Tensor;

/// Prints a line: each `{}` of `format` stands for one of the values, `{{` and `}}` for braces. In a traced function the line is
/// printed whenever the compiled function runs, after earlier effects.
///
/// # Errors
/// When there are more or fewer values than places, or a value carries an error.
///
/// ```
/// use tensorwright::prelude::*;
///
/// let f = function(|x: Tensor| {
///     print("x is {}", &[&x])?;
///     Ok(x + 1.0)
/// });
/// f.call(2.0f32)?; // x is 2.0
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn print(format: &str, values: &[&Tensor]) -> Result<()> {
    print_at(format, values, caller())
}

pub(super) fn print_at(format: &str, values: &[&Tensor], at: CallSite) -> Result<()> {
    effect(Print { format: format.to_owned() }.into(), values, at)
}

/// Stops the program with an error that has this message unless the bool scalar holds. In a traced function it is checked whenever
/// the compiled function runs, after earlier effects.
///
/// # Errors
/// When the predicate is no bool scalar, or does not hold outside a traced function. Calls of a traced function fail with
/// [`Error::Check`](crate::Error::Check).
#[doc(alias("assert_equal", "checkify"))]
#[track_caller]
pub fn assert_that(predicate: &Tensor, message: &str) -> Result<()> {
    assert_at(predicate, &message.replace('{', "{{").replace('}', "}}"), &[], caller())
}

/// The message has a `{}` for each of the values.
pub(super) fn assert_at(predicate: &Tensor, message: &str, values: &[&Tensor], at: CallSite) -> Result<()> {
    check_scalar(predicate, "assert", DType::Bool, at)?;
    let operands: Vec<&Tensor> = [predicate].iter().chain(values).copied().collect();
    effect(Assert { message: message.to_owned() }.into(), &operands, at)
}

/// Stops the program with an error that begins with this message if an element of the float tensor is NaN or infinite.
///
/// # Errors
/// As [`assert_that`].
#[track_caller]
pub fn check_finite(x: &Tensor, message: &str) -> Result<()> {
    effect(CheckFinite { message: message.to_owned() }.into(), &[x], caller())
}

pub(crate) fn effect(op: Op, values: &[&Tensor], at: CallSite) -> Result<()> {
    let order = [State::Token];
    let values = values.iter().map(|&value| Operand::Tensor(value));
    let operands: Vec<Operand<'_>> = [Operand::State(&order[0])].into_iter().chain(values).collect();
    let code = Code::Op(Box::new(op), Vec::new());
    let effect = Application { code, operands: &operands, states: &order, first_state: 0, at };
    apply_stateful(effect).map(drop).map_err(Arc::unwrap_or_clone)
}
