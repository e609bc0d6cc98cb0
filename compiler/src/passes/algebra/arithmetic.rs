//! Rules about the structure of arithmetic, without constants.

use super::{on, rules};

rules! {
    /// Arithmetic.
    pub(super) RULES:
    max_self, on::any, "maximum(x, x)" => "x";
    min_self, on::any, "minimum(x, x)" => "x";
    sub_self, on::int, "sub(x, x)" => "0";
    neg_neg, on::signed, "neg(neg(x))" => "x";
    abs_abs, on::signed, "abs(abs(x))" => "abs(x)";
    sign_sign, on::signed, "sign(sign(x))" => "sign(x)";
    floor_rounded, on::float, "floor(r)" => "r";
    ceil_rounded, on::float, "ceil(r)" => "r";
    round_even_rounded, on::float, "round_even(r)" => "r";
    round_half_away_rounded, on::float, "round_half_away(r)" => "r";
    trunc_rounded, on::float, "trunc(r)" => "r";
    abs_neg, on::signed, "abs(neg(x))" => "abs(x)";
    add_neg, on::signed, "add(x, neg(y))" => "sub(x, y)";
    neg_add, on::signed, "add(neg(x), y)" => "sub(y, x)";
    sub_neg, on::signed, "sub(x, neg(y))" => "add(x, y)";
    mul_neg_neg, on::signed, "mul(neg(x), neg(y))" => "mul(x, y)";
    div_neg_neg, on::float, "div(neg(x), neg(y))" => "div(x, y)";
    neg_sub, on::signed_int, "neg(sub(x, y))" => "sub(y, x)";
    sub_add_right, on::int, "add(sub(x, y), y)" => "x";
    sub_add_left, on::int, "add(y, sub(x, y))" => "x";
    add_sub_right, on::int, "sub(add(x, y), y)" => "x";
    add_sub_left, on::int, "sub(add(y, x), y)" => "x";
}
