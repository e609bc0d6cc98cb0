//! Blocks made of numbers: the scale is what makes the greatest number the greatest integer, or the range of numbers the range of integers.

use super::BlockLayout;
use super::fields::{half_bytes, packed, split_last};
use crate::builder::BuildError;
use crate::op::TypeError;
use crate::op::primitive::{ArgKind, ReduceKind};
use crate::{Builder, DType, Value};

impl BlockLayout {
    /// `f32[s.., length] -> u8[s.., bytes]`.
    pub(super) fn rounded(self, b: &mut Builder, x: Value) -> Result<Value, TypeError> {
        let bytes = match self {
            Self::Q4_0 => centred(b, x, 4),
            Self::Q5_0 => centred(b, x, 5),
            Self::Q4_1 => above_least(b, x, 4),
            Self::Q5_1 => above_least(b, x, 5),
            Self::Q8_0 => eight_bits(b, x),
            _ => {
                let reason = format!(
                    "{} has groups with scales of few bits, which are found by search; numbers are rounded to q4_0, q4_1, q5_0, q5_1 and q8_0",
                    self.word()
                );
                return Err(TypeError::attribute("layout", reason));
            }
        };
        Ok(bytes?)
    }
}

/// A fold of each block, with an axis of length 1 in its place.
fn fold(b: &mut Builder, x: Value, kind: ReduceKind) -> Result<Value, BuildError> {
    let last = b.shape(x).rank() - 1;
    let folded = b.reduce(x, kind, [last])?;
    with_unit(b, folded)
}

fn with_unit(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let shape = b.shape(x).sizes().into_iter().chain([1]).collect::<crate::Shape>();
    b.reshape(x, shape)
}

/// `1 / x`, and 0 for 0.
fn inverse(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let one = b.full_like(1.0, x)?;
    let inverse = b.div(one, x)?;
    let is_zero = b.equals(x, 0.0)?;
    b.number_where(is_zero, 0.0, inverse)
}

/// The number of the greatest magnitude of each block, with its sign; the first of several.
fn greatest(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let shape = b.shape(x);
    let last = shape.rank() - 1;
    let magnitude = b.abs(x)?;
    let place = b.arg_reduce(magnitude, ArgKind::Max, last, DType::I32)?;
    let place = with_unit(b, place)?;
    let place = b.broadcast_to(place, &shape)?;
    let number = b.iota(DType::I32, shape, last)?;
    let is_greatest = b.eq(number, place)?;
    let alone = b.zero_unless(is_greatest, x)?;
    fold(b, alone, ReduceKind::Sum)
}

/// Integers `q` of so many bits with `x = scale (q - half of their range)`.
fn centred(b: &mut Builder, x: Value, bits: u32) -> Result<Value, BuildError> {
    let centre = f64::from(1u32 << (bits - 1));
    let greatest = greatest(b, x)?;
    let scale = b.div_number(greatest, -centre)?;
    let steps = steps(b, x, scale)?;
    let moved = b.add_number(steps, centre + 0.5)?;
    let codes = codes(b, moved, bits)?;
    let scale = half_bytes(b, scale)?;
    with_codes(b, &[scale], codes, bits)
}

/// Integers `q` of so many bits with `x = scale q + least`.
fn above_least(b: &mut Builder, x: Value, bits: u32) -> Result<Value, BuildError> {
    let (most, least) = (fold(b, x, ReduceKind::Max)?, fold(b, x, ReduceKind::Min)?);
    let range = b.sub(most, least)?;
    let scale = b.div_number(range, f64::from((1u32 << bits) - 1))?;
    let spread = b.broadcast_to(least, &b.shape(x))?;
    let above = b.sub(x, spread)?;
    let steps = steps(b, above, scale)?;
    let moved = b.add_number(steps, 0.5)?;
    let codes = codes(b, moved, bits)?;
    let heads = [half_bytes(b, scale)?, half_bytes(b, least)?];
    with_codes(b, &heads, codes, bits)
}

fn eight_bits(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let magnitude = b.abs(x)?;
    let most = fold(b, magnitude, ReduceKind::Max)?;
    let scale = b.div_number(most, 127.0)?;
    let steps = steps(b, x, scale)?;
    let whole = b.round_half_away(steps)?;
    let codes = b.cast(whole, DType::I8)?;
    let codes = b.bitcast(codes, DType::U8)?;
    let scale = half_bytes(b, scale)?;
    let last = b.shape(x).rank() - 1;
    b.concat(&[scale, codes], last)
}

/// `x / scale`, by the inverse.
fn steps(b: &mut Builder, x: Value, scale: Value) -> Result<Value, BuildError> {
    let inverse = inverse(b, scale)?;
    let inverse = b.broadcast_to(inverse, &b.shape(x))?;
    b.mul(x, inverse)
}

fn codes(b: &mut Builder, x: Value, bits: u32) -> Result<Value, BuildError> {
    let whole = b.cast(x, DType::U8)?;
    b.at_most(whole, f64::from((1u32 << bits) - 1))
}

/// What a block begins with, fifth bits if there are some, and the low four bits of both halves.
fn with_codes(b: &mut Builder, heads: &[Value], codes: Value, bits: u32) -> Result<Value, BuildError> {
    let last = b.shape(codes).rank() - 1;
    let mut parts = heads.to_vec();
    if bits == 5 {
        let four = b.full_like(4.0, codes)?;
        let fifth = b.shr_logic(codes, four)?;
        let fifth = split_last(b, fifth, &[4, 8])?;
        parts.push(packed(b, fifth, 1)?);
    }
    let halves = split_last(b, codes, &[2, 16])?;
    let order: Vec<usize> = (0..last).chain([last + 1, last]).collect();
    let pairs = b.transpose(halves, order)?;
    parts.push(packed(b, pairs, 4)?);
    b.concat(&parts, last)
}
