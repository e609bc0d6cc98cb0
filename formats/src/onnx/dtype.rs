//! ONNX's numbers of dtypes.

use tensorwright::DType;

use super::error::Reason;

/// The number of strings.
pub(crate) const STRING: i32 = 8;

/// How the elements of a dtype lie in a file, and what they become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// As those of a dtype of ours.
    Plain(DType),
    /// Integers of so many bits, packed from the lowest bit of each byte on, which become i8 or u8.
    Packed { bits: usize, signed: bool },
    /// Numbers of 8 bits: sign, so many bits of the exponent, of the mantissa, and what the greatest exponent stands for. They become f32.
    Float8 { exponent: u32, bias: i32, specials: Specials },
    /// Numbers of 4 bits, e2m1, two in a byte, which become f32.
    Float4,
    /// Powers of two, which become f32.
    PowerOfTwo,
}

/// Which numbers of 8 bits are no numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Specials {
    /// Infinities and NaN, as in IEEE 754.
    Ieee,
    /// All ones is NaN, and there is no infinity.
    OnesAreNan,
    /// Minus zero is NaN, and there is no infinity.
    MinusZeroIsNan,
}

/// How elements of ONNX's dtype lie in a file; `None` for strings and numbers that stand for nothing.
pub(crate) fn stored(number: i32) -> Option<Stored> {
    let plain = |dtype| Some(Stored::Plain(dtype));
    let float8 = |exponent, bias, specials| Some(Stored::Float8 { exponent, bias, specials });
    match number {
        1 => plain(DType::F32),
        2 => plain(DType::U8),
        3 => plain(DType::I8),
        4 => plain(DType::U16),
        5 => plain(DType::I16),
        6 => plain(DType::I32),
        7 => plain(DType::I64),
        9 => plain(DType::Bool),
        10 => plain(DType::F16),
        11 => plain(DType::F64),
        12 => plain(DType::U32),
        13 => plain(DType::U64),
        14 => plain(DType::C64),
        15 => plain(DType::C128),
        16 => plain(DType::BF16),
        17 => float8(4, 7, Specials::OnesAreNan),
        18 => float8(4, 8, Specials::MinusZeroIsNan),
        19 => float8(5, 15, Specials::Ieee),
        20 => float8(5, 16, Specials::MinusZeroIsNan),
        21 => Some(Stored::Packed { bits: 4, signed: false }),
        22 => Some(Stored::Packed { bits: 4, signed: true }),
        23 => Some(Stored::Float4),
        24 => Some(Stored::PowerOfTwo),
        25 => Some(Stored::Packed { bits: 2, signed: false }),
        26 => Some(Stored::Packed { bits: 2, signed: true }),
        _ => None,
    }
}

/// Whether elements are numbers of a format that no dtype of ours has.
pub(crate) fn is_narrow(number: i32) -> bool {
    !matches!(stored(number), None | Some(Stored::Plain(_)))
}

/// The dtype of ours of the same elements.
pub(crate) fn dtype(number: i32) -> Result<DType, Reason> {
    match stored(number) {
        Some(Stored::Plain(dtype)) => Ok(dtype),
        Some(_) => Err(Reason::other(format!("there are no tensors of {}", name(number)))),
        None => Err(Reason::other(format!("{} is no dtype of tensors of numbers", name(number)))),
    }
}

/// The number of a dtype.
pub(crate) fn number(dtype: DType) -> i32 {
    (1..=16).find(|&n| stored(n) == Some(Stored::Plain(dtype))).unwrap_or(0)
}

/// ONNX's name of a dtype.
pub(crate) fn name(number: i32) -> String {
    const NAMES: [&str; 27] = [
        "undefined",
        "float",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "double",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
        "float8e4m3fn",
        "float8e4m3fnuz",
        "float8e5m2",
        "float8e5m2fnuz",
        "uint4",
        "int4",
        "float4e2m1",
        "float8e8m0",
        "uint2",
        "int2",
    ];
    let known = usize::try_from(number).ok().and_then(|number| NAMES.get(number));
    known.map_or_else(|| format!("dtype {number}"), |&name| name.to_owned())
}

/// A number of 8 bits.
pub(crate) fn float8(bits: u8, exponent_bits: u32, bias: i32, specials: Specials) -> f32 {
    let mantissa_bits = 7 - exponent_bits;
    let sign = if bits & 0x80 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from(bits >> mantissa_bits & ((1 << exponent_bits) - 1));
    let mantissa = f32::from(bits & ((1 << mantissa_bits) - 1));
    let unit = (1 << mantissa_bits) as f32;
    let greatest = (1 << exponent_bits) - 1;
    match specials {
        Specials::Ieee if exponent == greatest && mantissa == 0.0 => return sign * f32::INFINITY,
        Specials::Ieee if exponent == greatest => return f32::NAN,
        Specials::OnesAreNan if bits & 0x7f == 0x7f => return f32::NAN,
        Specials::MinusZeroIsNan if bits == 0x80 => return f32::NAN,
        _ => {}
    }
    let (scale, whole) = if exponent == 0 { (1 - bias, 0.0) } else { (exponent - bias, 1.0) };
    sign * (whole + mantissa / unit) * (scale as f32).exp2()
}

/// A number of 4 bits, e2m1.
pub(crate) fn float4(bits: u8) -> f32 {
    const SIZES: [f32; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
    let size = SIZES[usize::from(bits & 7)];
    if bits & 8 == 0 { size } else { -size }
}
