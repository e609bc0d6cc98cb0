//! What ops change besides making values: variables, and the order of effects.

mod variable;

use tensorwright_ir::Type;

pub use variable::Variable;

/// Something that ops change.
#[derive(Clone, PartialEq, Eq, Hash)]
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

/// The variables among states.
pub(crate) fn variables(states: &[State]) -> impl Iterator<Item = &Variable> {
    states.iter().filter_map(|state| match state {
        State::Variable(variable) => Some(variable),
        State::Token => None,
    })
}
