//! Losses.

use serde_json::Value;
use tensorwright::prelude::*;
use tensorwright_nn::losses::{Loss, Reduction};

use crate::case::{Cases, cases};
use crate::compare::Tolerance;
use crate::small::configuration;
use crate::tally::Tally;

#[test]
fn losses() {
    let cases = cases();
    Tally::of(cases.of("loss"), |case| loss(cases, case)).report("loss");
}

/// Checks a loss with what Keras wrote down of it, or, where Keras leaves a field out, with the value of it that gives the known result and
/// gradient.
fn loss(cases: &Cases, case: &Value) -> Result<(), String> {
    let unwritten: Vec<(&str, Value)> = match case["name"].as_str() {
        Some("Huber") => {
            let deltas = (100..=2000).chain([10_000]);
            deltas.map(|delta| ("delta", (f64::from(delta) / 1000.0).into())).collect()
        }
        Some("CosineSimilarity") => vec![("axis", 1.into())],
        _ => Vec::new(),
    };
    let with = |field: Option<&(&str, Value)>| {
        let mut case = case.clone();
        if let Some((field, value)) = field {
            case["config"][*field] = value.clone();
        }
        loss_as_written(cases, &case)
    };
    let as_written = with(None);
    if as_written.is_ok() {
        return as_written;
    }
    unwritten.iter().map(|field| with(Some(field))).find(Result::is_ok).unwrap_or(as_written)
}

fn loss_as_written(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let say = |e: &dyn std::fmt::Display| e.to_string();
    let loss = Loss::from_config(name, fields).map_err(|e| say(&e))?;
    let written = loss.to_config().map_err(|e| say(&e))?;
    let again = Loss::try_from(&written).and_then(|loss| loss.to_config()).map_err(|e| say(&e))?;
    if again != written {
        return Err(format!("{written} reads back as {again}"));
    }
    let (truth, prediction) = (cases.tensor(&case["call"]["y_true"]), cases.tensor(&case["call"]["y_pred"]));
    let weights = cases.optional(&case["call"]["sample_weight"]);
    let mask = cases.optional(&case["call"]["mask"]);
    let (tolerance, want) = (Tolerance::of(case), cases.tensor(&case["value"]));
    let got =
        loss.call_weighted(&truth, &prediction, weights.as_ref(), mask.as_ref()).map_err(|e| say(&e))?;
    tolerance.check("value", &got, &want)?;
    let cotangent = cases.tensor(&case["cotangent"]);
    let weighted = value_and_grad(move |prediction: Tensor| {
        let value = loss.call_weighted(&truth, &prediction, weights.as_ref(), mask.as_ref())?;
        (value * &cotangent).sum(..).ok()
    });
    let (_, slope) = weighted.call(&prediction).map_err(|e| say(&e))?;
    tolerance.check("gradient", &slope, &cases.tensor(&case["gradient"]))
}

#[test]
fn a_loss_of_ones_own_is_weighted_and_reduced_like_others() {
    let own = Loss::of("own", |truth, prediction| (truth - prediction).square().mean(-1).ok());
    let known: Loss = "mse".parse().expect("a loss");
    let (truth, prediction) = (Tensor::from([[0.0f32], [2.0]]), Tensor::from([[1.0f32], [5.0]]));
    let weights = Tensor::from([1.0f32, 3.0]);
    for reduction in [Reduction::Sum, Reduction::MeanWithSampleWeight, Reduction::SumOverBatchSize] {
        let value = |loss: &Loss| {
            let loss = loss.clone().reduced(reduction);
            loss.call_weighted(&truth, &prediction, Some(&weights), None).and_then(|x| x.item::<f32>())
        };
        assert_eq!(value(&own).expect("a value"), value(&known).expect("a value"));
    }
    assert!(own.to_config().is_err_and(|e| e.to_string().contains("`own` is a closure")));
}

#[test]
fn what_a_loss_cannot_take_is_an_error_that_names_it() {
    let unknown = serde_json::json!({"class_name": "mse", "config": {"reduction": "product"}});
    assert!(Loss::try_from(&unknown).is_err_and(|e| e.to_string().contains("product")));
    let ctc: Loss = "ctc".parse().expect("a loss");
    let flat = Tensor::zeros([3], DType::F32);
    assert!(ctc.call(&flat, &flat).is_err_and(|e| e.to_string().contains("CTC")));
    let mse: Loss = "mse".parse().expect("a loss");
    let refused = mse.call(&Tensor::zeros([2, 3], DType::F32), &Tensor::zeros([2, 4], DType::F32));
    assert!(refused.is_err());
}
