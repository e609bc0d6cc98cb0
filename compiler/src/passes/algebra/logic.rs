//! Rules about bits, comparisons and choices.

use super::{on, rules};

rules! {
    /// Bits.
    pub(super) BITS:
    and_self, on::bits, "and(x, x)" => "x";
    or_self, on::bits, "or(x, x)" => "x";
    xor_self, on::bits, "xor(x, x)" => "0";
    not_not, on::bits, "not(not(x))" => "x";
    xor_cancel, on::bits, "xor(xor(x, y), y)" => "x";
    and_or_left, on::bits, "and(x, or(x, y))" => "x";
    and_or_right, on::bits, "and(x, or(y, x))" => "x";
    or_and_left, on::bits, "or(x, and(x, y))" => "x";
    or_and_right, on::bits, "or(x, and(y, x))" => "x";
}

rules! {
    /// Comparisons. NaN is not equal to itself, and the opposite of `<` is not `>=` where it may occur.
    pub(super) COMPARISONS:
    eq_self, on::bits, "eq(x, x)" => "true";
    ne_self, on::bits, "ne(x, x)" => "false";
    le_self, on::bits, "le(x, x)" => "true";
    lt_self, on::any, "lt(x, x)" => "false";
    le_total_self, on::any, "le_total(x, x)" => "true";
    lt_total_self, on::any, "lt_total(x, x)" => "false";
    ne_self_is_nan, on::float, "ne(x, x)" => "is_nan(x)";
    lt_lowest, on::any, "lt(x, lowest)" => "false";
    gt_highest, on::any, "gt(x, highest)" => "false";
    ge_lowest, on::bits, "ge(x, lowest)" => "true";
    le_highest, on::bits, "le(x, highest)" => "true";
    eq_nan, on::float, "eq(x, nan)" => "false";
    ne_nan, on::float, "ne(x, nan)" => "true";
    eq_true, on::bool, "eq(x, true)" => "x";
    ne_false, on::bool, "ne(x, false)" => "x";
    eq_false, on::bool, "eq(x, false)" => "not(x)";
    ne_true, on::bool, "ne(x, true)" => "not(x)";
    not_eq, on::any, "not(eq(x, y))" => "ne(x, y)";
    not_ne, on::any, "not(ne(x, y))" => "eq(x, y)";
    not_lt, on::bits, "not(lt(x, y))" => "le(y, x)";
    not_le, on::bits, "not(le(x, y))" => "lt(y, x)";
    not_gt, on::bits, "not(gt(x, y))" => "le(x, y)";
    not_ge, on::bits, "not(ge(x, y))" => "lt(x, y)";
    not_lt_total, on::any, "not(lt_total(x, y))" => "le_total(y, x)";
    not_le_total, on::any, "not(le_total(x, y))" => "lt_total(y, x)";
}

rules! {
    /// Choices.
    pub(super) CHOICES:
    select_same, on::any, "select(p, x, x)" => "x";
    select_true, on::any, "select(true, x, y)" => "x";
    select_false, on::any, "select(false, x, y)" => "y";
    select_not, on::any, "select(not(p), x, y)" => "select(p, y, x)";
    select_true_false, on::any, "select(p, true, false)" => "p";
    select_false_true, on::any, "select(p, false, true)" => "not(p)";
    select_and, on::any, "select(p, q, false)" => "and(p, q)";
    select_or, on::any, "select(p, true, q)" => "or(p, q)";
    select_one_zero, on::number, "select(p, 1, 0)" => "cast(p)";
    select_select_true, on::any, "select(p, select(p, x, y), z)" => "select(p, x, z)";
    select_select_false, on::any, "select(p, x, select(p, y, z))" => "select(p, x, z)";
}
