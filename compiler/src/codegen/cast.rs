//! Conversions between dtypes.
//!
//! A cast is a chain of steps between neighbours: integers change width by factors of two, small integers meet floats as
//! 32-bit ones, and f16 and bf16 are rounded from f32, as they are defined to be. Only from 64-bit integers to f32 a chain
//! would round too often; scalar instructions do that.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use smallvec::smallvec;
use tensorwright_ir::{DType, Scalar};

use super::value::{Emitter, Pack, int_type, lane_type, vector_type};

impl Emitter<'_, '_> {
    /// `x`, of dtype `from`, as dtype `to`. A bool operand in vectors is a mask as wide as `to`; a bool result one as wide as
    /// `from`.
    pub(super) fn cast(&mut self, from: DType, to: DType, x: &[Value]) -> Pack {
        match (from, to) {
            _ if from == to => Pack::from_slice(x),
            (DType::Bool, _) => self.bool_to_number(to, x),
            (_, DType::Bool) => self.number_to_bool(from, x),
            (DType::F16 | DType::BF16, _) => {
                let single = self.half_to_single(from, x);
                self.cast(DType::F32, to, &single)
            }
            (_, DType::F16 | DType::BF16) => {
                let single = self.cast(from, DType::F32, x);
                self.single_to_half(to, &single)
            }
            _ if from.is_float() && to.is_float() => self.float_to_float(to, x),
            _ if from.is_float() => self.float_to_int(from, to, x),
            _ if to.is_float() => self.int_to_float(from, to, x),
            _ => self.int_to_int(from, to, x),
        }
    }

    /// One or zero, by masking its bits.
    fn bool_to_number(&mut self, to: DType, x: &[Value]) -> Pack {
        if self.is_vector() {
            let ty = self.part(to);
            let int = vector_type(int_type(to.size() as u32));
            let one = self.bits(int, Scalar::one(to).bits());
            return self.map(x, |e, x| {
                let bits = e.ins().band(x, one);
                e.reinterpret(ty, bits)
            });
        }
        let ty = lane_type(to);
        let result = match to {
            DType::F32 | DType::F64 => self.ins().fcvt_from_uint(ty, x[0]),
            DType::F16 | DType::BF16 => {
                let (zero, one) = (self.int(ty, 0), self.bits(ty, Scalar::one(to).bits()));
                self.ins().select(x[0], one, zero)
            }
            _ => self.resize_int(ty, false, x[0]),
        };
        smallvec![result]
    }

    /// Whether it is not zero; for the short floats whether more than the sign is set.
    fn number_to_bool(&mut self, from: DType, x: &[Value]) -> Pack {
        self.map(x, |e, x| {
            let ty = e.type_of(x);
            if matches!(from, DType::F32 | DType::F64) {
                let zero = e.float(ty, 0.0);
                return e.fcmp(FloatCC::NotEqual, x, zero);
            }
            let (zero, magnitude) = (e.int(ty, 0), e.int(ty, 0x7fff));
            let x = if from.is_float() { e.ins().band(x, magnitude) } else { x };
            e.icmp(IntCC::NotEqual, x, zero)
        })
    }

    fn float_to_float(&mut self, to: DType, x: &[Value]) -> Pack {
        match (self.is_vector(), to) {
            (false, DType::F64) => smallvec![self.ins().fpromote(types::F64, x[0])],
            (false, _) => smallvec![self.ins().fdemote(types::F32, x[0])],
            (true, DType::F64) => self.in_halves(x, |e, x| e.ins().fvpromote_low(x)),
            (true, _) => self.halve(x, |e, a, b| {
                let (a, b) = (e.ins().fvdemote(a), e.ins().fvdemote(b));
                e.join_low(a, b)
            }),
        }
    }

    /// A conversion that reads the lower half of a vector, for both halves.
    fn in_halves(&mut self, x: &[Value], f: impl Fn(&mut Self, Value) -> Value) -> Pack {
        let parts = self.parts(8);
        (0..parts)
            .map(|part| {
                let half = if part % 2 == 0 { x[part / 2] } else { self.shift_down(x[part / 2], 8) };
                f(self, half)
            })
            .collect()
    }

    fn int_to_int(&mut self, from: DType, to: DType, x: &[Value]) -> Pack {
        let signed = from.is_signed_int();
        let (mut width, target) = (from.size() as u32, to.size() as u32);
        if !self.is_vector() {
            return smallvec![self.resize_int(int_type(target), signed, x[0])];
        }
        let mut pack = Pack::from_slice(x);
        while width < target {
            pack = self.widen(&pack, width, signed);
            width *= 2;
        }
        while width > target {
            pack = self.wrap_half(&pack, width);
            width /= 2;
        }
        pack
    }

    /// A scalar integer of another width, extended by its sign or zeros.
    pub(super) fn resize_int(&mut self, to: Type, signed: bool, x: Value) -> Value {
        let from = self.type_of(x);
        match (from.bits().cmp(&to.bits()), signed) {
            (std::cmp::Ordering::Equal, _) => x,
            (std::cmp::Ordering::Greater, _) => self.ins().ireduce(to, x),
            (std::cmp::Ordering::Less, true) => self.ins().sextend(to, x),
            (std::cmp::Ordering::Less, false) => self.ins().uextend(to, x),
        }
    }

    fn int_to_float(&mut self, from: DType, to: DType, x: &[Value]) -> Pack {
        let signed = from.is_signed_int();
        let ty = lane_type(to);
        let scalar = move |e: &mut Self, x: Value| match signed {
            true => e.ins().fcvt_from_sint(ty, x),
            false => e.ins().fcvt_from_uint(ty, x),
        };
        if !self.is_vector() || (from.size() == 8 && to == DType::F32) {
            return self.by_lane(&[x], |e, x| scalar(e, x[0]));
        }
        if from.size() < 4 {
            let wide = self.int_to_int(from, DType::I32, x);
            return self.int_to_float(DType::I32, to, &wide);
        }
        let ty = vector_type(ty);
        let vector = move |e: &mut Self, x: Value| match signed {
            true => e.ins().fcvt_from_sint(ty, x),
            false => e.ins().fcvt_from_uint(ty, x),
        };
        if from.size() == to.size() {
            return self.map(x, vector);
        }
        self.in_halves(x, |e, x| {
            let wide = if signed { e.ins().swiden_low(x) } else { e.ins().uwiden_low(x) };
            vector(e, wide)
        })
    }

    fn float_to_int(&mut self, from: DType, to: DType, x: &[Value]) -> Pack {
        if !self.is_vector() || to.size() == 8 {
            return self.by_lane(&[x], |e, x| e.scalar_to_int(to, x[0]));
        }
        match (from, to) {
            (DType::F32, DType::I32) => self.map(x, |e, x| e.ins().fcvt_to_sint_sat(types::I32X4, x)),
            (DType::F32, DType::U32) => self.map(x, |e, x| e.ins().fcvt_to_uint_sat(types::I32X4, x)),
            (_, DType::I32) => self.halve(x, |e, a, b| {
                let (a, b) = (e.double_to_i32(a), e.double_to_i32(b));
                e.join_low(a, b)
            }),
            (_, DType::U32) => self.halve(x, |e, a, b| {
                let (a, b) = (e.double_to_u32(a), e.double_to_u32(b));
                e.join_low(a, b)
            }),
            _ => {
                let words = self.float_to_int(from, DType::I32, x);
                self.saturate(to, &words)
            }
        }
    }

    fn scalar_to_int(&mut self, to: DType, x: Value) -> Value {
        let ty = lane_type(to);
        if to.size() >= 4 {
            let signed = to.is_signed_int();
            return if signed {
                self.ins().fcvt_to_sint_sat(ty, x)
            } else {
                self.ins().fcvt_to_uint_sat(ty, x)
            };
        }
        let word = self.ins().fcvt_to_sint_sat(types::I32, x);
        let lowest = self.int(types::I32, Scalar::lowest(to).to_i128() as i64);
        let highest = self.int(types::I32, Scalar::highest(to).to_i128() as i64);
        let word = self.ins().smax(word, lowest);
        let word = self.ins().smin(word, highest);
        self.ins().ireduce(ty, word)
    }

    /// The two lanes, saturated, in the lower half.
    fn double_to_i32(&mut self, x: Value) -> Value {
        let zero = self.int(types::I64X2, 0);
        let wide = self.ins().fcvt_to_sint_sat(types::I64X2, x);
        self.ins().snarrow(wide, zero)
    }

    fn double_to_u32(&mut self, x: Value) -> Value {
        let zero = self.int(types::I64X2, 0);
        let wide = self.ins().fcvt_to_uint_sat(types::I64X2, x);
        self.ins().uunarrow(wide, zero)
    }

    /// 32-bit signed integers saturated into a narrower dtype.
    fn saturate(&mut self, to: DType, words: &[Value]) -> Pack {
        match to {
            DType::U16 => self.halve(words, |e, a, b| e.ins().unarrow(a, b)),
            DType::I16 => self.halve(words, |e, a, b| e.ins().snarrow(a, b)),
            _ => {
                let shorts = self.saturate(DType::I16, words);
                let signed = to == DType::I8;
                self.halve(
                    &shorts,
                    |e, a, b| if signed { e.ins().snarrow(a, b) } else { e.ins().unarrow(a, b) },
                )
            }
        }
    }

    /// A reinterpretation of the bits as another dtype of the same width.
    pub(super) fn bitcast(&mut self, to: DType, x: &[Value]) -> Pack {
        let ty = self.part(to);
        self.map(x, |e, x| e.reinterpret(ty, x))
    }
}
