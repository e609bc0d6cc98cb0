//! Values of traces, and whether this thread is tracing.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tensorwright_ir::{Type, Value};

use crate::error::CallSite;

/// The number of a trace, unlike that of any other trace of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TraceId(u64);

impl TraceId {
    /// A number that no trace has.
    pub(crate) fn fresh() -> TraceId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        TraceId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A tensor that is a value of a trace.
#[derive(Clone)]
pub(crate) struct Traced {
    pub(crate) trace: TraceId,
    pub(crate) value: Value,
    pub(crate) ty: Type,
    /// The line that made it.
    pub(crate) made: CallSite,
    /// Shared by the tensors that are clones of one, in a trace that asks which values may still be used.
    #[expect(dead_code, reason = "it is there to be counted")]
    pub(crate) handle: Option<Arc<()>>,
}

thread_local! {
    /// How many traces this thread records, one inside the other.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// Whether ops of this thread record.
#[inline]
pub(crate) fn is_tracing() -> bool {
    DEPTH.get() != 0
}

/// Says how many traces this thread records; the stack of traces alone knows.
pub(crate) fn set_depth(depth: usize) {
    DEPTH.set(depth);
}
