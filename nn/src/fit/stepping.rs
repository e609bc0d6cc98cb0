//! What a step does, for those who write one of their own.

use std::cell::Cell;

use tensorwright::{Error, RandomKey, Result, Tensor};

use super::batch::Batch;
use super::parts::Parts;
use crate::optimizers::BoundOptimizer;
use crate::{Argument, Context, Inputs, LayerRef, Mode, Signal};

/// A step on its way: a batch, the model, and what it is trained with.
///
/// The usual step of training is this one, and one of one's own is like it:
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::layers::Dense;
/// use tensorwright::nn::losses::MeanSquaredError;
/// use tensorwright::nn::optimizers::Sgd;
/// use tensorwright::nn::{Fit, Model, Plan};
///
/// let model = Model::new(Dense::new(1));
/// model.compile_with(Plan::new(Sgd::default(), MeanSquaredError).metric_named("mae").train_step(|step| {
///     step.minimize(|| {
///         let outputs = step.outputs()?;
///         step.measure(&outputs)?;
///         step.log("mean_output", &outputs.tensor()?.mean(..))?;
///         step.loss(&outputs)
///     })
/// }));
/// let (x, y) = (Tensor::ones((8, 3), DType::F32), Tensor::ones((8, 1), DType::F32));
/// let history = model.fit((&x, &y), Fit::new().epochs(2))?;
/// assert_eq!(history.names(), ["loss", "mae", "mean_output"]);
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
pub struct Step<'s> {
    parts: &'s Parts,
    batch: &'s Batch,
    mode: Mode,
    key: Option<RandomKey>,
    /// How often the model was called.
    calls: Cell<i64>,
}

/// What a model gave in a step, and what its layers add to the loss.
pub struct StepOutputs {
    signals: Vec<Signal>,
    losses: Vec<Tensor>,
}

impl StepOutputs {
    /// The tensors with their masks.
    pub fn signals(&self) -> &[Signal] {
        &self.signals
    }

    /// The only tensor.
    ///
    /// # Errors
    /// When there are several.
    pub fn tensor(&self) -> Result<Tensor> {
        match &self.signals[..] {
            [signal] => Ok(signal.value.clone()),
            all => Err(Error::other(format!("the model gives {} tensors where one is wanted", all.len()))),
        }
    }
}

impl<'s> Step<'s> {
    /// A step of training, whose randomness is of this key.
    pub(super) fn training(parts: &'s Parts, batch: &'s Batch, key: RandomKey) -> Step<'s> {
        Step { parts, batch, mode: Mode::Training, key: Some(key), calls: Cell::default() }
    }

    /// A step of evaluation.
    pub(super) fn inference(parts: &'s Parts, batch: &'s Batch) -> Step<'s> {
        Step { parts, batch, mode: Mode::Inference, key: None, calls: Cell::default() }
    }

    /// Whether it is one of training.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The inputs of the batch.
    pub fn inputs(&self) -> &[Tensor] {
        &self.batch.inputs
    }

    /// The targets of the batch.
    pub fn targets(&self) -> &[Tensor] {
        &self.batch.targets
    }

    /// The weights of the examples: none, one tensor for all targets, or one for each.
    pub fn weights(&self) -> &[Tensor] {
        &self.batch.weights
    }

    /// The layer of the model.
    pub fn layer(&self) -> &LayerRef {
        &self.parts.layer
    }

    /// The optimiser of the model's parameters.
    pub fn optimizer(&self) -> &BoundOptimizer {
        &self.parts.optimizer
    }

    /// A key for draws of this step, which no layer has.
    ///
    /// # Errors
    /// In a step of evaluation, which is not random.
    pub fn key(&self) -> Result<RandomKey> {
        let key = self.key.as_ref().ok_or_else(|| Error::other("a step of evaluation has no key"))?;
        Ok(key.fold_in(-1i64))
    }

    /// What the model gives for the inputs of the batch.
    ///
    /// # Errors
    /// When the layer fails.
    pub fn outputs(&self) -> Result<StepOutputs> {
        self.call(self.batch.inputs.clone())
    }

    /// What the model gives for other inputs. Each call has dropout and noise of its own.
    ///
    /// # Errors
    /// When the layer fails.
    pub fn call(&self, inputs: Vec<Tensor>) -> Result<StepOutputs> {
        let call = self.calls.replace(self.calls.get() + 1);
        let context = match &self.key {
            None => Context::inference(),
            Some(key) if call == 0 => Context::training(key.clone()),
            Some(key) => Context::training(key.fold_in(-1 - call)),
        };
        let signals = called(&self.parts.layer, inputs, &context)?;
        Ok(StepOutputs { signals, losses: context.losses() })
    }

    /// The loss of outputs: the weighted sum of the losses of all outputs, of what layers add, and of what regularisers say.
    ///
    /// # Errors
    /// When outputs and targets do not fit the losses, or there is no loss at all.
    pub fn loss(&self, outputs: &StepOutputs) -> Result<Tensor> {
        let (parts, examples) = (self.parts, self.examples()?);
        let own = self.losses(&outputs.signals)?;
        parts.add_each(&own, examples)?;
        let weighted = parts.outputs.iter().zip(own).map(|((_, loss), own)| {
            let weight = parts.losses[*loss].weight;
            if weight == 1.0 { own } else { own * weight }
        });
        let more = outputs.losses.iter().cloned().chain(parts.layer.regularization()?);
        let add =
            |sum: Tensor, part: Tensor| &sum + part.cast(sum.dtype().unwrap_or(tensorwright::DType::F32));
        let loss = weighted.chain(more).reduce(add).ok_or_else(|| Error::other("there is no loss"))?;
        loss.ok()
    }

    /// The losses of outputs that have one, in order.
    fn losses(&self, outputs: &[Signal]) -> Result<Vec<Tensor>> {
        let (parts, targets) = (self.parts, &self.batch.targets);
        if targets.len() != parts.outputs.len()
            || parts.outputs.iter().any(|(output, _)| *output >= outputs.len())
        {
            let (outputs, targets, losses) = (outputs.len(), targets.len(), parts.losses.len());
            return Err(Error::other(format!(
                "{outputs} outputs, {targets} targets and {losses} losses do not fit"
            )));
        }
        let one = |(i, ((output, loss), target)): (usize, (&(usize, usize), &Tensor))| {
            let found = &outputs[*output];
            parts.losses[*loss].loss.call_weighted(
                target,
                &found.value,
                self.weights_of(i),
                found.mask.as_ref(),
            )
        };
        parts.outputs.iter().zip(targets).enumerate().map(one).collect()
    }

    /// The weights of the examples for a target.
    fn weights_of(&self, target: usize) -> Option<&Tensor> {
        let weights = &self.batch.weights;
        if weights.len() == 1 { weights.first() } else { weights.get(target) }
    }

    /// Adds outputs to the metrics.
    ///
    /// # Errors
    /// When a metric does not take them.
    pub fn measure(&self, outputs: &StepOutputs) -> Result<()> {
        for metric in &self.parts.metrics {
            let output = metric.output.as_ref().map_or(Ok(0), |name| self.parts.names.output(name))?;
            let target = self.parts.outputs.iter().position(|(own, _)| *own == output).unwrap_or(output);
            let (Some(found), Some(truth)) = (outputs.signals.get(output), self.batch.targets.get(target))
            else {
                return Err(Error::other(format!("metric `{}` has no output or no target", metric.name)));
            };
            metric.update(truth, found, self.weights_of(target))?;
        }
        Ok(())
    }

    /// Computes a loss and its gradients, and improves the parameters of the model; those on which the loss does not depend stay as they are. Gives the loss before
    /// the step.
    ///
    /// # Errors
    /// When the loss is no float scalar, depends on no parameter, or carries an error.
    pub fn minimize(&self, loss: impl Fn() -> Result<Tensor>) -> Result<Tensor> {
        self.parts.optimizer.minimize(loss)
    }

    /// Adds a number to the logs of the epoch, which have the mean over its steps.
    ///
    /// # Errors
    /// When it carries an error, or is no scalar.
    pub fn log(&self, name: &str, value: &Tensor) -> Result<()> {
        match value.rank()? {
            0 => self.parts.log(name, value),
            rank => Err(Error::other(format!("`{name}` is no number, but has {rank} axes"))),
        }
    }

    pub(super) fn examples(&self) -> Result<usize> {
        self.batch.inputs.first().map_or(Ok(0), |x| x.extent(0))
    }

    /// The usual step: calls the model, measures its outputs, and in training improves its parameters. Gives the loss.
    ///
    /// # Errors
    /// As [`Step::loss`].
    pub fn usual(&self) -> Result<Tensor> {
        let loss = || {
            let outputs = self.outputs()?;
            self.measure(&outputs)?;
            self.loss(&outputs)
        };
        match self.mode {
            Mode::Training => self.minimize(loss),
            Mode::Inference => loss(),
        }
    }
}

/// What a layer makes of the inputs of a batch.
pub(super) fn called(layer: &LayerRef, inputs: Vec<Tensor>, context: &Context) -> Result<Vec<Signal>> {
    let inputs: Inputs = match <[Tensor; 1]>::try_from(inputs) {
        Ok([input]) => Argument::from(input).into(),
        Err(inputs) => Argument::from(inputs).into(),
    };
    Ok(layer.call(inputs, context)?.signals())
}
