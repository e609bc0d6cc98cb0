//! What rules match with.

use tensorwright_ir::op::primitive::{BinaryFn, CompareFn, UnaryFn};
use tensorwright_ir::{BuildError, DType, Op, Scalar, Value};

use crate::passes::pattern::{self, splat};
use crate::passes::rewriter::{Rewriter, Site};

/// The operand, if the node is this function.
pub(super) fn unary(s: &Site<'_>, f: UnaryFn) -> Option<Value> {
    matches!(s.node.op, Op::Unary(g) if g == f).then(|| s.operands[0])
}

/// The operands, if the node is this function.
pub(super) fn binary(s: &Site<'_>, f: BinaryFn) -> Option<[Value; 2]> {
    matches!(s.node.op, Op::Binary(g) if g == f).then(|| [s.operands[0], s.operands[1]])
}

/// The left operand and the constant on the right, if the node is this function.
pub(super) fn binary_constant(r: &Rewriter<'_>, s: &Site<'_>, f: BinaryFn) -> Option<(Value, Scalar)> {
    let [x, c] = binary(s, f)?;
    Some((x, splat(r.graph(), c)?))
}

/// The operands, if the node is this comparison.
pub(super) fn compare(s: &Site<'_>, f: CompareFn) -> Option<[Value; 2]> {
    matches!(s.node.op, Op::Compare(g) if g == f).then(|| [s.operands[0], s.operands[1]])
}

/// The left operand and the constant on the right, if the node is this comparison.
pub(super) fn compare_constant(r: &Rewriter<'_>, s: &Site<'_>, f: CompareFn) -> Option<(Value, Scalar)> {
    let [x, c] = compare(s, f)?;
    Some((x, splat(r.graph(), c)?))
}

/// The operands of the comparison that made the value.
pub(super) fn compared(r: &Rewriter<'_>, value: Value, f: CompareFn) -> Option<[Value; 2]> {
    let (op, operands) = pattern::made_by(r.graph(), value)?;
    matches!(op, Op::Compare(g) if *g == f).then(|| [operands[0], operands[1]])
}

/// The operand of the function that made the value.
pub(super) fn made_by_unary(r: &Rewriter<'_>, value: Value, f: UnaryFn) -> Option<Value> {
    pattern::unary(r.graph(), value, f)
}

/// The operands of the function that made the value.
pub(super) fn made_by_binary(r: &Rewriter<'_>, value: Value, f: BinaryFn) -> Option<[Value; 2]> {
    pattern::binary(r.graph(), value, f)
}

/// The dtype of the value.
pub(super) fn dtype(r: &Rewriter<'_>, value: Value) -> DType {
    r.graph().ty(value).dtype
}

/// Whether the constant is this number, bit for bit: 0 is not -0.
pub(super) fn is(c: Scalar, number: f64) -> bool {
    c == Scalar::from_f64(c.dtype(), number) && c.to_f64() == number
}

/// Whether all bits of the integer or bool are ones.
pub(super) fn is_ones(c: Scalar) -> bool {
    c == ones(c.dtype())
}

/// The integer or bool whose bits are all ones.
pub(super) fn ones(dtype: DType) -> Scalar {
    if dtype == DType::Bool { Scalar::Bool(true) } else { Scalar::from_bits(dtype, u64::MAX) }
}

/// The exponent, if the integer's bits are those of a power of two.
pub(super) fn log2(c: Scalar) -> Option<i128> {
    let bits = c.bits();
    (c.dtype().is_int() && bits.is_power_of_two()).then(|| i128::from(bits.trailing_zeros()))
}

/// As [`log2`], for powers of two that are positive numbers of the dtype.
pub(super) fn positive_log2(c: Scalar) -> Option<i128> {
    log2(c).filter(|_| c.to_i128() > 0)
}

/// A constant of the shape of `like`.
pub(super) fn constant(r: &mut Rewriter<'_>, c: Scalar, like: Value) -> Result<Value, BuildError> {
    let shape = r.graph().ty(like).shape.clone();
    r.build().full(c, &shape)
}

/// The function of the value and a constant.
pub(super) fn with_constant(
    r: &mut Rewriter<'_>,
    f: BinaryFn,
    x: Value,
    c: Scalar,
) -> Result<Option<Value>, BuildError> {
    let c = constant(r, c, x)?;
    r.build().push_one(f, &[x, c]).map(Some)
}

/// Classes of dtypes for tables of rules.
pub(super) mod on {
    use super::DType;

    /// All dtypes.
    pub(crate) fn any(_: DType) -> bool {
        true
    }

    /// All but bool.
    pub(crate) fn number(dtype: DType) -> bool {
        dtype.is_number()
    }

    /// Floats.
    pub(crate) fn float(dtype: DType) -> bool {
        dtype.is_float()
    }

    /// Integers.
    pub(crate) fn int(dtype: DType) -> bool {
        dtype.is_int()
    }

    /// Signed integers.
    pub(crate) fn signed_int(dtype: DType) -> bool {
        dtype.is_signed_int()
    }

    /// Unsigned integers.
    pub(crate) fn unsigned(dtype: DType) -> bool {
        dtype.is_unsigned_int()
    }

    /// Signed integers and floats.
    pub(crate) fn signed(dtype: DType) -> bool {
        dtype.is_float() || dtype.is_signed_int()
    }

    /// Integers and bool.
    pub(crate) fn bits(dtype: DType) -> bool {
        !dtype.is_float()
    }

    /// Bool.
    pub(crate) fn bool(dtype: DType) -> bool {
        dtype == DType::Bool
    }
}
