//! A signature as users read it: one leaf per tensor, static value and choice of structure, each with its path.

use std::fmt;

use tensorwright_ir::TensorType;

/// What one leaf of an argument is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeafValue {
    /// A tensor of this type.
    Tensor(TensorType),
    /// A plain Rust value.
    Static {
        /// Its Rust type.
        type_name: &'static str,
        /// The value as text.
        text: String,
    },
    /// A run-time choice of structure, such as `3 elements`, `None` or the name of an enum's variant.
    Structure(String),
}

impl fmt::Display for LeafValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeafValue::Tensor(ty) => ty.fmt(f),
            LeafValue::Static { type_name, text } => write!(f, "{text} ({type_name})"),
            LeafValue::Structure(text) => f.write_str(text),
        }
    }
}

/// One leaf of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Path of the leaf: `x`, `layers[2].w`, `1.0`; empty for a single unnamed argument.
    pub path: String,
    /// Tensor type, static value or structure of the leaf.
    pub value: LeafValue,
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => self.value.fmt(f),
            path => write!(f, "{path}: {}", self.value),
        }
    }
}

/// The leaves of an argument, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// The leaves.
    pub leaves: Vec<Leaf>,
}

impl Signature {
    /// Bytes that it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let leaf = |leaf: &Leaf| size_of::<Leaf>() + leaf.path.len();
        self.leaves.iter().map(leaf).sum()
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, leaf) in self.leaves.iter().enumerate() {
            write!(f, "{}{leaf}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}
