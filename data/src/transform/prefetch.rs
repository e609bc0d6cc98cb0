//! Elements computed before they are asked for, on a thread.
//!
//! To wake a thread takes as long as to compute a small batch. So of elements that are small and take next to no time more are computed ahead than was asked for, and neither
//! side is woken for each: the thread rests until half of them are taken, and the reader, if it must wait, waits for several, but never longer than [`PATIENCE`].

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::item::{Item, read_outcome, write_outcome};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Places, Plan, Stage};
use crate::state::{Reader, Writer};

/// So many elements are computed ahead if nobody says how many.
const DEFAULT_AHEAD: usize = 2;
/// What takes the thread so long, and so much memory, may be computed ahead in any case.
const FREE_TIME: Duration = Duration::from_micros(200);
const FREE_BYTES: usize = 1 << 18;
/// A reader that waits for several elements takes what there is after this time.
const PATIENCE: Duration = Duration::from_micros(100);

struct Prefetch {
    input: Input,
    ahead: usize,
}

impl Stage for Prefetch {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let input = self.input.open(&pass.input(0));
        Box::new(Prefetching {
            shared: Arc::new(Shared {
                input: Mutex::new(input),
                queue: Mutex::new(Queue { depth: self.ahead, ..Queue::default() }),
                filled: Condvar::new(),
                room: Condvar::new(),
                ahead: self.ahead,
                replays: self.input.replays(),
                may_run_on: self.input.may_be_read_ahead(),
            }),
            thread: None,
        })
    }
}

/// What the thread and the reader share. Who needs both locks takes that of the input first; the thread holds it from before it reads an element until
/// the element is in the queue.
struct Shared {
    input: Mutex<BoxCursor>,
    queue: Mutex<Queue>,
    /// There is something to take, or the end.
    filled: Condvar,
    /// There is room again, or nobody reads on.
    room: Condvar,
    ahead: usize,
    replays: bool,
    /// Whether more may be computed ahead than was asked for.
    may_run_on: bool,
}

#[derive(Default)]
struct Queue {
    outcomes: VecDeque<Outcome>,
    read: u64,
    given: u64,
    places: Places,
    /// So many elements are computed ahead.
    depth: usize,
    /// How long an element takes: a mean in which the last ones weigh most.
    took: Duration,
    /// The reader waits for so many elements.
    wanted: usize,
    /// The thread waits for room.
    is_resting: bool,
    has_ended: bool,
    /// The reader is gone.
    is_closed: bool,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

/// A lock that nobody poisons: a panic in the input is passed on to the reader.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    /// How many elements there are when the thread goes on.
    fn low(&self, ahead: usize) -> usize {
        if self.depth > ahead { self.depth / 2 } else { self.depth - 1 }
    }

    /// How many elements a reader that waits is woken for.
    fn worth_waking(&self, ahead: usize) -> usize {
        if self.depth > ahead { self.depth.div_ceil(2) } else { 1 }
    }

    /// As many elements ahead as are free, now that one took so long, but so many at least.
    fn deepen(&mut self, outcome: &Outcome, took: Duration, least: usize) {
        self.took = if self.read == 0 { took } else { (self.took * 3 + took) / 4 };
        let bytes = outcome.as_ref().map_or(size_of::<Item>(), Item::held_bytes);
        let in_time = FREE_TIME.as_nanos() / self.took.as_nanos().max(1);
        self.depth = (in_time as usize).min(FREE_BYTES / bytes).max(least);
    }
}

impl Shared {
    /// Reads the input until it ends or nobody reads on.
    fn run(&self) {
        while self.wait_for_room() {
            let read = catch_unwind(AssertUnwindSafe(|| self.read()));
            if let Err(panic) = read {
                let mut queue = lock(&self.queue);
                queue.panic = Some(panic);
                queue.has_ended = true;
                self.filled.notify_all();
            }
        }
    }

    /// Whether to go on, as soon as there is room.
    fn wait_for_room(&self) -> bool {
        let mut queue = lock(&self.queue);
        if queue.outcomes.len() >= queue.depth {
            queue.is_resting = true;
            let is_full =
                |queue: &mut Queue| queue.outcomes.len() > queue.low(self.ahead) && !queue.is_closed;
            queue = self.room.wait_while(queue, is_full).unwrap_or_else(PoisonError::into_inner);
            queue.is_resting = false;
        }
        !queue.is_closed && !queue.has_ended
    }

    fn read(&self) {
        let mut input = lock(&self.input);
        self.note_place(&mut input);
        let start = Instant::now();
        let outcome = input.next();
        let mut queue = lock(&self.queue);
        match outcome {
            Some(outcome) => {
                if self.may_run_on {
                    queue.deepen(&outcome, start.elapsed(), self.ahead);
                }
                queue.read += 1;
                queue.outcomes.push_back(outcome);
            }
            None => queue.has_ended = true,
        }
        if queue.wanted > 0 && (queue.has_ended || queue.outcomes.len() >= queue.wanted) {
            self.filled.notify_all();
        }
    }

    /// Waits until there is something to take, or the end.
    fn wait_for_element(&self) -> MutexGuard<'_, Queue> {
        let mut queue = lock(&self.queue);
        let lacks = |queue: &mut Queue| queue.outcomes.len() < queue.wanted && !queue.has_ended;
        queue.wanted = queue.worth_waking(self.ahead);
        if queue.outcomes.is_empty() && queue.wanted > 1 {
            let waited = self.filled.wait_timeout_while(queue, PATIENCE, lacks);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        queue.wanted = 1;
        queue = self.filled.wait_while(queue, lacks).unwrap_or_else(PoisonError::into_inner);
        queue.wanted = 0;
        queue
    }

    fn note_place(&self, input: &mut BoxCursor) {
        if self.replays {
            let queue = &mut *lock(&self.queue);
            if let Err(error) = queue.places.note(&mut **input, queue.read, queue.given) {
                queue.outcomes.push_back(Err(error));
            }
        }
    }
}

struct Prefetching {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetching {
    fn start(&mut self) {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name("prefetch".to_owned());
        self.thread = thread.spawn(move || shared.run()).ok();
    }

    fn take(&self) -> Option<Outcome> {
        let mut queue = self.shared.wait_for_element();
        let outcome = queue.outcomes.pop_front();
        match outcome {
            Some(outcome) => {
                queue.given += 1;
                if queue.is_resting && queue.outcomes.len() <= queue.low(self.shared.ahead) {
                    queue.is_resting = false;
                    self.shared.room.notify_all();
                }
                Some(outcome)
            }
            None => {
                let panic = queue.panic.take();
                drop(queue);
                panic.and_then(|panic| resume_unwind(panic))
            }
        }
    }
}

impl Cursor for Prefetching {
    fn next(&mut self) -> Option<Outcome> {
        if self.thread.is_none() {
            self.start();
        }
        if self.thread.is_none() {
            // No thread could be had: the reader reads.
            self.shared.read();
        }
        self.take()
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        let mut input = lock(&self.shared.input);
        let queue = &mut *lock(&self.shared.queue);
        if self.shared.replays {
            if queue.read == 0 {
                queue.places.note(&mut **input, 0, 0)?;
            }
            return queue.places.save(queue.given, to);
        }
        to.usize(queue.outcomes.len());
        queue.outcomes.iter().try_for_each(|outcome| write_outcome(outcome, to))?;
        input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        let mut input = lock(&self.shared.input);
        let queue = &mut *lock(&self.shared.queue);
        if self.shared.replays {
            queue.given = Places::restore(&mut **input, from)?;
            queue.read = queue.given;
            return queue.places.note(&mut **input, queue.read, queue.given);
        }
        queue.outcomes = (0..from.count()?).map(|_| read_outcome(from)).collect::<Result<_>>()?;
        input.restore(from)
    }
}

impl Drop for Prefetching {
    fn drop(&mut self) {
        lock(&self.shared.queue).is_closed = true;
        self.shared.room.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Dataset {
    /// The same elements, up to `ahead` of which are computed on a thread before they are asked for, while the reader does something else. 0 lets the library choose.
    /// Of elements that are small and take next to no time more are, unless a generator is read, so that the thread need not be woken for each.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(5).prefetch(2).iter()?.count(), 5);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn prefetch(&self, ahead: usize) -> Dataset {
        let ahead = if ahead == 0 { DEFAULT_AHEAD } else { ahead };
        self.then(|input| Ok(Plan::like(input, "prefetch", Prefetch { input: input.clone(), ahead })))
    }
}
