//! Rules that change results, for those who ask for speed: they treat floats as real numbers.

use super::constants::reciprocal;
use super::matching::Match;
use super::{on, rules};

rules! {
    /// Rules that change results: rounding, signs of zeros, NaN for infinities, overflow.
    pub RULES:
    float_add_zero, on::float, "add(x, 0)" => "x";
    float_sub_self, on::float, "sub(x, x)" => "0";
    float_mul_zero, on::float, "mul(x, 0)" => "0";
    float_neg_sub, on::float, "neg(sub(x, y))" => "sub(y, x)";
    float_add_add, on::float, "add(add(x, c), d)" => "add(x, add(c, d))";
    float_mul_mul, on::float, "mul(mul(x, c), d)" => "mul(x, mul(c, d))";
    div_constant, on::float, "div(x, c)" => "mul(x, div(1, c))" if has_reciprocal;
    div_sqrt, on::float, "div(x, sqrt(y))" => "mul(x, rsqrt(y))";
    pow_half, on::float, "pow(x, 0.5)" => "sqrt(x)";
    pow_three, on::float, "pow(x, 3)" => "mul(mul(x, x), x)";
    pow_minus_one, on::float, "pow(x, -1)" => "div(1, x)";
    mul_add, on::float, "add(mul(x, y), z)" => "fma(x, y, z)";
    add_mul, on::float, "add(z, mul(x, y))" => "fma(x, y, z)";
}

/// Whether the reciprocal of `c` is finite and not 0.
fn has_reciprocal(m: &Match<'_>) -> bool {
    let reciprocal = reciprocal(m.c()).to_f64();
    reciprocal.is_finite() && reciprocal != 0.0
}
