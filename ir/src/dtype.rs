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
    /// A complex number of two `f32`: real part, imaginary part.
    C64,
    /// A complex number of two `f64`: real part, imaginary part.
    C128,
}

impl DType {
    /// Every element type, in the order of the enum.
    pub const ALL: [DType; 15] = [
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
        DType::C64,
        DType::C128,
    ];

    /// The element types that machine code computes with: all but the complex ones, which the compiler takes apart.
    pub const REAL: [DType; 13] = [
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
            DType::I64 | DType::U64 | DType::F64 | DType::C64 => 8,
            DType::C128 => 16,
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
            DType::C64 => "c64",
            DType::C128 => "c128",
        }
    }

    /// One of the four floating-point types.
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::BF16 | DType::F32 | DType::F64)
    }

    /// One of the two complex types.
    pub const fn is_complex(self) -> bool {
        matches!(self, DType::C64 | DType::C128)
    }

    /// Whether values have derivatives: floats and complex numbers do.
    pub const fn is_differentiable(self) -> bool {
        self.is_float() || self.is_complex()
    }

    /// The dtype of the parts of a complex number, and of its magnitude; a real dtype itself.
    pub const fn part(self) -> DType {
        match self {
            DType::C64 => DType::F32,
            DType::C128 => DType::F64,
            real => real,
        }
    }

    /// The widest dtype of the kind, in which floats and complex numbers are added up; other dtypes themselves.
    pub const fn widest(self) -> DType {
        match self {
            DType::F16 | DType::BF16 | DType::F32 => DType::F64,
            DType::C64 => DType::C128,
            other => other,
        }
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

    /// Anything but `bool`, complex numbers among them.
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
#[error("unknown dtype `{0}`, expected one of bool, i8..i64, u8..u64, f16, bf16, f32, f64, c64, c128")]
pub struct UnknownDType(pub String);

/// The sets of dtypes that type rules accept; the text goes into error messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DTypeClass {
    /// All dtypes.
    Any,
    /// All but the complex dtypes: what has an order.
    Ordered,
    /// All but bool.
    Number,
    /// Integers and floats.
    Real,
    /// Floating point or complex.
    Inexact,
    /// Complex numbers.
    Complex,
    /// Floating point.
    Float,
    /// Integers, signed or not.
    Int,
    /// Signed integers and floats.
    Signed,
    /// Signed integers, floats and complex numbers.
    Additive,
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
            DTypeClass::Ordered => !dtype.is_complex(),
            DTypeClass::Number => dtype.is_number(),
            DTypeClass::Real => dtype.is_number() && !dtype.is_complex(),
            DTypeClass::Inexact => dtype.is_differentiable(),
            DTypeClass::Complex => dtype.is_complex(),
            DTypeClass::Float => dtype.is_float(),
            DTypeClass::Int => dtype.is_int(),
            DTypeClass::Signed => dtype.is_float() || dtype.is_signed_int(),
            DTypeClass::Additive => dtype.is_differentiable() || dtype.is_signed_int(),
            DTypeClass::Bits => dtype.is_int() || matches!(dtype, DType::Bool),
            DTypeClass::Bool => matches!(dtype, DType::Bool),
            DTypeClass::Index => matches!(dtype, DType::I32 | DType::I64 | DType::U32 | DType::U64),
        }
    }

    /// The members that are real, or the complex ones if there are no others: what samples are drawn from. Complex samples grow from complex
    /// hints.
    pub fn members(self) -> impl Iterator<Item = DType> {
        let members = DType::ALL.into_iter().filter(move |d| d.is_complex() == (self == DTypeClass::Complex));
        members.filter(move |&d| self.contains(d))
    }

    /// How messages call the class.
    pub const fn describe(self) -> &'static str {
        match self {
            DTypeClass::Any => "any dtype",
            DTypeClass::Ordered => "any dtype but c64 and c128",
            DTypeClass::Number => "a number dtype",
            DTypeClass::Real => "an integer or float dtype",
            DTypeClass::Inexact => "a float or complex dtype",
            DTypeClass::Complex => "c64 or c128",
            DTypeClass::Float => "a float dtype",
            DTypeClass::Int => "an integer dtype",
            DTypeClass::Signed => "a signed integer or float dtype",
            DTypeClass::Additive => "a signed integer, float or complex dtype",
            DTypeClass::Bits => "an integer dtype or bool",
            DTypeClass::Bool => "bool",
            DTypeClass::Index => "i32, i64, u32 or u64",
        }
    }
}
