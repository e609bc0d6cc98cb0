//! Sources that closures and generators make.

use std::sync::Arc;

use tensorwright::{DType, Scalar};

use super::{indexed, numbered};
use crate::error::Result;
use crate::item::{IntoItem, Item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Outcome, Pass, Plan, Stage, Supply};
use crate::random::{Rng, mix2};
use crate::spec::Spec;
use crate::state::{Reader, Writer};

/// Iterators, one for each pass.
struct Generator<F> {
    spec: Spec,
    begin: F,
}

impl<F, I> Stage for Generator<F>
where
    F: Fn() -> I + Send + Sync + 'static,
    I: Iterator<Item = Outcome> + Send + 'static,
{
    fn open(&self, _: &Pass) -> BoxCursor {
        Box::new(Generated { iter: (self.begin)().fuse(), spec: self.spec.clone(), given: 0 })
    }
}

struct Generated<I> {
    iter: std::iter::Fuse<I>,
    spec: Spec,
    given: u64,
}

impl<I: Iterator<Item = Outcome> + Send> Cursor for Generated<I> {
    fn next(&mut self) -> Option<Outcome> {
        let outcome = self.iter.next()?.and_then(|item| item.fitting(&self.spec));
        self.given += 1;
        Some(outcome.map_err(|error| error.of_element("from_generator", self.given - 1)))
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.given);
        Ok(())
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.given = from.u64()?;
        (0..self.given).for_each(|_| drop(self.iter.next()));
        Ok(())
    }
}

/// Random numbers: the one of each place is a function of the seed and the place.
struct Random {
    seed: Option<u64>,
    passes: Passes,
}

/// Whether a random stage does the same in each pass over a dataset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Each pass is the same.
    Alike,
    /// Each pass differs from the others.
    Different,
}

impl Passes {
    /// The seed of a stage.
    pub(crate) fn seed(self, pass: &Pass, seed: Option<u64>) -> u64 {
        match self {
            Passes::Alike => pass.lasting_seed(seed),
            Passes::Different => pass.seed(seed),
        }
    }
}

impl Stage for Random {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let seed = self.passes.seed(pass, self.seed);
        indexed(u64::MAX, move |i| {
            let number = Rng::new(mix2(seed, i)).below(1 << 63);
            Ok(Item::Number(Scalar::I64(number as i64)))
        })
    }
}

impl Dataset {
    /// What an iterator gives, which each pass begins anew: a clone of it.
    ///
    /// Its position is a number: an iterator that is restored runs up to there.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let words = Dataset::from_iter(["a", "b"]).repeat(2);
    /// assert_eq!(words.iter_as::<String>()?.count(), 4);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[expect(clippy::should_implement_trait, reason = "`FromIterator` would read the iterator now, and once")]
    #[track_caller]
    pub fn from_iter<I>(items: I) -> Dataset
    where
        I: IntoIterator + Clone + Send + Sync + 'static,
        I::Item: IntoItem,
        I::IntoIter: Send,
    {
        Dataset::from_generator(I::Item::spec(), move || items.clone().into_iter().map(IntoItem::into_item))
    }

    /// What iterators give that a closure begins, one for each pass: elements of a spec, or errors.
    ///
    /// An element that the spec does not allow is an error in its place.
    ///
    /// ```
    /// # use tensorwright::DType;
    /// # use tensorwright::data::{Dataset, Item, Spec};
    /// let squares = Dataset::from_generator(Spec::scalar(DType::I64), || (0i64..3).map(|i| Ok(Item::number(i * i))));
    /// assert_eq!(squares.iter_as::<i64>()?.last().unwrap()?, 4);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn from_generator<F, I>(spec: Spec, begin: F) -> Dataset
    where
        F: Fn() -> I + Send + Sync + 'static,
        I: Iterator<Item = Result<Item>> + Send + 'static,
    {
        let stage = Generator { spec: spec.clone(), begin };
        let plan = Plan::source("from_generator", spec, Cardinality::Unknown, stage);
        Dataset::build(Ok(plan.with_supply(Supply::Awaited)))
    }

    /// The elements `f(0)`, `f(1)` and so on: of a dataset that is computed, as a function of the number alone.
    ///
    /// Going to any place takes no time, so that positions and shuffles need not compute what lies before.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let squares = Dataset::from_fn(3, |i| (i * i) as i64);
    /// assert_eq!(squares.iter_as::<i64>()?.last().unwrap()?, 4);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn from_fn<T: IntoItem>(len: u64, f: impl Fn(u64) -> T + Send + Sync + 'static) -> Dataset {
        let f = Arc::new(f);
        Dataset::build(Ok(numbered("from_fn", T::spec(), len, move |i| {
            f(i).into_item().map_err(|error| error.of_element("from_fn", i))
        })))
    }

    /// Random numbers without an end: `i64`, not negative.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, Passes};
    /// let numbers = Dataset::random(Some(4), Passes::Alike).take(3);
    /// let read = || numbers.iter_as::<i64>().and_then(|iter| iter.collect::<Result<Vec<_>, _>>());
    /// assert_eq!(read()?, read()?);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn random(seed: Option<u64>, passes: Passes) -> Dataset {
        let spec = Spec::scalar(DType::I64);
        Dataset::build(Ok(Plan::source("random", spec, Cardinality::Infinite, Random { seed, passes })))
    }
}
