//! `map` on several threads.
//!
//! The reader takes elements of the input, hands them to workers in chunks, and gives results in the order of the elements, or as they are done if any order will do. Chunks
//! grow until one takes a worker some 50 us, so that cheap functions do not wait for locks.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::blocks::MapFn;
use super::function::Typed;
use crate::error::{DataError, Result};
use crate::item::{FromItem, IntoItem, Item, read_outcome, write_outcome};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Places, Plan, Replay, Row, Stage};
use crate::source::refuse_empty;
use crate::spec::Spec;
use crate::state::{Reader, Writer};

/// On how many threads, and in which order results come. A number is so many threads, in the order of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parallel {
    threads: Threads,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threads {
    Auto,
    Count(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Kept,
    Any,
}

impl Parallel {
    /// As many threads as it takes to keep up with the reader, up to one a core: it begins with one, and starts another one as long as the reader waits. A profile says how many it
    /// came to ([`Dataset::iter_profiled`]).
    #[expect(non_upper_case_globals, reason = "it reads as a variant: one of two ways to say how many")]
    pub const Auto: Parallel = Parallel { threads: Threads::Auto, order: Order::Kept };

    /// So many threads.
    pub fn new(threads: usize) -> Parallel {
        Parallel { threads: Threads::Count(threads), order: Order::Kept }
    }

    /// Results come as they are done.
    pub fn any_order(self) -> Parallel {
        Parallel { order: Order::Any, ..self }
    }

    /// How many threads, if that is said.
    pub(super) fn count(self) -> Option<usize> {
        match self.threads {
            Threads::Auto => None,
            Threads::Count(count) => Some(count),
        }
    }

    fn check(self) -> Result<Parallel> {
        match self.threads {
            Threads::Count(0) => Err(DataError::invalid("a parallel map has at least 1 thread")),
            _ => Ok(self),
        }
    }

    /// The most threads, and those to begin with.
    fn threads(self) -> (usize, usize) {
        match self.threads {
            Threads::Auto => (std::thread::available_parallelism().map_or(1, usize::from), 1),
            Threads::Count(count) => (count, count),
        }
    }
}

impl From<usize> for Parallel {
    fn from(threads: usize) -> Parallel {
        Parallel::new(threads)
    }
}

struct ParallelMap {
    input: Input,
    f: MapFn,
    parallel: Parallel,
}

impl Stage for ParallelMap {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let (most, first) = self.parallel.threads();
        Box::new(Mapping {
            input: self.input.open(&pass.input(0)),
            shared: Arc::new(Shared { f: self.f.clone(), jobs: Mutex::default(), changed: Condvar::new() }),
            threads: Vec::new(),
            most,
            wanted: first,
            keeps_inputs: self.parallel.order == Order::Any || !self.input.replays(),
            order: self.parallel.order,
            chunk: 1,
            places: Places::default(),
            row: pass.row(),
            restored: VecDeque::new(),
            current: Done::default(),
            read: 0,
            given: 0,
            waits: 0,
            has_ended: false,
        })
    }
}

/// Elements with the number of the first one.
#[derive(Default)]
struct Chunk {
    first: u64,
    items: Vec<Outcome>,
}

/// Results of a chunk.
#[derive(Default)]
struct Done {
    first: u64,
    results: VecDeque<Outcome>,
    /// The elements that the results are of, where positions hold these.
    inputs: VecDeque<Outcome>,
}

#[derive(Default)]
struct Jobs {
    /// What no worker has begun.
    waiting: VecDeque<Chunk>,
    /// Chunks that are begun or done, in the order of the elements. `None` is not done yet.
    begun: VecDeque<(u64, Option<Done>)>,
    took: Duration,
    is_closed: bool,
    panic: Option<Box<dyn std::any::Any + Send>>,
}

struct Shared {
    f: MapFn,
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, is_waiting: impl FnMut(&mut Jobs) -> bool) -> MutexGuard<'_, Jobs> {
        self.changed.wait_while(self.lock(), is_waiting).unwrap_or_else(PoisonError::into_inner)
    }

    /// Does chunks until the reader is gone.
    fn run(&self, keeps_inputs: bool) {
        loop {
            let mut jobs = self.wait(|jobs| jobs.waiting.is_empty() && !jobs.is_closed);
            let Some(chunk) = jobs.waiting.pop_front().filter(|_| !jobs.is_closed) else { return };
            drop(jobs);
            let start = Instant::now();
            let done = catch_unwind(AssertUnwindSafe(|| self.apply(chunk, keeps_inputs)));
            self.deliver(done, start.elapsed());
        }
    }

    fn apply(&self, chunk: Chunk, keeps_inputs: bool) -> Done {
        let inputs = if keeps_inputs { chunk.items.iter().cloned().collect() } else { VecDeque::new() };
        Done { first: chunk.first, results: self.f.apply(chunk.items, chunk.first), inputs }
    }

    fn deliver(&self, done: std::thread::Result<Done>, took: Duration) {
        let mut jobs = self.lock();
        match done {
            Ok(done) => {
                jobs.took = took;
                let place = jobs.begun.iter().position(|(first, _)| *first == done.first);
                if let Some(place) = place {
                    jobs.begun[place].1 = Some(done);
                }
            }
            Err(panic) => jobs.panic = Some(panic),
        }
        self.changed.notify_all();
    }
}

/// A chunk is to take a worker so long at least.
const CHUNK_TIME: Duration = Duration::from_micros(50);
/// And has at most so many elements.
const CHUNK_MOST: usize = 256;

struct Mapping {
    input: BoxCursor,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The most threads, and how many there are to be now.
    most: usize,
    wanted: usize,
    order: Order,
    /// Whether positions hold the elements that were read and not given.
    keeps_inputs: bool,
    chunk: usize,
    places: Places,
    /// Where it says how many threads it has.
    row: Option<Arc<Row>>,
    /// Elements that a position held.
    restored: VecDeque<Outcome>,
    /// The chunk whose results are given.
    current: Done,
    read: u64,
    given: u64,
    /// How often the reader has waited since a thread was started.
    waits: u32,
    has_ended: bool,
}

impl Mapping {
    fn next_input(&mut self) -> Option<Outcome> {
        self.restored.pop_front().or_else(|| self.input.next())
    }

    /// Reads a chunk and hands it out.
    fn hand_out(&mut self) -> Result<()> {
        if !self.keeps_inputs {
            self.places.note(&mut *self.input, self.read, self.given)?;
        }
        let mut chunk = Chunk { first: self.read, items: Vec::with_capacity(self.chunk) };
        while chunk.items.len() < self.chunk && !self.has_ended {
            match self.next_input() {
                Some(outcome) => chunk.items.push(outcome),
                None => self.has_ended = true,
            }
        }
        self.read += chunk.items.len() as u64;
        if !chunk.items.is_empty() {
            let mut jobs = self.shared.lock();
            jobs.begun.push_back((chunk.first, None));
            jobs.waiting.push_back(chunk);
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Keeps workers supplied: two chunks each.
    fn supply(&mut self) -> Result<()> {
        while self.threads.len() < self.wanted {
            let (shared, keeps_inputs) = (Arc::clone(&self.shared), self.keeps_inputs);
            let thread = std::thread::Builder::new().name("map".to_owned());
            match thread.spawn(move || shared.run(keeps_inputs)) {
                Ok(thread) => {
                    self.threads.push(thread);
                    self.row.iter().for_each(|row| row.note_threads(self.threads.len()));
                }
                Err(error) => return Err(DataError::invalid(format!("no thread could be started: {error}"))),
            }
        }
        while !self.has_ended && self.shared.lock().begun.len() < 2 * self.threads.len() {
            self.hand_out()?;
        }
        Ok(())
    }

    /// The next chunk that is done; `None` if there is none on its way.
    fn take(&mut self) -> Option<Done> {
        let order = self.order;
        let ready = move |jobs: &Jobs| match order {
            Order::Kept => jobs.begun.front().filter(|(_, done)| done.is_some()).map(|_| 0),
            Order::Any => jobs.begun.iter().position(|(_, done)| done.is_some()),
        };
        let mut has_waited = false;
        let mut jobs = self.shared.wait(|jobs| {
            let waits = !jobs.begun.is_empty() && jobs.panic.is_none() && ready(jobs).is_none();
            has_waited |= waits;
            waits
        });
        if let Some(panic) = jobs.panic.take() {
            drop(jobs);
            resume_unwind(panic);
        }
        let place = ready(&jobs)?;
        let done = jobs.begun.remove(place).and_then(|(_, done)| done);
        let took = jobs.took;
        drop(jobs);
        self.tune(has_waited, took);
        done
    }

    /// More threads while the reader waits; larger chunks while one takes next to no time.
    fn tune(&mut self, has_waited: bool, took: Duration) {
        self.waits = if has_waited { self.waits + 1 } else { self.waits.saturating_sub(1) };
        if self.waits >= 8 && self.wanted < self.most {
            self.wanted += 1;
            self.waits = 0;
        }
        if took < CHUNK_TIME / 2 {
            self.chunk = (self.chunk * 2).min(CHUNK_MOST);
        } else if took > CHUNK_TIME * 4 {
            self.chunk = (self.chunk / 2).max(1);
        }
    }
}

impl Cursor for Mapping {
    fn next(&mut self) -> Option<Outcome> {
        loop {
            if let Some(result) = self.current.results.pop_front() {
                self.current.inputs.pop_front();
                self.given += 1;
                return Some(result);
            }
            if let Err(error) = self.supply() {
                return Some(Err(error));
            }
            self.current = self.take()?;
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        if !self.keeps_inputs {
            if self.read == 0 {
                self.places.note(&mut *self.input, 0, 0)?;
            }
            return self.places.save(self.given, to);
        }
        // All that is begun is waited for: then each element that is not given is in a queue.
        let jobs = self
            .shared
            .wait(|jobs| jobs.panic.is_none() && jobs.begun.iter().any(|(_, done)| done.is_none()));
        let begun = jobs.begun.iter().filter_map(|(_, done)| done.as_ref()).flat_map(|done| &done.inputs);
        let kept: Vec<&Outcome> = self.current.inputs.iter().chain(begun).chain(&self.restored).collect();
        to.u64(self.given);
        to.usize(kept.len());
        kept.into_iter().try_for_each(|outcome| write_outcome(outcome, to))?;
        drop(jobs);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        if !self.keeps_inputs {
            self.given = Places::restore(&mut *self.input, from)?;
            self.read = self.given;
            return self.places.note(&mut *self.input, self.read, self.given);
        }
        self.given = from.u64()?;
        self.read = self.given;
        self.restored = (0..from.count()?).map(|_| read_outcome(from)).collect::<Result<_>>()?;
        self.input.restore(from)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.shared.lock().is_closed = true;
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            drop(thread.join());
        }
    }
}

fn plan(input: &Input, parallel: Parallel, typed: Typed) -> Result<Plan> {
    refuse_empty(&typed.spec)?;
    let parallel = parallel.check()?;
    let replay = if parallel.order == Order::Any { Replay::Never } else { Replay::Exact };
    let (spec, f) = (typed.spec.clone(), typed.map_fn());
    let stage = ParallelMap { input: input.clone(), f, parallel };
    Ok(Plan::like(input, "map_parallel", stage).with_spec(spec).with_replay(replay))
}

impl Dataset {
    /// As [`Dataset::map`], on several threads. Results come in the order of the elements, unless [`Parallel::any_order`] says otherwise.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, Parallel};
    /// let doubled = Dataset::range(5).map_parallel(Parallel::Auto, |x: i64| x * 2);
    /// assert_eq!(doubled.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 2, 4, 6, 8]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn map_parallel<A, B, F>(&self, parallel: impl Into<Parallel>, f: F) -> Dataset
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        self.then(|input| plan(input, parallel.into(), Typed::new(input.spec(), f)?))
    }

    /// As [`Dataset::map_items`], on several threads.
    #[track_caller]
    pub fn map_items_parallel<F>(&self, parallel: impl Into<Parallel>, spec: Spec, f: F) -> Dataset
    where
        F: Fn(Item) -> Result<Item> + Send + Sync + 'static,
    {
        self.then(|input| plan(input, parallel.into(), Typed::given(spec, f)))
    }
}
