//! Activation functions, element by element. Half-precision operands are computed in f32 and rounded once.
//!
//! Functions of the form `x * g(x)` with `g(-inf) = 0` (gelu, silu, mish, hard_swish) give NaN at minus infinity, as they do
//! in JAX and PyTorch.

mod curved;
mod gated;
mod piecewise;

use crate::builder::BuildError;
use crate::op::Primal;
use crate::op::derivative::Partial;
use crate::op::sample::Draw;
use crate::{Builder, Scalar, Value};

pub use curved::*;
pub use gated::*;
pub use piecewise::*;

/// `low < x < high`.
fn strictly_between(b: &mut Builder, x: Value, low: f64, high: f64) -> Result<Value, BuildError> {
    let (low, high) = (b.full_like(low, x)?, b.full_like(high, x)?);
    let (above, below) = (b.gt(x, low)?, b.lt(x, high)?);
    b.and(above, below)
}

/// `positive` where the operand is, else `other`.
fn slope_of_two_halves(primal: &mut Primal<'_>, positive: f64, other: Value) -> Result<Partial, BuildError> {
    let half = primal.b.is_positive(primal.operands[0])?;
    Ok(Partial::Times(primal.b.number_where(half, positive, other)?))
}

/// `min(max(x, low), high)`.
fn limited(b: &mut Builder, x: Value, low: f64, high: f64) -> Result<Value, BuildError> {
    let above = b.at_least(x, low)?;
    b.at_most(above, high)
}

fn hard_sigmoid(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let shifted = b.add_number(x, 3.0)?;
    let bounded = limited(b, shifted, 0.0, 6.0)?;
    b.div_number(bounded, 6.0)
}

/// `x` where it is positive, else `other`.
fn positive_or(b: &mut Builder, x: Value, other: Value) -> Result<Value, BuildError> {
    let positive = b.is_positive(x)?;
    b.select(positive, x, other)
}

/// `e^min(x, 0) - 1`: bounded where it is not used, so that derivatives stay finite.
fn expm1_below_zero(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let negative = b.at_most(x, 0.0)?;
    b.expm1(negative)
}

/// `e^(min(x, 0) / scale)` of the operand, in the dtype that arithmetic is done in.
fn exp_below_zero(primal: &mut Primal<'_>, scale: f64) -> Result<Value, BuildError> {
    let b = &mut *primal.b;
    let x = b.widen(primal.operands[0])?;
    let positive = b.is_positive(x)?;
    let negative = b.number_where(positive, 0.0, x)?;
    let scaled = b.div_number(negative, scale)?;
    b.exp(scaled)
}

fn draw_scalar(draw: &mut Draw<'_>) -> Scalar {
    draw.choose(&[Scalar::F32(1.0), Scalar::F64(0.1), Scalar::F32(0.25), Scalar::F64(2.0)])
}
