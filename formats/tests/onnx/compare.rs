//! Values within the tolerance of the package's own test runner.

use tensorwright::prelude::*;
use tensorwright_formats::onnx::Value;

const RELATIVE: f64 = 1e-3;
const ABSOLUTE: f64 = 1e-7;

/// What is different.
pub(crate) fn compare(expected: &Value, found: &Value) -> Result<(), String> {
    match (expected, found) {
        (Value::Tensor(expected), Value::Tensor(found)) => tensors(expected, found),
        (Value::Sequence(expected), Value::Sequence(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).try_for_each(|(expected, found)| compare(expected, found))
        }
        (Value::Map(expected), Value::Map(found)) if expected.len() == found.len() => {
            expected.iter().zip(found).try_for_each(|((key, expected), (found_key, found))| {
                if key.0 != found_key.0 {
                    return Err(format!("expected the key {:?}, found {:?}", key.0, found_key.0));
                }
                compare(expected, found)
            })
        }
        (Value::Optional(Some(expected)), Value::Optional(Some(found))) => compare(expected, found),
        (Value::Optional(Some(expected)), found) => compare(expected, found),
        (Value::Optional(None), Value::Optional(None)) => Ok(()),
        (Value::Strings(expected), Value::Strings(found)) if expected.0 == found.0 => Ok(()),
        (expected, found) => Err(format!("expected {expected}, found {found}")),
    }
}

fn tensors(expected: &Tensor, found: &Tensor) -> Result<(), String> {
    let text = |error: Error| error.to_string();
    let (types, wide) = ((expected.ty().map_err(text)?, found.ty().map_err(text)?), DType::F64);
    if types.0 != types.1 {
        return Err(format!("expected {}, found {}", types.0, types.1));
    }
    let parts = |x: &Tensor| if types.0.dtype.is_complex() { x.as_real() } else { x.clone() };
    let numbers = |x: &Tensor| parts(x).cast(wide).to_vec::<f64>().map_err(text);
    let (expected, found) = (numbers(expected)?, numbers(found)?);
    for (at, (&expected, &found)) in expected.iter().zip(&found).enumerate() {
        let is_same = expected == found || expected.is_nan() && found.is_nan();
        let is_near = (expected - found).abs() <= ABSOLUTE + RELATIVE * expected.abs();
        if !is_same && !is_near {
            return Err(format!("element {at} of {}: expected {expected}, found {found}", types.0));
        }
    }
    Ok(())
}
