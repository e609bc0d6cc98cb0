//! Other learning rates between epochs; nothing is compiled again.

use super::{Better, Callback, CallbackState, Flow, watched};
use crate::error::Result;
use crate::{Logs, Model};

/// Sets the learning rate before each epoch to what a closure says of the epoch, counted from 0, and the rate before.
pub struct LearningRateScheduler {
    schedule: Box<dyn FnMut(usize, f64) -> f64 + Send>,
}

impl LearningRateScheduler {
    /// By this closure.
    pub fn new(schedule: impl FnMut(usize, f64) -> f64 + Send + 'static) -> LearningRateScheduler {
        LearningRateScheduler { schedule: Box::new(schedule) }
    }
}

impl Callback for LearningRateScheduler {
    fn epoch_begin(&mut self, epoch: usize, model: &Model) -> Result<()> {
        let rate = (self.schedule)(epoch, model.learning_rate()?);
        model.set_learning_rate(rate)
    }

    fn epoch_end(&mut self, _epoch: usize, _logs: &Logs, _model: &Model) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

/// Makes the learning rate smaller when a number has not become better for some epochs.
pub struct ReduceLrOnPlateau {
    monitor: String,
    factor: f64,
    patience: usize,
    min_delta: f64,
    cooldown: usize,
    min_lr: f64,
    better: Better,
    best: Option<f64>,
    waited: usize,
    cooling: usize,
}

impl ReduceLrOnPlateau {
    /// Watches a number, such as `val_loss`, and multiplies the rate by `factor` after so many epochs in which it did not become better.
    pub fn new(monitor: &str, factor: f64, patience: usize) -> ReduceLrOnPlateau {
        ReduceLrOnPlateau {
            monitor: monitor.to_owned(),
            factor,
            patience,
            min_delta: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
            better: Better::of(monitor),
            best: None,
            waited: 0,
            cooling: 0,
        }
    }

    /// How much better counts as better.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> ReduceLrOnPlateau {
        ReduceLrOnPlateau { min_delta: min_delta.abs(), ..self }
    }

    /// Epochs after a change in which nothing is counted.
    #[must_use]
    pub fn cooldown(self, cooldown: usize) -> ReduceLrOnPlateau {
        ReduceLrOnPlateau { cooldown, ..self }
    }

    /// The least rate.
    #[must_use]
    pub fn min_lr(self, min_lr: f64) -> ReduceLrOnPlateau {
        ReduceLrOnPlateau { min_lr, ..self }
    }

    /// Which numbers are better, if the name does not say it.
    #[must_use]
    pub fn better(self, better: Better) -> ReduceLrOnPlateau {
        ReduceLrOnPlateau { better, ..self }
    }
}

impl Callback for ReduceLrOnPlateau {
    fn epoch_end(&mut self, _epoch: usize, logs: &Logs, model: &Model) -> Result<Flow> {
        let now = watched(logs, &self.monitor)?;
        if self.cooling > 0 {
            (self.cooling, self.waited) = (self.cooling - 1, 0);
        }
        if self.better.improves(now, self.best, self.min_delta) {
            (self.best, self.waited) = (Some(now), 0);
        } else if self.cooling == 0 {
            self.waited += 1;
            let rate = model.learning_rate()?;
            if self.waited >= self.patience && rate > self.min_lr {
                model.set_learning_rate((rate * self.factor).max(self.min_lr))?;
                (self.cooling, self.waited) = (self.cooldown, 0);
            }
        }
        Ok(Flow::Continue)
    }

    fn state(&self) -> CallbackState {
        CallbackState::of(self.best, &[self.waited, self.cooling])
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        let [waited, cooling] = state.counts()?;
        (self.best, self.waited, self.cooling) = (state.best(), waited, cooling);
        Ok(())
    }
}
