//! Worker threads: one job at a time, split into tiles.
//!
//! [`Workers::run`] calls a function on all of `0..tiles`, in pieces that the calling thread and up to `threads - 1`
//! helpers take from a shared cursor. Which thread runs which tile is left to chance; tiles must not depend on each
//! other, and then the result does not depend on the threads.
//!
//! # How a job runs
//!
//! The caller takes the pool (`busy`), writes the job, and publishes it by storing the number of helpers wanted as
//! *tickets* in `state`. A helper joins by turning a ticket into an *active* mark in one atomic step, and leaves by
//! taking the mark away. When the cursor has run out, the caller withdraws the tickets that are left, so that a
//! helper that wakes up late costs nothing, and waits until no mark is left. After that nobody can touch the
//! job any more, so it may live on the caller's stack.
//!
//! Helpers watch `state` for [`SPIN`] after each job and then sleep; waking one takes as long as the operating
//! system likes, during which the caller works. Nothing starts before a job wants it. When the pool is taken, by
//! another thread or by a job further out, `run` does the job on the calling thread.

use crate::buffer::{ALIGNMENT, Buffer, BufferPool, OutOfMemory};
use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long an idle helper watches for work before it sleeps.
const SPIN: Duration = Duration::from_micros(40);

/// The most threads that one job can use.
pub const MAX_THREADS: usize = 256;

/// What a job does with a run of consecutive tiles.
pub type TileRangeFn<'a> = dyn Fn(Range<u64>) + Sync + 'a;

/// A pool of worker threads.
pub struct Workers {
    shared: Arc<Shared>,
    helpers: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// A pool without threads; they start when a job first wants them.
    pub fn new() -> Self {
        Self { shared: Arc::new(Shared::new()), helpers: Mutex::new(Vec::new()) }
    }

    /// The pool of the process.
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Workers> = OnceLock::new();
        GLOBAL.get_or_init(Self::new)
    }

    /// The threads that the machine runs at once.
    pub fn available() -> usize {
        static AVAILABLE: OnceLock<usize> = OnceLock::new();
        *AVAILABLE.get_or_init(|| thread::available_parallelism().map_or(1, usize::from))
    }

    /// The helper threads that have been started so far.
    pub fn started(&self) -> usize {
        self.shared.started.load(SeqCst)
    }

    /// Calls `body` with ranges that together cover `0..tiles` exactly once, each at least `min_chunk` tiles long (but
    /// for the last), on at most `threads` threads including this one, and returns when all is done.
    ///
    /// With one thread, or so few tiles that there is nothing to share, or when the pool is taken, this is `body(0..tiles)`.
    ///
    /// # Panics
    /// When `body` panics; the first panic is passed on, after all threads have left the job. Tiles not yet begun are skipped.
    #[inline]
    pub fn run(&self, tiles: u64, threads: usize, min_chunk: u64, body: &TileRangeFn<'_>) {
        if tiles == 0 {
            return;
        }
        let pieces = tiles.div_ceil(min_chunk.max(1));
        let threads = (threads as u64).min(pieces).min(MAX_THREADS as u64) as usize;
        if threads <= 1 || !self.run_shared(tiles, threads, min_chunk.max(1), body) {
            body(0..tiles);
        }
    }

    /// Runs the job with helpers, unless the pool is taken.
    fn run_shared(&self, tiles: u64, threads: usize, min_chunk: u64, body: &TileRangeFn<'_>) -> bool {
        if INSIDE.get() || self.shared.busy.swap(true, SeqCst) {
            return false;
        }
        self.start_helpers(threads - 1);
        let payload = self.shared.lead(tiles, threads, min_chunk, body);
        self.shared.busy.store(false, SeqCst);
        if let Some(payload) = payload {
            resume_unwind(payload);
        }
        true
    }

    /// Starts helpers until there are `wanted`. When the system refuses a thread, jobs run with those there are.
    fn start_helpers(&self, wanted: usize) {
        if self.started() >= wanted {
            return;
        }
        let mut helpers = lock(&self.helpers);
        while helpers.len() < wanted {
            let shared = Arc::clone(&self.shared);
            let builder = thread::Builder::new().name(format!("tensorwright-{}", helpers.len()));
            let Ok(helper) = builder.spawn(move || shared.help()) else {
                return;
            };
            helpers.push(helper);
            self.shared.started.store(helpers.len(), SeqCst);
        }
    }
}

impl Default for Workers {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.closed.store(true, SeqCst);
        {
            let _gate = lock(&self.shared.gate);
            self.shared.work.notify_all();
        }
        for helper in lock(&self.helpers).drain(..) {
            // Helpers catch the panics of jobs, so there is nothing to learn from the result.
            let _ = helper.join();
        }
    }
}

thread_local! {
    /// Scratch memory of this thread: grown once, then reused.
    static SCRATCH: Cell<Option<Buffer>> = const { Cell::new(None) };
}

/// Scratch memory above which a thread does not keep it.
const KEPT_SCRATCH: usize = 16 << 20;

/// Calls `work` with `bytes` of scratch memory of this thread, aligned to 64 bytes, with unspecified contents.
///
/// # Errors
/// When there is no memory; `work` has not been called then.
pub fn with_scratch<T>(bytes: usize, work: impl FnOnce(*mut u8) -> T) -> Result<T, OutOfMemory> {
    if bytes == 0 {
        return Ok(work(std::ptr::without_provenance_mut(ALIGNMENT)));
    }
    let kept = SCRATCH.take().filter(|buffer| buffer.capacity() >= bytes);
    let mut buffer = match kept {
        Some(buffer) => buffer,
        None => BufferPool::global().get(bytes)?,
    };
    let result = work(buffer.as_mut_ptr());
    if buffer.capacity() <= KEPT_SCRATCH {
        SCRATCH.set(Some(buffer));
    }
    Ok(result)
}

/// The first failure of a job: its pieces run on several threads, and a body of [`Workers::run`] gives nothing back.
pub struct Failure<E>(Mutex<Option<E>>);

impl<E> Failure<E> {
    /// No failure so far.
    pub const fn none() -> Self {
        Self(Mutex::new(None))
    }

    /// Keeps the failure of a piece, unless there was one before.
    pub fn keep(&self, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            lock(&self.0).get_or_insert(error);
        }
    }

    /// The outcome of the job.
    ///
    /// # Errors
    /// With the failure that was kept.
    pub fn outcome(self) -> Result<(), E> {
        let failure = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        failure.map_or(Ok(()), Err)
    }
}

thread_local! {
    /// Whether this thread is working on a job, of any pool: jobs inside jobs run inline.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// A word that shares its cache line with nothing that other threads write.
#[repr(align(128))]
struct Padded<T>(T);

const ONE_TICKET: u64 = 1 << 32;
const ACTIVE_MASK: u64 = ONE_TICKET - 1;

struct Shared {
    /// Tickets in the upper half, active helpers in the lower.
    state: Padded<AtomicU64>,
    /// The first tile that nobody has taken.
    cursor: Padded<AtomicU64>,
    job: UnsafeCell<Job>,
    busy: AtomicBool,
    closed: AtomicBool,
    started: AtomicUsize,
    /// Helpers that sleep, or are about to; changed under `gate`.
    sleepers: AtomicUsize,
    /// Whether the caller sleeps until the helpers have left.
    leader_sleeps: AtomicBool,
    gate: Mutex<()>,
    work: Condvar,
    done: Condvar,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Clone, Copy)]
struct Job {
    tiles: u64,
    threads: u64,
    min_chunk: u64,
    body: *const TileRangeFn<'static>,
}

// SAFETY: `job` is written by the thread that holds `busy` while no helper is active and no ticket is out, and
// read only by helpers that are active; all else is made for sharing.
unsafe impl Sync for Shared {}
// SAFETY: the pointer in `job` is followed only during the job, when the caller keeps its target, which is `Sync`, alive.
unsafe impl Send for Shared {}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn new() -> Self {
        let body: &TileRangeFn<'static> = &|_| {};
        Self {
            state: Padded(AtomicU64::new(0)),
            cursor: Padded(AtomicU64::new(0)),
            job: UnsafeCell::new(Job { tiles: 0, threads: 1, min_chunk: 1, body }),
            busy: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            started: AtomicUsize::new(0),
            sleepers: AtomicUsize::new(0),
            leader_sleeps: AtomicBool::new(false),
            gate: Mutex::new(()),
            work: Condvar::new(),
            done: Condvar::new(),
            panic: Mutex::new(None),
        }
    }

    /// The caller's side of a job. The caller holds `busy`.
    fn lead(
        &self,
        tiles: u64,
        threads: usize,
        min_chunk: u64,
        body: &TileRangeFn<'_>,
    ) -> Option<Box<dyn Any + Send>> {
        // SAFETY: only the lifetime changes. The pointer is followed by this thread and by active helpers, and this
        // function returns only when no helper is active and none can become so.
        let body =
            unsafe { std::mem::transmute::<*const TileRangeFn<'_>, *const TileRangeFn<'static>>(body) };
        let job = Job { tiles, threads: threads as u64, min_chunk, body };
        // SAFETY: this thread holds `busy`, and the last job ended with no helper active and no ticket out.
        unsafe { *self.job.get() = job };
        self.cursor.0.store(0, SeqCst);
        self.state.0.store((threads as u64 - 1) * ONE_TICKET, SeqCst);
        self.wake(threads - 1);
        self.work_on(job);
        self.state.0.fetch_and(ACTIVE_MASK, SeqCst);
        self.wait_for_helpers();
        lock(&self.panic).take()
    }

    fn wake(&self, wanted: usize) {
        // A helper counts itself as asleep before its last look at `state`, and this looks after the state
        // was stored: one of the two sees the other.
        if self.sleepers.load(SeqCst) == 0 {
            return;
        }
        let _gate = lock(&self.gate);
        for _ in 0..wanted {
            self.work.notify_one();
        }
    }

    /// Takes pieces until there are none left, and keeps the first panic.
    fn work_on(&self, job: Job) {
        INSIDE.set(true);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: see `lead`: the body outlives the job, and this thread is part of it.
            let body = unsafe { &*job.body };
            while let Some(piece) = self.take_piece(&job) {
                body(piece);
            }
        }));
        INSIDE.set(false);
        if let Err(payload) = outcome {
            self.cursor.0.store(job.tiles, SeqCst);
            lock(&self.panic).get_or_insert(payload);
        }
    }

    /// The next piece: half of an even share of what is left, so that pieces are large at first and small at the end.
    fn take_piece(&self, job: &Job) -> Option<Range<u64>> {
        let mut start = self.cursor.0.load(SeqCst);
        while start < job.tiles {
            let left = job.tiles - start;
            let end = start + (left / (2 * job.threads)).max(job.min_chunk).min(left);
            match self.cursor.0.compare_exchange(start, end, SeqCst, SeqCst) {
                Ok(_) => return Some(start..end),
                Err(now) => start = now,
            }
        }
        None
    }

    fn wait_for_helpers(&self) {
        let mut spinning = Spin::new();
        while self.state.0.load(SeqCst) != 0 {
            if !spinning.goes_on() {
                return self.sleep_until_done();
            }
        }
    }

    #[cold]
    fn sleep_until_done(&self) {
        let mut gate = lock(&self.gate);
        self.leader_sleeps.store(true, SeqCst);
        while self.state.0.load(SeqCst) != 0 {
            gate = self.done.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        self.leader_sleeps.store(false, SeqCst);
    }

    /// The life of a helper.
    fn help(&self) {
        while !self.closed.load(SeqCst) {
            if self.join_job() {
                // SAFETY: this thread is active, so the job does not change.
                self.work_on(unsafe { *self.job.get() });
                self.leave_job();
            } else {
                self.rest();
            }
        }
    }

    /// Trades a ticket for an active mark.
    fn join_job(&self) -> bool {
        let trade = |state: u64| (state >= ONE_TICKET).then(|| state - ONE_TICKET + 1);
        self.state.0.fetch_update(SeqCst, SeqCst, trade).is_ok()
    }

    fn leave_job(&self) {
        if self.state.0.fetch_sub(1, SeqCst) == 1 && self.leader_sleeps.load(SeqCst) {
            let _gate = lock(&self.gate);
            self.done.notify_one();
        }
    }

    /// Watches for a ticket for a while, then sleeps until there is one.
    fn rest(&self) {
        let nothing = || self.state.0.load(SeqCst) < ONE_TICKET && !self.closed.load(SeqCst);
        let mut spinning = Spin::new();
        while spinning.goes_on() {
            if !nothing() {
                return;
            }
        }
        let mut gate = lock(&self.gate);
        self.sleepers.fetch_add(1, SeqCst);
        while nothing() {
            gate = self.work.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, SeqCst);
    }
}

/// Waits in short pauses, for [`SPIN`] in all.
struct Spin {
    started: Option<Instant>,
    rounds: u32,
}

impl Spin {
    fn new() -> Self {
        Self { started: None, rounds: 0 }
    }

    /// Pauses; false when the time is up. Looks at the clock only now and then.
    fn goes_on(&mut self) -> bool {
        std::hint::spin_loop();
        self.rounds += 1;
        if !self.rounds.is_multiple_of(32) {
            return true;
        }
        self.started.get_or_insert_with(Instant::now).elapsed() < SPIN
    }
}

#[cfg(test)]
#[path = "workers_tests.rs"]
mod tests;
