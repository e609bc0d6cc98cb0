//! What came of training: numbers by name, epoch by epoch.

use std::fmt::{self, Display, Write};

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

    /// Adds the numbers of others under longer names.
    pub(crate) fn extend(&mut self, prefix: &str, others: &Logs) {
        self.entries.extend(others.entries.iter().map(|(name, value)| (format!("{prefix}{name}"), *value)));
    }
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
