//! Several datasets in one: chosen by another one, or at random.

use tensorwright::DType;

use super::combine::{alike, open_all, plan, restore_all, save_all};
use crate::error::{DataError, Result};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Stage};
use crate::random::Rng;
use crate::source::Passes;
use crate::spec::Spec;
use crate::state::{Reader, Writer, damaged};

/// What becomes of a choice whose dataset has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEmpty {
    /// It ends the whole.
    Stop,
    /// The next choice takes its place.
    Skip,
}

struct Choose {
    inputs: Vec<Input>,
    choice: Input,
    on_empty: OnEmpty,
}

impl Stage for Choose {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Choosing {
            inputs: open_all(&self.inputs, pass),
            ended: vec![false; self.inputs.len()],
            choice: self.choice.open(&pass.input(self.inputs.len() as u64)),
            on_empty: self.on_empty,
            at: 0,
        })
    }
}

struct Choosing {
    inputs: Vec<BoxCursor>,
    ended: Vec<bool>,
    choice: BoxCursor,
    on_empty: OnEmpty,
    /// How many choices were made.
    at: u64,
}

impl Choosing {
    fn choose(&mut self) -> Option<Result<usize>> {
        let choice = self.choice.next()?;
        self.at += 1;
        let index = choice.and_then(|item| item.to_number()).and_then(|number| {
            let index = usize::try_from(number.to_i128()).ok().filter(|index| *index < self.inputs.len());
            index.ok_or_else(|| {
                DataError::invalid(format!("there is no dataset {number} among {}", self.inputs.len()))
                    .of_element("choose", self.at - 1)
            })
        });
        Some(index)
    }
}

impl Cursor for Choosing {
    fn next(&mut self) -> Option<Outcome> {
        while !self.ended.iter().all(|ended| *ended) {
            let index = match self.choose()? {
                Ok(index) => index,
                Err(error) => return Some(Err(error)),
            };
            let outcome = if self.ended[index] { None } else { self.inputs[index].next() };
            match outcome {
                Some(outcome) => return Some(outcome),
                None if self.on_empty == OnEmpty::Stop => self.ended.fill(true),
                None => self.ended[index] = true,
            }
        }
        None
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.at);
        self.ended.iter().for_each(|ended| to.flag(*ended));
        self.choice.save(to)?;
        save_all(&mut self.inputs, to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.u64()?;
        for ended in &mut self.ended {
            *ended = from.flag()?;
        }
        self.choice.restore(from)?;
        restore_all(&mut self.inputs, from)
    }
}

/// Datasets at random, by weights.
struct Sample {
    inputs: Vec<Input>,
    weights: Vec<f64>,
    seed: Option<u64>,
    passes: Passes,
    on_empty: OnEmpty,
}

impl Stage for Sample {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Sampling {
            inputs: open_all(&self.inputs, pass),
            weights: self.weights.clone(),
            rng: Rng::new(self.passes.seed(pass, self.seed)),
            on_empty: self.on_empty,
        })
    }
}

struct Sampling {
    inputs: Vec<BoxCursor>,
    /// 0 of those that have ended.
    weights: Vec<f64>,
    rng: Rng,
    on_empty: OnEmpty,
}

impl Sampling {
    /// A dataset that has not ended, if there is one.
    fn draw(&mut self) -> Option<usize> {
        let total: f64 = self.weights.iter().sum();
        let last = self.weights.iter().rposition(|weight| *weight > 0.0)?;
        let mut left = self.rng.unit() * total;
        let drawn = self.weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        Some(drawn.unwrap_or(last))
    }
}

impl Cursor for Sampling {
    fn next(&mut self) -> Option<Outcome> {
        while let Some(index) = self.draw() {
            match self.inputs[index].next() {
                Some(outcome) => return Some(outcome),
                None if self.on_empty == OnEmpty::Stop => self.weights.fill(0.0),
                None => self.weights[index] = 0.0,
            }
        }
        None
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        self.weights.iter().for_each(|weight| to.raw(&weight.to_le_bytes()));
        self.rng.save(to);
        save_all(&mut self.inputs, to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        for weight in &mut self.weights {
            *weight = f64::from_le_bytes(from.raw(8)?.try_into().map_err(|_| damaged())?);
        }
        self.rng = Rng::restored(from)?;
        restore_all(&mut self.inputs, from)
    }
}

/// How datasets are sampled.
#[derive(Clone, Debug)]
pub struct SampleOptions {
    weights: Option<Vec<f64>>,
    seed: Option<u64>,
    passes: Passes,
    on_empty: OnEmpty,
}

impl Default for SampleOptions {
    fn default() -> SampleOptions {
        SampleOptions { weights: None, seed: None, passes: Passes::Alike, on_empty: OnEmpty::Skip }
    }
}

impl SampleOptions {
    /// Each dataset as likely, up to the end of the last one, the same in each pass.
    pub fn new() -> SampleOptions {
        SampleOptions::default()
    }

    /// How likely each dataset is; the sum need not be 1.
    pub fn weights(self, weights: impl Into<Vec<f64>>) -> SampleOptions {
        SampleOptions { weights: Some(weights.into()), ..self }
    }

    /// The seed of the draws.
    pub fn seed(self, seed: u64) -> SampleOptions {
        SampleOptions { seed: Some(seed), ..self }
    }

    /// Whether draws are the same in each pass.
    pub fn passes(self, passes: Passes) -> SampleOptions {
        SampleOptions { passes, ..self }
    }

    /// What becomes of a draw whose dataset has ended.
    pub fn on_empty(self, on_empty: OnEmpty) -> SampleOptions {
        SampleOptions { on_empty, ..self }
    }

    fn checked_weights(&self, count: usize) -> Result<Vec<f64>> {
        let weights = self.weights.clone().unwrap_or_else(|| vec![1.0; count]);
        if weights.len() != count {
            return Err(DataError::invalid(format!("{} weights for {count} datasets", weights.len())));
        }
        let fits = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
            && weights.iter().any(|w| *w > 0.0);
        match fits {
            true => Ok(weights),
            false => Err(DataError::invalid(format!("weights are not negative, and not all 0: {weights:?}"))),
        }
    }
}

/// How many elements come of datasets that are read in some order.
fn mixed(inputs: &[Input]) -> Cardinality {
    match inputs.iter().any(|input| input.cardinality() == Cardinality::Infinite) {
        true => Cardinality::Infinite,
        false => Cardinality::Unknown,
    }
}

impl Dataset {
    /// The elements of datasets that another one chooses, by their numbers: `i64`.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, OnEmpty};
    /// let chosen = Dataset::choose(&[Dataset::range(2), Dataset::range(9).skip(7)], &Dataset::range(2).repeat(2), OnEmpty::Stop);
    /// assert_eq!(chosen.iter_as::<i64>()?.collect::<Result<Vec<_>, _>>()?, [0, 7, 1, 8]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("choose_from_datasets"))]
    #[track_caller]
    pub fn choose(datasets: &[Dataset], choice: &Dataset, on_empty: OnEmpty) -> Dataset {
        Dataset::build(alike(datasets).and_then(|(inputs, spec)| {
            let choice = choice.input()?;
            if *choice.spec() != Spec::scalar(DType::I64) {
                return Err(DataError::invalid(format!(
                    "datasets are chosen by one i64, not by {}",
                    choice.spec()
                )));
            }
            let cardinality = match choice.cardinality() {
                Cardinality::Known(_) => Cardinality::Unknown,
                _ => mixed(&inputs),
            };
            let all = inputs.iter().chain([choice]).cloned().collect();
            let stage = Choose { inputs, choice: choice.clone(), on_empty };
            Ok(plan("choose", spec, cardinality, all, stage))
        }))
    }

    /// The elements of datasets at random, each dataset's in its order.
    ///
    /// ```
    /// # use tensorwright::data::{Dataset, SampleOptions};
    /// let mixed = Dataset::sample(&[Dataset::range(5), Dataset::range(5)], &SampleOptions::new().weights([1.0, 3.0]).seed(2));
    /// assert_eq!(mixed.iter()?.count(), 10);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("sample_from_datasets"))]
    #[track_caller]
    pub fn sample(datasets: &[Dataset], options: &SampleOptions) -> Dataset {
        Dataset::build(alike(datasets).and_then(|(inputs, spec)| {
            let weights = options.checked_weights(inputs.len())?;
            let (inputs, weights): (Vec<Input>, Vec<f64>) =
                inputs.into_iter().zip(weights).filter(|(_, weight)| *weight > 0.0).unzip();
            let cardinality = if inputs.len() == 1 { inputs[0].cardinality() } else { mixed(&inputs) };
            let &SampleOptions { seed, passes, on_empty, .. } = options;
            let stage = Sample { inputs: inputs.clone(), weights, seed, passes, on_empty };
            Ok(plan("sample", spec, cardinality, inputs, stage))
        }))
    }
}
