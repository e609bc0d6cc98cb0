//! Classes in other shares than they come in, by leaving out elements at random.
//!
//! An element of class `c` is kept with probability `target[c] / share[c]`, over the greatest such ratio: then classes come in the shares of the target, and as
//! many elements as can be are kept. Shares that are not given are counted, with one of each class to begin with.

use tensorwright::{DType, Scalar};

use super::function::{ItemFn, Typed};
use crate::error::{DataError, Result};
use crate::item::{FromItem, IntoItem, Item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::random::Rng;
use crate::spec::{ElementKind, Extents, Spec};
use crate::state::{Reader, Writer, damaged};

struct Resample {
    input: Input,
    class: ItemFn,
    target: Vec<f64>,
    /// Shares that are given: they are not counted.
    initial: Option<Vec<f64>>,
    seed: Option<u64>,
}

impl Stage for Resample {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Resampling {
            input: self.input.open(&pass.input(0)),
            class: self.class.clone(),
            target: self.target.clone(),
            counts: self.initial.clone().unwrap_or_else(|| vec![1.0; self.target.len()]),
            counts_more: self.initial.is_none(),
            rng: Rng::new(pass.seed(self.seed)),
            at: 0,
        })
    }
}

struct Resampling {
    input: BoxCursor,
    class: ItemFn,
    target: Vec<f64>,
    counts: Vec<f64>,
    counts_more: bool,
    rng: Rng,
    at: u64,
}

impl Resampling {
    fn class(&self, item: &Item) -> Result<usize> {
        let class = (self.class)(item.clone())?.to_number()?;
        usize::try_from(class.to_i128()).ok().filter(|class| *class < self.target.len()).ok_or_else(|| {
            DataError::invalid(format!("there is no class {class} among {}", self.target.len()))
        })
    }

    /// The probability with which an element of the class is kept.
    fn keep(&self, class: usize) -> f64 {
        let ratio = |class: usize| self.target[class] / self.counts[class];
        let greatest =
            (0..self.target.len()).filter(|class| self.counts[*class] > 0.0).map(ratio).fold(0.0, f64::max);
        if greatest > 0.0 { ratio(class) / greatest } else { 0.0 }
    }

    fn consider(&mut self, item: Item) -> Result<Option<Item>> {
        let class = self.class(&item)?;
        if self.counts_more {
            self.counts[class] += 1.0;
        }
        let is_kept = self.rng.unit() < self.keep(class);
        Ok(is_kept.then(|| Item::tuple([Item::Number(Scalar::I32(class as i32)), item])))
    }
}

impl Cursor for Resampling {
    fn next(&mut self) -> Option<Outcome> {
        loop {
            let item = match self.input.next()? {
                Ok(item) => item,
                error => return Some(error),
            };
            self.at += 1;
            match self.consider(item) {
                Ok(Some(item)) => return Some(Ok(item)),
                Ok(None) => {}
                Err(error) => return Some(Err(error.of_element("rejection_resample", self.at - 1))),
            }
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        self.counts.iter().for_each(|count| to.raw(&count.to_le_bytes()));
        self.rng.save(to);
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        for count in &mut self.counts {
            *count = f64::from_le_bytes(from.raw(8)?.try_into().map_err(|_| damaged())?);
        }
        self.rng = Rng::restored(from)?;
        self.input.restore(from)
    }
}

fn check_shares(shares: &[f64], count: usize) -> Result<()> {
    let fits = shares.len() == count && shares.iter().all(|share| share.is_finite() && *share >= 0.0);
    match fits && shares.iter().any(|share| *share > 0.0) {
        true => Ok(()),
        false => Err(DataError::invalid(format!("{shares:?} are no shares of {count} classes"))),
    }
}

fn plan(input: &Input, class: Typed, options: &ResampleOptions) -> Result<Plan> {
    let fits = match &class.spec {
        Spec::Dense(ElementKind::Number(dtype), shape) => {
            dtype.is_int() && shape.is_compatible(&Extents::scalar())
        }
        other => *other == Spec::Any,
    };
    if !fits {
        return Err(DataError::invalid(format!("a class is one integer, not {}", class.spec)));
    }
    let ResampleOptions { target, initial, seed } = options.clone();
    check_shares(&target, target.len())?;
    initial.as_ref().map_or(Ok(()), |initial| check_shares(initial, target.len()))?;
    let spec = Spec::Tuple(vec![Spec::scalar(DType::I32), input.spec().clone()]);
    let stage = Resample { input: input.clone(), class: class.f, target, initial, seed };
    Ok(Plan::like(input, "rejection_resample", stage).with_spec(spec).with_cardinality(Cardinality::Unknown))
}

/// In which shares classes are to come.
#[derive(Clone, Debug)]
pub struct ResampleOptions {
    target: Vec<f64>,
    initial: Option<Vec<f64>>,
    seed: Option<u64>,
}

impl ResampleOptions {
    /// In these shares; those in which they come are counted on the way.
    pub fn new(target: impl Into<Vec<f64>>) -> ResampleOptions {
        ResampleOptions { target: target.into(), initial: None, seed: None }
    }

    /// The shares in which classes come.
    pub fn initial(self, initial: impl Into<Vec<f64>>) -> ResampleOptions {
        ResampleOptions { initial: Some(initial.into()), ..self }
    }

    /// The seed of the draws.
    pub fn seed(self, seed: u64) -> ResampleOptions {
        ResampleOptions { seed: Some(seed), ..self }
    }
}

impl Dataset {
    /// Pairs of a class and an element, of which those of classes that come too often are left out at random. `class` gives each element's class.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, ResampleOptions};
    /// let biased = Dataset::range(3000).map(|x: i64| i64::from(x % 3 == 0));
    /// let even = biased.rejection_resample(&ResampleOptions::new([0.5, 0.5]).seed(1), |x: i64| x as i32);
    /// let classes: Vec<(i32, i64)> = even.iter_as()?.collect::<Result<_, _>>()?;
    /// let ones = classes.iter().filter(|(class, _)| *class == 1).count();
    /// assert!((0.45..0.55).contains(&(ones as f64 / classes.len() as f64)));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn rejection_resample<A, B, F>(&self, options: &ResampleOptions, class: F) -> Dataset
    where
        A: FromItem,
        B: IntoItem,
        F: Fn(A) -> B + Send + Sync + 'static,
    {
        self.then(|input| plan(input, Typed::new(input.spec(), class)?, options))
    }

    /// As [`Dataset::rejection_resample`], over elements as they are; `spec` is what `class` gives.
    #[track_caller]
    pub fn rejection_resample_items<F>(&self, options: &ResampleOptions, spec: Spec, class: F) -> Dataset
    where
        F: Fn(Item) -> Result<Item> + Send + Sync + 'static,
    {
        self.then(|input| plan(input, Typed::given(spec, class), options))
    }
}
