//! Pooled, 64-byte aligned memory.
//!
//! A [`BufferPool`] hands out a [`Buffer`]: memory with one owner, whose contents are not yet meaningful. Once
//! it has been written it becomes a [`SharedBuffer`], which is counted, read-only and always initialised, and
//! turns back into a [`Buffer`] when it is the last handle. So a value that is being written cannot be seen by anyone
//! else, and a value that can be seen does not change.
//!
//! Each block is *one* allocation: a header of one cache line (count, length, owning pool, list link), then the
//! data. The last handle to go puts that allocation into its pool's free list, so a warm pool serves a request
//! without the system allocator, and without new page faults, however large the block is.
//!
//! Blocks come in size classes, four to a power of two and all multiples of 64 bytes (64, 128, 192, 256, 320, 384,
//! 448, 512, 640 ...), which wastes at most a fifth of a block above 64 bytes. Idle memory is bounded: when it would exceed
//! the budget, the size classes that have been untouched for longest give up their blocks first.

use std::alloc::{Layout, alloc, dealloc};
use std::fmt;
use std::mem::size_of;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Alignment of all buffers, in bytes: one cache line, and the widest vector register.
pub const ALIGNMENT: usize = 64;

/// The memory that the process-wide pool may keep idle unless told otherwise: 1 GiB.
pub const DEFAULT_IDLE_BUDGET: usize = 1 << 30;

const STEPS: usize = 4;
const SMALLEST_LOG2: usize = 6;
/// Requests above 2^46 bytes fail, as no machine has them.
const LARGEST_LOG2: usize = 46;
const CLASSES: usize = (LARGEST_LOG2 - SMALLEST_LOG2) * STEPS + 1;

/// Memory could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("out of memory: a buffer of {bytes} bytes was asked for")]
pub struct OutOfMemory {
    /// The size of the request that failed.
    pub bytes: usize,
}

/// The size class that serves `bytes`, and its capacity.
fn class_of(bytes: usize) -> Option<(usize, usize)> {
    if bytes > 1 << LARGEST_LOG2 {
        return None;
    }
    let bytes = bytes.max(1).next_multiple_of(ALIGNMENT);
    let log2 = bytes.ilog2() as usize;
    let step = 1usize << (log2 - 2);
    let above = (bytes - (1 << log2)).div_ceil(step);
    Some(((log2 - SMALLEST_LOG2) * STEPS + above, (1 << log2) + above * step))
}

/// What stands before the data of each block.
#[repr(C, align(64))]
struct Header {
    /// Handles to a live block; meaningless in an idle one.
    references: AtomicUsize,
    /// The bytes asked for.
    length: usize,
    /// Whether the contents are known to be bools: nothing but 0 and 1. Safe code can write other bytes.
    bools: AtomicBool,
    /// The bytes there are.
    capacity: usize,
    class: usize,
    /// `Arc::into_raw` of the owning pool: a live block holds one strong reference, an idle one none.
    pool: *const PoolShared,
    /// The next idle block of the class.
    next: Link,
}

type Link = Option<NonNull<Header>>;

const HEADER: usize = size_of::<Header>();
const _: () = assert!(HEADER == ALIGNMENT);

fn layout_of(capacity: usize) -> Option<Layout> {
    Layout::from_size_align(HEADER.checked_add(capacity)?, ALIGNMENT).ok()
}

fn allocate(class: usize, capacity: usize) -> Option<NonNull<Header>> {
    let layout = layout_of(capacity)?;
    // SAFETY: the layout is at least a header, so not empty.
    let block = NonNull::new(unsafe { alloc(layout) })?.cast::<Header>();
    // SAFETY: the allocation is large enough and aligned for a header, and nobody else has it.
    unsafe {
        block.write(Header {
            references: AtomicUsize::new(0),
            length: 0,
            bools: AtomicBool::new(false),
            capacity,
            class,
            pool: std::ptr::null(),
            next: None,
        });
    }
    Some(block)
}

/// Returns a chain of blocks to the system.
///
/// # Safety
/// All blocks of the chain are idle, and in no list any more.
unsafe fn deallocate_chain(mut chain: Link) {
    while let Some(block) = chain {
        // SAFETY: the caller owns the chain, so its headers are readable and nobody else's.
        let (next, capacity) = unsafe { (block.as_ref().next, block.as_ref().capacity) };
        let Some(layout) = layout_of(capacity) else {
            return;
        };
        // SAFETY: the block was allocated with this very layout, by `allocate`.
        unsafe { dealloc(block.as_ptr().cast(), layout) };
        chain = next;
    }
}

/// Counters of a pool, all since its creation but for the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Requests that went to the system allocator.
    pub allocated: u64,
    /// Requests served from idle memory.
    pub reused: u64,
    /// Blocks given back to the system.
    pub released: u64,
    /// Bytes in blocks that are in use (capacity, not length).
    pub live_bytes: usize,
    /// The most that `live_bytes` has been.
    pub peak_live_bytes: usize,
    /// Bytes in blocks that wait for reuse.
    pub idle_bytes: usize,
}

#[derive(Clone, Copy)]
struct Class {
    idle: Link,
    /// The pool's clock when this class was last asked for a block.
    last_used: u64,
}

struct PoolState {
    classes: [Class; CLASSES],
    budget: usize,
    /// The most bytes that may be in use.
    limit: usize,
    clock: u64,
    stats: PoolStats,
}

// SAFETY: idle blocks belong to the state that lists them, and to no thread.
unsafe impl Send for PoolState {}

impl PoolState {
    fn take(&mut self, class: usize, capacity: usize) -> Link {
        self.clock += 1;
        let list = &mut self.classes[class];
        list.last_used = self.clock;
        let block = list.idle?;
        // SAFETY: listed blocks are idle and valid; the state is the only one to touch them.
        list.idle = unsafe { block.as_ref().next };
        self.stats.idle_bytes -= capacity;
        self.stats.reused += 1;
        self.count_live(capacity);
        Some(block)
    }

    fn is_beyond_limit(&self, capacity: usize) -> bool {
        self.stats.live_bytes.saturating_add(capacity) > self.limit
    }

    fn count_live(&mut self, capacity: usize) {
        self.stats.live_bytes += capacity;
        self.stats.peak_live_bytes = self.stats.peak_live_bytes.max(self.stats.live_bytes);
    }

    /// Lists an idle block; the result is a chain of blocks that no longer fit the budget.
    ///
    /// # Safety
    /// The caller owned the block alone and forgets it.
    unsafe fn put(&mut self, mut block: NonNull<Header>) -> Link {
        // SAFETY: the caller was the only owner.
        let header = unsafe { block.as_mut() };
        let list = &mut self.classes[header.class];
        header.next = list.idle.replace(block);
        self.stats.live_bytes -= header.capacity;
        self.stats.idle_bytes += header.capacity;
        if self.stats.idle_bytes <= self.budget {
            return None;
        }
        // Going somewhat below the budget keeps the search from running at each call.
        self.evict(self.budget - self.budget / 8)
    }

    /// Unlists blocks, stalest classes first, until at most `keep` bytes are idle.
    fn evict(&mut self, keep: usize) -> Link {
        let mut evicted: Link = None;
        while self.stats.idle_bytes > keep {
            let stalest = self.classes.iter_mut().filter(|class| class.idle.is_some());
            let Some(class) = stalest.min_by_key(|class| class.last_used) else {
                break;
            };
            while let Some(mut block) = class.idle.filter(|_| self.stats.idle_bytes > keep) {
                // SAFETY: listed blocks are idle and valid; the state is the only one to touch them.
                let header = unsafe { block.as_mut() };
                class.idle = header.next;
                header.next = evicted.replace(block);
                self.stats.idle_bytes -= header.capacity;
                self.stats.released += 1;
            }
        }
        evicted
    }
}

struct PoolShared {
    state: Mutex<PoolState>,
}

impl PoolShared {
    /// No user code runs under the lock, so a poisoned state is still a whole one.
    fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PoolShared {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chain = state.evict(0);
        // SAFETY: `evict` unlisted the chain, and idle blocks have no handles.
        unsafe { deallocate_chain(chain) };
    }
}

/// A source of [`Buffer`]s that keeps what it gets back. Cheap to clone; clones share the memory.
///
/// Buffers may outlive all handles of their pool; the pool's memory then goes with the last of them.
#[derive(Clone)]
pub struct BufferPool {
    shared: Arc<PoolShared>,
}

impl BufferPool {
    /// An empty pool that keeps at most `idle_budget` bytes of unused memory.
    pub fn new(idle_budget: usize) -> Self {
        let class = Class { idle: None, last_used: 0 };
        let state = PoolState {
            classes: [class; CLASSES],
            budget: idle_budget,
            limit: usize::MAX,
            clock: 0,
            stats: PoolStats::default(),
        };
        Self { shared: Arc::new(PoolShared { state: Mutex::new(state) }) }
    }

    /// The pool of the process.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<BufferPool> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::new(DEFAULT_IDLE_BUDGET))
    }

    /// A buffer of `bytes` bytes with unspecified contents.
    ///
    /// # Errors
    /// When the system has no memory left.
    #[inline]
    pub fn get(&self, bytes: usize) -> Result<Buffer, OutOfMemory> {
        let (class, capacity) = class_of(bytes).ok_or(OutOfMemory { bytes })?;
        let reused = self.shared.lock().take(class, capacity);
        let mut block = match reused {
            Some(block) => block,
            None => self.allocate(class, capacity).ok_or(OutOfMemory { bytes })?,
        };
        // SAFETY: the block just left the free list or the allocator, so this is its only user.
        let header = unsafe { block.as_mut() };
        *header.references.get_mut() = 1;
        header.length = bytes;
        *header.bools.get_mut() = false;
        header.pool = Arc::into_raw(Arc::clone(&self.shared));
        Ok(Buffer { block })
    }

    /// A buffer that holds a copy of `bytes`.
    ///
    /// # Errors
    /// When the system has no memory left.
    pub fn copy_of(&self, bytes: &[u8]) -> Result<SharedBuffer, OutOfMemory> {
        Ok(self.get(bytes.len())?.filled_with(bytes))
    }

    /// A buffer of `bytes` zero bytes.
    ///
    /// # Errors
    /// When the system has no memory left.
    pub fn zeroed(&self, bytes: usize) -> Result<SharedBuffer, OutOfMemory> {
        let mut buffer = self.get(bytes)?;
        // SAFETY: the buffer has `bytes` bytes, all of which are written before it is shared.
        unsafe {
            buffer.as_mut_ptr().write_bytes(0, bytes);
            Ok(buffer.assume_init())
        }
    }

    /// The counters as they are now.
    pub fn stats(&self) -> PoolStats {
        self.shared.lock().stats
    }

    /// The bytes that may stay idle.
    pub fn idle_budget(&self) -> usize {
        self.shared.lock().budget
    }

    /// Returns idle memory to the system until at most `keep` bytes are left.
    pub fn trim(&self, keep: usize) {
        let chain = self.shared.lock().evict(keep);
        // SAFETY: `evict` unlisted the chain, and idle blocks have no handles.
        unsafe { deallocate_chain(chain) };
    }

    /// The most bytes that may be in use at a time; a request beyond them fails. Without a limit the system decides.
    pub fn set_limit(&self, bytes: usize) {
        self.shared.lock().limit = bytes;
    }

    /// A new block; when the system has none, idle memory is given back and the system asked again.
    #[cold]
    fn allocate(&self, class: usize, capacity: usize) -> Option<NonNull<Header>> {
        if self.shared.lock().is_beyond_limit(capacity) {
            return None;
        }
        let block = allocate(class, capacity).or_else(|| {
            self.trim(0);
            allocate(class, capacity)
        })?;
        let mut state = self.shared.lock();
        state.stats.allocated += 1;
        state.count_live(capacity);
        Some(block)
    }
}

impl fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stats().fmt(f)
    }
}

/// Ends the life of a block: it goes to its pool, or to the system when the pool is full.
///
/// # Safety
/// The caller held the last handle and forgets it.
#[inline]
unsafe fn retire(block: NonNull<Header>) {
    // SAFETY: the block is valid, and `pool` came from `Arc::into_raw` when it went live; this takes that reference
    // back exactly once, and it is dropped only after the pool's lock is released.
    let pool = unsafe { Arc::from_raw(block.as_ref().pool) };
    // SAFETY: by the caller's promise nobody else has the block.
    let chain = unsafe { pool.lock().put(block) };
    if chain.is_some() {
        // SAFETY: `put` unlisted the chain, and idle blocks have no handles.
        unsafe { deallocate_chain(chain) };
    }
}

/// Where the data of a block begins.
fn data(block: NonNull<Header>) -> NonNull<u8> {
    // SAFETY: a block is a header followed by at least 64 bytes of data in the same allocation.
    unsafe { block.cast::<u8>().add(HEADER) }
}

/// Memory with one owner, to be written. Its contents are unspecified until then.
pub struct Buffer {
    block: NonNull<Header>,
}

// SAFETY: a `Buffer` owns its block alone; the pool it returns to is behind a lock.
unsafe impl Send for Buffer {}
// SAFETY: nothing can be changed through `&Buffer` without `unsafe`.
unsafe impl Sync for Buffer {}

impl Buffer {
    fn header(&self) -> &Header {
        // SAFETY: the block lives at least as long as its handle; headers of live blocks change only atomically.
        unsafe { self.block.as_ref() }
    }

    /// The size in bytes, as it was asked for.
    pub fn len(&self) -> usize {
        self.header().length
    }

    /// Whether the buffer has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that may be used, at least `len`, and a multiple of [`ALIGNMENT`].
    pub fn capacity(&self) -> usize {
        self.header().capacity
    }

    /// The first byte, aligned to [`ALIGNMENT`]; for reads of what was written.
    pub fn as_ptr(&self) -> *const u8 {
        data(self.block).as_ptr()
    }

    /// The first byte, aligned to [`ALIGNMENT`]. The pointer stays valid while the buffer lives, and moving the
    /// `Buffer` does not move the memory.
    pub fn as_mut_ptr(&mut self) -> *mut u8 {
        data(self.block).as_ptr()
    }

    /// Copies `bytes` over the whole buffer and shares it.
    ///
    /// # Panics
    /// When the lengths differ: that is a bug of the caller.
    pub fn filled_with(mut self, bytes: &[u8]) -> SharedBuffer {
        assert_eq!(bytes.len(), self.len(), "a copy must fill its buffer");
        // SAFETY: `self` is a unique allocation of that many bytes, so it is writable and not part of `bytes`;
        // afterwards all of it is initialised.
        unsafe {
            self.as_mut_ptr().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            self.assume_init()
        }
    }

    /// Makes the contents visible to all.
    ///
    /// # Safety
    /// The first `len` bytes have been written, and nobody writes through a pointer from `as_mut_ptr` any more.
    #[inline]
    pub unsafe fn assume_init(self) -> SharedBuffer {
        SharedBuffer { buffer: self }
    }
}

impl Drop for Buffer {
    #[inline]
    fn drop(&mut self) {
        let references = &self.header().references;
        // A count of one cannot change behind the last handle's back, which saves the atomic subtraction.
        if references.load(Ordering::Acquire) != 1 {
            if references.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            fence(Ordering::Acquire);
        }
        // SAFETY: the count says that this was the last handle, and drop runs once.
        unsafe { retire(self.block) };
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes at {:p})", self.len(), self.as_ptr())
    }
}

/// Initialised, immutable memory with counted owners.
pub struct SharedBuffer {
    /// One of possibly many handles to the block, against the rule for `Buffer`: it is never given out unless it is the
    /// only one.
    buffer: Buffer,
}

impl SharedBuffer {
    /// The size in bytes.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether the buffer has no bytes.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The bytes that the memory takes up.
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// The first byte, aligned to [`ALIGNMENT`].
    pub fn as_ptr(&self) -> *const u8 {
        self.buffer.as_ptr()
    }

    /// The contents.
    pub fn as_bytes(&self) -> &[u8] {
        // SAFETY: `assume_init` promised that these bytes are written, and shared memory does not change.
        unsafe { std::slice::from_raw_parts(self.as_ptr(), self.len()) }
    }

    /// The contents as numbers; a remainder shorter than one number is left out.
    pub fn as_slice<T: Plain>(&self) -> &[T] {
        // SAFETY: the bytes are initialised, aligned for every `Plain` type, and each bit pattern is a valid one.
        unsafe { std::slice::from_raw_parts(self.as_ptr().cast(), self.len() / size_of::<T>()) }
    }

    /// Whether this is the only handle.
    pub fn is_unique(&self) -> bool {
        self.buffer.header().references.load(Ordering::Acquire) == 1
    }

    /// Whether both handles are of the same memory.
    pub fn same_memory(&self, other: &Self) -> bool {
        self.buffer.block == other.buffer.block
    }

    /// The contents for writing, when this is the only handle.
    pub fn get_mut(&mut self) -> Option<&mut [u8]> {
        let length = self.len();
        self.buffer.header().bools.store(false, Ordering::Relaxed);
        // SAFETY: as in `as_bytes`, and with the only handle borrowed mutably nobody else can read or write.
        self.is_unique().then(|| unsafe { std::slice::from_raw_parts_mut(self.buffer.as_mut_ptr(), length) })
    }

    /// Whether each byte is 0 or 1. Looks at most once, since contents do not change but through [`SharedBuffer::get_mut`].
    pub fn holds_bools(&self) -> bool {
        let known = &self.buffer.header().bools;
        if !known.load(Ordering::Relaxed) && self.iter().fold(0, |all, byte| all | byte) <= 1 {
            known.store(true, Ordering::Relaxed);
        }
        known.load(Ordering::Relaxed)
    }

    /// Has it that each byte is 0 or 1, without looking.
    pub(crate) fn vouch_for_bools(&self) {
        self.buffer.header().bools.store(true, Ordering::Relaxed);
    }
}

impl Clone for SharedBuffer {
    #[inline]
    fn clone(&self) -> Self {
        let before = self.buffer.header().references.fetch_add(1, Ordering::Relaxed);
        // As in `Arc`: a count that leaked half its range away must not wrap to zero.
        if before > isize::MAX as usize {
            std::process::abort();
        }
        let block = self.buffer.block;
        Self { buffer: Buffer { block } }
    }
}

impl Deref for SharedBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for SharedBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared{:?}", self.buffer)
    }
}

/// Numbers for which every bit pattern is a value.
///
/// # Safety
/// The type has no padding, no invalid patterns, and an alignment of at most [`ALIGNMENT`].
pub unsafe trait Plain: Copy + Send + Sync + 'static {}

macro_rules! plain {
    ($($number:ty)*) => {$(
        // SAFETY: a primitive number, or a transparent wrapper of one.
        unsafe impl Plain for $number {}
    )*};
}

plain! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 half::f16 half::bf16 }

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
