//! Batches that are the elements of a dataset.

use serde_json::{Value, json};
use tensorwright::Tensor;
use tensorwright_data::{Cardinality, Dataset, Dict, Item, Iter, Position};

use super::Names;
use super::batch::Batch;
use super::feed::{Feed, no_position};
use crate::error::{Error, Result};

/// The elements of a dataset, pass by pass.
pub(super) struct Elements {
    dataset: Dataset,
    names: Names,
    iter: Option<Iter>,
    /// How many elements of the pass were read.
    read: u64,
    /// The next batch, if it was looked at.
    ahead: bool,
    batch: Batch,
    /// How many there are, once a pass has ended.
    known: Option<usize>,
}

impl Elements {
    pub(super) fn new(dataset: Dataset, names: Names) -> Result<Elements> {
        let known = dataset.cardinality()?.known().map(|count| count as usize);
        Ok(Elements { dataset, names, iter: None, read: 0, ahead: false, batch: Batch::default(), known })
    }

    /// Reads an element; whether there was one.
    fn read(&mut self) -> Result<bool> {
        let Some(item) = self.iter.as_mut().and_then(Iter::next) else {
            self.known = Some(self.read as usize);
            return Ok(false);
        };
        let item = item?;
        self.read += 1;
        self.batch = batch(&item, &self.names).and_then(checked).map_err(|error| self.blame(error))?;
        Ok(true)
    }
}

fn checked(batch: Batch) -> Result<Batch> {
    batch.count()?;
    Ok(batch)
}

impl Feed for Elements {
    fn steps(&self) -> Option<usize> {
        self.known
    }

    fn is_finite(&self) -> bool {
        !matches!(self.dataset.cardinality(), Ok(Cardinality::Infinite))
    }

    fn begin(&mut self, _pass: usize) -> Result<()> {
        // A pass of which nothing was taken yet has just begun.
        if self.iter.is_none() || self.read > u64::from(self.ahead) {
            (self.iter, self.read, self.ahead) = (Some(self.dataset.iter()?), 0, false);
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Option<&Batch>> {
        let is_there = std::mem::take(&mut self.ahead) || self.read()?;
        Ok(is_there.then_some(&self.batch))
    }

    fn peek(&mut self) -> Result<Option<&Batch>> {
        self.ahead = self.ahead || self.read()?;
        Ok(self.ahead.then_some(&self.batch))
    }

    fn position(&mut self) -> Result<Value> {
        let iter = self.iter.as_mut().ok_or_else(no_position)?;
        Ok(json!({"read": self.read, "position": iter.save()?.as_bytes()}))
    }

    fn restore(&mut self, position: &Value) -> Result<()> {
        let read = position["read"].as_u64().ok_or_else(no_position)?;
        let bytes = position["position"].as_array().ok_or_else(no_position)?;
        let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
        let mut iter = self.dataset.iter()?;
        iter.restore(&Position::from_bytes(&bytes.ok_or_else(no_position)?)?)?;
        (self.iter, self.read, self.ahead) = (Some(iter), read, false);
        Ok(())
    }

    fn blame(&self, error: Error) -> Error {
        Error::Element { number: self.read.saturating_sub(1), source: Box::new(error) }
    }
}

/// The batch that an element is.
fn batch(item: &Item, names: &Names) -> Result<Batch> {
    let parts = match item {
        Item::Tuple(parts) => &parts[..],
        other => std::slice::from_ref(other),
    };
    let (inputs, targets, weights) = match parts {
        [inputs] => (inputs, None, None),
        [inputs, targets] => (inputs, Some(targets), None),
        [inputs, targets, weights] => (inputs, Some(targets), Some(weights)),
        _ => {
            let reason = "it is neither inputs, (inputs, targets) nor (inputs, targets, weights)";
            return Err(Error::Model(format!("{reason}, but {}", item.spec())));
        }
    };
    let of_outputs = |part: Option<&Item>, what| {
        part.map_or_else(|| Ok(Vec::new()), |part| tensors(part, &names.outputs, what))
    };
    let (targets, weights) = (of_outputs(targets, "targets")?, of_outputs(weights, "weights")?);
    Ok(Batch { inputs: tensors(inputs, &names.inputs, "inputs")?, targets, weights, rows: None })
}

/// The tensors of a part: one, several in order, or several by names.
fn tensors(part: &Item, names: &[String], what: &str) -> Result<Vec<Tensor>> {
    match part {
        Item::Tuple(parts) => parts.iter().map(|part| tensor(part, what)).collect(),
        Item::Dict(dict) => ordered(dict, names, what)?.into_iter().map(|part| tensor(part, what)).collect(),
        one => Ok(vec![tensor(one, what)?]),
    }
}

fn tensor(part: &Item, what: &str) -> Result<Tensor> {
    part.to_tensor().map_err(|error| Error::Model(format!("{what}: {}", error.message())))
}

/// Parts by names in the order that the model has them in; in alphabetical order if it has no names.
fn ordered<'d>(dict: &'d Dict, names: &[String], what: &str) -> Result<Vec<&'d Item>> {
    if names.is_empty() {
        return Ok(dict.parts().iter().collect());
    }
    if let Some(other) = dict.names().iter().find(|own| names.iter().all(|name| **name != ***own)) {
        return Err(Error::Model(format!("{what}: there is no `{other}` among {}", names.join(", "))));
    }
    let part = |name: &String| {
        let reason = || Error::Model(format!("{what}: `{name}` is missing"));
        dict.get(name).ok_or_else(reason)
    };
    names.iter().map(part).collect()
}
