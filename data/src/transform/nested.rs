//! A dataset for each element: `flat_map` and `interleave`.

use std::sync::Arc;

use super::parallel::Parallel;
use crate::error::{DataError, Result};
use crate::item::{FromItem, Item, read_item, write_item};
use crate::pipeline::{
    BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage, Supply, not_a,
};
use crate::spec::Spec;
use crate::state::{Reader, Writer, damaged};

/// What makes a dataset of an element.
pub(crate) type Body = Arc<dyn Fn(Item) -> Result<Dataset> + Send + Sync>;

/// How datasets are interleaved. A number is how many are read in turn.
#[derive(Clone, Copy, Debug)]
pub struct InterleaveOptions {
    cycle: usize,
    block: usize,
    threads: Option<Parallel>,
}

impl InterleaveOptions {
    /// So many datasets are read in turn, one element of each.
    pub fn new(cycle: usize) -> InterleaveOptions {
        InterleaveOptions { cycle, block: 1, threads: None }
    }

    /// So many elements of each come one after the other.
    pub fn block(self, block: usize) -> InterleaveOptions {
        InterleaveOptions { block, ..self }
    }

    /// So many of the open datasets, at most as many as are read in turn, are read ahead, each on a thread of its own; all of them if the library chooses. The
    /// order is the same.
    pub fn parallel(self, threads: impl Into<Parallel>) -> InterleaveOptions {
        InterleaveOptions { threads: Some(threads.into()), ..self }
    }

    fn check(self) -> Result<InterleaveOptions> {
        if self.cycle.min(self.block) == 0 {
            return Err(DataError::invalid("cycle and block of an interleave are at least 1"));
        }
        match self.threads.and_then(Parallel::count) {
            Some(0) => Err(DataError::invalid("a parallel interleave has at least 1 thread")),
            Some(threads) if threads > self.cycle => Err(DataError::invalid(format!(
                "{threads} threads for {} datasets that are read in turn",
                self.cycle
            ))),
            _ => Ok(self),
        }
    }

    /// How many slots are read ahead.
    fn slots_ahead(self) -> usize {
        self.threads.map_or(0, |threads| threads.count().unwrap_or(self.cycle))
    }
}

impl From<usize> for InterleaveOptions {
    fn from(cycle: usize) -> InterleaveOptions {
        InterleaveOptions::new(cycle)
    }
}

struct Nested {
    input: Input,
    name: &'static str,
    spec: Spec,
    body: Body,
    options: InterleaveOptions,
}

impl Stage for Nested {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Interleaving {
            input: self.input.open(&pass.input(0)),
            opener: Opener {
                name: self.name,
                spec: self.spec.clone(),
                body: self.body.clone(),
                pass: pass.input(1),
                threads: self.options.slots_ahead(),
                ahead: self.options.block.max(16),
            },
            options: self.options,
            slots: (0..self.options.cycle).map(|_| None).collect(),
            turn: 0,
            in_block: 0,
            read: 0,
            has_ended: false,
        })
    }
}

/// What opens the datasets of elements.
struct Opener {
    name: &'static str,
    spec: Spec,
    body: Body,
    pass: Pass,
    /// The first slots are read ahead, by so many elements.
    threads: usize,
    ahead: usize,
}

/// The dataset of an element, being read.
struct Slot {
    item: Item,
    /// The number of the element.
    number: u64,
    cursor: BoxCursor,
}

impl Opener {
    fn open(&self, item: Item, number: u64, place: usize) -> Result<Slot> {
        let dataset = (self.body)(item.clone()).map_err(|error| error.of_element(self.name, number))?;
        let dataset = if place < self.threads { dataset.prefetch(self.ahead) } else { dataset };
        let input = dataset.input()?;
        if self.spec.relaxed(input.spec()).is_none() {
            let message =
                format!("the dataset of an element has elements of {}, expected {}", input.spec(), self.spec);
            return Err(DataError::invalid(message).of_element(self.name, number));
        }
        Ok(Slot { item, number, cursor: input.open(&self.pass.part(number)) })
    }
}

struct Interleaving {
    input: BoxCursor,
    opener: Opener,
    options: InterleaveOptions,
    slots: Vec<Option<Slot>>,
    /// Whose turn it is, and how many elements it has given in it.
    turn: usize,
    in_block: usize,
    /// How many elements of the input were read.
    read: u64,
    has_ended: bool,
}

impl Interleaving {
    fn pass_turn(&mut self) {
        self.turn = (self.turn + 1) % self.slots.len();
        self.in_block = 0;
    }

    /// Opens the next dataset in the slot whose turn it is. An error takes no slot.
    fn open_next(&mut self) -> Option<DataError> {
        let item = match self.input.next() {
            None => {
                self.has_ended = true;
                return None;
            }
            Some(Err(error)) => {
                self.read += 1;
                return Some(error);
            }
            Some(Ok(item)) => item,
        };
        self.read += 1;
        match self.opener.open(item, self.read - 1, self.turn) {
            Ok(slot) => self.slots[self.turn] = Some(slot),
            Err(error) => return Some(error),
        }
        None
    }

    /// The next element of the slot whose turn it is; `None` if the turn has passed.
    fn take(&mut self) -> Option<Outcome> {
        let slot = self.slots[self.turn].as_mut()?;
        let outcome = slot.cursor.next();
        match outcome {
            Some(outcome) => {
                self.in_block += 1;
                if self.in_block == self.options.block {
                    self.pass_turn();
                }
                Some(outcome)
            }
            None => {
                self.slots[self.turn] = None;
                self.pass_turn();
                None
            }
        }
    }
}

impl Cursor for Interleaving {
    fn next(&mut self) -> Option<Outcome> {
        loop {
            if self.slots[self.turn].is_none() {
                let opened = if self.has_ended { None } else { self.open_next() };
                if let Some(error) = opened {
                    return Some(Err(error));
                }
                if self.slots[self.turn].is_none() {
                    if self.slots.iter().all(Option::is_none) {
                        return None;
                    }
                    self.pass_turn();
                    continue;
                }
            }
            if let Some(outcome) = self.take() {
                return Some(outcome);
            }
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.turn);
        to.usize(self.in_block);
        to.u64(self.read);
        to.flag(self.has_ended);
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if let Some(slot) = slot {
                to.usize(place + 1);
                to.u64(slot.number);
                write_item(&slot.item, to)?;
                slot.cursor.save(to)?;
            }
        }
        to.usize(0);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.turn = Some(from.usize()?).filter(|turn| *turn < self.slots.len()).ok_or_else(damaged)?;
        self.in_block = from.usize()?;
        self.read = from.u64()?;
        self.has_ended = from.flag()?;
        loop {
            let place = from.usize()?;
            let Some(place) = place.checked_sub(1) else { break };
            let number = from.u64()?;
            let mut slot = self.opener.open(read_item(from)?, number, place)?;
            slot.cursor.restore(from)?;
            *self.slots.get_mut(place).ok_or_else(damaged)? = Some(slot);
        }
        self.input.restore(from)
    }
}

fn nested(
    input: &Input,
    name: &'static str,
    spec: Spec,
    body: Body,
    options: InterleaveOptions,
) -> Result<Plan> {
    let options = options.check()?;
    let stage = Nested { input: input.clone(), name, spec: spec.clone(), body, options };
    Ok(Plan::like(input, name, stage)
        .with_spec(spec)
        .with_cardinality(Cardinality::Unknown)
        .with_supply(Supply::Awaited))
}

fn typed<A: FromItem>(input: &Spec, f: impl Fn(A) -> Dataset + Send + Sync + 'static) -> Result<Body> {
    match A::accepts(input) {
        true => Ok(Arc::new(move |item| f(A::from_item(item)?).ok())),
        false => Err(not_a::<A>(input)),
    }
}

impl Dataset {
    /// The elements of the datasets that `f` makes of the elements, one behind the other.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let numbers = Dataset::range(4).flat_map(|x: i64| Dataset::range(x));
    /// assert_eq!(numbers.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 0, 1, 0, 1, 2]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn flat_map<A, F>(&self, f: F) -> Dataset
    where
        A: FromItem,
        F: Fn(A) -> Dataset + Send + Sync + 'static,
    {
        self.then(|input| {
            nested(input, "flat_map", Spec::Any, typed(input.spec(), f)?, InterleaveOptions::new(1))
        })
    }

    /// As [`Dataset::flat_map`], over elements as they are; the datasets have elements of the spec.
    #[track_caller]
    pub fn flat_map_items(
        &self,
        spec: Spec,
        f: impl Fn(Item) -> Result<Dataset> + Send + Sync + 'static,
    ) -> Dataset {
        self.then(|input| nested(input, "flat_map", spec, Arc::new(f), InterleaveOptions::new(1)))
    }

    /// The elements of the datasets that `f` makes of the elements, some of which are read in turn.
    ///
    /// Where a dataset ends its turn passes; the next one is opened in its place when the turn comes round again.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let numbers = Dataset::range(3).interleave(2, |x: i64| Dataset::range_by(x * 10, x * 10 + 2, 1));
    /// assert_eq!(numbers.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 10, 1, 11, 20, 21]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn interleave<A, F>(&self, options: impl Into<InterleaveOptions>, f: F) -> Dataset
    where
        A: FromItem,
        F: Fn(A) -> Dataset + Send + Sync + 'static,
    {
        self.then(|input| nested(input, "interleave", Spec::Any, typed(input.spec(), f)?, options.into()))
    }

    /// As [`Dataset::interleave`], over elements as they are; the datasets have elements of the spec.
    #[track_caller]
    pub fn interleave_items(
        &self,
        options: impl Into<InterleaveOptions>,
        spec: Spec,
        f: impl Fn(Item) -> Result<Dataset> + Send + Sync + 'static,
    ) -> Dataset {
        self.then(|input| nested(input, "interleave", spec, Arc::new(f), options.into()))
    }
}
