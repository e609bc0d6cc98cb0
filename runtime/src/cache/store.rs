//! The cache itself.
//!
//! A call first compares its key with the entry that was used last, which needs no lock and no hash. Failing
//! that it looks into a hash table under a lock. Failing that it becomes the leader of a *flight*: the table
//! holds a placeholder, the lock is released, the leader compiles, and threads that want the same key wait
//! for it, while others pass.
//!
//! Recency is a tick of a clock that stands still while the last entry is hit again, so the fast path writes
//! nothing but its counter. Eviction happens when an entry is added: least recently used first, pinned
//! entries and the new entry excepted. An evicted entry is dropped when the last call that runs it has ended.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwapOption, Guard};
use hashbrown::hash_table::{self, HashTable};
use hashbrown::{DefaultHashBuilder, Equivalent};

use super::flight::{Flight, Landing};
use super::stats::CacheStats;

/// How many of the newest entries [`Cache::recent`] knows.
const RECENT: usize = 32;
/// How many evicted keys [`Cache::was_evicted`] remembers.
const GHOSTS: usize = 256;
/// Above this many entries, eviction makes more room than it must, so that its cost is spread over many additions.
const ROOM_ABOVE: usize = 64;

/// A value that knows how much memory it holds.
pub trait Weigh {
    /// Bytes that dropping the value gives back.
    fn bytes(&self) -> usize;
}

/// A cached value with its key.
pub struct Entry<K, V> {
    key: K,
    hash: u64,
    value: V,
    bytes: AtomicUsize,
    compile_time: Duration,
    last_used: AtomicU64,
    pinned: AtomicBool,
}

impl<K, V> Entry<K, V> {
    /// The signature.
    pub fn key(&self) -> &K {
        &self.key
    }

    /// Bytes that count against the budget.
    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Time that making the value took.
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// Keeps the entry from being evicted, or allows it again.
    pub fn set_pinned(&self, pinned: bool) {
        self.pinned.store(pinned, Ordering::Relaxed);
    }

    /// Whether the entry is kept from being evicted.
    pub fn is_pinned(&self) -> bool {
        self.pinned.load(Ordering::Relaxed)
    }
}

impl<K, V> Deref for Entry<K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

/// Why a lookup has no entry to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError<E> {
    /// The value could not be made.
    #[error(transparent)]
    Failed(E),
    /// Making the value asked for the value itself.
    #[error("compiling this signature needs the compiled signature itself")]
    Cycle,
}

type FlightOf<K, V, E> = Flight<Arc<Entry<K, V>>, E>;

enum Content<K, V, E> {
    Ready(Arc<Entry<K, V>>),
    Pending(Arc<K>, Arc<FlightOf<K, V, E>>),
}

struct Slot<K, V, E> {
    hash: u64,
    content: Content<K, V, E>,
}

impl<K, V, E> Slot<K, V, E> {
    fn key(&self) -> &K {
        match &self.content {
            Content::Ready(entry) => &entry.key,
            Content::Pending(key, _) => key,
        }
    }

    fn ready(&self) -> Option<&Arc<Entry<K, V>>> {
        match &self.content {
            Content::Ready(entry) => Some(entry),
            Content::Pending(..) => None,
        }
    }
}

struct State<K, V, E> {
    table: HashTable<Slot<K, V, E>>,
    budget: usize,
    clock: u64,
    recent: VecDeque<Weak<Entry<K, V>>>,
    ghosts: VecDeque<u64>,
    stats: CacheStats,
}

/// A cache with keys `K`, values `V` and errors `E` of making a value.
pub struct Cache<K, V, E> {
    last: ArcSwapOption<Entry<K, V>>,
    fast_hits: AtomicU64,
    hasher: DefaultHashBuilder,
    state: Mutex<State<K, V, E>>,
}

enum Found<K, V, E> {
    Entry(Arc<Entry<K, V>>),
    Wait(Arc<FlightOf<K, V, E>>),
    Lead(Arc<K>, Arc<FlightOf<K, V, E>>),
}

impl<K: Eq + Hash, V: Weigh, E: Clone> Cache<K, V, E> {
    /// An empty cache that holds at most `budget` bytes, and at least the newest entry.
    pub fn new(budget: usize) -> Self {
        let state = State {
            table: HashTable::new(),
            budget,
            clock: 0,
            recent: VecDeque::new(),
            ghosts: VecDeque::new(),
            stats: CacheStats::default(),
        };
        Self {
            last: ArcSwapOption::empty(),
            fast_hits: AtomicU64::new(0),
            hasher: DefaultHashBuilder::default(),
            state: Mutex::new(state),
        }
    }

    /// The entry used last, if it has this key. Takes no lock.
    #[inline]
    pub fn last<Q: Equivalent<K> + ?Sized>(&self, query: &Q) -> Option<Last<K, V>> {
        let entry = self.last.load();
        if !query.equivalent(&entry.as_ref()?.key) {
            return None;
        }
        self.fast_hits.fetch_add(1, Ordering::Relaxed);
        Some(Last(entry))
    }

    /// The entry with this key, if there is one and it is finished.
    pub fn get<Q: Equivalent<K> + Hash + ?Sized>(&self, query: &Q) -> Option<Arc<Entry<K, V>>> {
        let hash = self.hasher.hash_one(query);
        let state = &mut *self.lock();
        let slot = state.table.find(hash, |slot| query.equivalent(slot.key()))?;
        let entry = slot.ready()?;
        state.clock += 1;
        entry.last_used.store(state.clock, Ordering::Relaxed);
        state.stats.hits += 1;
        Some(Arc::clone(entry))
    }

    /// The entry with this key; made by `make` if there is none. Threads that ask for the same key meanwhile
    /// wait and share the result, error included; if `make` panics, one of them tries again.
    ///
    /// # Errors
    /// When `make` fails, or calls for the same key itself.
    pub fn get_or_make<Q>(
        &self,
        query: &Q,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<Entry<K, V>>, LookupError<E>>
    where
        Q: Equivalent<K> + Hash + ?Sized,
        for<'q> K: From<&'q Q>,
    {
        let hash = self.hasher.hash_one(query);
        loop {
            match self.find(hash, query) {
                Found::Entry(entry) => {
                    self.last.store(Some(Arc::clone(&entry)));
                    return Ok(entry);
                }
                Found::Lead(key, flight) => return self.lead(hash, key, flight, make),
                Found::Wait(flight) if flight.is_mine() => return Err(LookupError::Cycle),
                Found::Wait(flight) => match flight.wait() {
                    Landing::Done(result) => return result.map_err(LookupError::Failed),
                    Landing::Abandoned => continue,
                },
            }
        }
    }

    fn find<Q>(&self, hash: u64, query: &Q) -> Found<K, V, E>
    where
        Q: Equivalent<K> + ?Sized,
        for<'q> K: From<&'q Q>,
    {
        let state = &mut *self.lock();
        let slot = state.table.entry(hash, |slot| query.equivalent(slot.key()), |slot| slot.hash);
        match slot {
            hash_table::Entry::Occupied(slot) => match &slot.get().content {
                Content::Ready(entry) => {
                    state.clock += 1;
                    entry.last_used.store(state.clock, Ordering::Relaxed);
                    state.stats.hits += 1;
                    Found::Entry(Arc::clone(entry))
                }
                Content::Pending(_, flight) => {
                    state.stats.waits += 1;
                    Found::Wait(Arc::clone(flight))
                }
            },
            hash_table::Entry::Vacant(slot) => {
                state.stats.misses += 1;
                let (key, flight) = (Arc::new(K::from(query)), Arc::new(Flight::start()));
                let content = Content::Pending(Arc::clone(&key), Arc::clone(&flight));
                slot.insert(Slot { hash, content });
                Found::Lead(key, flight)
            }
        }
    }

    fn lead(
        &self,
        hash: u64,
        key: Arc<K>,
        flight: Arc<FlightOf<K, V, E>>,
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<Arc<Entry<K, V>>, LookupError<E>> {
        let mut placeholder = Placeholder { cache: self, hash, key: Some(key), flight: &flight };
        let start = Instant::now();
        let made = make();
        let compile_time = start.elapsed();
        // From here on nothing panics, so the placeholder's key can be taken out of it.
        let key = placeholder.key.take();
        drop(placeholder);
        let result = match (made, key) {
            (Ok(value), Some(key)) => Ok(self.insert(hash, key, value, compile_time)),
            (Err(error), Some(key)) => {
                self.fail(hash, &key, compile_time);
                Err(error)
            }
            (_, None) => unreachable!("only this function takes the key"),
        };
        flight.land(Landing::Done(result.clone()));
        result.map_err(LookupError::Failed)
    }

    fn insert(&self, hash: u64, key: Arc<K>, value: V, compile_time: Duration) -> Arc<Entry<K, V>> {
        let mut state = self.lock();
        state.remove(hash, &key);
        // The placeholder is gone, so the key has no other owner.
        let key = Arc::into_inner(key).expect("the key is the leader's alone");
        state.clock += 1;
        let entry = Arc::new(Entry {
            key,
            hash,
            bytes: AtomicUsize::new(value.bytes()),
            value,
            compile_time,
            last_used: AtomicU64::new(state.clock),
            pinned: AtomicBool::new(false),
        });
        state.add(Arc::clone(&entry));
        let evicted = state.evict(Some(&entry));
        drop(state);
        self.last.store(Some(Arc::clone(&entry)));
        // Dropping code is slow, so it happens outside the lock.
        drop(evicted);
        entry
    }

    /// Counts the bytes of an entry whose value holds more than before, and evicts others for them.
    pub fn weigh_again(&self, entry: &Arc<Entry<K, V>>) {
        let mut state = self.lock();
        let is_held = |slot: &Slot<K, V, E>| slot.ready().is_some_and(|held| Arc::ptr_eq(held, entry));
        if state.table.find(entry.hash, is_held).is_none() {
            return;
        }
        let (bytes, before) = (entry.value.bytes(), entry.bytes());
        entry.bytes.store(bytes, Ordering::Relaxed);
        state.stats.bytes = state.stats.bytes + bytes - before;
        let evicted = state.evict(Some(entry));
        drop(state);
        drop(evicted);
    }

    fn fail(&self, hash: u64, key: &K, compile_time: Duration) {
        let mut state = self.lock();
        state.remove(hash, key);
        state.stats.failures += 1;
        state.stats.compile_time += compile_time;
    }

    /// The newest entries that are still held, newest first, at most a few dozen.
    pub fn recent(&self) -> Vec<Arc<Entry<K, V>>> {
        self.lock().recent.iter().rev().filter_map(Weak::upgrade).collect()
    }

    /// All entries, least recently used first.
    pub fn entries(&self) -> Vec<Arc<Entry<K, V>>> {
        self.lock().by_age()
    }

    /// Whether this key was held once and made room for others, as far as is remembered.
    pub fn was_evicted<Q: Hash + ?Sized>(&self, query: &Q) -> bool {
        let hash = self.hasher.hash_one(query);
        self.lock().ghosts.contains(&hash)
    }

    /// The counters as they are now.
    pub fn stats(&self) -> CacheStats {
        let state = self.lock();
        let pinned = state.table.iter().filter_map(Slot::ready).filter(|e| e.is_pinned()).count();
        let hits = state.stats.hits + self.fast_hits.load(Ordering::Relaxed);
        CacheStats { hits, pinned, budget: state.budget, ..state.stats }
    }

    /// Changes the bytes that may be held, and at once evicts what is above.
    pub fn set_budget(&self, bytes: usize) {
        let mut state = self.lock();
        state.budget = bytes;
        let evicted = state.evict(None);
        drop(state);
        self.forget_last(&evicted);
    }

    /// Drops every entry, pinned ones included. Compilations in the air still land.
    pub fn clear(&self) {
        let mut state = self.lock();
        let entries = state.by_age();
        state.table.retain(|slot| slot.ready().is_none());
        state.stats.bytes = 0;
        state.stats.entries = 0;
        state.recent.clear();
        drop(state);
        self.forget_last(&entries);
    }

    fn forget_last(&self, evicted: &[Arc<Entry<K, V>>]) {
        let last = self.last.load_full();
        if last.is_some_and(|last| evicted.iter().any(|entry| Arc::ptr_eq(entry, &last))) {
            self.last.store(None);
        }
    }

    /// No user code runs under the lock, so a poisoned state is still a whole one.
    fn lock(&self) -> MutexGuard<'_, State<K, V, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq, V, E> State<K, V, E> {
    fn add(&mut self, entry: Arc<Entry<K, V>>) {
        let hash = entry.hash;
        self.stats.compile_time += entry.compile_time;
        self.stats.bytes += entry.bytes();
        self.stats.entries += 1;
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Arc::downgrade(&entry));
        let slot = Slot { hash, content: Content::Ready(entry) };
        self.table.insert_unique(hash, slot, |slot| slot.hash);
    }

    fn remove(&mut self, hash: u64, key: &K) {
        if let Ok(slot) = self.table.find_entry(hash, |slot| slot.key() == key) {
            slot.remove();
        }
    }

    fn by_age(&self) -> Vec<Arc<Entry<K, V>>> {
        let mut entries: Vec<_> = self.table.iter().filter_map(Slot::ready).cloned().collect();
        entries.sort_by_key(|entry| entry.last_used.load(Ordering::Relaxed));
        entries
    }

    /// Takes out what does not fit the budget.
    fn evict(&mut self, keep: Option<&Arc<Entry<K, V>>>) -> Vec<Arc<Entry<K, V>>> {
        if self.stats.bytes <= self.budget {
            return Vec::new();
        }
        let room = if self.stats.entries > ROOM_ABOVE { self.budget / 8 } else { 0 };
        let mut evicted = Vec::new();
        for entry in self.by_age() {
            if self.stats.bytes <= self.budget - room {
                break;
            }
            if entry.is_pinned() || keep.is_some_and(|keep| Arc::ptr_eq(keep, &entry)) {
                continue;
            }
            self.evict_one(&entry);
            evicted.push(entry);
        }
        evicted
    }

    fn evict_one(&mut self, entry: &Arc<Entry<K, V>>) {
        self.stats.bytes -= entry.bytes();
        self.stats.entries -= 1;
        self.stats.evictions += 1;
        self.remove(entry.hash, &entry.key);
        if self.ghosts.len() == GHOSTS {
            self.ghosts.pop_front();
        }
        self.ghosts.push_back(entry.hash);
    }
}

/// Takes the placeholder out of the table, and frees those who wait for it, should the leader panic.
struct Placeholder<'c, K: Eq + Hash, V: Weigh, E: Clone> {
    cache: &'c Cache<K, V, E>,
    hash: u64,
    key: Option<Arc<K>>,
    flight: &'c FlightOf<K, V, E>,
}

impl<K: Eq + Hash, V: Weigh, E: Clone> Drop for Placeholder<'_, K, V, E> {
    fn drop(&mut self) {
        let Some(key) = &self.key else { return };
        self.cache.lock().remove(self.hash, key);
        self.flight.land(Landing::Abandoned);
    }
}

/// The entry used last. It is borrowed, not counted: hold it for one call, not for long.
pub struct Last<K, V>(Guard<Option<Arc<Entry<K, V>>>>);

impl<K, V> Deref for Last<K, V> {
    type Target = Arc<Entry<K, V>>;

    #[inline]
    fn deref(&self) -> &Arc<Entry<K, V>> {
        self.0.as_ref().expect("made only of a full guard")
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
