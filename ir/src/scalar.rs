//! One element of a tensor, with its dtype.

use std::fmt;
use std::hash::{Hash, Hasher};

use half::{bf16, f16};
use num_complex::Complex;
use smallvec::SmallVec;

use crate::DType;

/// One element. Equality and hash go by dtype and bits: `0.0` and `-0.0` differ, a NaN equals itself.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "one variant per dtype, nothing to add")]
pub enum Scalar {
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    F16(f16),
    BF16(bf16),
    F32(f32),
    F64(f64),
    C64(Complex<f32>),
    C128(Complex<f64>),
}

impl Scalar {
    /// The dtype of the element.
    pub fn dtype(self) -> DType {
        match self {
            Scalar::Bool(_) => DType::Bool,
            Scalar::I8(_) => DType::I8,
            Scalar::I16(_) => DType::I16,
            Scalar::I32(_) => DType::I32,
            Scalar::I64(_) => DType::I64,
            Scalar::U8(_) => DType::U8,
            Scalar::U16(_) => DType::U16,
            Scalar::U32(_) => DType::U32,
            Scalar::U64(_) => DType::U64,
            Scalar::F16(_) => DType::F16,
            Scalar::BF16(_) => DType::BF16,
            Scalar::F32(_) => DType::F32,
            Scalar::F64(_) => DType::F64,
            Scalar::C64(_) => DType::C64,
            Scalar::C128(_) => DType::C128,
        }
    }

    /// The bits of a real element, zero-extended. Panics on a complex number, whose [`parts`](Scalar::parts) have bits: that is the caller's
    /// bug.
    pub fn bits(self) -> u64 {
        match self {
            Scalar::Bool(v) => u64::from(v),
            Scalar::I8(v) => u64::from(v as u8),
            Scalar::I16(v) => u64::from(v as u16),
            Scalar::I32(v) => u64::from(v as u32),
            Scalar::I64(v) => v as u64,
            Scalar::U8(v) => u64::from(v),
            Scalar::U16(v) => u64::from(v),
            Scalar::U32(v) => u64::from(v),
            Scalar::U64(v) => v,
            Scalar::F16(v) => u64::from(v.to_bits()),
            Scalar::BF16(v) => u64::from(v.to_bits()),
            Scalar::F32(v) => u64::from(v.to_bits()),
            Scalar::F64(v) => v.to_bits(),
            Scalar::C64(_) | Scalar::C128(_) => panic!("a complex number has two parts with bits"),
        }
    }

    /// The bytes in memory, little-endian.
    pub fn le_bytes(self) -> SmallVec<[u8; 16]> {
        let part = |x: Scalar| x.bits().to_le_bytes().into_iter().take(x.dtype().size());
        match self.dtype().is_complex() {
            true => self.parts().into_iter().flat_map(part).collect(),
            false => part(self).collect(),
        }
    }

    /// The element of `dtype` with these bytes, little-endian. Panics if their number is wrong: that is the caller's bug.
    pub fn from_le_bytes(dtype: DType, bytes: &[u8]) -> Scalar {
        assert_eq!(bytes.len(), dtype.size(), "bytes of an element of {dtype}");
        if dtype.is_complex() {
            let (re, im) = bytes.split_at(bytes.len() / 2);
            let part = |bytes| Scalar::from_le_bytes(dtype.part(), bytes);
            return Scalar::complex(part(re), part(im));
        }
        let mut bits = [0u8; 8];
        bits[..bytes.len()].copy_from_slice(bytes);
        Scalar::from_bits(dtype, u64::from_le_bytes(bits))
    }

    /// The complex number with these parts: of f32 if the real part is, else of f64.
    pub fn complex(re: Scalar, im: Scalar) -> Scalar {
        match (re, im) {
            (Scalar::F32(re), Scalar::F32(im)) => Scalar::C64(Complex::new(re, im)),
            _ => Scalar::C128(Complex::new(re.to_f64(), im.to_f64())),
        }
    }

    /// Real and imaginary part, of the dtype of parts; a real element and 0.
    pub fn parts(self) -> [Scalar; 2] {
        match self {
            Scalar::C64(z) => [Scalar::F32(z.re), Scalar::F32(z.im)],
            Scalar::C128(z) => [Scalar::F64(z.re), Scalar::F64(z.im)],
            real => [real, Scalar::zero(real.dtype())],
        }
    }

    /// The complex number of `dtype` nearest to `value`; of a real dtype its real part, as in [`Scalar::from_f64`].
    pub fn from_c128(dtype: DType, value: Complex<f64>) -> Scalar {
        match dtype {
            DType::C64 => Scalar::C64(Complex::new(value.re as f32, value.im as f32)),
            DType::C128 => Scalar::C128(value),
            real => Scalar::from_f64(real, value.re),
        }
    }

    /// The value as a complex number of f64, exact but for 64-bit integers.
    pub fn to_c128(self) -> Complex<f64> {
        match self {
            Scalar::C64(z) => Complex::new(z.re.into(), z.im.into()),
            Scalar::C128(z) => z,
            real => Complex::new(real.to_f64(), 0.0),
        }
    }

    /// The element of a real `dtype` with these bits; higher bits are ignored. Panics if it is complex: that is the caller's bug.
    pub fn from_bits(dtype: DType, bits: u64) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(bits & 1 == 1),
            DType::I8 => Scalar::I8(bits as i8),
            DType::I16 => Scalar::I16(bits as i16),
            DType::I32 => Scalar::I32(bits as i32),
            DType::I64 => Scalar::I64(bits as i64),
            DType::U8 => Scalar::U8(bits as u8),
            DType::U16 => Scalar::U16(bits as u16),
            DType::U32 => Scalar::U32(bits as u32),
            DType::U64 => Scalar::U64(bits),
            DType::F16 => Scalar::F16(f16::from_bits(bits as u16)),
            DType::BF16 => Scalar::BF16(bf16::from_bits(bits as u16)),
            DType::F32 => Scalar::F32(f32::from_bits(bits as u32)),
            DType::F64 => Scalar::F64(f64::from_bits(bits)),
            DType::C64 | DType::C128 => panic!("a complex number has two parts with bits"),
        }
    }

    /// The float of `dtype` nearest to `value` (f16 and bf16 round twice, through f32, as they compute in f32); for integer
    /// dtypes the value saturated and truncated, NaN as 0; for bool whether it is not zero.
    pub fn from_f64(dtype: DType, value: f64) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(value != 0.0),
            DType::I8 => Scalar::I8(value as i8),
            DType::I16 => Scalar::I16(value as i16),
            DType::I32 => Scalar::I32(value as i32),
            DType::I64 => Scalar::I64(value as i64),
            DType::U8 => Scalar::U8(value as u8),
            DType::U16 => Scalar::U16(value as u16),
            DType::U32 => Scalar::U32(value as u32),
            DType::U64 => Scalar::U64(value as u64),
            DType::F16 => Scalar::F16(f16::from_f32(value as f32)),
            DType::BF16 => Scalar::BF16(bf16::from_f32(value as f32)),
            DType::F32 => Scalar::F32(value as f32),
            DType::F64 => Scalar::F64(value),
            DType::C64 => Scalar::C64(Complex::new(value as f32, 0.0)),
            DType::C128 => Scalar::C128(Complex::new(value, 0.0)),
        }
    }

    /// The integer `value` wrapped into `dtype`; for floats the nearest (f16 and bf16 through f32); for bool whether it is not zero.
    pub fn from_i128(dtype: DType, value: i128) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(value != 0),
            DType::F16 => Scalar::F16(f16::from_f32(value as f32)),
            DType::BF16 => Scalar::BF16(bf16::from_f32(value as f32)),
            DType::F32 => Scalar::F32(value as f32),
            DType::F64 => Scalar::F64(value as f64),
            DType::C64 => Scalar::C64(Complex::new(value as f32, 0.0)),
            DType::C128 => Scalar::C128(Complex::new(value as f64, 0.0)),
            _ => Scalar::from_bits(dtype, value as u64),
        }
    }

    /// Whether the value is true, or not 0; NaN is not 0.
    pub fn to_bool(self) -> bool {
        self.cast(DType::Bool) == Scalar::Bool(true)
    }

    /// The value as `f64`: exact for all real dtypes but 64-bit integers, which round to nearest. Of a complex number the real part.
    pub fn to_f64(self) -> f64 {
        match self {
            Scalar::F16(v) => v.to_f64(),
            Scalar::BF16(v) => v.to_f64(),
            Scalar::F32(v) => f64::from(v),
            Scalar::F64(v) => v,
            Scalar::C64(z) => f64::from(z.re),
            Scalar::C128(z) => z.re,
            _ => self.to_i128() as f64,
        }
    }

    /// The value as an integer: exact for integers and bool; floats, and real parts of complex numbers, truncate towards zero, NaN is 0.
    pub fn to_i128(self) -> i128 {
        match self {
            Scalar::Bool(v) => i128::from(v),
            Scalar::I8(v) => i128::from(v),
            Scalar::I16(v) => i128::from(v),
            Scalar::I32(v) => i128::from(v),
            Scalar::I64(v) => i128::from(v),
            Scalar::U8(v) => i128::from(v),
            Scalar::U16(v) => i128::from(v),
            Scalar::U32(v) => i128::from(v),
            Scalar::U64(v) => i128::from(v),
            Scalar::F16(_)
            | Scalar::BF16(_)
            | Scalar::F32(_)
            | Scalar::F64(_)
            | Scalar::C64(_)
            | Scalar::C128(_) => self.to_f64() as i128,
        }
    }

    /// Whether the value is true or not zero (NaN counts as not zero).
    pub fn is_truthy(self) -> bool {
        match self.dtype() {
            dtype if dtype.is_complex() => self.to_c128() != Complex::ZERO,
            dtype if dtype.is_float() => self.to_f64() != 0.0,
            _ => self.to_i128() != 0,
        }
    }

    /// The value converted to `dtype` by the rules of the `cast` op: floats to integers saturate and truncate, integers wrap,
    /// f64 and integers reach f16 and bf16 through f32, to bool is `x != 0`. Complex numbers to real ones lose their imaginary parts.
    pub fn cast(self, dtype: DType) -> Scalar {
        if self.dtype() == dtype {
            self
        } else if self.dtype().is_complex() && (dtype.is_complex() || dtype == DType::Bool) {
            match dtype {
                DType::Bool => Scalar::Bool(self.is_truthy()),
                _ => Scalar::from_c128(dtype, self.to_c128()),
            }
        } else if self.dtype().is_float() || self.dtype().is_complex() {
            Scalar::from_f64(dtype, self.to_f64())
        } else {
            Scalar::from_i128(dtype, self.to_i128())
        }
    }

    /// The element 0 of `dtype`.
    pub fn zero(dtype: DType) -> Scalar {
        Scalar::from_i128(dtype, 0)
    }

    /// The element 1 of `dtype`.
    pub fn one(dtype: DType) -> Scalar {
        Scalar::from_i128(dtype, 1)
    }

    /// The lowest element of `dtype`: minus infinity for floats, `false` for bool.
    pub fn lowest(dtype: DType) -> Scalar {
        match dtype {
            _ if dtype.is_float() => Scalar::from_f64(dtype, f64::NEG_INFINITY),
            _ if dtype.is_signed_int() => Scalar::from_i128(dtype, -(1i128 << (dtype.bits() - 1))),
            _ => Scalar::zero(dtype),
        }
    }

    /// The highest element of `dtype`: infinity for floats, `true` for bool.
    pub fn highest(dtype: DType) -> Scalar {
        match dtype {
            DType::Bool => Scalar::Bool(true),
            _ if dtype.is_float() => Scalar::from_f64(dtype, f64::INFINITY),
            _ if dtype.is_signed_int() => Scalar::from_i128(dtype, (1i128 << (dtype.bits() - 1)) - 1),
            _ => Scalar::from_i128(dtype, (1i128 << dtype.bits()) - 1),
        }
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Scalar) -> bool {
        self.dtype() == other.dtype() && self.le_bytes() == other.le_bytes()
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dtype().hash(state);
        self.le_bytes().hash(state);
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}{}", self.dtype())
    }
}

/// Floats print so that they read back to the same bits: shortest decimal, `inf`, `-inf`, and NaNs with their payload. Complex numbers are their
/// parts: `(1.0, -2.0)`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Scalar::Bool(v) => v.fmt(f),
            Scalar::C64(_) | Scalar::C128(_) => {
                let [re, im] = self.parts();
                write!(f, "({re}, {im})")
            }
            _ if !self.dtype().is_float() => self.to_i128().fmt(f),
            _ if self.to_f64().is_nan() => write!(f, "nan:{:#x}", self.bits()),
            Scalar::F16(v) => write!(f, "{:?}", v.to_f32()),
            Scalar::BF16(v) => write!(f, "{:?}", v.to_f32()),
            Scalar::F32(v) => write!(f, "{v:?}"),
            Scalar::F64(v) => write!(f, "{v:?}"),
            _ => self.to_i128().fmt(f),
        }
    }
}

macro_rules! from_native {
    ($($native:ty => $variant:ident),*) => {$(
        impl From<$native> for Scalar {
            fn from(value: $native) -> Scalar { Scalar::$variant(value) }
        }
    )*};
}
from_native!(bool => Bool, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, Complex<f32> => C64, Complex<f64> => C128);

/// The 64-bit numbers that they are.
impl From<usize> for Scalar {
    fn from(value: usize) -> Scalar {
        Scalar::U64(value as u64)
    }
}

impl From<isize> for Scalar {
    fn from(value: isize) -> Scalar {
        Scalar::I64(value as i64)
    }
}
