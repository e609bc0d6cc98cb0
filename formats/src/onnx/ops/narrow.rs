//! Numbers of 2, 4 and 8 bits that no dtype of ours has: they are rounded to what such a format can say, and kept as `f32`, `i8` and `u8`, as those of files are.

use tensorwright::{DType, Tensor};

use crate::onnx::dtype::{self, Specials, Stored, stored};
use crate::onnx::error::Reason;

/// What becomes of numbers that a format has no room for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Beyond {
    /// The greatest one.
    Saturates,
    /// An infinity or NaN.
    IsLost,
}

/// How numbers become powers of two.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Rounding {
    Nearest,
    Up,
    Down,
}

/// A floating-point format of few bits.
struct Format {
    exponent_bits: u32,
    mantissa_bits: u32,
    bias: i32,
    greatest: f32,
    /// What a number beyond the greatest becomes if it does not saturate.
    beyond: f32,
    has_minus_zero: bool,
}

impl Format {
    /// One of 8 bits.
    fn of(exponent_bits: u32, bias: i32, specials: Specials) -> Format {
        let mantissa_bits = 7 - exponent_bits;
        let last = match specials {
            Specials::Ieee => (((1 << exponent_bits) - 1) << mantissa_bits) - 1,
            Specials::OnesAreNan => 0x7e,
            Specials::MinusZeroIsNan => 0x7f,
        };
        Format {
            exponent_bits,
            mantissa_bits,
            bias,
            greatest: dtype::float8(last as u8, exponent_bits, bias, specials),
            beyond: if specials == Specials::Ieee { f32::INFINITY } else { f32::NAN },
            has_minus_zero: specials != Specials::MinusZeroIsNan,
        }
    }

    /// Rounded to even among the numbers of the format, those below the least normal one too.
    fn rounded(&self, x: &Tensor, beyond: Beyond) -> Tensor {
        let x = match beyond {
            Beyond::Saturates => x.clamp(-self.greatest, self.greatest),
            Beyond::IsLost => x.clone(),
        };
        debug_assert!(self.exponent_bits < 8, "exponents are those of f32 less some");
        // The exponent of each number in f32, and that of the last bit that the format has for it.
        let exponent = (x.bitcast(DType::U32) >> 23u32) & 0xffu32;
        let least = (1 - self.bias + 127) as u32;
        let unit =
            ((exponent.maximum(least).minimum(200u32) - self.mantissa_bits) << 23u32).bitcast(DType::F32);
        let found = (&x / &unit).round_even() * unit;
        let found = match beyond {
            Beyond::Saturates => found,
            Beyond::IsLost => {
                let lost = found.sign() * self.beyond;
                found.abs().gt(self.greatest).select(lost, &found)
            }
        };
        // Plus zero makes minus zero plus zero.
        let found = if self.has_minus_zero { found } else { found + 0.0f32 };
        x.is_nan().select(x, found)
    }
}

/// The tensor in the format of this number of ONNX's, which has no dtype of ours.
pub(super) fn narrowed(x: &Tensor, to: i32, beyond: Beyond, rounding: Rounding) -> Result<Tensor, Reason> {
    let float = || x.cast(DType::F32);
    Ok(match stored(to) {
        Some(Stored::Packed { bits, signed }) => wrapped(x, bits as u32, signed),
        Some(Stored::Float8 { exponent, bias, specials }) => {
            Format::of(exponent, bias, specials).rounded(&float(), beyond)
        }
        Some(Stored::Float4) => {
            let format = Format {
                exponent_bits: 2,
                mantissa_bits: 1,
                bias: 1,
                greatest: 6.0,
                beyond: 6.0,
                has_minus_zero: true,
            };
            let found = format.rounded(&float(), Beyond::Saturates);
            // There is no NaN.
            found.is_nan().select(0.0, found)
        }
        Some(Stored::PowerOfTwo) => power_of_two(&float(), beyond, rounding),
        _ => return Err(Reason::other(format!("{} is no dtype of few bits", dtype::name(to)))),
    })
}

/// The lowest bits of integers, with a sign or without.
fn wrapped(x: &Tensor, bits: u32, signed: bool) -> Tensor {
    let lowest = x.cast(DType::I32) << (32 - bits) as i32;
    match signed {
        true => (lowest >> (32 - bits) as i32).cast(DType::I8),
        false => (lowest.bitcast(DType::U32) >> (32 - bits)).cast(DType::U8),
    }
}

/// The exponent alone; that of what is no number is NaN, and there is no sign.
fn power_of_two(x: &Tensor, beyond: Beyond, rounding: Rounding) -> Tensor {
    let bits = x.bitcast(DType::U32);
    let exponent = (&bits >> 23u32) & 0xffu32;
    let fraction = &bits & 0x7f_ffffu32;
    let goes_up = match rounding {
        Rounding::Down => fraction.lt(0u32),
        Rounding::Up => fraction.gt(0u32),
        // Halves go up, but for those below the least normal number.
        Rounding::Nearest => fraction.gt(0x40_0000u32) | (fraction.eq(0x40_0000u32) & exponent.gt(0u32)),
    };
    let most = if beyond == Beyond::Saturates { 0xfeu32 } else { 0xffu32 };
    let moved = (&exponent + goes_up.cast(DType::U32)).minimum(most);
    let moved = exponent.eq(0xffu32).select(0xffu32, moved);
    let least = 0x40_0000u32;
    let power = moved.eq(0u32).select(least, &moved << 23u32).bitcast(DType::F32);
    moved.eq(0xffu32).select(f32::NAN, power)
}
