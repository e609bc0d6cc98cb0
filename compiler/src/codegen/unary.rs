//! Functions of one operand.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::UnaryFn;

use super::CodegenError;
use super::value::{Emitter, Pack};
use crate::math::{self, MathFn};

impl Emitter<'_, '_> {
    /// `function` of `x`, which has `dtype`.
    pub(super) fn unary(
        &mut self,
        function: UnaryFn,
        dtype: DType,
        x: &[Value],
    ) -> Result<Pack, CodegenError> {
        let unsupported = || CodegenError::Unsupported { function: function.name(), dtype };
        match dtype {
            DType::F32 | DType::F64 => match self.float_unary(function, x) {
                Some(result) => Ok(result),
                None => {
                    let function = MathFn::ALL.iter().copied().find(|m| m.name() == function.name());
                    self.math(function.ok_or_else(unsupported)?, &[x])
                }
            },
            DType::Bool if function == UnaryFn::Not => Ok(self.map(x, Self::not_bool)),
            _ if dtype.is_int() => self.int_unary(function, dtype, x).ok_or_else(unsupported),
            _ => Err(unsupported()),
        }
    }

    /// A vector math function, inline.
    pub(super) fn math(&mut self, function: MathFn, args: &[&[Value]]) -> Result<Pack, CodegenError> {
        (0..args[0].len())
            .map(|part| {
                let operands: Pack = args.iter().map(|arg| arg[part]).collect();
                Ok(math::emit(self.builder, function, &operands)?)
            })
            .collect()
    }

    fn float_unary(&mut self, function: UnaryFn, x: &[Value]) -> Option<Pack> {
        Some(match function {
            UnaryFn::Neg => self.map(x, |e, x| e.ins().fneg(x)),
            UnaryFn::Abs => self.map(x, |e, x| e.ins().fabs(x)),
            UnaryFn::Sqrt => self.map(x, |e, x| e.ins().sqrt(x)),
            UnaryFn::Floor => self.map(x, |e, x| e.ins().floor(x)),
            UnaryFn::Ceil => self.map(x, |e, x| e.ins().ceil(x)),
            UnaryFn::RoundEven => self.map(x, |e, x| e.ins().nearest(x)),
            UnaryFn::Trunc => self.map(x, |e, x| e.ins().trunc(x)),
            UnaryFn::RoundHalfAway => self.map(x, Self::round_half_away),
            UnaryFn::Sign => self.map(x, Self::float_sign),
            UnaryFn::Rsqrt => self.map(x, Self::rsqrt),
            UnaryFn::IsNan => self.map(x, |e, x| e.fcmp(FloatCC::Unordered, x, x)),
            UnaryFn::IsInf => self.map(x, |e, x| e.against_infinity(FloatCC::Equal, x)),
            UnaryFn::IsFinite => self.map(x, |e, x| e.against_infinity(FloatCC::LessThan, x)),
            _ => return None,
        })
    }

    fn rsqrt(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        let (one, root) = (self.float(ty, 1.0), self.ins().sqrt(x));
        self.ins().fdiv(one, root)
    }

    fn against_infinity(&mut self, code: FloatCC, x: Value) -> Value {
        let ty = self.type_of(x);
        let (magnitude, infinity) = (self.ins().fabs(x), self.float(ty, f64::INFINITY));
        self.fcmp(code, magnitude, infinity)
    }

    /// Zeros and NaNs pass through.
    fn float_sign(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        let (zero, one, minus) = (self.float(ty, 0.0), self.float(ty, 1.0), self.float(ty, -1.0));
        let above = self.fcmp(FloatCC::LessThan, zero, x);
        let below = self.fcmp(FloatCC::LessThan, x, zero);
        let result = self.choose(above, one, x);
        self.choose(below, minus, result)
    }

    /// The truncated value, away from zero by one where at least one half was cut off. The difference is exact.
    fn round_half_away(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        let (half, one) = (self.float(ty, 0.5), self.float(ty, 1.0));
        let whole = self.ins().trunc(x);
        let rest = self.ins().fsub(x, whole);
        let rest = self.ins().fabs(rest);
        let far = self.fcmp(FloatCC::LessThanOrEqual, half, rest);
        let unit = self.copysign(one, x);
        let next = self.ins().fadd(whole, unit);
        self.choose(far, next, whole)
    }

    /// The non-negative `magnitude` with the sign of `x`.
    fn copysign(&mut self, magnitude: Value, x: Value) -> Value {
        let ty = self.type_of(x);
        let (magnitude, bits) = (self.as_int(magnitude), self.as_int(x));
        let int = self.type_of(bits);
        let sign = self.bits(int, 1 << (int.lane_bits() - 1));
        let sign = self.ins().band(bits, sign);
        let signed = self.ins().bor(magnitude, sign);
        self.reinterpret(ty, signed)
    }

    fn int_unary(&mut self, function: UnaryFn, dtype: DType, x: &[Value]) -> Option<Pack> {
        Some(match function {
            UnaryFn::Neg => self.map(x, |e, x| e.ins().ineg(x)),
            UnaryFn::Abs => self.map(x, |e, x| e.ins().iabs(x)),
            UnaryFn::Sign => self.int_sign(dtype, x),
            UnaryFn::Not => self.map(x, |e, x| e.ins().bnot(x)),
            UnaryFn::Popcount if self.is_vector() => self.map(x, Self::popcount),
            UnaryFn::Popcount => self.map(x, |e, x| e.ins().popcnt(x)),
            UnaryFn::Clz => self.by_lane(&[x], |e, x| e.ins().clz(x[0])),
            _ => return None,
        })
    }

    fn int_sign(&mut self, dtype: DType, x: &[Value]) -> Pack {
        self.map(x, |e, x| {
            let ty = e.type_of(x);
            let (one, minus) = (e.int(ty, 1), e.int(ty, -1));
            let x = e.int_min(dtype, x, one);
            e.int_max(dtype, x, minus)
        })
    }

    /// The bits of each byte are counted, then bytes are added up within the lane.
    fn popcount(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        let bytes = self.reinterpret(types::I8X16, x);
        let bytes = self.ins().popcnt(bytes);
        let mut sum = self.reinterpret(ty, bytes);
        let mut shift = 8;
        while shift < ty.lane_bits() {
            let upper = self.ushr(sum, shift);
            sum = self.ins().iadd(sum, upper);
            shift *= 2;
        }
        let mask = self.int(ty, 0x7f);
        if ty.lane_bits() == 8 { sum } else { self.ins().band(sum, mask) }
    }
}
