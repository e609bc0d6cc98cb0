//! Checkpoints, and tables of numbers.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Better, Callback, CallbackState, Flow, watched};
use crate::error::Result;
use crate::{Error, Logs, Model};

/// Saves the model after each epoch, or after those that were the best so far.
pub struct ModelCheckpoint {
    path: PathBuf,
    best_only: Option<(String, Better)>,
    best: Option<f64>,
}

impl ModelCheckpoint {
    /// To this file, in which `{epoch}` stands for the number of the epoch, from 1.
    pub fn new(path: impl AsRef<Path>) -> ModelCheckpoint {
        ModelCheckpoint { path: path.as_ref().to_owned(), best_only: None, best: None }
    }

    /// Only when a number, such as `val_loss`, is better than before.
    #[must_use]
    pub fn best_only(self, monitor: &str) -> ModelCheckpoint {
        ModelCheckpoint { best_only: Some((monitor.to_owned(), Better::of(monitor))), ..self }
    }
}

impl Callback for ModelCheckpoint {
    fn epoch_end(&mut self, epoch: usize, logs: &Logs, model: &Model) -> Result<Flow> {
        if let Some((monitor, better)) = &self.best_only {
            let now = watched(logs, monitor)?;
            if !better.improves(now, self.best, 0.0) {
                return Ok(Flow::Continue);
            }
            self.best = Some(now);
        }
        let path = self.path.to_string_lossy().replace("{epoch}", &(epoch + 1).to_string());
        model.save(path)?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> CallbackState {
        CallbackState::of(self.best, &[])
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        self.best = state.best();
        Ok(())
    }
}

/// Writes the numbers of epochs to a table, separated by commas, epoch by epoch.
pub struct CsvLogger {
    path: PathBuf,
    rows: String,
}

impl CsvLogger {
    /// To this file, which begins anew, unless training goes on from a backup.
    pub fn new(path: impl AsRef<Path>) -> CsvLogger {
        CsvLogger { path: path.as_ref().to_owned(), rows: String::new() }
    }
}

impl Callback for CsvLogger {
    fn epoch_end(&mut self, epoch: usize, logs: &Logs, _model: &Model) -> Result<Flow> {
        if self.rows.is_empty() {
            let names: Vec<&str> = logs.entries().iter().map(|(name, _)| name.as_str()).collect();
            self.rows = format!("epoch,{}\n", names.join(","));
        }
        let cells: Vec<String> = logs.entries().iter().map(|(_, value)| value.to_string()).collect();
        self.rows.push_str(&format!("{epoch},{}\n", cells.join(",")));
        fs::write(&self.path, &self.rows)
            .map_err(|error| Error::Model(format!("{}: {error}", self.path.display())))?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> CallbackState {
        CallbackState { values: self.rows.clone().into(), ..CallbackState::default() }
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        self.rows = state.values.as_str().unwrap_or_default().to_owned();
        Ok(())
    }
}
