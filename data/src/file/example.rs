//! Records that are `tf.train.Example` messages, taken apart by a description of their features.

use std::collections::BTreeMap;
use std::sync::Arc;

use tensorwright::{DType, Scalar};

use super::messages::{self, FeatureMessage, Features, Values};
use crate::error::{DataError, Result};
use crate::item::{Fill, Item, PadTarget, RaggedArray, SparseArray, Text, concat, pad, stack};
use crate::spec::{ElementKind, Extents, Spec};

/// What a feature of a record is: its dtype is `i64`, `f32` or text.
#[derive(Clone, Debug)]
pub enum Feature {
    /// An array of a shape. Where the record lacks it, the default.
    Fixed {
        /// The dtype.
        kind: ElementKind,
        /// The shape.
        shape: Vec<usize>,
        /// What stands for a missing one: an array of this shape.
        default: Option<Item>,
    },
    /// Any number of values: a sparse vector.
    VarLen {
        /// The dtype.
        kind: ElementKind,
    },
    /// Any number of arrays of a shape, none if the record lacks it. In batches they are padded with the default.
    FixedSequence {
        /// The dtype.
        kind: ElementKind,
        /// The shape of each.
        shape: Vec<usize>,
        /// Whether a record may lack it. Features of examples must, those of steps need not.
        allow_missing: bool,
        /// One number or text.
        default: Option<Item>,
    },
    /// Any number of values: a vector, ragged rows in batches.
    Ragged {
        /// The dtype.
        kind: ElementKind,
    },
    /// A sparse vector, out of two features: of places and of values.
    Sparse {
        /// The feature of the places.
        index_key: String,
        /// The feature of the values.
        value_key: String,
        /// The dtype of the values.
        kind: ElementKind,
        /// The size of the vector.
        size: usize,
    },
}

impl Feature {
    fn kind(&self) -> ElementKind {
        match self {
            Feature::Fixed { kind, .. }
            | Feature::VarLen { kind }
            | Feature::FixedSequence { kind, .. }
            | Feature::Ragged { kind }
            | Feature::Sparse { kind, .. } => *kind,
        }
    }

    fn check(&self, name: &str) -> Result<()> {
        let kind = self.kind();
        match kind {
            ElementKind::Text | ElementKind::Number(DType::I64 | DType::F32) => Ok(()),
            other => {
                Err(DataError::invalid(format!("feature {name} is {other}: features are i64, f32 or text")))
            }
        }
    }

    /// What it looks like in one record.
    fn spec(&self) -> Spec {
        match self {
            Feature::Fixed { kind, shape, .. } => Spec::Dense(*kind, Extents::from(&shape[..])),
            Feature::VarLen { kind } => Spec::Sparse(*kind, [None].into()),
            Feature::FixedSequence { kind, shape, .. } => {
                Spec::Dense(*kind, Extents::from(&shape[..]).with_first(None))
            }
            Feature::Ragged { kind } => Spec::Dense(*kind, [None].into()),
            Feature::Sparse { kind, size, .. } => Spec::Sparse(*kind, [*size].into()),
        }
    }

    /// What it looks like in a batch of records.
    fn batch_spec(&self, rows: Option<usize>) -> Spec {
        match self {
            Feature::Ragged { kind } => Spec::Ragged(*kind, [rows, None].into(), 1),
            other => other.spec().batched(rows).unwrap_or(Spec::Any),
        }
    }
}

/// The values of a feature as a vector. `None` if the record lacks it.
fn values(name: &str, feature: Option<&FeatureMessage>, kind: ElementKind) -> Result<Option<Item>> {
    let wrong = |found: &str| Err(DataError::invalid(format!("feature {name} is {found}, not {kind}")));
    match (feature.and_then(Option::as_ref), kind) {
        (None, _) => Ok(None),
        (Some(Values::Int64(list)), ElementKind::Number(DType::I64)) => {
            Item::numbers(DType::I64, &[list.len()], list.iter().map(|v| Scalar::I64(*v))).map(Some)
        }
        (Some(Values::Float(list)), ElementKind::Number(DType::F32)) => {
            Item::numbers(DType::F32, &[list.len()], list.iter().map(|v| Scalar::F32(*v))).map(Some)
        }
        (Some(Values::Bytes(list)), ElementKind::Text) => {
            let texts: Vec<Text> = list.iter().map(|text| Text::from(&text[..])).collect();
            Item::texts(&[texts.len()], texts).map(Some)
        }
        (Some(Values::Int64(_)), _) => wrong("i64"),
        (Some(Values::Float(_)), _) => wrong("f32"),
        (Some(Values::Bytes(_)), _) => wrong("text"),
    }
}

/// A vector without values.
fn nothing(kind: ElementKind) -> Result<Item> {
    match kind {
        ElementKind::Number(dtype) => Item::array(dtype, &[0], &[]),
        ElementKind::Text => Item::texts(&[0], Vec::new()),
    }
}

fn len(vector: &Item) -> usize {
    vector.rows().unwrap_or(0)
}

/// A vector in another shape.
fn shaped(vector: &Item, shape: &[usize]) -> Result<Item> {
    match vector {
        Item::Array(array) => Item::array(array.dtype(), shape, array.bytes()?),
        Item::Texts(texts) => Item::texts(shape, texts.values().to_vec()),
        other => Ok(other.clone()),
    }
}

/// A sparse vector of all of a vector's values.
fn all_places(values: Item) -> Result<Item> {
    let count = len(&values);
    Ok(Item::Sparse(Box::new(SparseArray::new((0..count as i64).collect(), values, vec![count])?)))
}

/// A feature of one record.
fn one(name: &str, feature: &Feature, message: &Features) -> Result<Item> {
    let own = |name: &str, kind| values(name, message.get(name), kind);
    match feature {
        Feature::Fixed { kind, shape, default } => match (own(name, *kind)?, default) {
            (Some(vector), _) if len(&vector) == shape.iter().product::<usize>() => shaped(&vector, shape),
            (Some(vector), _) => Err(DataError::invalid(format!(
                "feature {name} has {} values, which are no array of {shape:?}",
                len(&vector)
            ))),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) => Err(missing(name)),
        },
        Feature::VarLen { kind } => all_places(own(name, *kind)?.map_or_else(|| nothing(*kind), Ok)?),
        Feature::FixedSequence { kind, shape, .. } => {
            let vector = own(name, *kind)?.map_or_else(|| nothing(*kind), Ok)?;
            let each: usize = shape.iter().product();
            if each == 0 || !len(&vector).is_multiple_of(each) {
                return Err(DataError::invalid(format!(
                    "feature {name} has {} values, which are no arrays of {shape:?}",
                    len(&vector)
                )));
            }
            shaped(&vector, &[&[len(&vector) / each], &shape[..]].concat())
        }
        Feature::Ragged { kind } => own(name, *kind)?.map_or_else(|| nothing(*kind), Ok),
        Feature::Sparse { index_key, value_key, kind, size } => {
            let places = own(index_key, ElementKind::Number(DType::I64))?;
            let places = places
                .map_or(Ok(Vec::new()), |places| Ok::<_, DataError>(places.to_tensor()?.to_vec::<i64>()?))?;
            let vector = own(value_key, *kind)?.map_or_else(|| nothing(*kind), Ok)?;
            sorted_places(places, &vector, *size)
        }
    }
}

/// A sparse vector of places in any order.
fn sorted_places(places: Vec<i64>, values: &Item, size: usize) -> Result<Item> {
    if places.len() != len(values) {
        return Err(DataError::invalid(format!("{} places for {} values", places.len(), len(values))));
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by_key(|i| places[*i]);
    let rows = order.iter().map(|i| values.row(*i)).collect::<Result<Vec<_>>>()?;
    let values = if rows.is_empty() { values.clone() } else { stack(&rows[0].spec(), &rows)? };
    let places = order.iter().map(|i| places[*i]).collect();
    Ok(Item::Sparse(Box::new(SparseArray::new(places, values, vec![size])?)))
}

fn missing(name: &str) -> DataError {
    DataError::invalid(format!("feature {name} is missing, and has no default"))
}

/// A feature of several records, each parsed on its own.
fn many(feature: &Feature, items: &[Item]) -> Result<Item> {
    let spec = feature.spec();
    match feature {
        Feature::Fixed { .. } | Feature::Sparse { .. } => stack(&spec, items),
        Feature::VarLen { kind } => sparse_rows(*kind, items),
        Feature::Ragged { kind } => ragged_rows(*kind, items),
        Feature::FixedSequence { kind, default, .. } => {
            let fill = match default {
                Some(Item::Number(number)) => Fill::Number(*number),
                Some(Item::Text(text)) => Fill::Text(text.clone()),
                _ => Fill::zero(*kind),
            };
            let sizes = spec.shape().cloned().unwrap_or_else(Extents::unknown);
            pad(&spec, &[PadTarget { sizes, fill }], items)
        }
    }
}

/// Sparse vectors of different sizes as the rows of one array.
fn sparse_rows(kind: ElementKind, items: &[Item]) -> Result<Item> {
    let (mut places, mut values, mut width) = (Vec::new(), vec![nothing(kind)?], 0);
    for (row, item) in items.iter().enumerate() {
        if let Item::Sparse(sparse) = item {
            places.extend(sparse.places().iter().flat_map(|place| [row as i64, *place]));
            values.push(sparse.values().clone());
            width = width.max(sparse.sizes()[0]);
        }
    }
    Ok(Item::Sparse(Box::new(SparseArray::new(places, concat(&values)?, vec![items.len(), width])?)))
}

/// Vectors of different sizes as ragged rows.
fn ragged_rows(kind: ElementKind, items: &[Item]) -> Result<Item> {
    let mut offsets = vec![0];
    items.iter().for_each(|item| offsets.push(offsets[offsets.len() - 1] + len(item)));
    let values = [nothing(kind)?].into_iter().chain(items.iter().cloned()).collect::<Vec<_>>();
    Ok(Item::Ragged(Box::new(RaggedArray::new(offsets, concat(&values)?)?)))
}

/// Features by their names.
type Described = Arc<BTreeMap<String, Feature>>;

fn described(features: impl IntoIterator<Item = (impl Into<String>, Feature)>) -> Result<Described> {
    let features: BTreeMap<String, Feature> =
        features.into_iter().map(|(name, feature)| (name.into(), feature)).collect();
    features.iter().try_for_each(|(name, feature)| feature.check(name))?;
    Ok(Arc::new(features))
}

fn spec_of(features: &Described, spec: impl Fn(&Feature) -> Spec) -> Spec {
    Spec::dict(features.iter().map(|(name, feature)| (&**name, spec(feature))))
}

fn dict_of(features: &Described, item: impl Fn(&str, &Feature) -> Result<Item>) -> Result<Item> {
    let parts = features.iter().map(|(name, feature)| Ok((&**name, item(name, feature)?)));
    Ok(Item::dict(parts.collect::<Result<Vec<_>>>()?))
}

/// Takes `tf.train.Example` records apart.
///
/// ```
/// # use tensorwright::DType;
/// # use tensorwright::data::{ElementKind, ExampleParser, Feature};
/// let label = Feature::Fixed { kind: DType::I64.into(), shape: vec![], default: None };
/// let parser = ExampleParser::new([("label", label), ("words", Feature::VarLen { kind: ElementKind::Text })])?;
/// assert_eq!(parser.spec().to_string(), "{label: i64[], words: sparse text[?]}");
/// assert!(parser.parse(b"no message").is_err());
/// # Ok::<(), tensorwright::data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExampleParser(Described);

impl ExampleParser {
    /// A parser of features by their names.
    ///
    /// # Errors
    /// When there is none, a dtype is none of features, or a sequence may not be missing.
    pub fn new(features: impl IntoIterator<Item = (impl Into<String>, Feature)>) -> Result<ExampleParser> {
        let features = described(features)?;
        let strict =
            features.iter().find(|(_, f)| matches!(f, Feature::FixedSequence { allow_missing: false, .. }));
        match strict {
            _ if features.is_empty() => Err(DataError::invalid("a record is parsed by at least one feature")),
            Some((name, _)) => Err(DataError::invalid(format!(
                "a sequence in examples may be missing: {name} must allow it"
            ))),
            None => Ok(ExampleParser(features)),
        }
    }

    /// What a record becomes.
    pub fn spec(&self) -> Spec {
        spec_of(&self.0, Feature::spec)
    }

    /// What a batch of records becomes, of which there are so many.
    pub fn batch_spec(&self, rows: Option<usize>) -> Spec {
        spec_of(&self.0, |feature| feature.batch_spec(rows))
    }

    /// A record: a dict of its features.
    ///
    /// # Errors
    /// When it is no such message, or a feature is missing or of another dtype or shape.
    pub fn parse(&self, record: &[u8]) -> Result<Item> {
        let features = messages::example(record).map_err(|_| no_message())?;
        dict_of(&self.0, |name, feature| one(name, feature, &features))
    }

    /// Several records in one: a dict of their features in batches.
    ///
    /// # Errors
    /// As [`ExampleParser::parse`], of the first record that has one.
    pub fn parse_batch(&self, records: &[Text]) -> Result<Item> {
        let items = records.iter().map(|record| self.parse(record)).collect::<Result<Vec<_>>>()?;
        dict_of(&self.0, |name, feature| {
            let column = items.iter().filter_map(|item| match item {
                Item::Dict(dict) => dict.get(name).cloned(),
                _ => None,
            });
            many(feature, &column.collect::<Vec<_>>())
        })
    }
}

fn no_message() -> DataError {
    DataError::invalid("the record is no such message")
}

/// Takes `tf.train.SequenceExample` records apart: features of the whole, and lists of features, one for each step.
#[derive(Clone, Debug)]
pub struct SequenceParser {
    context: Described,
    lists: Described,
}

impl SequenceParser {
    /// A parser of features of the whole, and of features of steps.
    ///
    /// # Errors
    /// When there are none, or a dtype is none of features.
    pub fn new(
        context: impl IntoIterator<Item = (impl Into<String>, Feature)>,
        lists: impl IntoIterator<Item = (impl Into<String>, Feature)>,
    ) -> Result<SequenceParser> {
        let (context, lists) = (described(context)?, described(lists)?);
        let stepwise = |feature: &Feature| {
            matches!(feature, Feature::FixedSequence { .. } | Feature::VarLen { .. } | Feature::Ragged { .. })
        };
        match lists.iter().find(|(_, feature)| !stepwise(feature)) {
            _ if context.is_empty() && lists.is_empty() => {
                Err(DataError::invalid("a record is parsed by at least one feature"))
            }
            Some((name, _)) => {
                Err(DataError::invalid(format!("the steps of {name} are sequences, of one length or of any")))
            }
            None => Ok(SequenceParser { context, lists }),
        }
    }

    /// What a record becomes: a pair of dicts.
    pub fn spec(&self) -> Spec {
        let lists = spec_of(&self.lists, |feature| match feature {
            Feature::VarLen { kind } => Spec::Sparse(*kind, [None, None].into()),
            Feature::Ragged { kind } => Spec::Ragged(*kind, [None, None].into(), 1),
            other => other.spec(),
        });
        Spec::Tuple(vec![spec_of(&self.context, Feature::spec), lists])
    }

    /// A record: a dict of the features of the whole, and one of its steps.
    ///
    /// # Errors
    /// As [`ExampleParser::parse`].
    pub fn parse(&self, record: &[u8]) -> Result<Item> {
        let (features, lists) = messages::sequence_example(record).map_err(|_| no_message())?;
        let context = dict_of(&self.context, |name, feature| one(name, feature, &features))?;
        let steps = dict_of(&self.lists, |name, feature| list(name, feature, lists.get(name)))?;
        Ok(Item::tuple([context, steps]))
    }
}

/// A feature of each step.
fn list(name: &str, feature: &Feature, list: Option<&Vec<FeatureMessage>>) -> Result<Item> {
    let kind = feature.kind();
    let steps = match (list, feature) {
        (None, Feature::FixedSequence { allow_missing: false, .. }) => return Err(missing(name)),
        (list, _) => list.map_or(&[][..], Vec::as_slice),
    };
    let vectors = steps.iter().map(|step| values(name, Some(step), kind)?.map_or_else(|| nothing(kind), Ok));
    let vectors = vectors.collect::<Result<Vec<Item>>>()?;
    match feature {
        Feature::VarLen { .. } => {
            let rows = vectors.into_iter().map(all_places).collect::<Result<Vec<_>>>()?;
            sparse_rows(kind, &rows)
        }
        Feature::FixedSequence { shape, .. } => {
            let each: usize = shape.iter().product();
            if let Some((step, vector)) = vectors.iter().enumerate().find(|(_, vector)| len(vector) != each) {
                let message = format!(
                    "step {step} of {name} has {} values, which are no array of {shape:?}",
                    len(vector)
                );
                return Err(DataError::invalid(message));
            }
            let all = [nothing(kind)?].into_iter().chain(vectors).collect::<Vec<_>>();
            shaped(&concat(&all)?, &[&[steps.len()], &shape[..]].concat())
        }
        _ => ragged_rows(kind, &vectors),
    }
}
