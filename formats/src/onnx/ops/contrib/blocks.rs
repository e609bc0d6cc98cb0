//! Weights of few bits, with a scale and a zero point for each block.

use tensorwright::{DType, Tensor};

use super::super::Apply;
use crate::onnx::call::{Call, Results, axis, natural, one, sizes};
use crate::onnx::error::Reason;

pub(super) const OPERATORS: &[(&str, Apply)] =
    &[("MatMulNBits", matmul), ("MatMulBnb4", matmul_of_table), ("GatherBlockQuantized", gather)];

/// Integers of so many bits out of bytes, from the lowest bits on, along the last axis.
pub(super) fn unpacked(bytes: &Tensor, bits: usize) -> Result<Tensor, Reason> {
    if !matches!(bits, 1 | 2 | 4 | 8) {
        return Err(Reason::attribute("bits", format!("is {bits}, and must be 2, 4 or 8")));
    }
    let mask = ((1u16 << bits) - 1) as u8;
    let part = |at: usize| (bytes >> (at * bits) as u8) & mask;
    let parts: Vec<Tensor> = (0..8 / bits).map(part).collect();
    let mut own = sizes(bytes)?;
    if let Some(last) = own.last_mut() {
        *last *= parts.len();
    }
    Ok(Tensor::stack(&parts, -1).reshape(own))
}

/// The matrix that `MatMulNBits` multiplies with.
struct Weights<'w> {
    call: &'w Call<'w>,
    rows: usize,
    columns: usize,
    block: usize,
    bits: usize,
}

impl Weights<'_> {
    fn blocks(&self) -> usize {
        self.columns.div_ceil(self.block)
    }

    /// `[rows, blocks]` of zero points: packed as the weights are, or numbers.
    fn zeros(&self, dtype: DType) -> Result<Tensor, Reason> {
        let shape = [self.rows, self.blocks()];
        let Some(zeros) = self.call.maybe(3)? else {
            return Ok(Tensor::full((), (1u32 << (self.bits - 1)) as f32).cast(dtype).broadcast_to(shape));
        };
        if zeros.dtype()? != DType::U8 {
            return Ok(zeros.reshape(shape).cast(dtype));
        }
        let all = unpacked(&zeros.reshape([self.rows as i64, -1]), self.bits)?;
        Ok(all.i((.., ..self.blocks())).cast(dtype))
    }

    /// `[rows, columns]`
    fn dense(&self, dtype: DType) -> Result<Tensor, Reason> {
        let all = [self.rows, self.blocks().saturating_mul(self.block)];
        let packed = self.call.tensor(1)?.reshape([self.rows as i64, -1]);
        let numbers = unpacked(&packed, self.bits)?.cast(dtype);
        let (scales, zeros) = (self.call.tensor(2)?.reshape([self.rows, self.blocks()]), self.zeros(dtype)?);
        if let Some(groups) = self.call.maybe(4)? {
            // Each column says which block it belongs to.
            let of_columns = |x: &Tensor| x.take(groups.i(..self.columns).cast(DType::I64), 1);
            let numbers = numbers.i((.., ..self.columns));
            return Ok((numbers - of_columns(&zeros)) * of_columns(&scales.cast(dtype)));
        }
        let numbers = numbers.reshape([self.rows, self.blocks(), self.block]);
        let found = (numbers - zeros.expand_dims(-1)) * scales.cast(dtype).expand_dims(-1);
        Ok(found.reshape(all).i((.., ..self.columns)))
    }
}

fn weights<'w>(call: &'w Call<'w>) -> Result<Weights<'w>, Reason> {
    let number = |name: &str| natural(name, call.required_int(name)?);
    let (block, bits) = (number("block_size")?, natural("bits", call.int("bits", 4)?)?);
    if block == 0 || block > 1 << 32 {
        return Err(Reason::attribute("block_size", format!("is {block}")));
    }
    if call.int("weight_prepacked", 0)? != 0 {
        return Err(Reason::attribute(
            "weight_prepacked",
            "is set: weights packed for a device are not read",
        ));
    }
    Ok(Weights { call, rows: number("N")?, columns: number("K")?, block, bits })
}

fn matmul(call: &Call<'_>) -> Results {
    let x = call.tensor(0)?;
    let weights = weights(call)?;
    let found = if call.tensor(1)?.elements()? == 0 {
        let mut shape = sizes(x)?;
        shape.pop();
        shape.push(weights.rows);
        Tensor::zeros(shape, x.dtype()?)
    } else {
        x.matmul(weights.dense(x.dtype()?)?.t())
    };
    match call.maybe(5)? {
        Some(bias) => one(found + bias),
        None => one(found),
    }
}

/// Numbers of 4 bits that stand for those of a table, with a scale for each block of the flat matrix.
fn matmul_of_table(call: &Call<'_>) -> Results {
    const FP4: [f32; 16] = [
        0.0,
        0.005_208_333_3,
        0.666_666_7,
        1.0,
        0.333_333_33,
        0.5,
        0.166_666_67,
        0.25,
        -0.0,
        -0.005_208_333_3,
        -0.666_666_7,
        -1.0,
        -0.333_333_33,
        -0.5,
        -0.166_666_67,
        -0.25,
    ];
    const NF4: [f32; 16] = [
        -1.0,
        -0.696_192_8,
        -0.525_073_05,
        -0.394_917_5,
        -0.284_441_38,
        -0.184_773_43,
        -0.091_050_036,
        0.0,
        0.079_580_3,
        0.160_930_2,
        0.246_112_3,
        0.337_915_24,
        0.440_709_83,
        0.562_617,
        0.722_956_84,
        1.0,
    ];
    let x = call.tensor(0)?;
    let number = |name: &str| natural(name, call.required_int(name)?);
    let (rows, columns, block) = (number("N")?, number("K")?, number("block_size")?);
    let table = match call.required_int("quant_type")? {
        0 => FP4,
        1 => NF4,
        other => return Err(Reason::attribute("quant_type", format!("is {other}, and must be 0 or 1"))),
    };
    let count = rows.saturating_mul(columns);
    // The first number of a byte is in its high bits.
    let bytes = call.tensor(1)?.reshape([-1]);
    let codes = Tensor::stack(&[&bytes >> 4u8, &bytes & 15u8], -1).reshape([-1]).i(..count);
    let numbers = Tensor::from_slice(&table, 16).take(codes.cast(DType::I64), 0);
    let scales = call.tensor(2)?.repeat([block], 0).i(..count);
    let weights = (numbers.cast(scales.dtype()?) * scales).reshape([rows, columns]).cast(x.dtype()?);
    one(if call.flag("transB", true)? { x.matmul(weights.t()) } else { x.matmul(weights) })
}

/// Rows of a table of few bits, as numbers; rows that are not there are zeros.
fn gather(call: &Call<'_>) -> Results {
    let (data, scales) = (call.tensor(0)?, call.tensor(2)?);
    let rank = data.rank()?;
    let (at, along) = (axis(call.int("gather_axis", 0)?, rank)?, axis(call.int("quantize_axis", 1)?, rank)?);
    let table =
        Packed { bits: natural("bits", call.int("bits", 4)?)?, along, block: block(call, data, along)? };
    let numbers = table.dense(data, scales, call.maybe(3)?)?;
    let size = numbers.shape()?.size(at) as i64;
    let indices = call.tensor(1)?.cast(DType::I64);
    let places = indices.lt(0).select(&indices + size, &indices);
    let is_there = places.ge(0) & places.lt(size);
    let found = numbers.take(places.clamp(0, (size - 1).max(0)), at);
    let mut shape = sizes(&is_there)?;
    shape.splice(0..0, std::iter::repeat_n(1, at));
    shape.extend(std::iter::repeat_n(1, rank - 1 - at));
    one(is_there.reshape(shape).select(&found, 0))
}

fn block(call: &Call<'_>, data: &Tensor, along: usize) -> Result<usize, Reason> {
    match natural("block_size", call.int("block_size", 128)?)? {
        0 => Ok(data.shape()?.size(along).max(1)),
        block => Ok(block),
    }
}

/// How a table of few bits is stored.
struct Packed {
    bits: usize,
    /// The axis of blocks.
    along: usize,
    block: usize,
}

impl Packed {
    /// The numbers. Integers of 4 bits are apart already; in bytes there are several, and zero is in their middle.
    fn dense(&self, data: &Tensor, scales: &Tensor, zeros: Option<&Tensor>) -> Result<Tensor, Reason> {
        let of = |x: &Tensor| sizes(x).map(|own| own.get(self.along).copied().unwrap_or(0));
        let (own, blocks) = (of(data)?, of(scales)?);
        let is_byte = data.dtype()? == DType::U8 && (self.bits == 8 || own.div_ceil(self.block) != blocks);
        let apart = |x: &Tensor| if is_byte { unpacked(x, self.bits) } else { Ok(x.clone()) };
        let numbers = apart(data)?;
        let limits = sizes(&numbers)?;
        let spread = |x: &Tensor| -> Tensor {
            let each = if self.block == 1 { x.clone() } else { x.repeat([self.block], self.along) };
            let ends: Vec<i64> = sizes(&each)
                .unwrap_or_default()
                .iter()
                .zip(&limits)
                .map(|(&size, &limit)| size.min(limit) as i64)
                .collect();
            each.slice(vec![0i64; ends.len()], ends.clone(), vec![1i64; ends.len()])
        };
        let dtype = scales.dtype()?;
        let numbers = numbers.cast(dtype);
        let centred = match zeros {
            Some(zeros) => numbers - spread(&apart(zeros)?).cast(dtype),
            None if is_byte => numbers - f64::from(1u32 << (self.bits - 1)),
            None => numbers,
        };
        Ok(centred * spread(scales))
    }
}
