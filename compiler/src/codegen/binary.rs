//! Functions of two operands, and the fused multiply-add.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value};
use smallvec::SmallVec;
use tensorwright_ir::op::primitive::{BinaryFn, SpecialFn};
use tensorwright_ir::{DType, Scalar};

use super::CodegenError;
use super::divide::Operands;
use super::value::{Emitter, Pack};
use crate::math::MathFn;
use crate::nest::{Import, of_binary, of_special};

/// What is known about the second operand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The value of the second operand.
    pub(super) constant: Option<Scalar>,
    /// The scalar that it is in all lanes.
    pub(super) uniform: Option<Value>,
}

impl Emitter<'_, '_> {
    /// `function` of `x` and `y`, both of `dtype`.
    pub(super) fn binary(
        &mut self,
        function: BinaryFn,
        dtype: DType,
        x: &[Value],
        y: &[Value],
        known: Known,
    ) -> Result<Pack, CodegenError> {
        let unsupported = CodegenError::Unsupported { function: function.name(), dtype };
        match dtype {
            DType::F32 | DType::F64 => self.float_binary(function, dtype, x, y, known),
            DType::Bool => self.bool_binary(function, x, y).ok_or(unsupported),
            _ if dtype.is_int() => self.int_binary(function, dtype, x, y, known),
            _ => Err(unsupported),
        }
    }

    fn bool_binary(&mut self, function: BinaryFn, x: &[Value], y: &[Value]) -> Option<Pack> {
        Some(match function {
            BinaryFn::And | BinaryFn::Minimum => self.zip(x, y, |e, x, y| e.ins().band(x, y)),
            BinaryFn::Or | BinaryFn::Maximum => self.zip(x, y, |e, x, y| e.ins().bor(x, y)),
            BinaryFn::Xor => self.zip(x, y, |e, x, y| e.ins().bxor(x, y)),
            BinaryFn::Add | BinaryFn::Sub | BinaryFn::Mul | BinaryFn::Div | BinaryFn::Pow => return None,
            BinaryFn::Floordiv | BinaryFn::Rem | BinaryFn::FloorMod | BinaryFn::Atan2 => return None,
            BinaryFn::Shl | BinaryFn::ShrLogic | BinaryFn::ShrArith => return None,
        })
    }

    fn float_binary(
        &mut self,
        function: BinaryFn,
        dtype: DType,
        x: &[Value],
        y: &[Value],
        known: Known,
    ) -> Result<Pack, CodegenError> {
        Ok(match function {
            BinaryFn::Add => self.zip(x, y, |e, x, y| e.ins().fadd(x, y)),
            BinaryFn::Sub => self.zip(x, y, |e, x, y| e.ins().fsub(x, y)),
            BinaryFn::Mul => self.zip(x, y, |e, x, y| e.ins().fmul(x, y)),
            BinaryFn::Div => self.zip(x, y, |e, x, y| e.ins().fdiv(x, y)),
            BinaryFn::Floordiv => self.zip(x, y, |e, x, y| {
                let quotient = e.ins().fdiv(x, y);
                e.ins().floor(quotient)
            }),
            BinaryFn::Maximum => self.zip(x, y, |e, x, y| e.float_max(x, y, known.constant)),
            BinaryFn::Minimum => self.zip(x, y, |e, x, y| e.float_min(x, y, known.constant)),
            BinaryFn::Rem => self.fmod(dtype, x, y)?,
            BinaryFn::FloorMod => {
                let rest = self.fmod(dtype, x, y)?;
                let fixed: Pack = (0..rest.len()).map(|k| self.toward_divisor(rest[k], y[k])).collect();
                fixed
            }
            BinaryFn::Pow => self.math(MathFn::Pow, &[x, y])?,
            BinaryFn::Atan2 => self.math(MathFn::Atan2, &[x, y])?,
            BinaryFn::And
            | BinaryFn::Or
            | BinaryFn::Xor
            | BinaryFn::Shl
            | BinaryFn::ShrLogic
            | BinaryFn::ShrArith => {
                return Err(CodegenError::Unsupported { function: function.name(), dtype });
            }
        })
    }

    fn fmod(&mut self, dtype: DType, x: &[Value], y: &[Value]) -> Result<Pack, CodegenError> {
        let import = if dtype == DType::F32 { Import::FmodF32 } else { Import::FmodF64 };
        self.call_by_lane(import, &[x, y])
    }

    /// A special function of values of `dtype`.
    pub(super) fn special(
        &mut self,
        function: SpecialFn,
        dtype: DType,
        args: &[Pack],
    ) -> Result<Pack, CodegenError> {
        let unsupported = CodegenError::Unsupported { function: function.name(), dtype };
        let import = of_special(function, dtype).ok_or(unsupported)?;
        let args: SmallVec<[&[Value]; 3]> = args.iter().map(|arg| &arg[..]).collect();
        self.call_by_lane(import, &args)
    }

    fn call_by_lane(&mut self, import: Import, args: &[&[Value]]) -> Result<Pack, CodegenError> {
        let callee = self.imports.get(import)?;
        Ok(self.by_lane(args, |e, args| {
            let call = e.ins().call(callee, args);
            e.builder.inst_results(call)[0]
        }))
    }

    /// The remainder `r` of truncated division by `y` as that of floored division.
    fn toward_divisor(&mut self, r: Value, y: Value) -> Value {
        let ty = self.type_of(r);
        let zero = self.float(ty, 0.0);
        let (below, negative) =
            (self.fcmp(FloatCC::LessThan, r, zero), self.fcmp(FloatCC::LessThan, y, zero));
        let differ = self.ins().bxor(below, negative);
        let inexact = self.fcmp(FloatCC::NotEqual, r, zero);
        let wrong = self.ins().band(differ, inexact);
        let sum = self.ins().fadd(r, y);
        self.choose(wrong, sum, r)
    }

    /// `if a < b { a } else { b }`: one instruction.
    pub(super) fn pick_less(&mut self, a: Value, b: Value) -> Value {
        let less = self.fcmp(FloatCC::LessThan, a, b);
        self.choose(less, a, b)
    }

    /// `if b < a { a } else { b }`: one instruction.
    pub(super) fn pick_greater(&mut self, a: Value, b: Value) -> Value {
        let greater = self.fcmp(FloatCC::LessThan, b, a);
        self.choose(greater, a, b)
    }

    /// The greater, NaN if there is one, `-0 < +0`. Against a constant `c` the hardware's maximum of `(c, x)` does: it gives `x`
    /// if that is NaN or both are zero, which is wrong only for `-0` and `+0`, where adding `+0` corrects the sign.
    pub(super) fn float_max(&mut self, x: Value, y: Value, constant: Option<Scalar>) -> Value {
        match constant.map(Scalar::to_f64) {
            Some(c) if !c.is_nan() => {
                let greater = self.pick_greater(y, x);
                if c == 0.0 && c.is_sign_positive() { self.ins().fadd(greater, y) } else { greater }
            }
            _ => self.ins().fmax(x, y),
        }
    }

    /// The lesser, NaN if there is one, `-0 < +0`.
    pub(super) fn float_min(&mut self, x: Value, y: Value, constant: Option<Scalar>) -> Value {
        match constant.map(Scalar::to_f64) {
            Some(c) if !(c.is_nan() || c == 0.0 && c.is_sign_negative()) => self.pick_less(y, x),
            _ => self.ins().fmin(x, y),
        }
    }

    fn int_binary(
        &mut self,
        function: BinaryFn,
        dtype: DType,
        x: &[Value],
        y: &[Value],
        known: Known,
    ) -> Result<Pack, CodegenError> {
        Ok(match function {
            BinaryFn::Add => self.zip(x, y, |e, x, y| e.ins().iadd(x, y)),
            BinaryFn::Sub => self.zip(x, y, |e, x, y| e.ins().isub(x, y)),
            BinaryFn::Mul => self.zip(x, y, Self::int_mul),
            BinaryFn::And => self.zip(x, y, |e, x, y| e.ins().band(x, y)),
            BinaryFn::Or => self.zip(x, y, |e, x, y| e.ins().bor(x, y)),
            BinaryFn::Xor => self.zip(x, y, |e, x, y| e.ins().bxor(x, y)),
            BinaryFn::Maximum => self.zip(x, y, |e, x, y| e.int_max(dtype, x, y)),
            BinaryFn::Minimum => self.zip(x, y, |e, x, y| e.int_min(dtype, x, y)),
            BinaryFn::Div => self.divided(dtype, x, y, known, Self::quotient),
            BinaryFn::Rem => self.divided(dtype, x, y, known, Self::rest),
            BinaryFn::Floordiv => self.divided(dtype, x, y, known, Self::floor_quotient),
            BinaryFn::FloorMod => self.divided(dtype, x, y, known, Self::floor_rest),
            BinaryFn::Shl | BinaryFn::ShrLogic | BinaryFn::ShrArith => self.shift(function, x, y, known),
            BinaryFn::Pow => self.int_pow(dtype, x, y)?,
            BinaryFn::Atan2 => return Err(CodegenError::Unsupported { function: function.name(), dtype }),
        })
    }

    /// A division, lane by lane.
    fn divided(
        &mut self,
        dtype: DType,
        x: &[Value],
        y: &[Value],
        known: Known,
        part: fn(&mut Self, Operands) -> Value,
    ) -> Pack {
        self.by_lane(&[x, y], |e, values| {
            let operands = e.division(dtype, values, known.constant);
            part(e, operands)
        })
    }

    /// There is no product of bytes in vectors: they are widened.
    fn int_mul(&mut self, x: Value, y: Value) -> Value {
        if self.type_of(x) != cranelift_codegen::ir::types::I8X16 {
            return self.ins().imul(x, y);
        }
        let (xl, xh) = (self.ins().uwiden_low(x), self.ins().uwiden_high(x));
        let (yl, yh) = (self.ins().uwiden_low(y), self.ins().uwiden_high(y));
        let (low, high) = (self.ins().imul(xl, yl), self.ins().imul(xh, yh));
        self.wrap_half(&[low, high], 2)[0]
    }

    /// Whether there is an instruction for the minimum and maximum of such lanes.
    fn has_int_minmax(&self, x: Value) -> bool {
        let ty = self.type_of(x);
        !ty.is_vector() || ty.lane_bits() < 64
    }

    pub(super) fn int_max(&mut self, dtype: DType, x: Value, y: Value) -> Value {
        match (self.has_int_minmax(x), dtype.is_signed_int()) {
            (true, true) => self.ins().smax(x, y),
            (true, false) => self.ins().umax(x, y),
            (false, _) => {
                let less = self.int_less(dtype, x, y);
                self.choose(less, y, x)
            }
        }
    }

    pub(super) fn int_min(&mut self, dtype: DType, x: Value, y: Value) -> Value {
        match (self.has_int_minmax(x), dtype.is_signed_int()) {
            (true, true) => self.ins().smin(x, y),
            (true, false) => self.ins().umin(x, y),
            (false, _) => {
                let less = self.int_less(dtype, x, y);
                self.choose(less, x, y)
            }
        }
    }

    fn int_pow(&mut self, dtype: DType, x: &[Value], y: &[Value]) -> Result<Pack, CodegenError> {
        let import = of_binary(BinaryFn::Pow, dtype).unwrap_or(Import::PowI64);
        let callee = self.imports.get(import)?;
        let signed = dtype.is_signed_int();
        Ok(self.by_lane(&[x, y], |e, v| {
            let ty = e.type_of(v[0]);
            let args = [e.widened(signed, v[0]), e.widened(signed, v[1])];
            let call = e.ins().call(callee, &args);
            let power = e.builder.inst_results(call)[0];
            e.resize_int(ty, false, power)
        }))
    }

    fn widened(&mut self, signed: bool, x: Value) -> Value {
        self.resize_int(cranelift_codegen::ir::types::I64, signed, x)
    }
}

/// Whether a shift by a known number of bits leaves some.
fn is_below_width(count: Option<Scalar>) -> bool {
    count.is_some_and(|count| (0..8 * count.dtype().size() as i128).contains(&count.to_i128()))
}

/// Shifts: those out of range give all fill bits.
impl Emitter<'_, '_> {
    fn shift(&mut self, function: BinaryFn, x: &[Value], y: &[Value], known: Known) -> Pack {
        match known.uniform {
            Some(count) if self.is_vector() => self.shift_uniform(function, x, count),
            _ if !self.is_vector() && is_below_width(known.constant) => {
                self.zip(x, y, |e, x, count| match function {
                    BinaryFn::Shl => e.ins().ishl(x, count),
                    BinaryFn::ShrLogic => e.ins().ushr(x, count),
                    _ => e.ins().sshr(x, count),
                })
            }
            _ => self.by_lane(&[x, y], |e, v| e.shift_scalar(function, v[0], v[1])),
        }
    }

    fn shift_scalar(&mut self, function: BinaryFn, x: Value, count: Value) -> Value {
        let ty = self.type_of(x);
        let (zero, width) = (self.int(ty, 0), self.int(ty, i64::from(ty.bits())));
        let valid = self.icmp(IntCC::UnsignedLessThan, count, width);
        match function {
            BinaryFn::Shl => {
                let shifted = self.ins().ishl(x, count);
                self.ins().select(valid, shifted, zero)
            }
            BinaryFn::ShrLogic => {
                let shifted = self.ins().ushr(x, count);
                self.ins().select(valid, shifted, zero)
            }
            _ => {
                let most = self.int(ty, i64::from(ty.bits()) - 1);
                let count = self.ins().select(valid, count, most);
                self.ins().sshr(x, count)
            }
        }
    }

    /// The same count for all lanes.
    fn shift_uniform(&mut self, function: BinaryFn, x: &[Value], count: Value) -> Pack {
        let lane = self.type_of(x[0]).lane_type();
        let width = self.int(lane, i64::from(lane.bits()));
        let valid = self.icmp(IntCC::UnsignedLessThan, count, width);
        if function == BinaryFn::ShrArith {
            let most = self.int(lane, i64::from(lane.bits()) - 1);
            let count = self.ins().select(valid, count, most);
            return self.map(x, |e, x| e.ins().sshr(x, count));
        }
        let mask = self.splat(DType::Bool, valid, lane.bytes());
        self.map(x, |e, x| {
            let shifted =
                if function == BinaryFn::Shl { e.ins().ishl(x, count) } else { e.ins().ushr(x, count) };
            e.ins().band(shifted, mask)
        })
    }
}
