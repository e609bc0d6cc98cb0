//! How a model is trained.

use super::Arrays;
use super::callbacks::Callback;

/// How a model is trained: epochs, batches, validation.
pub struct Fit {
    pub(super) epochs: usize,
    pub(super) initial_epoch: usize,
    pub(super) batch_size: usize,
    pub(super) shuffle: bool,
    pub(super) seed: u64,
    pub(super) validation: Option<Arrays>,
    pub(super) validation_split: f64,
    pub(super) steps_per_epoch: Option<usize>,
    pub(super) class_weights: Option<Vec<f32>>,
    pub(super) callbacks: Vec<Box<dyn Callback>>,
    pub(super) quiet: bool,
}

impl Default for Fit {
    fn default() -> Fit {
        Fit {
            epochs: 1,
            initial_epoch: 0,
            batch_size: 32,
            shuffle: true,
            seed: 0,
            validation: None,
            validation_split: 0.0,
            steps_per_epoch: None,
            class_weights: None,
            callbacks: Vec::new(),
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

    /// How many examples make a step.
    #[must_use]
    pub fn batch_size(self, batch_size: usize) -> Fit {
        Fit { batch_size: batch_size.max(1), ..self }
    }

    /// Whether each epoch has an order of its own.
    #[must_use]
    pub fn shuffle(self, shuffle: bool) -> Fit {
        Fit { shuffle, ..self }
    }

    /// What orders, dropout and noise are drawn by: the same seed gives the same training.
    #[must_use]
    pub fn seed(self, seed: u64) -> Fit {
        Fit { seed, ..self }
    }

    /// Examples that are evaluated after each epoch.
    #[must_use]
    pub fn validation_data(self, data: impl Into<Arrays>) -> Fit {
        Fit { validation: Some(data.into()), ..self }
    }

    /// The part of the examples, the last ones, that is not trained on but evaluated after each epoch.
    #[must_use]
    pub fn validation_split(self, part: f64) -> Fit {
        Fit { validation_split: part.clamp(0.0, 1.0), ..self }
    }

    /// How many steps make an epoch, if not all examples do.
    #[must_use]
    pub fn steps_per_epoch(self, steps: usize) -> Fit {
        Fit { steps_per_epoch: Some(steps), ..self }
    }

    /// A weight for the examples of each class, where targets are numbers of classes.
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

    /// Shows nothing, on a terminal either.
    #[must_use]
    pub fn quiet(self) -> Fit {
        Fit { quiet: true, ..self }
    }
}
