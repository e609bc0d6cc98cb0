//! Elements computed before they are asked for, on a thread.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::error::Result;
use crate::item::{read_outcome, write_outcome};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Places, Plan, Stage};
use crate::state::{Reader, Writer};

/// So many elements are computed ahead if nobody says how many.
const DEFAULT_AHEAD: usize = 2;

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
                queue: Mutex::default(),
                changed: Condvar::new(),
                ahead: self.ahead,
                replays: self.input.replays(),
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
    changed: Condvar,
    ahead: usize,
    replays: bool,
}

#[derive(Default)]
struct Queue {
    outcomes: VecDeque<Outcome>,
    read: u64,
    given: u64,
    places: Places,
    has_ended: bool,
    /// The reader is gone.
    is_closed: bool,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

/// A lock that nobody poisons: a panic in the input is passed on to the reader.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
                self.changed.notify_all();
            }
        }
    }

    /// Whether to go on, as soon as there is room.
    fn wait_for_room(&self) -> bool {
        let queue = lock(&self.queue);
        let is_full = |queue: &mut Queue| queue.outcomes.len() >= self.ahead && !queue.is_closed;
        let queue = self.changed.wait_while(queue, is_full).unwrap_or_else(PoisonError::into_inner);
        !queue.is_closed && !queue.has_ended
    }

    fn read(&self) {
        let mut input = lock(&self.input);
        self.note_place(&mut input);
        let outcome = input.next();
        let mut queue = lock(&self.queue);
        match outcome {
            Some(outcome) => {
                queue.read += 1;
                queue.outcomes.push_back(outcome);
            }
            None => queue.has_ended = true,
        }
        self.changed.notify_all();
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
        let is_waiting = |queue: &mut Queue| queue.outcomes.is_empty() && !queue.has_ended;
        let queue = self.shared.changed.wait_while(lock(&self.shared.queue), is_waiting);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        let outcome = queue.outcomes.pop_front();
        match outcome {
            Some(outcome) => {
                queue.given += 1;
                self.shared.changed.notify_all();
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
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl Dataset {
    /// The same elements, up to `ahead` of which are computed on a thread before they are asked for, while the reader does something else. 0 lets the library choose.
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
