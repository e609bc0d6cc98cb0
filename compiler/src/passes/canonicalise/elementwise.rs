//! The order of operands.

use tensorwright_ir::Value;
use tensorwright_ir::op::primitive::{BinaryFn, CompareFn};

use crate::passes::pattern::{Rewritten, is_constant};
use crate::passes::rewriter::Rewriter;

pub(super) fn binary(r: &mut Rewriter<'_>, f: BinaryFn, x: Value, y: Value) -> Rewritten {
    let wrong_side = is_constant(r.graph(), x) && !is_constant(r.graph(), y);
    if !(wrong_side && f.commutes()) {
        return Ok(None);
    }
    r.build().push_one(f, &[y, x]).map(Some)
}

/// Constants to the right; of two other values in descending order `<` and `<=` say the same.
pub(super) fn compare(r: &mut Rewriter<'_>, f: CompareFn, x: Value, y: Value) -> Rewritten {
    let Some(mirrored) = f.mirrored() else { return Ok(None) };
    let (x_constant, y_constant) = (is_constant(r.graph(), x), is_constant(r.graph(), y));
    let descending = matches!(f, CompareFn::Gt | CompareFn::Ge);
    if x_constant && !y_constant || x_constant == y_constant && descending {
        return r.build().push_one(mirrored, &[y, x]).map(Some);
    }
    Ok(None)
}
