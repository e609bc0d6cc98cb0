//! What ops change besides making values: variables, and the order of effects.

mod variable;

use tensorwright_ir::Type;

pub use variable::Variable;

/// Something that ops change.
#[derive(Clone, PartialEq)]
pub(crate) enum State {
    /// The order of effects.
    Token,
    /// The value of a variable.
    Variable(Variable),
}

impl State {
    /// The type of the value that stands for it in a graph.
    pub(crate) fn ty(&self) -> Type {
        match self {
            State::Token => Type::Token,
            State::Variable(variable) => variable.ty().into(),
        }
    }
}
