//! Rules about bits, comparisons and choices.

use tensorwright_ir::op::primitive::BinaryFn::*;
use tensorwright_ir::op::primitive::CompareFn::{self, *};
use tensorwright_ir::op::primitive::{BinaryFn, UnaryFn};
use tensorwright_ir::{DType, Op, Scalar, Value};

use super::arithmetic::{same, zero_of_same};
use super::matching::*;
use super::rules;
use crate::passes::pattern::{Rewritten, made_by, splat};
use crate::passes::rewriter::{Rewriter, Site};

rules! {
    /// Bits.
    pub(super) BITS:
    and_self, Binary, on::bits, "and(x, x)" => "x", |_, s| Ok(same(s, And));
    or_self, Binary, on::bits, "or(x, x)" => "x", |_, s| Ok(same(s, Or));
    xor_self, Binary, on::bits, "xor(x, x)" => "0", |r, s| zero_of_same(r, s, Xor, on::any);
    not_not, Unary, on::bits, "not(not(x))" => "x", |r, s| Ok(unary(s, UnaryFn::Not).and_then(|x| made_by_unary(r, x, UnaryFn::Not)));
    xor_cancel, Binary, on::bits, "xor(xor(x, y), y)" => "x", |r, s| Ok(xor_cancel(r, s));
    and_or, Binary, on::bits, "and(x, or(x, y))" => "x", |r, s| Ok(absorbed(r, s, And, Or));
    or_and, Binary, on::bits, "or(x, and(x, y))" => "x", |r, s| Ok(absorbed(r, s, Or, And));
}

rules! {
    /// Comparisons. NaN is not equal to itself, and the opposite of `<` is not `>=` where it may occur.
    pub(super) COMPARISONS:
    eq_self, Compare, on::bits, "eq(x, x)" => "true", |r, s| compare_self(r, s, Eq, on::bits, true);
    ne_self, Compare, on::bits, "ne(x, x)" => "false", |r, s| compare_self(r, s, Ne, on::bits, false);
    le_self, Compare, on::bits, "le(x, x)" => "true", |r, s| compare_self(r, s, Le, on::bits, true);
    lt_self, Compare, on::any, "lt(x, x)" => "false", |r, s| compare_self(r, s, Lt, on::any, false);
    le_total_self, Compare, on::any, "le_total(x, x)" => "true", |r, s| compare_self(r, s, LeTotal, on::any, true);
    lt_total_self, Compare, on::any, "lt_total(x, x)" => "false", |r, s| compare_self(r, s, LtTotal, on::any, false);
    ne_self_is_nan, Compare, on::float, "ne(x, x)" => "is_nan(x)", ne_self_is_nan;
    lt_lowest, Compare, on::any, "lt(x, lowest)" => "false", |r, s| against_end(r, s, Lt, Scalar::lowest, on::any, false);
    gt_highest, Compare, on::any, "gt(x, highest)" => "false", |r, s| against_end(r, s, Gt, Scalar::highest, on::any, false);
    ge_lowest, Compare, on::bits, "ge(x, lowest)" => "true", |r, s| against_end(r, s, Ge, Scalar::lowest, on::bits, true);
    le_highest, Compare, on::bits, "le(x, highest)" => "true", |r, s| against_end(r, s, Le, Scalar::highest, on::bits, true);
    eq_nan, Compare, on::float, "eq(x, nan)" => "false", |r, s| against_nan(r, s, Eq, false);
    ne_nan, Compare, on::float, "ne(x, nan)" => "true", |r, s| against_nan(r, s, Ne, true);
    eq_true, Compare, on::bool, "eq(x, true)" => "x", |r, s| Ok(bool_constant(r, s, Eq, true));
    ne_false, Compare, on::bool, "ne(x, false)" => "x", |r, s| Ok(bool_constant(r, s, Ne, false));
    eq_false, Compare, on::bool, "eq(x, false)" => "not(x)", |r, s| not_of(r, bool_constant(r, s, Eq, false));
    ne_true, Compare, on::bool, "ne(x, true)" => "not(x)", |r, s| not_of(r, bool_constant(r, s, Ne, true));
    not_eq, Unary, on::any, "not(eq(x, y))" => "ne(x, y)", |r, s| opposite(r, s, Eq, Ne, false, on::any);
    not_ne, Unary, on::any, "not(ne(x, y))" => "eq(x, y)", |r, s| opposite(r, s, Ne, Eq, false, on::any);
    not_lt, Unary, on::bits, "not(lt(x, y))" => "le(y, x)", |r, s| opposite(r, s, Lt, Le, true, on::bits);
    not_le, Unary, on::bits, "not(le(x, y))" => "lt(y, x)", |r, s| opposite(r, s, Le, Lt, true, on::bits);
    not_gt, Unary, on::bits, "not(gt(x, y))" => "le(x, y)", |r, s| opposite(r, s, Gt, Le, false, on::bits);
    not_ge, Unary, on::bits, "not(ge(x, y))" => "lt(x, y)", |r, s| opposite(r, s, Ge, Lt, false, on::bits);
    not_lt_total, Unary, on::any, "not(lt_total(x, y))" => "le_total(y, x)", |r, s| opposite(r, s, LtTotal, LeTotal, true, on::any);
    not_le_total, Unary, on::any, "not(le_total(x, y))" => "lt_total(y, x)", |r, s| opposite(r, s, LeTotal, LtTotal, true, on::any);
}

rules! {
    /// Choices.
    pub(super) CHOICES:
    select_same, Select, on::any, "select(p, x, x)" => "x", |_, s| Ok((s.operands[1] == s.operands[2]).then_some(s.operands[1]));
    select_true, Select, on::any, "select(true, x, y)" => "x", |r, s| Ok(chosen(r, s, true));
    select_false, Select, on::any, "select(false, x, y)" => "y", |r, s| Ok(chosen(r, s, false));
    select_not, Select, on::any, "select(not(p), x, y)" => "select(p, y, x)", select_not;
    select_true_false, Select, on::any, "select(p, true, false)" => "p", |r, s| Ok(branches(r, s, true, false));
    select_false_true, Select, on::any, "select(p, false, true)" => "not(p)", |r, s| not_of(r, branches(r, s, false, true));
    select_and, Select, on::any, "select(p, q, false)" => "and(p, q)", |r, s| select_bits(r, s, 2, false, And);
    select_or, Select, on::any, "select(p, true, q)" => "or(p, q)", |r, s| select_bits(r, s, 1, true, Or);
    select_one_zero, Select, on::number, "select(p, 1, 0)" => "cast(p)", select_one_zero;
    select_select_true, Select, on::any, "select(p, select(p, x, y), z)" => "select(p, x, z)", |r, s| nested(r, s, 1);
    select_select_false, Select, on::any, "select(p, x, select(p, y, z))" => "select(p, x, z)", |r, s| nested(r, s, 2);
}

fn xor_cancel(r: &Rewriter<'_>, s: &Site<'_>) -> Option<Value> {
    let [inner, y] = binary(s, Xor)?;
    let [x, same] = made_by_binary(r, inner, Xor)?;
    (same == y).then_some(x)
}

/// `f(x, g(x, y))` where `f` takes in whatever `g` adds.
fn absorbed(r: &Rewriter<'_>, s: &Site<'_>, f: BinaryFn, g: BinaryFn) -> Option<Value> {
    let [x, inner] = binary(s, f)?;
    made_by_binary(r, inner, g)?.contains(&x).then_some(x)
}

fn compare_self(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: CompareFn,
    on: fn(DType) -> bool,
    result: bool,
) -> Rewritten {
    match compare(s, f) {
        Some([x, y]) if x == y && on(dtype(r, x)) => constant(r, Scalar::Bool(result), x).map(Some),
        _ => Ok(None),
    }
}

fn ne_self_is_nan(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    match compare(s, Ne) {
        Some([x, y]) if x == y && dtype(r, x).is_float() => r.build().is_nan(x).map(Some),
        _ => Ok(None),
    }
}

fn against_end(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: CompareFn,
    end: fn(DType) -> Scalar,
    on: fn(DType) -> bool,
    result: bool,
) -> Rewritten {
    match compare_constant(r, s, f) {
        Some((x, c)) if on(c.dtype()) && c == end(c.dtype()) => {
            constant(r, Scalar::Bool(result), x).map(Some)
        }
        _ => Ok(None),
    }
}

fn against_nan(r: &mut Rewriter<'_>, s: &Site<'_>, f: CompareFn, result: bool) -> Rewritten {
    match compare_constant(r, s, f) {
        Some((x, c)) if c.dtype().is_float() && c.to_f64().is_nan() => {
            constant(r, Scalar::Bool(result), x).map(Some)
        }
        _ => Ok(None),
    }
}

fn bool_constant(r: &Rewriter<'_>, s: &Site<'_>, f: CompareFn, wanted: bool) -> Option<Value> {
    compare_constant(r, s, f).filter(|&(_, c)| c == Scalar::Bool(wanted)).map(|(x, _)| x)
}

fn not_of(r: &mut Rewriter<'_>, x: Option<Value>) -> Rewritten {
    x.map_or(Ok(None), |x| r.build().not(x).map(Some))
}

/// The negated comparison as another one, of swapped operands if need be.
fn opposite(
    r: &mut Rewriter<'_>,
    s: &Site<'_>,
    f: CompareFn,
    g: CompareFn,
    swap: bool,
    on: fn(DType) -> bool,
) -> Rewritten {
    let Some([x, y]) = unary(s, UnaryFn::Not).and_then(|x| compared(r, x, f)) else { return Ok(None) };
    if !on(dtype(r, x)) {
        return Ok(None);
    }
    r.build().push_one(g, &if swap { [y, x] } else { [x, y] }).map(Some)
}

fn chosen(r: &Rewriter<'_>, s: &Site<'_>, predicate: bool) -> Option<Value> {
    let known = splat(r.graph(), s.operands[0])?;
    (known == Scalar::Bool(predicate)).then(|| s.operands[if predicate { 1 } else { 2 }])
}

fn select_not(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let [p, x, y] = [s.operands[0], s.operands[1], s.operands[2]];
    let positive = made_by_unary(r, p, UnaryFn::Not);
    positive.map_or(Ok(None), |p| r.build().select(p, y, x).map(Some))
}

/// The predicate, if the branches are these.
fn branches(r: &Rewriter<'_>, s: &Site<'_>, on_true: bool, on_false: bool) -> Option<Value> {
    let known = |i: usize| splat(r.graph(), s.operands[i]);
    let fits = known(1)? == Scalar::Bool(on_true) && known(2)? == Scalar::Bool(on_false);
    fits.then(|| s.operands[0])
}

/// A choice of bools with one branch known is a function of the predicate and the other branch.
fn select_bits(r: &mut Rewriter<'_>, s: &Site<'_>, at: usize, wanted: bool, f: BinaryFn) -> Rewritten {
    if splat(r.graph(), s.operands[at]) != Some(Scalar::Bool(wanted)) {
        return Ok(None);
    }
    r.build().push_one(f, &[s.operands[0], s.operands[3 - at]]).map(Some)
}

fn select_one_zero(r: &mut Rewriter<'_>, s: &Site<'_>) -> Rewritten {
    let known = |i: usize| splat(r.graph(), s.operands[i]);
    match (known(1), known(2)) {
        (Some(one), Some(zero)) if one.dtype().is_number() && is(one, 1.0) && is(zero, 0.0) => {
            r.build().cast(s.operands[0], one.dtype()).map(Some)
        }
        _ => Ok(None),
    }
}

/// A choice by the same predicate in branch `at` has been made already.
fn nested(r: &mut Rewriter<'_>, s: &Site<'_>, at: usize) -> Rewritten {
    let inner = match made_by(r.graph(), s.operands[at]) {
        Some((Op::Select(_), operands)) if operands[0] == s.operands[0] => operands[at],
        _ => return Ok(None),
    };
    let mut operands = s.operands.clone();
    operands[at] = inner;
    r.build().select(operands[0], operands[1], operands[2]).map(Some)
}
