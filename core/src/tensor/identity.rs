//! Which tensors stand for the same value: not an equal one, the same. What a branch has not changed is the same value as before.
//!
//! That is another question than which tensor it is, see [`TensorId`](super::id::TensorId).

use tensorwright_ir::{TensorType, Value};

use super::traced::{TraceId, Traced};
use super::{Repr, Tensor};

/// What tells values apart.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    /// Memory at an address, under a type.
    Memory(usize, TensorType),
    /// A value of a trace.
    Value(TraceId, Value),
}

impl Identity {
    /// The identity of a tensor's value; lists and errors have none.
    pub(crate) fn of(tensor: &Tensor) -> Option<Identity> {
        match tensor.repr() {
            Repr::Concrete(ty, buffer) => Some(Identity::Memory(buffer.as_ptr() as usize, ty.clone())),
            Repr::Traced(traced) => Some(Identity::Value(traced.trace, traced.value)),
            Repr::List(_) | Repr::Failed(_) => None,
        }
    }
}

/// Whether both tensors are the same value.
pub(crate) fn same(left: &Tensor, right: &Tensor) -> bool {
    Identity::of(left).is_some_and(|left| Identity::of(right) == Some(left))
}

/// The tensor, said to be made where the other one was.
pub(crate) fn made_as(tensor: &Tensor, other: &Tensor) -> Tensor {
    match (tensor.repr(), other.repr()) {
        (Repr::Traced(traced), Repr::Traced(other)) => {
            Tensor::traced(Traced { made: other.made, ..traced.clone() }).with_id(tensor.id())
        }
        _ => tensor.clone(),
    }
}
