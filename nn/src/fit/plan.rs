//! What a model is trained with.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tensorwright::{Result, Tensor, eagerly};

use crate::Signal;
use crate::config::ConfigError;
use crate::losses::Loss;
use crate::metrics::{Metric, MetricKind};
use crate::optimizers::Optimizer;

/// What a model is trained with: an optimiser, a loss for each output, and metrics of the first.
pub struct Plan {
    pub(super) optimizer: Optimizer,
    pub(super) losses: Vec<(Loss, f64)>,
    pub(super) metrics: Vec<Measured>,
}

impl Plan {
    /// A model with one output and no metrics.
    pub fn new(optimizer: impl Into<Optimizer>, loss: impl Into<Loss>) -> Plan {
        Plan { optimizer: optimizer.into(), losses: vec![(loss.into(), 1.0)], metrics: Vec::new() }
    }

    /// The loss of the next output, times a weight.
    #[must_use]
    pub fn and_loss(mut self, loss: impl Into<Loss>, weight: f64) -> Plan {
        self.losses.push((loss.into(), weight));
        self
    }

    /// One more metric.
    #[must_use]
    pub fn metric(mut self, metric: impl Into<Metric>) -> Plan {
        self.metrics.push(Measured::known(metric.into()));
        self
    }

    /// A metric by its name; `accuracy` and `crossentropy` are those that fit targets and predictions.
    #[must_use]
    pub fn metric_named(mut self, name: &str) -> Plan {
        self.metrics.push(Measured { name: name.to_owned(), metric: OnceLock::new() });
        self
    }
}

/// The row of a plan's parts, nothing if one of them is a closure.
pub(super) fn written(optimizer: &Optimizer, losses: &[(Loss, f64)], metrics: &[Measured]) -> Value {
    let rows = || -> Option<Value> {
        let losses = losses
            .iter()
            .map(|(loss, weight)| Some(json!({"loss": loss.to_config().ok()?, "weight": weight})));
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
    pub(super) fn read(row: &Value) -> crate::Result<Plan> {
        let wrong = |error: ConfigError| crate::Error::Model(error.to_string());
        let list = |field: &str| row[field].as_array().cloned().unwrap_or_default();
        let losses = list("losses").into_iter().map(|row| {
            Ok((Loss::try_from(&row["loss"]).map_err(wrong)?, row["weight"].as_f64().unwrap_or(1.0)))
        });
        let metrics = list("metrics").into_iter().map(|row| Measured::read(&row).map_err(wrong));
        Ok(Plan {
            optimizer: Optimizer::try_from(&row["optimizer"]).map_err(wrong)?,
            losses: losses.collect::<crate::Result<_>>()?,
            metrics: metrics.collect::<crate::Result<_>>()?,
        })
    }
}

/// A metric, perhaps one that the first batch decides.
pub(super) struct Measured {
    pub(super) name: String,
    metric: OnceLock<Metric>,
}

impl Measured {
    fn written(&self) -> Option<Value> {
        let row = match self.metric.get() {
            Some(metric) => metric.to_config().ok()?,
            None => Value::from(self.name.as_str()),
        };
        Some(json!({"name": self.name, "metric": row}))
    }

    fn read(row: &Value) -> Result<Measured, ConfigError> {
        let (name, row) = (row["name"].as_str().unwrap_or_default(), &row["metric"]);
        match row.is_string() {
            true => Ok(Measured { name: name.to_owned(), metric: OnceLock::new() }),
            false => Ok(Measured::known(Metric::try_from(row)?.named(name))),
        }
    }

    fn known(metric: Metric) -> Measured {
        Measured { name: metric.name().to_owned(), metric: OnceLock::from(metric) }
    }

    /// The metric, once a batch was seen.
    pub(super) fn get(&self) -> Option<&Metric> {
        self.metric.get()
    }

    /// Adds a batch, within the compiled step.
    pub(super) fn update(&self, target: &Tensor, found: &Signal, weights: Option<&Tensor>) -> Result<()> {
        let (truth, prediction) = (target.ty()?, found.value.ty()?);
        if self.metric.get().is_none() {
            let kind = MetricKind::resolved(&Value::from(self.name.as_str()), truth, prediction);
            let made = Metric::from(kind.map_err(tensorwright::Error::other)?).named(&self.name);
            let _ = self.metric.set(made);
        }
        let Some(metric) = self.metric.get() else { return Ok(()) };
        eagerly(|| metric.build(prediction))?;
        let prediction = found.value.stop_gradient();
        metric.update_masked(target, &prediction, weights, found.mask.as_ref())
    }
}
