//! Derivatives of products, where the product of some of the factors overflows or underflows and the derivative does not.
//!
//! Numbers are kept as a significand and an integer exponent. A running product takes the powers of two out as it goes on: how many is known
//! before, from a running sum of logarithms.
//!
//! Factors that are 0, infinite or NaN are *special*. They are multiplied and added up as they are, apart from the others, in which 1
//! stands for them: so nothing is divided by them, and all that is computed remains a polynomial in them, to be differentiated again.

use super::scan::{Line, Own, recurrence};
use crate::builder::BuildError;
use crate::op::primitive::ReduceKind;
use crate::{Builder, DType, Value};

/// A number `significand * 2^exponent`. The exponent is an i64.
#[derive(Clone, Copy)]
pub(super) struct Scaled {
    pub(super) significand: Value,
    pub(super) exponent: Value,
}

/// The exponent of 0 where exponents are compared: less than any other, whatever the segment.
const OF_ZERO: f64 = -((1u64 << 60) as f64);
/// How far apart exponents of different segments are kept: more than they differ within one. It is a power of two, of this exponent.
const APART: f64 = (1u64 << APART_BITS) as f64;
const APART_BITS: u32 = 40;

/// How a wide float is made of bits.
struct Format {
    bits: DType,
    /// Bits of the significand.
    digits: i32,
    /// The exponent of 1, as it is stored.
    bias: i32,
}

impl Format {
    fn of(dtype: DType) -> Format {
        match dtype {
            DType::F64 => Format { bits: DType::I64, digits: 52, bias: 1023 },
            _ => Format { bits: DType::I32, digits: 23, bias: 127 },
        }
    }

    fn least_normal(&self) -> f64 {
        2f64.powi(1 - self.bias)
    }
}

impl Scaled {
    /// `x`, of a wide float dtype. The magnitude of the significand is from 2 to 4, unless `x` is special.
    pub(super) fn of(b: &mut Builder, x: Value) -> Result<Scaled, BuildError> {
        let dtype = b.tensor(x).dtype;
        let format = Format::of(dtype);
        let lift = format.digits + 1;
        let (magnitude, least, zero) = (b.abs(x)?, b.full_like(format.least_normal(), x)?, b.equals(x, 0.0)?);
        let (small, other) = (b.lt(magnitude, least)?, b.not(zero)?);
        let small = b.and(small, other)?;
        let lifted = b.mul_number(x, 2f64.powi(lift))?;
        let normal = b.select(small, lifted, x)?;
        let bits = b.bitcast(normal, format.bits)?;
        let digits = b.full_like(f64::from(format.digits), bits)?;
        let stored = b.shr_logic(bits, digits)?;
        let mask = b.full_like(f64::from(2 * format.bias + 1), stored)?;
        let stored = b.and(stored, mask)?;
        let stored = b.convert(stored, DType::I64)?;
        let exponent = b.add_number(stored, f64::from(-format.bias - 1))?;
        // A 0 is not scaled: what is near it would be by far too much.
        let exponent = b.number_where(zero, 0.0, exponent)?;
        let down = b.neg(exponent)?;
        let down = power(b, down, dtype)?;
        let significand = b.mul(normal, down)?;
        let lowered = b.add_number(exponent, f64::from(-lift))?;
        Ok(Scaled { significand, exponent: b.select(small, lowered, exponent)? })
    }

    /// The number, rounded once.
    pub(super) fn value(self, b: &mut Builder) -> Result<Value, BuildError> {
        let dtype = b.tensor(self.significand).dtype;
        let one = b.full_like(1.0, self.exponent)?;
        let half = b.shr_arith(self.exponent, one)?;
        let rest = b.sub(self.exponent, half)?;
        let (half, rest) = (power(b, half, dtype)?, power(b, rest, dtype)?);
        let product = b.mul(self.significand, half)?;
        b.mul(product, rest)
    }

    pub(super) fn times(self, b: &mut Builder, other: Scaled) -> Result<Scaled, BuildError> {
        Ok(Scaled {
            significand: b.mul(self.significand, other.significand)?,
            exponent: b.add(self.exponent, other.exponent)?,
        })
    }

    /// The number with its significand multiplied by something that is neither large nor small, or is special.
    fn scaled(self, b: &mut Builder, by: Value) -> Result<Scaled, BuildError> {
        Ok(Scaled { significand: b.mul(self.significand, by)?, ..self })
    }

    fn over(self, b: &mut Builder, other: Scaled) -> Result<Scaled, BuildError> {
        Ok(Scaled {
            significand: b.div(self.significand, other.significand)?,
            exponent: b.sub(self.exponent, other.exponent)?,
        })
    }
}

/// `2^exponent`, or the nearest power of two that is a normal number.
fn power(b: &mut Builder, exponent: Value, dtype: DType) -> Result<Value, BuildError> {
    let format = Format::of(dtype);
    let exponent = b.at_least(exponent, f64::from(1 - format.bias))?;
    let exponent = b.at_most(exponent, f64::from(format.bias))?;
    let exponent = b.convert(exponent, format.bits)?;
    let stored = b.add_number(exponent, f64::from(format.bias))?;
    let digits = b.full_like(f64::from(format.digits), stored)?;
    let bits = b.shl(stored, digits)?;
    b.bitcast(bits, dtype)
}

/// Factors of a product, the special ones apart.
struct Factors {
    is_special: Value,
    /// The others, with 1 in place of special ones.
    ordinary: Scaled,
    /// The special ones, with 1 in place of the others.
    special: Value,
}

impl Factors {
    fn of(b: &mut Builder, x: Value) -> Result<Factors, BuildError> {
        let (zero, finite) = (b.equals(x, 0.0)?, b.is_finite(x)?);
        let infinite = b.not(finite)?;
        let is_special = b.or(zero, infinite)?;
        let ordinary = b.number_where(is_special, 1.0, x)?;
        let one = b.full_like(1.0, x)?;
        let special = b.select(is_special, x, one)?;
        Ok(Factors { is_special, ordinary: Scaled::of(b, ordinary)?, special })
    }

    /// How many special factors there are up to each one, times a number.
    fn segments(&self, b: &mut Builder, line: Line, times: f64) -> Result<Value, BuildError> {
        let ones = b.convert(self.is_special, DType::I64)?;
        let count = line.fold(b, ones, ReduceKind::Sum, Own::With)?;
        b.mul_number(count, times)
    }
}

/// Running products of numbers none of which is special. Significands stay about where one factor's is.
fn running(b: &mut Builder, line: Line, x: Scaled, own: Own) -> Result<Scaled, BuildError> {
    let dtype = b.tensor(x.significand).dtype;
    let magnitude = b.abs(x.significand)?;
    let log = b.log2(magnitude)?;
    let logs = line.fold(b, log, ReduceKind::Sum, Own::With)?;
    let whole = b.floor(logs)?;
    let whole = b.convert(whole, DType::I64)?;
    let previous = line.shift(b, whole, 1)?;
    let down = b.sub(previous, whole)?;
    let down = power(b, down, dtype)?;
    let factor = b.mul(x.significand, down)?;
    let significand = line.fold(b, factor, ReduceKind::Prod, own)?;
    let exponent = line.fold(b, x.exponent, ReduceKind::Sum, own)?;
    let taken = if own == Own::With { whole } else { previous };
    Ok(Scaled { significand, exponent: b.add(exponent, taken)? })
}

/// For each element along `axis` the product of all others: of those before times those after it, which is right for special ones, too.
/// `x` is of a wide float dtype.
pub(super) fn of_others(b: &mut Builder, x: Value, axis: usize) -> Result<Scaled, BuildError> {
    let factors = Factors::of(b, x)?;
    let [there, back] = [false, true].map(|reverse| Line { axis, reverse });
    let before = running(b, there, factors.ordinary, Own::Without)?;
    let after = running(b, back, factors.ordinary, Own::Without)?;
    let special_before = there.fold(b, factors.special, ReduceKind::Prod, Own::Without)?;
    let special_after = back.fold(b, factors.special, ReduceKind::Prod, Own::Without)?;
    let special = b.mul(special_before, special_after)?;
    before.times(b, after)?.scaled(b, special)
}

/// As [`of_others`], of complex numbers, whose products may overflow or underflow on the way.
pub(super) fn of_other_complex(b: &mut Builder, x: Value, axis: usize) -> Result<[Value; 1], BuildError> {
    let [before, after] =
        [false, true].map(|reverse| Line { axis, reverse }.fold(b, x, ReduceKind::Prod, Own::Without));
    Ok([b.mul(before?, after?)?])
}

/// The tangent of running products of complex numbers: `p'[i] = x[i] p'[i - 1] + p[i - 1] x'[i]`.
fn complex_tangent(b: &mut Builder, line: Line, x: Value, tangent: Value) -> Result<Value, BuildError> {
    let before = line.fold(b, x, ReduceKind::Prod, Own::Without)?;
    let terms = b.mul(before, tangent)?;
    recurrence(b, line, x, terms)
}

/// The cotangents of the factors of running products of complex numbers: `s[j] = c[j] + x[j + 1] s[j + 1]`, times the product before `j`.
fn complex_cotangent(b: &mut Builder, line: Line, x: Value, cotangent: Value) -> Result<Value, BuildError> {
    let back = line.reversed();
    let next = back.shift(b, x, 1)?;
    let sums = recurrence(b, back, next, cotangent)?;
    let before = line.fold(b, x, ReduceKind::Prod, Own::Without)?;
    b.mul(before, sums)
}

/// Terms of a running sum with a common exponent for each place: the greatest so far in the last segment in which a term is not 0.
struct Aligned {
    terms: Value,
    exponent: Value,
}

/// `offset` keeps segments apart, later ones (along the line) above earlier ones.
fn aligned(b: &mut Builder, line: Line, x: Scaled, offset: Value) -> Result<Aligned, BuildError> {
    let dtype = b.tensor(x.significand).dtype;
    let (own, zero) = (b.add(x.exponent, offset)?, b.equals(x.significand, 0.0)?);
    let own = b.number_where(zero, OF_ZERO, own)?;
    let greatest = line.fold(b, own, ReduceKind::Max, Own::With)?;
    // What is left of the offset of whichever segment it was, a multiple of what keeps them apart.
    let half = b.add_number(greatest, APART / 2.0)?;
    let bits = b.full_like(f64::from(APART_BITS), half)?;
    let multiple = b.shr_arith(half, bits)?;
    let multiple = b.mul_number(multiple, APART)?;
    let exponent = b.sub(greatest, multiple)?;
    let down = b.sub(x.exponent, exponent)?;
    let down = power(b, down, dtype)?;
    Ok(Aligned { terms: b.mul(x.significand, down)?, exponent })
}

impl Aligned {
    /// The factor of the sum so far at each place but the first: a special factor, if there is one, and what aligns it.
    fn factor(&self, b: &mut Builder, line: Line, special: Value) -> Result<Value, BuildError> {
        let dtype = b.tensor(special).dtype;
        let before = line.shift(b, self.exponent, 1)?;
        let down = b.sub(before, self.exponent)?;
        let down = power(b, down, dtype)?;
        let factor = b.mul(special, down)?;
        // Nothing comes before the first: its factor counts for nothing, whatever it is.
        let factor = line.reversed().shift(b, factor, 1)?;
        line.shift(b, factor, 1)
    }
}

/// Cotangents of the factors of running products `p[i] = x[0] .. x[i]`, out of those of the products: that of `x[j]` is the sum over all
/// `i` from `j` on of `c[i] p[i] / x[j]`.
///
/// A special factor is not divided by. It is a factor of the recurrence `s[j] = c[j] p[j] + special[j + 1] s[j + 1]`, where `p` is the product
/// of the others, and so are the special factors before `j`. Exponents are aligned among the terms between two special factors.
pub(super) fn running_cotangent(
    b: &mut Builder,
    line: Line,
    x: Value,
    cotangent: Value,
) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    if dtype.is_complex() {
        return complex_cotangent(b, line, x, cotangent);
    }
    let (x, cotangent) = (b.widen(x)?, b.widen(cotangent)?);
    let factors = Factors::of(b, x)?;
    let products = running(b, line, factors.ordinary, Own::With)?;
    let terms = Scaled::of(b, cotangent)?.times(b, products)?;
    let (back, offset) = (line.reversed(), factors.segments(b, line, -APART)?);
    let aligned = aligned(b, back, terms, offset)?;
    // The special factor between an element and the next one is that of the next.
    let special = back.shift(b, factors.special, 1)?;
    let factor = aligned.factor(b, back, special)?;
    let sums = recurrence(b, back, factor, aligned.terms)?;
    let before = line.fold(b, factors.special, ReduceKind::Prod, Own::Without)?;
    let result = Scaled { significand: sums, exponent: aligned.exponent }
        .scaled(b, before)?
        .over(b, factors.ordinary)?;
    let result = result.value(b)?;
    b.convert(result, dtype)
}

/// Tangents of running products: that of `p[i]` is the sum over all `j` up to `i` of `p[i] / x[j] x'[j]`. Special factors are treated as in
/// [`running_cotangent`].
pub(super) fn running_tangent(
    b: &mut Builder,
    line: Line,
    x: Value,
    tangent: Value,
) -> Result<Value, BuildError> {
    let dtype = b.tensor(x).dtype;
    if dtype.is_complex() {
        return complex_tangent(b, line, x, tangent);
    }
    let (x, tangent) = (b.widen(x)?, b.widen(tangent)?);
    let factors = Factors::of(b, x)?;
    let before = line.fold(b, factors.special, ReduceKind::Prod, Own::Without)?;
    let terms = Scaled::of(b, tangent)?.scaled(b, before)?.over(b, factors.ordinary)?;
    let offset = factors.segments(b, line, APART)?;
    let aligned = aligned(b, line, terms, offset)?;
    let factor = aligned.factor(b, line, factors.special)?;
    let sums = recurrence(b, line, factor, aligned.terms)?;
    let products = running(b, line, factors.ordinary, Own::With)?;
    let result = products.times(b, Scaled { significand: sums, exponent: aligned.exponent })?.value(b)?;
    b.convert(result, dtype)
}
