//! Metrics.

use std::sync::Arc;

use serde_json::Value;
use tensorwright::prelude::*;
use tensorwright::{Error, TensorType};
use tensorwright_nn::metrics::{ConfusionMatrix, Metric, MetricKind};

use crate::case::{Cases, cases};
use crate::compare::Tolerance;
use crate::small::{configuration, written_and_read};
use crate::tally::Tally;

#[test]
fn metrics() {
    let cases = cases();
    Tally::of(cases.of("metric"), |case| metric(cases, case)).report("metric");
}

/// The arguments of one update.
struct Batch {
    truth: Tensor,
    prediction: Tensor,
    weights: Option<Tensor>,
}

fn batch(cases: &Cases, update: &Value) -> Batch {
    let values = cases.optional(&update["values"]);
    let or_values = |field: &str| values.clone().unwrap_or_else(|| cases.tensor(&update[field]));
    let (truth, prediction) = (or_values("y_true"), or_values("y_pred"));
    Batch { truth, prediction, weights: cases.optional(&update["sample_weight"]) }
}

/// Checks a metric with what Keras wrote down of it, or, where Keras leaves the axis out, with that which gives the known results.
fn metric(cases: &Cases, case: &Value) -> Result<(), String> {
    let as_written = metric_as_written(cases, case);
    if case["name"] != "CosineSimilarity" || as_written.is_ok() {
        return as_written;
    }
    let axes = [1.into(), (-2).into(), serde_json::json!([1, 2])];
    let with = |axis: Value| {
        let mut case = case.clone();
        case["config"]["axis"] = axis;
        metric_as_written(cases, &case)
    };
    axes.into_iter().map(with).find(Result::is_ok).unwrap_or(as_written)
}

fn metric_as_written(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let kind = MetricKind::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&kind)?;
    course(cases, case, &kind, update_eagerly)?;
    course(cases, case, &kind, update_compiled)
}

fn update_eagerly(metric: &Arc<Metric>, batch: &Batch) -> Result<(), Error> {
    metric.update(&batch.truth, &batch.prediction, batch.weights.as_ref())
}

fn update_compiled(metric: &Arc<Metric>, batch: &Batch) -> Result<(), Error> {
    metric.build(batch.prediction.ty()?)?;
    let metric = metric.clone();
    let step = function(move |(truth, prediction, weights): (Tensor, Tensor, Option<Tensor>)| {
        metric.update(&truth, &prediction, weights.as_ref())
    });
    step.call((&batch.truth, &batch.prediction, &batch.weights))
}

fn course(
    cases: &Cases,
    case: &Value,
    kind: &MetricKind,
    update: fn(&Arc<Metric>, &Batch) -> Result<(), Error>,
) -> Result<(), String> {
    let (metric, tolerance) = (Arc::new(Metric::from(kind.clone())), Tolerance::of(case));
    let agrees = |what: &str, known: &Value| {
        let got = metric.result().map_err(|e| format!("{what}: {e}"))?;
        tolerance.check(what, &got.cast(DType::F32), &cases.tensor(known).cast(DType::F32))
    };
    if !case["result_before"].is_null() {
        agrees("before", &case["result_before"])?;
    }
    let batches: Vec<Batch> =
        case["updates"].as_array().expect("updates").iter().map(|each| batch(cases, each)).collect();
    for (at, each) in batches.iter().enumerate() {
        update(&metric, each).map_err(|e| format!("update {at}: {e}"))?;
        agrees(&format!("result {at}"), &case["results"][at])?;
    }
    metric.reset().map_err(|e| e.to_string())?;
    update(&metric, batches.last().expect("an update")).map_err(|e| e.to_string())?;
    agrees("after a reset", &case["result_after_reset_and_last_update"])
}

#[test]
fn accuracy_is_of_what_truths_and_predictions_are() {
    let ty =
        |sizes: &[usize]| TensorType::new(DType::F32, sizes.iter().copied().collect::<tensorwright::Shape>());
    let resolved = |truth: &[usize], prediction: &[usize]| {
        let kind = MetricKind::resolved(&"accuracy".into(), &ty(truth), &ty(prediction)).expect("a metric");
        kind.class_name()
    };
    assert_eq!(resolved(&[8], &[8, 1]), "BinaryAccuracy");
    assert_eq!(resolved(&[8, 1], &[8, 5]), "SparseCategoricalAccuracy");
    assert_eq!(resolved(&[8], &[8, 5]), "SparseCategoricalAccuracy");
    assert_eq!(resolved(&[8, 5], &[8, 5]), "CategoricalAccuracy");
}

#[test]
fn metrics_are_called_as_in_histories_of_keras() {
    for (class, name) in
        [("AUC", "auc"), ("F1Score", "f1_score"), ("KLDivergence", "kl_divergence"), ("MeanIoU", "mean_io_u")]
    {
        let class = serde_json::json!({"class_name": class, "config": if class == "MeanIoU" { serde_json::json!({"num_classes": 2}) } else { Value::Null }});
        assert_eq!(Metric::try_from(&class).expect("a metric").name(), name);
    }
}

#[test]
fn what_a_metric_cannot_take_is_an_error_that_says_so() {
    let refused = |row: Value, prediction: &[usize], what: &str| {
        let metric = Metric::try_from(&row).expect("a metric");
        let shape: tensorwright::Shape = prediction.iter().copied().collect();
        let x = Tensor::zeros(shape, DType::F32);
        let error = metric.update(&x, &x, None).expect_err("a refusal").to_string();
        assert!(error.contains(what), "{error}");
    };
    let row = |class: &str, config: Value| serde_json::json!({"class_name": class, "config": config});
    refused(row("Precision", serde_json::json!({"thresholds": 1.5})), &[3], "from 0 to 1");
    refused(row("Recall", serde_json::json!({"class_id": 7})), &[3, 2], "no class 7");
    refused(row("F1Score", Value::Null), &[3], "[samples, classes]");
    refused(row("IoU", serde_json::json!({"num_classes": 2, "target_class_ids": [2]})), &[3], "no class 2");
    assert!(Metric::try_from(&"r2_score".into()).expect("a metric").result().is_err());
}

#[test]
fn a_confusion_matrix_counts_true_and_predicted_classes() -> Result<()> {
    let metric = Metric::from(ConfusionMatrix::new(3));
    let prediction = Tensor::from([[0.1f32, 0.9, 0.0], [0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.0, 0.1, 0.9]]);
    metric.update(&Tensor::from([1, 0, 0, 2]), &prediction, None)?;
    metric.update(&Tensor::from([2]), &prediction.i(..1), Some(&Tensor::from([3])))?;
    assert_eq!(metric.result()?.to_vec::<i64>()?, [1, 1, 0, 0, 1, 0, 0, 3, 1]);
    Ok(())
}

#[test]
fn a_mask_leaves_samples_out() -> Result<()> {
    let metric: Metric = "mse".parse().expect("a metric");
    let (truth, prediction) = (Tensor::zeros([3, 1], DType::F32), Tensor::from([[1.0f32], [2.0], [3.0]]));
    metric.update_masked(&truth, &prediction, None, Some(&Tensor::from([true, false, true])))?;
    assert_eq!(metric.result()?.item::<f32>()?, 5.0);
    Ok(())
}
