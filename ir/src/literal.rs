//! Tensors as plain values: constants in graphs, and what the reference evaluator computes with.

use std::fmt;
use std::hash::{Hash, Hasher};

use half::{bf16, f16};
use num_complex::Complex;

use crate::{DType, Scalar, Shape, TensorType};

/// A native Rust type that is a tensor element.
pub trait Element: Copy + Into<Scalar> + Send + Sync + 'static {
    /// Its dtype.
    const DTYPE: DType;

    /// The element out of a scalar of the same dtype; scalars of other dtypes are cast.
    fn from_scalar(scalar: Scalar) -> Self;
}

macro_rules! elements {
    ($($native:ty => $variant:ident),*) => {$(
        impl Element for $native {
            const DTYPE: DType = DType::$variant;
            fn from_scalar(scalar: Scalar) -> $native {
                match scalar.cast(DType::$variant) {
                    Scalar::$variant(v) => v,
                    _ => unreachable!("cast gives the dtype asked for"),
                }
            }
        }
    )*};
}
elements!(bool => Bool, i8 => I8, i16 => I16, i32 => I32, i64 => I64, u8 => U8, u16 => U16, u32 => U32, u64 => U64, f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, Complex<f32> => C64, Complex<f64> => C128);

/// A dense row-major tensor. Equality and hash go by type and bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Literal {
    ty: TensorType,
    /// Little-endian elements, row major.
    bytes: Vec<u8>,
}

impl Literal {
    /// A scalar.
    pub fn scalar(value: impl Into<Scalar>) -> Literal {
        let value = value.into();
        Literal::from_scalars(TensorType::scalar(value.dtype()), [value])
    }

    /// A tensor of `shape` with these elements, row major. `None` if their number is wrong.
    pub fn new<T: Element>(shape: impl Into<Shape>, elements: &[T]) -> Option<Literal> {
        let ty = TensorType::new(T::DTYPE, shape);
        (ty.elements() == elements.len())
            .then(|| Literal::from_scalars(ty, elements.iter().map(|&e| e.into())))
    }

    /// A tensor out of raw little-endian bytes. `None` if their number is wrong or a bool is neither 0 nor 1.
    pub fn from_bytes(ty: TensorType, bytes: Vec<u8>) -> Option<Literal> {
        let bools_fine = ty.dtype != DType::Bool || bytes.iter().all(|&b| b <= 1);
        (bytes.len() == ty.bytes() && bools_fine).then_some(Literal { ty, bytes })
    }

    /// A tensor of the given scalars, cast to the dtype of `ty`. Panics if their number is wrong: that is the caller's bug.
    pub fn from_scalars(ty: TensorType, scalars: impl IntoIterator<Item = Scalar>) -> Literal {
        let mut bytes = Vec::with_capacity(ty.bytes());
        for scalar in scalars {
            bytes.extend_from_slice(&scalar.cast(ty.dtype).le_bytes());
        }
        assert_eq!(bytes.len(), ty.bytes(), "number of elements of {ty}");
        Literal { ty, bytes }
    }

    /// A tensor whose element at flat index `i` is `f(i)`.
    pub fn from_fn(ty: TensorType, f: impl FnMut(usize) -> Scalar) -> Literal {
        let elements = ty.elements();
        Literal::from_scalars(ty, (0..elements).map(f))
    }

    /// A tensor with the same element everywhere.
    pub fn full(shape: impl Into<Shape>, value: impl Into<Scalar>) -> Literal {
        let value = value.into();
        Literal::from_fn(TensorType::new(value.dtype(), shape), |_| value)
    }

    /// The type of the literal.
    pub fn ty(&self) -> &TensorType {
        &self.ty
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.ty.elements()
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The element at a flat row-major index. Panics if out of range.
    pub fn get(&self, index: usize) -> Scalar {
        let width = self.ty.dtype.size();
        Scalar::from_le_bytes(self.ty.dtype, &self.bytes[index * width..(index + 1) * width])
    }

    /// All elements, row major.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Scalar> + DoubleEndedIterator + '_ {
        (0..self.len()).map(|i| self.get(i))
    }

    /// The elements as a native vector, or `None` if the dtype is another.
    pub fn to_vec<T: Element>(&self) -> Option<Vec<T>> {
        (self.ty.dtype == T::DTYPE).then(|| self.iter().map(T::from_scalar).collect())
    }

    /// The raw little-endian elements.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A literal of the same elements, under another shape. Panics if the number of elements differs.
    pub fn reshaped(&self, shape: impl Into<Shape>) -> Literal {
        let ty = self.ty.with_shape(shape);
        assert_eq!(ty.elements(), self.len(), "reshape keeps the number of elements");
        Literal { ty, bytes: self.bytes.clone() }
    }

    /// The real and the imaginary parts of a complex tensor, each of its shape.
    pub fn parts(&self) -> [Literal; 2] {
        [0, 1].map(|part| {
            let ty = self.ty.with_dtype(self.ty.dtype.part());
            Literal::from_scalars(ty, self.iter().map(|element| element.parts()[part]))
        })
    }

    /// The one element that all elements are (bit for bit), if there is one.
    pub fn splat(&self) -> Option<Scalar> {
        let width = self.ty.dtype.size();
        let first = self.bytes.get(..width)?;
        self.bytes.chunks_exact(width).all(|c| c == first).then(|| self.get(0))
    }
}

/// The elements, nested by axis: `1.5`, `[1.0, nan]`, `[[true], [false]]`.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_nested(f, |f, element| match element.dtype().is_complex() {
            true => {
                let [re, im] = element.parts();
                f.write_str("(")?;
                write_plain(f, re)?;
                f.write_str(", ")?;
                write_plain(f, im)?;
                f.write_str(")")
            }
            false => write_plain(f, element),
        })
    }
}

/// A real element, without the bits of NaNs.
fn write_plain(f: &mut fmt::Formatter<'_>, element: Scalar) -> fmt::Result {
    match element.dtype().is_float() && element.to_f64().is_nan() {
        true => f.write_str("nan"),
        false => write!(f, "{element}"),
    }
}

/// A literal as the text form has it: like its [`Display`](fmt::Display), with the bits of NaNs.
pub(crate) struct Exact<'l>(pub(crate) &'l Literal);

impl fmt::Display for Exact<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_nested(f, |f, element| write!(f, "{element}"))
    }
}

impl Literal {
    fn write_nested(
        &self,
        f: &mut fmt::Formatter<'_>,
        one: impl Fn(&mut fmt::Formatter<'_>, Scalar) -> fmt::Result,
    ) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("[]");
        }
        // After how many elements each axis closes, innermost first.
        let mut sizes: Vec<usize> = Vec::new();
        for size in self.ty.shape.dims().iter().rev().map(|dim| dim.size()) {
            sizes.push(sizes.last().unwrap_or(&1) * size);
        }
        let brackets = |at: usize| sizes.iter().filter(|&&size| at.is_multiple_of(size)).count();
        for (i, element) in self.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            f.write_str(&"[".repeat(brackets(i)))?;
            one(f, element)?;
            f.write_str(&"]".repeat(brackets(i + 1)))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.ty)?;
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A shared literal whose hash was computed once: what a `constant` op holds.
#[derive(Clone)]
pub struct LiteralRef {
    literal: std::sync::Arc<Literal>,
    hash: u64,
}

impl LiteralRef {
    /// The literal itself.
    pub fn literal(&self) -> &Literal {
        &self.literal
    }
}

impl From<Literal> for LiteralRef {
    fn from(literal: Literal) -> LiteralRef {
        let mut hasher = std::hash::DefaultHasher::new();
        literal.hash(&mut hasher);
        LiteralRef { literal: literal.into(), hash: hasher.finish() }
    }
}

impl std::ops::Deref for LiteralRef {
    type Target = Literal;

    fn deref(&self) -> &Literal {
        &self.literal
    }
}

impl PartialEq for LiteralRef {
    fn eq(&self, other: &LiteralRef) -> bool {
        std::sync::Arc::ptr_eq(&self.literal, &other.literal)
            || (self.hash == other.hash && self.literal == other.literal)
    }
}

impl Eq for LiteralRef {}

impl Hash for LiteralRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash.hash(state);
    }
}

impl fmt::Debug for LiteralRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.literal.fmt(f)
    }
}
