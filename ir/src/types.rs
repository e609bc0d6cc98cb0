//! Types of values: tensors, lists of tensors, tokens.

use std::fmt;

use crate::{DType, Shape};

/// The type of a tensor: dtype and shape, written `f32[4,8]`; a scalar is `f32[]`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// Type of each element.
    pub dtype: DType,
    /// Extents of the axes.
    pub shape: Shape,
}

impl TensorType {
    /// A tensor type.
    pub fn new(dtype: DType, shape: impl Into<Shape>) -> TensorType {
        TensorType { dtype, shape: shape.into() }
    }

    /// The type of a scalar.
    pub fn scalar(dtype: DType) -> TensorType {
        TensorType { dtype, shape: Shape::scalar() }
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape.rank()
    }

    /// Number of elements.
    pub fn elements(&self) -> usize {
        self.shape.elements()
    }

    /// Bytes that a dense tensor of this type takes.
    pub fn bytes(&self) -> usize {
        self.elements() * self.dtype.size()
    }

    /// A type of the same shape with another dtype.
    pub fn with_dtype(&self, dtype: DType) -> TensorType {
        TensorType { dtype, shape: self.shape.clone() }
    }

    /// A type of the same dtype with another shape.
    pub fn with_shape(&self, shape: impl Into<Shape>) -> TensorType {
        TensorType { dtype: self.dtype, shape: shape.into() }
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}

impl fmt::Debug for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The type of a value of a graph.
///
/// Ordinary ops take and give tensors alone. Lists and tokens are for control flow and for the ops that are about them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Type {
    /// A tensor, written `f32[4,8]`.
    Tensor(TensorType),
    /// Any number of tensors of one type, the rows, written `list<f32[4,8]>`. There are no lists of lists.
    List(TensorType),
    /// A place in an order of effects, written `token`. It carries no data: an effect takes the token of the effect before it
    /// and gives one to the effect after it.
    Token,
}

impl Type {
    /// Bytes of a handle to a list.
    pub const HANDLE_BYTES: usize = 8;

    /// The type as that of a tensor, if it is one.
    pub fn as_tensor(&self) -> Option<&TensorType> {
        match self {
            Type::Tensor(ty) => Some(ty),
            Type::List(_) | Type::Token => None,
        }
    }

    /// The type of the rows, if this is that of a list.
    pub fn as_list(&self) -> Option<&TensorType> {
        match self {
            Type::List(row) => Some(row),
            Type::Tensor(_) | Type::Token => None,
        }
    }

    /// The type as that of a tensor. Panics if it is none: where it may be none, match on it.
    #[track_caller]
    pub fn tensor(&self) -> &TensorType {
        match self {
            Type::Tensor(ty) => ty,
            Type::List(_) | Type::Token => panic!("a {self} is no tensor"),
        }
    }

    /// The type of the rows. Panics if this is not the type of a list: where it may not be, match on it.
    #[track_caller]
    pub fn list(&self) -> &TensorType {
        match self {
            Type::List(row) => row,
            Type::Tensor(_) | Type::Token => panic!("a {self} is no list"),
        }
    }

    /// Whether a value of this type has a derivative: tensors and lists of floats and of complex numbers do.
    pub fn is_differentiable(&self) -> bool {
        match self {
            Type::Tensor(ty) | Type::List(ty) => ty.dtype.is_differentiable(),
            Type::Token => false,
        }
    }

    /// Number of elements of a tensor; a list counts as one, its handle, and a token as none.
    pub fn elements(&self) -> usize {
        match self {
            Type::Tensor(ty) => ty.elements(),
            Type::List(_) => 1,
            Type::Token => 0,
        }
    }

    /// Bytes that a value of this type takes in memory: a dense tensor its elements, a list a handle, a token nothing.
    pub fn bytes(&self) -> usize {
        match self {
            Type::Tensor(ty) => ty.bytes(),
            Type::List(_) => Type::HANDLE_BYTES,
            Type::Token => 0,
        }
    }
}

impl From<TensorType> for Type {
    fn from(ty: TensorType) -> Type {
        Type::Tensor(ty)
    }
}

impl From<&TensorType> for Type {
    fn from(ty: &TensorType) -> Type {
        Type::Tensor(ty.clone())
    }
}

impl PartialEq<TensorType> for Type {
    fn eq(&self, other: &TensorType) -> bool {
        self.as_tensor() == Some(other)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Tensor(ty) => ty.fmt(f),
            Type::List(row) => write!(f, "list<{row}>"),
            Type::Token => f.write_str("token"),
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
