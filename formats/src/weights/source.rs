//! What the reader of a format gives: a table of what there is, and the tensors of it when they are asked for.

use tensorwright::Tensor;

use super::error::{Read, damaged};
use super::spec::WeightSpec;

/// A piece of text or a number that a file says of itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetadataValue {
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i128),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// Several values.
    List(Vec<MetadataValue>),
}

/// What there is in a file.
pub(super) struct Contents {
    /// Names, with what is known of each tensor, in any order. A tensor's place in this list is what its source knows it by.
    pub(super) table: Vec<(String, WeightSpec)>,
    /// What the file says of itself.
    pub(super) metadata: Vec<(String, MetadataValue)>,
    /// What reads the tensors.
    pub(super) source: Box<dyn Source>,
}

/// What reads the tensors of a table.
pub(super) trait Source: Send + Sync {
    /// The tensor at a place of the table: of its dtype, or the bytes of its blocks.
    fn tensor(&self, at: usize) -> Read<Tensor>;

    /// The strings at a place of the table.
    fn strings(&self, _at: usize) -> Read<Vec<Vec<u8>>> {
        damaged("it has no strings")
    }
}
