//! Rules about constant operands.

use tensorwright_ir::Scalar;

use super::matching::Match;
use super::{on, rules};
use crate::passes::pattern::splat;

rules! {
    /// Constants.
    pub(super) RULES:
    // Units: 0 + -0 is 0 but -0 + 0 is 0 too, so only -0 is a unit of float addition.
    add_zero, on::int, "add(x, 0)" => "x";
    add_minus_zero, on::float, "add(x, -0)" => "x";
    mul_one, on::number, "mul(x, 1)" => "x";
    div_one, on::number, "div(x, 1)" => "x";
    floordiv_one, on::int, "floordiv(x, 1)" => "x";
    pow_one, on::number, "pow(x, 1)" => "x";
    and_ones, on::bits, "and(x, ones)" => "x";
    or_zero, on::bits, "or(x, 0)" => "x";
    xor_zero, on::bits, "xor(x, 0)" => "x";
    shl_zero, on::int, "shl(x, 0)" => "x";
    shr_logic_zero, on::int, "shr_logic(x, 0)" => "x";
    shr_arith_zero, on::int, "shr_arith(x, 0)" => "x";
    max_lowest, on::any, "maximum(x, lowest)" => "x";
    min_highest, on::any, "minimum(x, highest)" => "x";
    // Zeros. For floats NaN and infinities stand against them.
    mul_zero, on::int, "mul(x, 0)" => "0";
    and_zero, on::bits, "and(x, 0)" => "0";
    or_ones, on::bits, "or(x, ones)" => "ones";
    max_highest, on::bits, "maximum(x, highest)" => "highest";
    min_lowest, on::bits, "minimum(x, lowest)" => "lowest";
    zero_div, on::int, "div(0, x)" => "0";
    zero_floordiv, on::int, "floordiv(0, x)" => "0";
    zero_rem, on::int, "rem(0, x)" => "0";
    zero_floor_mod, on::int, "floor_mod(0, x)" => "0";
    zero_shl, on::int, "shl(0, x)" => "0";
    zero_shr_logic, on::int, "shr_logic(0, x)" => "0";
    zero_shr_arith, on::int, "shr_arith(0, x)" => "0";
    rem_one, on::int, "rem(x, 1)" => "0";
    floor_mod_one, on::int, "floor_mod(x, 1)" => "0";
    pow_zero, on::number, "pow(x, 0)" => "1";
    // Signs.
    mul_minus_one, on::signed, "mul(x, -1)" => "neg(x)";
    div_minus_one, on::signed, "div(x, -1)" => "neg(x)";
    zero_sub, on::signed_int, "sub(0, x)" => "neg(x)";
    minus_zero_sub, on::float, "sub(-0, x)" => "neg(x)";
    sub_constant, on::number, "sub(x, c)" => "add(x, minus(c))" if x_varies;
    mul_neg_constant, on::signed, "mul(neg(x), c)" => "mul(x, minus(c))";
    div_neg_constant, on::float, "div(neg(x), c)" => "div(x, minus(c))";
    neg_mul_constant, on::signed, "neg(mul(x, c))" => "mul(x, minus(c))";
    xor_ones, on::bits, "xor(x, ones)" => "not(x)";
    // Cheaper functions.
    pow_two, on::number, "pow(x, 2)" => "mul(x, x)";
    div_power_of_two, on::float, "div(x, c)" => "mul(x, div(1, c))" if reciprocal_is_exact;
    mul_power_of_two, on::int, "mul(x, c)" => "shl(x, log2(c))" if is_power_of_two;
    unsigned_div, on::unsigned, "div(x, c)" => "shr_logic(x, log2(c))" if is_power_of_two;
    unsigned_floordiv, on::unsigned, "floordiv(x, c)" => "shr_logic(x, log2(c))" if is_power_of_two;
    signed_floordiv, on::signed_int, "floordiv(x, c)" => "shr_arith(x, log2(c))" if is_positive_power_of_two;
    unsigned_rem, on::unsigned, "rem(x, c)" => "and(x, sub(c, 1))" if is_power_of_two;
    int_floor_mod, on::int, "floor_mod(x, c)" => "and(x, sub(c, 1))" if is_positive_power_of_two;
    // Two constants as one, where the order of operations does not matter.
    add_add, on::int, "add(add(x, c), d)" => "add(x, add(c, d))";
    mul_mul, on::int, "mul(mul(x, c), d)" => "mul(x, mul(c, d))";
    and_and, on::bits, "and(and(x, c), d)" => "and(x, and(c, d))";
    or_or, on::bits, "or(or(x, c), d)" => "or(x, or(c, d))";
    xor_xor, on::int, "xor(xor(x, c), d)" => "xor(x, xor(c, d))";
    max_max, on::any, "maximum(maximum(x, c), d)" => "maximum(x, maximum(c, d))";
    min_min, on::any, "minimum(minimum(x, c), d)" => "minimum(x, minimum(c, d))";
    clamp_lowest, on::number, "clamp(lowest, x, y)" => "minimum(x, y)";
    clamp_highest, on::number, "clamp(y, x, highest)" => "maximum(x, y)";
}

/// Whether `x` is no constant.
fn x_varies(m: &Match<'_>) -> bool {
    splat(m.graph(), m.x()).is_none()
}

/// Whether the bits of `c` are those of a power of two above 1.
fn is_power_of_two(m: &Match<'_>) -> bool {
    let bits = m.c().bits();
    bits.is_power_of_two() && bits > 1
}

/// Whether `c` is a power of two above 1.
fn is_positive_power_of_two(m: &Match<'_>) -> bool {
    is_power_of_two(m) && m.c().to_i128() > 0
}

/// Whether the reciprocal of `c` is a float of its dtype, and not `c` itself: then quotient and product are the same rounded number.
fn reciprocal_is_exact(m: &Match<'_>) -> bool {
    let value = m.c().to_f64();
    let is_power_of_two = value.is_normal() && value.to_bits().trailing_zeros() >= 52;
    is_power_of_two && reciprocal(m.c()).to_f64() * value == 1.0 && value.abs() != 1.0
}

/// `1 / c`, rounded.
pub(super) fn reciprocal(c: Scalar) -> Scalar {
    Scalar::from_f64(c.dtype(), 1.0 / c.to_f64())
}
