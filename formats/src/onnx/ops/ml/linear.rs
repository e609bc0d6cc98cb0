//! Linear models.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use super::scores::{Labels, Transform};
use crate::onnx::call::{Call, Results, natural, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("LinearClassifier", classifier), ("LinearRegressor", regressor)];

/// Rows of features, as f32.
pub(super) fn features(call: &Call<'_>) -> Result<Tensor, Reason> {
    let x = call.tensor(0)?.cast(DType::F32);
    Ok(if x.rank()? == 1 { x.expand_dims(0) } else { x })
}

/// The floats of an attribute, as a tensor of this shape.
pub(super) fn floats(call: &Call<'_>, name: &str, shape: &[usize]) -> Result<Tensor, Reason> {
    let numbers = call.float_list(name)?.unwrap_or_default();
    let wanted = shape.iter().fold(1usize, |product, &size| product.saturating_mul(size));
    if numbers.len() != wanted {
        return Err(Reason::attribute(name, format!("has {} numbers for {shape:?}", numbers.len())));
    }
    Ok(Tensor::from_slice(&numbers, shape.to_vec()))
}

/// Sums of features, `[rows, outputs]`.
fn sums(call: &Call<'_>, outputs: usize) -> Result<Tensor, Reason> {
    let x = features(call)?;
    let columns = sizes(&x)?.last().copied().unwrap_or(0);
    let sums = x.matmul(floats(call, "coefficients", &[outputs, columns])?.t());
    match call.float_list("intercepts")? {
        Some(intercepts) if !intercepts.is_empty() => Ok(sums + floats(call, "intercepts", &[outputs])?),
        _ => Ok(sums),
    }
}

fn classifier(call: &Call<'_>) -> Results {
    let labels = Labels::of(call, "classlabels_ints", "classlabels_strings")?;
    let columns = sizes(&features(call)?)?.last().copied().unwrap_or(0).max(1);
    let outputs = call.float_list("coefficients")?.unwrap_or_default().len() / columns;
    let (scores, transform) = (sums(call, outputs)?, Transform::of(call)?);
    if outputs == 1 && labels.len() == 2 {
        let classes = scores.i((.., 0)).gt(0).cast(DType::I64);
        return Ok(vec![labels.at(&classes)?, transform.pair(&scores, 1.0).into()]);
    }
    if outputs != labels.len() {
        return Err(Reason::other(format!("{outputs} scores for {} classes", labels.len())));
    }
    Ok(vec![labels.at(&scores.argmax(1).cast(DType::I64))?, transform.rows(&scores)?.into()])
}

fn regressor(call: &Call<'_>) -> Results {
    let targets = natural("targets", call.int("targets", 1)?)?;
    one(Transform::of(call)?.rows(&sums(call, targets)?)?)
}
