//! The compiled functions of a model: a step of training, one of evaluation, one of prediction.
//!
//! A step of training is one graph: it takes the examples out of the arrays, calls the model, differentiates the loss, applies the rule, and
//! adds to the accumulators of the loss and of the metrics. All of its state are variables, so nothing is copied.

use std::sync::Arc;

use tensorwright::module::Variables;
use tensorwright::prelude::*;

use super::history::Logs;
use super::plan::{Measured, Plan};
use crate::losses::Loss;
use crate::optimizers::BoundOptimizer;
use crate::{Argument, Context, Inputs, LayerRef, Signal};

/// What a step is given: inputs, targets, weights, and the rows of the batch; all rows if nothing is said.
type Batch = (Vec<Tensor>, Vec<Tensor>, Option<Tensor>, Option<Tensor>);

/// A model with what trains it, compiled.
pub(super) struct Steps {
    pub(super) parts: Arc<Parts>,
    train: Function<Batch, Tensor>,
    evaluate: Function<Batch, Tensor>,
}

/// What the compiled functions share.
pub(super) struct Parts {
    layer: LayerRef,
    pub(super) losses: Vec<(Loss, f64)>,
    pub(super) metrics: Vec<Measured>,
    pub(super) optimizer: BoundOptimizer,
    /// How many steps there were, by which keys are drawn.
    pub(super) steps: Variable,
    seed: Variable,
    /// The sum of losses times examples over the batches of an epoch, and the number of examples.
    total: Variables<(Tensor, Tensor)>,
}

fn nothing() -> (Tensor, Tensor) {
    (Tensor::from(0.0f64), Tensor::from(0.0f64))
}

impl Parts {
    pub(super) fn new(layer: LayerRef, plan: Plan) -> Result<Parts> {
        let Plan { optimizer, losses, metrics } = plan;
        let parameters = Module::parameters(&layer);
        let mut bound = optimizer.bind_to(parameters.clone())?;
        for weight in layer.weights() {
            let path = parameters.iter().find(|(_, variable)| *variable == weight.variable);
            if let (Some(constraint), Some((path, _))) = (weight.constraint, path) {
                bound.constrain(path, constraint)?;
            }
        }
        let (steps, seed) = (Variable::new(0i64)?.frozen(), Variable::new(0i64)?.frozen());
        let total = Variables::new(nothing())?;
        Ok(Parts { layer, losses, metrics, optimizer: bound, steps, seed, total })
    }

    /// The loss of a batch; metrics and totals get it too.
    fn loss(&self, batch: &Batch, context: &Context) -> Result<Tensor> {
        let (inputs, targets, weights, _) = batch;
        let examples = inputs.first().map_or(Ok(0), |x| x.extent(0))?;
        let predictions = call(&self.layer, inputs.clone(), context)?;
        if predictions.len() != targets.len() || targets.len() != self.losses.len() {
            let (outputs, targets, losses) = (predictions.len(), targets.len(), self.losses.len());
            return Err(Error::other(format!(
                "{outputs} outputs, {targets} targets and {losses} losses do not fit"
            )));
        }
        let parts =
            self.losses.iter().zip(targets).zip(&predictions).map(|(((loss, weight), target), found)| {
                let own = loss.call_weighted(target, &found.value, weights.as_ref(), found.mask.as_ref())?;
                Ok(if *weight == 1.0 { own } else { own * *weight })
            });
        let parts = parts.collect::<Result<Vec<Tensor>>>()?;
        let more = context.losses().into_iter().chain(self.layer.regularization()?);
        let loss = parts
            .into_iter()
            .chain(more)
            .reduce(|sum, part| &sum + part.cast(sum.dtype().unwrap_or(DType::F32)));
        let loss = loss.ok_or_else(|| Error::other("there is no loss"))?;
        for metric in &self.metrics {
            metric.update(&targets[0], &predictions[0], weights.as_ref())?;
        }
        let (sum, count) = self.total.value();
        let own = loss.stop_gradient().cast(DType::F64) * examples as f64;
        self.total.assign(&(sum + own, count + examples as f64))?;
        Ok(loss)
    }

    fn train(&self, batch: Batch) -> Result<Tensor> {
        let batch = taken(batch);
        let key = RandomKey::new(0).fold_in(self.seed.value()).fold_in(self.steps.value());
        self.steps.assign_add(1)?;
        self.optimizer.minimize(|| self.loss(&batch, &Context::training(key.clone())))
    }
}

fn call(layer: &LayerRef, inputs: Vec<Tensor>, context: &Context) -> Result<Vec<Signal>> {
    let inputs: Inputs = match <[Tensor; 1]>::try_from(inputs) {
        Ok([input]) => Argument::from(input).into(),
        Err(inputs) => Argument::from(inputs).into(),
    };
    Ok(layer.call(inputs, context)?.signals())
}

/// What a model gives for rows of its inputs, compiled.
pub(super) type Predict = Function<(Vec<Tensor>, Option<Tensor>), Vec<Tensor>>;

pub(super) fn predictor(layer: LayerRef) -> Predict {
    function(move |(inputs, rows): (Vec<Tensor>, Option<Tensor>)| {
        let (inputs, ..) = taken((inputs, Vec::new(), None, rows));
        let found = call(&layer, inputs, &Context::inference())?;
        Ok(found.into_iter().map(|signal| signal.value).collect::<Vec<Tensor>>())
    })
    .with_name("predict_step")
}

/// The batch with its rows taken out of the arrays.
fn taken((inputs, targets, weights, rows): Batch) -> Batch {
    let Some(rows) = rows else { return (inputs, targets, weights, None) };
    let take = |x: Tensor| x.take(&rows, 0);
    let (inputs, targets) = (inputs.into_iter().map(take).collect(), targets.into_iter().map(take).collect());
    (inputs, targets, weights.map(take), None)
}

impl Parts {
    /// What goes on with training beside the weights: the optimiser's state, and how many steps there were.
    pub(super) fn state(&self) -> Vec<(String, Variable)> {
        let mut state = Module::variables(&self.optimizer);
        state.push(("steps".to_owned(), self.steps.clone()));
        state
    }
}

impl Steps {
    pub(super) fn new(parts: Parts) -> Steps {
        let parts = Arc::new(parts);
        let train = {
            let parts = parts.clone();
            function(move |batch: Batch| parts.train(batch)).with_name("train_step")
        };
        let evaluate = {
            let parts = parts.clone();
            function(move |batch: Batch| parts.loss(&taken(batch), &Context::inference()))
                .with_name("evaluate_step")
        };
        Steps { parts, train, evaluate }
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
        self.parts.total.assign(&nothing())?;
        self.parts.metrics.iter().filter_map(Measured::get).try_for_each(|metric| metric.reset())
    }

    /// What was added up.
    pub(super) fn logs(&self) -> Result<Logs> {
        let mut logs = Logs::default();
        let (sum, count) = self.parts.total.value();
        logs.push("loss", (sum / count.maximum(1.0)).item::<f64>()?);
        for metric in self.parts.metrics.iter().filter_map(Measured::get) {
            let result = metric.result()?;
            if result.elements()? == 1 {
                logs.push(metric.name(), result.cast(DType::F64).reshape(()).item::<f64>()?);
            }
        }
        Ok(logs)
    }
}
