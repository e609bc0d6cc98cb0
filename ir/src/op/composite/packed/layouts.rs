//! What the bytes of each layout mean.
//!
//! Numbers of a block are given axes such that what they share (a byte, a scale, the place of their bits in it) is the same along some of them: the two halves of a byte, the
//! groups with a scale. So each part is read once, in the order of the bytes, and repeated along the others.

use super::BlockLayout;
use super::fields::Reader;
use crate::builder::BuildError;
use crate::{DType, Value};

type Read = Result<Value, BuildError>;

/// Halves of bytes: the numbers of a block whose bits are the low ones come first.
const HALVES: [usize; 2] = [2, 16];
/// Groups with a scale in layouts of 256 numbers: halves of the block, bits of a byte, halves of 32 bytes.
const GROUPS: [usize; 4] = [2, 4, 2, 16];
/// Pairs of groups of 32 whose numbers are the halves of the same bytes.
const PAIRS: [usize; 3] = [4, 2, 32];

impl BlockLayout {
    /// The numbers of blocks, with axes of their own behind those of the blocks.
    pub(super) fn numbers(self, r: &mut Reader<'_>) -> Read {
        match self {
            Self::Q4_0 => {
                let scale = halves_scale(r)?;
                let q = nibbles(r)?;
                centred(r, q, 8.0, scale, &HALVES)
            }
            Self::Q4_1 => {
                let (scale, least) = (halves_scale(r)?, halves_scale(r)?);
                let q = nibbles(r)?;
                above(r, q, scale, least)
            }
            Self::Q5_0 => {
                let scale = halves_scale(r)?;
                let q = five_bits(r)?;
                centred(r, q, 16.0, scale, &HALVES)
            }
            Self::Q5_1 => {
                let (scale, least) = (halves_scale(r)?, halves_scale(r)?);
                let q = five_bits(r)?;
                above(r, q, scale, least)
            }
            Self::Q8_0 => {
                let scale = r.half()?;
                let q = r.signed(&[32])?;
                r.scaled(q, scale, &[32])
            }
            Self::Q2K => two_bits(r),
            Self::Q3K => three_bits(r),
            Self::Q4K => pairs(r, false),
            Self::Q5K => pairs(r, true),
            Self::Q6K => six_bits(r),
            Self::Q8K => {
                let scale = r.bytes(&[1, 4])?;
                let scale = r.b.bitcast(scale, DType::F32)?;
                let q = r.signed(&[256])?;
                r.scaled(q, scale, &[256])
            }
        }
    }
}

fn halves_scale(r: &mut Reader<'_>) -> Read {
    let scale = r.half()?;
    let shape = r.shape(&[1, 1]);
    r.b.reshape(scale, shape)
}

fn nibbles(r: &mut Reader<'_>) -> Read {
    let bytes = r.bytes(&[1, 16])?;
    let q = r.bits(bytes, &HALVES, &[(0, 4)], 4)?;
    r.b.convert(q, DType::F32)
}

/// Four low bits, and a fifth one out of four bytes that have one for each number.
fn five_bits(r: &mut Reader<'_>) -> Read {
    let bytes = r.bytes(&[4, 1])?;
    let high = r.bits(bytes, &[4, 8], &[(1, 1)], 1)?;
    let shape = r.shape(&HALVES);
    let high = r.b.reshape(high, shape)?;
    let high = r.b.convert(high, DType::F32)?;
    let high = r.b.mul_number(high, 16.0)?;
    let low = nibbles(r)?;
    r.b.add(low, high)
}

/// `scale (q - centre)`.
fn centred(r: &mut Reader<'_>, q: Value, centre: f64, scale: Value, own: &[usize]) -> Read {
    let q = r.b.convert(q, DType::F32)?;
    let q = r.b.add_number(q, -centre)?;
    r.scaled(q, scale, own)
}

/// `scale q + least`, of halves.
fn above(r: &mut Reader<'_>, q: Value, scale: Value, least: Value) -> Read {
    let steps = r.scaled(q, scale, &HALVES)?;
    let least = r.spread(least, &HALVES)?;
    r.b.add(steps, least)
}

/// Reads the two scales of a block: that of scales, that of least numbers.
fn two_scales(r: &mut Reader<'_>, own: &[usize]) -> Result<[Value; 2], BuildError> {
    let mut scale = || {
        let scale = r.half()?;
        let shape = r.shape(own);
        r.b.reshape(scale, shape)
    };
    Ok([scale()?, scale()?])
}

/// `scale (factor q) - scale of least (least)`, with `own` the shape of numbers and `group` that of the integers `factor` and `least`.
fn grouped(
    r: &mut Reader<'_>,
    q: Value,
    [scale, of_least]: [Value; 2],
    [factor, least]: [Value; 2],
    [group, own]: [&[usize]; 2],
) -> Read {
    let factor = r.scaled(factor, scale, group)?;
    let least = r.scaled(least, of_least, group)?;
    let steps = r.scaled(q, factor, own)?;
    let least = r.spread(least, own)?;
    r.b.sub(steps, least)
}

const GROUP: [usize; 4] = [2, 4, 2, 1];

fn two_bits(r: &mut Reader<'_>) -> Read {
    let scales = r.bytes(&GROUP)?;
    let factor = r.bits(scales, &GROUP, &[], 4)?;
    let high = r.b.full_like(4.0, scales)?;
    let least = r.b.shr_logic(scales, high)?;
    let bytes = r.bytes(&[2, 1, 2, 16])?;
    let q = r.bits(bytes, &GROUPS, &[(1, 2)], 2)?;
    let both = two_scales(r, &[1; 4])?;
    grouped(r, q, both, [factor, least], [&GROUP, &GROUPS])
}

/// Two low bits, and a third one out of 32 bytes: its place in a byte is the number of the group of 32.
fn three_bits(r: &mut Reader<'_>) -> Read {
    let bytes = r.bytes(&[1, 1, 2, 16])?;
    let high = r.bits(bytes, &GROUPS, &[(0, 4), (1, 1)], 1)?;
    let bytes = r.bytes(&[2, 1, 2, 16])?;
    let low = r.bits(bytes, &GROUPS, &[(1, 2)], 2)?;
    let high = r.b.mul_number(high, 4.0)?;
    let q = r.b.add(low, high)?;
    let q = r.b.convert(q, DType::F32)?;
    let q = r.b.add_number(q, -4.0)?;

    // Sixteen scales: four low bits in eight bytes, two high ones in four.
    let bytes = r.bytes(&[1, 8])?;
    let low = r.bits(bytes, &[2, 8], &[(0, 4)], 4)?;
    let bytes = r.bytes(&[1, 4])?;
    let high = r.bits(bytes, &[4, 4], &[(0, 2)], 2)?;
    let shape = r.shape(&GROUP);
    let (low, high) = (r.b.reshape(low, shape.clone())?, r.b.reshape(high, shape)?);
    let high = r.b.mul_number(high, 16.0)?;
    let factor = r.b.add(low, high)?;
    let scale = r.half()?;
    let shape = r.shape(&[1; 4]);
    let scale = r.b.reshape(scale, shape)?;
    let factor = centred(r, factor, 32.0, scale, &GROUP)?;
    r.scaled(q, factor, &GROUPS)
}

/// Four bits, or five with 32 bytes of fifth ones; scales and least numbers of six bits for each 32.
fn pairs(r: &mut Reader<'_>, has_fifth: bool) -> Read {
    let both = two_scales(r, &[1; 3])?;
    let [factor, least] = six_bit_scales(r)?;
    let fifth = if has_fifth {
        let bytes = r.bytes(&[1, 1, 32])?;
        Some(r.bits(bytes, &PAIRS, &[(0, 2), (1, 1)], 1)?)
    } else {
        None
    };
    let bytes = r.bytes(&[4, 1, 32])?;
    let mut q = r.bits(bytes, &PAIRS, &[(1, 4)], 4)?;
    if let Some(fifth) = fifth {
        let high = r.b.mul_number(fifth, 16.0)?;
        q = r.b.add(q, high)?;
    }
    grouped(r, q, both, [factor, least], [&[4, 2, 1], &PAIRS])
}

/// Eight scales and eight least numbers in twelve bytes. The first four of each are the low six bits of eight bytes; of the others these have the two high bits, and the
/// halves of four more bytes the low ones.
fn six_bit_scales(r: &mut Reader<'_>) -> Result<[Value; 2], BuildError> {
    let [scales, leasts, rest] = [r.bytes(&[1, 4])?, r.bytes(&[1, 4])?, r.bytes(&[1, 4])?];
    let shape = r.shape(&[4, 2, 1]);
    let mut number = |bytes: Value, half: usize| {
        let first = r.bits(bytes, &[1, 4], &[], 6)?;
        let six = r.b.full_like(6.0, bytes)?;
        let high = r.b.shr_logic(bytes, six)?;
        let high = r.b.mul_number(high, 16.0)?;
        let place = r.b.full_like(4.0 * half as f64, rest)?;
        let low = super::fields::bits(r.b, rest, place, 4)?;
        let last = r.b.add(low, high)?;
        let axis = r.b.shape(first).rank() - 2;
        let all = r.b.concat(&[first, last], axis)?;
        r.b.reshape(all, shape.clone())
    };
    Ok([number(scales, 0)?, number(leasts, 1)?])
}

/// Four low bits and two high ones; signed scales for each 16.
fn six_bits(r: &mut Reader<'_>) -> Read {
    // Halves of the block, halves of a byte, halves of 64 bytes, and of 32 the groups of 16.
    let own = [2, 2, 2, 2, 16];
    let bytes = r.bytes(&[2, 1, 2, 2, 16])?;
    let low = r.bits(bytes, &own, &[(1, 4)], 4)?;
    let bytes = r.bytes(&[2, 1, 1, 2, 16])?;
    let high = r.bits(bytes, &own, &[(1, 4), (2, 2)], 2)?;
    let high = r.b.mul_number(high, 16.0)?;
    let q = r.b.add(low, high)?;
    let q = r.b.convert(q, DType::F32)?;
    let q = r.b.add_number(q, -32.0)?;
    let group = [2, 2, 2, 2, 1];
    let factor = r.signed(&group)?;
    let scale = r.half()?;
    let shape = r.shape(&[1; 5]);
    let scale = r.b.reshape(scale, shape)?;
    let factor = r.scaled(factor, scale, &group)?;
    r.scaled(q, factor, &own)
}
