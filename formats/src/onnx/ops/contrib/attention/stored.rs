//! Keys and values as caches store them: as they are, or as integers of 8 or 4 bits with scales.

use tensorwright::{DType, Tensor};

use crate::onnx::call::{Call, sizes};
use crate::onnx::error::Reason;
use crate::onnx::ops::contrib::blocks::unpacked;

/// How a cache stores numbers.
pub(super) enum Stored {
    Plain,
    /// Integers of 8 bits, times a scale that broadcasts.
    Bytes(Tensor),
    /// Two of 4 bits in each byte, the first one in the lower half, with 8 added.
    Halves(Tensor),
}

impl Stored {
    /// As the attribute of this name says, with the scale at this input.
    pub(super) fn of(call: &Call<'_>, name: &str, scale: usize) -> Result<Stored, Reason> {
        match call.word(name, "NONE")? {
            "NONE" => return Ok(Stored::Plain),
            "PER_TENSOR" | "PER_CHANNEL" => {}
            other => return Err(call.unknown_word(name, other)),
        }
        let scale = call.tensor(scale)?;
        let scale = if scale.elements()? == 1 { scale.reshape(()) } else { scale.clone() };
        match call.int("kv_cache_bit_width", 8)? {
            0 | 8 => Ok(Stored::Bytes(scale)),
            4 => Ok(Stored::Halves(scale)),
            bits => Err(Reason::attribute("kv_cache_bit_width", format!("is {bits}, and must be 4 or 8"))),
        }
    }

    pub(super) fn write(&self, x: &Tensor) -> Result<Tensor, Reason> {
        match self {
            Stored::Plain => Ok(x.clone()),
            Stored::Bytes(scale) => Ok((x / scale).round_even().clamp(-128, 127).cast(DType::I8)),
            Stored::Halves(scale) => {
                let numbers = ((x / scale).round_even().clamp(-8, 7) + 8).cast(DType::U8);
                let mut pairs = sizes(&numbers)?;
                let width = pairs.pop().unwrap_or(0);
                if width % 2 != 0 {
                    return Err(Reason::other(format!(
                        "heads of {width} elements are stored in halves of bytes"
                    )));
                }
                pairs.extend([width / 2, 2]);
                let halves = numbers.reshape(pairs).unstack(-1);
                let [low, high] = &halves[..] else { return Err(Reason::other("halves of bytes are two")) };
                Ok(low | (high << 4u8))
            }
        }
    }

    /// The numbers, of this dtype.
    pub(super) fn read(&self, x: &Tensor, dtype: DType) -> Result<Tensor, Reason> {
        Ok(match self {
            Stored::Plain => x.clone(),
            Stored::Bytes(scale) => (x.cast(DType::F32) * scale).cast(dtype),
            Stored::Halves(scale) => ((unpacked(x, 4)?.cast(DType::F32) - 8) * scale).cast(dtype),
        })
    }
}
