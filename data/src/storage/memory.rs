//! `cache` in memory: the first pass that reads all elements keeps them for the passes begun later.
//!
//! A position within the first pass holds how far it is: who restores it reads the elements before it again, and keeps them. One within a later pass holds
//! which pass the elements are of, so that they can be read again where they are not kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::Result;
use crate::item::{Item, read_item, write_item};
use crate::pipeline::{BoxCursor, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::state::{Reader, Writer};

/// The elements of a pass.
#[derive(Clone)]
struct Kept {
    items: Arc<Vec<Item>>,
    pass: Pass,
}

/// What all passes share.
struct Shared {
    input: Input,
    kept: Mutex<Option<Kept>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Cache(Arc<Shared>);

impl Stage for Cache {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Caching { shared: Arc::clone(&self.0), pass: pass.input(0), state: State::New })
    }
}

struct Caching {
    shared: Arc<Shared>,
    pass: Pass,
    state: State,
}

enum State {
    /// Nothing was asked for.
    New,
    /// The input is read, and its elements noted.
    Reading(Noting),
    /// Elements that are kept are given.
    Giving { kept: Kept, at: usize },
}

struct Noting {
    input: BoxCursor,
    items: Vec<Item>,
    /// An element failed: the pass will not be kept.
    has_failed: bool,
    read: u64,
    is_done: bool,
}

impl Caching {
    fn begin(&mut self) {
        if let State::New = self.state {
            let kept = self.shared.lock().clone();
            self.state = match kept {
                Some(kept) => State::Giving { kept, at: 0 },
                None => State::Reading(self.noting()),
            };
        }
    }

    fn noting(&self) -> Noting {
        let input = self.shared.input.open(&self.pass);
        Noting { input, items: Vec::new(), has_failed: false, read: 0, is_done: false }
    }

    /// Reads all elements of the pass that is kept elsewhere.
    fn read_kept(&self, pass: Pass) -> Result<Kept> {
        if let Some(kept) = self.shared.lock().clone().filter(|kept| kept.pass.is(&pass)) {
            return Ok(kept);
        }
        let mut input = self.shared.input.open(&pass);
        let items = std::iter::from_fn(|| input.next()).collect::<Result<Vec<Item>>>()?;
        Ok(Kept { items: Arc::new(items), pass })
    }
}

impl Noting {
    fn next(&mut self, shared: &Shared, pass: &Pass) -> Option<Outcome> {
        let outcome = self.input.next();
        match &outcome {
            Some(Ok(item)) if !self.is_done => self.items.push(item.clone()),
            Some(Err(_)) => self.has_failed = true,
            _ => {}
        }
        self.read += u64::from(outcome.is_some());
        let is_last = shared.input.cardinality().known() == Some(self.read);
        if (outcome.is_none() || is_last) && !self.has_failed && !self.is_done {
            self.is_done = true;
            shared.lock().get_or_insert_with(|| Kept {
                items: Arc::new(std::mem::take(&mut self.items)),
                pass: pass.clone(),
            });
        }
        outcome
    }
}

impl Cursor for Caching {
    fn next(&mut self) -> Option<Outcome> {
        self.begin();
        match &mut self.state {
            State::Giving { kept, at } => {
                *at += 1;
                kept.items.get(*at - 1).cloned().map(Ok)
            }
            State::Reading(noting) => noting.next(&self.shared, &self.pass),
            State::New => None,
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        let replays = self.shared.input.replays();
        match &mut self.state {
            State::New => to.usize(0),
            State::Reading(noting) => {
                to.usize(1);
                to.u64(noting.read);
                if !replays {
                    to.flag(noting.has_failed);
                    to.usize(noting.items.len());
                    noting.items.iter().try_for_each(|item| write_item(item, to))?;
                    noting.input.save(to)?;
                }
            }
            State::Giving { kept, at } => {
                to.usize(2);
                to.usize(*at);
                kept.pass.save(to);
                if !replays {
                    to.usize(kept.items.len());
                    kept.items.iter().try_for_each(|item| write_item(item, to))?;
                }
            }
        }
        Ok(())
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        let replays = self.shared.input.replays();
        let items = |from: &mut Reader<'_>| {
            (0..from.count()?).map(|_| read_item(from)).collect::<Result<Vec<Item>>>()
        };
        match from.usize()? {
            0 => {}
            1 => {
                let mut noting = self.noting();
                let read = from.u64()?;
                if replays {
                    (0..read).for_each(|_| drop(noting.next(&self.shared, &self.pass)));
                } else {
                    noting.has_failed = from.flag()?;
                    noting.items = items(from)?;
                    noting.input.restore(from)?;
                }
                noting.read = read;
                self.state = State::Reading(noting);
            }
            _ => {
                let (at, pass) = (from.usize()?, Pass::restored(from)?);
                let kept = if replays {
                    self.read_kept(pass)?
                } else {
                    Kept { items: Arc::new(items(from)?), pass }
                };
                self.shared.lock().get_or_insert_with(|| kept.clone());
                self.state = State::Giving { kept, at };
            }
        }
        Ok(())
    }
}

impl Dataset {
    /// The same elements, kept in memory by the first pass that reads them all, for those that begin later. A pass in which an element failed is not kept.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # use tensorwright::data::Dataset;
    /// let calls = Arc::new(AtomicU64::new(0));
    /// let counted = calls.clone();
    /// let cached = Dataset::range(3).map(move |x: i64| { counted.fetch_add(1, Ordering::Relaxed); x }).cache().repeat(5);
    /// assert_eq!((cached.iter()?.count(), calls.load(Ordering::Relaxed)), (15, 3));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn cache(&self) -> Dataset {
        self.then(|input| {
            let shared = Shared { input: input.clone(), kept: Mutex::new(None) };
            Ok(Plan::like(input, "cache", Cache(Arc::new(shared))))
        })
    }
}
