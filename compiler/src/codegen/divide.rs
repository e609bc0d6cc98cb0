//! Division of integers, scalar by scalar: no operands trap, and a known divisor becomes a multiplication or a shift.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, Type, Value, types};
use tensorwright_ir::{DType, Scalar};

use super::value::Emitter;

/// Two integers, of which one divides the other.
#[derive(Clone, Copy)]
pub(super) struct Operands {
    pub(super) dtype: DType,
    pub(super) x: Value,
    pub(super) y: Value,
    /// The divisor, if it is known.
    pub(super) known: Option<i128>,
}

/// A multiplication whose upper half, shifted, is a quotient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Magic {
    factor: i64,
    shift: u32,
}

impl Emitter<'_, '_> {
    /// What the scalars of a division are.
    pub(super) fn division(&self, dtype: DType, values: &[Value], known: Option<Scalar>) -> Operands {
        Operands { dtype, x: values[0], y: values[1], known: known.map(Scalar::to_i128) }
    }

    /// Truncated; `x / 0` is 0, `MIN / -1` wraps.
    pub(super) fn quotient(&mut self, of: Operands) -> Value {
        match of.known {
            Some(divisor) => self.quotient_by(of, divisor),
            None => self.quotient_by_any(of),
        }
    }

    /// What truncated division leaves; `x rem 0` is `x`.
    pub(super) fn rest(&mut self, of: Operands) -> Value {
        let quotient = self.quotient(of);
        self.rest_of(of, quotient)
    }

    /// Floored: one less than truncated, where signs differ and the division is not exact.
    pub(super) fn floor_quotient(&mut self, of: Operands) -> Value {
        if let (Some(shift), true) = (power_of_two(of.known), of.dtype.is_signed_int()) {
            return self.sshr(of.x, shift);
        }
        let quotient = self.quotient(of);
        match self.is_wrong(of, quotient) {
            Some(wrong) => {
                let less = self.ins().iadd_imm_s(quotient, -1);
                self.ins().select(wrong, less, quotient)
            }
            None => quotient,
        }
    }

    /// What floored division leaves: with the sign of the divisor.
    pub(super) fn floor_rest(&mut self, of: Operands) -> Value {
        if let Some(shift) = power_of_two(of.known) {
            let ty = self.type_of(of.x);
            let low = self.int(ty, ((1u64 << shift) - 1) as i64);
            return self.ins().band(of.x, low);
        }
        let quotient = self.quotient(of);
        let rest = self.rest_of(of, quotient);
        match self.is_wrong(of, quotient) {
            Some(wrong) => {
                let more = self.ins().iadd(rest, of.y);
                self.ins().select(wrong, more, rest)
            }
            None => rest,
        }
    }

    fn rest_of(&mut self, of: Operands, quotient: Value) -> Value {
        let whole = self.ins().imul(quotient, of.y);
        self.ins().isub(of.x, whole)
    }

    /// Whether a truncated quotient is not the floored one; it always is for unsigned numbers.
    fn is_wrong(&mut self, of: Operands, quotient: Value) -> Option<Value> {
        if !of.dtype.is_signed_int() {
            return None;
        }
        let rest = self.rest_of(of, quotient);
        let ty = self.type_of(rest);
        let zero = self.int(ty, 0);
        if of.known.is_some_and(|divisor| divisor >= 0) {
            // Nothing is left of 0, or what is left of x / 0 stays.
            return (of.known != Some(0)).then(|| self.icmp(IntCC::SignedLessThan, rest, zero));
        }
        let inexact = self.icmp(IntCC::NotEqual, rest, zero);
        let signs = self.ins().bxor(rest, of.y);
        let differ = self.icmp(IntCC::SignedLessThan, signs, zero);
        let wrong = self.ins().band(inexact, differ);
        let valid = self.icmp(IntCC::NotEqual, of.y, zero);
        Some(self.ins().band(wrong, valid))
    }

    fn quotient_by_any(&mut self, Operands { dtype, x, y, .. }: Operands) -> Value {
        let ty = self.type_of(x);
        let (zero, one) = (self.int(ty, 0), self.int(ty, 1));
        let by_zero = self.icmp(IntCC::Equal, y, zero);
        let divisor = self.ins().select(by_zero, one, y);
        let quotient = match dtype.is_signed_int() {
            true => {
                let minus = self.int(ty, -1);
                let negating = self.icmp(IntCC::Equal, y, minus);
                let divisor = self.ins().select(negating, one, divisor);
                let (quotient, negated) = (self.ins().sdiv(x, divisor), self.ins().ineg(x));
                self.ins().select(negating, negated, quotient)
            }
            false => self.ins().udiv(x, divisor),
        };
        self.ins().select(by_zero, zero, quotient)
    }

    fn quotient_by(&mut self, of: Operands, divisor: i128) -> Value {
        let (x, ty) = (of.x, self.type_of(of.x));
        match (divisor, power_of_two(Some(divisor))) {
            (0, _) => self.int(ty, 0),
            (1, _) => x,
            (-1, _) => self.ins().ineg(x),
            (_, Some(shift)) if !of.dtype.is_signed_int() => self.ushr(x, shift),
            (_, Some(shift)) => {
                let sign = self.sshr(x, ty.bits() - 1);
                let rounding = self.ushr(sign, ty.bits() - shift);
                let rounded = self.ins().iadd(x, rounding);
                self.sshr(rounded, shift)
            }
            _ if of.dtype == DType::U64 => self.ins().udiv(x, of.y),
            _ => {
                let wide = self.resize_int(types::I64, of.dtype.is_signed_int(), x);
                let quotient = self.quotient_by_product(wide, divisor as i64);
                self.narrowed(ty, quotient)
            }
        }
    }

    fn narrowed(&mut self, ty: Type, x: Value) -> Value {
        if ty == types::I64 { x } else { self.resize_int(ty, true, x) }
    }

    /// `x / divisor` of i64.
    fn quotient_by_product(&mut self, x: Value, divisor: i64) -> Value {
        let Magic { factor, shift } = Magic::of(divisor);
        let number = self.int(types::I64, factor);
        let mut quotient = self.ins().smulhi(x, number);
        if divisor > 0 && factor < 0 {
            quotient = self.ins().iadd(quotient, x);
        } else if divisor < 0 && factor > 0 {
            quotient = self.ins().isub(quotient, x);
        }
        let quotient = self.sshr(quotient, shift);
        let sign = self.ushr(quotient, 63);
        self.ins().iadd(quotient, sign)
    }
}

impl Magic {
    /// By Granlund and Montgomery, "Division by invariant integers using multiplication" (PLDI 1994), as in Warren, "Hacker's Delight",
    /// section 10-1. The divisor is none of -1, 0 and 1.
    fn of(divisor: i64) -> Magic {
        const TOP: u64 = 1 << 63;
        let size = divisor.unsigned_abs();
        let greatest = TOP + u64::from(divisor < 0);
        let limit = greatest - 1 - greatest % size;
        let mut power = 63;
        let (mut by_limit, mut by_size) = ((TOP / limit, TOP % limit), (TOP / size, TOP % size));
        loop {
            power += 1;
            by_limit = doubled(by_limit, limit);
            by_size = doubled(by_size, size);
            let missing = size - by_size.1;
            if by_limit.0 > missing || (by_limit.0 == missing && by_limit.1 > 0) || power == 127 {
                break;
            }
        }
        let factor = by_size.0.wrapping_add(1) as i64;
        Magic { factor: if divisor < 0 { factor.wrapping_neg() } else { factor }, shift: power - 64 }
    }
}

/// Quotient and rest of twice the number.
fn doubled((quotient, rest): (u64, u64), by: u64) -> (u64, u64) {
    let (quotient, rest) = (quotient.wrapping_mul(2), rest.wrapping_mul(2));
    if rest >= by { (quotient + 1, rest - by) } else { (quotient, rest) }
}

/// The exponent of a power of two from 2 on that fits the positive numbers of its dtype.
fn power_of_two(divisor: Option<i128>) -> Option<u32> {
    divisor.filter(|&divisor| divisor > 1 && divisor.count_ones() == 1).map(i128::trailing_zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quotient(x: i64, divisor: i64) -> i64 {
        let Magic { factor, shift } = Magic::of(divisor);
        let mut quotient = ((i128::from(x) * i128::from(factor)) >> 64) as i64;
        if divisor > 0 && factor < 0 {
            quotient = quotient.wrapping_add(x);
        } else if divisor < 0 && factor > 0 {
            quotient = quotient.wrapping_sub(x);
        }
        quotient >>= shift;
        quotient + i64::from(quotient < 0)
    }

    #[test]
    fn a_product_gives_the_quotient() {
        let ends = [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX, i64::from(u32::MAX)];
        let divisors = (2..200).chain([641, 1 << 31, 1_000_000_007, i64::MAX / 3, i64::MAX]);
        for divisor in divisors.flat_map(|d| [d, -d]).chain([i64::MIN]) {
            let near =
                (-40..40).flat_map(|k| [divisor.wrapping_mul(k), divisor.wrapping_mul(k).wrapping_sub(1)]);
            for x in
                near.chain(ends).chain((0..100).map(|k: i64| k.wrapping_mul(0x9E37_79B9_7F4A_7C15u64 as i64)))
            {
                assert_eq!(quotient(x, divisor), x / divisor, "{x} / {divisor}");
            }
        }
    }
}
