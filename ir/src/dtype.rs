//! Element types and the classes that type rules speak of.

use std::fmt;
use std::str::FromStr;

/// The type of one tensor element.
///
/// `f16` and `bf16` are storage types: arithmetic on them happens in `f32` and is rounded after each op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// `true` or `false`, one byte (1 or 0).
    Bool,
    /// Signed 8-bit integer.
    I8,
    /// Signed 16-bit integer.
    I16,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer.
    I64,
    /// Unsigned 8-bit integer.
    U8,
    /// Unsigned 16-bit integer.
    U16,
    /// Unsigned 32-bit integer.
    U32,
    /// Unsigned 64-bit integer.
    U64,
    /// IEEE 754 binary16.
    F16,
    /// The upper half of binary32.
    BF16,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
}

impl DType {
    /// Every element type, in the order of the enum.
    pub const ALL: [DType; 13] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
    ];

    /// Bytes that one element takes in memory.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 => 8,
        }
    }

    /// Bits that one element takes in memory.
    pub const fn bits(self) -> u32 {
        self.size() as u32 * 8
    }

    /// The name in the text form, as in Rust.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
        }
    }

    /// One of the four floating-point types.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }

    /// `i8` to `i64`.
    pub const fn is_signed_int(self) -> bool {
        matches!(self, DType::I8 | DType::I16 | DType::I32 | DType::I64)
    }

    /// `u8` to `u64`.
    pub const fn is_unsigned_int(self) -> bool {
        matches!(self, DType::U8 | DType::U16 | DType::U32 | DType::U64)
    }

    /// Any integer type, without `bool`.
    pub const fn is_int(self) -> bool {
        self.is_signed_int() || self.is_unsigned_int()
    }

    /// Anything but `bool`.
    pub const fn is_number(self) -> bool {
        !matches!(self, DType::Bool)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DType {
    type Err = UnknownDType;

    fn from_str(s: &str) -> Result<DType, UnknownDType> {
        DType::ALL.into_iter().find(|d| d.name() == s).ok_or_else(|| UnknownDType(s.to_owned()))
    }
}

/// A name that is no element type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown dtype `{0}`, expected one of bool, i8..i64, u8..u64, f16, bf16, f32, f64")]
pub struct UnknownDType(pub String);

/// The sets of dtypes that type rules accept; the text goes into error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DTypeClass {
    /// All dtypes.
    Any,
    /// All but bool.
    Number,
    /// Floating point.
    Float,
    /// Integers, signed or not.
    Int,
    /// Signed integers and floats.
    Signed,
    /// Integers and bool.
    Bits,
    /// bool alone.
    Bool,
    /// i32 or i64 and the unsigned types of the same sizes: what indexes may be.
    Index,
}

impl DTypeClass {
    /// Whether `dtype` belongs to the class.
    pub const fn contains(self, dtype: DType) -> bool {
        match self {
            DTypeClass::Any => true,
            DTypeClass::Number => dtype.is_number(),
            DTypeClass::Float => dtype.is_float(),
            DTypeClass::Int => dtype.is_int(),
            DTypeClass::Signed => dtype.is_float() || dtype.is_signed_int(),
            DTypeClass::Bits => dtype.is_int() || matches!(dtype, DType::Bool),
            DTypeClass::Bool => matches!(dtype, DType::Bool),
            DTypeClass::Index => matches!(dtype, DType::I32 | DType::I64 | DType::U32 | DType::U64),
        }
    }

    /// The members.
    pub fn members(self) -> impl Iterator<Item = DType> {
        DType::ALL.into_iter().filter(move |&d| self.contains(d))
    }

    /// How messages call the class.
    pub const fn describe(self) -> &'static str {
        match self {
            DTypeClass::Any => "any dtype",
            DTypeClass::Number => "a number dtype",
            DTypeClass::Float => "a float dtype",
            DTypeClass::Int => "an integer dtype",
            DTypeClass::Signed => "a signed integer or float dtype",
            DTypeClass::Bits => "an integer dtype or bool",
            DTypeClass::Bool => "bool",
            DTypeClass::Index => "i32, i64, u32 or u64",
        }
    }
}
