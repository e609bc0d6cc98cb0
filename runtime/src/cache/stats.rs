//! Counters of a cache.

use std::fmt;
use std::time::Duration;

/// What a cache has done since it was made, and what it holds now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Calls whose signature was there.
    pub hits: u64,
    /// Calls that had to compile.
    pub misses: u64,
    /// Calls that waited for another thread's compilation of the same signature.
    pub waits: u64,
    /// Compilations that failed; nothing is kept of them.
    pub failures: u64,
    /// Entries that made room for others.
    pub evictions: u64,
    /// Signatures held now.
    pub entries: usize,
    /// Entries held now that are never evicted.
    pub pinned: usize,
    /// Bytes held now: code, constants, and the graphs and what describes them, about. Memory of runs is the pool's.
    pub bytes: usize,
    /// Bytes that may be held.
    pub budget: usize,
    /// Time spent in compilations, tracing included.
    pub compile_time: Duration,
}

impl fmt::Display for CacheStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} hits, {} misses, {} waits, {} evictions; {} signatures in {} of {} bytes; {:.3} ms compiling",
            self.hits,
            self.misses,
            self.waits,
            self.evictions,
            self.entries,
            self.bytes,
            self.budget,
            self.compile_time.as_secs_f64() * 1e3,
        )
    }
}
