//! Several elements in one: `batch`, ragged, padded and sparse batches.

use std::sync::Arc;

use tensorwright::Scalar;

use crate::error::{DataError, Result};
use crate::item::{Fill, Item, PadTarget, SparseArray, concat, pad, stack, stack_ragged};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage};
use crate::spec::{ElementKind, Extents, Spec};
use crate::state::{Reader, Writer};

/// How large batches are, and what becomes of elements that do not fill one. A number is one of them.
#[derive(Clone, Copy, Debug)]
pub struct BatchOptions {
    size: usize,
    drops_remainder: bool,
}

impl BatchOptions {
    /// Batches of so many elements; the last one may have fewer.
    pub fn new(size: usize) -> BatchOptions {
        BatchOptions { size, drops_remainder: false }
    }

    /// Without a last batch of fewer elements, so that all have one size.
    pub fn drop_remainder(self) -> BatchOptions {
        BatchOptions { drops_remainder: true, ..self }
    }

    fn check(self) -> Result<BatchOptions> {
        match self.size {
            0 => Err(DataError::invalid("a batch has at least 1 element")),
            _ => Ok(self),
        }
    }

    /// The first size of batches.
    fn rows(self) -> Option<usize> {
        self.drops_remainder.then_some(self.size)
    }

    fn cardinality(self, input: Cardinality) -> Cardinality {
        let size = self.size as u64;
        input.map(|count| if self.drops_remainder { count / size } else { count.div_ceil(size) })
    }
}

impl From<usize> for BatchOptions {
    fn from(size: usize) -> BatchOptions {
        BatchOptions::new(size)
    }
}

/// What makes one element of several.
pub(crate) type Join = Arc<dyn Fn(&[Item]) -> Result<Item> + Send + Sync>;

struct Batch {
    input: Input,
    options: BatchOptions,
    join: Join,
}

impl Stage for Batch {
    fn open(&self, pass: &Pass) -> BoxCursor {
        let items = Vec::with_capacity(self.options.size.min(1 << 16));
        Box::new(Batching {
            input: self.input.open(&pass.input(0)),
            options: self.options,
            join: self.join.clone(),
            items,
            at: 0,
        })
    }
}

struct Batching {
    input: BoxCursor,
    options: BatchOptions,
    join: Join,
    /// Empty between calls.
    items: Vec<Item>,
    at: u64,
}

impl Batching {
    /// Gathers the elements of a batch. An error loses what was gathered.
    fn gather(&mut self) -> Result<()> {
        self.items.clear();
        while self.items.len() < self.options.size {
            match self.input.next() {
                Some(item) => self.items.push(item?),
                None => break,
            }
        }
        Ok(())
    }
}

impl Cursor for Batching {
    fn next(&mut self) -> Option<Outcome> {
        if let Err(error) = self.gather() {
            self.at += 1;
            return Some(Err(error));
        }
        let count = self.items.len();
        if count == 0 || (self.options.drops_remainder && count < self.options.size) {
            return None;
        }
        self.at += 1;
        let batch = (self.join)(&self.items).map_err(|error| error.of_element("batch", self.at - 1));
        self.items.clear();
        Some(batch)
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

fn plan(input: &Input, name: &'static str, options: BatchOptions, spec: Spec, join: Join) -> Result<Plan> {
    let options = options.check()?;
    let cardinality = options.cardinality(input.cardinality());
    let stage = Batch { input: input.clone(), options, join };
    Ok(Plan::like(input, name, stage).with_spec(spec).with_cardinality(cardinality))
}

fn no_windows() -> DataError {
    DataError::invalid("windows do not stack: make a dataset of them first, by `flat_map`")
}

/// Batches of equal elements.
pub(crate) fn plain(input: &Input, options: BatchOptions) -> Result<Plan> {
    let spec = input.spec().batched(options.rows()).ok_or_else(no_windows)?;
    let own = input.spec().clone();
    plan(input, "batch", options, spec, Arc::new(move |items| stack(&own, items)))
}

/// The spec of a ragged batch: arrays whose sizes are not known become ragged.
fn ragged_spec(spec: &Spec, rows: Option<usize>) -> Option<Spec> {
    let batched = spec.try_map(&mut |leaf| match leaf {
        Spec::Dense(kind, shape) if shape.sizes().is_none() => {
            let unknown = shape.known().and_then(|extents| extents.iter().rposition(Option::is_none));
            Ok(Spec::Ragged(*kind, shape.with_first(rows), unknown.map_or(1, |last| last + 1)))
        }
        other => other.batched(rows).ok_or(()),
    });
    batched.ok()
}

/// How arrays are padded: to which sizes, and with what.
///
/// ```
/// # use tensorwright::data::{Dataset, PadOptions};
/// # use tensorwright::prelude::*;
/// let rows = Dataset::from_iter([1i64, 3]).map(|n: i64| Tensor::full(n as usize, n));
/// let spec = tensorwright::data::Spec::number(DType::I64, [None]);
/// let padded = rows.with_spec(spec).padded_batch(2, PadOptions::new().value(-1i64));
/// assert_eq!(padded.single()?.to_tensor()?.to_vec::<i64>()?, [1, -1, -1, 3, 3, 3]);
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PadOptions {
    shapes: Option<Vec<Option<Extents>>>,
    values: Option<Vec<Item>>,
}

impl PadOptions {
    /// All to the longest of a batch, with 0 or empty texts.
    pub fn new() -> PadOptions {
        PadOptions::default()
    }

    /// To these sizes, one after the other for each component; unknown ones are those of the longest.
    pub fn shapes(self, shapes: impl IntoIterator<Item = Extents>) -> PadOptions {
        PadOptions { shapes: Some(shapes.into_iter().map(Some).collect()), ..self }
    }

    /// All components with this number or text.
    pub fn value(self, value: impl Into<Scalar>) -> PadOptions {
        PadOptions { values: Some(vec![Item::Number(value.into())]), ..self }
    }

    /// Each component with its own number or text, or all with the only one.
    pub fn values(self, values: impl IntoIterator<Item = Item>) -> PadOptions {
        PadOptions { values: Some(values.into_iter().collect()), ..self }
    }

    /// What each component of a spec is padded to.
    ///
    /// # Errors
    /// When there are not as many shapes or values, or they do not fit.
    pub(crate) fn targets(&self, spec: &Spec) -> Result<Vec<PadTarget>> {
        let components = spec.components();
        let count = components.len();
        let counts =
            [self.shapes.as_ref().map(Vec::len), self.values.as_ref().map(Vec::len).filter(|own| *own != 1)];
        if let Some(found) = counts.into_iter().flatten().find(|own| *own != count) {
            return Err(DataError::invalid(format!(
                "{count} components cannot be padded by {found} shapes or values"
            )));
        }
        components.into_iter().enumerate().map(|(i, component)| self.target(i, component)).collect()
    }

    fn target(&self, i: usize, component: &Spec) -> Result<PadTarget> {
        let Spec::Dense(kind, own) = component else {
            return Err(DataError::invalid(format!("only arrays are padded: component {i} is {component}")));
        };
        let wanted = self.shapes.as_ref().and_then(|shapes| shapes[i].as_ref());
        let sizes = match wanted {
            None if own.rank().is_none() => {
                return Err(DataError::invalid(format!(
                    "a shape is needed to pad component {i}, whose rank is not known"
                )));
            }
            None => own.clone(),
            Some(wanted) if can_pad(own, wanted) => wanted.clone(),
            Some(wanted) => {
                return Err(DataError::invalid(format!(
                    "component {i}, of shape {own}, cannot be padded to {wanted}"
                )));
            }
        };
        let value =
            self.values.as_ref().map(|values| if values.len() == 1 { &values[0] } else { &values[i] });
        Ok(PadTarget { sizes, fill: fill(*kind, value, i)? })
    }
}

/// Whether an array of some shape can be padded to another one.
fn can_pad(own: &Extents, wanted: &Extents) -> bool {
    let (Some(own), Some(wanted)) = (own.known(), wanted.known()) else { return wanted.known().is_some() };
    own.len() == wanted.len()
        && own.iter().zip(wanted).all(|(own, wanted)| match (own, wanted) {
            (Some(own), Some(wanted)) => own <= wanted,
            _ => true,
        })
}

fn fill(kind: ElementKind, value: Option<&Item>, component: usize) -> Result<Fill> {
    match (value, kind) {
        (None, kind) => Ok(Fill::zero(kind)),
        (Some(Item::Number(value)), ElementKind::Number(dtype)) if value.dtype() == dtype => {
            Ok(Fill::Number(*value))
        }
        (Some(Item::Text(value)), ElementKind::Text) => Ok(Fill::Text(value.clone())),
        (Some(other), kind) => Err(DataError::invalid(format!(
            "component {component} is padded with one {kind}, not with {}",
            other.spec()
        ))),
    }
}

/// The spec of a padded batch.
fn padded_spec(spec: &Spec, targets: &[PadTarget], rows: Option<usize>) -> Spec {
    let mut targets = targets.iter();
    spec.map(|leaf| match (leaf, targets.next()) {
        (Spec::Dense(kind, _), Some(target)) => Spec::Dense(*kind, target.sizes.with_first(rows)),
        _ => Spec::Any,
    })
}

/// Batches of arrays that are padded to one shape.
pub(crate) fn padded(input: &Input, options: BatchOptions, padding: &PadOptions) -> Result<Plan> {
    let targets = padding.targets(input.spec())?;
    let spec = padded_spec(input.spec(), &targets, options.rows());
    let own = input.spec().clone();
    plan(input, "padded_batch", options, spec, Arc::new(move |items| pad(&own, &targets, items)))
}

/// Batches of arrays as one sparse array.
fn sparse(input: &Input, options: BatchOptions, row: &[usize]) -> Result<Plan> {
    let Spec::Dense(kind, own) = input.spec() else {
        return Err(DataError::invalid(format!(
            "sparse batches are made of one array, not of {}",
            input.spec()
        )));
    };
    if own.rank().is_some_and(|rank| rank != row.len()) {
        return Err(DataError::invalid(format!("rows of shape {own} do not lie in {row:?}")));
    }
    let spec = Spec::Sparse(*kind, Extents::from(row).with_first(options.rows()));
    let row = row.to_vec();
    plan(input, "sparse_batch", options, spec, Arc::new(move |items| sparse_rows(items, &row)))
}

fn sparse_rows(items: &[Item], row: &[usize]) -> Result<Item> {
    let mut places: Vec<i64> = Vec::new();
    let mut values = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let sizes = item.sizes().ok_or_else(|| DataError::invalid("sparse batches are made of arrays"))?;
        if sizes.len() != row.len() || sizes.iter().zip(row).any(|(own, row)| own > row) {
            return Err(DataError::data_loss(format!(
                "an array of {sizes:?} is larger than a row of {row:?}"
            )));
        }
        let count: usize = sizes.iter().product();
        for flat in 0..count {
            places.push(i as i64);
            places.extend(unraveled(flat, sizes));
        }
        values.push(flattened(item, count)?);
    }
    let sizes = [items.len()].iter().chain(row).copied().collect();
    Ok(Item::Sparse(Box::new(SparseArray::new(places, concat(&values)?, sizes)?)))
}

/// The index of a place of an array, from its number.
fn unraveled(mut flat: usize, sizes: &[usize]) -> Vec<i64> {
    let mut place = vec![0; sizes.len()];
    for (axis, size) in sizes.iter().enumerate().rev() {
        place[axis] = (flat % size) as i64;
        flat /= size;
    }
    place
}

/// An array as a vector.
fn flattened(item: &Item, count: usize) -> Result<Item> {
    match item {
        Item::Array(array) => Item::array(array.dtype(), &[count], array.bytes()?),
        Item::Texts(texts) => Item::texts(&[count], texts.values().to_vec()),
        other => stack(&other.spec(), std::slice::from_ref(other)),
    }
}

impl Dataset {
    /// Batches of `size` elements: each component along a new first axis. The last batch may be smaller.
    ///
    /// Elements of different shapes are an error in place of their batch. An element that fails loses the elements before it in its batch; the
    /// next batch begins behind it.
    ///
    /// ```
    /// # use tensorwright::data::{BatchOptions, Dataset};
    /// assert_eq!(Dataset::range(7).batch(3).spec()?.to_string(), "i64[?]");
    /// let whole = Dataset::range(7).batch(BatchOptions::new(3).drop_remainder());
    /// assert_eq!((whole.spec()?.to_string(), whole.iter()?.count()), ("i64[3]".to_owned(), 2));
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn batch(&self, options: impl Into<BatchOptions>) -> Dataset {
        self.then(|input| plain(input, options.into()))
    }

    /// As [`Dataset::batch`], where arrays whose sizes are not known become ragged rows.
    #[track_caller]
    pub fn ragged_batch(&self, options: impl Into<BatchOptions>) -> Dataset {
        let options = options.into();
        self.then(|input| {
            let spec = ragged_spec(input.spec(), options.rows()).ok_or_else(no_windows)?;
            let own = input.spec().clone();
            plan(input, "ragged_batch", options, spec, Arc::new(move |items| stack_ragged(&own, items)))
        })
    }

    /// As [`Dataset::batch`], of arrays of different sizes, which are padded: see [`PadOptions`].
    #[track_caller]
    pub fn padded_batch(&self, options: impl Into<BatchOptions>, padding: PadOptions) -> Dataset {
        self.then(|input| padded(input, options.into(), &padding))
    }

    /// As [`Dataset::batch`], of arrays of different sizes, which become one sparse array of rows of shape `row`.
    #[doc(alias("dense_to_sparse_batch"))]
    #[track_caller]
    pub fn sparse_batch(&self, options: impl Into<BatchOptions>, row: &[usize]) -> Dataset {
        self.then(|input| sparse(input, options.into(), row))
    }

    /// The same elements under another spec, which each must be.
    ///
    /// What is known of closures that give tensors is little: this says more.
    #[track_caller]
    pub fn with_spec(&self, spec: Spec) -> Dataset {
        self.map_items(spec, Ok)
    }
}
