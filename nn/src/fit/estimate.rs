//! Training that lives in a folder.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::backup::Backup;
use super::callbacks::{Better, CsvLogger, ModelCheckpoint, TensorBoard};
use super::examples::Examples;
use super::{Fit, History, Model, epochs};
use crate::error::{Error, Result};
use crate::store::{self, Archive};

/// What came of [`Model::train_and_evaluate`].
#[derive(Clone, Debug)]
pub struct Trained {
    /// The numbers of all epochs, those before an interruption too.
    pub history: History,
    /// The epoch that was the best, counted from 0.
    pub best_epoch: usize,
    /// The file with the model of that epoch, to be loaded by [`Model::load`].
    pub model: PathBuf,
}

/// What the best epoch is found by, if nothing is said.
const MONITOR: &str = "val_loss";

impl Model {
    /// Trains the model with examples, evaluates it with others after each epoch, and keeps all of that in a folder: whatever happens to the process, the same call goes on
    /// where it was, with the same bits, and a call with more epochs goes on behind the last one.
    ///
    /// In the folder are `backup.zip`, where training is, written after each epoch, and within epochs if `options` has [`Fit::backup_every`]; `best.zip`, the model of the best epoch; `history.csv`; `events`,
    /// for TensorBoard; and in the end `model.zip`, the best model for use: without the optimiser and its state.
    ///
    /// The best epoch is that of the least `val_loss`, or the best of what [`Fit::best_by`] says.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::layers::Dense;
    /// use tensorwright::nn::losses::MeanSquaredError;
    /// use tensorwright::nn::optimizers::Sgd;
    /// use tensorwright::nn::{Fit, Model};
    ///
    /// let folder = std::env::temp_dir().join(format!("train-and-evaluate-{}", std::process::id()));
    /// let x = RandomKey::new(1).normal((64, 4), 0.0f32, 1.0);
    /// let y = x.sum(-1).expand_dims(-1);
    /// let model = Model::new(Dense::new(1));
    /// model.compile(Sgd::default(), MeanSquaredError, &[]);
    /// let trained = model.train_and_evaluate(&folder, (&x, &y), (&x, &y), Fit::new().epochs(3))?;
    /// assert_eq!(trained.best_epoch, 2);
    /// let loaded = Model::load(&trained.model)?;
    /// assert_eq!(loaded.predict(&x)?.to_vec::<f32>()?, model.predict(&x)?.to_vec::<f32>()?);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), tensorwright::nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Model::fit`], when a file cannot be written, or when no epoch has the number that the best one is found by.
    pub fn train_and_evaluate(
        &self,
        folder: impl AsRef<Path>,
        examples: impl Into<Examples>,
        evaluation: impl Into<Examples>,
        mut options: Fit,
    ) -> Result<Trained> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder)
            .map_err(|error| Error::Model(format!("{}: {error}", folder.display())))?;
        let monitor = options.best_by.take().unwrap_or_else(|| MONITOR.to_owned());
        let every = options.backup.take().and_then(|backup| backup.every);
        options.backup = Some(Backup { path: folder.join("backup.zip"), every, stays: true });
        let best = folder.join("best.zip");
        let options = options
            .validation_data(evaluation)
            .callback(ModelCheckpoint::new(&best).best_only(&monitor))
            .callback(CsvLogger::new(folder.join("history.csv")))
            .callback(TensorBoard::new(folder.join("events")));
        let history = epochs::fit(self, examples.into(), options)?;
        let (best_epoch, _) = history
            .best(&monitor, Better::of(&monitor))
            .ok_or_else(|| Error::Model(format!("no epoch has a number `{monitor}`")))?;
        let model = folder.join("model.zip");
        export(&best, &model)?;
        Ok(Trained { history, best_epoch, model })
    }
}

/// Writes the model of a file without what trains it.
fn export(from: &Path, to: &Path) -> Result<()> {
    let Archive { mut model, weights, .. } = store::read_archive(from)?;
    model["training"] = Value::Null;
    store::write_archive(to, &Archive { model, weights, optimizer: Vec::new(), training: None })
}
