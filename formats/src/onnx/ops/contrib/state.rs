//! Operators with a state that goes from call to call, where they are as the standard's.

use super::super::Apply;
use crate::onnx::call::{Call, Results};
use crate::onnx::error::Reason;
use crate::onnx::ops::{attention, conv};

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("CausalConvWithState", causal_conv), ("LinearAttention", linear_attention)];

/// Attributes that the standard's operator lacks must be as if they were left out.
fn only(call: &Call<'_>, names: &[(&str, i64)]) -> Result<(), Reason> {
    for &(name, default) in names {
        let found = call.int(name, default)?;
        if found != default {
            return Err(Reason::attribute(name, format!("is {found}, and only {default} is supported")));
        }
    }
    Ok(())
}

fn causal_conv(call: &Call<'_>) -> Results {
    only(
        call,
        &[("ndim", 1), ("dilation", 1), ("channels_last", 0), ("state_window", 0), ("state_length", 0)],
    )?;
    conv::causal_conv(call)
}

fn linear_attention(call: &Call<'_>) -> Results {
    only(call, &[("state_window", 0)])?;
    attention::linear_attention(call)
}
