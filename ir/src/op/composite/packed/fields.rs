//! The parts of blocks: bytes, numbers of two bytes, and integers of few bits.

use crate::builder::BuildError;
use crate::op::primitive::ReduceKind;
use crate::{Builder, DType, Scalar, Shape, Value};

/// Reads what lies along the last axis of `u8[s.., bytes]`, part after part.
pub(super) struct Reader<'b> {
    pub(super) b: &'b mut Builder,
    bytes: Value,
    /// The sizes before the bytes.
    lead: Vec<usize>,
    at: usize,
}

impl<'b> Reader<'b> {
    pub(super) fn new(b: &'b mut Builder, bytes: Value) -> Reader<'b> {
        let mut lead = b.shape(bytes).sizes().to_vec();
        lead.pop();
        Reader { b, bytes, lead, at: 0 }
    }

    /// A shape within each block.
    pub(super) fn shape(&self, own: &[usize]) -> Shape {
        self.lead.iter().chain(own).copied().collect()
    }

    /// The next bytes, in this shape.
    pub(super) fn bytes(&mut self, own: &[usize]) -> Result<Value, BuildError> {
        let count: usize = own.iter().product();
        let part = self.b.section(self.bytes, self.lead.len(), self.at, self.at + count)?;
        self.at += count;
        self.b.reshape(part, self.shape(own))
    }

    /// The next two bytes as f16, the low one first, for all numbers of a block: `f32[s.., 1]`.
    pub(super) fn half(&mut self) -> Result<Value, BuildError> {
        let pair = self.bytes(&[2])?;
        let axis = self.lead.len();
        let mut byte = |at| {
            let byte = self.b.section(pair, axis, at, at + 1)?;
            self.b.convert(byte, DType::U16)
        };
        let (low, high) = (byte(0)?, byte(1)?);
        let high = self.b.mul_number(high, 256.0)?;
        let bits = self.b.add(low, high)?;
        let half = self.b.bitcast(bits, DType::F16)?;
        self.b.convert(half, DType::F32)
    }

    /// The next bytes as signed numbers.
    pub(super) fn signed(&mut self, own: &[usize]) -> Result<Value, BuildError> {
        let bytes = self.bytes(own)?;
        let signed = self.b.bitcast(bytes, DType::I8)?;
        self.b.convert(signed, DType::F32)
    }

    /// `x` repeated along its axes of length 1 to this shape within each block.
    pub(super) fn spread(&mut self, x: Value, own: &[usize]) -> Result<Value, BuildError> {
        let shape = self.shape(own);
        let sizes = self.b.shape(x).sizes();
        let kept: Vec<usize> = (0..sizes.len()).filter(|&axis| sizes[axis] == shape.size(axis)).collect();
        if kept.len() == sizes.len() {
            return Ok(x);
        }
        let dense = self.b.reshape(x, kept.iter().map(|&axis| sizes[axis]).collect::<Shape>())?;
        self.b.broadcast_in_dim(dense, shape, kept)
    }

    /// The numbers of so many `bits` that begin at places in bytes, which are repeated to this shape within each block: the places grow by so much along axes.
    pub(super) fn bits(
        &mut self,
        bytes: Value,
        own: &[usize],
        steps: &[(usize, usize)],
        count: usize,
    ) -> Result<Value, BuildError> {
        let spread = self.spread(bytes, own)?;
        let shape = self.shape(own);
        let mut places = self.b.full(Scalar::zero(DType::U8), &shape)?;
        for &(axis, step) in steps {
            let number = self.b.iota(DType::U8, shape.clone(), self.lead.len() + axis)?;
            let place = self.b.mul_number(number, step as f64)?;
            places = self.b.add(places, place)?;
        }
        bits(self.b, spread, places, count)
    }

    /// `scale * number` in f32, with a scale that is repeated.
    pub(super) fn scaled(&mut self, number: Value, scale: Value, own: &[usize]) -> Result<Value, BuildError> {
        let number = self.b.convert(number, DType::F32)?;
        let scale = self.spread(scale, own)?;
        self.b.mul(scale, number)
    }
}

/// The `count` bits of bytes from places on.
pub(super) fn bits(b: &mut Builder, bytes: Value, places: Value, count: usize) -> Result<Value, BuildError> {
    let low = b.shr_logic(bytes, places)?;
    let mask = b.full_like(((1u32 << count) - 1).into(), low)?;
    b.and(low, mask)
}

/// The last axis in parts.
pub(super) fn split_last(b: &mut Builder, x: Value, parts: &[usize]) -> Result<Value, BuildError> {
    let sizes = b.shape(x).sizes();
    let shape: Shape = sizes[..sizes.len() - 1].iter().chain(parts).copied().collect();
    b.reshape(x, shape)
}

/// The low bits of the numbers along the last axis as one byte, the first ones lowest: `u8[s.., 8 / bits] -> u8[s..]`.
pub(super) fn packed(b: &mut Builder, numbers: Value, bits: usize) -> Result<Value, BuildError> {
    let shape = b.shape(numbers);
    let last = shape.rank() - 1;
    let mask = b.full_like(((1u32 << bits) - 1).into(), numbers)?;
    let low = b.and(numbers, mask)?;
    let step = b.iota(DType::U8, shape, last)?;
    let step = b.mul_number(step, bits as f64)?;
    let moved = b.shl(low, step)?;
    // No two of them have a bit in common.
    b.reduce(moved, ReduceKind::Sum, [last])
}

/// f32 as the two bytes of f16, the low one first: `f32[s.., 1] -> u8[s.., 2]`.
pub(super) fn half_bytes(b: &mut Builder, x: Value) -> Result<Value, BuildError> {
    let half = b.convert(x, DType::F16)?;
    let bits = b.bitcast(half, DType::U16)?;
    let eight = b.full_like(8.0, bits)?;
    let high = b.shr_logic(bits, eight)?;
    let (low, high) = (b.convert(bits, DType::U8)?, b.convert(high, DType::U8)?);
    let last = b.shape(x).rank() - 1;
    b.concat(&[low, high], last)
}
