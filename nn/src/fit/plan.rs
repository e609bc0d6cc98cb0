//! What a model is trained with.

use std::sync::Arc;

use serde_json::{Value, json};
use tensorwright::{Result as TensorResult, Tensor};

use super::Names;
use super::measured::Measured;
use super::stepping::Step;
use crate::config::ConfigError;
use crate::error::{Error, Result};
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::optimizers::Optimizer;

/// A step of one's own: gives the loss, a scalar.
pub(super) type StepFunction = Arc<dyn Fn(&Step<'_>) -> TensorResult<Tensor> + Send + Sync>;

/// What a model is trained with: an optimiser, losses and metrics of its outputs, and, where the usual step does not do, a step of one's own.
///
/// ```
/// use tensorwright::prelude::*;
/// use tensorwright::nn::losses::MeanSquaredError;
/// use tensorwright::nn::optimizers::Adam;
/// use tensorwright::nn::{Fit, Functional, Input, Model, OnSymbols, Plan, layers::*};
///
/// let x = Input::new([4]);
/// let (sum, last) = (Dense::new(1).layer().with_name("sum")?.on(&x), Dense::new(1).layer().with_name("last")?.on(&x));
/// let model = Model::new(Functional::new([&x], [&sum, &last])?);
/// let plan = Plan::without_loss(Adam::default()).loss_of("last", MeanSquaredError, 0.5).loss_of("sum", MeanSquaredError, 1.0);
/// model.compile_with(plan.metric_of("sum", "mae"));
///
/// let x = RandomKey::new(1).normal((32, 4), 0.0f32, 1.0);
/// let targets = vec![x.sum(-1).expand_dims(-1), x.i((.., 3..))];
/// let history = model.fit((vec![x], targets), Fit::new())?;
/// assert_eq!(history.names(), ["loss", "sum_loss", "last_loss", "sum_mae"]);
/// # Ok::<(), tensorwright::nn::Error>(())
/// ```
pub struct Plan {
    pub(super) optimizer: Optimizer,
    pub(super) losses: Vec<OutputLoss>,
    pub(super) metrics: Vec<Measured>,
    pub(super) train_step: Option<StepFunction>,
    pub(super) evaluate_step: Option<StepFunction>,
}

/// A loss with its weight, and the output that it is of: one with a name, else the next.
pub(super) struct OutputLoss {
    pub(super) output: Option<String>,
    pub(super) loss: Loss,
    pub(super) weight: f64,
}

impl Plan {
    /// A model whose first output has this loss.
    pub fn new(optimizer: impl Into<Optimizer>, loss: impl Into<Loss>) -> Plan {
        Plan::without_loss(optimizer).and_loss(loss, 1.0)
    }

    /// A model of which no output has a loss yet. That is enough where its layers add losses, or where a step of one's own says what the loss is.
    pub fn without_loss(optimizer: impl Into<Optimizer>) -> Plan {
        Plan {
            optimizer: optimizer.into(),
            losses: Vec::new(),
            metrics: Vec::new(),
            train_step: None,
            evaluate_step: None,
        }
    }

    /// The loss of the next output, times a weight.
    #[must_use]
    pub fn and_loss(mut self, loss: impl Into<Loss>, weight: f64) -> Plan {
        self.losses.push(OutputLoss { output: None, loss: loss.into(), weight });
        self
    }

    /// The loss of an output, times a weight. The name of an output is that of the layer in a [`Functional`](crate::Functional) that gives it; elsewhere it is its number, from `0`.
    ///
    /// Targets are given for the outputs that have a loss, in the order of outputs.
    #[must_use]
    pub fn loss_of(mut self, output: &str, loss: impl Into<Loss>, weight: f64) -> Plan {
        self.losses.push(OutputLoss { output: Some(output.to_owned()), loss: loss.into(), weight });
        self
    }

    /// One more metric of the first output, in which all examples count alike.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Metric>) -> Plan {
        self.metrics.push(Measured::known(metric.into()));
        self
    }

    /// One more metric of the first output, in which examples count by their weights.
    #[must_use]
    pub fn weighted_metric(mut self, metric: impl Into<Metric>) -> Plan {
        self.metrics.push(Measured::known(metric.into()).weighted());
        self
    }

    /// A metric of the first output by its name; `accuracy` and `crossentropy` are those that fit targets and predictions.
    #[must_use]
    pub fn metric_named(mut self, name: &str) -> Plan {
        self.metrics.push(Measured::named(name));
        self
    }

    /// A metric of an output, by its name, as of [`Plan::metric_named`].
    #[must_use]
    pub fn metric_of(mut self, output: &str, name: &str) -> Plan {
        self.metrics.push(Measured::named(name).of_output(output));
        self
    }

    /// A step of training of one's own in the place of the usual one, see [`Step`]. It is traced and compiled as that is; files do not keep it.
    #[must_use]
    pub fn train_step(
        self,
        step: impl Fn(&Step<'_>) -> TensorResult<Tensor> + Send + Sync + 'static,
    ) -> Plan {
        Plan { train_step: Some(Arc::new(step)), ..self }
    }

    /// A step of evaluation of one's own in the place of the usual one.
    #[must_use]
    pub fn evaluate_step(
        self,
        step: impl Fn(&Step<'_>) -> TensorResult<Tensor> + Send + Sync + 'static,
    ) -> Plan {
        Plan { evaluate_step: Some(Arc::new(step)), ..self }
    }

    /// The losses with the numbers of their outputs, in order.
    ///
    /// # Errors
    /// When there is no output of a name, or an output has two losses.
    pub(super) fn numbered(&self, names: &Names) -> Result<Vec<usize>> {
        let mut next = 0..;
        let number = |loss: &OutputLoss| match &loss.output {
            None => Ok(next.next().unwrap_or_default()),
            Some(name) => names.output(name),
        };
        let numbers = self.losses.iter().map(number).collect::<Result<Vec<usize>>>()?;
        let twice = |(i, number): &(usize, &usize)| numbers[..*i].contains(number);
        match numbers.iter().enumerate().find(twice) {
            Some((_, number)) => Err(Error::Model(format!("output {number} has two losses"))),
            None => Ok(numbers),
        }
    }
}

/// The row of a plan's parts, nothing if one of them is a closure.
pub(super) fn written(optimizer: &Optimizer, losses: &[OutputLoss], metrics: &[Measured]) -> Value {
    let rows = || -> Option<Value> {
        let losses = losses.iter().map(|OutputLoss { output, loss, weight }| {
            Some(json!({"output": output, "loss": loss.to_config().ok()?, "weight": weight}))
        });
        let metrics = metrics.iter().map(Measured::written);
        Some(json!({
            "optimizer": serde_json::to_value(optimizer).ok()?,
            "losses": losses.collect::<Option<Vec<Value>>>()?,
            "metrics": metrics.collect::<Option<Vec<Value>>>()?,
        }))
    };
    rows().unwrap_or(Value::Null)
}

impl Plan {
    /// The plan of a row.
    pub(super) fn read(row: &Value) -> Result<Plan> {
        let wrong = |error: ConfigError| Error::Model(error.to_string());
        let list = |field: &str| row[field].as_array().cloned().unwrap_or_default();
        let losses = list("losses").into_iter().map(|row| {
            Ok(OutputLoss {
                output: row["output"].as_str().map(str::to_owned),
                loss: Loss::try_from(&row["loss"]).map_err(wrong)?,
                weight: row["weight"].as_f64().unwrap_or(1.0),
            })
        });
        let metrics = list("metrics").into_iter().map(|row| Measured::read(&row).map_err(wrong));
        Ok(Plan {
            losses: losses.collect::<Result<_>>()?,
            metrics: metrics.collect::<Result<_>>()?,
            ..Plan::without_loss(Optimizer::try_from(&row["optimizer"]).map_err(wrong)?)
        })
    }
}
