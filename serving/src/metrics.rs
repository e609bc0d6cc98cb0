//! What is counted and timed: TensorFlow Serving's names (in microseconds), and ours, which begin with `tensorwright_`.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder, exponential_buckets,
};

use crate::error::{Code, Error, Result, code_name};

/// All that is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_latency: HistogramVec,
    runtime_latency: HistogramVec,
    batch_rows: HistogramVec,
    queued_rows: IntGaugeVec,
    /// Connections that are open.
    pub(crate) connections: IntGauge,
    /// Requests that were refused since a queue was full.
    pub(crate) refused: IntCounter,
    /// Requests whose client went away, or whose time was up, before they ran.
    pub(crate) dropped: IntCounter,
}

/// What is counted of one model.
#[derive(Clone)]
pub(crate) struct ModelMetrics {
    pub(crate) runtime_latency: Histogram,
    pub(crate) batch_rows: Histogram,
    pub(crate) queued_rows: IntGauge,
    pub(crate) refused: IntCounter,
    pub(crate) dropped: IntCounter,
    /// Requests that had an answer, which is the common case.
    ok: IntCounter,
    rest_predict: Histogram,
    grpc_predict: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Result<Metrics> {
        Metrics::made().map_err(Error::internal)
    }

    fn made() -> prometheus::Result<Metrics> {
        let registry = Registry::new();
        let micros = exponential_buckets(10.0, 1.8, 33)?;
        let latency = |name: &str, help: &str| HistogramOpts::new(name, help).buckets(micros.clone());
        let requests = Opts::new(":tensorflow:serving:request_count", "Requests by model and outcome.");
        let rows =
            HistogramOpts::new("tensorwright_batch_rows", "Rows of each run of a model, padding among them.");
        let queued = Opts::new("tensorwright_queued_rows", "Rows that wait.");
        let metrics = Metrics {
            requests: IntCounterVec::new(requests, &["model_name", "status"])?,
            request_latency: HistogramVec::new(
                latency(":tensorflow:serving:request_latency", "Microseconds from a request to its answer."),
                &["model_name", "API", "entrypoint"],
            )?,
            runtime_latency: HistogramVec::new(
                latency(":tensorflow:serving:runtime_latency", "Microseconds of each run of a model."),
                &["model_name", "API", "runtime"],
            )?,
            batch_rows: HistogramVec::new(rows.buckets(exponential_buckets(1.0, 2.0, 12)?), &["model_name"])?,
            queued_rows: IntGaugeVec::new(queued, &["model_name"])?,
            connections: IntGauge::new("tensorwright_connections", "Connections that are open.")?,
            refused: IntCounter::new("tensorwright_refused_total", "Requests that found a queue full.")?,
            dropped: IntCounter::new(
                "tensorwright_dropped_total",
                "Requests that were given up before they ran.",
            )?,
            registry,
        };
        metrics.registry.register(Box::new(metrics.requests.clone()))?;
        metrics.registry.register(Box::new(metrics.request_latency.clone()))?;
        metrics.registry.register(Box::new(metrics.runtime_latency.clone()))?;
        metrics.registry.register(Box::new(metrics.batch_rows.clone()))?;
        metrics.registry.register(Box::new(metrics.queued_rows.clone()))?;
        metrics.registry.register(Box::new(metrics.connections.clone()))?;
        metrics.registry.register(Box::new(metrics.refused.clone()))?;
        metrics.registry.register(Box::new(metrics.dropped.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn of_model(&self, name: &str) -> ModelMetrics {
        ModelMetrics {
            runtime_latency: self.runtime_latency.with_label_values(&[name, "Predict", "tensorwright"]),
            batch_rows: self.batch_rows.with_label_values(&[name]),
            queued_rows: self.queued_rows.with_label_values(&[name]),
            refused: self.refused.clone(),
            dropped: self.dropped.clone(),
            ok: self.requests.with_label_values(&[name, "OK"]),
            rest_predict: self.request_latency.with_label_values(&[name, "Predict", "REST"]),
            grpc_predict: self.request_latency.with_label_values(&[name, "Predict", "GRPC"]),
        }
    }

    /// Counts a request that failed. Names that no model has are not kept, or anybody could fill the memory.
    pub(crate) fn failed(&self, model: &str, is_known: bool, code: Code) {
        let model = if is_known { model } else { "" };
        self.requests.with_label_values(&[model, code_name(code)]).inc();
    }

    /// Times a request.
    pub(crate) fn answered(&self, model: &ModelMetrics, name: &str, api: &str, entry: Entry, took: Duration) {
        let micros = took.as_secs_f64() * 1e6;
        model.ok.inc();
        match (api, entry) {
            ("Predict", Entry::Rest) => model.rest_predict.observe(micros),
            ("Predict", Entry::Grpc) => model.grpc_predict.observe(micros),
            _ => self.request_latency.with_label_values(&[name, api, entry.name()]).observe(micros),
        }
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text).map_err(Error::internal)?;
        Ok(text)
    }
}

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// By HTTP with JSON.
    Rest,
    /// By gRPC.
    Grpc,
}

impl Entry {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Entry::Rest => "REST",
            Entry::Grpc => "GRPC",
        }
    }
}
