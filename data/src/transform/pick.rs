//! Which elements, and how often: `take`, `skip`, `shard`, `repeat`, `enumerate`, `unique`, errors left out.

use std::collections::HashSet;

use tensorwright::{DType, Scalar};

use crate::error::{DataError, ErrorKind, Result};
use crate::item::{Item, read_item, write_item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::spec::{ElementKind, Spec};
use crate::state::{Reader, Writer};

/// A transformation whose state is one number: how far it is.
struct Counted<F> {
    input: Input,
    f: F,
}

/// What a counted transformation does: asks the input, and counts.
trait Step: Fn(&mut BoxCursor, &mut u64) -> Option<Outcome> + Clone + Send + Sync + 'static {}

impl<F: Fn(&mut BoxCursor, &mut u64) -> Option<Outcome> + Clone + Send + Sync + 'static> Step for F {}

impl<F: Step> Stage for Counted<F> {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Counting { input: self.input.open(&pass.input(0)), f: self.f.clone(), count: 0 })
    }
}

struct Counting<F> {
    input: BoxCursor,
    f: F,
    count: u64,
}

impl<F: Step> Cursor for Counting<F> {
    fn next(&mut self) -> Option<Outcome> {
        (self.f)(&mut self.input, &mut self.count)
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.count);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.count = from.u64()?;
        self.input.restore(from)
    }
}

fn counted(input: &Input, name: &'static str, step: impl Step) -> Plan {
    Plan::like(input, name, Counted { input: input.clone(), f: step })
}

/// The first elements; one that fails does not count.
fn take(limit: u64) -> impl Step {
    move |input: &mut BoxCursor, count: &mut u64| {
        if *count >= limit {
            return None;
        }
        let outcome = input.next()?;
        *count += u64::from(outcome.is_ok());
        Some(outcome)
    }
}

/// All but the first elements. One of these that fails comes out, and counts.
fn skip(limit: u64) -> impl Step {
    move |input: &mut BoxCursor, count: &mut u64| {
        while *count < limit {
            *count += 1;
            let outcome = input.next()?;
            if outcome.is_err() {
                return Some(outcome);
            }
        }
        input.next()
    }
}

/// Every `shards`th element. Others that fail come out, and nothing is moved by them.
fn shard(shards: u64, index: u64) -> impl Step {
    move |input: &mut BoxCursor, count: &mut u64| loop {
        let outcome = input.next()?;
        let is_own = *count % shards == index;
        *count += 1;
        if is_own || outcome.is_err() {
            return Some(outcome);
        }
    }
}

/// Elements with their numbers; one that fails has a number too.
fn enumerate(start: i64) -> impl Step {
    move |input: &mut BoxCursor, count: &mut u64| {
        let number = start.wrapping_add(*count as i64);
        let outcome = input.next()?;
        *count += 1;
        Some(outcome.map(|item| Item::tuple([Item::Number(Scalar::I64(number)), item])))
    }
}

/// Without the elements that fail.
fn without_errors(input: &mut BoxCursor, dropped: &mut u64) -> Option<Outcome> {
    loop {
        let outcome = input.next()?;
        if outcome.is_ok() {
            return Some(outcome);
        }
        *dropped += 1;
    }
}

/// Up to the first element that fails, with its error.
fn up_to_error(input: &mut BoxCursor, failed: &mut u64) -> Option<Outcome> {
    let outcome = if *failed == 0 { input.next()? } else { return None };
    *failed = u64::from(outcome.is_err());
    Some(outcome)
}

/// As many elements as were promised, or an error.
fn promised(promise: u64) -> impl Step {
    move |input: &mut BoxCursor, count: &mut u64| {
        let broken = |text: String| {
            Some(Err(DataError::new(
                ErrorKind::FailedPrecondition,
                format!("{promise} elements were promised, and there are {text}"),
            )))
        };
        match input.next() {
            Some(Ok(item)) => {
                *count += 1;
                if *count > promise { broken(format!("at least {count}")) } else { Some(Ok(item)) }
            }
            None if *count != promise => broken(format!("{count}")),
            other => other,
        }
    }
}

/// The input again and again.
struct Repeat {
    input: Input,
    times: Option<u64>,
}

impl Stage for Repeat {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let inner = self.input.open(&pass.input(0).part(0));
        Box::new(Repeating {
            input: self.input.clone(),
            pass: pass.input(0),
            times: self.times,
            epoch: 0,
            is_empty: true,
            inner,
        })
    }
}

struct Repeating {
    input: Input,
    pass: Pass,
    times: Option<u64>,
    epoch: u64,
    /// Whether this epoch has given nothing.
    is_empty: bool,
    inner: BoxCursor,
}

impl Repeating {
    fn begin(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.is_empty = true;
        self.inner = self.input.open(&self.pass.part(epoch));
    }

    fn is_over(&self) -> bool {
        self.times.is_some_and(|times| self.epoch >= times)
    }
}

impl Cursor for Repeating {
    fn next(&mut self) -> Option<Outcome> {
        while !self.is_over() {
            if let Some(outcome) = self.inner.next() {
                self.is_empty = false;
                return Some(outcome);
            }
            if self.is_empty && self.times.is_none() {
                return None;
            }
            self.begin(self.epoch + 1);
        }
        None
    }

    fn advance(&mut self, count: u64) -> u64 {
        let mut left = count;
        while !self.is_over() && left > 0 {
            let over = self.inner.advance(left);
            left -= over;
            self.is_empty &= over == 0;
            if left > 0 {
                if self.is_empty && self.times.is_none() {
                    break;
                }
                self.begin(self.epoch + 1);
            }
        }
        count - left
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.epoch);
        to.flag(self.is_empty);
        self.inner.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        let epoch = from.u64()?;
        self.begin(epoch);
        self.is_empty = from.flag()?;
        self.inner.restore(from)
    }
}

/// Elements that have not been before.
struct Distinct {
    input: Input,
}

impl Stage for Distinct {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Seen { input: self.input.open(&pass.input(0)), seen: HashSet::new(), order: Vec::new() })
    }
}

struct Seen {
    input: BoxCursor,
    /// What has been, as bytes.
    seen: HashSet<Vec<u8>>,
    order: Vec<Item>,
}

impl Seen {
    fn is_new(&mut self, item: &Item) -> Result<bool> {
        let mut bytes = Writer::new();
        write_item(item, &mut bytes)?;
        let is_new = self.seen.insert(bytes.into_bytes());
        if is_new {
            self.order.push(item.clone());
        }
        Ok(is_new)
    }
}

impl Cursor for Seen {
    fn next(&mut self) -> Option<Outcome> {
        loop {
            let item = match self.input.next()? {
                Ok(item) => item,
                error => return Some(error),
            };
            match self.is_new(&item) {
                Ok(true) => return Some(Ok(item)),
                Ok(false) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.order.len());
        self.order.iter().try_for_each(|item| write_item(item, to))?;
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        for _ in 0..from.count()? {
            self.is_new(&read_item(from)?)?;
        }
        self.input.restore(from)
    }
}

/// What can be told apart exactly: one integer, truth value or text.
fn check_distinct(spec: &Spec) -> Result<()> {
    let fits = match spec {
        Spec::Any => true,
        Spec::Dense(ElementKind::Text, _) => true,
        Spec::Dense(ElementKind::Number(dtype), _) => dtype.is_int() || *dtype == DType::Bool,
        _ => false,
    };
    match fits {
        true => Ok(()),
        false => Err(DataError::invalid(format!(
            "elements are told apart that are one array of integers or texts, not {spec}"
        ))),
    }
}

impl Dataset {
    /// The first `count` elements. An element that fails does not count.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(5).take(2).iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 1]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn take(&self, count: u64) -> Dataset {
        self.then(|input| {
            let cardinality = match input.cardinality() {
                Cardinality::Infinite => Cardinality::Known(count),
                other => other.map(|own| own.min(count)),
            };
            Ok(counted(input, "take", take(count)).with_cardinality(cardinality))
        })
    }

    /// All but the first `count` elements. An error among these comes out.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(5).skip(3).iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [3, 4]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn skip(&self, count: u64) -> Dataset {
        self.then(|input| {
            let cardinality = input.cardinality().map(|own| own.saturating_sub(count));
            Ok(counted(input, "skip", skip(count)).with_cardinality(cardinality))
        })
    }

    /// Every `shards`th element, from number `index` on: what one of several readers reads. Errors of other shards come out too.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(7).shard(3, 1).iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [1, 4]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn shard(&self, shards: u64, index: u64) -> Dataset {
        self.then(|input| {
            if index >= shards {
                return Err(DataError::invalid(format!("there is no shard {index} of {shards}")));
            }
            let cardinality = input.cardinality().map(|own| own.saturating_sub(index).div_ceil(shards));
            Ok(counted(input, "shard", shard(shards, index)).with_cardinality(cardinality))
        })
    }

    /// The elements again and again: so many times, or, of `None`, without an end. An endless repetition of nothing ends at once.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(2).repeat(2).iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 1, 0, 1]);
    /// assert_eq!(Dataset::range(2).repeat(None).take(3).iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 1, 0]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn repeat(&self, times: impl Into<Option<u64>>) -> Dataset {
        let times = times.into();
        self.then(|input| {
            let cardinality = match (input.cardinality(), times) {
                (Cardinality::Known(0), _) | (_, Some(0)) => Cardinality::Known(0),
                (Cardinality::Infinite, _) | (_, None) => Cardinality::Infinite,
                (own, Some(times)) => own.map(|own| own.saturating_mul(times)),
            };
            Ok(Plan::like(input, "repeat", Repeat { input: input.clone(), times })
                .with_cardinality(cardinality))
        })
    }

    /// Pairs of a number, which counts from `start` on, and an element.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let pairs = Dataset::from_iter(["a", "b"]).enumerate(5);
    /// assert_eq!(pairs.iter_as::<(i64, String)>()?.last().unwrap()?, (6, "b".to_owned()));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn enumerate(&self, start: i64) -> Dataset {
        self.then(|input| {
            let spec = Spec::Tuple(vec![Spec::scalar(DType::I64), input.spec().clone()]);
            Ok(counted(input, "enumerate", enumerate(start)).with_spec(spec))
        })
    }

    /// Each element once: where it comes first. Elements are one array of integers, truth values or texts.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let unique = Dataset::from_iter(["a", "b", "a"]).unique();
    /// assert_eq!(unique.iter_as::<String>()?.count(), 2);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn unique(&self) -> Dataset {
        self.then(|input| {
            check_distinct(input.spec())?;
            Ok(Plan::like(input, "unique", Distinct { input: input.clone() })
                .with_cardinality(Cardinality::Unknown))
        })
    }

    /// What is done about elements that fail above this place.
    ///
    /// ```
    /// # use tensorwright::data::{DataError, Dataset, OnError};
    /// let odd = Dataset::range(5).map(|x: i64| if x == 2 { Err(DataError::invalid("two")) } else { Ok(x) });
    /// assert_eq!(odd.on_error(OnError::Skip).iter_as::<i64>()?.count(), 4);
    /// assert_eq!(odd.on_error(OnError::Stop).iter_as::<i64>()?.count(), 3); // 0, 1, the error
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("ignore_errors"))]
    #[track_caller]
    pub fn on_error(&self, policy: OnError) -> Dataset {
        self.then(|input| {
            let plan = match policy {
                OnError::Skip => counted(input, "skip_errors", without_errors),
                OnError::Stop => counted(input, "stop_at_error", up_to_error),
            };
            Ok(plan.with_cardinality(Cardinality::Unknown))
        })
    }

    /// The dataset with a promise of how many elements it has; if it is broken, errors come behind, or in the places of, the elements.
    #[track_caller]
    pub fn assert_cardinality(&self, count: u64) -> Dataset {
        self.then(|input| {
            Ok(counted(input, "assert_cardinality", promised(count))
                .with_cardinality(Cardinality::Known(count)))
        })
    }

    /// The one element of a dataset that has just one.
    ///
    /// # Errors
    /// When it has none, or more; the error of the element.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(5).batch(5).single()?.to_tensor()?.to_vec::<i64>()?, [0, 1, 2, 3, 4]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("get_single_element"))]
    pub fn single(&self) -> Result<Item> {
        let mut iter = self.iter()?;
        let first = iter.next().ok_or_else(|| DataError::invalid("there is no element"))??;
        match iter.next() {
            None => Ok(first),
            Some(_) => Err(DataError::invalid("there is more than one element")),
        }
    }
}

/// What is done about elements that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// They are left out.
    Skip,
    /// The error is the last that comes.
    Stop,
}
