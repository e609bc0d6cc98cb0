//! What a call of a layer is for.

use std::cell::{Cell, RefCell};

use tensorwright::{RandomKey, Result, Tensor, TensorType};

use super::{LayerRef, Outputs};

/// Whether a call is part of training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Layers do what they have learnt.
    #[default]
    Inference,
    /// Layers also do what is for training only: dropout, noise, statistics of the batch.
    Training,
}

/// A layer that was called, and the types of what it gave.
pub(crate) type Called = (LayerRef, Vec<TensorType>);

/// What one call of a model has in common: its mode, where its randomness comes from, and the losses that layers add.
#[derive(Default)]
pub struct Context {
    mode: Mode,
    key: Option<RandomKey>,
    draws: Cell<u64>,
    losses: RefCell<Vec<Tensor>>,
    /// Layers with what they gave, if somebody wants to know.
    records: Option<RefCell<Vec<Called>>>,
}

impl Context {
    /// A call that uses what was learnt.
    pub fn inference() -> Context {
        Context::default()
    }

    /// A call that is part of training, with the key that dropout and noise are drawn by.
    pub fn training(key: RandomKey) -> Context {
        Context { mode: Mode::Training, key: Some(key), ..Context::default() }
    }

    /// The same call with a key, for layers that are random outside training.
    #[must_use]
    pub fn with_key(self, key: RandomKey) -> Context {
        Context { key: Some(key), ..self }
    }

    /// A call that uses what was learnt, and notes which layers were called, and what they gave.
    pub(crate) fn recording() -> Context {
        Context { records: Some(RefCell::default()), ..Context::default() }
    }

    pub(crate) fn record(&self, layer: &LayerRef, outputs: &Outputs) -> Result<()> {
        if let Some(records) = &self.records {
            let types = outputs.clone().tensors().iter().map(|x| x.ty().cloned()).collect::<Result<_>>()?;
            records.borrow_mut().push((layer.clone(), types));
        }
        Ok(())
    }

    /// The layers that were called, innermost first, with the types of what they gave.
    pub(crate) fn records(self) -> Vec<Called> {
        self.records.map_or_else(Vec::new, RefCell::into_inner)
    }

    /// Whether the call is part of training.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// A key that no other draw of this call has.
    pub(crate) fn next_key(&self) -> Option<RandomKey> {
        let draw = self.draws.get();
        self.draws.set(draw + 1);
        self.key.as_ref().map(|key| key.fold_in(draw))
    }

    pub(crate) fn add_loss(&self, loss: Tensor) {
        self.losses.borrow_mut().push(loss);
    }

    /// What layers have added to the loss so far, in the order of their calls.
    pub fn losses(&self) -> Vec<Tensor> {
        self.losses.borrow().clone()
    }

    /// The sum of [`Context::losses`], if there are any.
    ///
    /// # Errors
    /// When one of them carries an error.
    pub fn loss(&self) -> Result<Option<Tensor>> {
        self.losses().into_iter().map(Tensor::ok).try_fold(None, |sum: Option<Tensor>, loss| {
            let loss = loss?;
            Ok(Some(sum.map_or_else(|| loss.clone(), |sum| sum + &loss)))
        })
    }
}
