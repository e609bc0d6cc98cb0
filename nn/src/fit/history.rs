//! What came of training: numbers by name, epoch by epoch.

use std::fmt::{self, Display, Write};

use serde_json::{Value, json};

use super::callbacks::Better;
use crate::error::{Error, Result};

/// Numbers by name, in order: the loss, metrics, and `val_` before those of validation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logs {
    entries: Vec<(String, f64)>,
}

impl Logs {
    /// The number of this name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.entries.iter().find(|(own, _)| own == name).map(|(_, value)| *value)
    }

    /// All of them.
    pub fn entries(&self) -> &[(String, f64)] {
        &self.entries
    }

    /// Adds a number.
    pub fn push(&mut self, name: impl Into<String>, value: f64) {
        self.entries.push((name.into(), value));
    }

    /// The numbers as JSON, exactly.
    fn written(&self) -> Value {
        self.entries.iter().map(|(name, value)| json!([name, number(*value)])).collect()
    }

    fn read(json: &Value) -> Result<Logs> {
        let entry = |entry: &Value| {
            let wrong = || Error::Model(format!("a number of an epoch is {entry}"));
            let name = entry[0].as_str().ok_or_else(wrong)?;
            Ok((name.to_owned(), number_of(&entry[1]).ok_or_else(wrong)?))
        };
        let entries = json.as_array().map_or(&[][..], Vec::as_slice);
        Ok(Logs { entries: entries.iter().map(entry).collect::<Result<_>>()? })
    }

    /// Adds the numbers of others under longer names.
    pub(crate) fn extend(&mut self, prefix: &str, others: &Logs) {
        self.entries.extend(others.entries.iter().map(|(name, value)| (format!("{prefix}{name}"), *value)));
    }
}

/// A number as JSON, which has no NaN and no infinities: these are texts.
pub(super) fn number(value: f64) -> Value {
    if value.is_finite() { json!(value) } else { json!(value.to_string()) }
}

/// The number of [`number`].
pub(super) fn number_of(json: &Value) -> Option<f64> {
    json.as_f64().or_else(|| json.as_str()?.parse().ok())
}

impl Display for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.entries.iter().enumerate() {
            let gap = if i == 0 { "" } else { " - " };
            write!(f, "{gap}{name}: {value:.4}")?;
        }
        Ok(())
    }
}

/// The numbers of all epochs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    epochs: Vec<(usize, Logs)>,
}

impl History {
    /// Epochs, counted from 0, with their numbers.
    pub fn epochs(&self) -> &[(usize, Logs)] {
        &self.epochs
    }

    /// A number in each epoch that has it.
    pub fn curve(&self, name: &str) -> Vec<f64> {
        self.epochs.iter().filter_map(|(_, logs)| logs.get(name)).collect()
    }

    /// The numbers of the last epoch.
    pub fn last(&self) -> Option<&Logs> {
        self.epochs.last().map(|(_, logs)| logs)
    }

    /// The epoch with the best number of this name, the first of those that are as good.
    pub fn best(&self, name: &str, better: Better) -> Option<(usize, &Logs)> {
        let mut best: Option<(usize, &Logs, f64)> = None;
        for (epoch, logs) in &self.epochs {
            if let Some(value) = logs.get(name)
                && better.improves(value, best.map(|(.., value)| value), 0.0)
            {
                best = Some((*epoch, logs, value));
            }
        }
        best.map(|(epoch, logs, _)| (epoch, logs))
    }

    pub(crate) fn push(&mut self, epoch: usize, logs: Logs) {
        self.epochs.push((epoch, logs));
    }

    /// The names that any epoch has, in order.
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.epochs.iter().flat_map(|(_, logs)| logs.entries()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }

    /// The history as JSON, from which [`History::read`] makes the same bits.
    pub(super) fn written(&self) -> Value {
        let row = |(epoch, logs): &(usize, Logs)| json!([epoch, logs.written()]);
        self.epochs.iter().map(row).collect()
    }

    /// The history of JSON.
    pub(super) fn read(json: &Value) -> Result<History> {
        let row = |row: &Value| {
            let epoch = row[0].as_u64().ok_or_else(|| Error::Model(format!("an epoch is {row}")))?;
            Ok((epoch as usize, Logs::read(&row[1])?))
        };
        let rows = json.as_array().map_or(&[][..], Vec::as_slice);
        Ok(History { epochs: rows.iter().map(row).collect::<Result<_>>()? })
    }

    /// A table with a row for each epoch, separated by commas.
    pub fn to_csv(&self) -> String {
        let names = self.names();
        let mut csv = format!("epoch,{}\n", names.join(","));
        for (epoch, logs) in &self.epochs {
            let cells =
                names.iter().map(|name| logs.get(name).map_or_else(String::new, |value| value.to_string()));
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(csv, "{epoch},{}", cells.join(","));
        }
        csv
    }
}
