//! Which tensors are the same: not equal, the same.
//!
//! A *tensor* is told from all others by its [`TensorId`], which it gets when it is made and its clones share. Tapes and captures go by
//! that: what is watched is a tensor, whatever memory it has in common with others. Whether two tensors stand for the same *value*, memory
//! or a value of a trace, is another question ([`same`]): what a branch has not changed is the same value as before.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use tensorwright_ir::{TensorType, Value};

use super::traced::{TraceId, Traced};
use super::{Repr, Tensor};

/// The number of a tensor, unlike that of any other tensor of the process but its clones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TensorId(u64);

impl TensorId {
    /// A number that no tensor has.
    #[inline]
    pub(crate) fn fresh() -> TensorId {
        /// Numbers that a thread takes at once, so that threads seldom meet.
        const BLOCK: u64 = 1 << 16;
        static BLOCKS: AtomicU64 = AtomicU64::new(0);
        thread_local! {
            static NEXT: Cell<u64> = const { Cell::new(0) };
        }
        let mut id = NEXT.get();
        if id % BLOCK == 0 {
            id = BLOCKS.fetch_add(BLOCK, Ordering::Relaxed);
        }
        NEXT.set(id + 1);
        TensorId(id)
    }
}

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
