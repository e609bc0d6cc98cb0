//! Which tensor it is. A tensor gets a number when it is made, and its clones share it. Tapes and captures go by that: what is watched is a
//! tensor, whatever memory it has in common with others.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

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
        if id.is_multiple_of(BLOCK) {
            id = BLOCKS.fetch_add(BLOCK, Ordering::Relaxed);
        }
        NEXT.set(id + 1);
        TensorId(id)
    }
}
