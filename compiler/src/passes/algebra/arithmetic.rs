//! Rules about the structure of arithmetic, without constants.

use tensorwright_ir::op::primitive::BinaryFn::{self, *};
use tensorwright_ir::op::primitive::UnaryFn::{self, *};
use tensorwright_ir::{DType, Op, Scalar, Value};

use super::matching::*;
use super::rules;
use crate::passes::pattern::{Rewritten, made_by};
use crate::passes::rewriter::{Rewriter, Site};

rules! {
    /// Arithmetic.
    pub(super) RULES:
    max_self, Binary, on::any, "maximum(x, x)" => "x", |_, s| Ok(same(s, Maximum));
    min_self, Binary, on::any, "minimum(x, x)" => "x", |_, s| Ok(same(s, Minimum));
    sub_self, Binary, on::int, "sub(x, x)" => "0", |r, s| zero_of_same(r, s, Sub, on::int);
    neg_neg, Unary, on::signed, "neg(neg(x))" => "x", |r, s| Ok(unary(s, Neg).and_then(|x| made_by_unary(r, x, Neg)));
    abs_abs, Unary, on::signed, "abs(abs(x))" => "abs(x)", |r, s| Ok(idempotent(r, s, &[Abs]));
    sign_sign, Unary, on::signed, "sign(sign(x))" => "sign(x)", |r, s| Ok(idempotent(r, s, &[Sign]));
    round_rounded, Unary, on::float, "floor(ceil(x))" => "ceil(x)", |r, s| Ok(idempotent(r, s, ROUNDINGS));
    abs_neg, Unary, on::signed, "abs(neg(x))" => "abs(x)", abs_neg;
    add_neg, Binary, on::signed, "add(x, neg(y))" => "sub(x, y)", |r, s| absorb_neg(r, s, Add, 1, Sub);
    neg_add, Binary, on::signed, "add(neg(x), y)" => "sub(y, x)", |r, s| absorb_neg(r, s, Add, 0, Sub);
    sub_neg, Binary, on::signed, "sub(x, neg(y))" => "add(x, y)", |r, s| absorb_neg(r, s, Sub, 1, Add);
    mul_neg_neg, Binary, on::signed, "mul(neg(x), neg(y))" => "mul(x, y)", |r, s| both_negated(r, s, Mul, on::signed);
    div_neg_neg, Binary, on::float, "div(neg(x), neg(y))" => "div(x, y)", |r, s| both_negated(r, s, Div, on::float);
    neg_sub, Unary, on::signed_int, "neg(sub(x, y))" => "sub(y, x)", |r, s| neg_sub(r, s, on::signed_int);
    sub_add_right, Binary, on::int, "add(sub(x, y), y)" => "x", |r, s| Ok(cancel(r, s, Add, Sub));
    sub_add_left, Binary, on::int, "add(y, sub(x, y))" => "x", |r, s| Ok(cancel_on_the_right(r, s));
    add_sub_right, Binary, on::int, "sub(add(x, y), y)" => "x", |r, s| Ok(cancel(r, s, Sub, Add));
    add_sub_left, Binary, on::int, "sub(add(y, x), y)" => "x", |r, s| Ok(cancel_first(r, s));
}

const ROUNDINGS: &[UnaryFn] = &[Floor, Ceil, RoundEven, RoundHalfAway, Trunc];

pub(super) fn same(s: &Site<'_>, f: BinaryFn) -> Option<Value> {
    binary(s, f).filter(|[x, y]| x == y).map(|[x, _]| x)
}

pub(super) fn zero_of_same(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: BinaryFn,
    on: fn(DType) -> bool,
) -> Rewritten {
    let x = same(s, f).filter(|&x| on(dtype(r, x)));
    x.map_or(Ok(None), |x| {
        let zero = Scalar::zero(dtype(r, x));
        constant(r, zero, x).map(Some)
    })
}

/// A function of what one of the same kind has made leaves it as it is.
fn idempotent(r: &Rewriter<'_>, s: &Site<'_>, functions: &[UnaryFn]) -> Option<Value> {
    let is_one = |op: &Op| matches!(op, Op::Unary(f) if functions.contains(f));
    let x = *s.operands.first()?;
    let (inner, _) = made_by(r.graph(), x)?;
    (is_one(&s.node.op) && is_one(inner)).then_some(x)
}

fn abs_neg(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let x = unary(s, Abs).and_then(|x| made_by_unary(r, x, Neg));
    x.map_or(Ok(None), |x| r.build().abs(x).map(Some))
}

/// The function `f` whose operand `at` is negated is the function `g` of the other operand and what was negated.
fn absorb_neg(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, at: usize, g: BinaryFn) -> Rewritten {
    let Some(operands) = binary(s, f) else { return Ok(None) };
    let negated = made_by_unary(r, operands[at], Neg);
    negated.map_or(Ok(None), |x| r.build().push_one(g, &[operands[1 - at], x]).map(Some))
}

fn both_negated(r: &mut Rewriter<'_>, s: &Site<'_>, f: BinaryFn, on: fn(DType) -> bool) -> Rewritten {
    let Some([x, y]) = binary(s, f) else { return Ok(None) };
    match (made_by_unary(r, x, Neg), made_by_unary(r, y, Neg)) {
        (Some(x), Some(y)) if on(dtype(r, x)) => r.build().push_one(f, &[x, y]).map(Some),
        _ => Ok(None),
    }
}

pub(super) fn neg_sub(r: &mut Rewriter<'_>, s: &Site<'_>, on: fn(DType) -> bool) -> Rewritten {
    let Some([x, y]) = unary(s, Neg).and_then(|x| made_by_binary(r, x, Sub)) else { return Ok(None) };
    if on(dtype(r, x)) { r.build().sub(y, x).map(Some) } else { Ok(None) }
}

/// `f(g(x, y), y)` where `f` undoes `g`.
fn cancel(r: &Rewriter<'_>, s: &Site<'_>, f: BinaryFn, g: BinaryFn) -> Option<Value> {
    let [inner, y] = binary(s, f)?;
    let [x, same] = made_by_binary(r, inner, g)?;
    (same == y && dtype(r, y).is_int()).then_some(x)
}

fn cancel_on_the_right(r: &Rewriter<'_>, s: &Site<'_>) -> Option<Value> {
    let [y, inner] = binary(s, Add)?;
    let [x, same] = made_by_binary(r, inner, Sub)?;
    (same == y && dtype(r, y).is_int()).then_some(x)
}

fn cancel_first(r: &Rewriter<'_>, s: &Site<'_>) -> Option<Value> {
    let [inner, y] = binary(s, Sub)?;
    let [same, x] = made_by_binary(r, inner, Add)?;
    (same == y && dtype(r, y).is_int()).then_some(x)
}
