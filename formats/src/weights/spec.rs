//! What a file says of a tensor before it is read.

use std::fmt;

use tensorwright::{BlockLayout, DType, Shape, TensorType};

use super::error::{Damage, Read, damaged};

/// What the elements of a tensor in a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WeightDtype {
    /// Elements of a dtype.
    Plain(DType),
    /// Strings of bytes: [`Weights::strings`](super::Weights::strings) reads them.
    Strings,
    /// Blocks of quantised numbers, which are read as bytes; [`Weights::dequantized`](super::Weights::dequantized) reads the numbers.
    Blocks(BlockLayout),
    /// Elements that are listed and cannot be read, by the format's own word for them.
    Other(String),
}

impl fmt::Display for WeightDtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WeightDtype::Plain(dtype) => dtype.fmt(f),
            WeightDtype::Strings => f.write_str("string"),
            WeightDtype::Blocks(layout) => f.write_str(layout.word()),
            WeightDtype::Other(word) => f.write_str(word),
        }
    }
}

/// A tensor in a file: its dtype, its shape, and the bytes that it takes there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSpec {
    /// What its elements are.
    pub dtype: WeightDtype,
    /// Its shape, in numbers, also where these are in blocks.
    pub shape: Shape,
    /// The bytes of its elements in the file, unpacked.
    pub bytes: u64,
}

impl WeightSpec {
    /// One of a dtype, whose bytes follow from its shape.
    pub(super) fn plain(ty: &TensorType) -> WeightSpec {
        let bytes = ty.bytes() as u64;
        WeightSpec { dtype: WeightDtype::Plain(ty.dtype), shape: ty.shape.clone(), bytes }
    }

    /// The type of the tensor that [`Weights::read`](super::Weights::read) gives: bytes for blocks, nothing for what it does not read.
    pub fn ty(&self) -> Option<TensorType> {
        match &self.dtype {
            WeightDtype::Plain(dtype) => Some(TensorType { dtype: *dtype, shape: self.shape.clone() }),
            WeightDtype::Blocks(layout) => {
                let mut sizes = self.shape.sizes();
                let last = sizes.last_mut()?;
                *last = *last / layout.length() * layout.bytes();
                Some(TensorType::new(DType::U8, &sizes[..]))
            }
            WeightDtype::Strings | WeightDtype::Other(_) => None,
        }
    }
}

impl fmt::Display for WeightSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

/// The shape of these extents, if a tensor may have it.
pub(super) fn shape<N: TryInto<usize> + Copy + fmt::Debug>(extents: &[N]) -> Read<Shape> {
    let refused = || Damage::new(format!("no tensor has the extents {extents:?}"));
    if extents.len() > Shape::MAX_RANK {
        return damaged(format!("it has {} axes, a tensor at most {}", extents.len(), Shape::MAX_RANK));
    }
    let sizes: Option<Vec<usize>> = extents.iter().map(|&extent| extent.try_into().ok()).collect();
    let shape = Shape::from(sizes.ok_or_else(refused)?);
    if shape.check() { Ok(shape) } else { Err(refused()) }
}

/// The type of these extents, if its bytes can be counted.
pub(super) fn plain_type(dtype: DType, shape: &Shape) -> Read<TensorType> {
    match shape.elements().checked_mul(dtype.size()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(TensorType { dtype, shape: shape.clone() }),
        _ => damaged(format!("no tensor is as large as {dtype}{shape}")),
    }
}
