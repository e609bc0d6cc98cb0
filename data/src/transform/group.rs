//! Elements by keys: `group_by_window`, and buckets of sequences of like length.

use std::sync::Arc;

use super::batch::{BatchOptions, PadOptions};
use super::function::{ItemFn, Typed};
use crate::error::{DataError, Result};
use crate::item::{Item, Window, read_item, write_item};
use crate::pipeline::{BoxCursor, Cardinality, Cursor, Dataset, Input, Outcome, Pass, Plan, Stage, Supply};
use crate::spec::{Extents, Spec};
use crate::state::{Reader, Writer};

/// What makes a dataset of a key and a window of elements of that key.
pub(crate) type GroupBody = Arc<dyn Fn(i64, Arc<Window>) -> Result<Dataset> + Send + Sync>;

/// How many elements of a key make a window.
pub(crate) type GroupSize = Arc<dyn Fn(i64) -> Result<usize> + Send + Sync>;

struct Group {
    input: Input,
    key: ItemFn,
    size: GroupSize,
    body: GroupBody,
}

impl Stage for Group {
    fn open(&self, pass: &Pass) -> BoxCursor {
        Box::new(Grouping {
            input: self.input.open(&pass.input(0)),
            pass: pass.input(1),
            spec: self.input.spec().clone(),
            key: self.key.clone(),
            size: self.size.clone(),
            body: self.body.clone(),
            groups: Vec::new(),
            current: None,
            opened: 0,
            read: 0,
            has_ended: false,
        })
    }
}

/// The elements of a key that make no window yet.
struct Gathered {
    key: i64,
    size: usize,
    items: Vec<Item>,
}

/// The dataset of a window, being read.
struct Current {
    key: i64,
    window: Arc<Window>,
    cursor: BoxCursor,
}

struct Grouping {
    input: BoxCursor,
    pass: Pass,
    spec: Spec,
    key: ItemFn,
    size: GroupSize,
    body: GroupBody,
    /// In the order of their keys.
    groups: Vec<Gathered>,
    current: Option<Current>,
    opened: u64,
    read: u64,
    has_ended: bool,
}

impl Grouping {
    /// The place of the group of a key, which is made if there is none.
    fn group(&mut self, key: i64) -> Result<usize> {
        match self.groups.binary_search_by_key(&key, |group| group.key) {
            Ok(place) => Ok(place),
            Err(place) => {
                let size = (self.size)(key)?;
                if size == 0 {
                    return Err(DataError::invalid(format!(
                        "a window has at least 1 element: that of key {key} has none"
                    )));
                }
                self.groups.insert(place, Gathered { key, size, items: Vec::new() });
                Ok(place)
            }
        }
    }

    /// Adds an element to its group, and takes the group if it is whole.
    fn add(&mut self, item: Item) -> Result<Option<Gathered>> {
        let key = (self.key)(item.clone())?.to_number()?.to_i128() as i64;
        let place = self.group(key)?;
        let group = &mut self.groups[place];
        group.items.push(item);
        let is_whole = group.items.len() == group.size;
        Ok(is_whole.then(|| self.groups.remove(place)))
    }

    /// Opens the dataset of a group. One that cannot be opened stays a group, and fails again at the end.
    fn start(&mut self, group: Gathered) -> Result<()> {
        let window = Arc::new(Window { spec: self.spec.clone(), items: group.items.clone() });
        match self.open(group.key, window, self.opened) {
            Ok(current) => {
                self.opened += 1;
                self.current = Some(current);
                Ok(())
            }
            Err(error) => {
                let place = self.groups.partition_point(|other| other.key < group.key);
                self.groups.insert(place, group);
                Err(error)
            }
        }
    }

    fn open(&self, key: i64, window: Arc<Window>, number: u64) -> Result<Current> {
        let cursor = (self.body)(key, window.clone())?.input()?.open(&self.pass.part(number));
        Ok(Current { key, window, cursor })
    }

    /// The next group that is whole, or, at the end of the input, the first that is left.
    fn next_group(&mut self) -> Option<Result<Gathered>> {
        while !self.has_ended {
            let outcome = self.input.next();
            self.has_ended = outcome.is_none();
            let Some(outcome) = outcome else { break };
            self.read += 1;
            match outcome.and_then(|item| self.add(item)) {
                Ok(None) => {}
                Ok(Some(group)) => return Some(Ok(group)),
                Err(error) => return Some(Err(error.of_element("group_by_window", self.read - 1))),
            }
        }
        (!self.groups.is_empty()).then(|| Ok(self.groups.remove(0)))
    }
}

impl Cursor for Grouping {
    fn next(&mut self) -> Option<Outcome> {
        loop {
            if let Some(outcome) = self.current.as_mut().and_then(|current| current.cursor.next()) {
                return Some(outcome);
            }
            self.current = None;
            let started = self.next_group()?.and_then(|group| self.start(group));
            if let Err(error) = started {
                return Some(Err(error));
            }
        }
    }

    fn save(&mut self, to: &mut Writer) -> Result<()> {
        to.u64(self.opened);
        to.u64(self.read);
        to.flag(self.has_ended);
        to.usize(self.groups.len());
        for group in &self.groups {
            to.i64(group.key);
            to.usize(group.size);
            to.usize(group.items.len());
            group.items.iter().try_for_each(|item| write_item(item, to))?;
        }
        to.flag(self.current.is_some());
        if let Some(current) = &mut self.current {
            to.i64(current.key);
            to.usize(current.window.items.len());
            current.window.items.iter().try_for_each(|item| write_item(item, to))?;
            current.cursor.save(to)?;
        }
        self.input.save(to)
    }

    fn restore(&mut self, from: &mut Reader<'_>) -> Result<()> {
        self.opened = from.u64()?;
        self.read = from.u64()?;
        self.has_ended = from.flag()?;
        for _ in 0..from.count()? {
            let (key, size) = (from.i64()?, from.usize()?);
            let items = (0..from.count()?).map(|_| read_item(from)).collect::<Result<_>>()?;
            self.groups.push(Gathered { key, size, items });
        }
        if from.flag()? {
            let key = from.i64()?;
            let items = (0..from.count()?).map(|_| read_item(from)).collect::<Result<_>>()?;
            let window = Arc::new(Window { spec: self.spec.clone(), items });
            let mut current = self.open(key, window, self.opened.wrapping_sub(1))?;
            current.cursor.restore(from)?;
            self.current = Some(current);
        }
        self.input.restore(from)
    }
}

fn group(
    input: &Input,
    name: &'static str,
    spec: Spec,
    key: ItemFn,
    size: GroupSize,
    body: GroupBody,
) -> Plan {
    let stage = Group { input: input.clone(), key, size, body };
    Plan::like(input, name, stage)
        .with_spec(spec)
        .with_cardinality(Cardinality::Unknown)
        .with_supply(Supply::Awaited)
}

/// Sequences of like length in one batch: at which lengths the buckets part, and how large the batches of each are.
#[derive(Clone, Debug)]
pub struct BucketOptions {
    boundaries: Vec<usize>,
    batch_sizes: Vec<usize>,
    padding: Padded,
    drops_remainder: bool,
}

/// How the sequences of a bucket are padded.
#[derive(Clone, Debug)]
enum Padded {
    /// Not at all: they must have one shape.
    Never,
    /// To the longest of the batch.
    Longest(PadOptions),
    /// To one less than the boundary of the bucket.
    Boundary(PadOptions),
}

impl BucketOptions {
    /// Buckets that part at these lengths, each with a size of its batches: one more than boundaries.
    pub fn new(boundaries: impl Into<Vec<usize>>, batch_sizes: impl Into<Vec<usize>>) -> BucketOptions {
        BucketOptions {
            boundaries: boundaries.into(),
            batch_sizes: batch_sizes.into(),
            padding: Padded::Longest(PadOptions::new()),
            drops_remainder: false,
        }
    }

    /// Padded like this, to the longest of each batch.
    pub fn padding(self, padding: PadOptions) -> BucketOptions {
        BucketOptions { padding: Padded::Longest(padding), ..self }
    }

    /// Padded to one less than the boundary of the bucket. What is longer than all boundaries is an error.
    pub fn pad_to_boundary(self, padding: PadOptions) -> BucketOptions {
        BucketOptions { padding: Padded::Boundary(padding), ..self }
    }

    /// Not padded.
    pub fn no_padding(self) -> BucketOptions {
        BucketOptions { padding: Padded::Never, ..self }
    }

    /// Without smaller batches at the end.
    pub fn drop_remainder(self) -> BucketOptions {
        BucketOptions { drops_remainder: true, ..self }
    }

    fn check(&self) -> Result<()> {
        let fits = self.batch_sizes.len() == self.boundaries.len() + 1 && self.boundaries.is_sorted();
        match fits && !self.batch_sizes.contains(&0) {
            true => Ok(()),
            false => Err(DataError::invalid(
                "buckets have rising boundaries, and a size of batches each: one more",
            )),
        }
    }

    fn bucket(&self, length: i64) -> usize {
        self.boundaries.iter().filter(|boundary| length >= **boundary as i64).count()
    }

    fn batch(&self, bucket: usize) -> BatchOptions {
        let batch = BatchOptions::new(self.batch_sizes[bucket]);
        if self.drops_remainder { batch.drop_remainder() } else { batch }
    }

    /// The batches of a bucket's window.
    fn batches(&self, bucket: usize, window: &Arc<Window>) -> Result<Dataset> {
        let (dataset, batch) = (Dataset::from_window(window), self.batch(bucket));
        Ok(match &self.padding {
            Padded::Never => dataset.batch(batch),
            Padded::Longest(padding) => dataset.padded_batch(batch, padding.clone()),
            Padded::Boundary(padding) => {
                let boundary = self.boundaries.get(bucket).ok_or_else(|| {
                    DataError::invalid(
                        "a sequence is longer than all boundaries, to which it is to be padded",
                    )
                })?;
                // Nothing is shorter than 0.
                let length = boundary.saturating_sub(1);
                dataset.padded_batch(batch, self.to_boundary(padding, &window.spec, length))
            }
        })
    }

    fn to_boundary(&self, padding: &PadOptions, spec: &Spec, length: usize) -> PadOptions {
        let shapes = spec.components().into_iter().map(|component| {
            let own = component.shape().cloned().unwrap_or_else(Extents::unknown);
            let extents = own
                .known()
                .map(|own| own.iter().map(|extent| Some(extent.unwrap_or(length))).collect::<Vec<_>>());
            extents.map_or(own, Extents::new)
        });
        padding.clone().shapes(shapes.collect::<Vec<_>>())
    }
}

/// Buckets of sequences, by a function that gives their lengths.
fn buckets(input: &Input, length: Typed, options: BucketOptions) -> Result<Plan> {
    options.check()?;
    let probe = Arc::new(Window { spec: input.spec().clone(), items: Vec::new() });
    let specs =
        (0..options.boundaries.len().max(1)).map(|bucket| options.batches(bucket, &probe)?.spec().cloned());
    let specs: Vec<Spec> = specs.collect::<Result<_>>()?;
    let spec = specs.iter().skip(1).try_fold(specs[0].clone(), |spec, other| spec.relaxed(other));
    let spec = spec.unwrap_or(Spec::Any).map(unsized_rows);
    let options = Arc::new(options);
    let (own, sizes) = (options.clone(), options.clone());
    let key =
        move |item| Ok(Item::number(own.bucket((length.f)(item)?.to_number()?.to_i128() as i64) as i64));
    let size = move |bucket: i64| Ok(sizes.batch_sizes[bucket as usize]);
    let body = move |bucket: i64, window: Arc<Window>| options.batches(bucket as usize, &window);
    Ok(group(input, "bucket_by_length", spec, Arc::new(key), Arc::new(size), Arc::new(body)))
}

/// Batches of buckets have any number of rows, padded or not.
fn unsized_rows(spec: &Spec) -> Spec {
    match spec {
        Spec::Dense(kind, shape) => Spec::Dense(
            *kind,
            shape.without_first().map_or_else(Extents::unknown, |rest| rest.with_first(None)),
        ),
        other => other.clone(),
    }
}

impl Dataset {
    /// The elements of the datasets that `body` makes of windows of elements that have one key, as soon as there are `size(key)` of them; at the end of
    /// what is left, in the order of keys. `spec` is what these datasets give.
    ///
    /// ```
    /// # use tensorwright::prelude::*;
    /// # use tensorwright::data::{Dataset, Spec};
    /// let parity = |item: tensorwright::data::Item| Ok(item.to_number()?.to_i128() as i64 % 2);
    /// let batches = Dataset::range(5).group_by_window(Spec::number(DType::I64, [None]), parity, |_| Ok(2), |_, window| Ok(Dataset::from_window(&window).batch(2)));
    /// assert_eq!(batches.iter()?.count(), 3); // 0 2, 1 3, 4
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[track_caller]
    pub fn group_by_window(
        &self,
        spec: Spec,
        key: impl Fn(Item) -> Result<i64> + Send + Sync + 'static,
        size: impl Fn(i64) -> Result<usize> + Send + Sync + 'static,
        body: impl Fn(i64, Arc<Window>) -> Result<Dataset> + Send + Sync + 'static,
    ) -> Dataset {
        self.then(|input| {
            let key = Arc::new(move |item| key(item).map(Item::number));
            Ok(group(input, "group_by_window", spec, key, Arc::new(size), Arc::new(body)))
        })
    }

    /// Padded batches of sequences of like length, which `length` gives: see [`BucketOptions`].
    ///
    /// ```
    /// # use tensorwright::data::{BucketOptions, Dataset, Item, Spec};
    /// # use tensorwright::prelude::*;
    /// let row = |item: Item| { let n = item.to_number()?.to_i128() as usize; Item::from_tensor(Tensor::ones(n, DType::F32)) };
    /// let rows = Dataset::from_iter([1i64, 5, 2]).map_items(Spec::number(DType::F32, [None]), row);
    /// let batches = rows.bucket_by_length(BucketOptions::new([3], [2, 2]), |item| Ok(item.rows().unwrap_or(0) as i64));
    /// let shapes: Vec<String> = batches.iter()?.map(|batch| batch.unwrap().spec().to_string()).collect();
    /// assert_eq!(shapes, ["f32[2,2]", "f32[1,5]"]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    #[doc(alias("bucket_by_sequence_length"))]
    #[track_caller]
    pub fn bucket_by_length(
        &self,
        options: BucketOptions,
        length: impl Fn(&Item) -> Result<i64> + Send + Sync + 'static,
    ) -> Dataset {
        self.then(|input| {
            let f = move |item: Item| length(&item).map(Item::number);
            buckets(input, Typed::any(Arc::new(f)), options)
        })
    }
}
