//! Several datasets in one: side by side, one behind the other.

use std::sync::Arc;

use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::{
    BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Replay, Stage, Supply,
};
use crate::spec::Spec;
use crate::state::{Reader, Writer, damaged};

pub(super) fn open_all(inputs: &[Input], pass: &Pass) -> Vec<BoxCursor> {
    inputs.iter().enumerate().map(|(i, input)| input.open(&pass.input(i as u64))).collect()
}

pub(super) fn save_all(cursors: &mut [BoxCursor], to: &mut Writer) -> Result<()> {
    cursors.iter_mut().try_for_each(|cursor| cursor.save(to))
}

pub(super) fn restore_all(cursors: &mut [BoxCursor], from: &mut Reader<'_>) -> Result<()> {
    cursors.iter_mut().try_for_each(|cursor| cursor.restore(from))
}

pub(super) fn plan(
    name: &'static str,
    spec: Spec,
    cardinality: Cardinality,
    inputs: Vec<Input>,
    stage: impl Stage + 'static,
) -> Plan {
    Plan {
        name,
        spec,
        cardinality,
        replay: Replay::Exact,
        supply: Supply::AtHand,
        inputs,
        stage: Box::new(stage),
    }
}

/// The parts of what [`Dataset::zip`] gives: datasets side by side, by names, and within each other.
#[derive(Clone, Debug)]
pub enum Zipped {
    /// A dataset: its elements are a part.
    Dataset(Dataset),
    /// Parts side by side.
    Tuple(Vec<Zipped>),
    /// Parts by names.
    Dict(Vec<(String, Zipped)>),
}

impl From<&Dataset> for Zipped {
    fn from(dataset: &Dataset) -> Zipped {
        Zipped::Dataset(dataset.clone())
    }
}

impl From<Dataset> for Zipped {
    fn from(dataset: Dataset) -> Zipped {
        Zipped::Dataset(dataset)
    }
}

macro_rules! zipped_tuples {
    ($($t:ident $x:ident),*) => {
        impl<$($t: Into<Zipped>),*> From<($($t,)*)> for Zipped {
            fn from(($($x,)*): ($($t,)*)) -> Zipped {
                Zipped::Tuple(vec![$($x.into()),*])
            }
        }
    };
}
zipped_tuples!(A a);
zipped_tuples!(A a, B b);
zipped_tuples!(A a, B b, C c);
zipped_tuples!(A a, B b, C c, D d);

/// How the elements of inputs are arranged in one.
enum Arrangement {
    Input(usize),
    Tuple(Vec<Arrangement>),
    Dict(Vec<(String, Arrangement)>),
}

impl Zipped {
    /// How elements are arranged; the datasets are added to `inputs`.
    fn arrange(&self, inputs: &mut Vec<Input>) -> Result<Arrangement> {
        Ok(match self {
            Zipped::Dataset(dataset) => {
                inputs.push(dataset.input()?.clone());
                Arrangement::Input(inputs.len() - 1)
            }
            Zipped::Tuple(parts) => {
                Arrangement::Tuple(parts.iter().map(|part| part.arrange(inputs)).collect::<Result<_>>()?)
            }
            Zipped::Dict(parts) => {
                let parts = parts.iter().map(|(name, part)| Ok((name.clone(), part.arrange(inputs)?)));
                Arrangement::Dict(parts.collect::<Result<_>>()?)
            }
        })
    }
}

impl Arrangement {
    fn spec(&self, inputs: &[Input]) -> Spec {
        match self {
            Arrangement::Input(i) => inputs[*i].spec().clone(),
            Arrangement::Tuple(parts) => Spec::Tuple(parts.iter().map(|part| part.spec(inputs)).collect()),
            Arrangement::Dict(parts) => {
                Spec::dict(parts.iter().map(|(name, part)| (&**name, part.spec(inputs))))
            }
        }
    }

    fn item(&self, items: &mut [Option<Item>]) -> Result<Item> {
        Ok(match self {
            Arrangement::Input(i) => items[*i].take().ok_or_else(damaged)?,
            Arrangement::Tuple(parts) => {
                Item::tuple(parts.iter().map(|part| part.item(items)).collect::<Result<Vec<_>>>()?)
            }
            Arrangement::Dict(parts) => {
                let parts = parts.iter().map(|(name, part)| Ok((&**name, part.item(items)?)));
                Item::dict(parts.collect::<Result<Vec<_>>>()?)
            }
        })
    }
}

struct Zip {
    inputs: Vec<Input>,
    arrangement: Arc<Arrangement>,
}

impl Stage for Zip {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Zipping {
            inputs: open_all(&self.inputs, pass),
            arrangement: self.arrangement.clone(),
            has_ended: false,
        })
    }
}

struct Zipping {
    inputs: Vec<BoxCursor>,
    arrangement: Arc<Arrangement>,
    has_ended: bool,
}

impl Cursor for Zipping {
    /// Reads all inputs, also behind one that has ended or failed: they stay in step.
    fn next(&mut self) -> Option<Outcome> {
        if self.has_ended {
            return None;
        }
        let row: Vec<Option<Outcome>> = self.inputs.iter_mut().map(|input| input.next()).collect();
        self.has_ended = row.iter().any(Option::is_none);
        let items: Result<Vec<Item>> = row.into_iter().collect::<Option<_>>()?;
        Some(
            items.and_then(|items| {
                self.arrangement.item(&mut items.into_iter().map(Some).collect::<Vec<_>>())
            }),
        )
    }

    fn advance(&mut self, count: u64) -> u64 {
        let over = self.inputs.iter_mut().map(|input| input.advance(count)).min().unwrap_or(0);
        self.has_ended |= over < count;
        over
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.flag(self.has_ended);
        save_all(&mut self.inputs, to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.has_ended = from.flag()?;
        restore_all(&mut self.inputs, from)
    }
}

struct Concatenate {
    inputs: Vec<Input>,
}

impl Stage for Concatenate {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Concatenating { inputs: open_all(&self.inputs, pass), at: 0 })
    }
}

struct Concatenating {
    inputs: Vec<BoxCursor>,
    at: usize,
}

impl Cursor for Concatenating {
    fn next(&mut self) -> Option<Outcome> {
        while let Some(input) = self.inputs.get_mut(self.at) {
            if let Some(outcome) = input.next() {
                return Some(outcome);
            }
            self.at += 1;
        }
        None
    }

    fn advance(&mut self, count: u64) -> u64 {
        let mut over = 0;
        while let Some(input) = self.inputs.get_mut(self.at) {
            over += input.advance(count - over);
            if over == count {
                break;
            }
            self.at += 1;
        }
        over
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.usize(self.at);
        match self.inputs.get_mut(self.at) {
            Some(input) => input.save(to),
            None => Ok(()),
        }
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.at = from.usize()?;
        match self.inputs.get_mut(self.at) {
            Some(input) => input.restore(from),
            None => Ok(()),
        }
    }
}

/// The datasets as inputs, and the spec of elements of any of them.
pub(super) fn alike(datasets: &[Dataset]) -> Result<(Vec<Input>, Spec)> {
    let inputs: Vec<Input> =
        datasets.iter().map(|dataset| dataset.input().cloned()).collect::<Result<_>>()?;
    let first = inputs.first().ok_or_else(|| DataError::invalid("there is no dataset"))?;
    let spec = inputs.iter().try_fold(first.spec().clone(), |spec, input| {
        spec.relaxed(input.spec()).ok_or_else(|| {
            DataError::invalid(format!("datasets differ in their elements: {spec}, {}", input.spec()))
        })
    });
    let spec = spec?;
    Ok((inputs, spec))
}

impl Dataset {
    /// The elements of several datasets side by side, up to the end of the shortest.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let pairs = Dataset::zip((Dataset::range(3), Dataset::from_iter(["a", "b"])));
    /// assert_eq!(pairs.iter_as::<(i64, String)>()?.last().unwrap()?, (1, "b".to_owned()));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn zip(parts: impl Into<Zipped>) -> Dataset {
        let mut inputs = Vec::new();
        let arranged = parts.into().arrange(&mut inputs);
        Dataset::build(arranged.and_then(|arrangement| {
            let first =
                inputs.first().ok_or_else(|| DataError::invalid("there is no dataset"))?.cardinality();
            let cardinality = inputs.iter().fold(first, |least, input| least.least(input.cardinality()));
            let spec = arrangement.spec(&inputs);
            let stage = Zip { inputs: inputs.clone(), arrangement: Arc::new(arrangement) };
            Ok(plan("zip", spec, cardinality, inputs, stage))
        }))
    }

    /// The elements of this dataset, then those of another one.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(2).concatenate(&Dataset::range(3)).iter()?.count(), 5);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("chain"))]
    #[track_caller]
    pub fn concatenate(&self, other: &Dataset) -> Dataset {
        Dataset::build(alike(&[self.clone(), other.clone()]).map(|(inputs, spec)| {
            let cardinality = inputs[0].cardinality().plus(inputs[1].cardinality());
            plan("concatenate", spec, cardinality, inputs.clone(), Concatenate { inputs })
        }))
    }
}
