//! Comparisons.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value};
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::CompareFn;

use super::CodegenError;
use super::value::{Emitter, Pack};

impl Emitter<'_, '_> {
    /// `function` of `x` and `y`, both of `dtype`: bools as wide as the operands.
    pub(super) fn compare(
        &mut self,
        function: CompareFn,
        dtype: DType,
        x: &[Value],
        y: &[Value],
    ) -> Result<Pack, CodegenError> {
        match dtype {
            DType::Bool => Ok(self.zip(x, y, |e, x, y| e.compare_bools(function, x, y))),
            DType::F32 | DType::F64 => Ok(match float_code(function) {
                Some(code) => self.zip(x, y, |e, x, y| e.fcmp(code, x, y)),
                None => self.zip(x, y, |e, x, y| {
                    let (x, y) = (e.total_key(x), e.total_key(y));
                    e.icmp(int_code(function, true), x, y)
                }),
            }),
            _ if dtype.is_int() => Ok(self.zip(x, y, |e, x, y| e.compare_ints(function, dtype, x, y))),
            _ => Err(CodegenError::Unsupported { function: function.name(), dtype }),
        }
    }

    pub(super) fn int_less(&mut self, dtype: DType, x: Value, y: Value) -> Value {
        self.compare_ints(CompareFn::Lt, dtype, x, y)
    }

    /// Vectors of unsigned 64-bit integers are compared with the top bits flipped, as signed ones.
    fn compare_ints(&mut self, function: CompareFn, dtype: DType, x: Value, y: Value) -> Value {
        let ty = self.type_of(x);
        let order = !matches!(function, CompareFn::Eq | CompareFn::Ne);
        if dtype == DType::U64 && ty.is_vector() && order {
            let top = self.bits(ty, 1 << 63);
            let (x, y) = (self.ins().bxor(x, top), self.ins().bxor(y, top));
            return self.icmp(int_code(function, true), x, y);
        }
        self.icmp(int_code(function, dtype.is_signed_int()), x, y)
    }

    /// An integer that is ordered as floats are in the total order, in which all NaNs are equal and above all numbers.
    fn total_key(&mut self, x: Value) -> Value {
        let bits = self.as_int(x);
        let ty = self.type_of(bits);
        let sign = self.sshr(bits, ty.lane_bits() - 1);
        let flip = self.ushr(sign, 1);
        let key = self.ins().bxor(bits, flip);
        let nan = self.fcmp(FloatCC::Unordered, x, x);
        let highest = self.bits(ty, u64::MAX >> (65 - ty.lane_bits()));
        self.choose(nan, highest, key)
    }

    /// `false < true`.
    fn compare_bools(&mut self, function: CompareFn, x: Value, y: Value) -> Value {
        match function {
            CompareFn::Ne => self.ins().bxor(x, y),
            CompareFn::Eq => {
                let differ = self.ins().bxor(x, y);
                self.not_bool(differ)
            }
            CompareFn::Lt | CompareFn::LtTotal => self.and_not(y, x),
            CompareFn::Gt => self.and_not(x, y),
            CompareFn::Le | CompareFn::LeTotal => {
                let greater = self.and_not(x, y);
                self.not_bool(greater)
            }
            CompareFn::Ge => {
                let less = self.and_not(y, x);
                self.not_bool(less)
            }
        }
    }

    fn and_not(&mut self, x: Value, y: Value) -> Value {
        let not = self.not_bool(y);
        self.ins().band(x, not)
    }
}

fn float_code(function: CompareFn) -> Option<FloatCC> {
    Some(match function {
        CompareFn::Eq => FloatCC::Equal,
        CompareFn::Ne => FloatCC::NotEqual,
        CompareFn::Lt => FloatCC::LessThan,
        CompareFn::Le => FloatCC::LessThanOrEqual,
        CompareFn::Gt => FloatCC::GreaterThan,
        CompareFn::Ge => FloatCC::GreaterThanOrEqual,
        CompareFn::LtTotal | CompareFn::LeTotal => return None,
    })
}

fn int_code(function: CompareFn, signed: bool) -> IntCC {
    match (function, signed) {
        (CompareFn::Eq, _) => IntCC::Equal,
        (CompareFn::Ne, _) => IntCC::NotEqual,
        (CompareFn::Lt | CompareFn::LtTotal, true) => IntCC::SignedLessThan,
        (CompareFn::Le | CompareFn::LeTotal, true) => IntCC::SignedLessThanOrEqual,
        (CompareFn::Gt, true) => IntCC::SignedGreaterThan,
        (CompareFn::Ge, true) => IntCC::SignedGreaterThanOrEqual,
        (CompareFn::Lt | CompareFn::LtTotal, false) => IntCC::UnsignedLessThan,
        (CompareFn::Le | CompareFn::LeTotal, false) => IntCC::UnsignedLessThanOrEqual,
        (CompareFn::Gt, false) => IntCC::UnsignedGreaterThan,
        (CompareFn::Ge, false) => IntCC::UnsignedGreaterThanOrEqual,
    }
}
