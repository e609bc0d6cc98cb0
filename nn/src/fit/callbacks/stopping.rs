//! When enough is enough.

use tensorwright::{DType, Tensor};

use super::{Better, Callback, CallbackState, Flow, watched};
use crate::error::Result;
use crate::{Logs, Model};

/// Ends training when a number has not become better for some epochs.
pub struct EarlyStopping {
    monitor: String,
    patience: usize,
    min_delta: f64,
    better: Better,
    restore: bool,
    best: Option<f64>,
    waited: usize,
    weights: Vec<Tensor>,
}

impl EarlyStopping {
    /// Watches a number, such as `val_loss`, and ends after so many epochs in which it did not become better.
    pub fn new(monitor: &str, patience: usize) -> EarlyStopping {
        EarlyStopping {
            monitor: monitor.to_owned(),
            patience,
            min_delta: 0.0,
            better: Better::of(monitor),
            restore: false,
            best: None,
            waited: 0,
            weights: Vec::new(),
        }
    }

    /// How much better counts as better.
    #[must_use]
    pub fn min_delta(self, min_delta: f64) -> EarlyStopping {
        EarlyStopping { min_delta: min_delta.abs(), ..self }
    }

    /// Which numbers are better, if the name does not say it.
    #[must_use]
    pub fn better(self, better: Better) -> EarlyStopping {
        EarlyStopping { better, ..self }
    }

    /// Gives the model the weights of its best epoch back in the end.
    #[must_use]
    pub fn restore_best_weights(self) -> EarlyStopping {
        EarlyStopping { restore: true, ..self }
    }
}

impl Callback for EarlyStopping {
    fn epoch_end(&mut self, _epoch: usize, logs: &Logs, model: &Model) -> Result<Flow> {
        let now = watched(logs, &self.monitor)?;
        if self.better.improves(now, self.best, self.min_delta) {
            (self.best, self.waited) = (Some(now), 0);
            if self.restore {
                self.weights =
                    model.layer().variables().iter().map(|(_, variable)| variable.value()).collect();
            }
            return Ok(Flow::Continue);
        }
        self.waited += 1;
        Ok(if self.waited >= self.patience.max(1) { Flow::Stop } else { Flow::Continue })
    }

    fn state(&self) -> CallbackState {
        let named = |(i, tensor): (usize, &Tensor)| (i.to_string(), tensor.clone());
        let tensors = self.weights.iter().enumerate().map(named).collect();
        CallbackState { tensors, ..CallbackState::of(self.best, &[self.waited]) }
    }

    fn restore(&mut self, mut state: CallbackState) -> Result<()> {
        let [waited] = state.counts()?;
        (self.best, self.waited) = (state.best(), waited);
        state.tensors.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or(usize::MAX));
        self.weights = state.tensors.into_iter().map(|(_, tensor)| tensor).collect();
        Ok(())
    }

    fn train_end(&mut self, model: &Model) -> Result<()> {
        let variables = model.layer().variables();
        for ((_, variable), value) in variables.iter().zip(self.weights.drain(..)) {
            variable.assign(value)?;
        }
        Ok(())
    }
}

/// Ends training when the loss is no number.
#[derive(Default)]
pub struct TerminateOnNan;

impl Callback for TerminateOnNan {
    fn batch_end(&mut self, _batch: usize, loss: &Tensor, _model: &Model) -> Result<Flow> {
        let loss = loss.cast(DType::F64).item::<f64>()?;
        Ok(if loss.is_finite() { Flow::Continue } else { Flow::Stop })
    }

    fn epoch_end(&mut self, _epoch: usize, _logs: &Logs, _model: &Model) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}
