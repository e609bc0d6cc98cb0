//! Functions of one operand.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use tensorwright_ir::DType;
use tensorwright_ir::op::primitive::UnaryFn;

use super::CodegenError;
use super::value::{Emitter, Pack};
use crate::math::{self, MathFn};

/// One function's instructions for each vector.
type Each = fn(&mut Emitter<'_, '_>, Value) -> Value;

/// How a function is emitted, for the dtypes that it takes. Half precision has no code: the schedule computes it in f32.
enum Emission {
    /// All dtypes.
    Any(Each),
    /// Floats.
    Float(Each),
    /// Floats, as vector math.
    Math(MathFn),
    /// Floats and signed integers.
    Signed { float: Each, int: Each },
    /// Integers and bool.
    Bits { int: Each, bool: Each },
    /// Integers.
    Int(Each),
    /// Integers, by a scalar instruction for each lane.
    Lanes(Each),
}

fn emission(function: UnaryFn) -> Emission {
    use Emission::{Any, Bits, Float, Int, Lanes, Math, Signed};
    match function {
        UnaryFn::Neg => Signed { float: |e, x| e.ins().fneg(x), int: |e, x| e.ins().ineg(x) },
        UnaryFn::Abs => Signed { float: |e, x| e.ins().fabs(x), int: |e, x| e.ins().iabs(x) },
        UnaryFn::Sign => Signed { float: |e, x| e.float_sign(x), int: |e, x| e.int_sign(x) },
        UnaryFn::Sqrt => Float(|e, x| e.ins().sqrt(x)),
        UnaryFn::Rsqrt => Float(|e, x| e.rsqrt(x)),
        UnaryFn::Cbrt => Math(MathFn::Cbrt),
        UnaryFn::Floor => Float(|e, x| e.ins().floor(x)),
        UnaryFn::Ceil => Float(|e, x| e.ins().ceil(x)),
        UnaryFn::RoundEven => Float(|e, x| e.ins().nearest(x)),
        UnaryFn::RoundHalfAway => Float(|e, x| e.round_half_away(x)),
        UnaryFn::Trunc => Float(|e, x| e.ins().trunc(x)),
        UnaryFn::IsFinite => Float(|e, x| e.against_infinity(FloatCC::LessThan, x)),
        UnaryFn::IsNan => Float(|e, x| e.fcmp(FloatCC::Unordered, x, x)),
        UnaryFn::IsInf => Float(|e, x| e.against_infinity(FloatCC::Equal, x)),
        UnaryFn::Exp => Math(MathFn::Exp),
        UnaryFn::Expm1 => Math(MathFn::Expm1),
        UnaryFn::Log => Math(MathFn::Log),
        UnaryFn::Log1p => Math(MathFn::Log1p),
        UnaryFn::Exp2 => Math(MathFn::Exp2),
        UnaryFn::Log2 => Math(MathFn::Log2),
        UnaryFn::Logistic => Math(MathFn::Logistic),
        UnaryFn::Sin => Math(MathFn::Sin),
        UnaryFn::Cos => Math(MathFn::Cos),
        UnaryFn::Tan => Math(MathFn::Tan),
        UnaryFn::Tanh => Math(MathFn::Tanh),
        UnaryFn::Asin => Math(MathFn::Asin),
        UnaryFn::Acos => Math(MathFn::Acos),
        UnaryFn::Atan => Math(MathFn::Atan),
        UnaryFn::Sinh => Math(MathFn::Sinh),
        UnaryFn::Cosh => Math(MathFn::Cosh),
        UnaryFn::Asinh => Math(MathFn::Asinh),
        UnaryFn::Acosh => Math(MathFn::Acosh),
        UnaryFn::Atanh => Math(MathFn::Atanh),
        UnaryFn::Erf => Math(MathFn::Erf),
        UnaryFn::Erfc => Math(MathFn::Erfc),
        UnaryFn::Not => Bits { int: |e, x| e.ins().bnot(x), bool: |e, x| e.not_bool(x) },
        UnaryFn::Popcount => Int(|e, x| e.popcount(x)),
        UnaryFn::Clz => Lanes(|e, x| e.ins().clz(x)),
        UnaryFn::OptimizationBarrier => Any(|_, x| x),
    }
}

impl Emitter<'_, '_> {
    /// `function` of `x`, which has `dtype`.
    pub(super) fn unary(
        &mut self,
        function: UnaryFn,
        dtype: DType,
        x: &[Value],
    ) -> Result<Pack, CodegenError> {
        let float = matches!(dtype, DType::F32 | DType::F64);
        let (int, bool) = (dtype.is_int(), dtype == DType::Bool);
        match emission(function) {
            Emission::Any(each) => Ok(self.map(x, each)),
            Emission::Math(math) if float => self.math(math, &[x]),
            Emission::Float(each) | Emission::Signed { float: each, .. } if float => Ok(self.map(x, each)),
            Emission::Signed { int: each, .. } | Emission::Bits { int: each, .. } | Emission::Int(each)
                if int =>
            {
                Ok(self.map(x, each))
            }
            Emission::Lanes(each) if int => Ok(self.by_lane(&[x], |e, x| each(e, x[0]))),
            Emission::Bits { bool: each, .. } if bool => Ok(self.map(x, each)),
            _ => Err(CodegenError::Unsupported { function: function.name(), dtype }),
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

    fn int_sign(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        let (one, minus) = (self.int(ty, 1), self.int(ty, -1));
        // Any signed dtype: only the sign matters.
        let x = self.int_min(DType::I64, x, one);
        self.int_max(DType::I64, x, minus)
    }

    /// The bits of each byte are counted, then bytes are added up within the lane.
    fn popcount(&mut self, x: Value) -> Value {
        let ty = self.type_of(x);
        if !ty.is_vector() {
            return self.ins().popcnt(x);
        }
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
