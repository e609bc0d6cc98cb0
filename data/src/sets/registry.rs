//! The registry: datasets by their names.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crc32c::crc32c;

use super::{builtin, made, split};
use crate::error::{DataError, ErrorKind, Result};
use crate::item::write_item;
use crate::pipeline::Dataset;
use crate::spec::Spec;
use crate::state::Writer;
use crate::storage::SaveOptions;

/// A split: its name, how many elements it has, and their checksum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitInfo {
    /// The name, such as `train`.
    pub name: String,
    /// How many elements there are.
    pub count: u64,
    /// CRC-32C of the elements in order, as they are saved; if it is known.
    pub checksum: Option<u32>,
}

/// What is known of a dataset.
#[derive(Clone, Debug)]
pub struct SetInfo {
    /// The name.
    pub name: String,
    /// Of the data and of how they are read: what changes changes the version.
    pub version: String,
    /// What it is, in a sentence.
    pub description: String,
    /// Where the data are from.
    pub source: String,
    /// Under which licence they may be used.
    pub licence: String,
    /// What elements look like.
    pub spec: Spec,
    /// Names of the components of an element, in order.
    pub components: Vec<String>,
    /// The splits.
    pub splits: Vec<SplitInfo>,
}

impl SetInfo {
    fn split(&self, name: &str) -> Result<&SplitInfo> {
        self.splits.iter().find(|split| split.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.splits.iter().map(|split| &*split.name).collect();
            DataError::new(
                ErrorKind::NotFound,
                format!("{} has no split {name}, it has {}", self.name, names.join(", ")),
            )
        })
    }
}

impl fmt::Display for SetInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}", self.name, self.version, self.description)?;
        writeln!(f, "elements: {}", self.spec)?;
        for split in &self.splits {
            writeln!(f, "split {}: {} elements", split.name, split.count)?;
        }
        writeln!(f, "source: {}", self.source)?;
        write!(f, "licence: {}", self.licence)
    }
}

/// What builds a dataset with a name.
pub trait SetBuilder: Send + Sync {
    /// What is known of it.
    fn info(&self) -> SetInfo;

    /// The elements of a split, which are as many as [`SetBuilder::info`] says.
    ///
    /// # Errors
    /// When there is no such split, or its data cannot be had.
    fn split(&self, name: &str) -> Result<Dataset>;
}

/// Datasets by their names.
///
/// ```
/// # use tensorwright::data::sets::Registry;
/// let sets = Registry::builtin();
/// let (train, test) = (sets.load("iris", "train[:80%]")?, sets.load("iris", "train[80%:]")?);
/// assert_eq!((train.iter()?.count(), test.iter()?.count()), (120, 30));
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
#[derive(Clone, Default)]
pub struct Registry(BTreeMap<String, Arc<dyn SetBuilder>>);

impl Registry {
    /// Without datasets.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// The datasets that are in the library: `breast_cancer`, `diabetes`, `digits`, `iris` and `wine`, and those that are generated: `addition`, `blobs`, `copy`, `moons`, `sines`
    /// and `spirals`, with 1000 elements to train with and 200 others to test.
    pub fn builtin() -> Registry {
        let mut registry = Registry::new();
        builtin::ALL.iter().for_each(|set| registry.add(*set));
        made::ALL.iter().for_each(|set| registry.add(*set));
        registry
    }

    /// Adds a dataset, or another version in the place of one.
    pub fn add(&mut self, builder: impl SetBuilder + 'static) {
        self.0.insert(builder.info().name, Arc::new(builder));
    }

    /// The names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn builder(&self, name: &str) -> Result<&Arc<dyn SetBuilder>> {
        self.0.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            DataError::new(
                ErrorKind::NotFound,
                format!("there is no dataset {name}, there are {}", names.join(", ")),
            )
        })
    }

    /// What is known of a dataset.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn info(&self, name: &str) -> Result<SetInfo> {
        Ok(self.builder(name)?.info())
    }

    /// The elements of a split, or of parts of several: `train`, `train[:80%]`, `train[-100:]`, `train[:80%]+test[10:20]`.
    ///
    /// # Errors
    /// When there is no such dataset or split, or it is written wrongly.
    pub fn load(&self, name: &str, split: &str) -> Result<Dataset> {
        let builder = self.builder(name)?;
        let info = builder.info();
        let parts = split::parse(split)?.into_iter().map(|term| {
            let (from, to) = term.range(info.split(&term.split)?.count);
            range(&builder.split(&term.split)?, from, to).ok()
        });
        let parts = parts.collect::<Result<Vec<Dataset>>>()?;
        concatenated(&parts)
    }

    /// `k` pairs of a split without a part, to train with, and the part, to validate with: each element is in one part.
    ///
    /// # Errors
    /// As [`Registry::load`]; when `k` is less than 2.
    ///
    /// ```
    /// # use tensorwright::data::sets::Registry;
    /// let folds = Registry::builtin().folds("iris", "train", 4)?;
    /// let sizes: Vec<_> = folds.iter().map(|(train, part)| (train.iter().unwrap().count(), part.iter().unwrap().count())).collect();
    /// assert_eq!(sizes, [(113, 37), (112, 38), (113, 37), (112, 38)]);
    /// # Ok::<(), tensorwright::data::DataError>(())
    /// ```
    pub fn folds(&self, name: &str, split: &str, k: u64) -> Result<Vec<(Dataset, Dataset)>> {
        if k < 2 {
            return Err(DataError::invalid("there are at least 2 folds"));
        }
        let whole = self.load(name, split)?;
        let count = whole
            .cardinality()?
            .known()
            .ok_or_else(|| DataError::invalid("the number of elements is not known"))?;
        let fold = |i: u64| {
            let (from, to) = (i * count / k, (i + 1) * count / k);
            let rest = range(&whole, 0, from).concatenate(&range(&whole, to, count));
            Ok((rest.ok()?, range(&whole, from, to).ok()?))
        };
        (0..k).map(fold).collect()
    }

    /// Writes all splits of a dataset into a folder, each in so many files, to be read by [`Dataset::load`].
    ///
    /// # Errors
    /// When there is no such dataset, an element has an error, or files cannot be written.
    pub fn prepare(&self, name: &str, folder: impl AsRef<Path>, shards: usize) -> Result<()> {
        let builder = self.builder(name)?;
        let info = builder.info();
        info.splits.iter().try_for_each(|split| {
            let own = folder.as_ref().join(&split.name);
            builder.split(&split.name)?.save(own, SaveOptions::new().shards(shards))
        })
    }
}

/// The error of a name that is no split's.
pub(super) fn no_split(set: &str, split: &str) -> DataError {
    DataError::new(ErrorKind::NotFound, format!("{set} has no split {split}"))
}

fn range(dataset: &Dataset, from: u64, to: u64) -> Dataset {
    dataset.skip(from).take(to - from)
}

fn concatenated(parts: &[Dataset]) -> Result<Dataset> {
    let (first, rest) =
        parts.split_first().ok_or_else(|| DataError::invalid("a split has at least one part"))?;
    rest.iter().fold(first.clone(), |all, part| all.concatenate(part)).ok()
}

/// The checksum of all elements, in order.
fn checksum(dataset: &Dataset) -> Result<u32> {
    let mut bytes = Writer::new();
    for item in dataset.iter()? {
        write_item(&item?, &mut bytes)?;
    }
    Ok(crc32c(&bytes.into_bytes()))
}

/// Checks a builder, as its test: it says where its data are from and under which licence, each split has as many elements as it says, all as the spec says, with the checksum that
/// it says, and gives the same when it is read again. A checksum that is wrong is answered with the right one.
///
/// ```
/// # use tensorwright::DType;
/// # use tensorwright::data::{DataError, Dataset, ErrorKind, Result, Spec};
/// # use tensorwright::data::sets::{Registry, SetBuilder, SetInfo, SplitInfo, check_builder};
/// /// Numbers and their squares.
/// struct Squares;
///
/// impl SetBuilder for Squares {
///     fn info(&self) -> SetInfo {
///         SetInfo {
///             name: "squares".to_owned(),
///             version: "1.0.0".to_owned(),
///             description: "numbers and their squares".to_owned(),
///             source: "computed".to_owned(),
///             licence: "MIT OR Apache-2.0".to_owned(),
///             spec: Spec::Tuple(vec![Spec::scalar(DType::I64), Spec::scalar(DType::I64)]),
///             components: ["number", "square"].map(str::to_owned).into(),
///             splits: vec![SplitInfo { name: "train".to_owned(), count: 10, checksum: None }],
///         }
///     }
///
///     fn split(&self, name: &str) -> Result<Dataset> {
///         match name {
///             "train" => Ok(Dataset::range(10).map(|x: i64| (x, x * x))),
///             _ => Err(DataError::new(ErrorKind::NotFound, format!("there is no split {name}"))),
///         }
///     }
/// }
///
/// check_builder(&Squares)?;
/// let mut sets = Registry::builtin();
/// sets.add(Squares);
/// assert_eq!(sets.load("squares", "train[80%:]")?.iter_as::<(i64, i64)>()?.last().unwrap()?, (9, 81));
/// # Ok::<(), DataError>(())
/// ```
///
/// # Errors
/// When something is not so: what it is.
pub fn check_builder(builder: &dyn SetBuilder) -> Result<()> {
    let info = builder.info();
    let wrong =
        |what: &str| Err(DataError::new(ErrorKind::FailedPrecondition, format!("{}: {what}", info.name)));
    let said = [&info.name, &info.version, &info.description, &info.source, &info.licence];
    if said.iter().any(|text| text.is_empty()) {
        return wrong("name, version, description, source and licence are to be said");
    }
    if info.components.len() != info.spec.components().len() {
        return wrong("each component has a name");
    }
    info.splits.iter().try_for_each(|split| check_split(builder, &info, split))?;
    match builder.split("no such split") {
        Ok(_) => wrong("it gives splits that it does not have"),
        Err(_) => Ok(()),
    }
}

fn check_split(builder: &dyn SetBuilder, info: &SetInfo, split: &SplitInfo) -> Result<()> {
    let dataset = builder.split(&split.name)?;
    let wrong = |what: String| {
        let message = format!("{}/{}: {what}", info.name, split.name);
        Err(DataError::new(ErrorKind::FailedPrecondition, message))
    };
    if dataset.spec()?.relaxed(&info.spec).as_ref() != Some(&info.spec) {
        return wrong(format!("elements are {}, not {}", dataset.spec()?, info.spec));
    }
    let mut count = 0;
    for item in dataset.iter()? {
        item?.fitting(&info.spec)?;
        count += 1;
    }
    if count != split.count {
        return wrong(format!("there are {count} elements, not {}", split.count));
    }
    let found = checksum(&dataset)?;
    if split.checksum.is_some_and(|expected| expected != found) {
        return wrong(format!("the checksum is {found:#010x}"));
    }
    if checksum(&builder.split(&split.name)?)? != found {
        return wrong("a second reading gives other elements".to_owned());
    }
    Ok(())
}
