//! f16 and bf16 to and from f32, by integer arithmetic on 32-bit lanes; the same code for scalars and vectors.
//!
//! Rounding is to nearest even, subnormals and infinities are exact, NaNs stay quiet NaNs.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use smallvec::smallvec;
use tensorwright_ir::DType;

use super::value::{Emitter, Pack};

/// Bits of the f32 infinity.
const INFINITY: i64 = 0x7f80_0000;

impl Emitter<'_, '_> {
    /// f16 or bf16 bits, in 16-bit lanes, as f32.
    pub(super) fn half_to_single(&mut self, from: DType, x: &[Value]) -> Pack {
        let words: Pack = match self.is_vector() {
            true => self.widen(x, 2, false),
            false => smallvec![self.ins().uextend(types::I32, x[0])],
        };
        let single = self.of(types::F32);
        self.map(&words, |e, h| {
            let bits = if from == DType::BF16 { e.shl(h, 16) } else { e.f16_bits_to_f32_bits(h) };
            e.reinterpret(single, bits)
        })
    }

    /// The significand and exponent, put where f32 has them and scaled by the difference of the biases, which is exact and
    /// makes subnormals normal. Infinities and NaNs get the exponent that they need.
    fn f16_bits_to_f32_bits(&mut self, h: Value) -> Value {
        let int = self.type_of(h);
        let float = self.of(types::F32);
        let (magnitude_mask, sign_mask) = (self.int(int, 0x7fff), self.int(int, 0x8000));
        let magnitude = self.ins().band(h, magnitude_mask);
        let shifted = self.shl(magnitude, 13);
        let scale = self.bits(float, (127 + 112) << 23);
        let small = self.reinterpret(float, shifted);
        let scaled = self.ins().fmul(small, scale);
        let bits = self.reinterpret(int, scaled);
        let (limit, infinity) = (self.int(int, 0x7bff), self.int(int, INFINITY));
        let special = self.icmp(IntCC::SignedGreaterThan, magnitude, limit);
        let with_exponent = self.ins().bor(bits, infinity);
        let bits = self.choose(special, with_exponent, bits);
        let sign = self.ins().band(h, sign_mask);
        let sign = self.shl(sign, 16);
        self.ins().bor(bits, sign)
    }

    /// f32 rounded to f16 or bf16, as bits in 16-bit lanes.
    pub(super) fn single_to_half(&mut self, to: DType, x: &[Value]) -> Pack {
        let words = self.map(x, |e, x| {
            let bits = e.as_int(x);
            if to == DType::BF16 { e.f32_bits_to_bf16_bits(bits) } else { e.f32_bits_to_f16_bits(bits) }
        });
        if self.is_vector() {
            return self.halve(&words, |e, a, b| e.ins().unarrow(a, b));
        }
        smallvec![self.ins().ireduce(types::I16, words[0])]
    }

    /// Half of the last place kept, a little less if it is even, is added before the rest is cut off.
    fn round_to_even(&mut self, bits: Value, cut: u32) -> Value {
        let int = self.type_of(bits);
        let (one, half) = (self.int(int, 1), self.int(int, (1 << (cut - 1)) - 1));
        let last = self.ushr(bits, cut);
        let odd = self.ins().band(last, one);
        let sum = self.ins().iadd(bits, half);
        self.ins().iadd(sum, odd)
    }

    fn f32_bits_to_bf16_bits(&mut self, bits: Value) -> Value {
        let int = self.type_of(bits);
        let rounded = self.round_to_even(bits, 16);
        let (mask, quiet) = (self.int(int, 0x7fff_ffff), self.int(int, 0x0040_0000));
        let magnitude = self.ins().band(bits, mask);
        let infinity = self.int(int, INFINITY);
        let nan = self.icmp(IntCC::SignedGreaterThan, magnitude, infinity);
        let quieted = self.ins().bor(bits, quiet);
        let result = self.choose(nan, quieted, rounded);
        self.ushr(result, 16)
    }

    fn f32_bits_to_f16_bits(&mut self, bits: Value) -> Value {
        let int = self.type_of(bits);
        let mask = self.int(int, 0x7fff_ffff);
        let magnitude = self.ins().band(bits, mask);
        let result = self.f16_normal(magnitude);
        let tiny_limit = self.int(int, 113 << 23);
        let tiny = self.icmp(IntCC::SignedLessThan, magnitude, tiny_limit);
        let subnormal = self.f16_subnormal(magnitude);
        let result = self.choose(tiny, subnormal, result);
        let huge_limit = self.int(int, (143 << 23) - 1);
        let huge = self.icmp(IntCC::SignedGreaterThan, magnitude, huge_limit);
        let special = self.f16_special(magnitude);
        let result = self.choose(huge, special, result);
        let flipped = self.ins().bxor(bits, magnitude);
        let sign = self.ushr(flipped, 16);
        self.ins().bor(result, sign)
    }

    /// The exponent rebiased; rounding may carry into it.
    fn f16_normal(&mut self, magnitude: Value) -> Value {
        let int = self.type_of(magnitude);
        let bias = self.int(int, -(112 << 23));
        let rounded = self.round_to_even(magnitude, 13);
        let rebiased = self.ins().iadd(rounded, bias);
        self.ushr(rebiased, 13)
    }

    /// Adding one half lets the float adder align and round the significand.
    fn f16_subnormal(&mut self, magnitude: Value) -> Value {
        let int = self.type_of(magnitude);
        let float = self.of(types::F32);
        let (half, half_bits) = (self.float(float, 0.5), self.int(int, 126 << 23));
        let x = self.reinterpret(float, magnitude);
        let sum = self.ins().fadd(x, half);
        let sum = self.reinterpret(int, sum);
        self.ins().isub(sum, half_bits)
    }

    /// Infinity, or a quiet NaN.
    fn f16_special(&mut self, magnitude: Value) -> Value {
        let int = self.type_of(magnitude);
        let (infinity, quiet) = (self.int(int, 0x7c00), self.int(int, 0x7e00));
        let limit = self.int(int, INFINITY);
        let nan = self.icmp(IntCC::SignedGreaterThan, magnitude, limit);
        self.choose(nan, quiet, infinity)
    }
}
