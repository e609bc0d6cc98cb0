//! How a model is trained.

use std::path::Path;

use super::backup::Backup;
use super::callbacks::Callback;
use super::examples::Examples;

/// How a model is trained: epochs, batches, validation.
pub struct Fit {
    pub(super) epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) batch_size: Option<usize>,
    pub(super) shuffle: bool,
    pub(super) seed: u64,
    pub(super) validation: Option<Examples>,
    pub(super) validation_split: f64,
    pub(super) steps_per_epoch: Option<usize>,
    pub(super) class_weights: Option<Vec<f32>>,
    pub(super) callbacks: Vec<Box<dyn Callback>>,
    pub(super) backup: Option<Backup>,
    pub(super) best_by: Option<String>,
    pub(super) quiet: bool,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit {
            epochs: 1,
            initial_epoch: 0,
            batch_size: None,
            shuffle: true,
            seed: 0,
            validation: None,
            validation_split: 0.0,
            steps_per_epoch: None,
            class_weights: None,
            callbacks: Vec::new(),
            backup: None,
            best_by: None,
            quiet: false,
        }
    }
}

impl Fit {
    /// One epoch in batches of 32 examples, shuffled.
    pub fn new() -> Fit {
        Fit::default()
    }

    /// How often all examples are seen.
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Fit {
        Fit { epochs, ..self }
    }

    /// The epoch to begin with, to go on where another training ended.
    #[must_use]
    pub fn initial_epoch(self, initial_epoch: usize) -> Fit {
        Fit { initial_epoch, ..self }
    }

    /// How many examples of arrays make a step; a dataset has batches of its own.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Fit {
        Fit { batch_size: Some(batch_size.max(1)), ..self }
    }

    /// Whether each pass over arrays has an order of its own; a dataset has its own.
    #[must_use]
    pub fn shuffle(self, shuffle: bool) -> Fit {
        Fit { shuffle, ..self }
    }

    /// What orders, dropout and noise are drawn by: the same seed gives the same training.
    #[must_use]
    pub fn seed(self, seed: u64) -> Fit {
        Fit { seed, ..self }
    }

    /// Examples that are evaluated after each epoch: all of them, once.
    #[must_use]
    pub fn validation_data(self, data: impl Into<Examples>) -> Fit {
        Fit { validation: Some(data.into()), ..self }
    }

    /// The part of the examples of arrays, the last ones, that is not trained on but evaluated after each epoch.
    #[must_use]
    pub fn validation_split(self, part: f64) -> Fit {
        Fit { validation_split: part.clamp(0.0, 1.0), ..self }
    }

    /// How many steps make an epoch, if a pass over the examples does not. An epoch goes on where the one before it ended, and where a pass ends in it, the next one
    /// begins.
    #[must_use]
    pub fn steps_per_epoch(self, steps: usize) -> Fit {
        Fit { steps_per_epoch: Some(steps), ..self }
    }

    /// A weight for the examples of each class, where targets are numbers of classes, or rows with a 1 for the class.
    #[must_use]
    pub fn class_weights(self, weights: impl Into<Vec<f32>>) -> Fit {
        Fit { class_weights: Some(weights.into()), ..self }
    }

    /// One more thing to be called between batches and epochs, in the order in which they are given.
    #[must_use]
    pub fn callback(mut self, callback: impl Callback + 'static) -> Fit {
        self.callbacks.push(Box::new(callback));
        self
    }

    /// Keeps in this file where the training is, after each epoch. If the process dies, the same program goes on from there with the same bits as if it had not; when the training has
    /// ended, the file is removed.
    ///
    /// In the file are weights, the optimiser's state, the place in the data, what metrics have added up, the history, and what callbacks remember.
    #[must_use]
    #[doc(alias = "BackupAndRestore")]
    pub fn backup(self, path: impl AsRef<Path>) -> Fit {
        let backup = Backup { path: path.as_ref().to_owned(), every: None, stays: false };
        Fit { backup: Some(backup), ..self }
    }

    /// As [`Fit::backup`], also after so many steps within each epoch.
    #[must_use]
    pub fn backup_every(self, path: impl AsRef<Path>, steps: usize) -> Fit {
        let backup = Backup { path: path.as_ref().to_owned(), every: Some(steps.max(1)), stays: false };
        Fit { backup: Some(backup), ..self }
    }

    /// The number by which [`Model::train_and_evaluate`](super::Model::train_and_evaluate) finds the best epoch, such as `val_accuracy`; `val_loss` if nothing is said.
    #[must_use]
    pub fn best_by(self, monitor: &str) -> Fit {
        Fit { best_by: Some(monitor.to_owned()), ..self }
    }

    /// Shows nothing, on a terminal either.
    #[must_use]
    pub fn quiet(self) -> Fit {
        Fit { quiet: true, ..self }
    }
}
