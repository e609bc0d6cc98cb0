//! What a trace takes from outside of its arguments, and the state that it knows.

use tensorwright_ir::{Type, Value};

use super::super::Operand;
use crate::state::State;
use crate::tensor::Tensor;
use crate::tensor::identity::Identity;

/// What an input of a graph stands for that is no argument.
#[derive(Clone)]
pub(crate) enum Captured {
    /// A tensor from outside.
    Tensor(Tensor),
    /// State of the trace around a region, or of the process around a function.
    State(State),
}

impl Captured {
    pub(super) fn ty(&self) -> Type {
        match self {
            Captured::Tensor(tensor) => tensor.value_type().expect("captured tensors have types"),
            Captured::State(state) => state.ty(),
        }
    }

    /// Whether both are the same.
    pub(crate) fn is(&self, other: &Captured) -> bool {
        match (self, other) {
            (Captured::State(l), Captured::State(r)) => l == r,
            (Captured::Tensor(l), Captured::Tensor(r)) => Identity::of(l) == Identity::of(r),
            _ => false,
        }
    }
}

impl<'t> From<&'t Captured> for Operand<'t> {
    fn from(captured: &'t Captured) -> Operand<'t> {
        match captured {
            Captured::Tensor(tensor) => Operand::Tensor(tensor),
            Captured::State(state) => Operand::State(state),
        }
    }
}

/// A state with the value that it has at this place of a trace.
pub(super) struct Binding {
    pub(super) state: State,
    pub(super) value: Value,
    /// Whether an op of the trace gave it.
    pub(super) changed: bool,
}
