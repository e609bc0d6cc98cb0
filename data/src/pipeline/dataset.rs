//! Datasets: immutable trees of stages.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::cardinality::Cardinality;
use super::iter::{Iter, IterAs};
use super::pass::Pass;
use super::profile::{Profile, Sheet, Timed};
use super::stage::{BoxCursor, Replay, Stage, Supply};
use crate::error::{DataError, Result};
use crate::item::FromItem;
use crate::random::{entropy, mix2};
use crate::spec::Spec;

/// A dataset: a source and what is made of its elements, read one by one, as often as one likes. Cheap to clone.
///
/// Transformations do not fail: a dataset that cannot be built carries the error, with the line that wrote the transformation, to where elements are asked for, as tensors do.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::data::Dataset;
///
/// let (x, y) = (Tensor::from([[1.0f32, 2.0], [3.0, 4.0], [5.0, 6.0]]), Tensor::from([0i64, 1, 0]));
/// let pairs = Dataset::from_slices((x, y)).shuffle((3, 7)).map(|(x, y): (Tensor, Tensor)| (x / 2.0, y));
/// let mut rows = 0;
/// for batch in pairs.batch(2).prefetch(1).iter_as::<(Tensor, Tensor)>()? {
///     let (x, y) = batch?;
///     assert_eq!(x.shape()?.size(0), y.shape()?.size(0));
///     rows += y.elements()?;
/// }
/// assert_eq!(rows, 3);
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
#[derive(Clone)]
pub struct Dataset(Result<Input>);

/// A dataset that could be built: the input of another stage.
pub(crate) type Input = Arc<Node>;

/// A stage, with what is known of its elements.
pub(crate) struct Node {
    plan: Plan,
    /// Names of the stages up to here, mixed: positions belong to pipelines of the same stages.
    fingerprint: u64,
    /// Passes begun over this as a whole dataset.
    passes: AtomicU64,
    entropy: u64,
}

/// What makes a node.
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) spec: Spec,
    pub(crate) cardinality: Cardinality,
    pub(crate) replay: Replay,
    pub(crate) supply: Supply,
    pub(crate) inputs: Vec<Input>,
    pub(crate) stage: Box<dyn Stage>,
}

impl Plan {
    /// A source.
    pub(crate) fn source(
        name: &'static str,
        spec: Spec,
        cardinality: Cardinality,
        stage: impl Stage + 'static,
    ) -> Plan {
        Plan {
            name,
            spec,
            cardinality,
            replay: Replay::Exact,
            supply: Supply::AtHand,
            inputs: Vec::new(),
            stage: Box::new(stage),
        }
    }

    /// A transformation whose elements and whose number are those of its input.
    pub(crate) fn like(input: &Input, name: &'static str, stage: impl Stage + 'static) -> Plan {
        let (spec, cardinality) = (input.spec().clone(), input.cardinality());
        Plan {
            name,
            spec,
            cardinality,
            replay: Replay::Exact,
            supply: Supply::AtHand,
            inputs: vec![input.clone()],
            stage: Box::new(stage),
        }
    }

    pub(crate) fn with_cardinality(self, cardinality: Cardinality) -> Plan {
        Plan { cardinality, ..self }
    }

    pub(crate) fn with_spec(self, spec: Spec) -> Plan {
        Plan { spec, ..self }
    }

    pub(crate) fn with_supply(self, supply: Supply) -> Plan {
        Plan { supply, ..self }
    }

    pub(crate) fn with_replay(self, replay: Replay) -> Plan {
        Plan { replay, ..self }
    }
}

impl Node {
    fn new(plan: Plan) -> Node {
        let name = plan.name.bytes().fold(0, |hash, byte| mix2(hash, u64::from(byte)));
        let fingerprint = plan.inputs.iter().fold(name, |hash, input| mix2(hash, input.fingerprint));
        Node { plan, fingerprint, passes: AtomicU64::new(0), entropy: entropy() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.plan.name
    }

    pub(crate) fn spec(&self) -> &Spec {
        &self.plan.spec
    }

    pub(crate) fn cardinality(&self) -> Cardinality {
        self.plan.cardinality
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Whether all stages up to here give the same again.
    pub(crate) fn replays(&self) -> bool {
        self.plan.replay == Replay::Exact && self.plan.inputs.iter().all(|input| input.replays())
    }

    /// Whether a stage may read more elements than it has been asked for, and hold none of them in positions.
    pub(crate) fn may_be_read_ahead(&self) -> bool {
        self.replays() && self.is_at_hand()
    }

    fn is_at_hand(&self) -> bool {
        self.plan.supply == Supply::AtHand && self.plan.inputs.iter().all(|input| input.is_at_hand())
    }

    /// A cursor at the beginning of a pass.
    pub(crate) fn open(&self, pass: &Pass) -> BoxCursor {
        match pass.with_row(self.name()) {
            None => self.plan.stage.open(pass),
            Some((pass, row)) => Box::new(Timed { cursor: self.plan.stage.open(&pass), row }),
        }
    }

    /// The next pass over this as a whole dataset.
    pub(super) fn begin(&self) -> (u64, u64) {
        (self.passes.fetch_add(1, Ordering::Relaxed), self.entropy)
    }

    /// Passes up to this one have been begun, by somebody whose position is taken over.
    pub(super) fn has_begun(&self, pass: u64) {
        self.passes.fetch_max(pass + 1, Ordering::Relaxed);
    }
}

impl Dataset {
    /// A dataset of a plan, or of the error that there is in its place.
    #[track_caller]
    pub(crate) fn build(plan: Result<Plan>) -> Dataset {
        let at = Location::caller();
        Dataset(plan.map(|plan| Arc::new(Node::new(plan))).map_err(|error| error.built_at(at)))
    }

    /// The dataset that a transformation makes of this one.
    #[track_caller]
    pub(crate) fn then(&self, plan: impl FnOnce(&Input) -> Result<Plan>) -> Dataset {
        match &self.0 {
            Ok(input) => Dataset::build(plan(input)),
            Err(error) => Dataset(Err(error.clone())),
        }
    }

    /// The dataset as an input.
    ///
    /// # Errors
    /// The error that it carries.
    pub(crate) fn input(&self) -> Result<&Input> {
        self.0.as_ref().map_err(DataError::clone)
    }

    /// A dataset that cannot be built, for a reason of the caller's.
    #[track_caller]
    pub fn failed(error: DataError) -> Dataset {
        Dataset::build(Err(error))
    }

    /// The error that the dataset carries, if it could not be built.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let wrong = Dataset::range(3).batch(0).take(1);
    /// assert!(wrong.error().unwrap().message().contains("at least 1"));
    /// ```
    pub fn error(&self) -> Option<&DataError> {
        self.0.as_ref().err()
    }

    /// The dataset itself, or the error that it carries.
    ///
    /// # Errors
    /// The error that it carries.
    pub fn ok(self) -> Result<Dataset> {
        match self.0 {
            Ok(input) => Ok(Dataset(Ok(input))),
            Err(error) => Err(error),
        }
    }

    /// What elements look like.
    ///
    /// # Errors
    /// The error that the dataset carries.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// assert_eq!(Dataset::range(3).batch(2).spec()?.to_string(), "i64[?]");
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("element_spec"))]
    pub fn spec(&self) -> Result<&Spec> {
        Ok(self.input()?.spec())
    }

    /// How many elements there are, as far as that is known without reading them.
    ///
    /// # Errors
    /// The error that the dataset carries.
    ///
    /// ```
    /// # use tensorwright::data::{Cardinality, Dataset};
    /// assert_eq!(Dataset::range(7).batch(2).cardinality()?, Cardinality::Known(4));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("len"))]
    pub fn cardinality(&self) -> Result<Cardinality> {
        Ok(self.input()?.cardinality())
    }

    /// An iterator over the elements, from the first one: a new pass.
    ///
    /// # Errors
    /// The error that the dataset carries.
    pub fn iter(&self) -> Result<Iter> {
        Ok(Iter::new(Arc::clone(self.input()?)))
    }

    /// An iterator over the elements whose time is taken, stage by stage, and what was taken, to be looked at on the way or behind it.
    ///
    /// Stages that read ahead run while the reader does something else: their time is how long he waits for them.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let (iter, profile) = Dataset::range(1000).map(|x: i64| x * x).batch(10).prefetch(2).iter_profiled()?;
    /// assert_eq!(iter.count(), 100);
    /// let stages = profile.stages();
    /// assert_eq!(stages.iter().map(|stage| stage.name).collect::<Vec<_>>(), ["prefetch", "batch", "map", "range"]);
    /// assert_eq!((stages[1].elements, stages[2].elements), (100, 1000));
    /// println!("{profile}");
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// The error that the dataset carries.
    pub fn iter_profiled(&self) -> Result<(Iter, Profile)> {
        let sheet = Arc::new(Sheet::default());
        let iter = Iter::profiled(Arc::clone(self.input()?), Arc::clone(&sheet));
        Ok((iter, Profile { sheet, start: Instant::now() }))
    }

    /// An iterator over the elements as values of a type.
    ///
    /// # Errors
    /// The error that the dataset carries, or when elements are of another type.
    ///
    /// ```
    /// # use tensorwright::data::Dataset;
    /// let numbers: Result<Vec<i64>, _> = Dataset::range(3).iter_as::<i64>()?.collect();
    /// assert_eq!(numbers?, [0, 1, 2]);
    /// assert!(Dataset::range(3).iter_as::<f32>().is_err());
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    pub fn iter_as<T: FromItem>(&self) -> Result<IterAs<T>> {
        let input = self.input()?;
        match T::accepts(input.spec()) {
            true => Ok(IterAs::new(self.iter()?)),
            false => Err(not_a::<T>(input.spec())),
        }
    }
}

/// Why elements of a spec do not become a `T`.
pub(crate) fn not_a<T>(spec: &Spec) -> DataError {
    let wanted = std::any::type_name::<T>();
    DataError::invalid(format!("elements are {spec}, which does not become `{wanted}`"))
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(node) => {
                write!(f, "Dataset({}: {}, {} elements)", node.name(), node.spec(), node.cardinality())
            }
            Err(error) => write!(f, "Dataset({error})"),
        }
    }
}
