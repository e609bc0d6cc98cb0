//! The compiled functions of a model: a step of training, one of evaluation, one of prediction.
//!
//! A step of training is one graph: it takes the examples out of the arrays, calls the model, differentiates the loss, applies the rule, and
//! adds to the accumulators of the loss and of the metrics. All of its state are variables, so nothing is copied.

use std::sync::{Arc, Mutex, PoisonError};

use tensorwright::TensorType;
use tensorwright::prelude::*;

use super::batch::Batch;
use super::history::Logs;
use super::parts::Parts;
use super::plan::StepFunction;
use super::stepping::{Step, called};
use crate::{Context, LayerRef};

/// A model with what trains it, compiled.
pub(super) struct Steps {
    pub(super) parts: Arc<Parts>,
    train: Function<Batch, Tensor>,
    evaluate: Function<Batch, Tensor>,
    /// The types of the inputs of a batch, as steps of training saw them last.
    batch: Arc<Mutex<Vec<TensorType>>>,
}

/// What a step says of its loss, which totals get too.
fn run(step: &Step<'_>, parts: &Parts, own: &Option<StepFunction>) -> Result<Tensor> {
    let loss = own.as_ref().map_or_else(|| step.usual(), |own| own(step))?;
    parts.add_loss(&loss, step.examples()?)?;
    Ok(loss)
}

fn train(parts: &Parts, seen: &Mutex<Vec<TensorType>>, batch: Batch) -> Result<Tensor> {
    let batch = batch.taken();
    let types = batch.inputs.iter().map(|x| x.ty().cloned()).collect::<Result<_>>()?;
    *seen.lock().unwrap_or_else(PoisonError::into_inner) = types;
    let key = RandomKey::new(0).fold_in(parts.seed.value()).fold_in(parts.steps.value());
    parts.steps.assign_add(1)?;
    run(&Step::training(parts, &batch, key), parts, &parts.train_step)
}

fn evaluate(parts: &Parts, batch: Batch) -> Result<Tensor> {
    let batch = batch.taken();
    run(&Step::inference(parts, &batch), parts, &parts.evaluate_step)
}

/// What a model gives for rows of its inputs, compiled.
pub(super) type Predict = Function<(Vec<Tensor>, Option<Tensor>), Vec<Tensor>>;

pub(super) fn predictor(layer: LayerRef) -> Predict {
    function(move |(inputs, rows): (Vec<Tensor>, Option<Tensor>)| {
        let batch = Batch { inputs, rows, ..Batch::default() }.taken();
        let found = called(&layer, batch.inputs, &Context::inference())?;
        Ok(found.into_iter().map(|signal| signal.value).collect::<Vec<Tensor>>())
    })
    .with_name("predict_step")
}

impl Steps {
    pub(super) fn new(parts: Parts) -> Steps {
        let parts = Arc::new(parts);
        let batch = Arc::default();
        let train = {
            let (parts, batch) = (Arc::clone(&parts), Arc::clone(&batch));
            function(move |own: Batch| train(&parts, &batch, own)).with_name("train_step")
        };
        let evaluate = {
            let parts = Arc::clone(&parts);
            function(move |own: Batch| evaluate(&parts, own)).with_name("evaluate_step")
        };
        Steps { train, evaluate, parts, batch }
    }

    /// The types of the inputs of the batch that was traced last.
    pub(super) fn batch_types(&self) -> Vec<TensorType> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes types of inputs for those of the batch that was traced last.
    pub(super) fn set_batch_types(&self, types: Vec<TensorType>) {
        *self.batch.lock().unwrap_or_else(PoisonError::into_inner) = types;
    }

    /// One step of training. Gives the loss before it.
    pub(super) fn train(&self, batch: &Batch) -> Result<Tensor> {
        self.train.call(batch)
    }

    pub(super) fn evaluate(&self, batch: &Batch) -> Result<Tensor> {
        self.evaluate.call(batch)
    }

    /// Lets dropout and noise be drawn by another seed.
    pub(super) fn reseed(&self, seed: u64) -> Result<()> {
        self.parts.seed.assign(seed as i64)
    }

    /// Forgets what was added up.
    pub(super) fn reset(&self) -> Result<()> {
        self.parts.reset()
    }

    /// What was added up.
    pub(super) fn logs(&self) -> Result<Logs> {
        self.parts.logs()
    }
}
