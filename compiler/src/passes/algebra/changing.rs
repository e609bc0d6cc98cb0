//! Rules that change results, for those who ask for speed: they treat floats as real numbers.

use tensorwright_ir::op::primitive::BinaryFn::*;
use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
use tensorwright_ir::{Op, Scalar};

use super::arithmetic::{neg_sub, zero_of_same};
use super::constants::merged;
use super::matching::*;
use super::rules;
use crate::passes::pattern::Rewritten;
use crate::passes::rewriter::{Rewriter, Site};

rules! {
    /// Rules that change results: rounding, signs of zeros, NaN for infinities, overflow.
    pub RULES:
    float_add_zero, Binary, on::float, "add(x, 0)" => "x", |r, s| Ok(binary_constant(r, s, Add).filter(|&(_, c)| on::float(c.dtype()) && is(c, 0.0)).map(|(x, _)| x));
    float_sub_self, Binary, on::float, "sub(x, x)" => "0", |r, s| zero_of_same(r, s, Sub, on::float);
    float_mul_zero, Binary, on::float, "mul(x, 0)" => "0", |r, s| Ok(binary_constant(r, s, Mul).filter(|&(_, c)| on::float(c.dtype()) && is(c, 0.0)).map(|_| s.operands[1]));
    float_neg_sub, Unary, on::float, "neg(sub(x, y))" => "sub(y, x)", |r, s| neg_sub(r, s, on::float);
    float_add_add, Binary, on::float, "add(add(x, 3), 4)" => "add(x, 7)", |r, s| merged(r, s, Add, on::float);
    float_mul_mul, Binary, on::float, "mul(mul(x, 3), 4)" => "mul(x, 12)", |r, s| merged(r, s, Mul, on::float);
    div_constant, Binary, on::float, "div(x, 4)" => "mul(x, 0.25)", div_constant;
    div_sqrt, Binary, on::float, "div(x, sqrt(y))" => "mul(x, rsqrt(y))", div_sqrt;
    pow_half, Binary, on::float, "pow(x, 0.5)" => "sqrt(x)", pow_half;
    pow_three, Binary, on::float, "pow(x, 3)" => "mul(mul(x, x), x)", pow_three;
    pow_minus_one, Binary, on::float, "pow(x, -1)" => "div(1, x)", pow_minus_one;
    mul_add, Binary, on::float, "add(mul(x, y), z)" => "fma(x, y, z)", |r, s| contracted(r, s, 0);
    add_mul, Binary, on::float, "add(z, mul(x, y))" => "fma(x, y, z)", |r, s| contracted(r, s, 1);
}

fn float_constant(r: &Rewriter<'_>, s: &Site<'_>, f: BinaryFn) -> Option<(tensorwright_ir::Value, Scalar)> {
    binary_constant(r, s, f).filter(|(_, c)| c.dtype().is_float())
}

fn div_constant(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let Some((x, c)) = float_constant(r, s, Div) else { return Ok(None) };
    let reciprocal = Scalar::from_f64(c.dtype(), 1.0 / c.to_f64());
    let usable = reciprocal.to_f64().is_finite() && reciprocal.to_f64() != 0.0;
    if usable { with_constant(r, Mul, x, reciprocal) } else { Ok(None) }
}

fn div_sqrt(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let Some([x, root]) = binary(s, Div) else { return Ok(None) };
    let Some(y) = made_by_unary(r, root, UnaryFn::Sqrt) else { return Ok(None) };
    let reciprocal_root = r.build().rsqrt(y)?;
    r.build().mul(x, reciprocal_root).map(Some)
}

fn pow_half(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match float_constant(r, s, Pow) {
        Some((x, c)) if is(c, 0.5) => r.build().sqrt(x).map(Some),
        _ => Ok(None),
    }
}

fn pow_three(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match float_constant(r, s, Pow) {
        Some((x, c)) if is(c, 3.0) => {
            let square = r.build().mul(x, x)?;
            r.build().mul(square, x).map(Some)
        }
        _ => Ok(None),
    }
}

fn pow_minus_one(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match float_constant(r, s, Pow) {
        Some((x, c)) if is(c, -1.0) => {
            let one = constant(r, Scalar::one(c.dtype()), x)?;
            r.build().div(one, x).map(Some)
        }
        _ => Ok(None),
    }
}

/// A product with a sum after it rounds once instead of twice.
fn contracted(r: &mut Rewriter<'_>, s: &Site<'_>, at: usize) -> Rewritten {
    let Some(terms) = binary(s, Add) else { return Ok(None) };
    let Some([x, y]) = made_by_binary(r, terms[at], Mul) else { return Ok(None) };
    if !dtype(r, x).is_float() {
        return Ok(None);
    }
    r.build().push_one(Op::Fma(tensorwright_ir::op::primitive::Fma {}), &[x, y, terms[1 - at]]).map(Some)
}
