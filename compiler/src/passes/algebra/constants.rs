//! Rules about one constant operand.

use tensorwright_ir::op::primitive::BinaryFn::{self, *};
use tensorwright_ir::op::primitive::UnaryFn;
use tensorwright_ir::{DType, Scalar, Value};

use super::matching::*;
use super::rules;
use crate::passes::pattern::{Rewritten, splat};
use crate::passes::rewriter::{Rewriter, Site};

rules! {
    /// Constants.
    pub(super) RULES:
    // Units: 0 + -0 is 0 but -0 + 0 is 0 too, so only -0 is a unit of float addition.
    add_zero, Binary, on::int, "add(x, 0)" => "x", |r, s| unit(r, s, Add, |c| c.dtype().is_int() && is(c, 0.0));
    add_minus_zero, Binary, on::float, "add(x, -0)" => "x", |r, s| unit(r, s, Add, |c| c.dtype().is_float() && is(c, -0.0));
    mul_one, Binary, on::number, "mul(x, 1)" => "x", |r, s| unit(r, s, Mul, |c| is(c, 1.0));
    div_one, Binary, on::number, "div(x, 1)" => "x", |r, s| unit(r, s, Div, |c| is(c, 1.0));
    floordiv_one, Binary, on::int, "floordiv(x, 1)" => "x", |r, s| unit(r, s, Floordiv, |c| c.dtype().is_int() && is(c, 1.0));
    pow_one, Binary, on::number, "pow(x, 1)" => "x", |r, s| unit(r, s, Pow, |c| is(c, 1.0));
    and_ones, Binary, on::bits, "and(x, ones)" => "x", |r, s| unit(r, s, And, is_ones);
    or_zero, Binary, on::bits, "or(x, 0)" => "x", |r, s| unit(r, s, Or, |c| is(c, 0.0));
    xor_zero, Binary, on::bits, "xor(x, 0)" => "x", |r, s| unit(r, s, Xor, |c| is(c, 0.0));
    shl_zero, Binary, on::int, "shl(x, 0)" => "x", |r, s| unit(r, s, Shl, |c| is(c, 0.0));
    shr_logic_zero, Binary, on::int, "shr_logic(x, 0)" => "x", |r, s| unit(r, s, ShrLogic, |c| is(c, 0.0));
    shr_arith_zero, Binary, on::int, "shr_arith(x, 0)" => "x", |r, s| unit(r, s, ShrArith, |c| is(c, 0.0));
    max_lowest, Binary, on::any, "maximum(x, lowest)" => "x", |r, s| unit(r, s, Maximum, |c| c == Scalar::lowest(c.dtype()));
    min_highest, Binary, on::any, "minimum(x, highest)" => "x", |r, s| unit(r, s, Minimum, |c| c == Scalar::highest(c.dtype()));
    // Zeros. For floats NaN and infinities stand against them.
    mul_zero, Binary, on::int, "mul(x, 0)" => "0", |r, s| zero(r, s, Mul, |c| c.dtype().is_int() && is(c, 0.0));
    and_zero, Binary, on::bits, "and(x, 0)" => "0", |r, s| zero(r, s, And, |c| is(c, 0.0));
    or_ones, Binary, on::bits, "or(x, ones)" => "ones", |r, s| zero(r, s, Or, is_ones);
    max_highest, Binary, on::bits, "maximum(x, highest)" => "highest", |r, s| zero(r, s, Maximum, |c| !c.dtype().is_float() && c == Scalar::highest(c.dtype()));
    min_lowest, Binary, on::bits, "minimum(x, lowest)" => "lowest", |r, s| zero(r, s, Minimum, |c| !c.dtype().is_float() && c == Scalar::lowest(c.dtype()));
    zero_div, Binary, on::int, "div(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, Div));
    zero_floordiv, Binary, on::int, "floordiv(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, Floordiv));
    zero_rem, Binary, on::int, "rem(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, Rem));
    zero_floor_mod, Binary, on::int, "floor_mod(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, FloorMod));
    zero_shl, Binary, on::int, "shl(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, Shl));
    zero_shr_logic, Binary, on::int, "shr_logic(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, ShrLogic));
    zero_shr_arith, Binary, on::int, "shr_arith(0, x)" => "0", |r, s| Ok(zero_on_the_left(r, s, ShrArith));
    rem_one, Binary, on::int, "rem(x, 1)" => "0", |r, s| constant_result(r, s, Rem, |c| c.dtype().is_int() && is(c, 1.0), 0.0);
    floor_mod_one, Binary, on::int, "floor_mod(x, 1)" => "0", |r, s| constant_result(r, s, FloorMod, |c| c.dtype().is_int() && is(c, 1.0), 0.0);
    pow_zero, Binary, on::number, "pow(x, 0)" => "1", |r, s| constant_result(r, s, Pow, |c| is(c, 0.0), 1.0);
    // Signs.
    mul_minus_one, Binary, on::signed, "mul(x, -1)" => "neg(x)", |r, s| negated(r, s, Mul);
    div_minus_one, Binary, on::signed, "div(x, -1)" => "neg(x)", |r, s| negated(r, s, Div);
    zero_sub, Binary, on::signed_int, "sub(0, x)" => "neg(x)", |r, s| from_zero(r, s, 0.0, on::signed_int);
    minus_zero_sub, Binary, on::float, "sub(-0, x)" => "neg(x)", |r, s| from_zero(r, s, -0.0, on::float);
    sub_constant, Binary, on::number, "sub(x, 3)" => "add(x, -3)", sub_constant;
    mul_neg_constant, Binary, on::signed, "mul(neg(x), 3)" => "mul(x, -3)", |r, s| sign_into_constant(r, s, Mul, on::signed);
    div_neg_constant, Binary, on::float, "div(neg(x), 3)" => "div(x, -3)", |r, s| sign_into_constant(r, s, Div, on::float);
    neg_mul_constant, Unary, on::signed, "neg(mul(x, 3))" => "mul(x, -3)", neg_mul_constant;
    xor_ones, Binary, on::bits, "xor(x, ones)" => "not(x)", xor_ones;
    // Cheaper functions.
    pow_two, Binary, on::number, "pow(x, 2)" => "mul(x, x)", pow_two;
    div_power_of_two, Binary, on::float, "div(x, 8)" => "mul(x, 0.125)", div_power_of_two;
    mul_power_of_two, Binary, on::int, "mul(x, 8)" => "shl(x, 3)", |r, s| shift(r, s, Mul, Shl, log2);
    unsigned_div, Binary, on::unsigned, "div(x, 8)" => "shr_logic(x, 3)", |r, s| shift(r, s, Div, ShrLogic, unsigned_log2);
    unsigned_floordiv, Binary, on::unsigned, "floordiv(x, 8)" => "shr_logic(x, 3)", |r, s| shift(r, s, Floordiv, ShrLogic, unsigned_log2);
    signed_floordiv, Binary, on::signed_int, "floordiv(x, 8)" => "shr_arith(x, 3)", |r, s| shift(r, s, Floordiv, ShrArith, |c| positive_log2(c).filter(|_| c.dtype().is_signed_int()));
    unsigned_rem, Binary, on::unsigned, "rem(x, 8)" => "and(x, 7)", |r, s| mask(r, s, Rem, unsigned_log2);
    int_floor_mod, Binary, on::int, "floor_mod(x, 8)" => "and(x, 7)", |r, s| mask(r, s, FloorMod, positive_log2);
    // Two constants as one, where the order of operations does not matter.
    add_add, Binary, on::int, "add(add(x, 3), 4)" => "add(x, 7)", |r, s| merged(r, s, Add, on::int);
    mul_mul, Binary, on::int, "mul(mul(x, 3), 5)" => "mul(x, 15)", |r, s| merged(r, s, Mul, on::int);
    and_and, Binary, on::bits, "and(and(x, 6), 3)" => "and(x, 2)", |r, s| merged(r, s, And, on::bits);
    or_or, Binary, on::bits, "or(or(x, 6), 3)" => "or(x, 7)", |r, s| merged(r, s, Or, on::bits);
    xor_xor, Binary, on::int, "xor(xor(x, 6), 3)" => "xor(x, 5)", |r, s| merged(r, s, Xor, on::int);
    max_max, Binary, on::any, "maximum(maximum(x, 6), 3)" => "maximum(x, 6)", |r, s| merged(r, s, Maximum, on::any);
    min_min, Binary, on::any, "minimum(minimum(x, 6), 3)" => "minimum(x, 3)", |r, s| merged(r, s, Minimum, on::any);
    clamp_lowest, Clamp, on::number, "clamp(lowest, x, y)" => "minimum(x, y)", |r, s| clamp_on_one_side(r, s, 0, Minimum);
    clamp_highest, Clamp, on::number, "clamp(y, x, highest)" => "maximum(x, y)", |r, s| clamp_on_one_side(r, s, 2, Maximum);
}

fn unit(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, is_unit: fn(Scalar) -> bool) -> Rewritten {
    Ok(binary_constant(r, s, f).filter(|&(_, c)| is_unit(c)).map(|(x, _)| x))
}

/// The constant operand is the result.
fn zero(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, is_zero: fn(Scalar) -> bool) -> Rewritten {
    Ok(binary_constant(r, s, f).filter(|&(_, c)| is_zero(c)).map(|_| s.operands[1]))
}

fn zero_on_the_left(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn) -> Option<Value> {
    let [zero, _] = binary(s, f)?;
    splat(r.graph(), zero).filter(|c| c.dtype().is_int() && is(*c, 0.0)).map(|_| zero)
}

fn constant_result(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: BinaryFn,
    applies: fn(Scalar) -> bool,
    result: f64,
) -> Rewritten {
    match binary_constant(r, s, f) {
        Some((x, c)) if applies(c) => constant(r, Scalar::from_f64(c.dtype(), result), x).map(Some),
        _ => Ok(None),
    }
}

fn negated(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn) -> Rewritten {
    match binary_constant(r, s, f) {
        Some((x, c)) if is(c, -1.0) => r.build().neg(x).map(Some),
        _ => Ok(None),
    }
}

fn from_zero(r: &mut Rewriter<'_>, s: &Site<'_>, zero: f64, on: fn(DType) -> bool) -> Rewritten {
    let Some([c, x]) = binary(s, Sub) else { return Ok(None) };
    match splat(r.graph(), c) {
        Some(c) if on(c.dtype()) && is(c, zero) => r.build().neg(x).map(Some),
        _ => Ok(None),
    }
}

/// The negated constant; integers wrap, unsigned ones too.
fn minus(c: Scalar) -> Scalar {
    if c.dtype().is_float() { UnaryFn::Neg.eval(c) } else { Scalar::from_i128(c.dtype(), -c.to_i128()) }
}

fn sub_constant(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match binary_constant(r, s, Sub) {
        Some((x, c)) if splat(r.graph(), x).is_none() => with_constant(r, Add, x, minus(c)),
        _ => Ok(None),
    }
}

fn sign_into_constant(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, on: fn(DType) -> bool) -> Rewritten {
    let Some((negated, c)) = binary_constant(r, s, f) else { return Ok(None) };
    match made_by_unary(r, negated, UnaryFn::Neg) {
        Some(x) if on(c.dtype()) => with_constant(r, f, x, minus(c)),
        _ => Ok(None),
    }
}

fn neg_mul_constant(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let Some([x, c]) = unary(s, UnaryFn::Neg).and_then(|x| made_by_binary(r, x, Mul)) else {
        return Ok(None);
    };
    match splat(r.graph(), c) {
        Some(c) => with_constant(r, Mul, x, minus(c)),
        None => Ok(None),
    }
}

fn xor_ones(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match binary_constant(r, s, Xor) {
        Some((x, c)) if is_ones(c) => r.build().not(x).map(Some),
        _ => Ok(None),
    }
}

fn pow_two(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match binary_constant(r, s, Pow) {
        Some((x, c)) if is(c, 2.0) => r.build().mul(x, x).map(Some),
        _ => Ok(None),
    }
}

/// Both are the correctly rounded quotient, if the reciprocal is a float of the dtype.
fn div_power_of_two(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let Some((x, c)) = binary_constant(r, s, Div) else { return Ok(None) };
    let exact = exact_reciprocal(c).filter(|_| c.dtype().is_float());
    exact.map_or(Ok(None), |reciprocal| with_constant(r, Mul, x, reciprocal))
}

/// `1 / c` of a power of two, if it is finite.
fn exact_reciprocal(c: Scalar) -> Option<Scalar> {
    let value = c.to_f64();
    let reciprocal = Scalar::from_f64(c.dtype(), 1.0 / value);
    let power_of_two = value.is_normal() && value.to_bits().trailing_zeros() >= 52;
    let exact = reciprocal.to_f64() * value == 1.0;
    (power_of_two && exact && !is(c, 1.0) && !is(c, -1.0)).then_some(reciprocal)
}

fn unsigned_log2(c: Scalar) -> Option<i128> {
    log2(c).filter(|_| c.dtype().is_unsigned_int())
}

fn shift(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: BinaryFn,
    shift: BinaryFn,
    log2: fn(Scalar) -> Option<i128>,
) -> Rewritten {
    let Some((x, c)) = binary_constant(r, s, f) else { return Ok(None) };
    let amount = log2(c).filter(|&amount| amount > 0);
    amount.map_or(Ok(None), |amount| with_constant(r, shift, x, Scalar::from_i128(c.dtype(), amount)))
}

fn mask(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, log2: fn(Scalar) -> Option<i128>) -> Rewritten {
    let Some((x, c)) = binary_constant(r, s, f) else { return Ok(None) };
    let bits = log2(c).map(|amount| (1i128 << amount) - 1);
    bits.map_or(Ok(None), |bits| with_constant(r, And, x, Scalar::from_i128(c.dtype(), bits)))
}

pub(super) fn merged(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, on: fn(DType) -> bool) -> Rewritten {
    let Some((inner, outer_constant)) = binary_constant(r, s, f) else { return Ok(None) };
    let Some([x, c]) = made_by_binary(r, inner, f) else { return Ok(None) };
    match splat(r.graph(), c) {
        Some(c) if on(c.dtype()) => with_constant(r, f, x, f.eval(c, outer_constant)),
        _ => Ok(None),
    }
}

fn clamp_on_one_side(r: &mut Rewriter<'_>, s: &Site<'_>, unlimited: usize, f: BinaryFn) -> Rewritten {
    let limit = splat(r.graph(), s.operands[unlimited]);
    let is_unlimited = |c: Scalar| match f {
        Minimum => c == Scalar::lowest(c.dtype()),
        _ => c == Scalar::highest(c.dtype()),
    };
    if !limit.is_some_and(is_unlimited) {
        return Ok(None);
    }
    r.build().push_one(f, &[s.operands[1], s.operands[2 - unlimited]]).map(Some)
}
