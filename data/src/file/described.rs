//! What `tf.train.Example` records hold, found out from the first of them.

use std::collections::BTreeMap;

use tensorwright::DType;

use super::example::{ExampleParser, Feature};
use super::messages::{self, Values};
use crate::error::{DataError, Result};
use crate::item::Item;
use crate::pipeline::Outcome;
use crate::spec::ElementKind;

/// What is known of a feature.
struct Seen {
    kind: Option<ElementKind>,
    /// In how many records it has values, and the fewest and the most.
    records: u64,
    fewest: usize,
    most: usize,
}

impl Seen {
    fn note(&mut self, name: &str, values: &Values) -> Result<()> {
        let (kind, count) = match values {
            Values::Bytes(list) => (ElementKind::Text, list.len()),
            Values::Float(list) => (DType::F32.into(), list.len()),
            Values::Int64(list) => (DType::I64.into(), list.len()),
        };
        if *self.kind.get_or_insert(kind) != kind {
            let message = format!("feature {name} is {kind} in one record, and something else in another");
            return Err(DataError::invalid(message));
        }
        self.records += 1;
        (self.fewest, self.most) = (self.fewest.min(count), self.most.max(count));
        Ok(())
    }

    /// An array, if all of so many records have as many values, else a vector of any length.
    fn feature(&self, records: u64) -> Feature {
        let kind = self.kind.unwrap_or(ElementKind::Text);
        match self.most {
            most if self.records < records || self.fewest < most || most == 0 => Feature::Ragged { kind },
            1 => Feature::Fixed { kind, shape: Vec::new(), default: None },
            most => Feature::Fixed { kind, shape: vec![most], default: None },
        }
    }
}

/// A parser of records such as these. `None` if they are no such messages, or hold no features. What cannot be read is left out: it is found when elements are read.
///
/// # Errors
/// When a feature has several dtypes.
pub(crate) fn described_records(records: impl Iterator<Item = Outcome>) -> Result<Option<ExampleParser>> {
    let (mut seen, mut count) = (BTreeMap::<String, Seen>::new(), 0);
    for record in records.flatten() {
        let Item::Text(bytes) = &record else { return Ok(None) };
        let Ok(features) = messages::example(bytes) else { return Ok(None) };
        count += 1;
        for (name, values) in &features {
            let own = Seen { kind: None, records: 0, fewest: usize::MAX, most: 0 };
            let own = seen.entry(name.clone()).or_insert(own);
            values.iter().try_for_each(|values| own.note(name, values))?;
        }
    }
    let features = seen.iter().map(|(name, seen)| (name.clone(), seen.feature(count)));
    if seen.is_empty() { Ok(None) } else { ExampleParser::new(features).map(Some) }
}
