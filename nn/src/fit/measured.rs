//! Metrics of a model in training.

use std::sync::OnceLock;

use serde_json::{Value, json};
use tensorwright::{Module, Result, Tensor, TensorType, Variable, eagerly};

use super::model::{read_type, written_type};
use crate::Signal;
use crate::config::ConfigError;
use crate::metrics::{Metric, MetricKind};

/// A metric of an output, perhaps one that the first batch decides.
pub(super) struct Measured {
    pub(super) name: String,
    /// The output, by name; the first if there is none.
    pub(super) output: Option<String>,
    /// Whether examples count by their weights.
    is_weighted: bool,
    metric: OnceLock<Metric>,
    /// The type of the predictions that its sums were made for.
    prediction: OnceLock<TensorType>,
}

impl Measured {
    pub(super) fn known(metric: Metric) -> Measured {
        let name = metric.name().to_owned();
        Measured { metric: OnceLock::from(metric), ..Measured::named(&name) }
    }

    pub(super) fn named(name: &str) -> Measured {
        let (metric, prediction) = (OnceLock::new(), OnceLock::new());
        Measured { name: name.to_owned(), output: None, is_weighted: false, metric, prediction }
    }

    pub(super) fn weighted(self) -> Measured {
        Measured { is_weighted: true, ..self }
    }

    pub(super) fn of_output(self, output: &str) -> Measured {
        Measured { output: Some(output.to_owned()), ..self }
    }

    /// The row, nothing if it is a closure.
    pub(super) fn written(&self) -> Option<Value> {
        let row = match self.metric.get() {
            Some(metric) => metric.to_config().ok()?,
            None => Value::from(self.name.as_str()),
        };
        Some(json!({"name": self.name, "output": self.output, "weighted": self.is_weighted, "metric": row}))
    }

    pub(super) fn read(row: &Value) -> Result<Measured, ConfigError> {
        let (name, metric) = (row["name"].as_str().unwrap_or_default(), &row["metric"]);
        let read = match metric.is_string() {
            true => Measured::named(name),
            false => Measured::known(Metric::try_from(metric)?.named(name)),
        };
        let output = row["output"].as_str().map(str::to_owned);
        Ok(Measured { output, is_weighted: row["weighted"] == true, ..read })
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
        self.prediction.get_or_init(|| prediction.clone());
        let prediction = found.value.stop_gradient();
        let weights = weights.filter(|_| self.is_weighted);
        metric.update_masked(target, &prediction, weights, found.mask.as_ref())
    }

    /// What its sums depend on: the metric that it is, and the predictions that it takes.
    pub(super) fn state(&self) -> Value {
        json!({"metric": self.written(), "prediction": self.prediction.get().map(written_type)})
    }

    /// Makes the sums, as they were made for a state.
    pub(super) fn restore(&self, state: &Value) -> crate::Result<()> {
        if state["prediction"].is_null() {
            return Ok(());
        }
        let wrong = |error: ConfigError| crate::Error::Model(error.to_string());
        if self.metric.get().is_none()
            && let Some(metric) = Measured::read(&state["metric"]).map_err(wrong)?.metric.into_inner()
        {
            let _ = self.metric.set(metric);
        }
        let prediction = read_type(&state["prediction"])?;
        if let Some(metric) = self.metric.get() {
            metric.build(&prediction)?;
        }
        self.prediction.get_or_init(|| prediction);
        Ok(())
    }

    /// What it has added up, by name; nothing before the first batch.
    pub(super) fn sums(&self) -> Vec<(String, Variable)> {
        self.metric.get().map_or_else(Vec::new, Module::variables)
    }
}
