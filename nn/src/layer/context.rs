//! What a call of a layer is for.

use std::cell::{Cell, RefCell};

use tensorwright::{DType, RandomKey, Result, Tensor, TensorType};

use super::{LayerRef, Outputs, Weights};

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
    decoding: Option<Decoding>,
    /// What weights are for the time being, by the address of their layer's weights and their names.
    replaced: RefCell<Vec<(usize, String, Tensor)>>,
}

/// Where in a sequence a call is that sees a part of it alone: what lies before is remembered.
#[derive(Clone)]
pub struct Decoding {
    /// The place of the first step of the call, `i32[]`.
    pub position: Tensor,
    /// How many steps the whole sequence may have.
    pub capacity: usize,
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

    /// The same call, for the steps from `position` on of a sequence of at most `capacity` steps: attention under a causal mask
    /// remembers keys and values of the steps before, and positional encodings go on from there.
    ///
    /// Calls are made in order, each with a `position` that is how many steps there were; a new sequence begins with position 0. Their
    /// results together are those of one call with the whole sequence.
    ///
    /// ```
    /// use tensorwright::prelude::*;
    /// use tensorwright::nn::{Context, Inputs, layers::MultiHeadAttention};
    ///
    /// let attention = MultiHeadAttention::new(2, 4).layer();
    /// let looking = |x: &Tensor| Inputs::from(x).with("value", x).with("use_causal_mask", true);
    /// let x = RandomKey::new(7).normal((1, 3, 8), 0.0f32, 1.0);
    /// let whole = attention.infer(looking(&x))?;
    /// for step in 0..3 {
    ///     let context = Context::inference().decoding(step as i32, 3);
    ///     let one = attention.call(looking(&x.i((.., step..step + 1))), &context)?.tensor()?;
    ///     assert!(one.allclose(&whole.i((.., step..step + 1)), 1e-5, 1e-5).item::<bool>()?);
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use]
    pub fn decoding(self, position: impl Into<Tensor>, capacity: usize) -> Context {
        let position = position.into().cast(DType::I32);
        Context { decoding: Some(Decoding { position, capacity }), ..self }
    }

    pub(crate) fn decodes(&self) -> Option<&Decoding> {
        self.decoding.as_ref()
    }

    /// What a weight is for the time being, if it is not its variable.
    pub(super) fn replacement(&self, weights: &Weights, name: &str) -> Option<Tensor> {
        let address = std::ptr::from_ref(weights).addr();
        let replaced = self.replaced.borrow();
        replaced
            .iter()
            .rev()
            .find(|(of, own, _)| *of == address && own == name)
            .map(|(.., value)| value.clone())
    }

    /// Does work for which a weight is something else than its variable.
    pub(super) fn replacing<R>(
        &self,
        weights: &Weights,
        name: &str,
        value: Tensor,
        work: impl FnOnce() -> R,
    ) -> R {
        let address = std::ptr::from_ref(weights).addr();
        self.replaced.borrow_mut().push((address, name.to_owned(), value));
        let result = work();
        self.replaced.borrow_mut().pop();
        result
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

    /// How many keys were drawn so far.
    pub(crate) fn draws(&self) -> u64 {
        self.draws.get()
    }

    /// Draws the same keys again, from there on.
    pub(crate) fn draw_again(&self, draws: u64) {
        self.draws.set(draws);
    }

    pub(crate) fn add_loss(&self, loss: Tensor) {
        self.losses.borrow_mut().push(loss);
    }

    /// How many losses there are so far.
    pub(super) fn count_losses(&self) -> usize {
        self.losses.borrow().len()
    }

    /// Adds losses before those that were added since there were so many.
    pub(super) fn add_losses_at(&self, at: usize, losses: Vec<Tensor>) {
        self.losses.borrow_mut().splice(at..at, losses);
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
