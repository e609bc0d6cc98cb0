//! What a trace takes from outside of its arguments, and the state that it knows.

use tensorwright_ir::{Type, Value};

use super::super::Operand;
use crate::state::State;
use crate::tensor::id::TensorId;
use crate::tensor::{Repr, Tensor};

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

    /// The identity of the tensor or state; lists and errors have none, and are not captured.
    pub(crate) fn id(&self) -> Option<CaptureId> {
        match self {
            Captured::Tensor(tensor) => match tensor.repr() {
                Repr::List(_) | Repr::Failed(_) => None,
                Repr::Concrete(..) | Repr::Traced(_) => Some(CaptureId::Tensor(tensor.id())),
            },
            Captured::State(state) => Some(CaptureId::State(state.clone())),
        }
    }
}

/// What tells captures apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum CaptureId {
    /// A tensor.
    Tensor(TensorId),
    /// A state.
    State(State),
}

impl<'t> From<&'t Captured> for Operand<'t> {
    fn from(captured: &'t Captured) -> Operand<'t> {
        match captured {
            Captured::Tensor(tensor) => Operand::Tensor(tensor),
            Captured::State(state) => Operand::State(state),
        }
    }
}

/// A state with the value that it has at this point of a trace.
pub(super) struct Binding {
    pub(super) state: State,
    pub(super) value: Value,
    /// Which tensor that is, of all that may have the value.
    pub(super) id: TensorId,
    /// Whether an op of the trace gave the value.
    pub(super) changed: bool,
}
