//! What training calls between batches and epochs.
//!
//! - [`stopping`]: when enough is enough; [`rate`]: other learning rates; [`files`]: checkpoints and tables; [`tensorboard`]: event files.

mod files;
mod rate;
mod stopping;
mod tensorboard;

pub use files::{CsvLogger, ModelCheckpoint};
pub use rate::{LearningRateScheduler, ReduceLrOnPlateau};
pub use stopping::{EarlyStopping, TerminateOnNan};
pub use tensorboard::TensorBoard;

use serde_json::{Value, json};
use tensorwright::Tensor;

use super::history::{number, number_of};
use crate::error::Result;
use crate::{Logs, Model};

/// Whether training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It goes on.
    Continue,
    /// It ends here.
    Stop,
}

/// What training calls. Closures `|epoch, logs, model|` are called after each epoch.
pub trait Callback: Send {
    /// Before the first epoch, or before the rest of a training that a backup knows of.
    ///
    /// # Errors
    /// What the callback says; training ends with it.
    fn train_begin(&mut self, _model: &Model) -> Result<()> {
        Ok(())
    }

    /// Before an epoch, counted from 0.
    ///
    /// # Errors
    /// What the callback says; training ends with it.
    fn epoch_begin(&mut self, _epoch: usize, _model: &Model) -> Result<()> {
        Ok(())
    }

    /// After a step, with the loss before it.
    ///
    /// # Errors
    /// What the callback says; training ends with it.
    fn batch_end(&mut self, _batch: usize, _loss: &tensorwright::Tensor, _model: &Model) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// After an epoch, with its numbers.
    ///
    /// # Errors
    /// What the callback says; training ends with it.
    fn epoch_end(&mut self, epoch: usize, logs: &Logs, model: &Model) -> Result<Flow>;

    /// After the last epoch.
    ///
    /// # Errors
    /// What the callback says.
    fn train_end(&mut self, _model: &Model) -> Result<()> {
        Ok(())
    }

    /// What the callback remembers from epoch to epoch, for a backup.
    fn state(&self) -> CallbackState {
        CallbackState::default()
    }

    /// Remembers what it did when a backup was written.
    ///
    /// # Errors
    /// When the state is another callback's.
    fn restore(&mut self, _state: CallbackState) -> Result<()> {
        Ok(())
    }
}

/// What a callback remembers from epoch to epoch.
#[derive(Clone, Debug, Default)]
pub struct CallbackState {
    /// Plain values.
    pub values: Value,
    /// Tensors by names.
    pub tensors: Vec<(String, Tensor)>,
}

impl CallbackState {
    /// A number and a count, which most callbacks have.
    fn of(best: Option<f64>, counts: &[usize]) -> CallbackState {
        let values = json!({"best": best.map(number), "counts": counts});
        CallbackState { values, tensors: Vec::new() }
    }

    /// The best number.
    fn best(&self) -> Option<f64> {
        number_of(&self.values["best"])
    }

    /// The counts.
    ///
    /// # Errors
    /// When there are not so many.
    fn counts<const N: usize>(&self) -> Result<[usize; N]> {
        let counts = self.values["counts"].as_array().into_iter().flatten();
        let counts: Vec<usize> = counts.filter_map(|count| usize::try_from(count.as_u64()?).ok()).collect();
        let wrong = |_| crate::Error::Model(format!("the state of a callback is {}", self.values));
        counts.try_into().map_err(wrong)
    }
}

impl<F: FnMut(usize, &Logs, &Model) -> Result<Flow> + Send> Callback for F {
    fn epoch_end(&mut self, epoch: usize, logs: &Logs, model: &Model) -> Result<Flow> {
        self(epoch, logs, model)
    }
}

/// Which of two numbers is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// The smaller one, as of losses.
    Lower,
    /// The greater one, as of accuracies.
    Higher,
}

impl Better {
    /// What is better of a number with this name: greater ones of accuracies and the like, else smaller ones.
    pub fn of(name: &str) -> Better {
        let greater = ["acc", "auc", "precision", "recall", "f1", "iou", "r2"];
        if greater.iter().any(|part| name.contains(part)) { Better::Higher } else { Better::Lower }
    }

    /// Whether `new` is better than `best` by more than `least`.
    pub(super) fn improves(self, new: f64, best: Option<f64>, least: f64) -> bool {
        match (self, best) {
            (_, None) => !new.is_nan(),
            (Better::Lower, Some(best)) => new < best - least,
            (Better::Higher, Some(best)) => new > best + least,
        }
    }
}

/// The number of this name in the logs of an epoch.
fn watched(logs: &Logs, name: &str) -> Result<f64> {
    logs.get(name).ok_or_else(|| {
        let names: Vec<&str> = logs.entries().iter().map(|(name, _)| name.as_str()).collect();
        crate::Error::Model(format!("there is no `{name}` among {}", names.join(", ")))
    })
}
