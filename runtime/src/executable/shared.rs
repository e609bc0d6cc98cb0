//! Addresses that threads share while they work on disjoint tiles.

use smallvec::{Array, SmallVec};

/// Addresses, and what else a step needs, for several threads at once. To follow an address is `unsafe` and needs a reason of its
/// own: the tiles of a step touch disjoint parts of what they write, and only read what others read.
pub(super) struct Shared<T>(T);

/// What threads may share by reference but for the raw pointers in it.
///
/// # Safety
/// Without its raw pointers, the type would be `Sync`.
pub(super) unsafe trait Addresses {}

// SAFETY: a raw pointer is a number until somebody follows it.
unsafe impl<T> Addresses for *mut T {}
// SAFETY: as above.
unsafe impl<T> Addresses for *const T {}
// SAFETY: a vector is as its elements are.
unsafe impl<A: Array<Item: Addresses>> Addresses for SmallVec<A> {}
// SAFETY: a tuple is as its members are.
unsafe impl<A: Addresses, B: Addresses> Addresses for (A, B) {}
// SAFETY: as above.
unsafe impl<A: Addresses, B: Addresses, C: Addresses> Addresses for (A, B, C) {}

// SAFETY: as `Addresses` says, all but the raw pointers may be shared, and those are harmless until somebody follows them.
unsafe impl<T: Addresses> Sync for Shared<T> {}

impl<T: Addresses> Shared<T> {
    pub(super) fn new(value: T) -> Shared<T> {
        Shared(value)
    }

    pub(super) fn get(&self) -> &T {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    /// Which of two methods a call means is known only if `T` is not `Sync`.
    trait UnlessSync<Marker> {
        fn is_not_sync() {}
    }
    impl<T> UnlessSync<()> for T {}
    impl<T: Sync> UnlessSync<u8> for T {}

    /// This compiles only if threads can't share what is no address.
    #[test]
    fn only_addresses_are_shared() {
        <Shared<Cell<u8>> as UnlessSync<_>>::is_not_sync();
        <Shared<(*mut u8, Cell<u8>)> as UnlessSync<_>>::is_not_sync();
        fn is_sync<T: Sync>() {}
        is_sync::<Shared<SmallVec<[*mut u8; 8]>>>();
    }
}
