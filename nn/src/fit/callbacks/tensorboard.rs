//! TensorBoard: curves of training in event files, written while it goes on.

use std::path::{Path, PathBuf};

use tensorwright::{DType, Tensor};

use super::{Callback, CallbackState, Flow};
use crate::error::{Error, Result};
use crate::tensorboard::{EventError, EventWriter};
use crate::{Logs, Model};

/// Writes event files for TensorBoard: what Keras's callback of this name writes, under the same tags.
///
/// In the folder `train` are `epoch_loss` and the like after each epoch, the learning rate, and, if asked for, `batch_loss` after steps and how weights are distributed; in the folder
/// `validation` the numbers of validation.
pub struct TensorBoard {
    folder: PathBuf,
    histograms: Option<usize>,
    batches: Option<usize>,
    train: Option<EventWriter>,
    validation: Option<EventWriter>,
    /// Steps so far.
    steps: usize,
}

fn failed(error: EventError) -> Error {
    Error::Model(error.to_string())
}

impl TensorBoard {
    /// To this folder.
    pub fn new(folder: impl AsRef<Path>) -> TensorBoard {
        TensorBoard {
            folder: folder.as_ref().to_owned(),
            histograms: None,
            batches: None,
            train: None,
            validation: None,
            steps: 0,
        }
    }

    /// Writes how each weight is distributed, after every so many epochs.
    #[must_use]
    pub fn histograms(self, epochs: usize) -> TensorBoard {
        TensorBoard { histograms: Some(epochs.max(1)), ..self }
    }

    /// Writes the loss after every so many steps.
    #[must_use]
    pub fn batches(self, steps: usize) -> TensorBoard {
        TensorBoard { batches: Some(steps.max(1)), ..self }
    }

    /// The file of training.
    fn train(&mut self) -> Result<&mut EventWriter> {
        writer(&mut self.train, &self.folder.join("train"))
    }

    fn weights(&mut self, epoch: usize, model: &Model) -> Result<()> {
        for (path, variable) in model.layer().variables() {
            if variable.ty().elements() > 0 && !variable.ty().dtype.is_complex() {
                let tag = format!("{}/histogram", path.replace('.', "/"));
                self.train()?.histogram(&tag, epoch as i64, &variable.value()).map_err(failed)?;
            }
        }
        Ok(())
    }
}

/// The writer, made if it is not there.
fn writer<'w>(place: &'w mut Option<EventWriter>, folder: &Path) -> Result<&'w mut EventWriter> {
    match place {
        Some(writer) => Ok(writer),
        None => Ok(place.insert(EventWriter::create(folder).map_err(failed)?)),
    }
}

impl Callback for TensorBoard {
    fn batch_end(&mut self, _batch: usize, loss: &Tensor, _model: &Model) -> Result<Flow> {
        self.steps += 1;
        if self.batches.is_some_and(|batches| self.steps.is_multiple_of(batches)) {
            let (step, loss) = (self.steps as i64, loss.cast(DType::F32).item::<f32>()?);
            self.train()?.scalar("batch_loss", step, loss).map_err(failed)?;
        }
        Ok(Flow::Continue)
    }

    fn epoch_end(&mut self, epoch: usize, logs: &Logs, model: &Model) -> Result<Flow> {
        let folder = self.folder.join("validation");
        for (name, value) in logs.entries() {
            let (writer, name) = match name.strip_prefix("val_") {
                Some(name) => (writer(&mut self.validation, &folder)?, name),
                None => (self.train()?, name.as_str()),
            };
            writer.scalar(&format!("epoch_{name}"), epoch as i64, *value as f32).map_err(failed)?;
        }
        let rate = model.learning_rate()? as f32;
        self.train()?.scalar("epoch_learning_rate", epoch as i64, rate).map_err(failed)?;
        if self.histograms.is_some_and(|epochs| epoch.is_multiple_of(epochs)) {
            self.weights(epoch, model)?;
        }
        self.train
            .iter_mut()
            .chain(&mut self.validation)
            .try_for_each(|writer| writer.flush().map_err(failed))?;
        Ok(Flow::Continue)
    }

    fn state(&self) -> CallbackState {
        CallbackState::of(None, &[self.steps])
    }

    fn restore(&mut self, state: CallbackState) -> Result<()> {
        [self.steps] = state.counts()?;
        Ok(())
    }
}
