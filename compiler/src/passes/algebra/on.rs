//! Classes of dtypes for tables of rules.

use tensorwright_ir::DType;

/// All dtypes.
pub(super) fn any(_: DType) -> bool {
    true
}

/// All but bool.
pub(super) fn number(dtype: DType) -> bool {
    dtype.is_number()
}

/// Floats.
pub(super) fn float(dtype: DType) -> bool {
    dtype.is_float()
}

/// Integers.
pub(super) fn int(dtype: DType) -> bool {
    dtype.is_int()
}

/// Signed integers.
pub(super) fn signed_int(dtype: DType) -> bool {
    dtype.is_signed_int()
}

/// Unsigned integers.
pub(super) fn unsigned(dtype: DType) -> bool {
    dtype.is_unsigned_int()
}

/// Signed integers and floats.
pub(super) fn signed(dtype: DType) -> bool {
    dtype.is_float() || dtype.is_signed_int()
}

/// Integers and bool.
pub(super) fn bits(dtype: DType) -> bool {
    !dtype.is_float()
}

/// Bool.
pub(super) fn bool(dtype: DType) -> bool {
    dtype == DType::Bool
}
