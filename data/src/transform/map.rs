//! `map`, and what else applies a function to elements one by one: `filter`, `take_while`, `scan`.

use tensorwright::DType;

use super::block_map::BlockMapping;
use super::blocks::MapFn;
use super::function::{ItemFn, Typed};
use crate::error::{DataError, Result};
use crate::item::{FromItem, IntoItem, Item, read_item, write_item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::source::refuse_empty;
use crate::spec::{ElementKind, Extents, Spec};
use crate::state::{Reader, Writer};

/// A function of each element.
struct Map {
    input: Input,
    f: ItemFn,
    /// The same in blocks, if the input may be read ahead.
    blocks: Option<MapFn>,
}

impl Stage for Map {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let input = self.input.open(&pass.input(0));
        match &self.blocks {
            None => Box::new(Mapping { input, f: self.f.clone(), at: 0 }),
            Some(f) => Box::new(BlockMapping::new(input, f.clone())),
        }
    }
}

struct Mapping {
    input: BoxCursor,
    f: ItemFn,
    at: u64,
}

impl Cursor for Mapping {
    #[inline]
    fn next(&mut self) -> Option<Outcome> {
        let at = self.at;
        self.at += 1;
        match self.input.next()? {
            Ok(item) => Some((self.f)(item).map_err(|error| error.of_element("map", at))),
            error => Some(error),
        }
    }

    fn advance(&mut self, count: u64) -> u64 {
        let over = self.input.advance(count);
        self.at += over;
        over
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        self.input.restore(from)
    }
}

/// What a predicate does with an element that it refuses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refused {
    Skip,
    Stop,
}

/// Elements for which a predicate holds.
struct Filter {
    input: Input,
    f: ItemFn,
    refused: Refused,
}

impl Stage for Filter {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let input = self.input.open(&pass.input(0));
        Box::new(Filtering { input, f: self.f.clone(), refused: self.refused, has_stopped: false })
    }
}

struct Filtering {
    input: BoxCursor,
    f: ItemFn,
    refused: Refused,
    has_stopped: bool,
}

impl Cursor for Filtering {
    fn next(&mut self) -> Option<Outcome> {
        while !self.has_stopped {
            let item = match self.input.next()? {
                Ok(item) => item,
                error => return Some(error),
            };
            match holds(&self.f, item.clone()) {
                Ok(true) => return Some(Ok(item)),
                Err(error) => return Some(Err(error)),
                Ok(false) => self.has_stopped = self.refused == Refused::Stop,
            }
        }
        None
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.flag(self.has_stopped);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.has_stopped = from.flag()?;
        self.input.restore(from)
    }
}

fn holds(f: &ItemFn, item: Item) -> Result<bool> {
    Ok(f(item)?.to_number()?.to_bool())
}

/// A predicate gives one truth value.
fn check_predicate(typed: &Typed) -> Result<()> {
    let fits = match &typed.spec {
        Spec::Dense(kind, shape) => {
            *kind == ElementKind::Number(DType::Bool) && shape.is_compatible(&Extents::scalar())
        }
        other => *other == Spec::Any,
    };
    match fits {
        true => Ok(()),
        false => {
            Err(DataError::invalid(format!("a predicate gives one `bool`, this one gives {}", typed.spec)))
        }
    }
}

/// A function of a state and each element, which gives a new state and an element.
struct Scan {
    input: Input,
    first: Item,
    f: ItemFn,
}

impl Stage for Scan {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Scanning {
            input: self.input.open(&pass.input(0)),
            state: self.first.clone(),
            f: self.f.clone(),
            at: 0,
        })
    }
}

struct Scanning {
    input: BoxCursor,
    state: Item,
    f: ItemFn,
    at: u64,
}

impl Scanning {
    /// One step; if it fails, the state stays.
    fn step(&mut self, item: Item) -> Result<Item> {
        let pair = (self.f)(Item::tuple([self.state.clone(), item]))?;
        match pair.parts() {
            Some([state, result]) => {
                self.state = state.clone();
                Ok(result.clone())
            }
            _ => Err(not_a_pair(&pair.spec())),
        }
    }
}

fn not_a_pair(found: &Spec) -> DataError {
    DataError::invalid(format!(
        "the function of a scan gives a new state and an element, this one gives {found}"
    ))
}

impl Cursor for Scanning {
    fn next(&mut self) -> Option<Outcome> {
        let at = self.at;
        self.at += 1;
        match self.input.next()? {
            Ok(item) => Some(self.step(item).map_err(|error| error.of_element("scan", at))),
            error => Some(error),
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        write_item(&self.state, to)?;
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        self.state = read_item(from)?;
        self.input.restore(from)
    }
}

impl Dataset {
    /// `f` of each element.
    ///
    /// A closure that takes tensors and gives tensors is traced and compiled once for each type of element, like a
    /// [`function`](tensorwright::function()); ops that do not accept the elements are found when the dataset is built, if sizes are known. Any other closure is called.
    /// Small elements are computed in blocks, if the closure consists of element-wise ops and movement, so that bits are the same, and no generator would be kept waiting.
    /// An element for which it fails is an error in its place.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::data::Dataset;
    /// let rows = Dataset::from_slices(Tensor::from([[1.0f32, 2.0], [3.0, 4.0]]));
    /// let sums = rows.map(|x: Tensor| (x.sum(..), x * 2.0));
    /// assert_eq!(sums.spec()?.to_string(), "(f32[], f32[2])");
    /// let texts = sums.map(|(sum, _): (f32, Tensor)| format!("{sum}"));
    /// assert_eq!(texts.iter_as::<String>()?.last().unwrap()?, "7");
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn map<A, B, F>(&self, f: F) -> Dataset
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        self.then(|input| map(input, Typed::new(input.spec(), f)?))
    }

    /// A closure over elements as they are, which gives elements of a spec.
    #[track_caller]
    pub fn map_items<F>(&self, spec: Spec, f: F) -> Dataset
    where
        F: Fn(Item) -> Result<Item> + Send + Sync + 'static,
    {
        self.then(|input| map(input, Typed::given(spec, f)))
    }

    /// The elements for which `f`, which gives a truth value, holds.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let even = Dataset::range(7).filter(|x: i64| x % 2 == 0);
    /// assert_eq!(even.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 2, 4, 6]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn filter<A, B, F>(&self, f: F) -> Dataset
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        self.then(|input| filter(input, "filter", Typed::new(input.spec(), f)?, Refused::Skip))
    }

    /// The elements up to the first one for which `f` does not hold.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let small = Dataset::range(7).take_while(|x: i64| x < 2);
    /// assert_eq!(small.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 1]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn take_while<A, B, F>(&self, f: F) -> Dataset
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        self.then(|input| filter(input, "take_while", Typed::new(input.spec(), f)?, Refused::Stop))
    }

    /// As [`Dataset::filter`], over elements as they are.
    #[track_caller]
    pub fn filter_items(&self, f: impl Fn(Item) -> Result<bool> + Send + Sync + 'static) -> Dataset {
        self.then(|input| filter(input, "filter", predicate(f), Refused::Skip))
    }

    /// As [`Dataset::take_while`], over elements as they are.
    #[track_caller]
    pub fn take_while_items(&self, f: impl Fn(Item) -> Result<bool> + Send + Sync + 'static) -> Dataset {
        self.then(|input| filter(input, "take_while", predicate(f), Refused::Stop))
    }

    /// The elements that `f` gives, which takes a state and an element, and gives the next state with it. A step that fails leaves the state as it was.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let sums = Dataset::range(4).scan(0i64, |(sum, x): (i64, i64)| (sum + x, sum + x));
    /// assert_eq!(sums.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 1, 3, 6]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn scan<S, A, R, F>(&self, first: S, f: F) -> Dataset
    where
        S: IntoItem,
        (S, A): FromItem,
        R: IntoItem,
        F: Fn((S, A)) -> R + Send + Sync + 'static,
    {
        self.then(|input| {
            let first = first.into_item()?;
            let pair = Spec::Tuple(vec![first.spec(), input.spec().clone()]);
            scan(input, first, Typed::new(&pair, f)?)
        })
    }

    /// As [`Dataset::scan`], over elements as they are: `f` takes a pair of state and element, and gives one of the spec's.
    #[track_caller]
    pub fn scan_items<F>(&self, first: Item, spec: Spec, f: F) -> Dataset
    where
        F: Fn(Item) -> Result<Item> + Send + Sync + 'static,
    {
        self.then(|input| scan(input, first, Typed::given(spec, f)))
    }

    /// The last state of [`Dataset::scan`], of all elements.
    ///
    /// # Errors
    /// The error of the dataset, of the first element that has one, or of the first step.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(5).reduce(0i64, |(sum, x): (i64, i64)| sum + x)?, 10);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("fold"))]
    pub fn reduce<S, A, R, F>(&self, first: S, f: F) -> Result<S>
    where
        S: IntoItem + FromItem,
        (S, A): FromItem,
        R: IntoItem,
        F: Fn((S, A)) -> R + Send + Sync + 'static,
    {
        let first = first.into_item()?;
        let pair = Spec::Tuple(vec![first.spec(), self.spec()?.clone()]);
        let f = Typed::new(&pair, f)?.f;
        S::from_item(self.reduce_items(first, |state, item| f(Item::tuple([state, item])))?)
    }

    /// As [`Dataset::reduce`], over elements as they are.
    ///
    /// # Errors
    /// The error of the dataset, of the first element that has one, or of the first step.
    pub fn reduce_items(&self, first: Item, f: impl Fn(Item, Item) -> Result<Item>) -> Result<Item> {
        self.iter()?.try_fold(first, |state, item| f(state, item?))
    }
}

pub(super) fn map(input: &Input, typed: Typed) -> Result<Plan> {
    refuse_empty(&typed.spec)?;
    let (spec, f) = (typed.spec.clone(), typed.map_fn());
    let blocks = Some(&f).filter(|f| f.blocks.is_some() && input.may_be_read_ahead()).cloned();
    Ok(Plan::like(input, "map", Map { input: input.clone(), f: f.one, blocks }).with_spec(spec))
}

fn predicate(f: impl Fn(Item) -> Result<bool> + Send + Sync + 'static) -> Typed {
    Typed::given(Spec::scalar(DType::Bool), move |item| f(item).map(Item::number))
}

fn filter(input: &Input, name: &'static str, typed: Typed, refused: Refused) -> Result<Plan> {
    check_predicate(&typed)?;
    let stage = Filter { input: input.clone(), f: typed.f, refused };
    Ok(Plan::like(input, name, stage).with_cardinality(Cardinality::Unknown))
}

fn scan(input: &Input, first: Item, typed: Typed) -> Result<Plan> {
    let spec = match &typed.spec {
        Spec::Any => Spec::Any,
        Spec::Tuple(parts) if parts.len() == 2 => {
            if parts[0].relaxed(&first.spec()).is_none() {
                return Err(DataError::invalid(format!(
                    "the state of the scan is {}, and becomes {}",
                    first.spec(),
                    parts[0]
                )));
            }
            parts[1].clone()
        }
        other => return Err(not_a_pair(other)),
    };
    let stage = Scan { input: input.clone(), first, f: typed.f };
    Ok(Plan::like(input, "scan", stage).with_spec(spec))
}
