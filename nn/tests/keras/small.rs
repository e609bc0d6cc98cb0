//! Activations and initialisers.

use serde_json::Value;
use tensorwright::prelude::*;
use tensorwright::{Shape, function};
use tensorwright_nn::activations::Activation;
use tensorwright_nn::config::Fields;
use tensorwright_nn::initializers::Initializer;

use crate::arrays::dtype;
use crate::case::{Cases, cases};
use crate::compare::Tolerance;
use crate::tally::Tally;

/// The name and the fields of a case's configuration.
pub(crate) fn configuration(case: &Value) -> (&str, Fields) {
    let fields = case["config"].as_object().cloned().unwrap_or_default();
    (case["name"].as_str().expect("a name"), fields)
}

#[test]
fn activations() {
    let cases = cases();
    Tally::of(cases.of("activation"), |case| activation(cases, case)).report("activation");
}

fn activation(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, fields) = configuration(case);
    let activation = Activation::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&activation)?;
    let (x, tolerance) = (cases.tensor(&case["call"]["x"]), Tolerance::of(case));
    let want = cases.tensor(&case["output"]);
    tolerance.check("output", &activation.call(&x), &want)?;
    let Some(cotangent) = cases.optional(&case["cotangent"]) else { return Ok(()) };
    let weighted = move |(x, cotangent): (Tensor, Tensor)| (activation.call(&x) * cotangent).sum(..);
    let (value, (slope, _)) = value_and_grad(weighted).call((&x, &cotangent)).map_err(|e| e.to_string())?;
    tolerance.check("compiled", &value, &(want * cotangent).sum(..))?;
    tolerance.check("gradient", &slope, &cases.tensor(&case["gradient"]))
}

/// A configuration that is written down reads back as itself.
pub(crate) fn written_and_read<T>(value: &T) -> Result<(), String>
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let text = serde_json::to_string(value).map_err(|e| e.to_string())?;
    let back: T = serde_json::from_str(&text).map_err(|e| format!("{text}: {e}"))?;
    if back == *value { Ok(()) } else { Err(format!("{text} reads back as {back:?}")) }
}

#[test]
fn initializers() {
    let cases = cases();
    let kind = "initializer-statistics";
    Tally::of(cases.of(kind), |case| initializer(cases, case)).report(kind);
}

fn initializer(cases: &Cases, case: &Value) -> Result<(), String> {
    let (name, mut fields) = configuration(case);
    if name == "Identity" {
        // Keras does not write the gain of an identity down: it is what stands on the diagonal.
        let gain = cases.tensor(&case["output"]).i((0, 0)).item::<f32>().map_err(|e| e.to_string())?;
        fields.insert("gain".to_owned(), f64::from(gain).into());
    }
    let initializer = Initializer::from_config(name, fields).map_err(|e| e.to_string())?;
    written_and_read(&initializer)?;
    let shape: Shape = sizes(&case["shape"]).into_iter().collect();
    let dtype = dtype(case["dtype"].as_str().expect("a dtype"));
    let draw = |seed| initializer.draw(&shape, dtype, &RandomKey::new(seed)).map_err(|e| e.to_string());
    if let Some(want) = cases.optional(&case["output"]) {
        return Tolerance::of(case).check("output", &draw(1)?, &want);
    }
    let drawn = draw(1)?;
    if draw(1)?.to_vec::<f32>().ok() != drawn.to_vec::<f32>().ok()
        || draw(2)?.to_vec::<f32>().ok() == drawn.to_vec::<f32>().ok()
    {
        return Err("a draw is decided by its key".to_owned());
    }
    if case.get("orthogonal").is_some() { orthogonal(case, &drawn) } else { distributed(case, &drawn) }
}

fn sizes(value: &Value) -> Vec<usize> {
    value.as_array().expect("a shape").iter().map(|size| size.as_u64().expect("a size") as usize).collect()
}

fn orthogonal(case: &Value, drawn: &Tensor) -> Result<(), String> {
    let gain = case["config"]["gain"].as_f64().expect("a gain");
    let columns = *sizes(&case["shape"]).last().expect("a matrix");
    let flat = drawn.reshape([drawn.elements().map_err(|e| e.to_string())? / columns, columns]);
    let rows = flat.extent(0).map_err(|e| e.to_string())?;
    let gram = if rows >= columns { flat.t().matmul(&flat) } else { flat.matmul(flat.t()) };
    let want = Tensor::eye(rows.min(columns), DType::F32) * (gain * gain);
    Tolerance::of(case).check("gram matrix", &gram, &want)
}

fn distributed(case: &Value, drawn: &Tensor) -> Result<(), String> {
    let law = &case["distribution"];
    let number = |field: &str| law[field].as_f64();
    let values: Vec<f64> = drawn.cast(DType::F64).to_vec().map_err(|e| e.to_string())?;
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    let (known_mean, known_deviation) =
        (number("mean").expect("a mean"), number("stddev").expect("a deviation"));
    let room = 5.0 / count.sqrt();
    if (mean - known_mean).abs() >= room * known_deviation
        || (deviation / known_deviation - 1.0).abs() >= room
    {
        return Err(format!(
            "mean {mean}, deviation {deviation} where {known_mean}, {known_deviation} are known"
        ));
    }
    let (low, high) = (number("low").unwrap_or(f64::NEG_INFINITY), number("high").unwrap_or(f64::INFINITY));
    let outside = values.iter().find(|x| **x < low - 1e-6 * low.abs() || **x > high + 1e-6 * high.abs());
    outside.map_or(Ok(()), |x| Err(format!("{x} is outside {low}..{high}")))
}

#[test]
fn what_an_initializer_has_no_tensor_of_is_an_error() {
    let key = RandomKey::new(1);
    for (name, shape) in [("identity", vec![2, 3, 4]), ("orthogonal", vec![5]), ("stft", vec![5])] {
        let initializer: Initializer = name.parse().expect("a name");
        let refused = initializer.draw(&shape.into_iter().collect(), DType::F32, &key);
        assert!(refused.is_err_and(|e| e.to_string().to_lowercase().contains(name)), "{name}");
    }
}

#[test]
fn unknown_names_and_fields_are_errors_that_name_them() {
    let unknown = "glorot_cubic".parse::<Initializer>();
    assert!(unknown.is_err_and(|e| e.to_string() == "there is no initializer `glorot_cubic`"));
    let field = serde_json::json!({"class_name": "elu", "config": {"alhpa": 2.0}});
    assert!(Activation::try_from(&field).is_err_and(|e| e.to_string().contains("alhpa")));
}

#[test]
fn initializers_draw_in_traced_functions() {
    let draw = function(|key: Tensor| {
        let key = RandomKey::from_tensor(key);
        Initializer::default().draw(&[4, 5].into(), DType::F32, &key)
    });
    let (key, initializer) = (RandomKey::new(3), Initializer::default());
    let eager = initializer.draw(&[4, 5].into(), DType::F32, &key).and_then(|x| x.to_vec::<f32>());
    let traced = draw.call(key.tensor()).and_then(|x| x.to_vec::<f32>());
    assert_eq!(traced.expect("it draws"), eager.expect("it draws"));
}
