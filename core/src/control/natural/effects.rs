//! `println!` and `assert!`, of tensors and of plain values.

use std::sync::Arc;

use super::super::effects::{assert_at, print_at};
use super::logic::Condition;
use crate::Tensor;
use crate::error::{Error, Result, caller};
use crate::tensor::traced::is_tracing;

/// A part of a line that is printed.
pub enum Piece {
    /// Text of the format, and plain values.
    Text(String),
    /// A tensor.
    Tensor(Tensor),
}

/// Something that is printed.
pub struct Printed<'v, T: ?Sized>(pub &'v T);

/// Tensors.
pub trait ViaTensor {
    /// The tensor.
    fn piece(self, text: impl FnOnce() -> String) -> Piece;
}

impl ViaTensor for Printed<'_, Tensor> {
    fn piece(self, _: impl FnOnce() -> String) -> Piece {
        Piece::Tensor(self.0.clone())
    }
}

impl ViaTensor for Printed<'_, &Tensor> {
    fn piece(self, _: impl FnOnce() -> String) -> Piece {
        Piece::Tensor((*self.0).clone())
    }
}

/// All else: found after [`ViaTensor`], because it takes one more reference.
pub trait ViaDisplay {
    /// The value as the format wants it.
    fn piece(self, text: impl FnOnce() -> String) -> Piece;
}

impl<T: ?Sized> ViaDisplay for &Printed<'_, T> {
    fn piece(self, text: impl FnOnce() -> String) -> Piece {
        Piece::Text(text())
    }
}

/// Prints a line: when the compiled function runs if there is a tensor in it, else now.
///
/// # Errors
/// When a tensor carries an error.
#[track_caller]
pub fn print_line(pieces: &[Piece]) -> Result<()> {
    let (format, tensors) = format(pieces);
    if tensors.is_empty() {
        println!("{}", text(pieces));
        return Ok(());
    }
    print_at(&format, &tensors, caller())
}

/// The pieces as the format of an op, with its operands.
fn format(pieces: &[Piece]) -> (String, Vec<&Tensor>) {
    let (mut format, mut tensors) = (String::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(text) => format.push_str(&text.replace('{', "{{").replace('}', "}}")),
            Piece::Tensor(tensor) => {
                format.push_str("{}");
                tensors.push(tensor);
            }
        }
    }
    (format, tensors)
}

/// The pieces as they are now.
fn text(pieces: &[Piece]) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        // As a compiled function shows it.
        Piece::Tensor(tensor) => tensor.to_literal().map_or_else(|_| tensor.to_string(), |x| x.to_string()),
    };
    pieces.iter().map(text).collect()
}

/// Stops with an error unless the condition holds: when the compiled function runs if it is a tensor, else now.
///
/// # Errors
/// When it does not hold, or is no bool scalar.
#[track_caller]
pub fn assert_condition(condition: Condition, message: impl FnOnce() -> Vec<Piece>) -> Result<()> {
    let at = caller();
    match condition {
        Condition::Known(true) => Ok(()),
        Condition::Known(false) => {
            let message: Arc<str> = format!("assertion failed: {}", text(&message())).into();
            Err(Error::Check { at: at.into(), message })
        }
        Condition::Traced(predicate) => {
            debug_assert!(is_tracing());
            let pieces = message();
            let (format, values) = format(&pieces);
            assert_at(&predicate, &format, &values, at)
        }
    }
}
