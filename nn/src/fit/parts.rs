//! What the compiled functions of a model share: the layer, losses, metrics, the optimiser, and what is added up over an epoch.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tensorwright::module::Variables;
use tensorwright::prelude::*;
use tensorwright::{TensorType, eagerly};

use super::Names;
use super::history::Logs;
use super::measured::Measured;
use super::plan::{OutputLoss, Plan, StepFunction};
use crate::LayerRef;
use crate::metrics::{self, Metric};
use crate::optimizers::BoundOptimizer;

/// What the compiled functions share.
pub(super) struct Parts {
    pub(super) layer: LayerRef,
    pub(super) names: Names,
    pub(super) losses: Vec<OutputLoss>,
    /// The numbers of the outputs that have losses, in order, and which loss is whose.
    pub(super) outputs: Vec<(usize, usize)>,
    pub(super) metrics: Vec<Measured>,
    pub(super) optimizer: BoundOptimizer,
    pub(super) train_step: Option<StepFunction>,
    pub(super) evaluate_step: Option<StepFunction>,
    /// How many steps there were, by which keys are drawn.
    pub(super) steps: Variable,
    pub(super) seed: Variable,
    pub(super) totals: Variables<Totals>,
    /// Means of what steps of one's own log.
    logged: Mutex<Vec<Metric>>,
}

/// What is added up over the batches of an epoch.
#[derive(Clone, Tree)]
pub(super) struct Totals {
    examples: Tensor,
    /// Losses of batches times their examples.
    loss: Tensor,
    /// The same for each output, where there are several.
    each: Vec<Tensor>,
}

impl Totals {
    fn nothing(outputs: usize) -> Totals {
        let zero = || Tensor::from(0.0f64);
        let each = if outputs > 1 { outputs } else { 0 };
        Totals { examples: zero(), loss: zero(), each: (0..each).map(|_| zero()).collect() }
    }
}

impl Parts {
    pub(super) fn new(layer: LayerRef, plan: Plan) -> crate::Result<Parts> {
        let names = Names::of(&layer);
        let mut outputs: Vec<(usize, usize)> = plan.numbered(&names)?.into_iter().zip(0..).collect();
        outputs.sort_unstable();
        plan.metrics
            .iter()
            .flat_map(|metric| &metric.output)
            .try_for_each(|output| names.output(output).map(drop))?;
        let Plan { optimizer, losses, metrics, train_step, evaluate_step } = plan;
        let optimizer = bound(&layer, optimizer)?;
        let (steps, seed) = (Variable::new(0i64)?.frozen(), Variable::new(0i64)?.frozen());
        let totals = Variables::new(Totals::nothing(losses.len()))?;
        let logged = Mutex::default();
        Ok(Parts {
            layer,
            names,
            losses,
            outputs,
            metrics,
            optimizer,
            train_step,
            evaluate_step,
            steps,
            seed,
            totals,
            logged,
        })
    }

    /// What goes on with training beside the weights: the optimiser's state, and how many steps there were.
    pub(super) fn state(&self) -> Vec<(String, Variable)> {
        let mut state = Module::variables(&self.optimizer);
        state.push(("steps".to_owned(), self.steps.clone()));
        state
    }

    /// What is added up over an epoch, as far as it was made.
    pub(super) fn sums(&self) -> Vec<(String, Variable)> {
        let within = |name: String, sums: Vec<(String, Variable)>| {
            sums.into_iter().map(move |(path, variable)| (format!("{name}.{path}"), variable))
        };
        let metrics = self.metrics.iter().enumerate();
        let metrics = metrics.flat_map(|(i, metric)| within(format!("metrics.{i}"), metric.sums()));
        let logged = self.logged();
        let logged =
            logged.iter().flat_map(|metric| within(format!("logged.{}", metric.name()), metric.variables()));
        within("totals".to_owned(), Module::variables(&self.totals)).chain(metrics).chain(logged).collect()
    }

    /// The names of what steps of one's own log.
    pub(super) fn logged_names(&self) -> Vec<String> {
        self.logged().iter().map(|metric| metric.name().to_owned()).collect()
    }

    /// Makes the mean of a name, if it is not there; its place.
    fn mean_of(logged: &mut Vec<Metric>, name: &str) -> Result<usize> {
        if let Some(at) = logged.iter().position(|metric| metric.name() == name) {
            return Ok(at);
        }
        let mean = Metric::from(metrics::Mean).named(name);
        eagerly(|| mean.build(&TensorType::new(DType::F32, Vec::new())))?;
        logged.push(mean);
        Ok(logged.len() - 1)
    }

    /// Has a mean of this name, as if it had been logged.
    pub(super) fn logs_too(&self, name: &str) -> Result<()> {
        Parts::mean_of(&mut self.logged(), name).map(drop)
    }

    /// Adds the loss of a batch to the totals.
    pub(super) fn add_loss(&self, loss: &Tensor, examples: usize) -> Result<()> {
        let Totals { examples: count, loss: sum, each } = self.totals.value();
        let own = loss.stop_gradient().cast(DType::F64) * examples as f64;
        self.totals.assign(&Totals { examples: count + examples as f64, loss: sum + own, each })
    }

    /// Adds the loss of each output, where there are several.
    pub(super) fn add_each(&self, losses: &[Tensor], examples: usize) -> Result<()> {
        let totals = self.totals.value();
        if totals.each.is_empty() {
            return Ok(());
        }
        let added =
            |(sum, loss): (Tensor, &Tensor)| sum + loss.stop_gradient().cast(DType::F64) * examples as f64;
        let each = totals.each.into_iter().zip(losses).map(added).collect();
        self.totals.assign(&Totals { each, ..self.totals.value() })
    }

    fn logged(&self) -> MutexGuard<'_, Vec<Metric>> {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a number to the mean of this name.
    pub(super) fn log(&self, name: &str, value: &Tensor) -> Result<()> {
        let mut logged = self.logged();
        let at = Parts::mean_of(&mut logged, name)?;
        logged[at].update_values(&value.stop_gradient().cast(DType::F32), None)
    }

    /// Forgets what was added up.
    pub(super) fn reset(&self) -> Result<()> {
        self.totals.assign(&Totals::nothing(self.losses.len()))?;
        self.logged().iter().try_for_each(Metric::reset)?;
        self.metrics.iter().filter_map(Measured::get).try_for_each(Metric::reset)
    }

    /// What was added up.
    pub(super) fn logs(&self) -> Result<Logs> {
        let mut logs = Logs::default();
        let Totals { examples, loss, each } = self.totals.value();
        let mean = |sum: Tensor| (sum / examples.maximum(1.0)).item::<f64>();
        logs.push("loss", mean(loss)?);
        for ((output, _), sum) in self.outputs.iter().zip(each) {
            logs.push(format!("{}_loss", self.names.of_output(*output)), mean(sum)?);
        }
        for measured in &self.metrics {
            if let Some(metric) = measured.get() {
                self.push(&mut logs, self.log_name(measured), metric)?;
            }
        }
        self.logged().iter().try_for_each(|metric| self.push(&mut logs, metric.name().to_owned(), metric))?;
        Ok(logs)
    }

    /// The name of a metric in histories: with that of its output, where there are several.
    fn log_name(&self, measured: &Measured) -> String {
        let output = measured.output.clone().unwrap_or_else(|| self.names.of_output(0));
        let are_several = self.losses.len() > 1 || self.names.outputs.len() > 1;
        if are_several { format!("{output}_{}", measured.name) } else { measured.name.clone() }
    }

    fn push(&self, logs: &mut Logs, name: String, metric: &Metric) -> Result<()> {
        let result = metric.result()?;
        if result.elements()? == 1 {
            logs.push(name, result.cast(DType::F64).reshape(()).item::<f64>()?);
        }
        Ok(())
    }
}

/// The optimiser of the layer's parameters, with their constraints.
fn bound(layer: &LayerRef, optimizer: crate::optimizers::Optimizer) -> Result<BoundOptimizer> {
    let parameters = Module::parameters(layer);
    let mut bound = optimizer.bind_to(parameters.clone())?;
    for weight in layer.weights() {
        let path = parameters.iter().find(|(_, variable)| *variable == weight.variable);
        if let (Some(constraint), Some((path, _))) = (weight.constraint, path) {
            bound.constrain(path, constraint)?;
        }
    }
    Ok(bound)
}
