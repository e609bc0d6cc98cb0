//! Whether tensors are what they should be.

use serde_json::Value;
use tensorwright::{DType, Tensor};

/// How far numbers may be from what they should be: relative to each element, and to the greatest one, and at least to 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tolerance {
    pub(crate) rtol: f64,
    pub(crate) atol: f64,
}

impl Tolerance {
    /// The tolerance of a case: its own, or that of its dtype.
    pub(crate) fn of(case: &Value) -> Tolerance {
        let own = |name: &str| case["tolerance"][name].as_f64();
        let (rtol, atol) = match case["dtype"].as_str() {
            Some("float64") => (1e-9, 1e-10),
            Some("bfloat16" | "mixed_bfloat16") => (3e-2, 3e-2),
            _ => (1e-4, 2e-5),
        };
        Tolerance { rtol: own("rtol").unwrap_or(rtol), atol: own("atol").unwrap_or(atol) }
    }

    /// Why numbers are not what they should be, of whichever dtype they are.
    pub(crate) fn check(self, what: &str, got: &Tensor, want: &Tensor) -> Result<(), String> {
        let describe = |error: tensorwright::Error| format!("{what}: {error}");
        let (got_type, want_type) = (got.ty().map_err(describe)?, want.ty().map_err(describe)?);
        if got_type.shape != want_type.shape {
            return Err(format!("{what}: {got_type}, should be {want_type}"));
        }
        let (got, want) = (numbers(got).map_err(describe)?, numbers(want).map_err(describe)?);
        let greatest = want.iter().filter(|x| x.is_finite()).fold(1.0f64, |most, x| most.max(x.abs()));
        for (i, (&got, &want)) in got.iter().zip(&want).enumerate() {
            let same = got == want || (got.is_nan() && want.is_nan());
            // NaN is not near to anything.
            let is_near = (got - want).abs() <= self.atol * greatest + self.rtol * want.abs();
            if !same && !is_near {
                return Err(format!("{what}: element {i} is {got}, should be {want}"));
            }
        }
        Ok(())
    }
}

/// Why a tensor is not what it should be: dtypes are the same, and what is no float is exact.
pub(crate) fn difference(
    what: &str,
    got: &Tensor,
    want: &Tensor,
    tolerance: Tolerance,
) -> Result<(), String> {
    let describe = |error: tensorwright::Error| format!("{what}: {error}");
    let (got_type, want_type) = (got.ty().map_err(describe)?, want.ty().map_err(describe)?);
    if got_type.dtype != want_type.dtype {
        return Err(format!("{what}: {got_type}, should be {want_type}"));
    }
    let exact = Tolerance { rtol: 0.0, atol: 0.0 };
    let tolerance = if want_type.dtype.is_float() { tolerance } else { exact };
    tolerance.check(what, got, want)
}

fn numbers(x: &Tensor) -> tensorwright::Result<Vec<f64>> {
    match x.dtype()? {
        DType::F64 => x.to_vec(),
        _ => x.cast(DType::F64).to_vec(),
    }
}
