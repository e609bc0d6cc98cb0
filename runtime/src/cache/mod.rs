//! Caches of compiled graphs: one entry per signature, bounded by bytes, one compilation however many threads ask.
//!
//! - [`key`]: a call's signature as a flat row of words, cheap to write, compare and hash;
//! - [`store`]: the cache itself: fast path, hash lookup, single flight, eviction;
//! - [`stats`]: its counters;
//! - [`signature`]: a signature as users read it;
//! - [`explain`]: why a call missed, against the nearest signature that is cached.

pub mod explain;
mod flight;
pub mod key;
pub mod signature;
pub mod stats;
pub mod store;

pub use explain::{Change, Difference, MissReason};
pub use key::{Key, KeyWriter};
pub use signature::{Leaf, LeafValue, Signature};
pub use stats::CacheStats;
pub use store::{Cache, Entry, Last, LookupError, Weigh};
